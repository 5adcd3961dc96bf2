//! How much two nodes can deliver: the rate is raised until events are late or lost.

use std::{io, time::Duration};

use load::{Plan, Report, Swarm};

use crate::{
    Settings, fanout,
    figures::{Figures, short},
    page::Page,
    plot,
    servers::{Cluster, Kind},
};

const CLIENTS: usize = 100;
/// Many, because the arena allows one client 1000 messages a second, as is the default.
const SENDERS: usize = 50;
/// The rates that are tried: each is a sixth above the one before.
const LOWEST: f64 = 5.0;
const STEP: f64 = 7.0 / 6.0;
const STEPS: usize = 40;
/// Later than this is too late.
const TOO_LATE: Duration = Duration::from_millis(50);
/// How often a rate may fail.
const ATTEMPTS: usize = 2;

const METHOD: &str = "\
100 clients in one room over two nodes, 50 senders. The rate is raised in steps of a sixth, and the highest is sought at which every event is \
delivered and 99 of 100 deliveries take less than 50 ms; a rate that fails has a second try. The arena takes 1000 messages a second \
from one client, as is the default: where its search ends just below that, it has met this limit, not its own. \
The load generator needs its share of the same two cores: \
the figures are those of this machine, to be compared with each other. Figures are medians of the rounds with (least–most).";

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "saturation", "Saturation", METHOD);
    page.data(
        &["server", "round", "rate_hz", "deliveries_per_s", "cpu_us_per_delivery", "generator_core_percent"]
            .map(str::to_owned),
    );
    let mut found = vec![Vec::new(); Kind::ALL.len()];
    for round in 1..=settings.rounds {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            let Some((rate, report)) = highest(settings, kind)? else { continue };
            println!("round {round} · {}: {rate:.1} Hz, {}", kind.name(), fanout::in_a_line(&report));
            page.data(&[
                kind.key().to_owned(),
                round.to_string(),
                format!("{rate:.2}"),
                format!("{:.0}", deliveries(&report)),
                format!("{:.4}", fanout::server_cpu(&report)),
                format!("{:.1}", fanout::generator_share(&report)),
            ]);
            found[place].push((rate, report));
        }
    }
    let of = |found: &[(f64, Report)], figure: fn(&Report) -> f64| {
        found.iter().map(|(_, report)| figure(report)).collect::<Figures>()
    };
    let relay = of(&found[0], deliveries);
    let row = |(kind, found): (&Kind, &Vec<(f64, Report)>)| {
        let rate: Figures = found.iter().map(|(rate, _)| *rate).collect();
        let deliveries = of(found, deliveries);
        vec![
            kind.name().to_owned(),
            deliveries.with_spread(),
            deliveries.ratio_to(&relay),
            rate.in_short(),
            of(found, fanout::server_cpu).in_short(),
            of(found, |report| report.latency.p99.as_secs_f64() * 1e3).in_short(),
            format!("{} % of a core", of(found, fanout::generator_share).in_short()),
        ]
    };
    let head =
        ["", "deliveries per second", "× relay", "Hz each sender", "CPU per delivery, µs", "p99, ms", "load generator"];
    page.table(&head, &Kind::ALL.iter().zip(&found).map(row).collect::<Vec<_>>());
    let bars = Kind::ALL.iter().zip(&found).map(|(kind, found)| (kind.name(), of(found, deliveries))).collect();
    let title = "Deliveries per second before p99 exceeds 50 ms (more is better)";
    let group = format!("{CLIENTS} clients, {SENDERS} senders, {} cores for everything", short(cores()));
    page.plot(&settings.paths, "saturation", title, &plot::bars(title, &[(group, bars)]))?;
    page.save(&settings.paths)
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(f64::NAN, |cores| cores.get() as f64)
}

fn deliveries(report: &Report) -> f64 {
    report.arrived as f64 / report.seconds
}

/// The highest rate that is delivered in time: in steps of four at first, then by halves.
fn highest(settings: &Settings, kind: Kind) -> io::Result<Option<(f64, Report)>> {
    let (mut good, mut bad) = (None, STEPS);
    let mut step = 8;
    while good.as_ref().map_or(0, |(good, _)| good + 1) < bad {
        let rate = LOWEST * STEP.powi(step as i32);
        match in_time(settings, kind, rate)? {
            Some(report) => good = Some((step, report)),
            None => bad = step,
        }
        let from = good.as_ref().map_or(0, |(good, _)| *good);
        step = if bad == STEPS { (from + 4).min(STEPS - 1) } else { from.midpoint(bad) };
    }
    Ok(good.map(|(step, report)| (LOWEST * STEP.powi(step as i32), report)))
}

/// What a rate leads to, if all is delivered in time. A failure must repeat itself to count: the machine has its moments.
fn in_time(settings: &Settings, kind: Kind, rate: f64) -> io::Result<Option<Report>> {
    for _ in 0..ATTEMPTS {
        let report = attempt(settings, kind, rate)?;
        if report.delivered == report.expected && report.latency.p99 < TOO_LATE && report.cut_off == 0 {
            return Ok(Some(report));
        }
    }
    Ok(None)
}

/// With fresh processes: what an overloaded one has queued must not spoil the next attempt.
fn attempt(settings: &Settings, kind: Kind, rate: f64) -> io::Result<Report> {
    let cluster = Cluster::start(kind, &settings.paths, fanout::NODES, "127.0.0.1")?;
    let plan = Plan {
        warm_up: Duration::from_secs(1),
        measure: Duration::from_secs(if settings.quick { 1 } else { 3 }),
        drain: Duration::from_secs(1),
        ..Plan::one_room(kind.dialect(), cluster.addrs.clone(), CLIENTS, SENDERS, rate)
    };
    Swarm::connect(plan)?.run(&cluster.processes())
}
