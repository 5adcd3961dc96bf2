//! What goes out and comes in, channel by channel, so that each message is handed on exactly once.
//!
//! This is bookkeeping alone: no connection, no task, no clock. The publisher asks it what to write next, the subscriber
//! asks it which subscriptions to make and end, and tells it what Redis confirmed and sent.
//!
//! Redis sends us a copy of what we publish on a channel that we subscribe to. To recognise it we must know, for each publish,
//! whether a copy will come. A channel is therefore in one of these phases:
//!
//! | phase | Redis sends us this channel | a publish to it |
//! | --- | --- | --- |
//! | idle | no | goes out, no copy will come |
//! | asking | from some moment on | is held until the confirmation |
//! | active | yes | goes out, and its copy is due |
//! | leaving | until some moment | goes out; what is received is ignored |
//!
//! Publishing and subscribing are two connections, which Redis may serve in either order. A publish that was written
//! while its channel was idle could thus be processed after a `SUBSCRIBE` that was written later. So a `SUBSCRIBE` waits
//! for the *barrier*: the batch of publishes that was in flight when the channel began to ask must be settled, that is,
//! answered, or sent by a connection that Redis has closed. One batch is in flight at a time.
//!
//! # Who waits for whom
//!
//! An emit to one room never waits for a join, a leave or a subscription of another. There are four kinds of locks, taken in
//! this order and never in another:
//!
//! 1. `order`: of the publisher's task and of the subscriber's. No emit, join or leave takes it. A channel begins and ends to
//!    be *asking* only under it, and a batch is put together under it: so every publish of a batch has seen the phases of one
//!    moment, and `taken` says at that moment which batches came before.
//! 2. A channel's own: of joins, leaves and messages received on this channel, and of the publisher's task for each publish to it.
//! 3. `listed`: of joins and leaves, for one push.
//! 4. `queue`: of emits, for one push, and of the publisher's task, which takes what it can send in one go and looks at the channels
//!    afterwards. It is one for all rooms because one connection publishes for all. No join or leave takes it, and no confirmation
//!    of a subscription: what that lets go is put back by the publisher's task, before it takes its next batch.
//!
//! Channels are found without a lock.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use papaya::HashMap as ConcurrentMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{
    echoes::Echoes,
    publish_queue::{Full, Item, PublishQueue},
};
use crate::adapter::{AdapterError, Callback};

/// The most publishes that go out in one write.
const BATCH_ITEMS: usize = 1024;
/// Once a batch has this many bytes, no further publish joins it.
const BATCH_BYTES: usize = 1 << 20;

type Waiter = oneshot::Sender<Result<(), AdapterError>>;
/// Resolves when a subscription is confirmed, refused or lost.
pub(super) type Confirmation = oneshot::Receiver<Result<(), AdapterError>>;

struct Channel {
    name: Arc<str>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    wanted: Option<Callback>,
    phase: Phase,
    /// Is in the list of channels to look at.
    listed: bool,
    waiters: Vec<Waiter>,
    /// It is not in the table any more, and must not be changed.
    ended: bool,
}

#[derive(Default)]
enum Phase {
    #[default]
    Idle,
    Asking,
    /// Received on the subscribing connection of this epoch.
    Active {
        echoes: Echoes,
        epoch: u64,
    },
    Leaving,
}

/// A publish that is being written.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) item: Item,
    /// Its copy will come back.
    echo: bool,
}

/// Subscriptions to make and to end.
#[derive(Debug, Default)]
pub(super) struct SubscriptionChanges {
    pub(super) subscribe: Vec<Arc<str>>,
    pub(super) unsubscribe: Vec<Arc<str>>,
    /// The batch that must be settled before `subscribe` may be sent.
    pub(super) barrier: u64,
}

/// What to do with a message that came in.
pub(super) enum Received {
    /// Nobody wants it any more, or it belongs to an earlier subscription.
    Unwanted,
    /// The copy of our own publish.
    Own {
        /// So many copies were due that nothing was published; now it can go on.
        go_on: bool,
    },
    /// Another node's.
    Other(Callback),
}

/// Why a publish was not queued.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotQueued {
    /// The bound is reached.
    Full,
    /// The node closes.
    Closed,
}

/// What waits: a length, and bytes as the bound counts them; and how many publishes Redis has not answered.
pub(super) struct Waiting {
    pub(super) queued: usize,
    pub(super) queued_bytes: usize,
    pub(super) in_flight: u64,
}

