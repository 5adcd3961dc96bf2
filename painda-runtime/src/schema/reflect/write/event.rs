//! The encoded event of a JSON value or text.

use super::writer::Writer;
use crate::schema::EventDescriptor;
use crate::schema::json_error::{JsonError, JsonReason};
use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::Value;

/// Up to this length in bytes, an encoding grows like any `Vec`: the memory for it is small.
const LITTLE: usize = 16 * 1024;
/// By how many bytes a longer encoding may exceed its JSON text.
const SPARE: usize = 1024;

impl EventDescriptor {
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
