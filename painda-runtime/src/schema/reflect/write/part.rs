//! The expected type of a piece of JSON, and the errors where it is something else.

use crate::codec::{EnumType, Field, Layout, Segment, Shape, Variant, WireType};
use crate::schema::reflect::numbers;
use crate::schema::reflect::{JsonError, JsonReason};

/// `Ok` if a value fits its type, and its bytes have been written.
pub(super) type Outcome = Result<(), JsonError>;

/// An outcome, or the error that has ended the walk.
pub(super) type Walked<E> = Result<Outcome, E>;

/// The expected value of an enum if the variant has fields.
pub(super) const NAME_AND_FIELDS: &str = "an object of the variant's name and fields";

/// The expected type of a piece of JSON.
#[derive(Clone, Copy)]
pub(super) enum Part<'t> {
    /// A whole event.
    Event(&'t Layout),
    /// A struct or variant that is a part of an event.
    Fields(&'t Layout),
    Value(&'t WireType),
    /// A value that may be `null` itself, in an `Option`.
    Nullable(&'t WireType),
    /// An entry of a map whose keys are no text.
    Entry(&'t WireType, &'t WireType),
}

impl Part<'_> {
    /// The expected kind of value, for errors.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Part::Event(layout) | Part::Fields(layout) => match layout.shape() {
                Shape::Named => "an object",
                Shape::Tuple => "an array",
            },
            Part::Nullable(_) | Part::Entry(..) => "an array",
            Part::Value(ty) => match ty {
                WireType::Number(number) => numbers::expected(*number),
                WireType::Quantised(_) => "a number",
                WireType::Bool => "a bool",
                WireType::String => "a string",
                WireType::Bytes => "a string of base64",
                WireType::Map { key, .. } if matches!(key.get(), WireType::String) => "an object",
                WireType::Enum(_) => "a variant's name, or an object of its name and fields",
                _ => "an array",
            },
        }
    }
}

pub(super) fn variant(ty: &EnumType, name: &str) -> Result<&'static Variant, JsonError> {
    let variants: &'static [Variant] = ty.variants();
    variants.iter().find(|variant| variant.name() == name).ok_or_else(|| JsonError::variant(name))
}

#[cold]
pub(super) fn inside(error: JsonError, field: &Field) -> JsonError {
    error.inside(Segment::Field(field.name()))
}

#[cold]
pub(super) fn expected(expected: &'static str, found: &'static str) -> JsonError {
    JsonError::new(JsonReason::Expected { expected, found })
}

#[cold]
pub(super) fn length(expected: usize, found: usize) -> JsonError {
    JsonError::new(JsonReason::Length { expected, found })
}

#[cold]
pub(super) fn duplicate(at: usize) -> JsonError {
    JsonError::new(JsonReason::Duplicate).inside(Segment::Index(at))
}
