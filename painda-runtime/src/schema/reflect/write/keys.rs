//! The keys of objects, which are read and not kept; and numbers that come as an object.

use super::part::variant;
use super::writer::Writer;
use crate::codec::{EnumType, Field, Variant};
use crate::schema::reflect::JsonError;
use crate::schema::reflect::ignored::Ignored;
use crate::schema::reflect::scalar::Scalar;
use alloc::string::String;
use core::fmt;
use serde_core::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

/// How `serde_json` calls a number where its feature `arbitrary_precision` is on, which any crate of a program may switch on:
/// numbers come as an object then, with this key alone and the number's text as its value.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

/// The text of a number that came as an object: see [`NUMBER`].
pub(super) fn number<'de, A: MapAccess<'de>>(entries: &mut A) -> Result<Option<String>, A::Error> {
    match entries.next_key_seed(IsNumber)? {
        Some(true) => entries.next_value().map(Some),
        Some(false) => {
            entries.next_value_seed(Ignored::default())?;
            Ok(None)
        }
        None => Ok(None),
    }
}

/// The number of such a text. Without the feature, one beyond every `f64` is no JSON; it must not become an infinite one here.
pub(super) fn parse(number: &str) -> Result<Scalar<'_>, JsonError> {
    if let Ok(value) = number.parse() {
        return Ok(Scalar::Unsigned(value));
    }
    if let Ok(value) = number.parse() {
        return Ok(Scalar::Signed(value));
    }
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Scalar::Float(value)),
        Ok(_) => Err(JsonError::range("f64", number)),
        Err(_) => Ok(Scalar::Text(number)),
    }
}

/// Defines what reads the key of an object.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident $(<$($lifetime:lifetime),+>)? -> $value:ty, $self:ident, $key:ident => $read:expr) => {
        impl<'de> DeserializeSeed<'de> for $name $(<$($lifetime),+>)? {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>($self, key: D) -> Result<$value, D::Error> {
                key.deserialize_str($self)
            }
        }

        impl<'de> Visitor<'de> for $name $(<$($lifetime),+>)? {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>($self, $key: &str) -> Result<$value, E> {
                $read
            }
        }
    };
}

/// Finds the field that a key names, if there is one.
pub(super) struct FieldName<'t> {
    pub(super) fields: &'t [Field],
    /// The position that is most likely.
    pub(super) next: usize,
}

key!(FieldName<'_> -> Option<usize>, self, key => {
    let is = |at: &usize| self.fields[*at].name() == key;
    Ok((self.next..self.fields.len()).chain(0..self.next).find(is))
});

/// Finds the variant that a key names.
pub(super) struct VariantName<'t>(pub(super) &'t EnumType);

key!(VariantName<'_> -> Result<&'static Variant, JsonError>, self, key => Ok(variant(self.0, key)));

/// Writes a key.
pub(super) struct TextKey<'w>(pub(super) &'w mut Writer);

key!(TextKey<'_> -> (), self, key => self.0.counted(key.as_bytes()));

/// Whether a key is [`NUMBER`].
pub(super) struct IsNumber;

key!(IsNumber -> bool, self, key => Ok(key == NUMBER));
