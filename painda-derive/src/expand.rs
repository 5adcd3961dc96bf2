//! Turns a checked model into code. It cannot fail and decides nothing about what is allowed.
//!
//! Neighbouring fields of fixed size become one run: one array that is appended at once, one check
//! of the length before they are read.

use crate::model::{Event, Field, Shape};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, Path};

/// The implementation of `PPEvent`.
pub(crate) fn event(event: &Event<'_>) -> TokenStream {
    let Event { ident, runtime, name, .. } = event;
    let private = private(runtime);
    let id = match event.id {
        Some(id) => quote!(#id),
        None => quote!(#runtime::schema::hashed_id(Self::NAME)),
    };
    let doc = (!event.doc.is_empty()).then(|| {
        let doc = &event.doc;
        quote!(.with_doc(#doc))
    });
    let fields = field_table(&event.fields, &private);
    let shape = shape(event.shape, &private);

    let parts = Part::split(&event.fields);
    let run_lengths = parts.iter().filter_map(|part| part.length(&private));
    let sizes = parts.iter().map(|part| part.size(&private));
    let reserve = parts
        .iter()
        .any(|part| matches!(part, Part::One(_)))
        .then(|| quote!(#private::Vec::reserve(out, #runtime::PPEvent::encoded_size(self));));
    let writes = parts.iter().map(|part| part.write(&private));
    let reads = parts.iter().map(|part| part.read(&private));
    let members = event.fields.iter().map(|field| &field.member);
    let locals = (0..event.fields.len()).map(local);
    let (out, reader) = match parts.is_empty() {
        true => (quote!(_), quote!(_)),
        false => (quote!(out), quote!(reader)),
    };

    quote! {
        const _: () = {
            const __FIELDS: &[#private::Field] = &[#(#fields),*];
            #(#run_lengths)*

            #[automatically_derived]
            #[allow(deprecated)]
            impl #runtime::PPEvent for #ident {
                const NAME: &'static #private::str = #name;
                const ID: #private::u16 = #id;
                const DESCRIPTOR: &'static #runtime::schema::EventDescriptor =
                    &#runtime::schema::EventDescriptor::new(
                        Self::NAME,
                        Self::ID,
                        #private::concat!(#private::module_path!(), "::", #private::stringify!(#ident)),
                        #private::Layout::new(#shape, __FIELDS),
                    )#doc;

                #[inline]
                fn encoded_size(&self) -> #private::usize {
                    0 #(+ #sizes)*
                }

                #[inline]
                fn encode(&self, #out: &mut #private::Vec<#private::u8>) {
                    #reserve
                    #(#writes)*
                }

                #[inline]
                fn read(#reader: &mut #private::Reader<'_>) -> #private::Result<Self, #private::DecodeError> {
                    #(#reads)*
                    #private::Ok(Self { #(#members: #locals),* })
                }
            }
        };
    }
}

/// An implementation that satisfies the compiler beside the errors of a wrong item.
pub(crate) fn stub(input: &DeriveInput, runtime: &Path) -> TokenStream {
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let ident = &input.ident;
    let private = private(runtime);
    quote! {
        #[automatically_derived]
        impl #runtime::PPEvent for #ident {
            const NAME: &'static #private::str = "";
            const ID: #private::u16 = 0;
            const DESCRIPTOR: &'static #runtime::schema::EventDescriptor =
                &#runtime::schema::EventDescriptor::new(
                    "", 0, "", #private::Layout::new(#private::Shape::Named, &[]),
                );
            fn encoded_size(&self) -> #private::usize { 0 }
            fn encode(&self, _: &mut #private::Vec<#private::u8>) {}
            fn read(_: &mut #private::Reader<'_>) -> #private::Result<Self, #private::DecodeError> { loop {} }
        }
    }
}

/// The module of the runtime that generated code finds its names in.
pub(crate) fn private(runtime: &Path) -> TokenStream {
    quote!(#runtime::__private)
}

fn shape(shape: Shape, private: &TokenStream) -> TokenStream {
    match shape {
        Shape::Named => quote!(#private::Shape::Named),
        Shape::Tuple => quote!(#private::Shape::Tuple),
    }
}

fn field_table<'a>(fields: &'a [Field<'_>], private: &'a TokenStream) -> impl Iterator<Item = TokenStream> + 'a {
    fields.iter().map(move |Field { name, ty, doc, .. }| {
        let doc = (!doc.is_empty()).then(|| quote!(.with_doc(#doc)));
        quote!(#private::Field::of::<#ty>(#name)#doc)
    })
}

/// `<T as Wire>`, so that a type without an encoding is reported where it is written.
fn wire(ty: &syn::Type, private: &TokenStream) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as #private::Wire>)
}

/// The local variable of the field at this position.
fn local(at: usize) -> Ident {
    format_ident!("field_{at}", span = Span::mixed_site())
}

/// What is encoded in one step.
enum Part<'a> {
    /// Neighbours of fixed size, and the position of the first.
    Run(usize, &'a [Field<'a>]),
    /// A field whose size is its own affair, and its position.
    One((usize, &'a Field<'a>)),
}

impl<'a> Part<'a> {
    fn split(fields: &'a [Field<'a>]) -> Vec<Self> {
        let mut at = 0;
        let groups = fields.chunk_by(|a, b| a.fixed && b.fixed).map(|group| {
            let part = match group {
                [field] if !field.fixed => Part::One((at, field)),
                run => Part::Run(at, run),
            };
            at += group.len();
            part
        });
        groups.collect()
    }

    /// The constant that holds a run's length in bytes.
    fn constant(at: usize) -> Ident {
        format_ident!("__RUN_{at}")
    }

    fn length(&self, private: &TokenStream) -> Option<TokenStream> {
        let Part::Run(at, run) = self else { return None };
        let constant = Self::constant(*at);
        let sizes = run.iter().map(|field| {
            let wire = wire(field.ty, private);
            quote!(#wire::FIXED_SIZE)
        });
        Some(quote!(const #constant: #private::usize = #private::run_length(&[#(#sizes),*]);))
    }

    fn size(&self, private: &TokenStream) -> TokenStream {
        match self {
            Part::Run(at, _) => {
                let constant = Self::constant(*at);
                quote!(#constant)
            }
            Part::One((_, Field { member, ty, .. })) => {
                let wire = wire(ty, private);
                quote!(#wire::size(&self.#member))
            }
        }
    }

    fn write(&self, private: &TokenStream) -> TokenStream {
        match self {
            Part::Run(at, run) => {
                let constant = Self::constant(*at);
                let writes = run.iter().map(|Field { member, ty, .. }| {
                    let wire = wire(ty, private);
                    quote!(#wire::write(&self.#member, &mut window);)
                });
                quote! {
                    let mut run = [0; #constant];
                    let mut window = #private::Window::new(&mut run);
                    #(#writes)*
                    #private::Vec::extend_from_slice(out, &run);
                }
            }
            Part::One((_, Field { member, ty, .. })) => {
                let wire = wire(ty, private);
                quote!(#wire::write(&self.#member, out);)
            }
        }
    }

    fn read(&self, private: &TokenStream) -> TokenStream {
        let read = |at: usize, field: &Field<'_>, from: TokenStream| {
            let Field { name, ty, .. } = field;
            let (local, wire) = (local(at), wire(ty, private));
            quote!(let #local = #wire::read_field(#from, #name)?;)
        };
        match self {
            Part::Run(start, run) => {
                let constant = Self::constant(*start);
                let reads = run.iter().zip(*start..).map(|(field, at)| read(at, field, quote!(&mut run)));
                quote! {
                    let mut run = #private::Reader::run::<#constant>(reader, __FIELDS, #start)?;
                    #(#reads)*
                }
            }
            Part::One((at, field)) => read(*at, field, quote!(reader)),
        }
    }
}
