//! What is wrong now, server by server, and which of it is news.
//!
//! Bookkeeping alone: it writes no log and sends no event, and is told what time it is. What goes wrong ten times a second is news
//! once: when it begins, when its reason becomes another one, and when it ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::AdapterError;

/// The same reason is said again at the earliest after this time, however often it came and went meanwhile.
const QUIET: Duration = Duration::from_secs(10);
/// Of how many reasons it is remembered when they were said.
const REASONS: usize = 8;

/// Which part of which server. What the parts are is for the backend to say.
pub(super) type Place<P> = (u64, P);

/// What time it is.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// What is decided by.
    pub(super) at: Instant,
    /// What people are told: it may jump.
    pub(super) date: SystemTime,
}

impl Now {
    #[expect(clippy::disallowed_methods, reason = "nothing is decided by the date")]
    pub(super) fn new() -> Self {
        Self { at: Instant::now(), date: SystemTime::now() }
    }
}

/// What there is to say about a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// All was well before.
    pub(super) begins: bool,
    /// It is to be said; with how many failures there were before it that were not.
    pub(super) say: Option<u64>,
}

/// What there is to say about the end of failures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) after: Duration,
    pub(super) failures: u64,
    /// That it had begun was said.
    pub(super) say: bool,
}

/// What goes wrong now.
pub(super) struct Fault {
    pub(super) why: AdapterError,
    pub(super) since: SystemTime,
    pub(super) at: Instant,
    /// Somebody hears less than was said, for as long as it lasts.
    grave: bool,
    failures: u64,
    said: bool,
}

#[derive(Default)]
struct History {
    now: Option<Fault>,
    /// How often it has begun to go wrong.
    begun: u64,
    /// The reasons that were said, the latest last.
    said: Vec<Said>,
    /// Failures since then.
    unsaid: u64,
}

struct Said {
    reason: Box<str>,
    at: Instant,
    /// How often it had begun to go wrong by then.
    begun: u64,
}

pub(super) struct Faults<P> {
    histories: BTreeMap<Place<P>, History>,
    /// Servers that are no longer ours: their tasks may have a last word.
    retired: BTreeSet<u64>,
}

impl<P> Default for Faults<P> {
    fn default() -> Self {
        Self { histories: BTreeMap::new(), retired: BTreeSet::new() }
    }
}

impl<P: Copy + Ord> Faults<P> {
    /// Something went wrong; `None` for servers that are no longer ours.
    pub(super) fn fails(&mut self, place: Place<P>, why: &AdapterError, grave: bool, now: Now) -> Option<Failed> {
        if self.retired.contains(&place.0) {
            return None;
        }
        let history = self.histories.entry(place).or_default();
        let begins = history.now.is_none();
        history.begun += u64::from(begins);
        let begun = history.begun;
        let fault = history.now.get_or_insert_with(|| Fault {
            why: why.clone(),
            since: now.date,
            at: now.at,
            grave,
            failures: 0,
            said: false,
        });
        fault.failures += 1;
        fault.grave = grave;
        if fault.why != *why {
            fault.why = why.clone();
        }
        let reason = why.to_string();
        let lately = |at: Instant| now.at.duration_since(at) < QUIET;
        let known = history.said.iter().position(|said| *said.reason == *reason);
        let quiet = match known.map(|known| &history.said[known]) {
            Some(said) if said.begun == begun => {
                fault.said = true;
                true
            }
            Some(said) => lately(said.at),
            // Reasons that are never the same are not a way around that.
            None => history.said.len() == REASONS && lately(history.said[0].at),
        };
        if quiet {
            history.unsaid += 1;
            return Some(Failed { begins, say: None });
        }
        fault.said = true;
        if history.said.len() == REASONS || known.is_some() {
            history.said.remove(known.unwrap_or(0));
        }
        history.said.push(Said { reason: reason.into(), at: now.at, begun });
        Some(Failed { begins, say: Some(std::mem::take(&mut history.unsaid)) })
    }

    /// Something works; `None` where nothing was wrong.
    pub(super) fn works(&mut self, place: Place<P>, now: Instant) -> Option<Ended> {
        let history = self.histories.get_mut(&place)?;
        let Fault { at, failures, said, .. } = history.now.take()?;
        if said {
            history.unsaid = 0;
        }
        Some(Ended { after: now.duration_since(at), failures, say: said })
    }

