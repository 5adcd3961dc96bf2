//! The macros behind `painda-runtime`; use them through that crate, which documents them.
//!
//! The steps: `attr` parses, `model` checks and collects every error, `expand` turns a checked model into
//! code and cannot fail. `schema` does the same for the list of events.
#![forbid(unsafe_code)]

mod attr;
mod errors;
mod expand;
mod model;
mod schema;

use errors::Errors;
use proc_macro::TokenStream;
use proc_macro2::TokenStream as Code;
use syn::{DeriveInput, Path, parse_macro_input};

/// Makes a struct an event. Documented as `painda_runtime::PPEvent`.
#[proc_macro_derive(PPEvent, attributes(pp))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(&input, model::Event::check(&input).map(|event| expand::event(&event)), expand::event_stub)
}

/// Makes a struct or an enum a part of events. Documented as `painda_runtime::PPType`.
#[proc_macro_derive(PPType, attributes(pp))]
pub fn derive_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    finish(&input, model::Part::check(&input).map(|part| expand::part(&part)), expand::part_stub)
}

/// The code; or the errors, beside a stub, without which every use of the type would be another error.
fn finish(input: &DeriveInput, code: Result<Code, Errors>, stub: fn(&DeriveInput, &Path) -> Code) -> TokenStream {
    let code = code.unwrap_or_else(|errors| {
        let stub = stub(input, &model::runtime(&input.attrs));
        let errors = errors.into_compile_errors();
        quote::quote!(#errors #stub)
    });
    code.into()
}

/// Lists a schema's events. Documented as `painda_runtime::schema!`, which passes the path of the
/// runtime and `=>` in front.
#[proc_macro]
#[doc(hidden)]
pub fn schema(input: TokenStream) -> TokenStream {
    match syn::parse::<schema::Schema>(input) {
        Ok(schema) => schema.expand().into(),
        Err(error) => error.into_compile_error().into(),
    }
}