pub(super) struct Traffic {
    /// Hashed by a secret of this process, as clients may choose the names: what is done for each is done in the order of the names.
    channels: ConcurrentMap<Arc<str>, Arc<Channel>>,
    order: Mutex<Order>,
    listed: Mutex<Listed>,
    queue: Mutex<PublishQueue>,
    /// What all channels' copies that are due cost together. Changed under the channel's lock.
    echo_cost: AtomicUsize,
    echo_limit: usize,
    /// Messages that came in, of any kind.
    arrived: AtomicU64,
}

#[derive(Default)]
struct Order {
    /// The number of the last batch that was taken, and of the last one that is settled.
    taken: u64,
    settled: u64,
    /// How many publishes the batch in flight has.
    in_flight: u64,
    /// Nothing is taken.
    frozen: bool,
    /// Some channel is not on hold any more: what was held goes before everything else in the next batch.
    released: bool,
    /// Grows whenever the subscribing connection is lost; what an earlier connection says no longer counts.
    epoch: u64,
    /// Empty between two batches, and kept so that not every batch allocates.
    scratch: Vec<Item>,
}

#[derive(Default)]
struct Listed {
    /// Channels whose phase may not be what is wanted.
    queue: VecDeque<Arc<Channel>>,
    /// Channels whose subscription Redis refused, to be tried again.
    refused: BTreeMap<Arc<str>, Arc<Channel>>,
}

impl Traffic {
    /// With a queue of `queue` bounds, and at most about `echo_limit` bytes of copies that are due.
    pub(super) fn new(queue: PublishQueue, echo_limit: usize) -> Self {
        Self {
            channels: ConcurrentMap::new(),
            order: Mutex::default(),
            listed: Mutex::default(),
            queue: Mutex::new(queue),
            echo_cost: AtomicUsize::new(0),
            echo_limit,
            arrived: AtomicU64::new(0),
        }
    }

    // ---- publishing

    /// Queues a publish; returns how many older ones had to be dropped for it. Whether the node closes is asked under the queue's lock:
    /// whoever finds the queue empty after a close has begun can rely on it.
    pub(super) fn publish(
        &self,
        channel: &str,
        bytes: Bytes,
        is_closing: impl FnOnce() -> bool,
    ) -> Result<u64, NotQueued> {
        let name = self.channels.pin().get(channel).map(|channel| channel.name.clone());
        let item = Item { channel: name.unwrap_or_else(|| channel.into()), bytes };
        let mut queue = self.queue.lock();
        if is_closing() {
            return Err(NotQueued::Closed);
        }
        queue.push(item).map_err(|Full| NotQueued::Full)
    }

    /// What to write next; a batch that is not empty is in flight until it is settled.
    pub(super) fn take_batch(&self) -> Vec<Outgoing> {
        let mut order = self.order.lock();
        if mem::take(&mut order.released) {
            self.queue.lock().release();
        }
        let channels = self.channels.pin();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        // A subscription that lags far behind would make us remember without bound what we published.
        while batch.len() < BATCH_ITEMS && bytes < BATCH_BYTES && !self.is_stalled() && !order.frozen {
            self.queue.lock().take(&mut order.scratch, BATCH_ITEMS - batch.len(), BATCH_BYTES - bytes);
            if order.scratch.is_empty() {
                break;
            }
            // Without the queue's lock from here on: emits would wait for whoever has a channel's. Nobody else takes from the queue
            // meanwhile, so that what goes back to it goes back to its place.
            let mut held = Vec::new();
            let mut items = order.scratch.drain(..);
            for item in items.by_ref() {
                match channels.get(&item.channel).map_or(Some(false), |channel| self.goes_out(channel, &item)) {
                    Some(echo) => {
                        bytes += item.bytes.len();
                        batch.push(Outgoing { item, echo });
                    }
                    None => held.push(item),
                }
                if self.is_stalled() {
                    break;
                }
            }
            let rest = items.collect::<Vec<Item>>();
            if !held.is_empty() || !rest.is_empty() {
                self.queue.lock().give_back(held, rest);
            }
        }
        if !batch.is_empty() {
            order.taken += 1;
            order.in_flight = batch.len() as u64;
        }
        batch
    }

    /// Whether a copy of this publish will come, which is due then; `None` while that is not known.
    fn goes_out(&self, channel: &Channel, item: &Item) -> Option<bool> {
        match &mut channel.state.lock().phase {
            Phase::Asking => None,
            Phase::Active { echoes, .. } => {
                let before = echoes.cost();
                echoes.expect(&item.bytes);
                self.echo_cost.fetch_add(echoes.cost() - before, Relaxed);
                Some(true)
            }
            Phase::Idle | Phase::Leaving => Some(false),
        }
    }

