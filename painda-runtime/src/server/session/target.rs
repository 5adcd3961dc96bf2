//! What a server can do with a target that an emitter can't: reach its own clients alone, send JSON, and ask or order sockets.

use bytes::Bytes;
use serde_json::Value;

use super::handle::PPServer;
use crate::{
    schema::{EventOf, Schema},
    server::{
        close_code,
        cluster::{Answer, RemoteSocket, Replies},
        error::Error,
        node::{check_room, invalid_room},
        sending::packet::Packet,
    },
    target::{Emits, Reach, Target, sealed},
    wire::peer::{Reply, Request, SocketInRooms},
};

impl<S: Schema> sealed::Sealed for PPServer<S> {}

impl<S: Schema> Emits for PPServer<S> {
    type Schema = S;
    type Error = Error;

    fn emit_to<E: EventOf<S>>(target: &Target<'_, Self>, event: &E) -> Result<(), Error> {
        let node = target.from.node();
        node.emit(&target.audience, &Packet::event(node.framing(), event)?, target.reach)
    }
}

/// What only a server's targets can do:
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// fn score(server: &PPServer<Arena>, moved: &PlayerMove) -> Result<(), Error> {
///     server.everybody().local().emit(moved)?; // the clients of this node alone
///     server.to("arena").emit_json("chat:say", &serde_json::json!("well played")) // an event of no schema
/// }
/// ```
impl<S: Schema> Target<'_, PPServer<S>> {
    /// Only clients that are connected to this node.
    pub fn local(mut self) -> Self {
        self.reach = Reach::Local;
        self
    }

    /// Sends a named event with a JSON payload, for events that no schema has. An event of the schema is sent in its binary form.
    ///
    /// # Errors
    /// As for [`emit`](Self::emit), and [`Error::InvalidName`] or [`Error::Json`] where name or payload can't be sent.
    pub fn emit_json(&self, name: &str, payload: &Value) -> Result<(), Error> {
        let node = self.from.node();
        node.emit(&self.audience, &node.json_packet(name, payload)?, self.reach)
    }

    /// The sockets that match, in the whole cluster.
    ///
    /// # Errors
    /// [`Error::InvalidName`] for a name that can't be a room's, [`Error::Adapter`] for an audience of more names than fit a message.
    /// Nodes that can't be reached are no error: see [`Answer::unanswered`].
    pub async fn sockets(&self) -> Result<Answer<Vec<RemoteSocket>>, Error> {
        let replies = self.order(|audience| Request::Sockets { audience }).await?;
        let Replies { values, unanswered } = replies.wanted(|reply| match reply {
            Reply::Sockets { sockets, cut } => Some((sockets, cut)),
            _ => None,
        });
        let mut answer: Answer<Vec<RemoteSocket>> = Answer { unanswered, ..Answer::default() };
        for (node, (sockets, cut)) in values {
            let remote = |SocketInRooms { id, rooms }| RemoteSocket { id, node: node.clone(), rooms };
            answer.value.extend(sockets.into_iter().map(remote));
            if cut {
                answer.truncated.push(node);
            }
        }
        Ok(answer)
    }

    /// Puts the matching sockets into a room, and says how many they are. A node replies once emits of all nodes to that room
    /// reach its own sockets.
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets).
    pub async fn join(&self, room: &str) -> Result<Answer<u64>, Error> {
        let room = check_room(room)?.to_owned();
        self.count(|audience| Request::Join { audience, room }).await
    }

    /// Takes the matching sockets out of a room, and says how many they are.
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets).
    pub async fn leave(&self, room: &str) -> Result<Answer<u64>, Error> {
        let room = check_room(room)?.to_owned();
        self.count(|audience| Request::Leave { audience, room }).await
    }

    /// Closes the matching sockets' connections after what is queued for them, and says how many they are. `code` is a WebSocket
    /// close code; applications use 4000–4999. The reason is cut at 123 bytes.
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets), and [`Error::InvalidCode`] for a code that [can't be sent](close_code::is_sendable); then
    /// nobody is disconnected.
    pub async fn disconnect(&self, code: u16, reason: &str) -> Result<Answer<u64>, Error> {
        if !close_code::is_sendable(code) {
            return Err(Error::InvalidCode { code });
        }
        self.count(|audience| Request::Disconnect { audience, code, reason: reason.to_owned() }).await
    }

    async fn count(&self, request: impl FnOnce(Bytes) -> Request) -> Result<Answer<u64>, Error> {
        let replies = self.order(request).await?;
        let Replies { values, unanswered } = replies.wanted(|reply| match reply {
            Reply::Done { sockets } => Some(sockets),
            _ => None,
        });
        let value = values.iter().fold(0_u64, |sum, (_, sockets)| sum.saturating_add(*sockets));
        Ok(Answer { value, unanswered, truncated: Vec::new() })
    }

    async fn order(&self, request: impl FnOnce(Bytes) -> Request) -> Result<Replies<Reply>, Error> {
        self.audience.check_rooms().map_err(invalid_room)?;
        let audience = self.audience.encode_lists().map_err(|error| Error::Adapter(error.into()))?;
        Ok(self.from.cluster().request(request(audience.into()), self.reach).await)
    }
}
