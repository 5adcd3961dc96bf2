//! One node: its hub, its adapter and what they need of each other. The way of every event goes through here.
//!
//! Knows no types of events and no connections.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    address::Addresses,
    client_id::ClientId,
    close_code,
    config::Config,
    core::SocketCore,
    error::Error,
    fit::SchemaFit,
    flusher::Flusher,
    hub::Hub,
    log::Log,
    outbox::{Bound, Policy, Pushed},
    packet::{Dialect, Framing, Packet, Unsaid, ping_frame},
    peers::Peers,
    pending::Pending,
    stats::{Closed, Counters, EventLabel, Facade, ServerStats},
    turns::Turns,
};
use crate::{
    JsonError, Message, RESERVED_PREFIX,
    adapter::{Callback, PPAdapter},
    message::RESERVED,
    schema::{Delivery, EventDescriptor, Registry},
    wire::{
        audience::Audience,
        channels::{RoomNameError, TYPESCRIPT, check_room as check_room_name},
        control::ToClient,
        typescript,
    },
};

pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) registry: &'static Registry,
    pub(crate) counters: Counters,
    pub(crate) facade: Facade,
    pub(crate) log: Log,
    pub(crate) peers: Peers,
    /// How the schema fits the other nodes', once this node has joined them.
    pub(crate) fit: OnceLock<SchemaFit>,
    /// For what other nodes ask and this one has to wait for.
    pub(crate) runtime: Handle,
    hub: Hub,
    adapter: Box<dyn PPAdapter>,
    flusher: Arc<Flusher>,
    /// Called by the adapter with what other nodes publish.
    pub(crate) callback: Callback,
    pub(crate) addresses: Arc<Addresses>,
    /// How many sockets are spoken to in JSON.
    json_sockets: AtomicUsize,
    /// Those whose disconnect hook has not ended yet.
    clients: AtomicUsize,
    /// Connect hooks that go on without their client.
    unfinished_hooks: AtomicUsize,
    /// The connections that are no WebSockets.
    pub(crate) http: Arc<Pending>,
    /// Who may work on a large message.
    pub(crate) turns: Turns,
    closing: AtomicBool,
    /// How the close went, once it is over.
    closed: watch::Sender<Option<Result<(), Error>>>,
    /// Told whenever a socket goes, and when the node begins to close.
    pub(crate) changed: Notify,
}

