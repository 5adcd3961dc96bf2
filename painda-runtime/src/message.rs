//! The message between nodes and to clients: an event's id and bytes, or a name and JSON.
//!
//! Knows neither frames nor envelopes: those wrap a [`Message`] for the one wire or the other.

use alloc::sync::Arc;
use bytes::Bytes;

/// The prefix of names that belong to the protocol: no event, room or channel of an application begins with it.
pub const RESERVED_PREFIX: &str = "__pp_";

/// The error for a name with that prefix.
pub(crate) const RESERVED: &str = "names that begin with \"__pp_\" belong to the protocol";

/// One encoded event. It is cheap to clone.
///
/// ```
/// use bytes::Bytes;
/// use painda_runtime::Message;
///
/// let moved = Message::event(1, Bytes::from_static(&[0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]));
/// let chat = Message::named("chat:say", Bytes::from_static(br#""hello""#));
/// assert_eq!(moved.payload().len(), 8);
/// assert_eq!(chat.payload(), &br#""hello""#[..]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// An event of the schema: its id (1..=65535) and its encoding.
    Event {
        /// The event's id in the schema.
        id: u16,
        /// The event's binary encoding.
        payload: Bytes,
    },
    /// An event outside the schema, with a JSON payload.
    Named {
        /// The event's name, at most 65535 bytes.
        name: Arc<str>,
        /// The payload as JSON text.
        payload: Bytes,
    },
}

impl Message {
    /// An event of the schema, already encoded.
    #[must_use]
    pub fn event(id: u16, payload: Bytes) -> Self {
        Self::Event { id, payload }
    }

    /// A named event whose payload is JSON text.
    #[must_use]
    pub fn named(name: impl Into<Arc<str>>, payload: Bytes) -> Self {
        Self::Named { name: name.into(), payload }
    }

    /// The payload's bytes: binary for an event of the schema, JSON text for a named one.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        match self {
            Self::Event { payload, .. } | Self::Named { payload, .. } => payload,
        }
    }
}
