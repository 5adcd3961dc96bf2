//! The checked model of an event, or of a part of one. After an error the checks go on, so that all
//! errors are found.

mod event;
mod field;
mod part;
mod quantised;
mod types;

pub(crate) use event::{Delivery, Event};
pub(crate) use field::{Field, Shape};
pub(crate) use part::{Data, Part, Variant};
pub(crate) use quantised::Quantised;

use crate::attr::{self, Arg};
use crate::errors::Errors;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Meta, Path, Token};

/// What events and parts have in common.
pub(crate) struct Item<'a> {
    pub(crate) ident: &'a syn::Ident,
    /// The identifier without `r#`.
    pub(crate) name: String,
    pub(crate) runtime: Path,
    pub(crate) doc: String,
    pub(crate) deprecated: bool,
}

impl<'a> Item<'a> {
    fn new(input: &'a syn::DeriveInput) -> Self {
        Item {
            ident: &input.ident,
            name: input.ident.unraw().to_string(),
            runtime: runtime(&input.attrs),
            doc: attr::doc(&input.attrs),
            deprecated: attr::is_deprecated(&input.attrs),
        }
    }
}

/// The path of the runtime: what `#[pp(crate = "…")]` says, or `painda_runtime`.
pub(crate) fn runtime(attrs: &[Attribute]) -> Path {
    let args = attr::args(attrs, &mut Errors::default());
    let written = args.into_iter().find(|arg| arg.key == "crate").and_then(|arg| arg.value::<LitStr>());
    written.and_then(|path| path.parse().ok()).unwrap_or_else(|| syn::parse_quote!(::painda_runtime))
}

/// Refuses `#[repr(packed)]`, whose fields the generated code could not borrow: that would be an error for each.
fn not_packed(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        // Anything but a list is an error of the compiler.
        let reprs = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
        for packed in reprs.iter().map(Meta::path).filter(|path| path.is_ident("packed")) {
            errors.push(
                packed,
                "the fields of a packed struct cannot be borrowed, which the encoder does; remove `packed`: on the wire \
                 there is no padding anyway",
            );
        }
    }
}

/// Checks `crate = "…"`; [`runtime`] reads it.
fn crate_path(arg: &Arg, errors: &mut Errors) {
    let path = arg.value::<LitStr>();
    if path.and_then(|path| path.parse::<Path>().ok()).is_none() {
        errors.push(arg.at(), "the path of the runtime is a string: `crate = \"::my_crate::painda_runtime\"`");
    }
}
