//! The rules for fields, of events and of their parts.

use super::{Quantised, types};
use crate::attr::{self, Arg};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Fields, LitInt, Member, Type};

/// How the fields of a struct are told apart.
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
    /// What it is in older messages; `Default::default()` where nothing is written.
    pub(crate) default: Option<TokenStream>,
}

/// Whose field it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Event,
    Part,
}

/// Checks the fields of an event.
pub(super) fn of_event<'a>(fields: &'a Fields, errors: &mut Errors) -> (Shape, Vec<Field<'a>>) {
    let (shape, checked) = all(fields, Owner::Event, errors);
    ascending(fields, &checked, errors);
    (shape, checked)
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
    let checked = fields.iter().zip(fields.members()).map(|(field, member)| {
        types::supported(&field.ty, errors);
        let (quantised, later) = args(field, owner, errors);
        Field {
            name: match &member {
                Member::Named(ident) => ident.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            },
            member,
            ty: &field.ty,
            doc: attr::doc(&field.attrs),
            deprecated: attr::is_deprecated(&field.attrs),
            fixed: quantised.is_some() || types::is_fixed(&field.ty),
            quantised,
            later,
        }
    });
    (shape, checked.collect())
}

fn args(field: &syn::Field, owner: Owner, errors: &mut Errors) -> (Option<Quantised>, Option<Later>) {
    let (mut number, mut range, mut since, mut default) = (None, None, None, None);
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
            (other, Owner::Event) => errors.push(
                &arg.key,
                format!(
                    "unknown key `{other}`; a field of an event has `since = …`, `default`, `default = …`, and \
                     `as = …` with `range = …`"
                ),
            ),
            (other, Owner::Part) => {
                errors.push(&arg.key, format!("unknown key `{other}`; a field of a part has `as = …` with `range = …`"))
            }
        }
    }
    (Quantised::check(&field.ty, number, range, errors), later(since, default, errors))
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

/// What an older decoder reads comes first.
fn ascending(fields: &Fields, checked: &[Field<'_>], errors: &mut Errors) {
    let mut newest = 1;
    for (field, checked) in fields.iter().zip(checked) {
        let has_since =
            |field: &syn::Field| attr::args(&field.attrs, &mut Errors::default()).iter().any(|arg| arg.key == "since");
        let since = match &checked.later {
            Some(later) => later.since,
            // Its mistake has been reported.
            None if has_since(field) => continue,
            None => 1,
        };
        if since < newest {
            let name = &checked.name;
            errors.push(
                field,
                format!(
                    "`{name}` is in version {since}, but stands behind a field of version {newest}; new fields are \
                     appended, so that older decoders can ignore them"
                ),
            );
        }
        newest = newest.max(since);
    }
}
