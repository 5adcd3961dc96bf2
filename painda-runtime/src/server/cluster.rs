//! Questions and orders to the whole cluster: its nodes, the sockets of an aim, joins, leaves and disconnects anywhere.
//!
//! A node carries an order out on its own sockets in the same way whether it comes from here or from another node. Knows no
//! adapter beyond what [`peers`](super::peers) says.

use std::{collections::HashSet, future::ready, sync::Arc};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    PPServer, agreement, check_room, client_id::ClientId, close_code, emit::Target, error::Error, node::Node, peers,
};
use crate::{
    adapter::BoxFuture,
    schema::Schema,
    wire::aim::{Aim, Names},
};

/// What the lists of an aim are called in an order, as [`Aim::lists`] gives them.
const LISTS: [&str; 4] = ["rooms", "clients", "exceptRooms", "exceptClients"];

/// The most sockets that one node names in an answer, and the most bytes that their ids and rooms have together, about.
const MAX_SOCKETS: usize = 10_000;
const MAX_SOCKET_BYTES: usize = 1 << 20;

/// What the cluster answered within the [time](super::PPServerBuilder::ask_timeout).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What is known from those nodes that replied, this one included.
    pub value: T,
    /// The ids of the nodes that did not reply: they are slow, cut off, or dead, or have just left.
    pub silent: Vec<String>,
    /// The ids of the nodes that had more to say than one answer holds: 10 000 sockets a node, or 1 MiB of their rooms' names.
    pub cut: Vec<String>,
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
        Target::new(self, Aim::client(id))
    }

    /// Aims at everybody on all nodes.
    pub fn everybody(&self) -> Target<'_, S> {
        Target::new(self, Aim::default())
    }

    /// The nodes of the cluster, this one included.
    pub async fn nodes(&self) -> Answer<Vec<NodeInfo>> {
        let (replies, silent) = put(self.node(), &Aim::default(), json!({ "do": "node" }), false).await;
        let info = |(id, value): (String, Value)| NodeInfo { id, connections: value.as_u64().unwrap_or_default() };
        Answer { value: replies.into_iter().map(info).collect(), silent, cut: Vec::new() }
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
    /// Nodes that can't be reached are no error: see [`Answer::silent`].
    pub async fn sockets(&self) -> Result<Answer<Vec<RemoteSocket>>, Error> {
        let (replies, silent) = self.order(json!({ "do": "sockets" })).await?;
        let mut answer: Answer<Vec<RemoteSocket>> = Answer { silent, ..Answer::default() };
        for (node, value) in replies {
            if value["cut"] == true {
                answer.cut.push(node.clone());
            }
            let sockets = value["sockets"].as_array().into_iter().flatten();
            answer.value.extend(sockets.filter_map(|socket| {
                let id = socket["id"].as_str()?.to_owned();
                let rooms = list(&socket["rooms"])?.iter().map(str::to_owned).collect();
                Some(RemoteSocket { id, node: node.clone(), rooms })
            }));
        }
        Ok(answer)
    }

    /// Puts the matching sockets into a room, and says how many they are. A node replies once emits of all nodes to that room
    /// reach its own sockets.
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets).
    pub async fn join(&self, room: &str) -> Result<Answer<u64>, Error> {
        self.count(json!({ "do": "join", "room": check_room(room)? })).await
    }

    /// Takes the matching sockets out of a room, and says how many they are.
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets).
    pub async fn leave(&self, room: &str) -> Result<Answer<u64>, Error> {
        self.count(json!({ "do": "leave", "room": check_room(room)? })).await
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
        self.count(json!({ "do": "disconnect", "code": code, "reason": reason })).await
    }

    async fn count(&self, order: Value) -> Result<Answer<u64>, Error> {
        let (replies, silent) = self.order(order).await?;
        let value = replies.iter().filter_map(|(_, value)| value.as_u64()).sum();
        Ok(Answer { value, silent, cut: Vec::new() })
    }

    async fn order(&self, order: Value) -> Result<(Vec<(String, Value)>, Vec<String>), Error> {
        if let Some((room, why)) = self.aim.problem() {
            return Err(Error::InvalidName { kind: "room", name: room.to_owned(), why });
        }
        self.aim.check_count().map_err(|error| Error::Adapter(error.into()))?;
        Ok(put(self.server.node(), &self.aim, order, self.local).await)
    }
}

