//! Which server has which channel and key: one server for everything, or the masters of a Redis Cluster by their slots.
//!
//! Owns a link for each server: its bookkeeping and its two tasks. When a slot moves to another server, its channels and keys are
//! handed over under the lock that emits and subscriptions take: otherwise a newer publish could overtake those that move.
//! Which slots have moved is found out by [`topology`](super::topology).

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::{Mutex, RwLock};
use redis::{Cmd, FromRedisValue};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};

use super::{
    answer::command_error,
    closing::{Closing, Unsent},
    endpoint::Endpoint,
    part::Part,
    publisher,
    settings::Settings,
    shared::Shared,
    slots,
    stats::{Observed, RedisStats},
    subscriber,
    timings::{ASK_TIMEOUT, CONNECT_TIMEOUT, RESPONSE_TIMEOUT},
};
use crate::adapter::{AdapterError, backoff::Backoff, waiters::Confirmation};

/// This node's link to one server: the bookkeeping, and the tasks of the two connections.
pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

impl Link {
    /// Ends the connections. Returns what had not been sent.
    fn end(&self) -> Unsent {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.shared.end()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What follows if a server can't be reached at the first attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// The error is returned: at the start, so that a wrong setting is noticed.
    Return,
    /// The link's tasks try again.
    Retry,
}

/// The links, and the index of the link for each slot. Without a Redis Cluster there is one link and no slots.
#[derive(Default)]
pub(super) struct Links {
    pub(super) all: Vec<Link>,
    pub(super) slots: Vec<u16>,
}

/// Links that publish nothing for a moment; what is emitted meanwhile is queued.
pub(super) struct Frozen(Vec<Arc<Shared>>);

impl Frozen {
    fn new(links: Vec<Arc<Shared>>) -> Self {
        links.iter().for_each(|shared| shared.traffic.freeze(true));
        Self(links)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for shared in &self.0 {
            shared.traffic.freeze(false);
            shared.to_publish.notify_one();
        }
    }
}

impl Links {
    /// The index of the link for each slot. `owners` has for each slot an index in `endpoints`.
    fn assigned(&self, endpoints: &[Endpoint], owners: &[u16]) -> Vec<u16> {
        let place = |endpoint: &Endpoint| {
            let at = self.all.iter().position(|link| link.shared.endpoint.addr() == endpoint.addr());
            at.and_then(|at| u16::try_from(at).ok())
        };
        let places: Vec<Option<u16>> = endpoints.iter().map(place).collect();
        let before = |slot: usize| self.slots.get(slot).copied().unwrap_or_default();
        let now = |owner: u16| places.get(usize::from(owner)).copied().flatten();
        owners.iter().enumerate().map(|(slot, owner)| now(*owner).unwrap_or_else(|| before(slot))).collect()
    }

    /// The links that lose a slot by this change.
    fn losing(&self, slots: &[u16]) -> Vec<Arc<Shared>> {
        let moves = self.slots.iter().zip(slots).filter(|(before, now)| before != now);
        let lost: BTreeSet<u16> = moves.map(|(before, _)| *before).collect();
        lost.into_iter().filter_map(|at| self.all.get(usize::from(at))).map(|link| link.shared.clone()).collect()
    }

    fn of(&self, key: &str) -> &Arc<Shared> {
        let at = if self.slots.is_empty() { 0 } else { usize::from(self.slots[usize::from(slots::slot(key))]) };
        &self.all[at].shared
    }
}

pub(super) struct Router {
    pub(super) settings: Arc<Settings>,
    pub(super) observed: Arc<Observed>,
    pub(super) node_id: String,
    node: u64,
    links: RwLock<Links>,
    next_link: AtomicU64,
    pub(super) reroute: Arc<Notify>,
    pub(super) closing: Arc<Closing>,
    /// In how many rooms each client of this node is.
    clients: Mutex<HashMap<Arc<str>, usize>>,
}

/// The change of a room's members and of a client's rooms, which are two SETs.
pub(super) struct RoomChange {
    /// Why it has to wait, if it does.
    pub(super) down: Option<AdapterError>,
    pub(super) written: [Confirmation; 2],
}

impl Router {
    /// For a node with a new random id. An error where the operating system gives no random numbers.
    pub(super) fn new(settings: Settings) -> Result<Self, AdapterError> {
        let node = settings.random.u64().map_err(|error| AdapterError::Unavailable(error.to_string().into()))?;
        Ok(Self {
            settings: Arc::new(settings),
            observed: Arc::default(),
            node_id: format!("{node:016x}"),
            node,
            links: RwLock::default(),
            next_link: AtomicU64::new(0),
            reroute: Arc::default(),
            closing: Arc::default(),
            clients: Mutex::default(),
        })
    }

