//! One node: its hub, its adapter and what they need of each other. The way of every event goes through here.
//!
//! Knows no types of events and no connections.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{runtime::Handle, sync::Notify};

use super::{
    agreement::SchemaFit,
    builder::Config,
    client_id::ClientId,
    close_code,
    error::Error,
    flusher::Flusher,
    hub::Hub,
    limits::{AddressGuard, Addresses},
    outbox::{Policy, Pushed},
    packet::{Dialect, Framing, Packet, ping_frame},
    peers::Peers,
    socket::SocketCore,
    stats::{Counters, ServerStats, gauge},
    typescript,
};
use crate::{
    JsonError, Message, RESERVED_PREFIX,
    adapter::{Callback, PPAdapter},
    schema::{Delivery, EventDescriptor, Registry},
    wire::{
        aim::Aim,
        channels::{TYPESCRIPT, room_problem},
    },
};

pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) registry: &'static Registry,
    pub(crate) counters: Counters,
    pub(crate) peers: Peers,
    /// How the schema fits the other nodes', once this node has joined them.
    pub(crate) fit: OnceLock<SchemaFit>,
    /// For what other nodes ask and this one has to wait for.
    pub(crate) runtime: Handle,
    hub: Hub,
    adapter: Box<dyn PPAdapter>,
    flusher: Arc<Flusher>,
    /// Rooms whose channel this node hears.
    heard: Mutex<HashMap<Arc<str>, Heard>>,
    /// Called by the adapter with what other nodes publish.
    pub(crate) callback: Callback,
    addresses: Arc<Addresses>,
    closing: AtomicBool,
    /// Told whenever a socket goes, and when the node begins to close.
    pub(crate) changed: Notify,
}

struct Heard {
    members: usize,
    /// Since when the room has had no members here.
    empty_since: Option<Instant>,
}

impl Node {
    pub(crate) async fn start(
        config: Config,
        registry: &'static Registry,
        adapter: Box<dyn PPAdapter>,
    ) -> Result<Arc<Self>, Error> {
        let peers = Peers::new().ok_or_else(|| Error::other("no random numbers to be had"))?;
        let flusher = Flusher::new(config.flush_interval);
        let node = Arc::new_cyclic(|weak: &std::sync::Weak<Self>| {
            let weak = weak.clone();
            let callback: Callback = Arc::new(move |delivery| {
                if let Some(node) = weak.upgrade() {
                    node.deliver(delivery);
                }
            });
            Self {
                config,
                registry,
                counters: Counters::default(),
                peers,
                fit: OnceLock::new(),
                runtime: Handle::current(),
                hub: Hub::default(),
                adapter,
                flusher: flusher.clone(),
                heard: Mutex::default(),
                callback,
                addresses: Arc::default(),
                closing: AtomicBool::new(false),
                changed: Notify::new(),
            }
        });
        tokio::spawn(flusher.run());
        tokio::spawn(keep_house(Arc::downgrade(&node)));
        let joined = node.join_cluster().await;
        if let Err(error) = joined {
            // What went wrong matters more than what the close finds.
            let _ = node.adapter.close().await;
            return Err(error);
        }
        Ok(node)
    }

    pub(crate) fn adapter(&self) -> &dyn PPAdapter {
        &*self.adapter
    }

