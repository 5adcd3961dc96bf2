//! Emits: the aim, and the one way that every emit takes.

use serde_json::Value;

use super::{error::Error, handle::PPServer, packet::Packet};
use crate::{
    schema::{EventOf, Schema},
    wire::audience::Audience,
};

/// An aim: call [`emit`](Self::emit) on it.
///
/// It starts with everybody, a room or a client; [`to`](Self::to) adds rooms, [`except`](Self::except) and
/// [`except_socket`](Self::except_socket) take away. Whoever matches gets an emit once, however many rooms it is in:
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, schema};
/// # #[derive(PPEvent)]
/// # #[pp(event = "round:over", id = 1)]
/// # pub struct RoundOver { pub round: u32 }
/// # schema! { pub Arena { RoundOver } }
/// # fn example(server: &PPServer<Arena>) -> Result<(), Error> {
/// server.to("red").to("blue").except("benched").emit(&RoundOver { round: 3 })
/// # }
/// ```
///
/// An aim may have 65535 names. Up to 1024 rooms, with up to 65536 members, are looked at in one moment: whoever goes from one of them to
/// another meanwhile gets the emit. Of more rooms it may be found in neither.
///
/// The same aims serve for questions and orders to the sockets themselves: [`sockets`](Self::sockets),
/// [`join`](Self::join), [`leave`](Self::leave), [`disconnect`](Self::disconnect).
///
/// # Order
/// What one task emits with aims that name the same single room arrives in that order everywhere, and so does what it emits with
/// aims of any other kind; between the two kinds, and between emitters, nothing is promised.
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// fn score(server: &PPServer<Arena>, moved: &PlayerMove) -> Result<(), Error> {
///     server.to("arena").emit(moved)?; // everybody in the room, on all nodes
///     server.to("red").to("blue").except("benched").emit(moved)?; // each matching client once
///     server.everybody().local().emit(moved)?; // only those on this node
///     server.to("arena").emit_json("chat:say", &serde_json::json!("well played")) // of no schema
/// }
/// ```
#[must_use = "an aim alone sends nothing: call emit on it"]
#[derive(Clone)]
pub struct Target<'a, S: Schema> {
    pub(super) server: &'a PPServer<S>,
    pub(super) aim: Audience<'a>,
    pub(super) local: bool,
}

impl<S: Schema> std::fmt::Debug for Target<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("aim", &self.aim).field("local", &self.local).finish_non_exhaustive()
    }
}

impl<'a, S: Schema> Target<'a, S> {
    pub(crate) fn new(server: &'a PPServer<S>, aim: Audience<'a>) -> Self {
        Self { server, aim, local: false }
    }

    /// Without one client, as a socket's own aims are.
    pub(crate) fn without(mut self, id: &'a str) -> Self {
        self.aim.except_clients.add(id);
        self
    }

    /// The members of this room as well.
    pub fn to(mut self, room: &'a str) -> Self {
        self.aim.rooms.add(room);
        self
    }

    /// Not the members of this room.
    pub fn except(mut self, room: &'a str) -> Self {
        self.aim.except_rooms.add(room);
        self
    }

    /// Not the client with this id.
    pub fn except_socket(self, id: &'a str) -> Self {
        self.without(id)
    }

    /// Only those who are connected to this node.
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Sends an event of the schema. It is encoded once; this node's members have it queued when this returns, and it
    /// never waits for the network.
    ///
    /// # Errors
    /// [`Error::Adapter`] where it can't go to the other nodes, for example because the queue of publishes is full, or the aim has too
    /// many names; members on this node get it all the same. [`Error::InvalidName`] for a name that can't be a room's.
    pub fn emit<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        let node = self.server.node();
        node.emit(&self.aim, &Packet::event(node.framing(), event)?, self.local)
    }

    /// Sends a named event with a JSON payload: the way out for events that no schema has. An event of the schema is sent in
    /// its binary form.
    ///
    /// # Errors
    /// As for [`emit`](Self::emit), and where name or payload can't be sent.
    pub fn emit_json(&self, name: &str, payload: &Value) -> Result<(), Error> {
        let node = self.server.node();
        node.emit(&self.aim, &node.json_packet(name, payload)?, self.local)
    }
}
