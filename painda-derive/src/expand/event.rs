//! The implementation of `PPEvent`.

use super::fields::{Access, Fields};
use super::{names, notes, private, respan};
use crate::model::{Delivery, Event};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{DeriveInput, Path};

/// The implementation of `PPEvent`.
pub(crate) fn event(event: &Event<'_>) -> TokenStream {
    let Event { item, name, .. } = event;
    let (ident, rust_name, runtime) = (item.ident, &item.name, &item.runtime);
    let private = private(runtime);
    let (this, table) = (quote!(<Self as #runtime::PPEvent>), names::constant("FIELDS"));
    let fields = Fields::new(&private, "", event.shape, &event.fields, Access::Itself, table.to_token_stream());

    let id = match event.id {
        Some(id) => quote!(#id),
        None => quote!(#runtime::schema::hashed_id(#this::NAME)),
    };
    let description = fields.describe(Some(&quote!(#private::Top)));
    let (layout, notes) = (fields.layout(&table.to_token_stream()), notes(&item.doc, item.deprecated));
    let (items, checks, key) = (fields.items(), fields.checks(), key(event, &fields, &private));
    let delivery = delivery(&event.delivery, &private);

    let put = quote!(#private::Vec::extend_from_slice);
    let (size, write, read, members) = (fields.size(), fields.write(&put), fields.read(), fields.members());
    let (out, reader) = (names::local("out"), names::local("reader"));
    let reserve = (!fields.is_fixed()).then(|| quote!(#private::Vec::reserve(#out, #this::encoded_size(self));));
    let (out, reader) = match fields.is_empty() {
        true => (quote!(_), quote!(_)),
        false => (quote!(#out), quote!(#reader)),
    };

    quote! {
        #[allow(deprecated)]
        const _: () = {
            const #table: &[#private::Field] = #description;
            #items
            #checks
            #key

            #[automatically_derived]
            impl #runtime::PPEvent for #ident {
                const NAME: &'static #private::str = #name;
                const ID: #private::u16 = #id;
                const DESCRIPTOR: &'static #runtime::schema::EventDescriptor =
                    &#runtime::schema::EventDescriptor::new(
                        #this::NAME,
                        #this::ID,
                        #private::concat!(#private::module_path!(), "::", #rust_name),
                        #layout,
                    )
                    #delivery
                    #notes;

                #[inline]
                fn encoded_size(&self) -> #private::usize {
                    #size
                }

                #[inline]
                fn encode(&self, #out: &mut #private::Vec<#private::u8>) {
                    #reserve
                    #write
                }

                #[inline]
                fn read(#reader: &mut #private::Reader<'_>) -> #private::Result<Self, #private::DecodeError> {
                    #read
                    #private::Ok(Self #members)
                }
            }
        };
    }
}

/// The place of the key field of a `latest` event.
fn key(event: &Event<'_>, fields: &Fields<'_>, private: &TokenStream) -> Option<TokenStream> {
    let Delivery::LatestOf(name, at) = &event.delivery else { return None };
    let sizes = fields.constants(quote!(FIXED_SIZE));
    let (before, size) = (&sizes[..*at], &sizes[*at]);
    let (private, key) = (respan(private, name.span()), names::constant("KEY"));
    Some(quote_spanned! {name.span()=>
        const #key: (#private::usize, #private::usize) = #private::key(&[#(#before),*], #size);
    })
}

fn delivery(delivery: &Delivery, private: &TokenStream) -> Option<TokenStream> {
    let delivery = match delivery {
        Delivery::Reliable => return None,
        Delivery::Volatile => quote!(Volatile),
        Delivery::Latest => quote!(Latest { key: #private::None }),
        Delivery::LatestOf(..) => {
            let key = names::constant("KEY");
            quote!(Latest { key: #private::Some(#key.0..#key.1) })
        }
    };
    Some(quote!(.with_delivery(#private::Delivery::#delivery)))
}

/// An implementation beside the errors of a wrong event, so that its uses compile.
pub(crate) fn event_stub(input: &DeriveInput, runtime: &Path) -> TokenStream {
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
