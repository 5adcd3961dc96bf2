//! What happens as rooms and nodes become more: who hears what does not concern it, and what that costs.

use std::{io, thread, time::Duration};

use load::{Plan, Report, Swarm};

use crate::{
    Settings, fanout,
    figures::{Figures, short},
    model::{self, Costs},
    page::Page,
    plot,
    servers::{Cluster, Kind},
};

pub(crate) const KINDS: [Kind; 3] = [Kind::Arena, Kind::Socketioxide, Kind::SocketIoNode];
const ROOMS: usize = 32;
const MEMBERS: usize = 8;
const SENDERS: usize = 2;
const HZ: f64 = 10.0;
const NODES: [usize; 4] = [1, 2, 4, 8];

const METHOD: &str = "\
32 rooms of 8 clients, 2 of whom send 10 events a second each: always the same 640 events a second, however many nodes and other rooms there are. \
Every process runs on the same machine. Figures are medians of the rounds with (least–most).";
const SPREAD: &str = "\
Each room has its members on two nodes. With one channel for all, every node hears every event; with a channel per room only the \
two that need it.";
const UNCONCERNED: &str = "\
All rooms stay on the first two nodes; what do the others, which have no client, pay? CPU of one such node per event that was published, \
less what it uses in the same time without any event. Redis' CPU is all that it used; \
the model below takes off what it uses without any event.";
const OTHERS: &str = "Two nodes, the same load, and further rooms with a client each in which nothing happens.";

struct Measured {
    report: Report,
    nodes: usize,
    redis_out: f64,
}

impl Measured {
    fn published(&self) -> f64 {
        ROOMS as f64 * SENDERS as f64 * HZ * self.report.seconds
    }

    /// CPU of some nodes per published event, in µs.
    fn cpu(&self, which: std::ops::Range<usize>) -> f64 {
        self.report.cpu[which].iter().sum::<Duration>().as_secs_f64() * 1e6 / self.published()
    }

    fn redis_cpu(&self) -> f64 {
        self.cpu(self.nodes..self.nodes + 1)
    }
}

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "scaling", "Scaling", METHOD);
    page.data(
        &[
            "what",
            "number",
            "server",
            "round",
            "nodes_us_per_event",
            "redis_us_per_event",
            "redis_bytes_out_per_event",
            "delivered_percent",
        ]
        .map(str::to_owned),
    );
    spread_rooms(settings, &mut page)?;
    let costs = unconcerned(settings, &mut page)?;
    other_rooms(settings, &mut page)?;
    model::write(&mut page, &costs);
    page.save(&settings.paths)
}

/// Nodes become more, and the rooms are spread over them.
fn spread_rooms(settings: &Settings, page: &mut Page) -> io::Result<()> {
    let mut all = Vec::new();
    for nodes in NODES {
        all.push(rounds(settings, page, "spread", nodes, &|kind| measure(settings, kind, nodes, nodes, 0, SENDERS))?);
    }
    page.section("Nodes become more");
    page.paragraph(SPREAD);
    let names = NODES.map(|nodes| nodes.to_string());
    three_tables(page, "nodes", &names, &all);
    let line = |place: usize| {
        let point = |(nodes, of): (usize, &Vec<Vec<Measured>>)| (nodes as f64, median(&of[place], |one| one.redis_out));
        NODES.into_iter().zip(&all).map(point).collect()
    };
    let series: Vec<_> = KINDS.iter().enumerate().map(|(place, kind)| (kind.name(), line(place))).collect();
    let title = "Bytes that Redis sends per event, as nodes become more";
    page.plot(&settings.paths, "scaling-redis", title, &plot::lines(title, "nodes", "bytes per event", &series))?;
    let line = |place: usize| {
        let cpu = |one: &Measured| one.cpu(0..one.nodes);
        NODES.into_iter().zip(&all).map(|(nodes, of)| (nodes as f64, median(&of[place], cpu))).collect()
    };
    let series: Vec<_> = KINDS.iter().enumerate().map(|(place, kind)| (kind.name(), line(place))).collect();
    let title = "CPU of all nodes per event, as nodes become more";
    page.plot(&settings.paths, "scaling-cpu", title, &plot::lines(title, "nodes", "µs per event", &series))
}

/// Nodes become more, but only two have members. What one of the others pays, and Redis for it.
fn unconcerned(settings: &Settings, page: &mut Page) -> io::Result<Vec<(Kind, Costs)>> {
    let counts = [2, 4, 8];
    let [silent_pair, silent] =
        [2, 8].map(|nodes| rounds(settings, page, "silent", nodes, &|kind| measure(settings, kind, nodes, 2, 0, 0)));
    let (silent_pair, silent) = (silent_pair?, silent?);
    let mut all = Vec::new();
    for nodes in counts {
        all.push(rounds(settings, page, "unconcerned", nodes, &|kind| measure(settings, kind, nodes, 2, 0, SENDERS))?);
    }
    page.section("Nodes without members");
    page.paragraph(UNCONCERNED);
    let one_more = |one: &Measured| one.cpu(2..one.nodes) / (one.nodes - 2) as f64;
    let others = |of: &Rounds, place: usize| -> Figures {
        of[place].iter().zip(&silent[place]).map(|(one, silent)| (one_more(one) - one_more(silent)).max(0.0)).collect()
    };
    let row = |(place, kind): (usize, &Kind)| {
        let mut row = vec![kind.name().to_owned()];
        row.extend(all[1..].iter().map(|of| others(of, place).with_spread()));
        row.extend(all.iter().map(|of| figures(&of[place], Measured::redis_cpu).in_short()));
        row
    };
    let head = ["", "one of 2 more nodes, µs", "one of 6 more nodes, µs", "Redis at 2 nodes, µs", "at 4", "at 8"];
    page.table(&head, &KINDS.iter().enumerate().map(row).collect::<Vec<_>>());
    let costs = |(place, kind): (usize, &Kind)| {
        let redis = |of: &Rounds| median(&of[place], Measured::redis_cpu);
        let (pair, eight) = (redis(&all[0]) - redis(&silent_pair), redis(&all[2]) - redis(&silent));
        let sent = |of: &Rounds| median(&of[place], |one| one.redis_out);
        let further = (sent(&all[2]) - sent(&silent)) - (sent(&all[0]) - sent(&silent_pair));
        let costs = Costs {
            needed: median(&all[0][place], |one| one.cpu(0..2)) / 2.0,
            unneeded: others(&all[2], place).median(),
            redis: pair,
            // Not even a byte per event is sent for further nodes. The slope of the CPU is not believed then, because the numbers of
            // nodes are measured one after another, while the machine's pace changes.
            redis_per_node: if further < 1.0 { 0.0 } else { ((eight - pair) / 6.0).max(0.0) },
        };
        (*kind, costs)
    };
    Ok(KINDS.iter().enumerate().map(costs).collect())
}

