//! The entries of a set or map in the order of their keys.

use super::output::Count;
use super::walk;
use crate::codec::{Reader, WireType};
use alloc::vec::Vec;

/// The order of the entries in a buffer, which are unsorted.
pub(super) struct Order<'a> {
    bytes: &'a [u8],
    /// The type of the values, where it is a map.
    value: Option<&'a WireType>,
    /// Entries with equal keys are in the order in which they came.
    sorted: Vec<Entry>,
}

/// Where an entry's key is; its value follows.
struct Entry {
    start: u32,
    key_end: u32,
}

impl<'a> Order<'a> {
    /// The order of so many entries; `None` where they are in order already and no two keys are equal.
    pub(super) fn of(bytes: &'a [u8], count: usize, key: &WireType, value: Option<&'a WireType>) -> Option<Self> {
        let mut last: Option<&[u8]> = None;
        if each(bytes, count, key, value).all(|entry| {
            let key = entry.key(bytes);
            last.replace(key).is_none_or(|last| last < key)
        }) {
            return None;
        }
        let mut sorted = Vec::with_capacity(count);
        sorted.extend(each(bytes, count, key, value));
        sorted.sort_unstable_by(|a, b| a.key(bytes).cmp(b.key(bytes)).then(a.start.cmp(&b.start)));
        Some(Order { bytes, value, sorted })
    }

    /// The position in the buffer of the first entry whose key was there before.
    pub(super) fn repeated(&self) -> Option<usize> {
        let again = self.sorted.windows(2).filter(|pair| pair[0].key(self.bytes) == pair[1].key(self.bytes));
        let first = again.map(|pair| pair[1].start).min()?;
        Some(self.sorted.iter().filter(|entry| entry.start < first).count())
    }

    /// The entries in order, and how many there are. Of equal keys the last one is kept.
    pub(super) fn apply(&self) -> (Vec<u8>, usize) {
        let mut out = Vec::with_capacity(self.bytes.len());
        let mut count = 0;
        for (at, entry) in self.sorted.iter().enumerate() {
            if self.sorted.get(at + 1).is_some_and(|next| next.key(self.bytes) == entry.key(self.bytes)) {
                continue;
            }
            count += 1;
            out.extend_from_slice(entry.key(self.bytes));
            if let Some(value) = self.value {
                let rest = &self.bytes[entry.key_end as usize..];
                let mut reader = Reader::new(rest);
                skip(value, &mut reader);
                out.extend_from_slice(&rest[..reader.offset()]);
            }
        }
        (out, count)
    }
}

impl Entry {
    fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize..self.key_end as usize]
    }
}

/// The entries in the order of the buffer.
fn each(bytes: &[u8], count: usize, key: &WireType, value: Option<&WireType>) -> impl Iterator<Item = Entry> {
    let mut reader = Reader::new(bytes);
    (0..count).map(move |_| {
        let start = reader.offset();
        skip(key, &mut reader);
        let key_end = reader.offset();
        if let Some(value) = value {
            skip(value, &mut reader);
        }
        // No message is longer than `u32::MAX`.
        Entry { start: start as u32, key_end: key_end as u32 }
    })
}

/// Skips a value that was just written, and so is valid.
fn skip(ty: &WireType, reader: &mut Reader<'_>) {
    let read = walk::value(ty, reader, &mut Count::default());
    debug_assert!(read.is_ok(), "{read:?}");
}
