//! Checks of a type by its spelling; the trait bound in the generated code checks the rest.

use crate::errors::Errors;
use syn::{Expr, ExprLit, GenericArgument, Ident, Lit, PathArguments, Type};

/// The numbers, each of which has a fixed size.
const NUMBERS: [&str; 11] = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "bool"];

/// Refuses types that are known to be wrong, and tells what to use instead.
pub(super) fn supported(ty: &Type, errors: &mut Errors) {
    let mistake = match ty {
        Type::Group(group) => return supported(&group.elem, errors),
        Type::Paren(paren) => return supported(&paren.elem, errors),
        Type::Array(array) => return supported(&array.elem, errors),
        Type::Tuple(tuple) if tuple.elems.len() > 12 => "a tuple has at most 12 parts here; use a struct",
        Type::Tuple(tuple) => return tuple.elems.iter().for_each(|ty| supported(ty, errors)),
        Type::Reference(_) => "an event owns its data; use the type without `&`, and `String` for `str`",
        Type::Ptr(_) | Type::FnPtr(_) | Type::TraitObject(_) | Type::ImplTrait(_) | Type::Never(_) => {
            "this type has no bytes to send; use numbers, text, collections, or a struct or enum of them"
        }
        Type::Slice(_) => "a slice has no size of its own; use `Vec<T>` or an array `[T; N]`",
        _ => match spelled(ty).as_deref() {
            Some("usize") => "`usize` differs between machines; use `u32` or `u64`",
            Some("isize") => "`isize` differs between machines; use `i32` or `i64`",
            Some("u128" | "i128") => "the widest integers on the wire have 64 bits; use `u64`, `i64` or `[u8; 16]`",
            Some("char") => "a `char` has no encoding on the wire; use `u32` or `String`",
            Some("str") => "text is a `String` here",
            _ => return arguments(ty).for_each(|ty| supported(ty, errors)),
        },
    };
    errors.push(ty, mistake);
}

/// Whether the type is spelled like one of fixed size: a number, or a few of them.
pub(super) fn is_fixed(ty: &Type) -> bool {
    // A long array is written in one piece anyway; copying it together with its neighbours would cost more.
    const MAX_ITEMS: usize = 16;
    match ty {
        Type::Group(group) => is_fixed(&group.elem),
        Type::Paren(paren) => is_fixed(&paren.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_fixed),
        Type::Array(array) => match &array.len {
            Expr::Lit(ExprLit { lit: Lit::Int(len), .. }) => {
                is_fixed(&array.elem) && len.base10_parse().is_ok_and(|len: usize| len <= MAX_ITEMS)
            }
            _ => false,
        },
        _ => spelled(ty).is_some_and(|name| NUMBERS.contains(&name.as_str())),
    }
}

/// Whether this is the name of a number.
pub(super) fn is_number(name: &Ident) -> bool {
    NUMBERS.iter().any(|number| name == number)
}

/// The name of a type that is a single word.
pub(super) fn spelled(ty: &Type) -> Option<String> {
    match ty {
        Type::Group(group) => spelled(&group.elem),
        Type::Paren(paren) => spelled(&paren.elem),
        Type::Path(path) if path.qself.is_none() => path.path.get_ident().map(ToString::to_string),
        _ => None,
    }
}

/// The types between the angle brackets at the end of a path.
fn arguments(ty: &Type) -> impl Iterator<Item = &Type> {
    let last = match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    let arguments = last.and_then(|segment| match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    });
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
