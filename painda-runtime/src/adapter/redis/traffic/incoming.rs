//! What comes in: messages of other nodes, and the copies of our own, which are due until they are received or it is certain that
//! they will not come.

use std::{mem, sync::atomic::Ordering::Relaxed};

use super::{Phase, Received, State, Traffic, echoes::Echoes};

impl Traffic {
    /// Whose is this message, which came on the connection of this epoch?
    pub(in super::super) fn received(&self, epoch: u64, name: &str, bytes: &[u8]) -> Received {
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
    pub(in super::super) fn arrived(&self) -> u64 {
        self.arrived.load(Relaxed)
    }

    /// Takes a copy that is due; `None` where none is. Otherwise says whether publishing was stalled until now.
    pub(super) fn take_echo(&self, echoes: &mut Echoes, bytes: &[u8]) -> Option<bool> {
        let before = echoes.cost();
        if !echoes.take(bytes) {
            return None;
        }
        let less = before - echoes.cost();
        // Of all who take some at once, exactly one gets below the limit.
        let all = self.echo_cost.fetch_sub(less, Relaxed);
        Some(all >= self.echo_limit && all - less < self.echo_limit)
    }

    /// Are copies due?
    pub(in super::super) fn awaits_echoes(&self) -> bool {
        self.echo_cost.load(Relaxed) > 0
    }

    /// Are so many copies due that nothing is published until some of them were received?
    pub(in super::super) fn is_stalled(&self) -> bool {
        self.echo_cost.load(Relaxed) >= self.echo_limit
    }

    /// Drops the copies that are due on the subscription of this epoch, when it is certain that they will not come.
    pub(in super::super) fn forget_echoes(&self, epoch: u64) {
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
}
