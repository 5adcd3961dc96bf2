//! The bounded queue of publishes that wait for the publishing connection.
//!
//! The caller says which channels are on hold. The order of each channel is the order of the pushes, whatever is on hold.

use std::{collections::VecDeque, sync::Arc};

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
pub(super) struct Item {
    /// The channel's name, without the prefix.
    pub(super) channel: Arc<str>,
    /// The envelope.
    pub(super) bytes: Bytes,
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
pub(super) struct PublishQueue {
    /// In the order of the pushes.
    queue: VecDeque<Item>,
    /// Taken from the front of the queue while their channels were on hold: older than all that the queue has for these.
    held: VecDeque<Item>,
    cost: usize,
    limit: usize,
    when_full: WhenFull,
}

impl PublishQueue {
    /// An empty queue that holds up to `limit` bytes.
    pub(super) fn new(limit: usize, when_full: WhenFull) -> Self {
        Self { queue: VecDeque::new(), held: VecDeque::new(), cost: 0, limit, when_full }
    }

    /// Queues an item; returns how many older ones had to be dropped for it.
    pub(super) fn push(&mut self, item: Item) -> Result<u64, Full> {
        let cost = item.cost();
        if cost > self.limit || (self.when_full == WhenFull::RefuseNewest && self.cost + cost > self.limit) {
            return Err(Full);
        }
        let mut dropped = 0;
        while self.cost + cost > self.limit {
            let Some(oldest) = self.held.pop_front().or_else(|| self.queue.pop_front()) else { break };
            self.cost -= oldest.cost();
            dropped += 1;
        }
        self.cost += cost;
        self.queue.push_back(item);
        Ok(dropped)
    }

    /// The oldest item whose channel is not on hold. Those before it are set aside.
    pub(super) fn next(&mut self, on_hold: impl Fn(&str) -> bool) -> Option<Item> {
        while let Some(item) = self.queue.pop_front() {
            if on_hold(&item.channel) {
                self.held.push_back(item);
            } else {
                self.cost -= item.cost();
                return Some(item);
            }
        }
        None
    }

    /// Puts what was set aside back to the front.
    pub(super) fn release(&mut self) {
        while let Some(item) = self.held.pop_back() {
            self.queue.push_front(item);
        }
    }

    /// Puts what was taken and not sent back to the front; `items` are in their order, oldest first.
    pub(super) fn put_back(&mut self, items: Vec<Item>) {
        self.release();
        for item in items.into_iter().rev() {
            self.cost += item.cost();
            self.queue.push_front(item);
        }
    }

    /// Takes out the items of channels that are not `ours` any more, oldest first.
    pub(super) fn hand_over(&mut self, ours: impl Fn(&str) -> bool) -> Vec<Item> {
        self.release();
        let (kept, moved): (VecDeque<Item>, VecDeque<Item>) =
            std::mem::take(&mut self.queue).into_iter().partition(|item| ours(&item.channel));
        self.queue = kept;
        self.cost -= moved.iter().map(Item::cost).sum::<usize>();
        moved.into()
    }

    /// Queues an item of another server's queue. The bound does not apply, since the item was accepted there.
    pub(super) fn take_over(&mut self, item: Item) {
        self.cost += item.cost();
        self.queue.push_back(item);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.held.is_empty()
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    /// What waits, in bytes as the bound counts them.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Drops all items, and returns how many they were.
    pub(super) fn clear(&mut self) -> u64 {
        let count = self.len() as u64;
        self.queue.clear();
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

    #[test]
    fn held_items_come_before_later_ones() {
        let mut queue = room_for(9, WhenFull::RefuseNewest);
        for (channel, number) in [("a", 1), ("b", 2), ("a", 3)] {
            queue.push(item(channel, number)).expect("fits");
        }
        assert_eq!(queue.next(|channel| channel == "a"), Some(item("b", 2)));
        assert_eq!(queue.next(|channel| channel == "a"), None);
        queue.push(item("a", 4)).expect("fits");
        queue.release();
        let rest: Vec<_> = std::iter::from_fn(|| queue.next(|_| false)).map(|item| item.bytes[0]).collect();
        assert_eq!(rest, [1, 3, 4]);
        assert_eq!(queue.cost(), 0);
    }

    #[test]
    fn items_that_are_put_back_come_first_and_moved_items_keep_their_order() {
        let mut queue = room_for(9, WhenFull::RefuseNewest);
        for (channel, number) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            queue.push(item(channel, number)).expect("fits");
        }
        let taken: Vec<Item> = (0..3).filter_map(|_| queue.next(|_| false)).collect();
        queue.put_back(taken);
        let moved = queue.hand_over(|channel| channel == "b");
        assert_eq!(moved.iter().map(|item| item.bytes[0]).collect::<Vec<_>>(), [1, 3, 4]);
        let mut other = room_for(1, WhenFull::RefuseNewest);
        moved.into_iter().for_each(|item| other.take_over(item));
        assert_eq!((other.len(), queue.len()), (3, 1));
        assert_eq!(queue.next(|_| false), Some(item("b", 2)));
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
        assert_eq!(refusing.next(|_| false), Some(item("a", 1)));
        assert_eq!(dropping.next(|_| false), Some(item("a", 2)));
    }

    #[test]
    fn an_item_that_can_never_fit_drops_nothing() {
        let mut dropping = room_for(2, WhenFull::DropOldest);
        dropping.push(item("a", 1)).expect("fits");
        let huge = Item { channel: "a".into(), bytes: vec![0; 1000].into() };
        assert_eq!(dropping.push(huge), Err(Full));
        assert_eq!(dropping.len(), 1);
    }
}