impl Node {
    pub(crate) async fn start(
        config: Config,
        registry: &'static Registry,
        adapter: Box<dyn PPAdapter>,
    ) -> Result<Arc<Self>, Error> {
        let peers = Peers::new(config.random.fork()).ok_or_else(|| Error::other("no random numbers to be had"))?;
        let flusher = Flusher::new(config.flush_interval);
        let addresses = Addresses::new(config.limits.connections_per_address, config.limits.ipv6_prefix);
        let http = Pending::new(config.limits.pending, config.handshake_timeout);
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
                counters: Counters::new(registry),
                facade: Facade::new(registry),
                log: Log::new(),
                peers,
                fit: OnceLock::new(),
                runtime: Handle::current(),
                hub: Hub::default(),
                adapter,
                flusher: flusher.clone(),
                callback,
                addresses,
                json_sockets: AtomicUsize::new(0),
                clients: AtomicUsize::new(0),
                unfinished_hooks: AtomicUsize::new(0),
                http,
                turns: Turns::new(&Handle::current()),
                closing: AtomicBool::new(false),
                closed: watch::Sender::new(None),
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

    /// Whether somebody here may be in this room.
    pub(crate) fn has_room(&self, room: &str) -> bool {
        self.hub.has(room)
    }

    /// The sockets on this node that an aim is at.
    pub(crate) fn pick(&self, aim: &Audience<'_>) -> Vec<Arc<SocketCore>> {
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

    /// Whether there are as many clients as the limit allows. A connect hook whose client has gone counts: otherwise whoever
    /// connects and vanishes again and again could have any number of them run.
    pub(crate) fn is_full(&self) -> bool {
        self.hub.len() + self.unfinished_hooks.load(Ordering::Acquire) >= self.config.limits.connections
    }

    pub(crate) fn stats(&self) -> ServerStats {
        self.counters.snapshot(self.hub.len(), self.hub.rooms(), self.hub.queued_bytes())
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// A new socket, not in any room; `None` where there are no random numbers to be had.
    pub(crate) fn connect(&self, dialect: Dialect) -> Option<Arc<SocketCore>> {
        let socket =
            Arc::new(SocketCore::new(ClientId::random(&self.config.random)?, self.config.limits.queue.clone()));
        if dialect != Dialect::V2 {
            self.hears_json(&socket, dialect);
        }
        self.facade.connections(self.hub.add(socket.clone()));
        self.counters.opened.add(1);
        Some(socket)
    }

    /// Speaks to a socket in JSON from now on.
    pub(crate) fn hears_json(&self, socket: &SocketCore, dialect: Dialect) {
        if !socket.rooms.lock().left {
            socket.set_dialect(dialect);
            self.json_sockets.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many bytes an event has in the largest form in which anybody here would get it.
    pub(crate) fn largest_form(&self, event: &EventDescriptor, payload: &[u8]) -> usize {
        match self.json_sockets.load(Ordering::Relaxed) {
            0 => payload.len(),
            _ => event.json_len(payload).unwrap_or(0).max(payload.len()),
        }
    }

    /// Takes a socket out of everything. Only the socket itself still knows the rooms that it was in. Of several ends the first
    /// counts: why, and the close code.
    pub(crate) fn disconnect(&self, socket: &SocketCore, (why, code): (Closed, u16)) {
        self.facade.connections(self.hub.remove(socket.id));
        let rooms = {
            let mut rooms = socket.rooms.lock();
            if std::mem::replace(&mut rooms.left, true) {
                return;
            }
            if socket.dialect() != Dialect::V2 {
                self.json_sockets.fetch_sub(1, Ordering::Relaxed);
            }
            rooms.names.clone()
        };
        self.counters.closed.add(why, code);
        for room in rooms {
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
        let room = check_room(room)?;
        let mut rooms = socket.rooms.lock();
        if rooms.left {
            return Err(Error::Disconnected);
        }
        let rooms = &mut rooms.names;
        let limit = self.config.limits.rooms;
        if rooms.len() >= limit && !rooms.iter().any(|known| **known == *room) {
            return Err(Error::TooManyRooms { limit });
        }
        let (room, subscribing) = self.hub.enter(room, socket, |room, entered| {
            if entered {
                drop(self.adapter.add_to_room(room, socket.id.as_str()));
                rooms.push(room.clone());
            }
            // Here, so that it can't overtake an unsubscribe. Every member asks: the second one to join may have to wait for the
            // same confirmation as the first.
            (room.clone(), self.adapter.subscribe(room, self.callback.clone()))
        });
        Ok(async move {
            if let Err(error) = subscribing.await {
                tracing::debug!(target: "painda::rooms", %room, %error, "joined; remote emits follow later");
            }
        })
    }

    pub(crate) fn leave(&self, socket: &SocketCore, room: &str) -> Result<(), Error> {
        let room = check_room(room)?;
        let mut rooms = socket.rooms.lock();
        if rooms.left {
            return Err(Error::Disconnected);
        }
        let rooms = &mut rooms.names;
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
    }

    /// The way of every emit: this node's members first, then the other nodes.
    pub(crate) fn emit(&self, aim: &Audience<'_>, packet: &Packet, local: bool) -> Result<(), Error> {
        aim.check_rooms().map_err(invalid_room)?;
        self.check_size(packet)?;
        let (policy, event) = self.policy(&packet.message);
        self.counters.emits.add(event, 1);
        self.emit_here_with(aim, packet, &policy, event);
        if local {
            return Ok(());
        }
        self.publish(aim, packet).inspect_err(|_| self.counters.publish_failures.add(1))
    }

    fn publish(&self, aim: &Audience<'_>, packet: &Packet) -> Result<(), Error> {
        match aim.plain() {
            Some((channel, exclude)) => self.adapter.publish(channel, &packet.message, exclude)?,
            None => {
                let (channel, message, exclude) =
                    aim.publication(&packet.message).map_err(|error| Error::Adapter(error.into()))?;
                self.adapter.publish(channel, &message, exclude)?;
            }
        }
        if self.config.typescript_nodes
            && let Some(message) = typescript::encode(self.registry, aim, &packet.message)
        {
            self.adapter.publish(TYPESCRIPT, &message, None)?;
        }
        Ok(())
    }

    /// To the members on this node only.
    pub(crate) fn emit_here(&self, aim: &Audience<'_>, packet: &Packet) {
        let (policy, event) = self.policy(&packet.message);
        self.emit_here_with(aim, packet, &policy, event);
    }

    fn emit_here_with(&self, aim: &Audience<'_>, packet: &Packet, policy: &Policy, event: EventLabel) {
        let mut dirty = Vec::new();
        let mut slow = Vec::new();
        let mut tally = Tally::default();
        self.hub.each(aim, |socket| match self.push_frame(socket, packet, policy, Bound::Burst, &mut tally) {
            Pushed::FlushNeeded => dirty.push(socket.clone()),
            Pushed::Slow => slow.push(socket.clone()),
            _ => {}
        });
        self.flusher.schedule(dirty);
        tally.count(&self.counters, event);
        slow.iter().for_each(|socket| self.close_slow(socket));
    }

    /// To one socket, whose emitter is told where there is no room.
    pub(crate) fn push(&self, socket: &Arc<SocketCore>, packet: &Packet) -> Pushed {
        let (policy, event) = self.policy(&packet.message);
        self.push_with(socket, packet, &policy, event)
    }

    fn push_with(&self, socket: &Arc<SocketCore>, packet: &Packet, policy: &Policy, event: EventLabel) -> Pushed {
        let mut tally = Tally::default();
        let pushed = self.push_frame(socket, packet, policy, Bound::Limit, &mut tally);
        tally.count(&self.counters, event);
        match pushed {
            Pushed::FlushNeeded => self.flusher.schedule([socket.clone()]),
            Pushed::Slow => self.close_slow(socket),
            _ => {}
        }
        pushed
    }

    /// Sends a client a message of the protocol itself; left out where much waits for it already, or it has gone.
    pub(crate) fn answer(&self, socket: &Arc<SocketCore>, packet: &Packet) {
        self.push_with(socket, packet, &Policy::Protocol, EventLabel::at(self.registry, None));
    }

    /// An error for what is larger than may ever wait for a client.
    pub(crate) fn check_size(&self, packet: &Packet) -> Result<(), Error> {
        let (len, limit) = (packet.len(), self.config.limits.queue.burst);
        if len > limit { Err(Error::TooLarge { len, limit }) } else { Ok(()) }
    }

    /// Queues a ping; `false` where too much waits for the client, or it has gone.
    pub(crate) fn ping(&self, socket: &Arc<SocketCore>) -> bool {
        match socket.outbox.push(ping_frame(), &Policy::Protocol, Bound::Limit) {
            Pushed::FlushNeeded => self.flusher.schedule([socket.clone()]),
            Pushed::Queued => {}
            _ => return false,
        }
        true
    }

    /// What happens to a message where a client's queue is full, as its event declares it; and the event as it is counted.
    fn policy(&self, message: &Message) -> (Policy, EventLabel) {
        let Message::Event { id, payload } = message else {
            return (Policy::Reliable, EventLabel::at(self.registry, None));
        };
        let entry = self.registry.entry(*id);
        let policy = match entry.map(|(_, event)| event.delivery()) {
            None | Some(Delivery::Reliable) => Policy::Reliable,
            Some(Delivery::Volatile) => Policy::Volatile,
            Some(Delivery::Latest { key: None }) => Policy::Latest((*id, Bytes::new())),
            // Bytes from another node are not decoded here, and may be too short; such a message stays as it is.
            Some(Delivery::Latest { key: Some(range) }) if payload.len() >= range.end => {
                // A copy, as a slice would keep the whole message for as long as the key is remembered.
                Policy::Latest((*id, Bytes::copy_from_slice(&payload[range.clone()])))
            }
            Some(Delivery::Latest { .. }) => Policy::Reliable,
        };
        (policy, EventLabel::at(self.registry, entry.map(|(position, _)| position)))
    }

    fn push_frame(
        &self,
        socket: &SocketCore,
        packet: &Packet,
        policy: &Policy,
        bound: Bound,
        tally: &mut Tally,
    ) -> Pushed {
        let (pushed, len) = match packet.frame(socket.dialect(), self.registry, self.config.limits.queue.largest()) {
            Ok(frame) => (socket.outbox.push(frame.clone(), policy, bound), frame.len()),
            Err(Unsaid::TooLarge) => (socket.outbox.refuse(), 0),
            Err(Unsaid::Unknown) => {
                self.counters.unknown_events.add(1);
                return Pushed::Dropped;
            }
        };
        tally.add(&pushed, len);
        pushed
    }

    /// Closes a client that has had too much waiting for it, or has taken nothing, for too long.
    pub(crate) fn close_slow(&self, socket: &SocketCore) {
        if socket.close_because(Closed::Slow, close_code::TOO_SLOW, "the client reads too slowly") {
            self.counters.slow_clients.add(1);
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
            return invalid(RESERVED);
        }
        if name.len() > crate::wire::envelope::MAX_NAME_LEN {
            return invalid("it is longer than 65535 bytes");
        }
        Ok(self.registry.by_name(name))
    }

    /// A message of the protocol itself.
    pub(crate) fn control(&self, said: &ToClient<'_>) -> Option<Packet> {
        Packet::message(self.config.framing, said.message()).ok()
    }

    /// Tells every client that the node stops, and waits until they are gone and their disconnect hooks have ended, or the deadline
    /// has passed; then closes the adapter. It goes on to its end whatever becomes of the future.
    pub(crate) fn close(self: &Arc<Self>, reason: &'static str) -> impl Future<Output = Result<(), Error>> + use<> {
        let mut closed = self.closed.subscribe();
        if !self.closing.swap(true, Ordering::AcqRel) {
            tracing::info!(target: "painda::server", connections = self.connections(), reason, "stopping");
            self.changed.notify_waiters();
            self.http.stop();
            let node = self.clone();
            let unfinished = Unfinished(self.clone());
            self.runtime.spawn(async move {
                let _unfinished = unfinished;
                let began = Instant::now();
                let result = node.wind_up(reason).await;
                let after = began.elapsed();
                match &result {
                    Ok(()) => tracing::info!(target: "painda::server", ?after, "stopped"),
                    Err(error) => tracing::warn!(target: "painda::server", ?after, %error, "stopped, but not in order"),
                }
                node.closed.send_replace(Some(result));
            });
        }
        async move {
            match closed.wait_for(Option::is_some).await {
                Ok(result) => result.clone().unwrap_or(Ok(())),
                Err(_) => Err(runtime_ended()),
            }
        }
    }

    async fn wind_up(&self, reason: &str) -> Result<(), Error> {
        let deadline = self.config.shutdown_timeout;
        let timeout_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        if let Some(packet) = self.control(&ToClient::Shutdown { reason, timeout_ms }) {
            let event = EventLabel::at(self.registry, None);
            self.emit_here_with(&Audience::default(), &packet, &Policy::Protocol, event);
        }
        // A handshake that is going on ends with the same.
        self.hub.each(&Audience::default(), SocketCore::go_away);
        let all_gone = async {
            loop {
                let changed = self.changed.notified();
                if self.clients.load(Ordering::Acquire) == 0 {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(deadline, all_gone).await.is_err() {
            self.hub.each(&Audience::default(), |socket| socket.outbox.abandon());
            let clients = self.clients.load(Ordering::Acquire);
            let what = "these clients or their hooks were cut off at the shutdown deadline";
            tracing::warn!(target: "painda::server", clients, "{what}");
        }
        Ok(self.adapter.close().await?)
    }
}

/// A close that has begun. Where the runtime ends before it does, whoever waits for it is told.
struct Unfinished(Arc<Node>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.closed.send_if_modified(|closed| {
            let unfinished = closed.is_none();
            closed.get_or_insert_with(|| Err(runtime_ended()));
            unfinished
        });
    }
}

fn runtime_ended() -> Error {
    Error::other("the runtime ended before the server was closed")
}

/// One client, from its handshake to the end of its disconnect hook: a server that closes waits for it.
pub(crate) struct Client(Arc<Node>);

impl Client {
    pub(crate) fn new(node: &Arc<Node>) -> Self {
        node.clients.fetch_add(1, Ordering::AcqRel);
        Self(node.clone())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}

/// A connect hook that goes on without its client, until it has ended.
pub(crate) struct UnfinishedHook(Arc<Node>);

impl UnfinishedHook {
    pub(crate) fn new(node: &Arc<Node>) -> Self {
        node.unfinished_hooks.fetch_add(1, Ordering::AcqRel);
        Self(node.clone())
    }
}

impl Drop for UnfinishedHook {
    fn drop(&mut self) {
        self.0.unfinished_hooks.fetch_sub(1, Ordering::AcqRel);
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
            Pushed::Full | Pushed::Slow | Pushed::TooLarge => self.full += 1,
            Pushed::Closed => {}
        }
    }

    fn count(&self, counters: &Counters, event: EventLabel) {
        counters.deliveries.add(event, self.queued);
        counters.delivered_bytes.add(event, self.bytes);
        counters.replaced_latest.add(event, self.replaced);
        counters.dropped_volatile.add(event, self.dropped);
        counters.dropped_full.add(event, self.full);
    }
}

/// Checks the name of a room.
pub(crate) fn check_room(room: &str) -> Result<&str, Error> {
    check_room_name(room).map(|()| room).map_err(|error| invalid_room((room, error)))
}

/// The error of a name that can't be a room's.
pub(super) fn invalid_room((room, error): (&str, RoomNameError)) -> Error {
    Error::InvalidName { kind: "room", name: room.to_owned(), why: error.as_str() }
}

/// Stops hearing rooms that have had no members here for a while, and keeps the gauges and the log. The delay keeps a room whose
/// last member reloads a page from being unsubscribed and subscribed again.
async fn keep_house(node: std::sync::Weak<Node>) {
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
