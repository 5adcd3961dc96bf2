//! What does not work now, server by server, and which failures are to be reported.
//!
//! Bookkeeping only: it writes no log, sends no event, and gets the time from its caller. Something that fails ten times a second is
//! reported when it begins, when its reason changes, and when it ends; otherwise the log would be full of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::AdapterError;

/// The least time between two reports of the same reason, however often it came and went in between.
const REPEAT_INTERVAL: Duration = Duration::from_secs(10);
/// For how many reasons the time of the last report is remembered.
const REASONS: usize = 8;

/// A part of a server. Each backend has parts of its own.
pub(super) type Place<P> = (u64, P);

/// The current time, on both clocks.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// Decisions use this one.
    pub(super) at: Instant,
    /// Shown to people only, because it may jump.
    pub(super) date: SystemTime,
}

impl Now {
    #[expect(clippy::disallowed_methods, reason = "nothing is decided by the date")]
    pub(super) fn new() -> Self {
        Self { at: Instant::now(), date: SystemTime::now() }
    }
}

/// What to report about a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// It worked before.
    pub(super) begins: bool,
    /// Where it is to be reported: how many failures were suppressed since the last report.
    pub(super) report: Option<u64>,
}

/// What to report about the end of failures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) after: Duration,
    pub(super) failures: u64,
    /// The beginning was reported, so the end is, too.
    pub(super) report: bool,
}

/// Whether a failure makes the adapter's health degraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Other nodes miss messages, or this one does, or rooms' members are not written, for as long as it lasts.
    Degrades,
    /// Only what was refused is affected: it is reported and health stays up.
    Minor,
}

/// Something that does not work now.
pub(super) struct Fault {
    pub(super) why: AdapterError,
    pub(super) since: SystemTime,
    pub(super) at: Instant,
    severity: Severity,
    failures: u64,
    reported: bool,
}

#[derive(Default)]
struct History {
    now: Option<Fault>,
    /// How many times it has begun to fail.
    begun: u64,
    /// The reasons that were reported, the latest last.
    reported: Vec<Report>,
    /// Failures since the last report.
    suppressed: u64,
}

struct Report {
    reason: Box<str>,
    at: Instant,
    /// `History::begun` at that time.
    begun: u64,
}

pub(super) struct Faults<P> {
    histories: BTreeMap<Place<P>, History>,
    /// Servers that this node has left. Their tasks may still report a failure, which must not count.
    retired: BTreeSet<u64>,
}

impl<P> Default for Faults<P> {
    fn default() -> Self {
        Self { histories: BTreeMap::new(), retired: BTreeSet::new() }
    }
}

