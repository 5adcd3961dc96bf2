//! What goes out: the publisher takes batches of publishes, one at a time, and tells what became of each.

use std::{mem, sync::atomic::Ordering::Relaxed};

use bytes::Bytes;

use super::{
    Channel, NotQueued, Outgoing, Phase, Traffic,
    publish_queue::{Full, Item},
};

/// The most publishes that go out in one write.
const BATCH_ITEMS: usize = 1024;
/// Once a batch has this many bytes, no further publish joins it.
const BATCH_BYTES: usize = 1 << 20;

impl Traffic {
    /// Queues a publish; returns how many older ones had to be dropped for it. Whether the node closes is asked under the queue's lock:
    /// whoever finds the queue empty after a close has begun can rely on it.
    pub(in super::super) fn publish(
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
    pub(in super::super) fn take_batch(&self) -> Vec<Outgoing> {
        let mut order = self.order.lock();
        // What is queued from now on is left for the next batch: emits to a channel that is on hold would keep this one looking.
        let mut left = {
            let mut queue = self.queue.lock();
            if mem::take(&mut order.released) {
                queue.release();
            }
            queue.ready()
        };
        let channels = self.channels.pin();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        // A subscription that lags far behind would make us remember without bound what we published.
        while batch.len() < BATCH_ITEMS && bytes < BATCH_BYTES && !self.is_stalled() && !order.frozen {
            self.queue.lock().take(&mut order.scratch, left.min(BATCH_ITEMS - batch.len()), BATCH_BYTES - bytes);
            if order.scratch.is_empty() {
                break;
            }
            left -= order.scratch.len();
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
    pub(in super::super) fn rejected(&self, outgoing: &Outgoing) {
        if outgoing.echo
            && let Some(channel) = self.channels.pin().get(&outgoing.item.channel)
            && let Phase::Active { echoes, .. } = &mut channel.state.lock().phase
        {
            self.take_echo(echoes, &outgoing.item.bytes);
        }
    }

    /// Redis did not take these publishes of the batch in flight, because another server has their channels now: they wait until
    /// they are handed over.
    pub(in super::super) fn put_back(&self, items: Vec<Item>) {
        if !items.is_empty() {
            let _order = self.order.lock();
            self.queue.lock().put_back(items);
        }
    }

    /// The connection of the batch in flight broke: nobody knows which of its publishes Redis takes, or has yet to take.
    /// Returns how many they are.
    pub(in super::super) fn lose_batch(&self) -> u64 {
        mem::take(&mut self.order.lock().in_flight)
    }

    /// Redis will not process anything of the batch in flight from now on. Returns the epoch of the subscription whose copies are due,
    /// if any are.
    pub(in super::super) fn settle(&self) -> Option<u64> {
        let mut order = self.order.lock();
        order.settled = order.taken;
        order.in_flight = 0;
        self.awaits_echoes().then_some(order.epoch)
    }

    /// Is this batch, and every one before it, settled?
    pub(in super::super) fn is_settled(&self, batch: u64) -> bool {
        self.order.lock().settled >= batch
    }

    /// How many publishes were written and are neither answered nor given up.
    pub(in super::super) fn in_flight(&self) -> u64 {
        self.order.lock().in_flight
    }

    /// Takes nothing more, or goes on.
    pub(in super::super) fn freeze(&self, frozen: bool) {
        self.order.lock().frozen = frozen;
    }
}
