//! Which types contain bytes, and the types of bytes in TypeScript.
//!
//! Encoders take any `Uint8Array`, also one over shared memory. Decoders return arrays with their own memory, because the browser's
//! functions accept only those. So a type that contains bytes is generic over them.

use crate::codec::{Layout, Number, TypeRef, WireType};
use crate::schema::parts::{Kind, Part};
use std::collections::BTreeSet;

/// The place where a type is written, which decides the type of its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// In a declaration, which is generic: `TBytes`. Encoders take any.
    Declaration,
    /// The result of a decoder: `OwnBytes`.
    Reader,
}

impl Place {
    pub(super) fn bytes(self) -> &'static str {
        match self {
            Place::Declaration => "TBytes",
            Place::Reader => "OwnBytes",
        }
    }
}

/// The paths of those parts that have bytes in them, by themselves or in other parts.
pub(super) fn parts(parts: &[Part]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // Parts may contain each other, so this is repeated until nothing is found any more.
    loop {
        let before = found.len();
        for part in parts {
            let has_bytes = match part.kind {
                Kind::Struct(ty) => is_in(ty.layout(), &found),
                Kind::Enum(ty) => ty.variants().iter().any(|variant| is_in(variant.layout(), &found)),
            };
            if has_bytes {
                found.insert(part.path.clone());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Whether there are bytes in these fields; `parts` are those parts that have some.
pub(super) fn is_in(layout: &Layout, parts: &BTreeSet<String>) -> bool {
    layout.fields().iter().any(|field| has_bytes(field.ty(), parts))
}

fn has_bytes(ty: &WireType, parts: &BTreeSet<String>) -> bool {
    let of = |item: &TypeRef| has_bytes(item.get(), parts);
    match ty {
        ty if is_bytes(ty) => true,
        WireType::Array { item, .. } | WireType::List(item) | WireType::Set(item) | WireType::Option(item) => of(item),
        WireType::Tuple(items) => items.iter().any(of),
        WireType::Map { key, value } => of(key) || of(value),
        WireType::Struct(_) | WireType::Enum(_) => parts.contains(&format!("{ty:#}")),
        _ => false,
    }
}

/// Whether it is bytes in TypeScript.
pub(super) fn is_bytes(ty: &WireType) -> bool {
    match ty {
        WireType::Bytes => true,
        WireType::Array { item, .. } | WireType::List(item) => is_byte(item),
        _ => false,
    }
}

/// A run of these is a `Uint8Array`.
pub(super) fn is_byte(ty: &TypeRef) -> bool {
    matches!(ty.get(), WireType::Number(Number::U8))
}
