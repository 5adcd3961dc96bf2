//! The default adapter: nodes within one process, over no network at all.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::{AdapterError, BoxFuture, Callback, PPAdapter, Published};
use crate::Message;

/// The in-memory adapter, which a server uses unless it is given another one.
///
/// One alone has nobody to talk to. [`node`](Self::node) makes another node on the same bus, so that several servers in
/// one process form a cluster, as tests like to have it:
///
/// ```
/// use painda_runtime::adapter::MemoryAdapter;
///
/// let first = MemoryAdapter::new();
/// let second = first.node(); // hears what the first publishes, and the other way round
/// ```
#[derive(Debug)]
pub struct MemoryAdapter {
    bus: Arc<Bus>,
    node: u64,
}

#[derive(Debug, Default)]
struct Bus {
    next_node: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Channel to the nodes that hear it, which do so in their order.
    channels: HashMap<Arc<str>, BTreeMap<u64, Callback>>,
    /// Room to its members, each with its node.
    rooms: HashMap<Arc<str>, HashMap<Arc<str>, u64>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("channels", &self.channels.keys()).field("rooms", &self.rooms).finish()
    }
}

impl MemoryAdapter {
    /// A node on a bus of its own.
    #[must_use]
    pub fn new() -> Self {
        Self { bus: Arc::new(Bus { next_node: AtomicU64::new(1), state: Mutex::default() }), node: 0 }
    }

    /// Another node on the same bus.
    #[must_use]
    pub fn node(&self) -> Self {
        Self { bus: self.bus.clone(), node: self.bus.next_node.fetch_add(1, Ordering::Relaxed) }
    }

    fn forget(&self) {
        let mut state = self.bus.state.lock();
        state.channels.retain(|_, nodes| {
            nodes.remove(&self.node);
            !nodes.is_empty()
        });
        state.rooms.retain(|_, members| {
            members.retain(|_, node| *node != self.node);
            !members.is_empty()
        });
    }
}

impl Default for MemoryAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MemoryAdapter {
    fn drop(&mut self) {
        self.forget();
    }
}

fn done<T: Send + 'static>(value: T) -> BoxFuture<Result<T, AdapterError>> {
    Box::pin(ready(Ok(value)))
}

impl PPAdapter for MemoryAdapter {
    fn publish(&self, channel: &str, message: &Message, exclude: Option<&str>) -> Result<(), AdapterError> {
        // Callbacks run without the lock: they may well publish themselves.
        let others: Vec<Callback> = match self.bus.state.lock().channels.get(channel) {
            Some(nodes) => {
                nodes.iter().filter(|(node, _)| **node != self.node).map(|(_, heard)| heard.clone()).collect()
            }
            None => return Ok(()),
        };
        for heard in others {
            heard(Published::new(channel, message.clone(), exclude));
        }
        Ok(())
    }

    fn subscribe(&self, channel: &str, callback: Callback) -> BoxFuture<Result<(), AdapterError>> {
        self.bus.state.lock().channels.entry(channel.into()).or_default().insert(self.node, callback);
        done(())
    }

    fn unsubscribe(&self, channel: &str) -> BoxFuture<Result<(), AdapterError>> {
        let mut state = self.bus.state.lock();
        if let Some(nodes) = state.channels.get_mut(channel) {
            nodes.remove(&self.node);
            if nodes.is_empty() {
                state.channels.remove(channel);
            }
        }
        done(())
    }

    fn add_to_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.bus.state.lock().rooms.entry(room.into()).or_default().insert(client_id.into(), self.node);
        done(())
    }

    fn remove_from_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        let mut state = self.bus.state.lock();
        if let Some(members) = state.rooms.get_mut(room) {
            members.remove(client_id);
            if members.is_empty() {
                state.rooms.remove(room);
            }
        }
        done(())
    }

    fn get_clients_in_room(&self, room: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        let state = self.bus.state.lock();
        done(state.rooms.get(room).map(|members| members.keys().map(|id| id.to_string()).collect()).unwrap_or_default())
    }

    fn get_client_rooms(&self, client_id: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        let state = self.bus.state.lock();
        let inside = state.rooms.iter().filter(|(_, members)| members.contains_key(client_id));
        done(inside.map(|(room, _)| room.to_string()).collect())
    }

    fn close(&self) -> BoxFuture<Result<(), AdapterError>> {
        self.forget();
        done(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_hear_a_message_in_their_order() {
        let (first, heard) = (MemoryAdapter::new(), Arc::new(Mutex::new(Vec::new())));
        let others: Vec<MemoryAdapter> = (0..20).map(|_| first.node()).collect();
        for node in others.iter().rev() {
            let (heard, number) = (heard.clone(), node.node);
            drop(node.subscribe("arena", Arc::new(move |_| heard.lock().push(number))));
        }
        first.publish("arena", &Message::named("hi", "1".into()), None).expect("it fits");
        assert_eq!(*heard.lock(), (1..=20).collect::<Vec<u64>>());
    }
}