    /// Redis refused this publish of the batch in flight: no copy will come.
    pub(super) fn rejected(&self, outgoing: &Outgoing) {
        if outgoing.echo
            && let Some(channel) = self.channels.pin().get(&outgoing.item.channel)
            && let Phase::Active { echoes, .. } = &mut channel.state.lock().phase
        {
            self.take_echo(echoes, &outgoing.item.bytes);
        }
    }

    /// Redis did not take these publishes of the batch in flight, because another server has their channels now: they wait until
    /// they are handed over.
    pub(super) fn put_back(&self, items: Vec<Item>) {
        if !items.is_empty() {
            let _order = self.order.lock();
            self.queue.lock().put_back(items);
        }
    }

    /// Gives up the channels that are not `ours` any more, because another server has them now: the callbacks of those that are wanted, and what
    /// waits to be published on them, oldest first.
    pub(super) fn hand_over(&self, ours: impl Fn(&str) -> bool) -> (Vec<(Arc<str>, Callback)>, Vec<Item>) {
        let _order = self.order.lock();
        let wanted = self.sorted().into_iter().filter(|channel| !ours(&channel.name)).filter_map(|channel| {
            let mut state = channel.state.lock();
            let callback = state.wanted.take()?;
            state.waiters.clear();
            self.list(&channel, &mut state);
            Some((channel.name.clone(), callback))
        });
        let wanted = wanted.collect();
        (wanted, self.queue.lock().hand_over(ours))
    }

    /// All channels, in the order of their names: the table's own is another one in each run.
    fn sorted(&self) -> Vec<Arc<Channel>> {
        let mut channels: Vec<Arc<Channel>> = self.channels.pin().values().cloned().collect();
        channels.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        channels
    }

    /// Takes over from another server what waits to be published.
    pub(super) fn take_over(&self, items: Vec<Item>) {
        let mut queue = self.queue.lock();
        items.into_iter().for_each(|item| queue.take_over(item));
    }

    /// The connection of the batch in flight broke: nobody knows which of its publishes Redis takes, or has yet to take.
    /// Returns how many they are.
    pub(super) fn lose_batch(&self) -> u64 {
        mem::take(&mut self.order.lock().in_flight)
    }

    /// Redis will not process anything of the batch in flight from now on. Returns the epoch of the subscription whose copies are due,
    /// if any are.
    pub(super) fn settle(&self) -> Option<u64> {
        let mut order = self.order.lock();
        order.settled = order.taken;
        order.in_flight = 0;
        self.awaits_echoes().then_some(order.epoch)
    }

    /// How many publishes were written and are neither answered nor given up.
    pub(super) fn in_flight(&self) -> u64 {
        self.order.lock().in_flight
    }

    /// Takes nothing more, or goes on.
    pub(super) fn freeze(&self, frozen: bool) {
        self.order.lock().frozen = frozen;
    }

    /// Is this batch, and every one before it, settled?
    pub(super) fn is_settled(&self, batch: u64) -> bool {
        self.order.lock().settled >= batch
    }

    /// Are copies due?
    pub(super) fn awaits_echoes(&self) -> bool {
        self.echo_cost.load(Relaxed) > 0
    }

    /// Are so many copies due that nothing is published until some of them were received?
    pub(super) fn is_stalled(&self) -> bool {
        self.echo_cost.load(Relaxed) >= self.echo_limit
    }

    /// Drops the copies that are due on the subscription of this epoch, when it is certain that they will not come.
    pub(super) fn forget_echoes(&self, epoch: u64) {
        let order = self.order.lock();
        if order.epoch != epoch {
            return;
        }
        for channel in self.channels.pin().values() {
            if let Phase::Active { echoes, .. } = &mut channel.state.lock().phase {
                self.echo_cost.fetch_sub(mem::take(echoes).cost(), Relaxed);
            }
        }
    }

    /// What waits to be published, on hold or not, and what is being written. A batch is in one of the two.
    pub(super) fn waiting(&self) -> Waiting {
        let order = self.order.lock();
        let queue = self.queue.lock();
        Waiting { queued: queue.len(), queued_bytes: queue.cost(), in_flight: order.in_flight }
    }

    /// The tasks have ended: drops the batch in flight and all that waits. Returns how many messages each of the two had. Both at once, so that a
    /// publisher that is still running at this moment takes nothing from one to the other uncounted.
    pub(super) fn end(&self) -> (u64, u64) {
        let mut order = self.order.lock();
        (mem::take(&mut order.in_flight), self.queue.lock().clear())
    }