/// Has an order carried out here, and on the other nodes unless it is only for this one. Once begun it goes on, whatever becomes of
/// the future: it may close the very client whose handler gave it.
async fn put(node: &Arc<Node>, aim: &Aim<'_>, mut order: Value, local: bool) -> (Vec<(String, Value)>, Vec<String>) {
    let here = carry_out(node, aim, &order);
    if local {
        return (vec![(node.peers.id().to_owned(), here.await)], Vec::new());
    }
    for (name, list) in LISTS.into_iter().zip(aim.lists()) {
        order[name] = list.iter().collect();
    }
    let asking = {
        let node = node.clone();
        node.clone().runtime.spawn(async move { node.ask(&order).await })
    };
    let (here, there) = tokio::join!(here, asking);
    // An error is the end of the runtime, which answers nobody.
    let there = there.unwrap_or_default();
    let mut replies = there.values;
    replies.push((node.peers.id().to_owned(), here));
    (replies, there.silent)
}

/// A question of another node came in; `false` where it is none.
pub(crate) fn hear_question(node: &Arc<Node>, payload: &[u8]) -> bool {
    let Some(question) = peers::parse(payload) else { return false };
    let asker = question["from"].as_str().and_then(ClientId::parse);
    let (Some(number), Some(asker)) = (question["ask"].as_u64(), asker) else { return false };
    let order = &question["order"];
    // An aim that can't be read must not become one at everybody.
    let [Some(rooms), Some(clients), Some(except_rooms), Some(except_clients)] = LISTS.map(|name| list(&order[name]))
    else {
        return false;
    };
    let aim = Aim { rooms, clients, except_rooms, except_clients };
    if aim.check_count().is_err() {
        return false;
    }
    let answer = carry_out(node, &aim, order);
    let task = node.clone();
    node.runtime.spawn(async move { task.reply(asker, number, &answer.await) });
    true
}

/// Does what an order says on this node's own sockets. An order that a later version has added is answered with `null`.
fn carry_out(node: &Node, aim: &Aim<'_>, order: &Value) -> BoxFuture<Value> {
    let room = order["room"].as_str().unwrap_or_default();
    let value = match order["do"].as_str() {
        Some("node") => node.connections().into(),
        Some("schema") => agreement::answer(node.registry, order),
        Some("sockets") => sockets(node, aim),
        Some("disconnect") => {
            // A code that can't be sent does not keep anybody connected.
            let code = order["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(close_code::NORMAL);
            let reason = order["reason"].as_str().unwrap_or_default();
            node.pick(aim).iter().filter(|socket| socket.close(code, reason)).count().into()
        }
        Some("leave") => node.pick(aim).iter().filter(|socket| node.leave(socket, room).is_ok()).count().into(),
        Some("join") => {
            let joining: Vec<_> = node.pick(aim).iter().filter_map(|socket| node.join(socket, room).ok()).collect();
            return Box::pin(async move { join_all(joining).await.len().into() });
        }
        _ => Value::Null,
    };
    Box::pin(ready(value))
}

/// The sockets of an aim and their rooms, as far as they fit an answer.
fn sockets(node: &Node, aim: &Aim<'_>) -> Value {
    let mut sockets = Vec::new();
    let mut bytes = 0;
    for socket in node.pick(aim) {
        let rooms: Vec<Arc<str>> = socket.rooms.lock().names.clone();
        let cost = |name: &str| name.len() + 3;
        bytes += cost(socket.id.as_str()) + rooms.iter().map(|room| cost(room)).sum::<usize>();
        if sockets.len() == MAX_SOCKETS || bytes > MAX_SOCKET_BYTES {
            return json!({ "sockets": sockets, "cut": true });
        }
        let rooms: Value = rooms.iter().map(|room| &**room).collect();
        sockets.push(json!({ "id": socket.id.as_str(), "rooms": rooms }));
    }
    json!({ "sockets": sockets, "cut": false })
}

/// A list of names, empty where there is none; `None` for anything else.
fn list(value: &Value) -> Option<Names<'_>> {
    match value {
        Value::Null => Some(Names::default()),
        Value::Array(names) => names.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
