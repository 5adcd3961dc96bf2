//! Cluster fan-out: what a delivery costs, how long it takes, and whether it happens.

use std::{io, time::Duration};

use load::{Dialect, Plan, Report, Swarm, limit};

use crate::{
    Settings,
    figures::{Figures, short},
    page::Page,
    plot,
    servers::{Cluster, Kind},
};

/// On how many nodes.
pub(crate) const NODES: usize = 2;

/// How often as long as elsewhere is measured: of 300 events a second, one in three seconds is the slowest thousandth.
const LONGER: u32 = 3;

struct Case {
    key: &'static str,
    title: &'static str,
    clients: usize,
    rooms: usize,
    senders: usize,
    rate: f64,
}

impl Case {
    /// Per second, where nothing is lost.
    fn deliveries(&self) -> f64 {
        self.senders as f64 * self.rate * (self.clients / self.rooms - 1) as f64
    }
}

const CASES: [Case; 4] = [
    Case {
        key: "40",
        title: "40 clients in one room, 10 senders × 30 Hz",
        clients: 40,
        rooms: 1,
        senders: 10,
        rate: 30.0,
    },
    Case {
        key: "100",
        title: "100 clients in one room, 20 senders × 30 Hz",
        clients: 100,
        rooms: 1,
        senders: 20,
        rate: 30.0,
    },
    Case {
        key: "rooms",
        title: "200 clients in 20 rooms, 2 senders each × 30 Hz",
        clients: 200,
        rooms: 20,
        senders: 40,
        rate: 30.0,
    },
    Case {
        key: "5000",
        title: "5000 clients in one room, 1 sender × 10 Hz",
        clients: 5000,
        rooms: 1,
        senders: 1,
        rate: 10.0,
    },
];

const METHOD: &str = "\
Two nodes over one Redis; each room has half of its members on each node. Every event goes to everybody in the sender's room but \
the sender. Rounds alternate between the servers, every second one backwards; each starts fresh processes. CPU is user and system time of both nodes together, \
Redis apart, in a window of full load, divided by the deliveries that arrived in it. Latency is from the moment at which an event was due \
until a client has read it. Figures are medians of the rounds with (least–most).";

/// One measurement.
pub(crate) fn measure(
    settings: &Settings,
    kind: Kind,
    plan: impl FnOnce(Vec<std::net::SocketAddr>) -> Plan,
) -> io::Result<Report> {
    let cluster = Cluster::start(kind, &settings.paths, NODES, "127.0.0.1")?;
    let mut plan = plan(cluster.addrs.clone());
    plan.dialect = kind.dialect();
    Swarm::connect(plan)?.run(&cluster.processes())
}

/// All cases.
pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "fanout", "Cluster fan-out", METHOD);
    page.data(&CSV.map(str::to_owned));
    generator(settings, &mut page)?;
    let mut groups = Vec::new();
    for case in &CASES {
        let mut reports = vec![Vec::new(); Kind::ALL.len()];
        let mut order: Vec<usize> = (0..Kind::ALL.len()).collect();
        for round in 1..=settings.rounds {
            for &place in &order {
                let kind = Kind::ALL[place];
                let report = measure(settings, kind, |nodes| Plan {
                    rooms: case.rooms,
                    warm_up: settings.warm_up,
                    measure: LONGER * settings.measure,
                    drain: Duration::from_secs(10),
                    ..Plan::one_room(kind.dialect(), nodes, case.clients, case.senders, case.rate)
                })?;
                println!("{} · round {round} · {}: {}", case.title, kind.name(), in_a_line(&report));
                page.data(&csv(case.key, kind, round, &report));
                reports[place].push(report);
            }
            // The machine's pace depends on what it did just before.
            order.reverse();
        }
        page.section(case.title);
        page.table(&HEAD, &rows(&reports));
        let cpu = |reports: &[Report]| reports.iter().map(server_cpu).collect::<Figures>();
        groups.push((
            case.title.to_owned(),
            Kind::ALL.iter().zip(&reports).map(|(kind, all)| (kind.name(), cpu(all))).collect(),
        ));
    }
    let title = "Server CPU per delivery, µs (both nodes; less is better)";
    page.section("CPU per delivery");
    page.plot(&settings.paths, "fanout", title, &plot::bars(title, &groups))?;
    page.save(&settings.paths)
}

