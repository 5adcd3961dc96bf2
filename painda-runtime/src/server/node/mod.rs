//! One node: its sockets, the rooms they are in, and its adapter.
//!
//! Knows no types of events, no connections, and nothing of what nodes say to each other.

pub(crate) mod addresses;
mod close;
mod events;
mod hub;
pub(crate) mod large;
mod members;
mod packets;
pub(crate) mod pending;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};

use self::{addresses::Addresses, hub::Hub, large::LargeSlots, pending::Pending};
pub(crate) use self::{
    close::{Client, UnfinishedHook},
    members::{check_room, invalid_room},
};
use crate::{
    adapter::{Callback, PPAdapter},
    schema::Registry,
    server::{
        config::{Config, Framing},
        error::Error,
        log::Log,
        sending::{core::SocketCore, flusher::Flusher},
        stats::{Counters, Facade, ServerStats},
    },
    wire::audience::Audience,
};

pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) registry: &'static Registry,
    pub(crate) counters: Counters,
    pub(crate) facade: Facade,
    pub(crate) log: Log,
    /// Runs tasks for questions of other nodes, and the close.
    pub(crate) runtime: Handle,
    hub: Hub,
    adapter: Box<dyn PPAdapter>,
    flusher: Arc<Flusher>,
    #[expect(dead_code, reason = "aborts the flusher's task when the node is dropped")]
    flushing: JoinSet<()>,
    /// Called by the adapter with what other nodes publish.
    pub(crate) callback: Callback,
    pub(crate) addresses: Arc<Addresses>,
    /// How many sockets are sent JSON.
    json_sockets: AtomicUsize,
    /// Clients whose disconnect hook has not ended yet.
    clients: AtomicUsize,
    /// Connect hooks that go on without their client.
    unfinished_hooks: AtomicUsize,
    /// The HTTP connections that are not WebSockets.
    pub(crate) http: Arc<Pending>,
    /// Slots for work on large messages.
    pub(crate) large: LargeSlots,
    closing: AtomicBool,
    /// How the close went, once it is over.
    closed: watch::Sender<Option<Result<(), Error>>>,
    /// Notified whenever a socket disconnects, and when the node begins to close.
    pub(crate) changed: Notify,
}

impl Node {
    /// A node whose adapter calls `callback` with what other nodes publish.
    pub(crate) fn start(
        config: Config,
        registry: &'static Registry,
        adapter: Box<dyn PPAdapter>,
        callback: Callback,
    ) -> Arc<Self> {
        let flusher = Flusher::new(config.flush_interval);
        let mut flushing = JoinSet::new();
        flushing.spawn(flusher.clone().run());
        let addresses = Addresses::new(config.limits.connections_per_address, config.limits.ipv6_prefix);
        let http = Pending::new(config.limits.pending, config.handshake_timeout);
        let node = Arc::new(Self {
            config,
            registry,
            counters: Counters::new(registry),
            facade: Facade::new(registry),
            log: Log::new(),
            runtime: Handle::current(),
            hub: Hub::default(),
            adapter,
            flusher,
            flushing,
            callback,
            addresses,
            json_sockets: AtomicUsize::new(0),
            clients: AtomicUsize::new(0),
            unfinished_hooks: AtomicUsize::new(0),
            http,
            large: LargeSlots::new(&Handle::current()),
            closing: AtomicBool::new(false),
            closed: watch::Sender::new(None),
            changed: Notify::new(),
        });
        tokio::spawn(upkeep(Arc::downgrade(&node)));
        node
    }

    pub(crate) fn adapter(&self) -> &dyn PPAdapter {
        &*self.adapter
    }

    /// Whether somebody here may be in this room.
    pub(crate) fn has_room(&self, room: &str) -> bool {
        self.hub.has(room)
    }

    /// The sockets on this node that an audience is at.
    pub(crate) fn pick(&self, audience: &Audience<'_>) -> Vec<Arc<SocketCore>> {
        let mut picked = Vec::new();
        self.hub.each(audience, |socket| picked.push(socket.clone()));
        picked
    }

    pub(crate) fn flusher(&self) -> &Flusher {
        &self.flusher
    }

    pub(crate) fn framing(&self) -> Framing {
        self.config.framing
    }

    pub(crate) fn connections(&self) -> usize {
        self.hub.len()
    }

    /// Whether there are as many clients as the limit allows. A connect hook whose client has gone counts: otherwise a client
    /// that connects and vanishes again and again could have any number of them run.
    pub(crate) fn is_full(&self) -> bool {
        self.hub.len() + self.unfinished_hooks.load(Ordering::Acquire) >= self.config.limits.connections
    }

    pub(crate) fn stats(&self) -> ServerStats {
        self.counters.snapshot(self.hub.len(), self.hub.rooms(), self.hub.queued_bytes())
    }

    pub(crate) fn is_closing(&self) -> bool {
        // In one order with the count of clients: a client that is not refused here is one that the close waits for.
        self.closing.load(Ordering::SeqCst)
    }
}

/// Unsubscribes from rooms that have had no members here for a while, sets the gauges, and begins the log's seconds. Without the delay
/// a room whose last member reloads its page would be unsubscribed and subscribed again.
async fn upkeep(node: Weak<Node>) {
    let mut second = Instant::now();
    loop {
        let Some(linger) = node.upgrade().map(|node| node.config.room_linger) else { return };
        tokio::time::sleep((linger / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))).await;
        let Some(node) = node.upgrade() else { return };
        node.hub.end_empty(linger, |room| drop(node.adapter.unsubscribe(room)));
        if second.elapsed() >= Duration::from_secs(1) {
            second = Instant::now();
            node.log.begin_second();
        }
        node.facade.state(|| node.stats());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PPEvent, schema, server::session::handle::PPServer};

    #[derive(PPEvent)]
    #[pp(event = "said", id = 1, crate = "crate")]
    struct Said {
        what: u32,
    }

    schema! { Talk { Said } }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_nobody_holds_leaves_no_task_behind() {
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let before = tasks();
        let server = PPServer::<Talk>::builder().build().await.expect("a node");
        assert!(tasks() > before);
        drop(server);
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(tasks(), before);
    }
}
