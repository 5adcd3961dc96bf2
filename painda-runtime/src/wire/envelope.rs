//! The Redis message: the excluded client, the event, and its payload.
//!
//! The layout is the published contract's, byte for byte, and nothing is added to it:
//!
//! | bytes | field |
//! | --- | --- |
//! | 1 | `excludeLen`, 0 = nobody is excluded |
//! | excludeLen | UTF-8 id of the client that must not get it |
//! | 2 | `typeId`: 0 = named by a string, otherwise the schema's id |
//! | 2 + n | only where `typeId` is 0: length and UTF-8 of the event's name |
//! | rest | payload: the event's encoding, or JSON where `typeId` is 0 |
//!
//! ```
//! use bytes::Bytes;
//! use painda_runtime::{Message, wire::envelope};
//!
//! let moved = Message::event(1, Bytes::from_static(&[0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]));
//! let bytes = envelope::encode(&moved, None)?;
//! assert_eq!(bytes.len(), 11);
//!
//! let back = envelope::decode(&bytes)?;
//! assert_eq!(back.message, moved);
//! assert_eq!(back.exclude, None);
//! # Ok::<(), envelope::EnvelopeError>(())
//! ```

use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

use crate::Message;

/// The longest id of an excluded client, in bytes: its length travels in one byte.
pub const MAX_EXCLUDE_LEN: usize = u8::MAX as usize;
/// The longest name of a named event, in bytes: its length travels in two bytes.
pub const MAX_NAME_LEN: usize = u16::MAX as usize;

/// A decoded Redis message. The payload shares the input's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope<'a> {
    /// The client that must not get the message.
    pub exclude: Option<&'a str>,
    /// The event.
    pub message: Message,
}

/// Why a Redis message could not be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes end within the named field.
    Truncated {
        /// The field that is incomplete.
        field: &'static str,
    },
    /// The named field is not UTF-8.
    NotUtf8 {
        /// The field at fault.
        field: &'static str,
    },
    /// The named field is longer than its length prefix can say.
    TooLong {
        /// The field at fault.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The longest that fits, in bytes.
        max: usize,
    },
    /// An event of the schema carries id 0, which means "named by a string".
    ZeroId,
    /// An audience names more rooms and clients than a message may.
    TooManyNames {
        /// How many it names.
        count: usize,
        /// How many it may.
        max: usize,
    },
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { field } => write!(f, "the Redis message ends within its {field}"),
            Self::NotUtf8 { field } => write!(f, "the Redis message's {field} is not UTF-8"),
            Self::TooLong { field, len, max } => {
                write!(f, "the {field} is {len} bytes long, but at most {max} fit a Redis message")
            }
            Self::ZeroId => f.write_str("event id 0 is reserved for named events"),
            Self::TooManyNames { count, max } => {
                write!(
                    f,
                    "{count} rooms and clients are named, but at most {max} fit a Redis message: emit to some after others"
                )
            }
        }
    }
}

impl core::error::Error for EnvelopeError {}

/// Writes a Redis message.
///
/// # Errors
/// An excluded id over 255 bytes, a name over 65535 bytes, or id 0 for an event of the schema.
pub fn encode(message: &Message, exclude: Option<&str>) -> Result<Bytes, EnvelopeError> {
    let exclude = exclude.unwrap_or("").as_bytes();
    let exclude_len = u8::try_from(exclude.len()).map_err(|_| EnvelopeError::TooLong {
        field: "excluded client id",
        len: exclude.len(),
        max: MAX_EXCLUDE_LEN,
    })?;
    let payload = message.payload();
    let name_len = match message {
        Message::Event { .. } => 0,
        Message::Named { name, .. } => 2 + name.len(),
    };
    let mut out = Vec::with_capacity(3 + exclude.len() + name_len + payload.len());
    out.push(exclude_len);
    out.extend_from_slice(exclude);
    match message {
        Message::Event { id: 0, .. } => return Err(EnvelopeError::ZeroId),
        Message::Event { id, .. } => out.extend_from_slice(&id.to_be_bytes()),
        Message::Named { name, .. } => {
            let len = u16::try_from(name.len()).map_err(|_| EnvelopeError::TooLong {
                field: "event name",
                len: name.len(),
                max: MAX_NAME_LEN,
            })?;
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(name.as_bytes());
        }
    }
    out.extend_from_slice(payload);
    Ok(out.into())
}

/// Decodes a Redis message without copying or decoding its payload.
///
/// # Errors
/// A message that ends early, or an id or name that is not UTF-8.
pub fn decode(bytes: &Bytes) -> Result<Envelope<'_>, EnvelopeError> {
    let mut rest = &bytes[..];
    let exclude_len = take(&mut rest, 1, "excludeLen")?[0];
    let exclude = text(&mut rest, usize::from(exclude_len), "excluded client id")?;
    let id = take_u16(&mut rest, "typeId")?;
    let message = if id == 0 {
        let len = take_u16(&mut rest, "event name's length")?;
        let name = text(&mut rest, usize::from(len), "event name")?;
        Message::named(name, bytes.slice_ref(rest))
    } else {
        Message::event(id, bytes.slice_ref(rest))
    };
    Ok(Envelope { exclude: (exclude_len > 0).then_some(exclude), message })
}

pub(super) fn take<'a>(rest: &mut &'a [u8], len: usize, field: &'static str) -> Result<&'a [u8], EnvelopeError> {
    let (head, tail) = rest.split_at_checked(len).ok_or(EnvelopeError::Truncated { field })?;
    *rest = tail;
    Ok(head)
}

pub(super) fn take_u16(rest: &mut &[u8], field: &'static str) -> Result<u16, EnvelopeError> {
    let bytes = take(rest, 2, field)?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}

pub(super) fn text<'a>(rest: &mut &'a [u8], len: usize, field: &'static str) -> Result<&'a str, EnvelopeError> {
    core::str::from_utf8(take(rest, len, field)?).map_err(|_| EnvelopeError::NotUtf8 { field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_of_the_head_is_an_error() {
        let whole = encode(&Message::named("chat:say", Bytes::from_static(b"1")), Some("me")).expect("encodes");
        let head = whole.len() - 1;
        for len in 0..head {
            assert!(matches!(decode(&whole.slice(..len)), Err(EnvelopeError::Truncated { .. })), "{len} bytes");
        }
        assert!(decode(&whole).is_ok());
    }

    #[test]
    fn a_field_that_does_not_fit_is_refused() {
        let event = Message::event(1, Bytes::new());
        let long = "x".repeat(256);
        assert_eq!(
            encode(&event, Some(&long)),
            Err(EnvelopeError::TooLong { field: "excluded client id", len: 256, max: 255 })
        );
        assert!(encode(&Message::named("n".repeat(65536), Bytes::new()), None).is_err());
        assert_eq!(encode(&Message::event(0, Bytes::new()), None), Err(EnvelopeError::ZeroId));
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        let bytes = Bytes::from_static(&[1, 0xff, 0, 1]);
        assert_eq!(decode(&bytes), Err(EnvelopeError::NotUtf8 { field: "excluded client id" }));
    }

    #[test]
    fn the_payload_is_shared_not_copied() {
        let bytes = encode(&Message::event(7, Bytes::from_static(b"abcd")), None).expect("encodes");
        let back = decode(&bytes).expect("decodes");
        assert_eq!(back.message.payload().as_ptr(), bytes[3..].as_ptr());
    }
}
