//! The fields of a struct or of a variant: described, measured, written and read.
//!
//! Neighbouring fields of fixed size become one run: one array that is appended at once, one check
//! of the length before they are read.

use super::{notes, respan};
use crate::model::{Field, Quantised, Shape};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Member};

/// Where the values are while they are written.
#[derive(Clone, Copy)]
pub(super) enum Access {
    /// In `self`.
    Itself,
    /// In variables that refer to the fields of a variant.
    Bound,
}

/// The fields of one struct or variant.
pub(super) struct Fields<'a> {
    private: &'a TokenStream,
    /// Sets the names of its constants apart from those of other variants.
    prefix: String,
    shape: Shape,
    fields: &'a [Field<'a>],
    access: Access,
    /// The table of the fields, for the errors of a run.
    table: TokenStream,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        private: &'a TokenStream,
        prefix: &str,
        shape: Shape,
        fields: &'a [Field<'a>],
        access: Access,
        table: TokenStream,
    ) -> Self {
        Fields { private, prefix: prefix.to_owned(), shape, fields, access, table }
    }

    /// The items that the other code refers to: lengths of runs, quantisations, defaults.
    pub(super) fn items(&self) -> TokenStream {
        let private = self.private;
        let runs = self.steps().into_iter().filter_map(|step| match step {
            Step::Run(at, run) => {
                let length = self.constant("RUN", at);
                let sizes = run.iter().zip(at..).map(|(field, at)| {
                    let wire = self.wire(at, field);
                    quote!(#wire::FIXED_SIZE)
                });
                Some(quote!(const #length: #private::usize = #private::run_length(&[#(#sizes),*]);))
            }
            Step::One(..) => None,
        });
        let others = self.fields.iter().enumerate().map(|(at, field)| {
            let quantiser = field.quantised.as_ref().map(|quantised| self.quantiser(at, field, quantised));
            let default = field.later.as_ref().map(|later| {
                let (default, ty) = (self.function("default", at), field.ty);
                let value = match &later.default {
                    Some(value) => value.clone(),
                    None => quote_spanned!(ty.span()=> <#ty as #private::Default>::default()),
                };
                let (bytes, wire) = (self.function("default_bytes", at), self.wire(at, field));
                let written = match &field.quantised {
                    Some(_) => {
                        let ty = self.wire_type(at, field);
                        quote!(<#ty>::new(#default()))
                    }
                    None => quote!(#default()),
                };
                quote! {
                    fn #default() -> #ty { #value }
                    fn #bytes() -> #private::Vec<#private::u8> {
                        let mut out = #private::Vec::new();
                        #wire::write(&#written, &mut out);
                        out
                    }
                }
            });
            quote!(#quantiser #default)
        });
        quote!(#(#runs)* #(#others)*)
    }

    fn quantiser(&self, at: usize, field: &Field<'_>, quantised: &Quantised) -> TokenStream {
        let (private, ty) = (self.private, field.ty);
        let quantiser = self.constant("Quantiser", at);
        let Quantised { float, number, min, max } = quantised;
        let (float, number) = (format_ident!("{float}"), format_ident!("{number}"));
        quote! {
            #[allow(non_camel_case_types)]
            struct #quantiser;
            impl #private::Quantiser for #quantiser {
                type Float = #ty;
                const QUANTISATION: #private::Quantisation = #private::Quantisation {
                    float: #private::Number::#float,
                    number: #private::Number::#number,
                    min: #min,
                    max: #max,
                };
            }
        }
    }

    /// The expression of the table of fields; with their fingerprints, where `depth` looks into their
    /// types.
    pub(super) fn describe(&self, depth: Option<&TokenStream>) -> TokenStream {
        let private = self.private;
        let fields = self.fields.iter().enumerate().map(|(at, field)| {
            let (name, wire) = (&field.name, self.wire(at, field));
            let notes = notes(&field.doc, field.deprecated);
            let since = field.later.as_ref().map(|later| {
                let (since, bytes) = (later.since, self.function("default_bytes", at));
                quote!(.with_since(#since, #bytes))
            });
            let prints = depth.map(|depth| {
                let (layout, names) = (self.print(at, depth, "LAYOUT"), self.print(at, depth, "NAMES"));
                quote!(.with_fingerprints(#layout, #names))
            });
            quote!(#private::Field::with_type(#name, #wire::TYPE_REF)#notes #since #prints)
        });
        quote!(&[#(#fields),*])
    }

    /// The expression of the layout, whose fields are in `table`.
    pub(super) fn layout(&self, table: &TokenStream) -> TokenStream {
        let private = self.private;
        let shape = match self.shape {
            Shape::Named => quote!(Named),
            Shape::Tuple => quote!(Tuple),
        };
        quote!(#private::Layout::new(#private::Shape::#shape, #table))
    }

    /// The fingerprints: of the bytes, and of the names as well. `depth` looks into the types.
    pub(super) fn prints(&self, depth: &TokenStream) -> (TokenStream, TokenStream) {
        let private = self.private;
        let layouts = (0..self.fields.len()).map(|at| self.print(at, depth, "LAYOUT"));
        let names = self.fields.iter().enumerate().map(|(at, Field { name, .. })| {
            let print = self.print(at, depth, "NAMES");
            quote!(.name(#name).number(#print))
        });
        (
            quote!(#private::Fingerprint::new("(") #(.number(#layouts))* .get()),
            quote!(#private::Fingerprint::new("(") #(#names)* .get()),
        )
    }

    /// One fingerprint of a field's type: `LAYOUT` or `NAMES`.
    fn print(&self, at: usize, depth: &TokenStream, which: &str) -> TokenStream {
        let (private, field) = (self.private, &self.fields[at]);
        let wire = self.wire(at, field);
        // The expression begins and ends where the type does, so that the error of a type without an
        // encoding is the same here as everywhere, and is reported once.
        let (first, last) = ends(field.ty);
        let (close, which) = (quote_spanned!(last=> >), Ident::new(which, last));
        quote_spanned!(first=> <#wire::Print<#depth #close as #private::Print>::#which)
    }

    /// Fails the build at the field whose type must not be used although it has an encoding.
    pub(super) fn checks(&self) -> TokenStream {
        let checks = self.fields.iter().filter(|field| !field.fixed && !mentions_self(field.ty)).map(|field| {
            let ty = field.ty;
            let (first, last) = ends(ty);
            let private = respan(self.private, first);
            let problem = quote_spanned!(last=> (<#ty as #private::Wire>::PROBLEM));
            quote_spanned!(first=> const _: () = #private::check #problem;)
        });
        quote!(#(#checks)*)
    }

    /// Whether there is nothing to write or read.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether all fields are in runs.
    pub(super) fn is_fixed(&self) -> bool {
        self.fields.iter().all(|field| field.fixed)
    }

    /// The constant of each field, in order: `FIXED_SIZE` or `MIN_SIZE`.
    pub(super) fn constants(&self, which: TokenStream) -> Vec<TokenStream> {
        let constants = self.fields.iter().enumerate().map(|(at, field)| {
            let wire = self.wire(at, field);
            quote!(#wire::#which)
        });
        constants.collect()
    }

    /// The expression of the encoded length.
    pub(super) fn size(&self) -> TokenStream {
        let sizes = self.steps().into_iter().map(|step| match step {
            Step::Run(at, _) => self.constant("RUN", at).to_token_stream(),
            Step::One(at, field) => {
                let (wire, value) = (self.wire(at, field), self.value(at, field));
                quote!(#wire::size(#value))
            }
        });
        quote!(0 #(+ #sizes)*)
    }

    /// The statements that write to the sink `out` with the function `put`.
    pub(super) fn write(&self, put: &TokenStream) -> TokenStream {
        let private = self.private;
        let steps = self.steps().into_iter().map(|step| match step {
            Step::Run(start, run) => {
                let length = self.constant("RUN", start);
                let writes = run.iter().zip(start..).map(|(field, at)| {
                    let (wire, value) = (self.wire(at, field), self.value(at, field));
                    quote!(#wire::write(#value, &mut window);)
                });
                quote! {
                    let mut run = [0; #length];
                    let mut window = #private::Window::new(&mut run);
                    #(#writes)*
                    #put(out, &run);
                }
            }
            Step::One(at, field) => {
                let (wire, value) = (self.wire(at, field), self.value(at, field));
                quote!(#wire::write(#value, out);)
            }
        });
        quote!(#(#steps)*)
    }

    /// The statements that read the fields into variables.
    pub(super) fn read(&self) -> TokenStream {
        let private = self.private;
        let mut steps = self.steps().into_iter().peekable();
        let mut code = TokenStream::new();
        let since = |step: &Step<'_>| self.fields[step.start()].later.as_ref().map_or(1, |later| later.since);
        while let Some(step) = steps.next() {
            let version = since(&step);
            let mut group = vec![step];
            while let Some(step) = steps.next_if(|step| since(step) == version) {
                group.push(step);
            }
            let reads = group.iter().map(|step| self.read_step(step));
            if version == 1 {
                code.extend(reads);
                continue;
            }
            // A version's fields are in the message all together, or not at all.
            let fields = group[0].start()..group[group.len() - 1].end();
            let locals: Vec<_> = fields.clone().map(local).collect();
            let defaults = fields.map(|at| self.function("default", at));
            code.extend(quote! {
                let (#(#locals,)*) = if #private::Reader::is_empty(reader) {
                    (#(#defaults(),)*)
                } else {
                    #(#reads)*
                    (#(#locals,)*)
                };
            });
        }
        code
    }

    fn read_step(&self, step: &Step<'_>) -> TokenStream {
        let (private, table) = (self.private, &self.table);
        let read = |at: usize, field: &Field<'_>, from: TokenStream| {
            let (local, wire, name) = (local(at), self.wire(at, field), &field.name);
            let get = field.quantised.as_ref().map(|_| quote!(.get()));
            quote!(let #local = #wire::read_field(#from, #name)? #get;)
        };
        match step {
            Step::Run(start, run) => {
                let length = self.constant("RUN", *start);
                let reads = run.iter().zip(*start..).map(|(field, at)| read(at, field, quote!(&mut run)));
                quote! {
                    let mut run = #private::Reader::run::<#length>(reader, #table, #start)?;
                    #(#reads)*
                }
            }
            Step::One(at, field) => read(*at, field, quote!(reader)),
        }
    }

    /// The fields of a value that is made of the variables.
    pub(super) fn members(&self) -> TokenStream {
        let members = self.fields.iter().enumerate().map(|(at, Field { member, .. })| {
            let local = local(at);
            quote!(#member: #local)
        });
        quote!({ #(#members),* })
    }

    fn steps(&self) -> Vec<Step<'a>> {
        let since = |field: &Field<'_>| field.later.as_ref().map_or(1, |later| later.since);
        let mut at = 0;
        let groups = self.fields.chunk_by(|a, b| a.fixed && b.fixed && since(a) == since(b)).map(|group| {
            let step = match group {
                [field] if !field.fixed => Step::One(at, field),
                run => Step::Run(at, run),
            };
            at += group.len();
            step
        });
        groups.collect()
    }

    /// The type that has the encoding.
    fn wire_type(&self, at: usize, field: &Field<'_>) -> TokenStream {
        let (private, ty) = (self.private, field.ty);
        match &field.quantised {
            Some(_) => {
                let quantiser = self.constant("Quantiser", at);
                quote!(#private::Quantised<#quantiser>)
            }
            None => ty.to_token_stream(),
        }
    }

    /// `<T as Wire>`, so that a type without an encoding is reported where it is written.
    fn wire(&self, at: usize, field: &Field<'_>) -> TokenStream {
        let (private, ty) = (self.private, self.wire_type(at, field));
        quote_spanned!(field.ty.span()=> <#ty as #private::Wire>)
    }

    /// A reference to the value with the encoding.
    fn value(&self, at: usize, field: &Field<'_>) -> TokenStream {
        let (member, local): (&Member, _) = (&field.member, local(at));
        match (&field.quantised, self.access) {
            (None, Access::Itself) => quote!(&self.#member),
            (None, Access::Bound) => quote!(#local),
            (Some(_), access) => {
                let ty = self.wire_type(at, field);
                match access {
                    Access::Itself => quote!(&<#ty>::new(self.#member)),
                    Access::Bound => quote!(&<#ty>::new(*#local)),
                }
            }
        }
    }

    fn constant(&self, what: &str, at: usize) -> Ident {
        format_ident!("__{what}{}_{at}", self.prefix)
    }

    fn function(&self, what: &str, at: usize) -> Ident {
        format_ident!("__{what}{}_{at}", self.prefix)
    }
}

/// The local variable of the field at this position.
fn local(at: usize) -> Ident {
    format_ident!("field_{at}", span = Span::mixed_site())
}

/// The spans of the first and of the last token.
fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let span = |token: proc_macro2::TokenTree| match token {
        proc_macro2::TokenTree::Group(group) => (group.span_open(), group.span_close()),
        other => (other.span(), other.span()),
    };
    let mut tokens = tokens.to_token_stream().into_iter();
    let (first, mut last) = tokens.next().map_or_else(|| (Span::call_site(), Span::call_site()), span);
    if let Some(token) = tokens.last() {
        last = span(token).1;
    }
    (first, last)
}

fn mentions_self(tokens: impl ToTokens) -> bool {
    fn search(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == "Self",
            proc_macro2::TokenTree::Group(group) => search(group.stream()),
            _ => false,
        })
    }
    search(tokens.to_token_stream())
}

/// What is encoded in one step.
enum Step<'a> {
    /// Neighbours of fixed size, and the position of the first.
    Run(usize, &'a [Field<'a>]),
    /// A field whose size is its own affair, and its position.
    One(usize, &'a Field<'a>),
}

impl Step<'_> {
    fn start(&self) -> usize {
        match self {
            Step::Run(at, _) | Step::One(at, _) => *at,
        }
    }

    fn end(&self) -> usize {
        match self {
            Step::Run(at, run) => at + run.len(),
            Step::One(at, _) => at + 1,
        }
    }
}
