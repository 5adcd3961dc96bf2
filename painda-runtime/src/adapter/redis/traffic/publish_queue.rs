//! The bounded queue of publishes that wait for the writer.
//!
//! Does not know which channels are on hold: the caller that takes items gives back those that have to wait. Order per channel is the order of the
//! pushes, whatever is held.

use std::{collections::VecDeque, mem, sync::Arc};

use bytes::Bytes;

/// What one queued publish costs beside its bytes and its channel's name.
const OVERHEAD: usize = 64;

/// What happens to a publish when the queue has reached its bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is refused with [`AdapterError::QueueFull`](crate::adapter::AdapterError::QueueFull) and counted as refused. The default.
    #[default]
    RefuseNewest,
    /// The oldest in the queue are dropped for it, and counted as dropped.
    DropOldest,
}

/// One encoded message on its way to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Item {
    /// The channel's name, without the prefix.
    pub(in super::super) channel: Arc<str>,
    /// The envelope.
    pub(in super::super) bytes: Bytes,
}

impl Item {
    fn cost(&self) -> usize {
        self.bytes.len() + self.channel.len() + OVERHEAD
    }
}

/// The message was not queued: the bound is reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Debug)]
pub(in super::super) struct PublishQueue {
    /// In the order of the pushes.
    queue: VecDeque<Item>,
    /// Was taken from the queue and came back: older than all that is in it. Apart, so that putting much back is a matter of a moment.
    front: VecDeque<Item>,
    /// Was taken while its channels were on hold: older than whatever the others have for these.
    held: VecDeque<Item>,
    cost: usize,
    limit: usize,
    when_full: WhenFull,
}

impl PublishQueue {
    /// An empty queue that holds up to `limit` bytes.
    pub(in super::super) fn new(limit: usize, when_full: WhenFull) -> Self {
        Self { queue: VecDeque::new(), front: VecDeque::new(), held: VecDeque::new(), cost: 0, limit, when_full }
    }

    /// Queues an item; returns how many older ones had to be dropped for it.
    pub(super) fn push(&mut self, item: Item) -> Result<u64, Full> {
        let cost = item.cost();
        if cost > self.limit || (self.when_full == WhenFull::RefuseNewest && self.cost + cost > self.limit) {
            return Err(Full);
        }
        let mut dropped = 0;
        while self.cost + cost > self.limit {
            let Some(oldest) = self.held.pop_front().or_else(|| self.next()) else { break };
            self.cost -= oldest.cost();
            dropped += 1;
        }
        self.cost += cost;
        self.queue.push_back(item);
        Ok(dropped)
    }

    /// Takes the oldest items that are not held: up to `count`, and none after the first with which they have `bytes`.
    pub(super) fn take(&mut self, into: &mut Vec<Item>, count: usize, bytes: usize) {
        let mut taken = 0;
        for _ in 0..count {
            let Some(item) = self.next() else { break };
            self.cost -= item.cost();
            taken += item.bytes.len();
            into.push(item);
            if taken >= bytes {
                break;
            }
        }
    }

    fn next(&mut self) -> Option<Item> {
        self.front.pop_front().or_else(|| self.queue.pop_front())
    }

    /// Gives back what was taken last and can't be sent now, oldest first: items of channels that are on hold, and the `rest`, which
    /// nobody has looked at.
    pub(super) fn give_back(&mut self, held: Vec<Item>, rest: Vec<Item>) {
        self.cost += held.iter().chain(&rest).map(Item::cost).sum::<usize>();
        self.held.extend(held);
        rest.into_iter().rev().for_each(|item| self.front.push_front(item));
    }

    /// What is held is to be taken again, before everything else.
    pub(super) fn release(&mut self) {
        self.held.append(&mut self.front);
        mem::swap(&mut self.held, &mut self.front);
    }

    /// Puts back what was taken and not sent, oldest first: before everything else.
    pub(super) fn put_back(&mut self, items: Vec<Item>) {
        self.release();
        self.give_back(Vec::new(), items);
    }

    /// Takes out the items of channels that are not `ours` any more, oldest first.
    pub(super) fn hand_over(&mut self, ours: impl Fn(&str) -> bool) -> Vec<Item> {
        self.release();
        self.front.append(&mut self.queue);
        let (kept, moved): (VecDeque<Item>, VecDeque<Item>) =
            mem::take(&mut self.front).into_iter().partition(|item| ours(&item.channel));
        self.queue = kept;
        self.cost -= moved.iter().map(Item::cost).sum::<usize>();
        moved.into()
    }

