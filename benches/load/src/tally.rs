//! Accounts for every event: which client got it, once or twice, and how long after it was due.

use std::time::Duration;

use crate::Plan;

/// What a run has shown.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Events that were due in that time.
    pub sent: u64,
    /// Deliveries that these should have led to.
    pub expected: u64,
    /// Deliveries that they led to.
    pub delivered: u64,
    /// Deliveries that came a second time.
    pub duplicates: u64,
    /// Deliveries to somebody who should not have got them.
    pub strays: u64,
    /// Deliveries that arrived while CPU time was measured, whenever they were sent.
    pub arrived: u64,
    /// Bytes that arrived in that time.
    pub arrived_bytes: u64,
    /// Clients that the server cut off.
    pub cut_off: usize,
    /// Of the deliveries.
    pub latency: Latency,
    /// Pings that were due in the time that was measured.
    pub pings: u64,
    /// How many of these were answered.
    pub pongs: u64,
    /// How long these answers took.
    pub ping_latency: Latency,
    /// By how much the generator itself was late with an event: 99 of 100 were less late.
    pub lag_p99: Duration,
    /// CPU time of the generator.
    pub generator_cpu: Duration,
    /// CPU time of each watched process.
    pub cpu: Vec<Duration>,
    /// Resident memory of each watched process at the end of the measurement.
    pub resident: Vec<u64>,
}

/// How long something took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    /// Half of them took less.
    pub p50: Duration,
    /// 99 of 100 took less.
    pub p99: Duration,
    /// 999 of 1000 took less.
    pub p999: Duration,
    /// The slowest.
    pub max: Duration,
}

impl Latency {
    /// Of a list of microseconds; it is reordered.
    fn of(micros: &mut [u32]) -> Self {
        Self {
            p50: percentile(micros, 0.5),
            p99: percentile(micros, 0.99),
            p999: percentile(micros, 0.999),
            max: percentile(micros, 1.0),
        }
    }
}

impl Report {
    /// Deliveries of those expected, 1 being all.
    #[must_use]
    pub fn share_delivered(&self) -> f64 {
        if self.expected == 0 { 1.0 } else { self.delivered as f64 / self.expected as f64 }
    }

    /// CPU time per delivery of the watched processes in `which`, in µs.
    #[must_use]
    pub fn cpu_per_delivery(&self, which: std::ops::Range<usize>) -> f64 {
        let total: Duration = self.cpu[which].iter().sum();
        total.as_secs_f64() * 1e6 / self.arrived as f64
    }

    /// CPU time of the generator per delivery, in µs.
    #[must_use]
    pub fn generator_per_delivery(&self) -> f64 {
        self.generator_cpu.as_secs_f64() * 1e6 / self.arrived as f64
    }
}

/// The books of a run.
pub(crate) struct Tally<'a> {
    plan: &'a Plan,
    /// A bit for each client, sender of its room, and event.
    seen: Vec<u64>,
    words: usize,
    latencies: Vec<u32>,
    ping_latencies: Vec<u32>,
    pub(crate) report: Report,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let events_each = plan.events().checked_div(plan.senders as u64).unwrap_or_default();
        let words = (events_each as usize).div_ceil(64);
        let measured = (plan.measure.as_secs_f64() * plan.rate) as usize * plan.senders;
        let mut report = Report { seconds: plan.measure.as_secs_f64(), ..Report::default() };
        for event in 0..plan.events() {
            let (sender, seq) = (event as usize % plan.senders, event / plan.senders as u64);
            report.sent += u64::from(plan.is_measured(plan.due(sender, seq)));
        }
        report.pings = (0..plan.all_pings()).filter(|ping| plan.is_measured(plan.ping_due(*ping))).count() as u64;
        report.expected = report.sent * plan.members_per_room().saturating_sub(1) as u64;
        Self {
            plan,
            seen: vec![0; plan.clients * plan.senders_per_room() * words],
            words,
            latencies: Vec::with_capacity(measured * plan.members_per_room()),
            ping_latencies: Vec::with_capacity(report.pings as usize),
            report,
        }
    }

    /// A client got the event that carries these numbers.
    pub(crate) fn arrived(&mut self, client: usize, x: f32, y: f32, at: Duration) {
        let (sender, seq) = (x as usize, y as usize);
        let plan = self.plan;
        let misled = client >= plan.clients || sender == client || sender % plan.rooms != client % plan.rooms;
        if misled || sender >= plan.senders || seq / 64 >= self.words {
            self.report.strays += 1;
            return;
        }
        let row = client * plan.senders_per_room() + sender / plan.rooms;
        let word = &mut self.seen[row * self.words + seq / 64];
        let bit = 1 << (seq % 64);
        if *word & bit != 0 {
            self.report.duplicates += 1;
            return;
        }
        *word |= bit;
        let due = plan.due(sender, seq as u64);
        if plan.is_measured(due) {
            self.report.delivered += 1;
            self.latencies.push(micros(at, due));
        }
    }

    /// A ping was answered.
    pub(crate) fn ponged(&mut self, ping: u64, at: Duration) {
        let due = self.plan.ping_due(ping);
        if self.plan.is_measured(due) {
            self.report.pongs += 1;
            self.ping_latencies.push(micros(at, due));
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.report.delivered == self.report.expected && self.report.pongs == self.report.pings
    }

    pub(crate) fn finish(mut self, lags: &mut [u32]) -> Report {
        self.report.lag_p99 = percentile(lags, 0.99);
        self.report.latency = Latency::of(&mut self.latencies);
        self.report.ping_latency = Latency::of(&mut self.ping_latencies);
        self.report
    }
}