    /// A server is no longer ours: nothing of it is missed.
    pub(super) fn retired(&mut self, server: u64) {
        self.retired.insert(server);
        self.histories.retain(|(of, _), _| *of != server);
    }

    /// What is wrong at a place.
    pub(super) fn at(&self, place: Place<P>) -> Option<&Fault> {
        self.histories.get(&place)?.now.as_ref()
    }

    /// All that is wrong.
    pub(super) fn all(&self) -> impl Iterator<Item = (P, &Fault)> {
        self.histories.iter().filter_map(|((_, part), history)| Some((*part, history.now.as_ref()?)))
    }

    /// The oldest of what makes somebody hear less than was said.
    pub(super) fn worst(&self) -> Option<(P, &Fault)> {
        self.all().filter(|(_, fault)| fault.grave).min_by_key(|(_, fault)| fault.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Part {
        Publishing,
        Writes,
        Publishes,
    }

    const PLACE: Place<Part> = (0, Part::Writes);

    fn why(text: &str) -> AdapterError {
        AdapterError::Backend(text.into())
    }

    fn on(at: Instant) -> Now {
        Now { at, date: SystemTime::UNIX_EPOCH }
    }

    fn said(faults: &mut Faults<Part>, text: &str, now: Instant) -> Option<u64> {
        faults.fails(PLACE, &why(text), true, on(now)).expect("ours").say
    }

    #[test]
    fn what_goes_on_is_said_once_with_each_reason_and_at_its_end() {
        let (mut faults, start) = (Faults::default(), Instant::now());
        let first = faults.fails(PLACE, &why("a"), true, on(start));
        assert_eq!(first, Some(Failed { begins: true, say: Some(0) }));
        let mut now = start;
        for _ in 0..100 {
            now += QUIET;
            assert_eq!(said(&mut faults, "a", now), None);
        }
        assert_eq!(said(&mut faults, "b", now), Some(100), "another reason, and how often the first came again");
        assert_eq!(said(&mut faults, "a", now), None, "reasons that take turns are no news");
        assert_eq!(faults.worst().map(|(_, fault)| &fault.why), Some(&why("a")));
        assert_eq!(faults.works(PLACE, now), Some(Ended { after: now - start, failures: 103, say: true }));
        assert_eq!(faults.works(PLACE, now), None);
        assert!(faults.worst().is_none());
    }

    #[test]
    fn what_comes_and_goes_is_said_now_and_then() {
        let (mut faults, start) = (Faults::default(), Instant::now());
        let mut lines = 0;
        for step in 0..1000 {
            let now = start + QUIET * step / 100;
            lines += u32::from(said(&mut faults, "a", now).is_some());
            lines += u32::from(faults.works(PLACE, now).expect("it had begun").say);
        }
        assert_eq!(lines, 20, "a beginning and an end in each while");
        // It does not end with a last word that is wrong.
        let now = start + QUIET * 10;
        assert_eq!(said(&mut faults, "a", now - QUIET / 2), None);
        assert_eq!(said(&mut faults, "a", now), Some(100), "99 of the last while, and one just now");
    }

    #[test]
    fn only_what_is_grave_counts_for_health_and_a_server_that_is_gone_does_not() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        faults.fails((0, Part::Publishes), &why("NOPERM"), false, on(now));
        assert!(faults.worst().is_none());
        faults.fails((1, Part::Writes), &why("MISCONF"), true, on(now));
        faults.fails((0, Part::Publishing), &why("gone"), true, on(now + QUIET));
        assert_eq!(faults.worst().map(|(part, _)| part), Some(Part::Writes));
        faults.retired(1);
        assert_eq!(faults.worst().map(|(part, _)| part), Some(Part::Publishing));
        assert_eq!(faults.fails((1, Part::Writes), &why("MISCONF"), true, on(now)), None);
    }

    #[test]
    fn reasons_that_are_never_the_same_are_neither_all_said_nor_remembered() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        let lines = (0..100).filter(|number| said(&mut faults, &number.to_string(), now).is_some()).count();
        assert_eq!(lines, REASONS);
        assert_eq!(said(&mut faults, "later", now + QUIET), Some(100 - REASONS as u64));
        assert_eq!(faults.histories[&PLACE].said.len(), REASONS);
    }
}