    // ---- subscriptions

    /// Wants a subscription to a channel; `None` when it is active already.
    pub(super) fn want(&self, name: &str, callback: Callback) -> Option<Confirmation> {
        let channels = self.channels.pin();
        loop {
            let channel = match channels.get(name) {
                Some(channel) => channel,
                None => {
                    let name: Arc<str> = name.into();
                    let new = || Arc::new(Channel { name: name.clone(), state: Mutex::default() });
                    channels.get_or_insert_with(name.clone(), new)
                }
            };
            let mut state = channel.state.lock();
            if state.ended {
                // Between the look-up and the lock. By now the table has another one, or none.
                continue;
            }
            state.wanted = Some(callback);
            if matches!(state.phase, Phase::Active { .. }) {
                return None;
            }
            let (waiter, confirmation) = oneshot::channel();
            // Callers that gave up leave their waiter behind. They are looked for where the list has to grow anyway, so that many who
            // wait for one channel cost no more each than one.
            if state.waiters.len() == state.waiters.capacity() {
                state.waiters.retain(|waiter| !waiter.is_closed());
                let len = state.waiters.len();
                state.waiters.reserve(len + 1);
            }
            state.waiters.push(waiter);
            self.list(channel, &mut state);
            return Some(confirmation);
        }
    }

    /// No longer wants a subscription to a channel.
    pub(super) fn unwant(&self, name: &str) {
        let channels = self.channels.pin();
        // One that has ended meanwhile was wanted by nobody: this call comes before those that want the next one.
        let Some(channel) = channels.get(name) else { return };
        let mut state = channel.state.lock();
        if !state.ended {
            state.wanted = None;
            state.waiters.clear();
            self.list(channel, &mut state);
        }
    }

    fn list(&self, channel: &Arc<Channel>, state: &mut State) {
        if !mem::replace(&mut state.listed, true) {
            self.listed.lock().queue.push_back(channel.clone());
        }
    }

    /// Takes up to `limit` channels whose subscription must be made or ended. The caller carries that out, and reports
    /// every one of them, before it asks again.
    pub(super) fn take_changes(&self, limit: usize) -> SubscriptionChanges {
        let order = self.order.lock();
        let mut changes = SubscriptionChanges { barrier: order.taken, ..SubscriptionChanges::default() };
        while changes.subscribe.len() + changes.unsubscribe.len() < limit {
            let Some(channel) = self.listed.lock().queue.pop_front() else { break };
            let mut state = channel.state.lock();
            state.listed = false;
            match (&state.wanted, &state.phase) {
                (Some(_), Phase::Idle) => {
                    state.phase = Phase::Asking;
                    changes.subscribe.push(channel.name.clone());
                }
                (None, Phase::Active { echoes, .. }) => {
                    self.echo_cost.fetch_sub(echoes.cost(), Relaxed);
                    state.phase = Phase::Leaving;
                    changes.unsubscribe.push(channel.name.clone());
                }
                (None, Phase::Idle) => self.remove(&channel, &mut state),
                // As wanted, or a change is under way whose end lists it again.
                _ => {}
            }
        }
        changes
    }

    /// Nobody wants this channel, and nothing comes on it: it leaves the table.
    fn remove(&self, channel: &Channel, state: &mut State) {
        // A channel that ended at a disconnect may still be listed. Its name may be another one's by now.
        if mem::replace(&mut state.ended, true) {
            return;
        }
        // Both under the channel's lock: a caller that finds it in the table, and waits for the lock, looks again.
        self.channels.pin().remove(&channel.name);
    }

    /// Redis confirmed a subscription on the connection of this epoch: whatever it sends there from here on belongs to it.
    pub(super) fn subscribed(&self, epoch: u64, name: &str) {
        let mut order = self.order.lock();
        let channels = self.channels.pin();
        let Some(channel) = channels.get(name).filter(|_| order.epoch == epoch) else { return };
        let mut state = channel.state.lock();
        if !matches!(state.phase, Phase::Asking) {
            return;
        }
        state.phase = Phase::Active { echoes: Echoes::default(), epoch };
        for waiter in state.waiters.drain(..) {
            // A caller that no longer waits does not mind.
            let _ = waiter.send(Ok(()));
        }
        if state.wanted.is_none() {
            self.list(channel, &mut state);
        }
        order.released = true;
    }

