//! Which channels are wanted, and which subscriptions follow from that: the subscriber makes and ends them, and tells what Redis
//! confirmed and refused.

use std::{
    mem,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use parking_lot::Mutex;

use super::{Channel, Listed, Phase, State, SubscriptionChanges, Traffic, Wanted, echoes::Echoes};
use crate::adapter::{AdapterError, Callback};

impl Traffic {
    /// Wants a subscription to a channel.
    pub(in super::super) fn want(&self, name: &str, callback: Callback) -> Wanted {
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
            let replaced = state.wanted.replace(callback);
            if matches!(state.phase, Phase::Active { .. }) {
                return Wanted { confirmation: None, replaced };
            }
            let confirmation = state.waiters.add();
            self.list(channel, &mut state);
            return Wanted { confirmation: Some(confirmation), replaced };
        }
    }

    /// No longer wants a subscription to a channel. Returns its callback, which is to be dropped without a lock as well.
    pub(in super::super) fn unwant(&self, name: &str) -> Option<Callback> {
        let channels = self.channels.pin();
        // One that has ended meanwhile was wanted by nobody: this call comes before those that want the next one.
        let channel = channels.get(name)?;
        let mut state = channel.state.lock();
        if state.ended {
            return None;
        }
        state.waiters.clear();
        self.list(channel, &mut state);
        state.wanted.take()
    }

    pub(super) fn list(&self, channel: &Arc<Channel>, state: &mut State) {
        if !mem::replace(&mut state.listed, true) {
            self.listed.lock().queue.push_back(channel.clone());
        }
    }

    /// Takes up to `limit` channels whose subscription must be made or ended. The caller carries that out, and reports
    /// every one of them, before it asks again.
    pub(in super::super) fn take_changes(&self, limit: usize) -> SubscriptionChanges {
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
    pub(super) fn remove(&self, channel: &Channel, state: &mut State) {
        // A channel that ended at a disconnect may still be listed. Its name may be another one's by now.
        if mem::replace(&mut state.ended, true) {
            return;
        }
        // Both under the channel's lock: a caller that finds it in the table, and waits for the lock, looks again.
        self.channels.pin().remove(&channel.name);
    }

    /// Redis confirmed a subscription on the connection of this epoch: whatever it sends there from here on belongs to it.
    pub(in super::super) fn subscribed(&self, epoch: u64, name: &str) {
        let mut order = self.order.lock();
        let channels = self.channels.pin();
        let Some(channel) = channels.get(name).filter(|_| order.epoch == epoch) else { return };
        let mut state = channel.state.lock();
        if !matches!(state.phase, Phase::Asking) {
            return;
        }
        state.phase = Phase::Active { echoes: Echoes::default(), epoch };
        state.waiters.answer(&Ok(()));
        if state.wanted.is_none() {
            self.list(channel, &mut state);
        }
        order.released = true;
    }

    /// Redis confirmed the end of a subscription on the connection of this epoch, or ended it by itself, and then `true`.
    pub(in super::super) fn unsubscribed(&self, epoch: u64, name: &str) -> bool {
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
    pub(in super::super) fn refused(&self, name: &Arc<str>, why: &AdapterError) {
        let mut order = self.order.lock();
        let channels = self.channels.pin();
        let Some(channel) = channels.get(name) else { return };
        let mut state = channel.state.lock();
        state.phase = Phase::Idle;
        state.waiters.answer(&Err(why.clone()));
        if state.wanted.is_some() {
            self.listed.lock().refused.insert(name.clone(), channel.clone());
        } else {
            self.list(channel, &mut state);
        }
        order.released = true;
    }

    /// Are there channels whose subscription Redis refused?
    pub(in super::super) fn has_refused(&self) -> bool {
        !self.listed.lock().refused.is_empty()
    }

    /// Lists the refused channels again; `false` if there are none.
    pub(in super::super) fn retry_refused(&self) -> bool {
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
    pub(in super::super) fn disconnected(&self, why: &AdapterError) {
        let why = Err(why.clone());
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
                self.remove(&channel, &mut state);
                continue;
            }
            state.waiters.answer(&why);
            self.list(&channel, &mut state);
        }
        order.released = true;
    }

    /// The number of the subscribing connection that counts.
    pub(in super::super) fn epoch(&self) -> u64 {
        self.order.lock().epoch
    }
}
