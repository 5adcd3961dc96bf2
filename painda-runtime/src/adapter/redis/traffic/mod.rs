//! What goes out and comes in, channel by channel, so that each message is handed on exactly once.
//!
//! This is bookkeeping alone: no connection, no task, no clock. The publisher asks it [what to write next](outgoing), the subscriber
//! asks it [which subscriptions](subscriptions) to make and end, and tells it what Redis confirmed and [sent](incoming).
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

mod echoes;
mod incoming;
mod outgoing;
mod publish_queue;
mod subscriptions;

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use papaya::HashMap as ConcurrentMap;
use parking_lot::Mutex;

use crate::adapter::{
    Callback,
    waiters::{Confirmation, Waiters},
};

use echoes::Echoes;
pub use publish_queue::WhenFull;
pub(super) use publish_queue::{Item, PublishQueue};

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
    waiters: Waiters,
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

/// What follows from wanting a subscription.
pub(super) struct Wanted {
    /// `None` when it is active already.
    pub(super) confirmation: Option<Confirmation>,
    /// The callback until now. To be dropped without a lock, because what it owns may call the adapter then.
    pub(super) replaced: Option<Callback>,
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

    /// Takes over from another server what waits to be published.
    pub(super) fn take_over(&self, items: Vec<Item>) {
        let mut queue = self.queue.lock();
        items.into_iter().for_each(|item| queue.take_over(item));
    }

    /// All channels, in the order of their names: the table's own is another one in each run.
    fn sorted(&self) -> Vec<Arc<Channel>> {
        let mut channels: Vec<Arc<Channel>> = self.channels.pin().values().cloned().collect();
        channels.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        channels
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
}

#[cfg(test)]
mod tests;