    /// Queues what another server's queue held, whatever the bound: it was accepted there.
    pub(super) fn take_over(&mut self, item: Item) {
        self.cost += item.cost();
        self.queue.push_back(item);
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.ready() + self.held.len()
    }

    /// How many of them are not held.
    pub(super) fn ready(&self) -> usize {
        self.queue.len() + self.front.len()
    }

    /// What waits, in bytes as the bound counts them.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Throws away what waits; returns how many items that were.
    pub(super) fn clear(&mut self) -> u64 {
        let count = self.len() as u64;
        self.queue.clear();
        self.front.clear();
        self.held.clear();
        self.cost = 0;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(channel: &str, number: u8) -> Item {
        Item { channel: channel.into(), bytes: vec![number].into() }
    }

    fn room_for(count: usize, when_full: WhenFull) -> PublishQueue {
        PublishQueue::new(count * item("a", 0).cost(), when_full)
    }

    /// Takes one item.
    fn next(queue: &mut PublishQueue) -> Option<Item> {
        let mut taken = Vec::new();
        queue.take(&mut taken, 1, usize::MAX);
        taken.pop()
    }

    #[test]
    fn what_is_held_comes_before_what_was_pushed_later() {
        let mut queue = room_for(9, WhenFull::RefuseNewest);
        for (channel, number) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            queue.push(item(channel, number)).expect("fits");
        }
        let mut taken = Vec::new();
        queue.take(&mut taken, 3, usize::MAX);
        let sent = taken.remove(1);
        // Nobody has looked at the third yet, and a newer one is pushed meanwhile.
        let rest = taken.split_off(1);
        queue.push(item("a", 5)).expect("fits");
        queue.give_back(taken, rest);
        assert_eq!((sent, queue.len()), (item("b", 2), 4));
        queue.release();
        let rest: Vec<_> = std::iter::from_fn(|| next(&mut queue)).map(|item| item.bytes[0]).collect();
        assert_eq!(rest, [1, 3, 4, 5]);
        assert_eq!(queue.cost(), 0);
    }

    #[test]
    fn no_more_is_taken_than_asked_for() {
        let mut queue = room_for(9, WhenFull::RefuseNewest);
        for number in 1..=4 {
            queue.push(item("a", number)).expect("fits");
        }
        let mut taken = Vec::new();
        queue.take(&mut taken, 3, 2);
        assert_eq!((taken.len(), queue.len(), queue.cost()), (2, 2, 2 * item("a", 0).cost()));
        queue.take(&mut taken, 1, 2);
        assert_eq!((taken.len(), queue.len()), (3, 1));
    }

    #[test]
    fn what_comes_back_is_older_than_the_rest_and_what_moves_keeps_its_order() {
        let mut queue = room_for(9, WhenFull::RefuseNewest);
        for (channel, number) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            queue.push(item(channel, number)).expect("fits");
        }
        let taken: Vec<Item> = (0..3).filter_map(|_| next(&mut queue)).collect();
        queue.put_back(taken);
        let moved = queue.hand_over(|channel| channel == "b");
        assert_eq!(moved.iter().map(|item| item.bytes[0]).collect::<Vec<_>>(), [1, 3, 4]);
        let mut other = room_for(1, WhenFull::RefuseNewest);
        moved.into_iter().for_each(|item| other.take_over(item));
        assert_eq!((other.len(), queue.len()), (3, 1));
        assert_eq!(next(&mut queue), Some(item("b", 2)));
        assert_eq!(queue.cost(), 0);
    }

    #[test]
    fn the_newest_is_refused_or_the_oldest_dropped() {
        let mut refusing = room_for(2, WhenFull::RefuseNewest);
        let mut dropping = room_for(2, WhenFull::DropOldest);
        for number in 1..=2 {
            assert_eq!(refusing.push(item("a", number)), Ok(0));
            assert_eq!(dropping.push(item("a", number)), Ok(0));
        }
        assert_eq!(refusing.push(item("a", 3)), Err(Full));
        assert_eq!(dropping.push(item("a", 3)), Ok(1));
        assert_eq!(next(&mut refusing), Some(item("a", 1)));
        assert_eq!(next(&mut dropping), Some(item("a", 2)));
    }

    #[test]
    fn what_never_fits_drops_nothing() {
        let mut dropping = room_for(2, WhenFull::DropOldest);
        dropping.push(item("a", 1)).expect("fits");
        let huge = Item { channel: "a".into(), bytes: vec![0; 1000].into() };
        assert_eq!(dropping.push(huge), Err(Full));
        assert_eq!(dropping.len(), 1);
    }
}
