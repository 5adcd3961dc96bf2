//! The default adapter: nodes within one process, over no network at all.
//!
//! An emit takes no lock. The subscribers of a channel are found and changed without one. The members of the rooms, which no emit
//! reads, have a lock of their own.

use std::{
    collections::{HashMap, HashSet},
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use papaya::{HashMap as ConcurrentMap, Operation};
use parking_lot::Mutex;

use super::{AdapterError, BoxFuture, Callback, PPAdapter, Published};
use crate::Message;

/// The in-memory adapter, which a server uses unless it is given another one.
///
/// A single one exchanges nothing with others. [`node`](Self::node) makes another node on the same bus, so that several servers in
/// one process form a cluster, as tests like to have it:
///
/// ```
/// use painda_runtime::adapter::MemoryAdapter;
///
/// let first = MemoryAdapter::new();
/// let second = first.node(); // receives what the first publishes, and the other way round
/// ```
///
/// For those who use it without a server: a callback that was replaced or unsubscribed is not called any more, but is dropped only
/// after some dozens of further changes of subscriptions, or with the bus. So nothing should wait for what it owns to be dropped.
#[derive(Debug)]
pub struct MemoryAdapter {
    bus: Arc<Bus>,
    node: u64,
}

#[derive(Default)]
struct Bus {
    next_node: AtomicU64,
    /// Channel to the nodes that subscribe to it, in their order. A list is never changed, but replaced by another one.
    channels: ConcurrentMap<Arc<str>, Arc<[Subscriber]>>,
    rooms: Mutex<HashMap<Arc<str>, Members>>,
}

/// A room's members, each with its node.
type Members = HashMap<Arc<str>, u64>;

/// A node that subscribes to a channel.
#[derive(Clone)]
struct Subscriber {
    node: u64,
    callback: Callback,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let channels: Vec<Arc<str>> = self.channels.pin().keys().cloned().collect();
        f.debug_struct("Bus").field("channels", &channels).field("rooms", &self.rooms).finish_non_exhaustive()
    }
}

impl Bus {
    /// Subscribes a node to a channel with this callback, or ends its subscription.
    fn set_callback(&self, channel: &str, node: u64, callback: Option<Callback>) {
        // Every join of a room calls this: mostly the node is subscribed already.
        let before = self.channels.pin().get(channel).cloned();
        let before = before.as_deref().and_then(|nodes| nodes.iter().find(|subscriber| subscriber.node == node));
        match (before, &callback) {
            (None, None) => return,
            (Some(subscriber), Some(callback)) if Arc::ptr_eq(&subscriber.callback, callback) => return,
            _ => {}
        }
        let others = |nodes: Option<&Arc<[Subscriber]>>| -> Vec<Subscriber> {
            nodes
                .into_iter()
                .flat_map(|nodes| nodes.iter())
                .filter(|subscriber| subscriber.node != node)
                .cloned()
                .collect()
        };
        // Tried again where another node was faster.
        self.channels.pin().compute(channel.into(), |entry| {
            let mut nodes = others(entry.map(|(_, nodes)| nodes));
            if let Some(callback) = callback.clone() {
                nodes.insert(nodes.partition_point(|subscriber| subscriber.node < node), Subscriber { node, callback });
            }
            match entry {
                None if nodes.is_empty() => Operation::Abort(()),
                Some(_) if nodes.is_empty() => Operation::Remove,
                _ => Operation::Insert(nodes.into()),
            }
        });
    }
}

impl MemoryAdapter {
    /// A node on a bus of its own.
    #[must_use]
    pub fn new() -> Self {
        Self { bus: Arc::new(Bus { next_node: AtomicU64::new(1), ..Bus::default() }), node: 0 }
    }

    /// Another node on the same bus.
    #[must_use]
    pub fn node(&self) -> Self {
        Self { bus: self.bus.clone(), node: self.bus.next_node.fetch_add(1, Ordering::Relaxed) }
    }

    fn remove_node(&self) {
        for channel in self.bus.channels.pin().keys() {
            self.bus.set_callback(channel, self.node, None);
        }
        self.bus.rooms.lock().retain(|_, members| {
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
        self.remove_node();
    }
}

fn done<T: Send + 'static>(value: T) -> BoxFuture<Result<T, AdapterError>> {
    Box::pin(ready(Ok(value)))
}

impl PPAdapter for MemoryAdapter {
    fn publish(&self, channel: &str, message: &Message, exclude: Option<&str>) -> Result<(), AdapterError> {
        let Some(nodes) = self.bus.channels.pin().get(channel).cloned() else { return Ok(()) };
        for subscriber in nodes.iter().filter(|subscriber| subscriber.node != self.node) {
            (subscriber.callback)(Published::new(channel, message.clone(), exclude));
        }
        Ok(())
    }

