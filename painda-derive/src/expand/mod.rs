//! Turns a checked model into code. It cannot fail and decides nothing about what is allowed.

mod event;
mod fields;
pub(crate) mod names;
mod part;
mod steps;

pub(crate) use event::{event, event_stub};
pub(crate) use part::{part, part_stub};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Path;

/// The module of the runtime with the names that generated code uses.
pub(crate) fn private(runtime: &Path) -> TokenStream {
    quote!(#runtime::__private)
}

/// The calls that add the doc comment and the deprecation to a description.
fn notes(doc: &str, deprecated: bool) -> TokenStream {
    let doc = (!doc.is_empty()).then(|| quote!(.with_doc(#doc)));
    let deprecated = deprecated.then(|| quote!(.with_deprecated()));
    quote!(#doc #deprecated)
}

/// The same tokens at another place: the error of const evaluation is where its expression begins.
fn respan(tokens: &TokenStream, span: Span) -> TokenStream {
    let tokens = tokens.clone().into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    tokens.collect()
}
