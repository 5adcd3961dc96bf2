//! `schema!`: the list of a schema's events, its enum and its static registry.
//!
//! It checks the list itself; const evaluation checks ids and names, because the events may come from
//! other crates.

use crate::errors::Errors;
use crate::expand::{names, private};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use std::collections::HashMap;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Result};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Path, Token, Visibility, braced};

/// `$crate => pub Arena { PlayerMove, other::Moved as OtherMoved }`.
pub(crate) struct Schema {
    runtime: Path,
    attrs: Vec<Attribute>,
    vis: Visibility,
    ident: Ident,
    /// Whether the marker type is made; not where an event has its name.
    is_declared: bool,
    event_enum: Ident,
    entries: Punctuated<Entry, Token![,]>,
}

struct Entry {
    attrs: Vec<Attribute>,
    path: Path,
    rename: Option<Ident>,
}

impl Parse for Schema {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let runtime = input.call(Path::parse_mod_style)?;
        input.parse::<Token![=>]>()?;
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let ident: Ident = input.parse()?;
        let list;
        braced!(list in input);
        let entries = list.parse_terminated(Entry::parse, Token![,])?;
        if !input.is_empty() {
            return Err(input.error("one schema per `schema!`; write another for the next"));
        }
        let event_enum = format_ident!("{ident}Event");
        Ok(Schema { runtime, attrs, vis, ident, is_declared: true, event_enum, entries })
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let path = input.call(Path::parse_mod_style)?;
        let rename = match input.parse::<Option<Token![as]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Entry { attrs, path, rename })
    }
}

impl Entry {
    /// The name of the enum's variant.
    fn variant(&self) -> &Ident {
        self.rename.as_ref().unwrap_or_else(|| last(&self.path))
    }

    /// The name that the event has in the scope of the schema, where that can be seen.
    fn name_in_scope(&self) -> Option<&Ident> {
        let segments = &self.path.segments;
        match segments.len() {
            1 => self.path.get_ident(),
            2 if segments[0].ident == "self" => Some(last(&self.path)),
            _ => None,
        }
    }

