//! The ids of clients: short, because they travel on Redis, and unguessable.

use std::{
    fmt,
    hash::{BuildHasher, Hash, Hasher},
};

use crate::random::Random;

/// 96 random bits as 16 characters of the URL-safe base-64 alphabet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientId([u8; 16]);

impl Hash for ClientId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.0));
    }
}

/// For tables whose keys are ids, which are random already: what order a table has depends on nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ById;

/// See [`ById`].
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl BuildHasher for ById {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher::default()
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        // Only ids are hashed, and these by the method below.
        bytes.iter().for_each(|byte| self.write_u128(u128::from(*byte)));
    }

    fn write_u128(&mut self, id: u128) {
        // Characters have six random bits of eight: multiplied, all bits of the product depend on all of them.
        let (low, high) = (id as u64 ^ 0x9e37_79b9_7f4a_7c15, (id >> 64) as u64 ^ 0xc2b2_ae3d_27d4_eb4f);
        let product = u128::from(low ^ self.0) * u128::from(high);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl ClientId {
    /// A new id; `None` where the operating system gives no random numbers.
    pub(crate) fn random(random: &Random) -> Option<Self> {
        let bits: [u8; 12] = random.bytes().ok()?;
        let mut id = [0; 16];
        for (three, four) in bits.chunks_exact(3).zip(id.chunks_exact_mut(4)) {
            let word = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            for (at, char) in four.iter_mut().enumerate() {
                *char = ALPHABET[(word >> (18 - 6 * at)) as usize & 63];
            }
        }
        Some(Self(id))
    }

    /// The id with these characters; `None` where the text is no id.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id: [u8; 16] = text.as_bytes().try_into().ok()?;
        id.iter().all(|char| ALPHABET.contains(char)).then_some(Self(id))
    }

    pub(crate) fn as_str(&self) -> &str {
        // Made of ASCII only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_differ() {
        let ids: std::collections::HashSet<_> =
            (0..1000).map(|_| ClientId::random(&Random::default()).expect("random bits")).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.as_str().len() == 16));
    }

    #[test]
    fn hashes_of_ids_are_spread() {
        let mut low = std::collections::HashSet::new();
        let mut high = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let hash = ById.hash_one(ClientId::random(&Random::default()).expect("random bits"));
            low.insert(hash & 0xffff);
            high.insert(hash >> 48);
        }
        // Of 65536 places, 10 000 random ones hit about 9274 different ones.
        for places in [low.len(), high.len()] {
            assert!((9000..9500).contains(&places), "{places}");
        }
    }
}
