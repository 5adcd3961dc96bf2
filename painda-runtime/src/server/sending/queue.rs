//! What waits for one client: finished frames in order, of which the latest of a key takes the place of its predecessor.
//!
//! Knows no connection and no lock; [`Outbox`](super::outbox::Outbox) has both.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// As many frames as one system call takes.
pub(crate) const BATCH: usize = 64;

/// What a queued frame takes beside its own bytes, which other queues share.
pub(crate) const HANDLE: usize = size_of::<Bytes>();

/// What a frame is the latest of: the event's id, and the bytes of its key field.
pub(crate) type Key = (u16, Bytes);

#[derive(Default)]
pub(crate) struct Queue {
    frames: VecDeque<Bytes>,
    /// The running number of the first of them.
    front: u64,
    /// Where the latest of each key is queued; none until an event asks for it.
    #[expect(clippy::box_collection, reason = "most queues have none, and each connection has a queue")]
    latest: Option<Box<HashMap<Key, u64>>>,
    /// The front has been written in part, so nothing may take its place.
    partial: bool,
    /// What is queued, and what has been taken and not been [written](Self::wrote) yet.
    bytes: usize,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What the bounds are compared with: small frames take more than their bytes.
    pub(crate) fn cost(&self) -> usize {
        self.bytes + self.frames.len() * HANDLE
    }

    pub(crate) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Puts a frame in the place of the queued one with the same key; `false` where there is none, or where the frame is larger
    /// and the queue would then cost more than `limit`.
    pub(crate) fn replace(&mut self, key: &Key, frame: &Bytes, limit: usize) -> bool {
        let Some(at) = self.latest.as_ref().and_then(|latest| latest.get(key)) else { return false };
        // Numbers before the front are those that are being written, or are.
        let Some(at) = at.checked_sub(self.front).and_then(|at| usize::try_from(at).ok()) else { return false };
        if at == 0 && self.partial {
            return false;
        }
        let cost = self.cost();
        let Some(queued) = self.frames.get_mut(at) else { return false };
        if frame.len() > queued.len() && cost - queued.len() + frame.len() > limit {
            return false;
        }
        self.bytes = self.bytes - queued.len() + frame.len();
        *queued = frame.clone();
        true
    }

    /// Remembers that the next frame to be queued is the latest of its key.
    pub(crate) fn remember(&mut self, key: Key) {
        let latest = self.latest.get_or_insert_default();
        // Numbers of frames that have left are of no use; now and then they are swept out.
        if latest.len() > 2 * self.frames.len() + BATCH {
            latest.retain(|_, at| *at >= self.front);
        }
        latest.insert(key, self.front + self.frames.len() as u64);
    }

    /// Moves as much as one system call takes into an empty batch.
    pub(crate) fn take(&mut self, batch: &mut Vec<Bytes>) {
        let count = self.frames.len().min(BATCH);
        self.front += count as u64;
        if count == 1 {
            // As it mostly is, and cheaper so.
            batch.extend(self.frames.pop_front());
        } else {
            batch.extend(self.frames.drain(..count));
        }
    }

    /// This many bytes of what was taken have been written.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Puts what was taken and could not be written back at the front; `partial` where the first of it has left in part.
    pub(crate) fn put_back(&mut self, batch: &mut Vec<Bytes>, partial: bool) {
        self.partial |= partial;
        self.front -= batch.len() as u64;
        batch.drain(..).rev().for_each(|frame| self.frames.push_front(frame));
    }

    /// Everything is written: gives back what a burst has made large.
    pub(crate) fn idle(&mut self) {
        self.partial = false;
        // Asked first, because dropping nothing is a call, too, for each socket of each emit.
        if self.latest.is_some() {
            self.latest = None;
        }
        if self.frames.capacity() > BATCH {
            self.frames = VecDeque::new();
        }
    }
}
