//! What goes out and comes in, channel by channel, so that each message is heard exactly once.
//!
//! This is bookkeeping alone: no connection, no task, no clock. The publisher asks it what to write next, the subscriber
//! asks it which subscriptions to make and end, and tells it what Redis confirmed and sent.
//!
//! Redis sends us a copy of what we publish on a channel that we hear. To recognise it we must know, for each publish,
//! whether a copy will come. A channel is therefore in one of these phases:
//!
//! | phase | Redis sends us this channel | a publish to it |
//! | --- | --- | --- |
//! | idle | no | goes out, no copy will come |
//! | asking | from some moment on | is held until the confirmation |
//! | active | yes | goes out, and its copy is due |
//! | leaving | until some moment | goes out; what is heard is ignored |
//!
//! Publishing and subscribing are two connections, which Redis may serve in either order. A publish that was written
//! while its channel was idle could thus be processed after a `SUBSCRIBE` that was written later. So a `SUBSCRIBE` waits
//! for the *barrier*: the batch of publishes that was in flight when the channel began to ask must be settled, that is,
//! answered, or sent by a connection that Redis has closed. One batch is in flight at a time.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
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

#[derive(Default)]
struct Channel {
    wanted: Option<Callback>,
    phase: Phase,
    /// Is in the list of channels to look at.
    listed: bool,
    waiters: Vec<Waiter>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Idle,
    Asking,
    Active(Echoes),
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
    Own,
    /// Another node's.
    Other(Callback),
}

pub(super) struct Traffic {
    /// Hashed by a secret of this process, as clients may choose the names: what is done for each is done in the order of the names.
    channels: HashMap<Arc<str>, Channel>,
    /// Channels whose phase may not be what is wanted.
    listed: VecDeque<Arc<str>>,
    /// Channels that Redis refused to let us hear, to be tried again.
    refused: BTreeSet<Arc<str>>,
    queue: PublishQueue,
    /// The number of the last batch that was taken, and of the last one that is settled.
    taken: u64,
    settled: u64,
    /// How many publishes the batch in flight has.
    in_flight: u64,
    /// Nothing is taken.
    frozen: bool,
    echo_cost: usize,
    echo_limit: usize,
    /// Grows whenever the subscribing connection is lost; what an earlier connection says no longer counts.
    epoch: u64,
    /// Messages that came in, of any kind.
    arrived: u64,
}

impl Traffic {
    /// With a queue of `queue` bounds, and at most about `echo_limit` bytes of copies that are due.
    pub(super) fn new(queue: PublishQueue, echo_limit: usize) -> Self {
        Self {
            channels: HashMap::new(),
            listed: VecDeque::new(),
            refused: BTreeSet::new(),
            queue,
            taken: 0,
            settled: 0,
            in_flight: 0,
            frozen: false,
            echo_cost: 0,
            echo_limit,
            epoch: 0,
            arrived: 0,
        }
    }

    // ---- publishing

    /// Queues a publish; returns how many older ones had to be dropped for it.
    pub(super) fn publish(&mut self, channel: &str, bytes: Bytes) -> Result<u64, Full> {
        let channel = self.channels.get_key_value(channel).map_or_else(|| channel.into(), |(name, _)| name.clone());
        self.queue.push(Item { channel, bytes })
    }

