//! Events to JSON and back, from their descriptors alone.
//!
//! Owns the mapping between bytes and `serde_json::Value`; it is a second, slow codec that shares
//! nothing with the generated one but the reader and the encodings of single numbers.
//!
//! | wire | JSON |
//! | --- | --- |
//! | integers | a number; beyond ±(2^53 − 1), where JavaScript would round it, a string of digits |
//! | floats | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `bool`, `String` | `true` or `false`; a string |
//! | `Bytes` | a string: standard base64 with padding |
//! | arrays, lists, sets, tuples | an array |
//! | maps | an object where the keys are strings, otherwise an array of `[key, value]` |
//! | `Option` | `null` or the value; where the value may be `null` itself, `[value]` |
//! | struct | an object; a tuple struct is an array |
//! | enum | the variant's name where it has no fields, otherwise `{"Name": fields}` |
//!
//! A tuple struct that is only a part of events, or a tuple variant, is the value of its field where it
//! has a single one. An event is not: a later version may append to it.
//!
//! On the way back a 64-bit integer may be either form; a field that is missing is `null` where its type
//! is an `Option`, and has its default where a later version of the event has brought it; fields that
//! the event does not have are ignored, as a decoder ignores a longer tail.

pub(crate) mod base64;
mod numbers;
mod read;
mod write;

use super::EventDescriptor;
use super::json_error::{JsonError, JsonReason};
use crate::codec::{DecodeError, Field, Layout, Reader, Shape, WireType};
use alloc::vec::Vec;
use serde_json::Value;

impl EventDescriptor {
    /// The JSON value of an encoded event. Bytes after the last field are ignored.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "player:move", id = 1)]
    /// # struct PlayerMove { x: f32, y: f32 }
    /// let bytes = PlayerMove { x: 1.5, y: 0.1 }.to_bytes();
    /// let value = PlayerMove::DESCRIPTOR.to_json(&bytes)?;
    /// assert_eq!(value, serde_json::json!({ "x": 1.5, "y": 0.1 }));
    /// # Ok::<(), painda_runtime::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// When the bytes are not this event.
    pub fn to_json(&self, bytes: &[u8]) -> Result<Value, DecodeError> {
        read::event(self.layout(), &mut Reader::new(bytes)).map_err(|error| error.in_event(self.name()))
    }

    /// The encoded event of a JSON value.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "player:move", id = 1)]
    /// # struct PlayerMove { x: f32, y: f32 }
    /// let bytes = PlayerMove::DESCRIPTOR.from_json(&serde_json::json!({ "x": 1.5, "y": 2 }))?;
    /// assert_eq!(bytes, PlayerMove { x: 1.5, y: 2.0 }.to_bytes());
    /// # Ok::<(), painda_runtime::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// When a field is missing, of another type, or out of its type's range.
    pub fn from_json(&self, value: &Value) -> Result<Vec<u8>, JsonError> {
        write::event(self.layout(), value).map_err(|error| error.in_event(self.name()))
    }
}

/// Reads a value of this type.
pub(super) fn value(ty: &WireType, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    read::value(ty, reader)
}

/// The value that a field has where a message is older than it.
pub(super) fn default_value(field: &Field) -> Option<Value> {
    let default = field.default_bytes()?;
    value(field.ty(), &mut Reader::new(&default)).ok()
}

/// Whether a value of this type may be `null` in JSON.
pub(super) fn is_nullable(ty: &WireType) -> bool {
    match ty {
        WireType::Option(_) => true,
        WireType::Struct(ty) => is_newtype(ty.layout()) && is_nullable(ty.layout().fields()[0].ty()),
        _ => false,
    }
}

/// Whether a part of an event is, in JSON, the value of its only field.
pub(super) fn is_newtype(layout: &Layout) -> bool {
    layout.shape() == Shape::Tuple && layout.fields().len() == 1
}