    /// The sockets on this node that an aim is at.
    pub(crate) fn pick(&self, aim: &Aim<'_>) -> Vec<Arc<SocketCore>> {
        let mut picked = Vec::new();
        self.hub.each(aim, |socket| picked.push(socket.clone()));
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

    pub(crate) fn stats(&self) -> ServerStats {
        self.counters.snapshot(self.hub.len(), self.hub.rooms(), self.hub.queued_bytes())
    }

    /// Counts a client of an address; an error where there are as many as may be.
    pub(crate) fn admit(&self, address: Option<IpAddr>) -> Result<Option<AddressGuard>, ()> {
        match (address, self.config.limits.connections_per_address) {
            (_, 0) => Ok(None),
            (None, _) => {
                self.addresses.enter_unknown();
                Ok(None)
            }
            (Some(address), limit) => self.addresses.enter(address, limit).map(Some).ok_or(()),
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// A new socket, not in any room; `None` where the operating system has no random numbers to give.
    pub(crate) fn connect(&self, dialect: Dialect) -> Option<Arc<SocketCore>> {
        let socket = Arc::new(SocketCore::new(ClientId::random()?, self.config.limits.queue, dialect));
        gauge("painda_connections", self.hub.add(socket.clone()));
        Some(socket)
    }

    /// Takes a socket out of everything.
    pub(crate) fn disconnect(&self, socket: &SocketCore) {
        gauge("painda_connections", self.hub.remove(socket.id));
        let rooms = socket.rooms.lock().take();
        for room in rooms.into_iter().flatten() {
            self.exit(&room, socket.id);
        }
        self.changed.notify_waiters();
    }

    /// Puts a socket into a room; the future ends when remote emits to the room arrive here, or can't for now.
    pub(crate) fn join(
        &self,
        socket: &Arc<SocketCore>,
        room: &str,
    ) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
        let room: Arc<str> = check_room(room)?.into();
        let mut rooms = socket.rooms.lock();
        let rooms = rooms.as_mut().ok_or(Error::Disconnected)?;
        if rooms.len() >= self.config.limits.rooms && !rooms.contains(&room) {
            return Err(Error::TooManyRooms { limit: self.config.limits.rooms });
        }
        let subscribing = {
            let mut heard = self.heard.lock();
            let entry = heard.entry(room.clone()).or_insert(Heard { members: 0, empty_since: None });
            if !rooms.contains(&room) {
                entry.members += 1;
                entry.empty_since = None;
                self.hub.enter(&room, socket.clone());
                drop(self.adapter.add_to_room(&room, socket.id.as_str()));
                rooms.push(room.clone());
            }
            // Under the lock, so that it can't overtake an unsubscribe. Every member asks: the second one to join may
            // have to wait for the same confirmation as the first.
            self.adapter.subscribe(&room, self.callback.clone())
        };
        Ok(async move {
            if let Err(error) = subscribing.await {
                tracing::debug!(target: "painda::rooms", %room, %error, "joined; remote emits follow later");
            }
        })
    }

    pub(crate) fn leave(&self, socket: &SocketCore, room: &str) -> Result<(), Error> {
        let room = check_room(room)?;
        let mut rooms = socket.rooms.lock();
        let rooms = rooms.as_mut().ok_or(Error::Disconnected)?;
        if let Some(at) = rooms.iter().position(|known| **known == *room) {
            let room = rooms.swap_remove(at);
            self.exit(&room, socket.id);
        }
        Ok(())
    }

    fn exit(&self, room: &str, id: ClientId) {
        self.hub.exit(room, id);
        // The adapter's close removes everybody, in an order that others can clean up after.
        if !self.is_closing() {
            drop(self.adapter.remove_from_room(room, id.as_str()));
        }
        if let Some(entry) = self.heard.lock().get_mut(room) {
            entry.members -= 1;
            if entry.members == 0 {
                entry.empty_since = Some(Instant::now());
            }
        }
    }

    /// The way of every emit: this node's members first, then the other nodes.
    pub(crate) fn emit(&self, aim: &Aim<'_>, packet: &Packet, local: bool) -> Result<(), Error> {
        if let Some((room, why)) = aim.problem() {
            return Err(Error::InvalidName { kind: "room", name: room.to_owned(), why });
        }
        self.counters.emits.add(1);
        self.emit_here(aim, packet);
        if local {
            return Ok(());
        }
        self.publish(aim, packet).inspect_err(|_| self.counters.publish_failures.add(1))
    }

    fn publish(&self, aim: &Aim<'_>, packet: &Packet) -> Result<(), Error> {
        match aim.plain() {
            Some((channel, exclude)) => self.adapter.publish(channel, &packet.message, exclude)?,
            None => {
                let (channel, message, exclude) =
                    aim.publication(&packet.message).map_err(|error| Error::Adapter(error.into()))?;
                self.adapter.publish(channel, &message, exclude)?;
            }
        }
        if self.config.typescript_nodes
            && let Some(message) = typescript::remote_emit(self.registry, aim, packet)
        {
            self.adapter.publish(TYPESCRIPT, &message, None)?;
        }
        Ok(())
    }

    /// To the members on this node only.
    pub(crate) fn emit_here(&self, aim: &Aim<'_>, packet: &Packet) {
        let policy = self.policy(&packet.message);
        let mut dirty = Vec::new();
        let mut slow = Vec::new();
        let mut tally = Tally::default();
        self.hub.each(aim, |socket| match self.push_frame(socket, packet, &policy, &mut tally) {
            Pushed::FlushNeeded => dirty.push(socket.clone()),
            Pushed::Full => slow.push(socket.clone()),
            _ => {}
        });
        self.flusher.schedule(dirty);
        tally.count(&self.counters);
        slow.iter().for_each(|socket| self.close_slow(socket));
    }

    /// To one socket.
    pub(crate) fn push(&self, socket: &Arc<SocketCore>, packet: &Packet) -> Pushed {
        let mut tally = Tally::default();
        let pushed = self.push_frame(socket, packet, &self.policy(&packet.message), &mut tally);
        tally.count(&self.counters);
        match pushed {
            Pushed::FlushNeeded => self.flusher.schedule([socket.clone()]),
            Pushed::Full => self.close_slow(socket),
            _ => {}
        }
        pushed
    }

    /// Queues a ping.
    pub(crate) fn ping(&self, socket: &Arc<SocketCore>) {
        if socket.outbox.push(ping_frame(), &Policy::Volatile) == Pushed::FlushNeeded {
            self.flusher.schedule([socket.clone()]);
        }
    }

    /// What happens to a message where a client's queue is full, as its event declares it.
    fn policy(&self, message: &Message) -> Policy {
        let Message::Event { id, payload } = message else { return Policy::Reliable };
        match self.registry.by_id(*id).map(EventDescriptor::delivery) {
            None | Some(Delivery::Reliable) => Policy::Reliable,
            Some(Delivery::Volatile) => Policy::Volatile,
            Some(Delivery::Latest { key: None }) => Policy::Latest((*id, Bytes::new())),
            // Bytes from another node are not decoded here, and may be too short; such a message stays as it is.
            Some(Delivery::Latest { key: Some(range) }) if payload.len() >= range.end => {
                Policy::Latest((*id, payload.slice(range.clone())))
            }
            Some(Delivery::Latest { .. }) => Policy::Reliable,
        }
    }

    fn push_frame(&self, socket: &SocketCore, packet: &Packet, policy: &Policy, tally: &mut Tally) -> Pushed {
        let Some(frame) = packet.frame(socket.dialect(), self.registry) else {
            self.counters.unknown_events.add(1);
            return Pushed::Dropped;
        };
        let pushed = socket.outbox.push(frame.clone(), policy);
        tally.add(&pushed, frame.len());
        pushed
    }

    fn close_slow(&self, socket: &SocketCore) {
        if socket.close(close_code::TOO_SLOW, "the client reads too slowly, and its queue is full") {
            self.counters.slow_clients.add(1);
            tracing::warn!(target: "painda::socket", id = socket.id.as_str(), "closed a client that reads too slowly");
        }
    }

    /// A named event; one that the schema has is sent in its binary form.
    pub(crate) fn json_packet(&self, name: &str, payload: &Value) -> Result<Packet, Error> {
        match self.event_named(name)? {
            Some(event) => self.event_packet(event, event.from_json(payload)),
            None => Packet::named(self.config.framing, name, payload),
        }
    }

    /// The same with a payload that is JSON text. An event's encoding is not larger than four times the text, or than what a client
    /// may send.
    pub(crate) fn json_text_packet(&self, name: &str, payload: &str) -> Result<Packet, Error> {
        let limit = self.config.limits.event().max(payload.len().saturating_mul(4));
        match self.event_named(name)? {
            Some(event) => self.event_packet(event, event.from_json_text(payload, limit)),
            None => {
                let payload = Bytes::copy_from_slice(payload.as_bytes());
                Packet::message(self.config.framing, Message::named(name, payload))
            }
        }
    }

    fn event_packet(&self, event: &EventDescriptor, bytes: Result<Vec<u8>, JsonError>) -> Result<Packet, Error> {
        let bytes = bytes.map_err(|error| Error::Json { event: event.name().to_owned(), why: error.to_string() })?;
        Packet::message(self.config.framing, Message::event(event.id(), bytes.into()))
    }

    /// The event of the schema that has this name; an error where nobody may use the name.
    fn event_named(&self, name: &str) -> Result<Option<&'static EventDescriptor>, Error> {
        let invalid = |why| Err(Error::InvalidName { kind: "event", name: name.to_owned(), why });
        if name.starts_with(RESERVED_PREFIX) {
            return invalid("names that begin with \"__pp_\" belong to the protocol");
        }
        if name.len() > crate::wire::envelope::MAX_NAME_LEN {
            return invalid("it is longer than 65535 bytes");
        }
        Ok(self.registry.by_name(name))
    }

    /// A message of the protocol itself.
    pub(crate) fn control(&self, name: &'static str, payload: &Value) -> Option<Packet> {
        Packet::named(self.config.framing, name, payload).ok()
    }

    /// Tells every client that the node stops, and waits until they are gone or the deadline has passed.
    pub(crate) async fn close(&self, reason: &str) -> Result<(), Error> {
        self.closing.store(true, Ordering::Release);
        self.changed.notify_waiters();
        let deadline = self.config.shutdown_timeout;
        let timeout_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        if let Some(packet) = self.control("__pp_shutdown", &json!({ "reason": reason, "timeoutMs": timeout_ms })) {
            self.emit_here(&Aim::default(), &packet);
        }
        let all_gone = async {
            loop {
                let changed = self.changed.notified();
                // Again in each round: a handshake that was going on may have just ended.
                self.hub.each(&Aim::default(), |socket| {
                    socket.close(close_code::GOING_AWAY, "the server stops");
                });
                if self.hub.len() == 0 {
                    return;
                }
                changed.await;
            }
        };
        let drained = tokio::time::timeout(deadline, all_gone).await.is_ok();
        if !drained {
            self.hub.each(&Aim::default(), |socket| socket.outbox.abandon());
            tracing::warn!(target: "painda::server", "clients were cut off at the shutdown deadline");
        }
        Ok(self.adapter.close().await?)
    }
}

/// What became of one emit's frames, counted once.
#[derive(Default)]
struct Tally {
    queued: u64,
    bytes: u64,
    replaced: u64,
    dropped: u64,
    full: u64,
}

impl Tally {
    fn add(&mut self, pushed: &Pushed, bytes: usize) {
        match pushed {
            Pushed::Queued | Pushed::FlushNeeded => {
                self.queued += 1;
                self.bytes += bytes as u64;
            }
            Pushed::Replaced => self.replaced += 1,
            Pushed::Dropped => self.dropped += 1,
            Pushed::Full => self.full += 1,
            Pushed::Closed => {}
        }
    }