    /// What to write next; a batch that is not empty is in flight until it is settled.
    pub(super) fn take_batch(&mut self) -> Vec<Outgoing> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        // A subscription that lags far behind would make us remember without bound what we published.
        while batch.len() < BATCH_ITEMS && bytes < BATCH_BYTES && !self.is_stalled() && !self.frozen {
            let on_hold = |name: &str| matches!(self.channels.get(name), Some(Channel { phase: Phase::Asking, .. }));
            let Some(item) = self.queue.next(on_hold) else { break };
            let mut echo = false;
            if let Some(Channel { phase: Phase::Active(echoes), .. }) = self.channels.get_mut(&item.channel) {
                let before = echoes.cost();
                echoes.expect(&item.bytes);
                self.echo_cost += echoes.cost() - before;
                echo = true;
            }
            bytes += item.bytes.len();
            batch.push(Outgoing { item, echo });
        }
        if !batch.is_empty() {
            self.taken += 1;
            self.in_flight = batch.len() as u64;
        }
        batch
    }

    /// Redis refused this publish of the batch in flight: no copy will come.
    pub(super) fn rejected(&mut self, outgoing: &Outgoing) {
        if outgoing.echo {
            self.take_echo(&outgoing.item.channel, &outgoing.item.bytes);
        }
    }

    /// Redis did not take these publishes of the batch in flight, because another server has their channels now: they wait for
    /// whoever hands them over.
    pub(super) fn put_back(&mut self, items: Vec<Item>) {
        self.queue.put_back(items);
    }

    /// Gives up the channels that are not `ours` any more, because another server has them now: who wants to hear them, and what
    /// waits to be published on them, oldest first.
    pub(super) fn hand_over(&mut self, ours: impl Fn(&str) -> bool) -> (Vec<(Arc<str>, Callback)>, Vec<Item>) {
        let moved = self.channels.iter().filter(|(name, channel)| channel.wanted.is_some() && !ours(name));
        let mut moved: Vec<Arc<str>> = moved.map(|(name, _)| name.clone()).collect();
        moved.sort_unstable();
        let wanted = moved.into_iter().filter_map(|name| {
            let callback = self.channels.get_mut(&name)?.wanted.take()?;
            self.unwant(&name);
            Some((name, callback))
        });
        let wanted = wanted.collect();
        (wanted, self.queue.hand_over(ours))
    }

    /// Takes over from another server what waits to be published.
    pub(super) fn take_over(&mut self, items: Vec<Item>) {
        items.into_iter().for_each(|item| self.queue.take_over(item));
    }

    /// The connection of the batch in flight broke: nobody knows which of its publishes Redis takes, or has yet to take.
    /// Returns how many they are.
    pub(super) fn lose_batch(&mut self) -> u64 {
        std::mem::take(&mut self.in_flight)
    }

    /// Redis will not process anything of the batch in flight from now on.
    pub(super) fn settle(&mut self) {
        self.settled = self.taken;
        self.in_flight = 0;
    }

    /// How many publishes were written and are neither answered nor given up.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Takes nothing more, or goes on.
    pub(super) fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Is this batch, and every one before it, settled?
    pub(super) fn is_settled(&self, batch: u64) -> bool {
        self.settled >= batch
    }

    /// Are copies due?
    pub(super) fn awaits_echoes(&self) -> bool {
        self.echo_cost > 0
    }

    /// Are so many copies due that nothing is published until some of them were heard?
    pub(super) fn is_stalled(&self) -> bool {
        self.echo_cost >= self.echo_limit
    }

    /// Forgets the copies that are due, when it is certain that they will not come.
    pub(super) fn forget_echoes(&mut self) {
        self.echo_cost = 0;
        for channel in self.channels.values_mut() {
            if let Phase::Active(echoes) = &mut channel.phase {
                *echoes = Echoes::default();
            }
        }
    }

    /// Publishes that wait, on hold or not.
    pub(super) fn queue(&mut self) -> &mut PublishQueue {
        &mut self.queue
    }

    // ---- subscriptions

    /// Wants to hear a channel; `None` when it is heard already.
    pub(super) fn want(&mut self, name: &str, callback: Callback) -> Option<Confirmation> {
        let name = self.channels.get_key_value(name).map_or_else(|| name.into(), |(name, _)| name.clone());
        let channel = self.channels.entry(name.clone()).or_default();
        channel.wanted = Some(callback);
        if matches!(channel.phase, Phase::Active(_)) {
            return None;
        }
        let (waiter, confirmation) = oneshot::channel();
        // Callers that gave up leave their waiter behind. They are looked for where the list has to grow anyway, so that many who
        // wait for one channel cost no more each than one.
        if channel.waiters.len() == channel.waiters.capacity() {
            channel.waiters.retain(|waiter| !waiter.is_closed());
            channel.waiters.reserve(channel.waiters.len() + 1);
        }
        channel.waiters.push(waiter);
        list(&mut self.listed, &name, channel);
        Some(confirmation)
    }

    /// No longer wants to hear a channel.
    pub(super) fn unwant(&mut self, name: &str) {
        let Some((name, _)) = self.channels.get_key_value(name) else { return };
        let name = name.clone();
        let Some(channel) = self.channels.get_mut(&name) else { return };
        channel.wanted = None;
        channel.waiters.clear();
        list(&mut self.listed, &name, channel);
    }

    /// Takes up to `limit` channels whose subscription must be made or ended. The caller carries that out, and reports
    /// every one of them, before it asks again.
    pub(super) fn take_changes(&mut self, limit: usize) -> SubscriptionChanges {
        let mut changes = SubscriptionChanges { barrier: self.taken, ..SubscriptionChanges::default() };
        while changes.subscribe.len() + changes.unsubscribe.len() < limit {
            let Some(name) = self.listed.pop_front() else { break };
            let Some(channel) = self.channels.get_mut(&name) else { continue };
            channel.listed = false;
            match (&channel.wanted, &channel.phase) {
                (Some(_), Phase::Idle) => {
                    channel.phase = Phase::Asking;
                    changes.subscribe.push(name);
                }
                (None, Phase::Active(echoes)) => {
                    self.echo_cost -= echoes.cost();
                    channel.phase = Phase::Leaving;
                    changes.unsubscribe.push(name);
                }
                (None, Phase::Idle) => {
                    self.channels.remove(&name);
                }
                // As wanted, or an errand is under way whose end lists it again.
                _ => {}
            }
        }
        changes
    }

    /// Redis confirmed a subscription: whatever it sends from here on belongs to it.
    pub(super) fn subscribed(&mut self, name: &str) {
        let Some((name, _)) = self.channels.get_key_value(name) else { return };
        let name = name.clone();
        let Some(channel) = self.channels.get_mut(&name) else { return };
        if !matches!(channel.phase, Phase::Asking) {
            return;
        }
        channel.phase = Phase::Active(Echoes::default());
        for waiter in channel.waiters.drain(..) {
            // A caller that no longer waits does not mind.
            let _ = waiter.send(Ok(()));
        }
        if channel.wanted.is_none() {
            list(&mut self.listed, &name, channel);
        }
        self.queue.release();
    }

    /// Is this channel heard?
    pub(super) fn is_active(&self, name: &str) -> bool {
        matches!(self.channels.get(name), Some(Channel { phase: Phase::Active(_), .. }))
    }

    /// Redis confirmed the end of a subscription, or ended it by itself.
    pub(super) fn unsubscribed(&mut self, name: &str) {
        let Some((name, _)) = self.channels.get_key_value(name) else { return };
        let name = name.clone();
        let Some(channel) = self.channels.get_mut(&name) else { return };
        match &channel.phase {
            Phase::Active(echoes) => self.echo_cost -= echoes.cost(),
            Phase::Leaving => {}
            // Redis answers in order, so this can't be: the channel was not heard.
            Phase::Idle | Phase::Asking => return,
        }
        channel.phase = Phase::Idle;
        list(&mut self.listed, &name, channel);
    }

    /// Redis refused a subscription; it is tried again after [`retry_refused`](Self::retry_refused).
    pub(super) fn refused(&mut self, name: &Arc<str>, why: &AdapterError) {
        let Some(channel) = self.channels.get_mut(name) else { return };
        channel.phase = Phase::Idle;
        for waiter in channel.waiters.drain(..) {
            let _ = waiter.send(Err(why.clone()));
        }
        if channel.wanted.is_some() {
            self.refused.insert(name.clone());
        } else {
            list(&mut self.listed, name, channel);
        }
        self.queue.release();
    }

    /// Are there channels that Redis does not let us hear?
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Lists the refused channels again; `false` if there are none.
    pub(super) fn retry_refused(&mut self) -> bool {
        for name in std::mem::take(&mut self.refused) {
            if let Some(channel) = self.channels.get_mut(&name) {
                list(&mut self.listed, &name, channel);
            }
        }
        !self.listed.is_empty()
    }

    /// The subscribing connection is gone: nothing is heard, no copy will come, everything that is wanted must be asked
    /// for again. What is wanted goes on being published meanwhile.
    pub(super) fn disconnected(&mut self, why: &AdapterError) {
        self.epoch += 1;
        self.echo_cost = 0;
        self.listed.clear();
        self.refused.clear();
        self.channels.retain(|_, channel| channel.wanted.is_some());
        let mut wanted: Vec<(&Arc<str>, &mut Channel)> = self.channels.iter_mut().collect();
        wanted.sort_unstable_by_key(|(name, _)| *name);
        for (name, channel) in wanted {
            channel.phase = Phase::Idle;
            channel.listed = false;
            for waiter in channel.waiters.drain(..) {
                let _ = waiter.send(Err(why.clone()));
            }
            list(&mut self.listed, name, channel);
        }
        self.queue.release();
    }

    /// The number of the subscribing connection that counts.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    // ---- what comes in

    /// ServerKind is this message?
    pub(super) fn received(&mut self, name: &str, bytes: &[u8]) -> Received {
        self.arrived += 1;
        if self.take_echo(name, bytes) {
            return Received::Own;
        }
        match self.channels.get(name) {
            Some(Channel { phase: Phase::Active(_), wanted: Some(callback), .. }) => Received::Other(callback.clone()),
            _ => Received::Unwanted,
        }
    }

    /// How many messages came in so far.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }

    fn take_echo(&mut self, name: &str, bytes: &[u8]) -> bool {
        let Some(Channel { phase: Phase::Active(echoes), .. }) = self.channels.get_mut(name) else { return false };
        let before = echoes.cost();
        let own = echoes.take(bytes);
        self.echo_cost -= before - echoes.cost();
        own
    }
}

fn list(listed: &mut VecDeque<Arc<str>>, name: &Arc<str>, channel: &mut Channel) {
    if !channel.listed {
        channel.listed = true;
        listed.push_back(name.clone());
    }
}

#[cfg(test)]
#[path = "traffic_tests.rs"]
mod tests;
