//! Questions and orders to the whole cluster: its nodes, the sockets of an aim, joins, leaves and disconnects anywhere.
//!
//! A node carries an order out on its own sockets in the same way whether it comes from here or from another node. Knows no
//! adapter beyond what [`peers`](super::peers) says.

use std::{collections::HashSet, future::ready, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;

use super::{
    agreement,
    client_id::ClientId,
    close_code,
    emit::Target,
    error::Error,
    handle::PPServer,
    node::{Node, check_room, invalid_room},
    peers::Replies,
};
use crate::{
    adapter::BoxFuture,
    schema::Schema,
    wire::{
        audience::Audience,
        peer::{self, Head, Reply, Request, SocketInRooms, Unread},
    },
};

/// The most sockets that one node names in an answer, and the most bytes that their ids and rooms have together, about.
const MAX_SOCKETS: usize = 10_000;
const MAX_SOCKET_BYTES: usize = 1 << 20;

/// What the cluster answered within the [time](super::PPServerBuilder::ask_timeout).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What is known from those nodes that replied, this one included.
    pub value: T,
    /// The ids of the nodes that did not reply: they are slow, cut off, or dead, or have just left; or are of another version,
    /// which does not know the question.
    pub unanswered: Vec<String>,
    /// The ids of the nodes that had more to say than one answer holds: 10 000 sockets a node, or 1 MiB of their rooms' names.
    pub truncated: Vec<String>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its id, made anew at each start.
    pub id: String,
    /// How many clients are connected to it.
    pub connections: u64,
}

/// A client somewhere in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteSocket {
    /// The client's id.
    pub id: String,
    /// The id of the node that it is connected to.
    pub node: String,
    /// The rooms that it is in.
    pub rooms: Vec<String>,
}

impl<S: Schema> PPServer<S> {
    /// This node's id in the cluster: 16 characters, another one at each start.
    #[must_use]
    pub fn node_id(&self) -> &str {
        self.node().peers.id()
    }

    /// Aims at one client, whatever node it is on.
    pub fn client<'a>(&'a self, id: &'a str) -> Target<'a, S> {
        Target::new(self, Audience::client(id))
    }

    /// Aims at everybody on all nodes.
    pub fn everybody(&self) -> Target<'_, S> {
        Target::new(self, Audience::default())
    }

    /// The nodes of the cluster, this one included.
    pub async fn nodes(&self) -> Answer<Vec<NodeInfo>> {
        let replies = put(self.node(), Request::Node, false).await;
        let Replies { values, silent } = replies.wanted(|reply| match reply {
            Reply::Node { connections } => Some(connections),
            _ => None,
        });
        let value = values.into_iter().map(|(id, connections)| NodeInfo { id, connections }).collect();
        Answer { value, unanswered: silent, truncated: Vec::new() }
    }

    /// The ids of a room's members on all nodes, those of the TypeScript implementation included, as the adapter keeps them.
    ///
    /// # Errors
    /// [`Error::Adapter`] where the backend can't be reached, [`Error::InvalidName`] for a name that can't be a room's.
    pub async fn members(&self, room: &str) -> Result<HashSet<String>, Error> {
        Ok(self.node().adapter().get_clients_in_room(check_room(room)?).await?)
    }

    /// The rooms that a client is in, whatever node it is on, as the adapter keeps them.
    ///
    /// # Errors
    /// [`Error::Adapter`] where the backend can't be reached.
    pub async fn rooms_of(&self, client_id: &str) -> Result<HashSet<String>, Error> {
        Ok(self.node().adapter().get_client_rooms(client_id).await?)
    }
}

impl<S: Schema> Target<'_, S> {
    /// The sockets that match, in the whole cluster.
    ///
    /// # Errors
    /// [`Error::InvalidName`] for a name that can't be a room's, [`Error::Adapter`] for an aim of more names than fit a message.
    /// Nodes that can't be reached are no error: see [`Answer::unanswered`].
    pub async fn sockets(&self) -> Result<Answer<Vec<RemoteSocket>>, Error> {
        let replies = self.order(|audience| Request::Sockets { audience }).await?;
        let Replies { values, silent } = replies.wanted(|reply| match reply {
            Reply::Sockets { sockets, cut } => Some((sockets, cut)),
            _ => None,
        });
        let mut answer: Answer<Vec<RemoteSocket>> = Answer { unanswered: silent, ..Answer::default() };
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
        let Replies { values, silent } = replies.wanted(|reply| match reply {
            Reply::Done { sockets } => Some(sockets),
            _ => None,
        });
        let value = values.iter().fold(0_u64, |sum, (_, sockets)| sum.saturating_add(*sockets));
        Ok(Answer { value, unanswered: silent, truncated: Vec::new() })
    }

    async fn order(&self, request: impl FnOnce(Bytes) -> Request) -> Result<Replies<Reply>, Error> {
        self.aim.check_rooms().map_err(invalid_room)?;
        let aim = self.aim.encode_lists().map_err(|error| Error::Adapter(error.into()))?;
        Ok(put(self.server.node(), request(aim.into()), self.local).await)
    }
}

