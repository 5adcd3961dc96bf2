//! The rules for fields, of events and of their parts.

use super::{Quantised, types};
use crate::attr::{self, Arg};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Fields, LitInt, Member, Type};

/// Whether the fields of a struct have names or positions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Named,
    Tuple,
}

/// One field of a struct or a variant.
pub(crate) struct Field<'a> {
    pub(crate) member: Member,
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
    pub(crate) doc: String,
    pub(crate) deprecated: bool,
    /// The type is spelled like one of fixed size, so that it can share an array with its neighbours.
    pub(crate) fixed: bool,
    pub(crate) quantised: Option<Quantised>,
    pub(crate) later: Option<Later>,
}

/// A field that a later version of its event has appended.
pub(crate) struct Later {
    pub(crate) since: u32,
    /// Its value in older messages; `Default::default()` if `None`.
    pub(crate) default: Option<TokenStream>,
}

/// The owner of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Event,
    Part,
}

/// Checks the fields of an event.
pub(super) fn of_event<'a>(fields: &'a Fields, errors: &mut Errors) -> (Shape, Vec<Field<'a>>) {
    all(fields, Owner::Event, errors)
}

/// Checks the fields of a struct or a variant that is a part of events.
pub(super) fn of_part<'a>(fields: &'a Fields, errors: &mut Errors) -> (Shape, Vec<Field<'a>>) {
    all(fields, Owner::Part, errors)
}

fn all<'a>(fields: &'a Fields, owner: Owner, errors: &mut Errors) -> (Shape, Vec<Field<'a>>) {
    let shape = match fields {
        Fields::Named(_) | Fields::Unit => Shape::Named,
        Fields::Unnamed(_) => Shape::Tuple,
    };
    let mut newest = 1;
    let mut checked = Vec::new();
    for (field, member) in fields.iter().zip(fields.members()) {
        let name = match &member {
            Member::Named(ident) => ident.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        types::supported(&field.ty, errors);
        let Args { quantised, later, version } = args(field, owner, errors);
        if let Some(version) = version {
            ascending(field, &name, version, newest, errors);
            newest = newest.max(version);
        }
        checked.push(Field {
            name,
            member,
            ty: &field.ty,
            doc: attr::doc(&field.attrs),
            deprecated: attr::is_deprecated(&field.attrs),
            fixed: quantised.is_some() || types::is_fixed(&field.ty),
            quantised,
            later,
        });
    }
    (shape, checked)
}

/// The attributes of a field.
#[derive(Default)]
struct Args {
    quantised: Option<Quantised>,
    later: Option<Later>,
    /// The version that has added the field; `None` after an error.
    version: Option<u32>,
}

fn args(field: &syn::Field, owner: Owner, errors: &mut Errors) -> Args {
    let (mut number, mut range, mut since, mut default) = (None, None, None, None);
    let mut unknown = false;
    for arg in attr::args(&field.attrs, errors) {
        match (arg.key.to_string().as_str(), owner) {
            ("as", _) => number = Some(arg),
            ("range", _) => range = Some(arg),
            ("since", Owner::Event) => since = Some(arg),
            ("default", Owner::Event) => default = Some(arg),
            ("since" | "default", Owner::Part) => errors.push(
                &arg.key,
                "a part of an event is frozen, because what follows it would move; append the field to the event, or \
                 make a new type",
            ),
            (other, owner) => {
                unknown = true;
                let known = match owner {
                    Owner::Event => {
                        "a field of an event has `since = …` with `default` or `default = …`, and `as = …` with `range = …`"
                    }
                    Owner::Part => "a field of a part of events has `as = …` with `range = …`",
                };
                errors.push(&arg.key, format!("unknown key `{other}`; {known}"));
            }
        }
    }
    if unknown {
        // It may have been any of the others.
        return Args::default();
    }
    let quantised = Quantised::check(&field.ty, number, range, errors);
    let has_since = since.is_some();
    let later = later(since, default, errors);
    let version = match &later {
        Some(later) => Some(later.since),
        None => (!has_since).then_some(1),
    };
    Args { quantised, later, version }
}

fn later(since: Option<Arg>, default: Option<Arg>, errors: &mut Errors) -> Option<Later> {
    let Some(since) = since else {
        if let Some(default) = default {
            errors.push(
                &default.key,
                "only a field that older messages do not have needs a default; add `since = 2`, or remove it",
            );
        }
        return None;
    };
    let Some(default) = default else {
        errors.push(
            &since.key,
            "older messages do not have this field, so it needs a value for them; add `default` or `default = …`",
        );
        return None;
    };
    let version = since.value::<LitInt>().and_then(|literal| literal.base10_parse().ok());
    match version.filter(|version| *version >= 2) {
        Some(since) => Some(Later { since, default: default.value }),
        None => {
            errors.push(
                since.at(),
                "the version that has brought the field is a number from 2 on; those of the first version say nothing",
            );
            None
        }
    }
}

/// Older fields must come first, because older decoders read those only.
fn ascending(field: &syn::Field, name: &str, version: u32, newest: u32, errors: &mut Errors) {
    if version < newest {
        errors.push(
            field,
            format!(
                "`{name}` is in version {version}, but stands behind a field of version {newest}; new fields are \
                 appended, so that older decoders can ignore them"
            ),
        );
    }
}
