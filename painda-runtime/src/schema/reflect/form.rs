//! The form of a type in JSON, where that does not follow from its bytes.

use crate::codec::{Layout, Shape, WireType};

/// Whether a value of this type may be `null` in JSON.
pub(crate) fn is_nullable(ty: &WireType) -> bool {
    match ty {
        WireType::Option(_) => true,
        WireType::Struct(ty) => is_newtype(ty.layout()) && is_nullable(ty.layout().fields()[0].ty()),
        _ => false,
    }
}

/// Whether a part of an event is, in JSON, the value of its only field.
pub(crate) fn is_newtype(layout: &Layout) -> bool {
    layout.shape() == Shape::Tuple && layout.fields().len() == 1
}