    /// Connects to a server.
    pub(super) async fn connect(&self, endpoint: Endpoint, failure: OnFailure) -> Result<Link, AdapterError> {
        let link = self.next_link.fetch_add(1, Relaxed);
        let ids = (self.node, link);
        let (settings, observed) = (self.settings.clone(), self.observed.clone());
        let shared = Shared::new(settings, endpoint, ids, observed, self.reroute.clone(), self.closing.clone());
        let shared = Arc::new(shared);
        let [publishes, subscribes] = self.backoffs();
        let publishing = publisher::open(&shared).await;
        let subscribing = subscriber::open(&shared).await;
        if failure == OnFailure::Return {
            let failed = publishing.as_ref().err().or(subscribing.as_ref().err());
            if let Some(error) = failed {
                return Err(error.clone());
            }
        }
        let tasks = [
            tokio::spawn(publisher::run(shared.clone(), publishing, publishes)),
            tokio::spawn(subscriber::run(shared.clone(), subscribing, subscribes)),
        ];
        Ok(Link { shared, tasks })
    }

    /// The delays between connection attempts of both tasks of a new link.
    fn backoffs(&self) -> [Backoff; 2] {
        [(); 2].map(|()| Backoff::new(CONNECT_TIMEOUT, self.settings.random.fork()))
    }

    /// Sets the first links, at the start.
    pub(super) fn begin(&self, links: Links) {
        *self.links.write() = links;
    }

    /// Calls `act` with the link of a key. No handover takes place meanwhile.
    pub(super) fn with<T>(&self, key: &str, act: impl FnOnce(&Shared) -> T) -> T {
        act(self.links.read().of(key))
    }

    /// The same for a channel.
    pub(super) fn with_channel<T>(&self, channel: &str, act: impl FnOnce(&Shared) -> T) -> T {
        // Without a Redis Cluster there is one link, and the key need not be built.
        if self.settings.is_cluster() {
            self.with(&self.settings.channel_key(channel), act)
        } else {
            self.with("", act)
        }
    }

    /// Ends all connections at once.
    pub(super) fn drop_links(&self) {
        for link in &self.links.read().all {
            link.tasks.iter().for_each(JoinHandle::abort);
        }
    }

    /// All links' bookkeeping.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        self.links.read().all.iter().map(|link| link.shared.clone()).collect()
    }

    /// What was counted, and what waits for all servers.
    pub(super) fn stats(&self) -> RedisStats {
        let mut stats = self.observed.snapshot();
        for shared in self.all() {
            let waiting = shared.traffic.waiting();
            stats.queued += waiting.queued as u64;
            stats.queued_bytes += waiting.queued_bytes as u64;
            stats.in_flight += waiting.in_flight;
        }
        stats
    }

    /// Asks the server of a key, on its publishing connection.
    pub(super) async fn ask<T: FromRedisValue>(&self, key: &str, command: &mut Cmd) -> Result<T, AdapterError> {
        Ok(self.send(key, command).await?.0)
    }

    /// The same for a command that adds data: its success shows that the server takes writes. A full server still takes removals.
    pub(super) async fn add<T: FromRedisValue>(&self, key: &str, command: &mut Cmd) -> Result<T, AdapterError> {
        let (reply, shared) = self.send(key, command).await?;
        shared.wrote();
        Ok(reply)
    }

