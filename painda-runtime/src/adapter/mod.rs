//! How nodes reach each other: the documented adapter interface, and its implementations.
//!
//! An adapter carries [`Message`]s on named channels and keeps the rooms' members. It knows no WebSocket and no schema,
//! and relays payloads without decoding them.
//!
//! The eight operations are those of the published interface. They are one dyn-compatible trait, so that a server is
//! not generic over its adapter and other people's adapters fit in.

#[cfg(feature = "redis")]
mod backoff;
mod cause;
pub(crate) mod counters;
#[cfg(feature = "redis")]
mod faults;
mod health;
#[cfg(feature = "redis")]
mod keeper;
#[cfg(feature = "redis")]
mod lease;
#[cfg(feature = "redis")]
mod membership;
mod memory;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "redis")]
mod waiters;

use alloc::{boxed::Box, string::String, sync::Arc};
use core::{fmt, pin::Pin};
use std::collections::HashSet;

use crate::Message;

pub use cause::Cause;
pub use health::Health;
pub use memory::MemoryAdapter;

/// A boxed future, so that [`PPAdapter`] can be used as `dyn`.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The callback of a subscription, called for each message in the order of arrival, on the adapter's task: it must not block.
pub type Callback = Arc<dyn Fn(Published<'_>) + Send + Sync>;

/// A message that another node has published, as an adapter passes it to a [`Callback`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Published<'a> {
    /// The channel that it came on.
    pub channel: &'a str,
    /// The event, as the other node encoded it.
    pub message: Message,
    /// The client that must not get it.
    pub exclude: Option<&'a str>,
}

impl<'a> Published<'a> {
    /// A message that came on this channel; `exclude` is the client that must not get it.
    #[must_use]
    pub fn new(channel: &'a str, message: Message, exclude: Option<&'a str>) -> Self {
        Self { channel, message, exclude }
    }
}

/// The documented adapter interface: publish/subscribe on channels, and the members of rooms. Beside these eight operations an
/// adapter may report [whether it works](Self::health).
///
/// # What an implementation promises
/// - **Calls take effect in the order they are made.** A method does its bookkeeping before it returns; the future it
///   returns only waits for the backend and may be dropped. So `subscribe` followed by `unsubscribe` leaves nothing behind.
/// - **A node never receives its own publish.** The server has delivered to its own sockets already.
/// - **Nothing blocks.** `publish` queues, also while the backend is away, up to a bound beyond which it returns an error.
///   `subscribe` and the room operations remember what is wanted, and it is carried out when the backend is back.
pub trait PPAdapter: Send + Sync + 'static {
    /// Sends a message to the channel's subscribers on all other nodes, without waiting for the backend.
    ///
    /// # Errors
    /// When the message can't be carried, or the queue is full: then it was not queued.
    fn publish(&self, channel: &str, message: &Message, exclude: Option<&str>) -> Result<(), AdapterError>;

    /// Subscribes this node to a channel; `callback` replaces an earlier one of the same channel.
    ///
    /// The future ends when the backend has confirmed, at once where it had already, and with an error where the backend
    /// can't be reached now: the subscription then follows by itself once it can.
    fn subscribe(&self, channel: &str, callback: Callback) -> BoxFuture<Result<(), AdapterError>>;

    /// Unsubscribes from a channel. No further call of the callback begins once this has returned; one that is under way on another
    /// thread may still end, and the callback may be dropped later.
    fn unsubscribe(&self, channel: &str) -> BoxFuture<Result<(), AdapterError>>;

    /// Records that a client of this node is in a room.
    fn add_to_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>>;

    /// Records that a client of this node is no longer in a room.
    fn remove_from_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>>;

    /// The ids of a room's members on all nodes.
    fn get_clients_in_room(&self, room: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>>;

    /// The rooms that a client is in, whatever node it is on.
    fn get_client_rooms(&self, client_id: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>>;

    /// Sends what is queued as far as the backend takes it, removes this node's members, and disconnects. A server that closes relies
    /// on this to remove its clients from their rooms.
    fn close(&self) -> BoxFuture<Result<(), AdapterError>>;

    /// Whether the other nodes can be reached now, for [readiness probes](crate::PPServer::health). It is asked often, and
    /// answers from what the adapter knows already. An adapter without connections need not implement it: the default is
    /// [`Health::Up`].
    fn health(&self) -> Health {
        Health::Up
    }
}

/// An adapter that the application keeps a handle on, for its health and counters, while a server uses it.
impl<A: PPAdapter + ?Sized> PPAdapter for Arc<A> {
    fn publish(&self, channel: &str, message: &Message, exclude: Option<&str>) -> Result<(), AdapterError> {
        (**self).publish(channel, message, exclude)
    }

    fn subscribe(&self, channel: &str, callback: Callback) -> BoxFuture<Result<(), AdapterError>> {
        (**self).subscribe(channel, callback)
    }

    fn unsubscribe(&self, channel: &str) -> BoxFuture<Result<(), AdapterError>> {
        (**self).unsubscribe(channel)
    }

    fn add_to_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        (**self).add_to_room(room, client_id)
    }

    fn remove_from_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        (**self).remove_from_room(room, client_id)
    }

    fn get_clients_in_room(&self, room: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        (**self).get_clients_in_room(room)
    }

    fn get_client_rooms(&self, client_id: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        (**self).get_client_rooms(client_id)
    }

    fn close(&self) -> BoxFuture<Result<(), AdapterError>> {
        (**self).close()
    }

    fn health(&self) -> Health {
        (**self).health()
    }
}

/// Why an adapter could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdapterError {
    /// The backend can't be reached now, or did not answer in time. Subscriptions and changes of rooms are
    /// remembered and done later; connecting and questions have to be asked again.
    Unavailable(Cause),
    /// The queue of publishes has reached its bound; the message was not queued.
    QueueFull {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The message does not fit the wire.
    Message(crate::wire::envelope::EnvelopeError),
    /// A setting is wrong, or Redis does not accept it.
    Config {
        /// The name of the builder's method.
        setting: &'static str,
        /// What is wrong with it.
        why: Arc<str>,
    },
    /// The backend answered with an error.
    Backend(Cause),
    /// The adapter was closed.
    Closed,
}

#[cfg(feature = "redis")]
impl AdapterError {
    /// A setting that can't be used.
    fn setting(setting: &'static str, why: impl fmt::Display) -> Self {
        Self::Config { setting, why: alloc::format!("{why}").into() }
    }
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the backend can't be reached now: {why}"),
            Self::QueueFull { limit } => write!(
                f,
                "the queue of publishes is full ({limit} bytes): the backend is away or too slow; emit less, or raise the bound"
            ),
            Self::Message(error) => error.fmt(f),
            Self::Config { setting, why } => write!(f, "wrong setting: {setting}: {why}"),
            Self::Backend(what) => write!(f, "the backend refused: {what}"),
            Self::Closed => f.write_str("the adapter is closed"),
        }
    }
}

impl core::error::Error for AdapterError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Message(error) => Some(error),
            Self::Unavailable(cause) | Self::Backend(cause) => cause.source(),
            _ => None,
        }
    }
}

impl From<crate::wire::envelope::EnvelopeError> for AdapterError {
    fn from(error: crate::wire::envelope::EnvelopeError) -> Self {
        Self::Message(error)
    }
}