    /// Redis confirmed the end of a subscription on the connection of this epoch, or ended it by itself, and then `true`.
    pub(super) fn unsubscribed(&self, epoch: u64, name: &str) -> bool {
        let order = self.order.lock();
        let channels = self.channels.pin();
        let Some(channel) = channels.get(name).filter(|_| order.epoch == epoch) else { return false };
        let mut state = channel.state.lock();
        let forced = match &state.phase {
            Phase::Active { echoes, .. } => {
                self.echo_cost.fetch_sub(echoes.cost(), Relaxed);
                true
            }
            Phase::Leaving => false,
            // Redis answers in order, so this can't be: the channel was not subscribed to.
            Phase::Idle | Phase::Asking => return false,
        };
        state.phase = Phase::Idle;
        self.list(channel, &mut state);
        forced
    }

    /// Redis refused a subscription; it is tried again after [`retry_refused`](Self::retry_refused).
    pub(super) fn refused(&self, name: &Arc<str>, why: &AdapterError) {
        let mut order = self.order.lock();
        let channels = self.channels.pin();
        let Some(channel) = channels.get(name) else { return };
        let mut state = channel.state.lock();
        state.phase = Phase::Idle;
        for waiter in state.waiters.drain(..) {
            let _ = waiter.send(Err(why.clone()));
        }
        if state.wanted.is_some() {
            self.listed.lock().refused.insert(name.clone(), channel.clone());
        } else {
            self.list(channel, &mut state);
        }
        order.released = true;
    }

    /// Are there channels whose subscription Redis refused?
    pub(super) fn has_refused(&self) -> bool {
        !self.listed.lock().refused.is_empty()
    }

    /// Lists the refused channels again; `false` if there are none.
    pub(super) fn retry_refused(&self) -> bool {
        let refused = mem::take(&mut self.listed.lock().refused);
        for channel in refused.into_values() {
            let mut state = channel.state.lock();
            if !state.ended {
                self.list(&channel, &mut state);
            }
        }
        !self.listed.lock().queue.is_empty()
    }

    /// The subscribing connection is gone: nothing is received, no copy will come, everything that is wanted must be asked
    /// for again. What is wanted goes on being published meanwhile.
    pub(super) fn disconnected(&self, why: &AdapterError) {
        let mut order = self.order.lock();
        order.epoch += 1;
        let Listed { queue, .. } = mem::take(&mut *self.listed.lock());
        for channel in queue {
            channel.state.lock().listed = false;
        }
        for channel in self.sorted() {
            let mut state = channel.state.lock();
            if let Phase::Active { echoes, .. } = mem::take(&mut state.phase) {
                self.echo_cost.fetch_sub(echoes.cost(), Relaxed);
            }
            if state.wanted.is_none() {
                if !state.ended {
                    self.remove(&channel, &mut state);
                }
                continue;
            }
            for waiter in state.waiters.drain(..) {
                let _ = waiter.send(Err(why.clone()));
            }
            self.list(&channel, &mut state);
        }
        order.released = true;
    }

    /// The number of the subscribing connection that counts.
    pub(super) fn epoch(&self) -> u64 {
        self.order.lock().epoch
    }

    // ---- what comes in

    /// Whose is this message, which came on the connection of this epoch?
    pub(super) fn received(&self, epoch: u64, name: &str, bytes: &[u8]) -> Received {
        self.arrived.fetch_add(1, Relaxed);
        let channels = self.channels.pin();
        let Some(channel) = channels.get(name) else { return Received::Unwanted };
        let mut state = channel.state.lock();
        let State { wanted, phase: Phase::Active { echoes, epoch: since }, .. } = &mut *state else {
            return Received::Unwanted;
        };
        // A connection that was given up may still deliver messages.
        if *since != epoch {
            return Received::Unwanted;
        }
        match (self.take_echo(echoes, bytes), wanted) {
            (Some(go_on), _) => Received::Own { go_on },
            (None, Some(callback)) => Received::Other(callback.clone()),
            (None, None) => Received::Unwanted,
        }
    }

    /// How many messages came in so far.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived.load(Relaxed)
    }

    /// Takes a copy that is due; `None` where none is. Otherwise says whether publishing was stalled until now.
    fn take_echo(&self, echoes: &mut Echoes, bytes: &[u8]) -> Option<bool> {
        let before = echoes.cost();
        if !echoes.take(bytes) {
            return None;
        }
        let less = before - echoes.cost();
        // Of all who take some at once, exactly one gets below the limit.
        let all = self.echo_cost.fetch_sub(less, Relaxed);
        Some(all >= self.echo_limit && all - less < self.echo_limit)
    }
}

#[cfg(test)]
mod tests;