    async fn send<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> Result<(T, Arc<Shared>), AdapterError> {
        let shared = self.links.read().of(key).clone();
        let commands = shared.commands.lock().clone();
        let mut commands = commands.ok_or_else(|| shared.why(Part::Publishing).unwrap_or(AdapterError::Closed))?;
        match command.query_async(&mut commands).await {
            Ok(reply) => Ok((reply, shared)),
            Err(error) => {
                let error = command_error(&error);
                shared.note(&error);
                Err(error)
            }
        }
    }

    fn set(&self, key: &Arc<str>, member: &Arc<str>, wanted: bool) -> (Confirmation, bool, Option<AdapterError>) {
        self.with(key, |shared| {
            let (written, changed) = shared.members.lock().set(key, member, wanted);
            shared.to_publish.notify_one();
            (written, changed, shared.why_writes_wait())
        })
    }

    /// Records that a client is in a room, or is not. `None` once the close has begun.
    ///
    /// If this node dies, the others find its members by its SET of clients and by each client's SET of rooms. So these are written
    /// before the room's SET and removed after it: a room's member that is in neither would stay for ever.
    pub(super) fn change_room(&self, room: &str, client: &str, inside: bool) -> Option<RoomChange> {
        let (room_key, client_key) = (self.settings.room_key(room).into(), self.settings.client_key(client).into());
        let (room, client): (Arc<str>, Arc<str>) = (room.into(), client.into());
        let record: Arc<str> = self.settings.record_key(&self.node_id).into();
        // Held throughout, so that calls take effect in the same order in all SETs.
        let mut clients = self.clients.lock();
        if self.closing.has_begun() {
            return None;
        }
        let before = (!inside).then(|| self.set(&room_key, &client, false));
        let (in_client, changed, down) = self.set(&client_key, &room, inside);
        if changed && inside {
            let rooms = clients.entry(client.clone()).or_insert(0);
            *rooms += 1;
            if *rooms == 1 {
                drop(self.set(&record, &client, true));
            }
        } else if changed && let Some(rooms) = clients.get_mut(&client) {
            *rooms -= 1;
            if *rooms == 0 {
                clients.remove(&client);
                drop(self.set(&record, &client, false));
            }
        }
        let (in_room, _, also_down) = before.unwrap_or_else(|| self.set(&room_key, &client, true));
        Some(RoomChange { down: down.or(also_down), written: [in_client, in_room] })
    }

    /// Has all members of this node written again.
    pub(super) fn rewrite_members(&self) {
        for shared in self.all() {
            shared.members.lock().rewrite();
            shared.to_publish.notify_one();
        }
    }

    /// The servers that there are links for.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        self.all().iter().map(|shared| shared.endpoint.clone()).collect()
    }

    /// Assigns each slot to the server that has it now: `owners` has for each slot an index in `endpoints`. Links to new servers
    /// are made before the lock is taken; links to servers without slots are dropped.
    pub(super) async fn reassign(&self, endpoints: &[Endpoint], owners: &[u16]) {
        let known: HashSet<String> = self.endpoints().iter().map(|endpoint| endpoint.addr().to_string()).collect();
        let mut new = Vec::new();
        for endpoint in endpoints.iter().filter(|endpoint| !known.contains(&endpoint.addr().to_string())) {
            if let Ok(link) = self.connect(endpoint.clone(), OnFailure::Retry).await {
                new.push(link);
            }
        }
        let (slots, losing) = {
            let mut links = self.links.write();
            links.all.extend(new);
            let slots = links.assigned(endpoints, owners);
            let losing = links.losing(&slots);
            (slots, Frozen::new(losing))
        };
        // Publishes in flight to a server that has lost the slot are refused, and must be handed over before any newer ones.
        for shared in &losing.0 {
            let settled = shared.until(|shared| shared.traffic.in_flight() == 0);
            // A connection waits for its answers for half as long.
            let _ = timeout(2 * RESPONSE_TIMEOUT, settled).await;
            let commands = shared.commands.lock().clone();
            if let Some(mut commands) = commands {
                // A server that is cut off from the others may have taken publishes that no other server has got.
                let _ = timeout(ASK_TIMEOUT, shared.cluster_is_up(&mut commands)).await;
            }
        }
        let mut links = self.links.write();
        links.slots = slots;
        hand_over(&links, &self.settings);
        losing.0.iter().for_each(|shared| shared.forget_refusals());
        drop(losing);
        let used: HashSet<u16> = links.slots.iter().copied().collect();
        retire(&mut links, &used);
    }

    /// Begins the close: nothing new is taken from now on. `false` if it had begun before.
    pub(super) fn begin_close(&self) -> bool {
        // Rooms change under this lock, so no client can enter one after the close has begun.
        let _clients = self.clients.lock();
        self.closing.begin()
    }

    /// Records that these SETs are to have no member of this node any more.
    pub(super) fn leave(&self, which: impl Fn(&str) -> bool) {
        for link in &self.links.read().all {
            link.shared.members.lock().leave(&which);
            link.shared.to_publish.notify_one();
        }
    }

    /// Tries again what servers have refused.
    pub(super) fn retry_members(&self) {
        for link in &self.links.read().all {
            if link.shared.members.lock().retry_refused() {
                link.shared.to_publish.notify_one();
            }
        }
    }

    /// Does this hold for all links? No handover takes place meanwhile.
    pub(super) fn all_are(&self, so: impl Fn(&Shared) -> bool) -> bool {
        self.links.read().all.iter().all(|link| so(&link.shared))
    }

    /// Ends the close: what is left now stays unsent.
    pub(super) fn end(&self) {
        let mut unsent = Unsent::default();
        for link in &self.links.read().all {
            unsent += link.end();
        }
        self.closing.end(unsent);
    }
}