    fn count(&self, counters: &Counters) {
        counters.deliveries.add(self.queued);
        counters.delivered_bytes.add(self.bytes);
        counters.replaced_latest.add(self.replaced);
        counters.dropped_volatile.add(self.dropped);
        counters.dropped_full.add(self.full);
    }
}

/// Checks the name of a room.
pub(crate) fn check_room(room: &str) -> Result<&str, Error> {
    match room_problem(room) {
        None => Ok(room),
        Some(why) => Err(Error::InvalidName { kind: "room", name: room.to_owned(), why }),
    }
}

/// Stops hearing rooms that have had no members here for a while, and keeps the gauges. The delay keeps a room whose last
/// member reloads a page from being unsubscribed and subscribed again.
async fn keep_house(node: std::sync::Weak<Node>) {
    loop {
        let Some(linger) = node.upgrade().map(|node| node.config.room_linger) else { return };
        tokio::time::sleep((linger / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))).await;
        let Some(node) = node.upgrade() else { return };
        node.heard.lock().retain(|room, entry| {
            let keep = entry.empty_since.is_none_or(|since| since.elapsed() < linger);
            if !keep {
                drop(node.adapter.unsubscribe(room));
            }
            keep
        });
        if cfg!(feature = "metrics") {
            gauge("painda_rooms", node.hub.rooms());
            gauge("painda_queued_bytes", node.hub.queued_bytes());
        }
    }
}
