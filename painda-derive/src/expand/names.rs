//! The names of variables, items and type parameters in generated code.
//!
//! A pattern that is a single name is no variable where a constant, a static or a unit struct of that name is in
//! scope, and no span changes that. So every name begins with `__pp`, in the case of its kind; these names are ours,
//! as the documentation of the macros says. The span hides variables from what users write: the length of an array,
//! a default.

use proc_macro2::{Ident, Span};
use std::fmt::Display;

/// A variable or a function: `__pp_out`.
pub(crate) fn local(name: impl Display) -> Ident {
    ident(format!("__pp_{name}"))
}

/// A constant or a static: `__PP_FIELDS`.
pub(crate) fn constant(name: impl Display) -> Ident {
    ident(format!("__PP_{name}"))
}

/// A type or a type parameter: `__PpSink`.
pub(crate) fn ty(name: impl Display) -> Ident {
    ident(format!("__Pp{name}"))
}

fn ident(name: String) -> Ident {
    Ident::new(&name, Span::mixed_site())
}

#[cfg(test)]
mod tests {
    use crate::{expand, model, schema};
    use proc_macro2::{TokenStream, TokenTree};
    use quote::quote;
    use std::collections::BTreeSet;

    /// Words that no scope can give another meaning: of the language, of attributes, and names of the traits' own items.
    const SAFE: &str = "_ as const else enum fn for if impl let loop match mut pub ref self Self static struct type where \
                        allow automatically_derived derive doc inline clippy deprecated large_enum_variant \
                        non_camel_case_types unused_variables Event Float ID NAME DESCRIPTOR QUANTISATION TYPE FIXED_SIZE \
                        MIN_SIZE LAYOUT NAMES Print Parts float number min max key encode encoded_size read write size \
                        registry descriptor from";

    /// The names that are not behind `::` or `.`, nor in `known`.
    fn bare(tokens: TokenStream, known: &BTreeSet<String>, found: &mut BTreeSet<String>) {
        let mut before = String::new();
        for token in tokens {
            match &token {
                TokenTree::Group(group) => bare(group.stream(), known, found),
                TokenTree::Ident(ident) if !before.ends_with("::") && !before.ends_with(['.', '\'']) => {
                    found.extend(Some(ident.to_string()).filter(|name| !known.contains(name)));
                }
                _ => {}
            }
            match token {
                TokenTree::Punct(punct) => before.push(punct.as_char()),
                _ => before.clear(),
            }
        }
    }

    /// All names that the code of a macro defines or uses are ours, or can't be redefined by a user.
    fn check(input: &TokenStream, code: TokenStream) {
        let mut known = SAFE.split_whitespace().map(str::to_owned).collect();
        bare(input.clone(), &BTreeSet::new(), &mut known);
        let mut found = BTreeSet::new();
        bare(code, &known, &mut found);
        found.retain(|name| !name.to_lowercase().starts_with("__pp"));
        assert!(found.is_empty(), "a user can redefine {found:?}");
    }

    fn check_event(input: TokenStream) {
        let item = syn::parse2(input.clone()).expect("it is an item");
        let event = model::Event::check(&item).unwrap_or_else(|errors| panic!("{}", errors.into_compile_errors()));
        check(&input, expand::event(&event));
        check(&input, expand::event_stub(&item, &syn::parse_quote!(::painda_runtime)));
    }

    fn check_part(input: TokenStream) {
        let item = syn::parse2(input.clone()).expect("it is an item");
        let part = model::Part::check(&item).unwrap_or_else(|errors| panic!("{}", errors.into_compile_errors()));
        check(&input, expand::part(&part));
        check(&input, expand::part_stub(&item, &syn::parse_quote!(::painda_runtime)));
    }

    #[test]
    fn generated_code_has_no_name_that_a_user_can_redefine() {
        let fields = quote!({
            /// Documented.
            #[deprecated]
            a: u8,
            b: (u16, [bool; 3]),
            c: String,
            d: Vec<Other>,
            #[pp(as = u8, range = 0..=1)]
            e: f32,
            f: u8,
        });
        for delivery in [quote!(), quote!(, volatile), quote!(, latest), quote!(, latest = "a"), quote!(, id = 1)] {
            check_event(quote!(#[pp(event = "x" #delivery)] struct X #fields));
        }
        check_event(quote!(
            #[pp(event = "x")]
            struct X;
        ));
        check_event(quote!(
            #[pp(event = "x")]
            #[deprecated]
            struct X(
                u8,
                #[pp(since = 2, default)] String,
                #[pp(since = 2, default = 0.5, as = u16, range = 0..=1)] f64,
                #[pp(since = 3, default = 1)] u8,
            );
        ));
        check_part(quote!(struct X #fields));
        check_part(quote!(
            struct X;
        ));
        check_part(quote!(
            struct X<T, U: Copy>(T, Vec<U>);
        ));
        check_part(quote!(
            enum X {
                A = 3,
                B,
            }
        ));
        check_part(quote!(enum X<T> { A, B #fields, C(T), D() }));
        for events in [quote!(), quote!(A, b::B as C, /** Documented. */ D)] {
            let input = quote!(::painda_runtime => #[derive(Debug)] pub X { #events });
            let schema: schema::Schema = syn::parse2(input.clone()).expect("it is a schema");
            check(&quote!(#input XEvent), schema.expand());
        }
    }
}
