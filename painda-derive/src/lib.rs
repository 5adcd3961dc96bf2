//! The macros behind `painda-runtime`; use them through that crate, which documents them.
//!
//! An item goes one way: `attr` parses what is written, `model` checks it and collects every
//! error, `expand` turns a checked model into code and cannot fail. `schema` does the same for the
//! list of events.

mod attr;
mod errors;
mod expand;
mod model;
mod schema;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct an event. Documented as `painda_runtime::PPEvent`.
#[proc_macro_derive(PPEvent, attributes(pp))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    match model::Event::check(&input) {
        Ok(event) => expand::event(&event),
        Err(errors) => {
            // The stub keeps one mistake from becoming an error at every use of the type.
            let stub = expand::stub(&input, &model::runtime(&input.attrs));
            let errors = errors.into_compile_errors();
            quote::quote!(#errors #stub)
        }
    }
    .into()
}

/// Lists a schema's events. Documented as `painda_runtime::schema!`, which passes the path of the
/// runtime and `=>` in front.
#[proc_macro]
#[doc(hidden)]
pub fn schema(input: TokenStream) -> TokenStream {
    match syn::parse::<schema::Schema>(input).and_then(|schema| schema.expand()) {
        Ok(code) => code.into(),
        Err(error) => error.into_compile_error().into(),
    }
}