    fn subscribe(&self, channel: &str, callback: Callback) -> BoxFuture<Result<(), AdapterError>> {
        self.bus.set_callback(channel, self.node, Some(callback));
        done(())
    }

    fn unsubscribe(&self, channel: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.bus.set_callback(channel, self.node, None);
        done(())
    }

    fn add_to_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        self.bus.rooms.lock().entry(room.into()).or_default().insert(client_id.into(), self.node);
        done(())
    }

    fn remove_from_room(&self, room: &str, client_id: &str) -> BoxFuture<Result<(), AdapterError>> {
        let mut rooms = self.bus.rooms.lock();
        if let Some(members) = rooms.get_mut(room) {
            members.remove(client_id);
            if members.is_empty() {
                rooms.remove(room);
            }
        }
        done(())
    }

    fn get_clients_in_room(&self, room: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        let rooms = self.bus.rooms.lock();
        done(rooms.get(room).map(|members| members.keys().map(|id| id.to_string()).collect()).unwrap_or_default())
    }

    fn get_client_rooms(&self, client_id: &str) -> BoxFuture<Result<HashSet<String>, AdapterError>> {
        let rooms = self.bus.rooms.lock();
        let inside = rooms.iter().filter(|(_, members)| members.contains_key(client_id));
        done(inside.map(|(room, _)| room.to_string()).collect())
    }

    fn close(&self) -> BoxFuture<Result<(), AdapterError>> {
        self.remove_node();
        done(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_receive_a_message_in_their_order() {
        let (first, received) = (MemoryAdapter::new(), Arc::new(Mutex::new(Vec::new())));
        let others: Vec<MemoryAdapter> = (0..20).map(|_| first.node()).collect();
        for node in others.iter().rev() {
            let (received, number) = (received.clone(), node.node);
            drop(node.subscribe("arena", Arc::new(move |_| received.lock().push(number))));
        }
        first.publish("arena", &Message::named("hi", "1".into()), None).expect("it fits");
        assert_eq!(*received.lock(), (1..=20).collect::<Vec<u64>>());
    }

    #[test]
    fn subscribers_are_right_after_concurrent_changes_by_many_nodes() {
        let first = MemoryAdapter::new();
        let (received, callback) = (Arc::new(AtomicU64::new(0)), |received: &Arc<AtomicU64>| -> Callback {
            let received = received.clone();
            Arc::new(move |_| _ = received.fetch_add(1, Ordering::Relaxed))
        });
        let others: Vec<MemoryAdapter> = (0..4).map(|_| first.node()).collect();
        std::thread::scope(|threads| {
            for node in &others {
                threads.spawn(|| {
                    for _ in 0..2000 {
                        drop(node.subscribe("arena", callback(&received)));
                        drop(node.unsubscribe("arena"));
                    }
                    drop(node.subscribe("arena", callback(&received)));
                });
            }
        });
        received.store(0, Ordering::Relaxed);
        first.publish("arena", &Message::named("hi", "1".into()), None).expect("it fits");
        assert_eq!(received.load(Ordering::Relaxed), 4);
        drop(others);
        assert!(first.bus.channels.is_empty(), "they have gone");
    }

    #[test]
    fn an_emit_waits_for_no_lock() {
        let first = MemoryAdapter::new();
        let (second, received) = (first.node(), Arc::new(AtomicU64::new(0)));
        let counting = received.clone();
        drop(second.subscribe("arena", Arc::new(move |_| _ = counting.fetch_add(1, Ordering::Relaxed))));
        let (done, is_done) = std::sync::mpsc::channel();
        // All that a join or a leave may hold.
        let rooms = first.bus.rooms.lock();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                first.publish("arena", &Message::named("hi", "1".into()), None).expect("it fits");
                done.send(()).expect("it is waited for");
            });
            is_done.recv_timeout(std::time::Duration::from_secs(20)).expect("it waits for a lock");
        });
        drop(rooms);
        assert_eq!(received.load(Ordering::Relaxed), 1);
    }
}