/// From when something was due.
fn micros(at: Duration, due: Duration) -> u32 {
    u32::try_from(at.saturating_sub(due).as_micros()).unwrap_or(u32::MAX)
}

/// Of a list of microseconds; it is reordered.
fn percentile(micros: &mut [u32], share: f64) -> Duration {
    if micros.is_empty() {
        return Duration::ZERO;
    }
    let rank = ((micros.len() as f64 * share).ceil() as usize).clamp(1, micros.len());
    Duration::from_micros(u64::from(*micros.select_nth_unstable(rank - 1).1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    fn plan() -> Plan {
        let nodes = vec!["127.0.0.1:1".parse().expect("an address")];
        let seconds = Duration::from_secs(1);
        Plan { rooms: 2, warm_up: seconds, measure: seconds, ..Plan::one_room(Dialect::Painda, nodes, 6, 2, 10.0) }
    }

    #[test]
    fn each_delivery_counts_once_and_only_where_it_belongs() {
        let plan = plan();
        let mut tally = Tally::new(&plan);
        assert_eq!((tally.report.sent, tally.report.expected), (20, 40), "2 senders, 10 Hz, 1 s; 3 to a room");
        let at = Duration::from_millis(1_003);
        tally.arrived(2, 0.5, 10.5, at);
        tally.arrived(2, 0.5, 10.5, at);
        tally.arrived(3, 0.5, 10.5, at); // another room
        tally.arrived(0, 0.5, 10.5, at); // the sender itself
        tally.arrived(2, 0.5, 9.5, at); // sent before the measurement
        let report = tally.finish(&mut []);
        assert_eq!((report.delivered, report.duplicates, report.strays), (1, 1, 2));
        assert_eq!(report.latency.max, Duration::from_millis(3));
    }

    #[test]
    fn pings_are_counted_as_they_are_answered() {
        let plan = Plan { pings: 10.0, ..plan() };
        assert_eq!(plan.all_pings(), 120, "6 clients, 10 Hz, 2 s");
        let mut tally = Tally::new(&plan);
        tally.ponged(59, Duration::from_millis(990)); // sent before the measurement
        tally.ponged(60, Duration::from_millis(1_004));
        let report = tally.finish(&mut []);
        assert_eq!((report.pings, report.pongs), (60, 1));
        assert_eq!(report.ping_latency.max, Duration::from_millis(4));
    }

    #[test]
    fn percentiles_are_ranks() {
        let mut hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(percentile(&mut hundred, 0.5), Duration::from_micros(50));
        assert_eq!(percentile(&mut hundred, 0.99), Duration::from_micros(99));
        assert_eq!(percentile(&mut hundred, 1.0), Duration::from_micros(100));
        assert_eq!(percentile(&mut [], 0.5), Duration::ZERO);
    }
}
