//! Emits: the aim, and the one way that every emit takes.

use serde_json::Value;

use super::{PPServer, error::Error, packet::Packet};
use crate::schema::{EventOf, Schema};

/// Whom an emit is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To<'a> {
    /// Everybody.
    All,
    /// The members of a room.
    Room(&'a str),
}

/// An aim: call [`emit`](Self::emit) on it.
#[must_use = "an aim alone sends nothing: call emit on it"]
pub struct Target<'a, S: Schema> {
    server: &'a PPServer<S>,
    to: To<'a>,
    exclude: Option<&'a str>,
}

impl<S: Schema> std::fmt::Debug for Target<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("to", &self.to).field("exclude", &self.exclude).finish_non_exhaustive()
    }
}

impl<'a, S: Schema> Target<'a, S> {
    pub(crate) fn new(server: &'a PPServer<S>, to: To<'a>, exclude: Option<&'a str>) -> Self {
        Self { server, to, exclude }
    }

    /// Sends an event of the schema. It is encoded once; this node's members have it queued when this returns, and it
    /// never waits for the network.
    ///
    /// # Errors
    /// [`Error::Adapter`] where it can't go to the other nodes, for example because the queue of publishes is full;
    /// members on this node get it all the same. [`Error::InvalidName`] for a name that can't be a room's.
    pub fn emit<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        let node = self.server.node();
        node.emit(self.to, &Packet::event(node.framing(), event)?, self.exclude)
    }

    /// Sends a named event with a JSON payload: the way out for events that no schema has. An event of the schema is sent in
    /// its binary form.
    ///
    /// # Errors
    /// As for [`emit`](Self::emit), and where name or payload can't be sent.
    pub fn emit_json(&self, name: &str, payload: &Value) -> Result<(), Error> {
        let node = self.server.node();
        node.emit(self.to, &node.json_packet(name, payload)?, self.exclude)
    }
}