/// Has a request carried out here, and on the other nodes unless it is only for this one. Once begun it goes on, whatever becomes of
/// the future: it may close the very client whose handler gave it.
async fn put(node: &Arc<Node>, request: Request, local: bool) -> Replies<Reply> {
    // What is not understood here is not understood elsewhere either.
    let Some(here) = carry_out(node, &request) else { return Replies::default() };
    let mut replies = Replies::default();
    if local {
        replies.values.push((node.peers.id().to_owned(), here.await));
        return replies;
    }
    let asking = {
        let node = node.clone();
        node.clone().runtime.spawn(async move { node.ask(request).await })
    };
    let (here, there) = tokio::join!(here, asking);
    // An error is the end of the runtime, which answers nobody.
    replies = there.unwrap_or_default();
    replies.values.push((node.peers.id().to_owned(), here));
    replies
}

/// A question of another node came in; `false` where it is none.
pub(crate) fn hear_question(node: &Arc<Node>, payload: &Bytes) -> bool {
    let Some(Head { number, from }) = Head::of(payload) else { return false };
    let Some(asker) = ClientId::parse(&from) else { return false };
    let answer = match peer::request(payload) {
        Ok(request) => carry_out(node, &request),
        Err(Unread::Newer) => Some(reply(Reply::Unknown)),
        Err(Unread::Broken) => None,
    };
    let Some(answer) = answer else { return false };
    let task = node.clone();
    node.runtime.spawn(async move { task.reply(asker, number, answer.await) });
    true
}

/// Does what is requested on this node's own sockets; `None` where it can't be read at which ones. Such a request must not become
/// one for all sockets.
fn carry_out(node: &Node, request: &Request) -> Option<BoxFuture<Reply>> {
    Some(reply(match request {
        Request::Node => Reply::Node { connections: node.connections() as u64 },
        Request::Schema { fingerprint } => agreement::answer(node.registry, *fingerprint),
        Request::Sockets { audience } => sockets(node, &read(audience)?),
        Request::Join { audience, room } => {
            let sockets = node.pick(&read(audience)?);
            let joining: Vec<_> = sockets.iter().filter_map(|socket| node.join(socket, room).ok()).collect();
            return Some(Box::pin(async move { done(join_all(joining).await.len()) }));
        }
        Request::Leave { audience, room } => {
            done(node.pick(&read(audience)?).iter().filter(|socket| node.leave(socket, room).is_ok()).count())
        }
        Request::Disconnect { audience, code, reason } => {
            done(node.pick(&read(audience)?).iter().filter(|socket| socket.close(*code, reason)).count())
        }
    }))
}

fn reply(reply: Reply) -> BoxFuture<Reply> {
    Box::pin(ready(reply))
}

fn done(sockets: usize) -> Reply {
    Reply::Done { sockets: sockets as u64 }
}

/// The aim of a request; `None` where it is none, or more than the lists that this version knows.
fn read(aim: &[u8]) -> Option<Audience<'_>> {
    let (aim, rest) = Audience::decode_lists(aim).ok()?;
    rest.is_empty().then_some(aim)
}

/// The sockets of an aim and their rooms, as far as they fit an answer.
fn sockets(node: &Node, aim: &Audience<'_>) -> Reply {
    let mut sockets = Vec::new();
    let mut bytes = 0;
    for socket in node.pick(aim) {
        let rooms: Vec<Arc<str>> = socket.rooms.lock().names.clone();
        let cost = |name: &str| name.len() + 3;
        bytes += cost(socket.id.as_str()) + rooms.iter().map(|room| cost(room)).sum::<usize>();
        if sockets.len() == MAX_SOCKETS || bytes > MAX_SOCKET_BYTES {
            return Reply::Sockets { sockets, cut: true };
        }
        let rooms = rooms.iter().map(|room| (**room).to_owned()).collect();
        sockets.push(SocketInRooms { id: socket.id.as_str().to_owned(), rooms });
    }
    Reply::Sockets { sockets, cut: false }
}