/// Rooms become more, in which nothing happens.
fn other_rooms(settings: &Settings, page: &mut Page) -> io::Result<()> {
    let counts: &[usize] = if settings.quick { &[0, 1_000] } else { &[0, 1_000, 10_000] };
    let mut all = Vec::new();
    for &rooms in counts {
        all.push(rounds(settings, page, "other-rooms", rooms, &|kind| measure(settings, kind, 2, 2, rooms, SENDERS))?);
    }
    page.section("Other rooms");
    page.paragraph(OTHERS);
    let names: Vec<String> = counts.iter().map(|count| short(*count as f64)).collect();
    three_tables(page, "other rooms", &names, &all);
    Ok(())
}

type Rounds = Vec<Vec<Measured>>;

/// For each kind what the rounds have shown.
fn rounds(
    settings: &Settings,
    page: &mut Page,
    what: &str,
    number: usize,
    measure: &dyn Fn(Kind) -> io::Result<Measured>,
) -> io::Result<Rounds> {
    let mut all: Rounds = KINDS.iter().map(|_| Vec::new()).collect();
    for round in 1..=settings.rounds {
        for (place, kind) in KINDS.into_iter().enumerate() {
            let one = measure(kind)?;
            println!("{what} {number} · round {round} · {}: {}", kind.name(), fanout::in_a_line(&one.report));
            page.data(&[
                what.to_owned(),
                number.to_string(),
                kind.key().to_owned(),
                round.to_string(),
                format!("{:.3}", one.cpu(0..one.nodes)),
                format!("{:.3}", one.redis_cpu()),
                format!("{:.1}", one.redis_out),
                format!("{:.2}", 100.0 * one.report.share_delivered()),
            ]);
            all[place].push(one);
        }
    }
    Ok(all)
}

fn measure(
    settings: &Settings,
    kind: Kind,
    nodes: usize,
    used: usize,
    bystanders: usize,
    senders: usize,
) -> io::Result<Measured> {
    let cluster = Cluster::start(kind, &settings.paths, nodes, "127.0.0.1")?;
    let plan = Plan {
        spread: used.min(2),
        rooms: ROOMS,
        bystanders,
        warm_up: settings.warm_up,
        measure: settings.measure,
        ..Plan::one_room(kind.dialect(), cluster.addrs[..used].to_vec(), ROOMS * MEMBERS, ROOMS * senders, HZ)
    };
    let whole = plan.warm_up + plan.measure;
    let mut swarm = Swarm::connect(plan)?;
    // Subscriptions and memberships are done with.
    thread::sleep(Duration::from_millis(300));
    let sent = || cluster.redis.figure("stats", "total_net_output_bytes");
    let before = sent()?;
    let report = swarm.run(&cluster.processes())?;
    let events = whole.as_secs_f64() * (ROOMS * SENDERS) as f64 * HZ;
    let redis_out = (sent()? - before) as f64 / events;
    Ok(Measured { report, nodes, redis_out })
}

fn figures(of: &[Measured], figure: impl Fn(&Measured) -> f64) -> Figures {
    of.iter().map(figure).collect()
}

fn median(of: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    figures(of, figure).median()
}

/// CPU of the nodes, CPU of Redis, and Redis' traffic.
fn three_tables(page: &mut Page, what: &str, columns: &[String], all: &[Rounds]) {
    let table = |figure: &dyn Fn(&Measured) -> f64| -> Vec<Vec<String>> {
        let row = |(place, kind): (usize, &Kind)| {
            let mut row = vec![kind.name().to_owned()];
            row.extend(all.iter().map(|of| figures(&of[place], figure).with_spread()));
            row
        };
        KINDS.iter().enumerate().map(row).collect()
    };
    let head: Vec<String> = columns.iter().map(|column| format!("{what}: {column}")).collect();
    let head: Vec<&str> = [""].into_iter().chain(head.iter().map(String::as_str)).collect();
    page.paragraph("CPU of all nodes per event, µs:");
    page.table(&head, &table(&|one| one.cpu(0..one.nodes)));
    page.paragraph("CPU of Redis per event, µs:");
    page.table(&head, &table(&Measured::redis_cpu));
    page.paragraph("Bytes that Redis sends per event:");
    page.table(&head, &table(&|one| one.redis_out));
}