/// Hands channels, publishes and members over to the links that have their slots now.
fn hand_over(links: &Links, settings: &Settings) {
    for link in &links.all {
        let shared = &link.shared;
        let ours = |key: &str| Arc::ptr_eq(links.of(key), shared);
        let (wanted, items) = shared.traffic.hand_over(|channel| ours(&settings.channel_key(channel)));
        for (channel, callback) in wanted {
            let to = links.of(&settings.channel_key(&channel));
            drop(to.traffic.want(&channel, callback));
            to.to_subscribe.notify_one();
        }
        for item in items {
            let to = links.of(&settings.channel_key(&item.channel));
            to.traffic.take_over(vec![item]);
            to.to_publish.notify_one();
        }
        let mut moved = Vec::new();
        shared.members.lock().hand_over(ours, |membership| moved.push(membership));
        for membership in moved {
            let to = links.of(membership.key());
            to.members.lock().take_over(membership);
            to.to_publish.notify_one();
        }
        shared.to_subscribe.notify_one();
    }
}

/// Drops the links without slots. What was in flight there is counted as lost.
fn retire(links: &mut Links, used: &HashSet<u16>) {
    let mut kept = Vec::new();
    let mut places = HashMap::new();
    for (at, link) in (0_u16..).zip(std::mem::take(&mut links.all)) {
        if used.contains(&at) {
            places.insert(at, kept.len() as u16);
            kept.push(link);
        } else {
            link.end();
            link.shared.retire();
        }
    }
    links.all = kept;
    for slot in &mut links.slots {
        *slot = places.get(slot).copied().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::adapter::redis::RedisBuilder;

    #[test]
    fn a_seed_gives_the_same_id_and_delays_in_each_run() {
        let chosen = |builder: RedisBuilder| {
            let router = Router::new(builder.settings().expect("right")).expect("random numbers");
            let mut backoffs: Vec<Backoff> = (0..3).flat_map(|_| router.backoffs()).collect();
            let now = Instant::now();
            let delays: Vec<Duration> = backoffs.iter_mut().map(|backoff| backoff.delay(now)).collect();
            (router.node_id, delays)
        };
        let (node, delays) = chosen(RedisBuilder::default().seed(7));
        assert!(delays.iter().any(|delay| *delay != delays[0]), "each task has its own: {delays:?}");
        assert_eq!(chosen(RedisBuilder::default().seed(7)), (node.clone(), delays));
        for other in [RedisBuilder::default().seed(8), RedisBuilder::default()] {
            assert_ne!(chosen(other).0, node);
        }
    }
}
