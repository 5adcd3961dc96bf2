//! Questions and orders to the whole cluster: its nodes, the sockets of an aim, joins, leaves and disconnects anywhere.
//!
//! A node carries an order out on its own sockets in the same way whether it comes from here or from another node. Knows no
//! adapter beyond what [`peers`](super::peers) says.

use std::{collections::HashSet, future::ready, sync::Arc};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{PPServer, agreement, check_room, emit::Target, error::Error, node::Node};
use crate::{
    adapter::BoxFuture,
    schema::Schema,
    wire::aim::{Aim, names},
};

/// The most sockets that one node names in an answer.
const MAX_SOCKETS: usize = 10_000;

/// What the cluster answered within the [time](super::PPServerBuilder::ask_timeout).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What is known from those nodes that replied, this one included.
    pub value: T,
    /// The ids of the nodes that did not reply in time: they are slow, cut off, or dead and not yet missed.
    pub silent: Vec<String>,
    /// The ids of the nodes that had more to say than one answer holds, 10 000 sockets a node.
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
        let (replies, silent) = put(self.node(), &json!({ "do": "node" }), false).await;
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
    /// [`Error::InvalidName`] for a name that can't be a room's. Nodes that can't be reached are no error: see
    /// [`Answer::silent`].
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
                Some(RemoteSocket { id, node: node.clone(), rooms: strings(&socket["rooms"]) })
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

    /// Closes the matching sockets' connections after what is queued for them, and says how many they are. `code` and
    /// `reason` are as for [`Socket::close`](super::Socket::close).
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets).
    pub async fn disconnect(&self, code: u16, reason: &str) -> Result<Answer<u64>, Error> {
        self.count(json!({ "do": "disconnect", "code": code, "reason": reason })).await
    }

    async fn count(&self, order: Value) -> Result<Answer<u64>, Error> {
        let (replies, silent) = self.order(order).await?;
        let value = replies.iter().filter_map(|(_, value)| value.as_u64()).sum();
        Ok(Answer { value, silent, cut: Vec::new() })
    }

    async fn order(&self, mut order: Value) -> Result<(Vec<(String, Value)>, Vec<String>), Error> {
        if let Some((room, why)) = self.aim.problem() {
            return Err(Error::InvalidName { kind: "room", name: room.to_owned(), why });
        }
        let Aim { rooms, clients, except_rooms, except_clients } = &self.aim;
        let lists =
            [("rooms", rooms), ("clients", clients), ("exceptRooms", except_rooms), ("exceptClients", except_clients)];
        for (name, list) in lists {
            order[name] = list.iter().collect();
        }
        Ok(put(self.server.node(), &order, self.local).await)
    }
}

/// Has an order carried out here, and on the other nodes unless it is only for this one.
async fn put(node: &Node, order: &Value, local: bool) -> (Vec<(String, Value)>, Vec<String>) {
    let here = carry_out(node, order);
    if local {
        return (vec![(node.peers.id().to_owned(), here.await)], Vec::new());
    }
    let (here, there) = tokio::join!(here, node.ask(order));
    let mut replies = there.values;
    replies.push((node.peers.id().to_owned(), here));
    (replies, there.silent)
}

/// A question of another node came in; `false` where it is none.
pub(crate) fn hear_question(node: &Arc<Node>, payload: &[u8]) -> bool {
    let Ok(question) = serde_json::from_slice::<Value>(payload) else { return false };
    let (Some(number), Some(asker)) = (question["ask"].as_u64(), question["from"].as_str()) else { return false };
    let answer = carry_out(node, &question["order"]);
    let (node, asker) = (node.clone(), asker.to_owned());
    let task = node.clone();
    node.runtime.spawn(async move { task.reply(&asker, number, &answer.await) });
    true
}

/// Does what an order says on this node's own sockets. An order that a later version has added is answered with `null`.
fn carry_out(node: &Node, order: &Value) -> BoxFuture<Value> {
    let lists = ["rooms", "clients", "exceptRooms", "exceptClients"].map(|name| strings(&order[name]));
    let [rooms, clients, except_rooms, except_clients] = &lists;
    let aim = Aim {
        rooms: names(rooms),
        clients: names(clients),
        except_rooms: names(except_rooms),
        except_clients: names(except_clients),
    };
    let room = order["room"].as_str().unwrap_or_default();
    let value = match order["do"].as_str() {
        Some("node") => node.connections().into(),
        Some("schema") => agreement::answer(node.registry, order),
        Some("sockets") => {
            let mut sockets = Vec::new();
            let mut cut = false;
            for socket in node.pick(&aim) {
                if sockets.len() == MAX_SOCKETS {
                    cut = true;
                    break;
                }
                let rooms: Value = socket.rooms.lock().names.iter().map(|room| room.to_string()).collect();
                sockets.push(json!({ "id": socket.id.as_str(), "rooms": rooms }));
            }
            json!({ "sockets": sockets, "cut": cut })
        }
        Some("disconnect") => {
            let code = order["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(1000);
            let reason = order["reason"].as_str().unwrap_or_default();
            node.pick(&aim).iter().filter(|socket| socket.close(code, reason)).count().into()
        }
        Some("leave") => node.pick(&aim).iter().filter(|socket| node.leave(socket, room).is_ok()).count().into(),
        Some("join") => {
            let joining: Vec<_> = node.pick(&aim).iter().filter_map(|socket| node.join(socket, room).ok()).collect();
            return Box::pin(async move { join_all(joining).await.len().into() });
        }
        _ => Value::Null,
    };
    Box::pin(ready(value))
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}
