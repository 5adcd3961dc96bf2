//! The only source of random numbers: for ids, the numbers of questions, and the jitter of delays.
//!
//! They come from the operating system, so that ids can't be guessed. A test or a simulation gives a seed instead, and gets the same
//! numbers in each run. There is no global source: code that needs numbers is given one.

use alloc::sync::Arc;
use core::fmt;

use parking_lot::Mutex;

/// A source of random numbers; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Random(Source);

#[derive(Clone, Default)]
enum Source {
    /// The operating system's numbers, which can't be guessed.
    #[default]
    System,
    /// The state of a sequence (`SplitMix64`), which can be computed from the seed.
    Seeded(Arc<Mutex<u64>>),
}

impl Random {
    /// The same numbers for the same seed. Not for a server that strangers can reach, because its ids can be guessed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(seed))))
    }

    /// A new source for one task. Tasks that share a source would take each other's numbers, in an order that differs from run to run.
    pub(crate) fn fork(&self) -> Self {
        match &self.0 {
            Source::System => Self::default(),
            Source::Seeded(state) => Self::seeded(step(&mut state.lock())),
        }
    }

    /// Random bytes; an error where the operating system has none to give.
    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N], getrandom::Error> {
        let mut bytes = [0; N];
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the only source of random numbers")]
            Source::System => getrandom::fill(&mut bytes)?,
            Source::Seeded(state) => {
                let mut state = state.lock();
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&step(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
        Ok(bytes)
    }

    /// The same as a number.
    pub(crate) fn u64(&self) -> Result<u64, getrandom::Error> {
        self.bytes().map(u64::from_le_bytes)
    }
}

/// Without the state, from which the next numbers could be computed.
impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "System",
            Source::Seeded(_) => "Seeded",
        })
    }
}

/// The next number of `SplitMix64`.
fn step(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(random: &Random) -> Vec<u64> {
        (0..100).map(|_| random.u64().expect("random numbers")).collect()
    }

    #[test]
    fn a_seed_gives_the_same_numbers_in_each_run() {
        // The sequence's published first number for this seed: it must stay the same from one version to the next.
        assert_eq!(Random::seeded(1_234_567).u64().expect("a number"), 6_457_827_717_110_365_317);
        assert_eq!(numbers(&Random::seeded(7)), numbers(&Random::seeded(7)));
        assert_ne!(numbers(&Random::seeded(7)), numbers(&Random::seeded(8)));
        assert_eq!(
            Random::seeded(7).bytes::<12>().expect("bytes")[..8],
            Random::seeded(7).bytes::<8>().expect("bytes")
        );
    }

    #[test]
    fn a_fork_is_independent_of_other_users() {
        let (busy, quiet) = (Random::seeded(7), Random::seeded(7));
        let forks = (busy.fork(), quiet.fork());
        numbers(&busy);
        assert_eq!(numbers(&forks.0), numbers(&forks.1));
        assert_ne!(numbers(&busy.fork()), numbers(&quiet.fork()), "clones share one sequence, forks begin new ones");
    }

    #[test]
    fn without_a_seed_numbers_differ() {
        let random = Random::default();
        assert_ne!(numbers(&random), numbers(&random.fork()));
        assert_ne!(numbers(&random), numbers(&Random::default()));
    }
}
