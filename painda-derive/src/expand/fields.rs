//! The fields of a struct or of a variant: their names in the code, and their description. `steps` writes
//! and reads them.

use super::{names, notes, respan};
use crate::model::{Field, Quantised, Shape};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Member};

/// How the values are accessed while they are written.
#[derive(Clone, Copy)]
pub(super) enum Access {
    /// In `self`.
    Itself,
    /// In variables that refer to the fields of a variant.
    Bound,
}

/// The fields of one struct or variant.
pub(super) struct Fields<'a> {
    pub(super) private: &'a TokenStream,
    /// A prefix of the names of its constants, different for each variant.
    prefix: String,
    shape: Shape,
    pub(super) fields: &'a [Field<'a>],
    access: Access,
    /// The table of the fields, for the errors of a run.
    pub(super) table: TokenStream,
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
        let runs = self.run_lengths();
        let others = self.fields.iter().enumerate().map(|(at, field)| {
            let quantiser = field.quantised.as_ref().map(|quantised| self.quantiser(at, field, quantised));
            let default = field.later.as_ref().map(|later| {
                let (default, ty, out) = (self.function("default", at), field.ty, names::local("out"));
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
                        let mut #out = #private::Vec::new();
                        #wire::write(&#written, &mut #out);
                        #out
                    }
                }
            });
            quote!(#quantiser #default)
        });
        quote!(#runs #(#others)*)
    }

    fn quantiser(&self, at: usize, field: &Field<'_>, quantised: &Quantised) -> TokenStream {
        let (private, ty) = (self.private, field.ty);
        let quantiser = self.quantiser_type(at);
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

    /// The expression of the table of fields; with their fingerprints to the depth `depth`, if given.
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

    /// The fingerprints to the depth `depth`: of the bytes, and of the names as well.
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

    /// The type that has the encoding.
    fn wire_type(&self, at: usize, field: &Field<'_>) -> TokenStream {
        let (private, ty) = (self.private, field.ty);
        match &field.quantised {
            Some(_) => {
                let quantiser = self.quantiser_type(at);
                quote!(#private::Quantised<#quantiser>)
            }
            None => ty.to_token_stream(),
        }
    }

    /// `<T as Wire>`, so that a type without an encoding is reported where it is written.
    pub(super) fn wire(&self, at: usize, field: &Field<'_>) -> TokenStream {
        let (private, ty) = (self.private, self.wire_type(at, field));
        quote_spanned!(field.ty.span()=> <#ty as #private::Wire>)
    }

    /// A reference to the value with the encoding.
    pub(super) fn value(&self, at: usize, field: &Field<'_>) -> TokenStream {
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

    pub(super) fn constant(&self, what: &str, at: usize) -> Ident {
        names::constant(format_args!("{what}{}_{at}", self.prefix))
    }

    pub(super) fn function(&self, what: &str, at: usize) -> Ident {
        names::local(format_args!("{what}{}_{at}", self.prefix))
    }

    fn quantiser_type(&self, at: usize) -> Ident {
        names::ty(format_args!("Quantiser{}_{at}", self.prefix))
    }
}

/// The local variable of the field at this position.
pub(super) fn local(at: usize) -> Ident {
    names::local(format_args!("field_{at}"))
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
