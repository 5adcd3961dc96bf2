//! Events to JSON and back, from their descriptors alone.
//!
//! Owns the mapping between bytes and JSON, as text and as `serde_json::Value`; it is a second, slow codec that shares
//! nothing with the generated one but the reader and the encodings of single numbers. Its walk along types and bytes also makes
//! the rows of a hex dump.
//!
//! | wire | JSON |
//! | --- | --- |
//! | integers | a number; beyond ±(2^53 − 1), where JavaScript would round it, a string of digits |
//! | floats | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `bool`, `String` | `true` or `false`; a string |
//! | `char` | a string of one character |
//! | `Duration` | a number of milliseconds; a string of its digits where it is 10^9 or more and no integer, or beyond 2^53 − 1 |
//! | `SystemTime` | a string as of JavaScript's `Date`: `"2026-11-25T12:30:00.000Z"`; 6 or 9 digits where there is more than milliseconds |
//! | `IpAddr`, `Ipv4Addr`, `Ipv6Addr` | a string |
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
//! In the other direction an integer of 64 or 128 bits and a `Duration` may have either form, and a time any offset from UTC
//! (RFC 3339); a field that is missing is `null` where its type is an `Option`, and has its default where a later version of the
//! event has added it; fields that the event does not have are ignored, as a decoder ignores a longer tail.

mod base64;
mod dates;
mod form;
mod ignored;
mod numbers;
mod order;
mod output;
mod scalar;
mod special;
mod walk;
mod write;

#[cfg(feature = "tools")]
pub(super) use self::form::{is_newtype, is_nullable};
#[cfg(feature = "tools")]
pub(super) use self::output::Bracket;
use self::output::Tree;
pub(super) use self::output::{Output, Text};
#[cfg(feature = "tools")]
pub(super) use self::walk::event;
use super::EventDescriptor;
use super::json_error::{JsonError, JsonReason};
use crate::codec::{DecodeError, Field, Reader};
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
    /// A tree of values takes up to 70 times the memory of the same JSON as text: see
    /// [`write_json_text`](Self::write_json_text).
    ///
    /// # Errors
    /// When the bytes are not this event.
    pub fn to_json(&self, bytes: &[u8]) -> Result<Value, DecodeError> {
        let mut tree = Tree::default();
        self.read(bytes, &mut tree)?;
        Ok(tree.finish())
    }

    /// Appends the JSON text of an encoded event, the fields in their order. Bytes after the last field are ignored. Nothing is
    /// allocated but what `out` needs.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "player:move", id = 1)]
    /// # struct PlayerMove { x: f32, y: f32 }
    /// let bytes = PlayerMove { x: 1.5, y: 0.1 }.to_bytes();
    /// let mut text = b"moved: ".to_vec();
    /// PlayerMove::DESCRIPTOR.write_json_text(&bytes, &mut text)?;
    /// assert_eq!(text, br#"moved: {"x":1.5,"y":0.1}"#);
    /// # Ok::<(), painda_runtime::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// When the bytes are not this event; `out` is as it was then.
    pub fn write_json_text(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let start = out.len();
        self.read(bytes, &mut Text::new(out)).inspect_err(|_| out.truncate(start))
    }

    /// The same for a text of at most `max` bytes. For a longer one nothing is appended, and the result is `false`.
    #[cfg(feature = "server")]
    pub(crate) fn write_json_text_up_to(
        &self,
        max: usize,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool, DecodeError> {
        let start = out.len();
        let mut text = Text::up_to(max, out);
        let read = self.read(bytes, &mut text);
        let fits = !text.is_full();
        if read.is_err() || !fits {
            out.truncate(start);
        }
        // A walk that stops in the middle of a list reads what follows from the wrong place.
        if fits { read.map(|()| true) } else { Ok(false) }
    }

    /// How many values a tree of the event's JSON has.
    #[cfg(feature = "server")]
    pub(crate) fn json_values(&self, bytes: &[u8]) -> Result<usize, DecodeError> {
        let mut count = output::Count::default();
        self.read(bytes, &mut count)?;
        Ok(count.0)
    }

    /// How many bytes the event's JSON text has.
    #[cfg(feature = "server")]
    pub(crate) fn json_len(&self, bytes: &[u8]) -> Result<usize, DecodeError> {
        let mut length = output::Length::default();
        self.read(bytes, &mut length)?;
        Ok(length.finish())
    }

    fn read(&self, bytes: &[u8], out: &mut impl Output) -> Result<(), DecodeError> {
        walk::event(self.layout(), &mut Reader::new(bytes), out).map_err(|error| error.in_event(self.name()))
    }
}

/// The value that a field has where a message is older than it.
pub(super) fn default_value(field: &Field) -> Option<Value> {
    let default = field.default_bytes()?;
    let mut tree = Tree::default();
    walk::value(field.ty(), &mut Reader::new(&default), &mut tree).ok()?;
    Some(tree.finish())
}
