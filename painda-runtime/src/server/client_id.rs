//! The ids of clients: short, because they travel on Redis, and unguessable.

use std::fmt;

/// 96 random bits as 16 characters of the URL-safe base-64 alphabet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientId([u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl ClientId {
    /// A new id; `None` where the operating system has no random numbers to give.
    pub(crate) fn random() -> Option<Self> {
        let mut bits = [0; 12];
        getrandom::fill(&mut bits).ok()?;
        let mut id = [0; 16];
        for (three, four) in bits.chunks_exact(3).zip(id.chunks_exact_mut(4)) {
            let word = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            for (at, char) in four.iter_mut().enumerate() {
                *char = ALPHABET[(word >> (18 - 6 * at)) as usize & 63];
            }
        }
        Some(Self(id))
    }

    /// The id with these characters; `None` for what is no id of ours.
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
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| ClientId::random().expect("random bits")).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.as_str().len() == 16));
    }
}
