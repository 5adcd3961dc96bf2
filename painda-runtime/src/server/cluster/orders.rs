//! Questions and orders to the sockets of a target, joins, leaves and disconnects, on all nodes.
//!
//! A node carries an order out on its own sockets in the same way whether it comes from here or from another node.

use std::{future::ready, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;

use super::{
    Cluster,
    answer::{Answer, NodeInfo},
    peers::Replies,
    schema_check,
};
use crate::{
    adapter::BoxFuture,
    server::{client_id::ClientId, node::Node},
    target::Reach,
    wire::{
        audience::Audience,
        peer::{self, Head, Reply, Request, SocketInRooms, Unread},
    },
};

/// The most sockets that one node names in an answer, and the most bytes that their ids and rooms have together, about.
const MAX_SOCKETS: usize = 10_000;
const MAX_SOCKET_BYTES: usize = 1 << 20;

impl Cluster {
    /// All nodes, this one included.
    pub(crate) async fn nodes(self: &Arc<Self>) -> Answer<Vec<NodeInfo>> {
        let replies = self.request(Request::Node, Reach::Cluster).await;
        let Replies { values, unanswered } = replies.wanted(|reply| match reply {
            Reply::Node { connections } => Some(connections),
            _ => None,
        });
        let value = values.into_iter().map(|(id, connections)| NodeInfo { id, connections }).collect();
        Answer { value, unanswered, truncated: Vec::new() }
    }

    /// Has a request carried out on this node, and on the others where it is for all. Once begun it goes on, whatever becomes of
    /// the future: it may close the very client whose handler gave it.
    pub(crate) async fn request(self: &Arc<Self>, request: Request, reach: Reach) -> Replies<Reply> {
        // What is not understood here is not understood elsewhere either.
        let Some(here) = carry_out(&self.node, &request) else { return Replies::default() };
        let mut replies = Replies::default();
        if reach == Reach::Local {
            replies.values.push((self.peers.id().to_owned(), here.await));
            return replies;
        }
        let asking = {
            let cluster = self.clone();
            self.node.runtime.spawn(async move { cluster.ask(request).await })
        };
        let (here, there) = tokio::join!(here, asking);
        // An error is the end of the runtime, which answers nobody.
        replies = there.unwrap_or_default();
        replies.values.push((self.peers.id().to_owned(), here));
        replies
    }

    /// Answers a question of another node; `false` where it is none.
    pub(super) fn answer(self: &Arc<Self>, payload: &Bytes) -> bool {
        let Some(Head { number, from }) = Head::of(payload) else { return false };
        let Some(asker) = ClientId::parse(&from) else { return false };
        let answer = match peer::request(payload) {
            Ok(request) => carry_out(&self.node, &request),
            Err(Unread::Newer) => Some(reply(Reply::Unknown)),
            Err(Unread::Broken) => None,
        };
        let Some(answer) = answer else { return false };
        let cluster = self.clone();
        self.node.runtime.spawn(async move { cluster.reply(asker, number, answer.await) });
        true
    }
}

/// Does what is requested on this node's own sockets; `None` where it can't be read at which ones. Such a request must not become
/// one for all sockets.
fn carry_out(node: &Node, request: &Request) -> Option<BoxFuture<Reply>> {
    Some(reply(match request {
        Request::Node => Reply::Node { connections: node.connections() as u64 },
        Request::Schema { fingerprint } => schema_check::answer(node.registry, *fingerprint),
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

/// The audience of a request; `None` where it is none, or more than the lists that this version knows.
fn read(audience: &[u8]) -> Option<Audience<'_>> {
    let (audience, rest) = Audience::decode_lists(audience).ok()?;
    rest.is_empty().then_some(audience)
}

/// The sockets of an audience and their rooms, as far as they fit an answer.
fn sockets(node: &Node, audience: &Audience<'_>) -> Reply {
    let mut sockets = Vec::new();
    let mut bytes = 0;
    for socket in node.pick(audience) {
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