/// Shows that the load generator is not what limits.
fn generator(settings: &Settings, page: &mut Page) -> io::Result<()> {
    let mut sentences = Vec::new();
    for (dialect, name) in [(Dialect::Painda, "painda's frames"), (Dialect::SocketIo, "Socket.IO's")] {
        let report = limit::measure(dialect, settings.measure)?;
        let each = report.generator_per_delivery();
        println!("the generator takes {:.0} events a second of {name}, {each:.2} µs each", 1e6 / each);
        sentences.push(format!("{} events a second of {name} ({each:.2} µs each)", short(1e6 / each)));
    }
    let most = CASES.iter().map(Case::deliveries).fold(0.0, f64::max);
    page.paragraph(&format!(
        "The load generator is one thread. Flooded with single events by a thread that does nothing else, it takes {}; the most it gets in a case \
         below is {} a second. Its share of a core stands in each table.",
        sentences.join(" and "),
        short(most)
    ));
    Ok(())
}

const HEAD: [&str; 10] = [
    "",
    "CPU per delivery, µs",
    "× relay",
    "Redis, µs",
    "delivered",
    "p50, ms",
    "p99, ms",
    "p999, ms",
    "memory per node, MB",
    "load generator",
];

fn rows(reports: &[Vec<Report>]) -> Vec<Vec<String>> {
    let relay: Figures = reports[0].iter().map(server_cpu).collect();
    let row = |(kind, reports): (&Kind, &Vec<Report>)| {
        let of = |figure: fn(&Report) -> f64| reports.iter().map(figure).collect::<Figures>();
        let cpu = of(server_cpu);
        let lost = reports.iter().any(|report| report.delivered < report.expected);
        let delivered = of(|report| 100.0 * report.share_delivered());
        let delivered = if lost {
            format!("**{:.2} %** (least {:.2})", delivered.median(), delivered.min())
        } else {
            "100 %".to_owned()
        };
        vec![
            kind.name().to_owned(),
            cpu.with_spread(),
            cpu.ratio_to(&relay),
            of(redis_cpu).in_short(),
            delivered,
            of(|report| report.latency.p50.as_secs_f64() * 1e3).in_short(),
            of(|report| report.latency.p99.as_secs_f64() * 1e3).in_short(),
            of(|report| report.latency.p999.as_secs_f64() * 1e3).with_spread(),
            of(|report| report.resident[..NODES].iter().sum::<u64>() as f64 / NODES as f64 / 1e6).in_short(),
            format!("{} % of a core", of(generator_share).in_short()),
        ]
    };
    Kind::ALL.iter().zip(reports).map(row).collect()
}

/// CPU time of the nodes per delivery, in µs.
pub(crate) fn server_cpu(report: &Report) -> f64 {
    report.cpu_per_delivery(0..report.cpu.len() - 1)
}

/// CPU time of Redis per delivery, in µs.
pub(crate) fn redis_cpu(report: &Report) -> f64 {
    report.cpu_per_delivery(report.cpu.len() - 1..report.cpu.len())
}

/// Of a core, in percent.
pub(crate) fn generator_share(report: &Report) -> f64 {
    100.0 * report.generator_cpu.as_secs_f64() / report.seconds
}

/// For who watches.
pub(crate) fn in_a_line(report: &Report) -> String {
    format!(
        "{:.2} µs a delivery, Redis {:.2}, {:.2} % delivered, p99 {:?}{}",
        server_cpu(report),
        redis_cpu(report),
        100.0 * report.share_delivered(),
        report.latency.p99,
        if report.duplicates + report.strays + report.cut_off as u64 > 0 {
            format!(", {} twice, {} astray, {} cut off", report.duplicates, report.strays, report.cut_off)
        } else {
            String::new()
        }
    )
}

const CSV: [&str; 17] = [
    "case",
    "server",
    "round",
    "cpu_us_per_delivery",
    "redis_us_per_delivery",
    "sent",
    "expected",
    "delivered",
    "duplicates",
    "strays",
    "cut_off",
    "p50_us",
    "p99_us",
    "p999_us",
    "max_us",
    "generator_us_per_delivery",
    "generator_lag_p99_us",
];

fn csv(case: &str, kind: Kind, round: usize, report: &Report) -> Vec<String> {
    let latency = report.latency;
    vec![
        case.to_owned(),
        kind.key().to_owned(),
        round.to_string(),
        format!("{:.4}", server_cpu(report)),
        format!("{:.4}", redis_cpu(report)),
        report.sent.to_string(),
        report.expected.to_string(),
        report.delivered.to_string(),
        report.duplicates.to_string(),
        report.strays.to_string(),
        report.cut_off.to_string(),
        latency.p50.as_micros().to_string(),
        latency.p99.as_micros().to_string(),
        latency.p999.as_micros().to_string(),
        latency.max.as_micros().to_string(),
        format!("{:.4}", report.generator_per_delivery()),
        report.lag_p99.as_micros().to_string(),
    ]
}