impl<P: Copy + Ord> Faults<P> {
    /// Something failed. `None` for servers that this node has left.
    pub(super) fn fails(
        &mut self,
        place: Place<P>,
        why: &AdapterError,
        severity: Severity,
        now: Now,
    ) -> Option<Failed> {
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
            severity,
            failures: 0,
            reported: false,
        });
        fault.failures += 1;
        fault.severity = severity;
        if fault.why != *why {
            fault.why = why.clone();
        }
        let reason = why.to_string();
        let lately = |at: Instant| now.at.duration_since(at) < REPEAT_INTERVAL;
        let known = history.reported.iter().position(|reported| *reported.reason == *reason);
        let repeats = match known.map(|known| &history.reported[known]) {
            Some(reported) if reported.begun == begun => {
                fault.reported = true;
                true
            }
            Some(reported) => lately(reported.at),
            // Reasons that differ each time (a port number, say) are limited as well.
            None => history.reported.len() == REASONS && lately(history.reported[0].at),
        };
        if repeats {
            history.suppressed += 1;
            return Some(Failed { begins, report: None });
        }
        fault.reported = true;
        if history.reported.len() == REASONS || known.is_some() {
            history.reported.remove(known.unwrap_or(0));
        }
        history.reported.push(Report { reason: reason.into(), at: now.at, begun });
        Some(Failed { begins, report: Some(std::mem::take(&mut history.suppressed)) })
    }

    /// Something works. `None` where it had not failed.
    pub(super) fn works(&mut self, place: Place<P>, now: Instant) -> Option<Ended> {
        let history = self.histories.get_mut(&place)?;
        let Fault { at, failures, reported, .. } = history.now.take()?;
        if reported {
            history.suppressed = 0;
        }
        Some(Ended { after: now.duration_since(at), failures, report: reported })
    }

    /// This node has left a server: its failures do not count any more.
    pub(super) fn retired(&mut self, server: u64) {
        self.retired.insert(server);
        self.histories.retain(|(of, _), _| *of != server);
    }

    /// What fails at a place.
    pub(super) fn at(&self, place: Place<P>) -> Option<&Fault> {
        self.histories.get(&place)?.now.as_ref()
    }

    /// All failures.
    pub(super) fn all(&self) -> impl Iterator<Item = (P, &Fault)> {
        self.histories.iter().filter_map(|((_, part), history)| Some((*part, history.now.as_ref()?)))
    }

    /// The oldest failure that degrades health.
    pub(super) fn worst(&self) -> Option<(P, &Fault)> {
        self.all().filter(|(_, fault)| fault.severity == Severity::Degrades).min_by_key(|(_, fault)| fault.at)
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

    fn reported(faults: &mut Faults<Part>, text: &str, now: Instant) -> Option<u64> {
        faults.fails(PLACE, &why(text), Severity::Degrades, on(now)).expect("ours").report
    }

    #[test]
    fn a_lasting_failure_is_reported_once_for_each_reason_and_at_its_end() {
        let (mut faults, start) = (Faults::default(), Instant::now());
        let first = faults.fails(PLACE, &why("a"), Severity::Degrades, on(start));
        assert_eq!(first, Some(Failed { begins: true, report: Some(0) }));
        let mut now = start;
        for _ in 0..100 {
            now += REPEAT_INTERVAL;
            assert_eq!(reported(&mut faults, "a", now), None);
        }
        assert_eq!(reported(&mut faults, "b", now), Some(100), "another reason, and how often the first came again");
        assert_eq!(reported(&mut faults, "a", now), None, "reasons that alternate are not reported again");
        assert_eq!(faults.worst().map(|(_, fault)| &fault.why), Some(&why("a")));
        assert_eq!(faults.works(PLACE, now), Some(Ended { after: now - start, failures: 103, report: true }));
        assert_eq!(faults.works(PLACE, now), None);
        assert!(faults.worst().is_none());
    }

    #[test]
    fn a_failure_that_comes_and_goes_is_reported_at_intervals() {
        let (mut faults, start) = (Faults::default(), Instant::now());
        let mut lines = 0;
        for step in 0..1000 {
            let now = start + REPEAT_INTERVAL * step / 100;
            lines += u32::from(reported(&mut faults, "a", now).is_some());
            lines += u32::from(faults.works(PLACE, now).expect("it had begun").report);
        }
        assert_eq!(lines, 20, "a beginning and an end in each while");
        // It does not end with a last word that is wrong.
        let now = start + REPEAT_INTERVAL * 10;
        assert_eq!(reported(&mut faults, "a", now - REPEAT_INTERVAL / 2), None);
        assert_eq!(reported(&mut faults, "a", now), Some(100), "99 of the last while, and one just now");
    }

    #[test]
    fn only_what_is_grave_counts_for_health_and_a_server_that_is_gone_does_not() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        faults.fails((0, Part::Publishes), &why("NOPERM"), Severity::Minor, on(now));
        assert!(faults.worst().is_none());
        faults.fails((1, Part::Writes), &why("MISCONF"), Severity::Degrades, on(now));
        faults.fails((0, Part::Publishing), &why("gone"), Severity::Degrades, on(now + REPEAT_INTERVAL));
        assert_eq!(faults.worst().map(|(part, _)| part), Some(Part::Writes));
        faults.retired(1);
        assert_eq!(faults.worst().map(|(part, _)| part), Some(Part::Publishing));
        assert_eq!(faults.fails((1, Part::Writes), &why("MISCONF"), Severity::Degrades, on(now)), None);
    }

    #[test]
    fn reasons_that_differ_each_time_are_neither_all_reported_nor_remembered() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        let lines = (0..100).filter(|number| reported(&mut faults, &number.to_string(), now).is_some()).count();
        assert_eq!(lines, REASONS);
        assert_eq!(reported(&mut faults, "later", now + REPEAT_INTERVAL), Some(100 - REASONS as u64));
        assert_eq!(faults.histories[&PLACE].reported.len(), REASONS);
    }
}
