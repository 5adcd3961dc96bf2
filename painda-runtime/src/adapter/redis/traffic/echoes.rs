//! Echoes: the copies of this node's own publishes that Redis sends back on one channel.
//!
//! The wire has no field for the sender, so an echo is recognised by its bytes. Equal bytes are interchangeable, so a count per
//! content is exact. Knows no phases and no connections: its owner decides when an echo is due.

use std::collections::HashMap;

use bytes::Bytes;

/// What one remembered echo costs beside its bytes: the table's entry.
const OVERHEAD: usize = 64;

/// A count per content of the echoes that are due.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    due: HashMap<Bytes, u32>,
    cost: usize,
}

impl Echoes {
    /// Remembers that these bytes will be received once more.
    pub(super) fn expect(&mut self, bytes: &Bytes) {
        *self.due.entry(bytes.clone()).or_default() += 1;
        self.cost += cost(bytes);
    }

    /// Takes one due echo of these bytes. `false` when none is due: then another node published them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let Some(count) = self.due.get_mut(bytes) else { return false };
        *count -= 1;
        if *count == 0 {
            self.due.remove(bytes);
        }
        self.cost -= cost(bytes);
        true
    }

    /// An upper bound of the memory that the due echoes hold, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }
}

fn cost(bytes: &[u8]) -> usize {
    bytes.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_echoes_are_taken_as_were_expected() {
        let (one, two) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
        let mut echoes = Echoes::default();
        echoes.expect(&one);
        echoes.expect(&two);
        echoes.expect(&one);
        assert!(echoes.take(b"one"));
        assert!(echoes.take(b"one"));
        assert!(!echoes.take(b"one"), "the third came from another node");
        assert!(echoes.take(b"two"));
        assert_eq!(echoes.cost(), 0);
    }
}
