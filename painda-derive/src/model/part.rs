//! The rules for structs and enums that are parts of events.

use super::{Field, Item, Shape, crate_path, field, not_packed, types};
use crate::attr;
use crate::errors::Errors;
use syn::ext::IdentExt;
use syn::{DataEnum, DeriveInput, Expr, ExprLit, GenericParam, Generics, Ident, Lit};

/// A struct or an enum that is a part of events, checked.
pub(crate) struct Part<'a> {
    pub(crate) item: Item<'a>,
    pub(crate) generics: &'a Generics,
    pub(crate) data: Data<'a>,
}

/// What it consists of.
pub(crate) enum Data<'a> {
    Struct(Shape, Vec<Field<'a>>),
    Enum(Vec<Variant<'a>>),
}

/// One variant of an enum.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) tag: u8,
    pub(crate) doc: String,
    pub(crate) deprecated: bool,
    pub(crate) shape: Shape,
    pub(crate) fields: Vec<Field<'a>>,
}

impl<'a> Part<'a> {
    /// Checks an item that should become a part of events.
    pub(crate) fn check(input: &'a DeriveInput) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        for arg in attr::args(&input.attrs, &mut errors) {
            match arg.key.to_string().as_str() {
                "crate" => crate_path(&arg, &mut errors),
                "event" | "id" | "volatile" | "latest" => errors.push(
                    &arg.key,
                    "a part of events has no name or id; an event that is a part of another one needs a struct of its own",
                ),
                other => {
                    errors.push(&arg.key, format!("unknown key `{other}`; a part of events has `crate = \"…\"`"));
                }
            }
        }
        for param in &input.generics.params {
            match param {
                GenericParam::Lifetime(_) => {
                    errors.push(param, "an event owns its data; use `String` for `&str`, `Vec<T>` for `&[T]`");
                }
                GenericParam::Const(_) => {
                    errors.push(param, "a part of events can be generic over types only; write the number out");
                }
                GenericParam::Type(param) if types::is_number(&param.ident) => {
                    errors.push(
                        &param.ident,
                        "a type parameter cannot have the name of a built-in type here; call it `T`",
                    );
                }
                GenericParam::Type(_) => {}
            }
        }
        not_packed(&input.attrs, &mut errors);
        let data = match &input.data {
            syn::Data::Struct(data) => {
                let (shape, fields) = field::of_part(&data.fields, &mut errors);
                Some(Data::Struct(shape, fields))
            }
            syn::Data::Enum(data) => Some(Data::Enum(variants(data, &mut errors))),
            syn::Data::Union(data) => {
                errors.push(data.union_token, "a union has no defined layout; use a struct or an enum");
                None
            }
        };
        let part = data.map(|data| Part { item: Item::new(input), generics: &input.generics, data });
        errors.none_or(part)
    }
}

fn variants<'a>(data: &'a DataEnum, errors: &mut Errors) -> Vec<Variant<'a>> {
    if data.variants.is_empty() {
        errors.push(data.enum_token, "an enum without variants has no value that could be sent");
    }
    let mut next = Some(0);
    let mut variants = Vec::new();
    for variant in &data.variants {
        for arg in attr::args(&variant.attrs, errors) {
            errors.push(&arg.key, format!("unknown key `{}`; a variant has none", arg.key));
        }
        let (shape, fields) = field::of_part(&variant.fields, errors);
        let tag = match &variant.discriminant {
            Some((_, discriminant)) => {
                let tag = number(discriminant);
                if tag.is_none() {
                    errors.push(discriminant, "a variant's tag is one byte; write a number from 0 to 255");
                }
                tag
            }
            None => {
                // Reported once, at the first variant without a tag.
                if next.is_none() && !variants.is_empty() {
                    errors.push(
                        &variant.ident,
                        "a variant's tag is one byte, so an enum has at most 256; put some into an enum of their own",
                    );
                    break;
                }
                next
            }
        };
        next = tag.map_or(Some(0), |tag: u8| tag.checked_add(1));
        variants.push(Variant {
            ident: &variant.ident,
            name: variant.ident.unraw().to_string(),
            tag: tag.unwrap_or_default(),
            doc: attr::doc(&variant.attrs),
            deprecated: attr::is_deprecated(&variant.attrs),
            shape,
            fields,
        });
    }
    variants
}

fn number(expr: &Expr) -> Option<u8> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Group(group) => number(&group.expr),
        _ => None,
    }
}
