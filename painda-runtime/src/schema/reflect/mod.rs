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
//! In the other direction a 64-bit integer may have either form; a field that is missing is `null` where its type
//! is an `Option`, and has its default where a later version of the event has added it; fields that
//! the event does not have are ignored, as a decoder ignores a longer tail.

mod base64;
mod form;
mod ignored;
mod numbers;
mod order;
mod output;

mod scalar;
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
use self::write::Writer;
use super::EventDescriptor;
use super::json_error::{JsonError, JsonReason};
use crate::codec::{DecodeError, Field, Reader};
use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::Value;

/// Up to this length in bytes, an encoding grows like any `Vec`: the memory for it is small.
const LITTLE: usize = 16 * 1024;
/// By how many bytes a longer encoding may exceed its JSON text.
const SPARE: usize = 1024;

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
        read.map(|()| fits)
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
        // No count in an encoding is larger.
        let limit = u32::MAX as usize;
        let mut writer = Writer::new(self.layout().min_size(), limit);
        let walked = writer.event(self.layout(), value);
        self.written(writer, walked, limit)
    }

    /// The encoded event of a JSON text, without a tree of values in between; of at most `limit` bytes, as a short text may
    /// stand for long defaults.
    ///
    /// ```
    /// # use painda_runtime::PPEvent;
    /// # #[derive(PPEvent)]
    /// # #[pp(event = "player:move", id = 1)]
    /// # struct PlayerMove { x: f32, y: f32 }
    /// let event = PlayerMove::DESCRIPTOR;
    /// let bytes = event.from_json_text(r#"{ "y": 2, "x": 1.5 }"#, 1024)?;
    /// assert_eq!(bytes, PlayerMove { x: 1.5, y: 2.0 }.to_bytes());
    ///
    /// let error = event.from_json_text(r#"{ "y": 2, "x": 1.5"#, 1024).unwrap_err();
    /// assert!(error.to_string().starts_with("event `player:move`: this is no JSON: EOF while parsing"));
    /// # Ok::<(), painda_runtime::JsonError>(())
    /// ```
    ///
    /// It is the same as parsing the text and calling [`from_json`](Self::from_json), but for a map's value that is wrong and is
    /// followed by another one of the same key: here the first one is an error. The memory that it needs is at most four times
    /// the text, where the event is no longer than that.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json); [`JsonReason::Syntax`] where the text is no JSON, and [`JsonReason::TooLarge`] where
    /// the event would have more than `limit` bytes. A field that is in the text twice may count twice.
    pub fn from_json_text(&self, text: &str, limit: usize) -> Result<Vec<u8>, JsonError> {
        let layout = self.layout();
        // No count in an encoding is larger.
        let limit = limit.min(u32::MAX as usize);
        // An event is hardly ever longer than its JSON. If it is, it is encoded again with twice the memory: a growing buffer would
        // need its old and its new memory at the same time.
        let mut room = LITTLE.max(text.len() + SPARE);
        loop {
            room = room.min(limit);
            let mut writer = Writer::new(if room > LITTLE { room } else { layout.min_size() }, room);
            let mut json = serde_json::Deserializer::from_str(text);
            let walked = writer.event(layout, &mut json).and_then(|outcome| json.end().map(|()| outcome));
            if writer.is_full() && room < limit {
                room = room.saturating_mul(2);
                continue;
            }
            let mut bytes = self.written(writer, walked, limit)?;
            if bytes.len() < bytes.capacity() / 2 {
                bytes.shrink_to_fit();
            }
            return Ok(bytes);
        }
    }

    fn written(
        &self,
        writer: Writer,
        walked: Result<Result<(), JsonError>, serde_json::Error>,
        limit: usize,
    ) -> Result<Vec<u8>, JsonError> {
        match walked {
            Ok(Ok(())) => Ok(writer.finish()),
            Ok(Err(error)) => Err(error.in_event(self.name())),
            Err(_) if writer.is_full() => Err(JsonError::new(JsonReason::TooLarge { limit }).in_event(self.name())),
            Err(error) => Err(JsonError::new(JsonReason::Syntax(error.to_string())).in_event(self.name())),
        }
    }
}

/// The value that a field has where a message is older than it.
pub(super) fn default_value(field: &Field) -> Option<Value> {
    let default = field.default_bytes()?;
    let mut tree = Tree::default();
    walk::value(field.ty(), &mut Reader::new(&default), &mut tree).ok()?;
    Some(tree.finish())
}