    fn docs(&self) -> Vec<TokenStream> {
        if self.attrs.is_empty() {
            let text = format!("[`{}`]", self.path.to_token_stream().to_string().replace(' ', ""));
            return vec![quote!(#[doc = #text])];
        }
        self.attrs.iter().map(ToTokens::to_token_stream).collect()
    }
}

impl Schema {
    /// Collects the errors, and removes from the schema what the compiler would report again.
    fn check(&mut self) -> Errors {
        let mut errors = Errors::default();
        for attr in self.attrs.iter().filter(|attr| !is_doc(attr) && !attr.path().is_ident("derive")) {
            errors.push(attr, "a schema has doc comments and `#[derive(…)]` for its enum, nothing else");
        }
        self.attrs.retain(|attr| is_doc(attr) || attr.path().is_ident("derive"));
        let mut paths = HashMap::new();
        let mut entries = Punctuated::<Entry, Token![,]>::new();
        for mut entry in std::mem::take(&mut self.entries) {
            for attr in entry.attrs.iter().filter(|attr| !is_doc(attr)) {
                errors.push(attr, "an event in the list has doc comments, nothing else");
            }
            entry.attrs.retain(is_doc);
            self.own_names(&entry, &mut errors);
            let variant = entry.variant().clone();
            let path = entry.path.to_token_stream().to_string();
            match paths.insert(variant.to_string(), path.clone()) {
                Some(other) if other == path => {
                    errors.push(&entry.path, "this event is in the list already; keep one");
                    continue;
                }
                Some(_) => {
                    let message = "another event of the list is called";
                    errors.push(&variant, format!("{message} `{variant}`; write `… as Other{variant}`"));
                    entry.rename = Some(names::ty(variant.unraw()));
                }
                None => {}
            }
            entries.push(entry);
        }
        self.entries = entries;
        errors
    }

    /// Reports an event with the name of the schema or of its enum.
    fn own_names(&mut self, entry: &Entry, errors: &mut Errors) {
        let Some(name) = entry.name_in_scope() else { return };
        let (schema, fix) =
            (&self.ident, "call the schema something else, or move the event into a module and write `events::");
        if *name == self.event_enum {
            errors.push(name, format!("the enum of the schema `{schema}` is called `{name}`, too; {fix}{name}`"));
            self.event_enum = names::ty(name.unraw());
        } else if *name == self.ident {
            errors.push(name, format!("the schema is called `{name}`, too; {fix}{name}`"));
            // The code below uses the event in its place.
            self.is_declared = false;
        }
    }

    /// The marker type, the enum and the registry, beside the errors.
    pub(crate) fn expand(mut self) -> TokenStream {
        let errors = self.check().into_compile_errors();
        let Schema { runtime, vis, ident, event_enum, .. } = &self;
        let private = private(runtime);
        let docs = self.attrs.iter().filter(|attr| is_doc(attr));
        let derives = self.attrs.iter().filter(|attr| !is_doc(attr));
        let marker = self.is_declared.then(|| {
            quote! {
                #(#docs)*
                #[derive(#private::Debug, #private::Clone, #private::Copy)]
                #vis struct #ident;
            }
        });
        let enum_doc = format!("An event of the schema [`{ident}`].");
        let name = ident.unraw().to_string();

        let paths: Vec<_> = self.entries.iter().map(|entry| &entry.path).collect();
        let variants: Vec<_> = self.entries.iter().map(Entry::variant).collect();
        let variant_docs = self.entries.iter().map(Entry::docs);
        let members = self.entries.iter().map(|Entry { path, .. }| {
            let span = last(path).span();
            quote_spanned!(span=> #[automatically_derived] #[allow(deprecated)] impl #runtime::EventOf<#ident> for #path {})
        });
        let events = paths.iter().map(|path| quote_spanned!(last(path).span()=> #private::Member::<#ident, #path>));
        let events: Vec<_> = events.collect();
        let positions = 0..events.len();
        let [table, index, registry] = ["EVENTS", "INDEX", "REGISTRY"].map(names::constant);
        let [id, reader, out, event] = ["id", "reader", "out", "event"].map(names::local);
        let checks = self.entries.iter().zip(&events).map(|(Entry { path, .. }, event)| {
            // The error of const evaluation points at the event in the list: the expression begins with a parenthesis.
            let span = last(path).span();
            quote_spanned!(span=> const _: () = (#runtime::Registry::check)(&#registry, #event::DESCRIPTOR);)
        });
        // A match on a reference to an empty enum is not exhaustive.
        let this = if self.entries.is_empty() { quote!(*self) } else { quote!(self) };

        quote! {
            #errors
            #marker

            #[doc = #enum_doc]
            #(#derives)*
            #[allow(clippy::large_enum_variant, deprecated)]
            #vis enum #event_enum { #(#(#variant_docs)* #variants(#paths),)* }

            #(#members)*

            #[allow(deprecated)]
            const _: () = {
                const #table: &[&#runtime::schema::EventDescriptor] =
                    &[#(#events::DESCRIPTOR),*];
                const #index: #private::Index<{ #private::slots(#table.len()) }> = #private::Index::new(#table);
                static #registry: #runtime::Registry = #runtime::Registry::new(#name, #table, &#index);
                #(#checks)*

                #[automatically_derived]
                impl #runtime::Schema for #ident {
                    const NAME: &'static #private::str = #name;
                    type Event = #event_enum;
                    fn registry() -> &'static #runtime::Registry {
                        &#registry
                    }
                }

                #[automatically_derived]
                impl #runtime::SchemaEvent for #event_enum {
                    fn read(
                        #id: #private::u16,
                        #reader: &mut #private::Reader<'_>,
                    ) -> #private::Result<Self, #private::DecodeError> {
                        match #runtime::Registry::position(&#registry, #id) {
                            #(
                                #private::Some(#positions) =>
                                    #private::Result::map(#events::read(#reader), Self::#variants),
                            )*
                            _ => #private::Err(#private::unknown_event(#id)),
                        }
                    }

                    fn encode(&self, #out: &mut #private::Vec<#private::u8>) {
                        match #this { #(Self::#variants(#event) => #events::encode(#event, #out),)* }
                    }

                    fn descriptor(&self) -> &'static #runtime::schema::EventDescriptor {
                        match #this { #(Self::#variants(_) => #events::DESCRIPTOR,)* }
                    }
                }

                #(
                    #[automatically_derived]
                    impl #private::From<#paths> for #event_enum {
                        fn from(#event: #paths) -> Self {
                            Self::#variants(#event)
                        }
                    }
                )*
            };
        }
    }
}

fn is_doc(attr: &Attribute) -> bool {
    attr.path().is_ident("doc")
}

/// The event's own name; a parsed path has at least one segment.
fn last(path: &Path) -> &Ident {
    &path.segments[path.segments.len() - 1].ident
}
