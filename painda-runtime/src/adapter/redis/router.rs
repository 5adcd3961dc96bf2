//! Which server has which channel and key: one for everything, or the masters of a cluster by their slots.
//!
//! Owns a lane for each server: its bookkeeping and its two tasks. What a server of a cluster loses to another is handed over
//! under the same lock that emits and subscriptions take, so that nothing slips in between and the order of each channel stays.
//! Which slots have moved is another file's affair.

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
use crate::adapter::{AdapterError, backoff::Backoff, membership::Written};

/// One server: its bookkeeping and its tasks.
pub(super) struct Lane {
    pub(super) shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

impl Lane {
    /// Lets go of the connections; says what had not been sent.
    fn end(&self) -> Unsent {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.shared.end()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The lanes, and which of them has a slot. Without a cluster there is one lane and no slots.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) all: Vec<Lane>,
    pub(super) slots: Vec<u16>,
}

/// Servers that publish nothing for a moment; what is emitted meanwhile queues.
pub(super) struct Frozen(Vec<Arc<Shared>>);

impl Frozen {
    fn new(lanes: Vec<Arc<Shared>>) -> Self {
        lanes.iter().for_each(|shared| shared.traffic.freeze(true));
        Self(lanes)
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

impl Lanes {
    /// Which lane has each slot, where `owners` are positions in `endpoints`.
    fn assigned(&self, endpoints: &[Endpoint], owners: &[u16]) -> Vec<u16> {
        let place = |endpoint: &Endpoint| {
            let at = self.all.iter().position(|lane| lane.shared.endpoint.addr() == endpoint.addr());
            at.and_then(|at| u16::try_from(at).ok())
        };
        let places: Vec<Option<u16>> = endpoints.iter().map(place).collect();
        let before = |slot: usize| self.slots.get(slot).copied().unwrap_or_default();
        let now = |owner: u16| places.get(usize::from(owner)).copied().flatten();
        owners.iter().enumerate().map(|(slot, owner)| now(*owner).unwrap_or_else(|| before(slot))).collect()
    }

    /// The lanes that have a slot which they will not have.
    fn losers(&self, slots: &[u16]) -> Vec<Arc<Shared>> {
        let moves = self.slots.iter().zip(slots).filter(|(before, now)| before != now);
        let lost: BTreeSet<u16> = moves.map(|(before, _)| *before).collect();
        lost.into_iter().filter_map(|at| self.all.get(usize::from(at))).map(|lane| lane.shared.clone()).collect()
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
    lanes: RwLock<Lanes>,
    next_lane: AtomicU64,
    pub(super) reroute: Arc<Notify>,
    pub(super) closing: Arc<Closing>,
    /// In how many rooms each client of this node is.
    clients: Mutex<HashMap<Arc<str>, usize>>,
}

/// What both SETs of a room's membership say once Redis has taken it.
pub(super) struct RoomChange {
    pub(super) down: Option<AdapterError>,
    pub(super) written: [Written; 2],
}

impl Router {
    /// Of a node with a new id; an error where there are no random numbers to be had.
    pub(super) fn new(settings: Settings) -> Result<Self, AdapterError> {
        let node = settings.random.u64().map_err(|error| AdapterError::Unavailable(error.to_string().into()))?;
        Ok(Self {
            settings: Arc::new(settings),
            observed: Arc::default(),
            node_id: format!("{node:016x}"),
            node,
            lanes: RwLock::default(),
            next_lane: AtomicU64::new(0),
            reroute: Arc::default(),
            closing: Arc::default(),
            clients: Mutex::default(),
        })
    }

    /// Connects to a server; what went wrong is left to the lane's tasks unless `strict`.
    pub(super) async fn connect(&self, endpoint: Endpoint, strict: bool) -> Result<Lane, AdapterError> {
        let lane = self.next_lane.fetch_add(1, Relaxed);
        let ids = (self.node, lane);
        let (settings, observed) = (self.settings.clone(), self.observed.clone());
        let shared = Shared::new(settings, endpoint, ids, observed, self.reroute.clone(), self.closing.clone());
        let shared = Arc::new(shared);
        let [publishes, subscribes] = self.backoffs();
        let publishing = publisher::open(&shared).await;
        let subscribing = subscriber::open(&shared).await;
        if strict {
            let failed = publishing.as_ref().err().or(subscribing.as_ref().err());
            if let Some(error) = failed {
                return Err(error.clone());
            }
        }
        let tasks = [
            tokio::spawn(publisher::run(shared.clone(), publishing, publishes)),
            tokio::spawn(subscriber::run(shared.clone(), subscribing, subscribes)),
        ];
        Ok(Lane { shared, tasks })
    }

    /// How long both tasks of a new lane wait between attempts.
    fn backoffs(&self) -> [Backoff; 2] {
        [(); 2].map(|()| Backoff::new(CONNECT_TIMEOUT, self.settings.random.fork()))
    }

    /// The first lanes, at the start.
    pub(super) fn begin(&self, lanes: Lanes) {
        *self.lanes.write() = lanes;
    }

    /// Calls `act` with the lane of a key; whatever it does comes before or after a handover as a whole.
    pub(super) fn with<T>(&self, key: &str, act: impl FnOnce(&Shared) -> T) -> T {
        act(self.lanes.read().of(key))
    }

    /// The same for a channel.
    pub(super) fn with_channel<T>(&self, channel: &str, act: impl FnOnce(&Shared) -> T) -> T {
        // Without a cluster the key does not matter, and is not put together.
        if self.settings.is_cluster() {
            self.with(&self.settings.channel_key(channel), act)
        } else {
            self.with("", act)
        }
    }

    /// Lets go of all connections at once.
    pub(super) fn drop_lanes(&self) {
        for lane in &self.lanes.read().all {
            lane.tasks.iter().for_each(JoinHandle::abort);
        }
    }

    /// All lanes' bookkeeping.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        self.lanes.read().all.iter().map(|lane| lane.shared.clone()).collect()
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

    /// The same for what adds something. A server that is full takes the removal of something, and that shows nothing.
    pub(super) async fn add<T: FromRedisValue>(&self, key: &str, command: &mut Cmd) -> Result<T, AdapterError> {
        let (reply, shared) = self.send(key, command).await?;
        shared.wrote();
        Ok(reply)
    }

    async fn send<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> Result<(T, Arc<Shared>), AdapterError> {
        let shared = self.lanes.read().of(key).clone();
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

    fn set(&self, key: &Arc<str>, member: &Arc<str>, wanted: bool) -> (Written, bool, Option<AdapterError>) {
        self.with(key, |shared| {
            let (written, changed) = shared.members.lock().set(key, member, wanted);
            shared.to_publish.notify_one();
            (written, changed, shared.why_writes_wait())
        })
    }

    /// Notes that a client is in a room, or is not; `None` once the close has begun.
    ///
    /// Others clean up by the node's record and its clients' rooms: so these are there before the room has the client, and go
    /// after it.
    pub(super) fn change_room(&self, room: &str, client: &str, inside: bool) -> Option<RoomChange> {
        let (room_key, client_key) = (self.settings.room_key(room).into(), self.settings.client_key(client).into());
        let (room, client): (Arc<str>, Arc<str>) = (room.into(), client.into());
        let record: Arc<str> = self.settings.record_key(&self.node_id).into();
        // Throughout, so that calls take effect in one order everywhere.
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

    /// Has everything written again that this node wants to be in the SETs.
    pub(super) fn rewrite_members(&self) {
        for shared in self.all() {
            shared.members.lock().rewrite();
            shared.to_publish.notify_one();
        }
    }

    /// The servers that there are lanes for.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        self.all().iter().map(|shared| shared.endpoint.clone()).collect()
    }

    /// Gives each slot to the server that has it now: `owners` are positions in `endpoints`. Lanes are made for new servers
    /// before the lock is taken, and dropped for those that have no slot left.
    pub(super) async fn reassign(&self, endpoints: &[Endpoint], owners: &[u16]) {
        let known: HashSet<String> = self.endpoints().iter().map(|endpoint| endpoint.addr().to_string()).collect();
        let mut new = Vec::new();
        for endpoint in endpoints.iter().filter(|endpoint| !known.contains(&endpoint.addr().to_string())) {
            if let Ok(lane) = self.connect(endpoint.clone(), false).await {
                new.push(lane);
            }
        }
        let (slots, losers) = {
            let mut lanes = self.lanes.write();
            lanes.all.extend(new);
            let slots = lanes.assigned(endpoints, owners);
            let losers = lanes.losers(&slots);
            (slots, Frozen::new(losers))
        };
        // What is in flight to a server that has lost its slot comes back, and must be handed over before anything newer.
        for shared in &losers.0 {
            let settled = shared.until(|shared| shared.traffic.in_flight() == 0);
            // Longer than a connection waits for its answers.
            let _ = timeout(2 * RESPONSE_TIMEOUT, settled).await;
            let commands = shared.commands.lock().clone();
            if let Some(mut commands) = commands {
                // One that was cut off may have taken what nobody else has heard.
                let _ = timeout(ASK_TIMEOUT, shared.cluster_is_up(&mut commands)).await;
            }
        }
        let mut lanes = self.lanes.write();
        lanes.slots = slots;
        hand_over(&lanes, &self.settings);
        losers.0.iter().for_each(|shared| shared.forget_refusals());
        drop(losers);
        let used: HashSet<u16> = lanes.slots.iter().copied().collect();
        retire(&mut lanes, &used);
    }

    /// Takes nothing new from now on; `false` where that was so before.
    pub(super) fn begin_close(&self) -> bool {
        // Rooms change under this lock: nobody enters one behind the close.
        let _clients = self.clients.lock();
        self.closing.begin()
    }

    /// Wants nothing to be in these SETs any more.
    pub(super) fn leave(&self, which: impl Fn(&str) -> bool) {
        for lane in &self.lanes.read().all {
            lane.shared.members.lock().leave(&which);
            lane.shared.to_publish.notify_one();
        }
    }

    /// Tries again what servers have refused.
    pub(super) fn retry_members(&self) {
        for lane in &self.lanes.read().all {
            if lane.shared.members.lock().retry_refused() {
                lane.shared.to_publish.notify_one();
            }
        }
    }

    /// Is this so on all lanes? A handover comes before or after the question as a whole.
    pub(super) fn all_are(&self, so: impl Fn(&Shared) -> bool) -> bool {
        self.lanes.read().all.iter().all(|lane| so(&lane.shared))
    }

    /// The end of the close: what is left now stays unsent.
    pub(super) fn end(&self) {
        let mut unsent = Unsent::default();
        for lane in &self.lanes.read().all {
            unsent += lane.end();
        }
        self.closing.end(unsent);
    }
}

/// Moves channels, publishes and members to the lanes that have their slots now.
fn hand_over(lanes: &Lanes, settings: &Settings) {
    for lane in &lanes.all {
        let shared = &lane.shared;
        let ours = |key: &str| Arc::ptr_eq(lanes.of(key), shared);
        let (wanted, items) = shared.traffic.hand_over(|channel| ours(&settings.channel_key(channel)));
        for (channel, callback) in wanted {
            let to = lanes.of(&settings.channel_key(&channel));
            drop(to.traffic.want(&channel, callback));
            to.to_subscribe.notify_one();
        }
        for item in items {
            let to = lanes.of(&settings.channel_key(&item.channel));
            to.traffic.take_over(vec![item]);
            to.to_publish.notify_one();
        }
        let mut moved = Vec::new();
        shared.members.lock().hand_over(ours, |wish| moved.push(wish));
        for wish in moved {
            let to = lanes.of(wish.key());
            to.members.lock().take_over(wish);
            to.to_publish.notify_one();
        }
        shared.to_subscribe.notify_one();
    }
}

/// Drops the lanes without slots. What was in flight there is lost with them, and counted.
fn retire(lanes: &mut Lanes, used: &HashSet<u16>) {
    let mut kept = Vec::new();
    let mut places = HashMap::new();
    for (at, lane) in (0_u16..).zip(std::mem::take(&mut lanes.all)) {
        if used.contains(&at) {
            places.insert(at, kept.len() as u16);
            kept.push(lane);
        } else {
            lane.end();
            lane.shared.retire();
        }
    }
    lanes.all = kept;
    for slot in &mut lanes.slots {
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
