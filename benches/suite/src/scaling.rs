//! What happens as rooms and nodes become more: which nodes receive what does not concern them, and what that costs.

use std::{io, thread, time::Duration};

use load::{Plan, Report, Swarm};

use crate::{
    Settings, fanout,
    figures::{Figures, short},
    model::{self, Costs},
    page::Page,
    plot,
    redis::Redis,
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
Every process runs on the same machine. A round measures all columns of a section, each with all servers in turn, and every second round does so backwards. \
Figures are medians of the rounds with (least–most).";
const SPREAD: &str = "\
Each room has its members on two nodes. With one channel for all, every node receives every event; with a channel per room only the \
two that need it.";
const UNCONCERNED: &str = "\
All rooms stay on the first two nodes; what do the other six pay, which have no client, and Redis for these? All of it is per event that was \
published, less what is used in the same time without any event. Redis' instructions were counted by callgrind, in runs of their own: \
they do not depend on the machine's pace, which time does.";
const OTHERS: &str = "Two nodes, the same load, and further rooms with a client each in which nothing happens.";
/// Nodes of the section without members: those that have some, and all.
const FEW: usize = 2;
const MANY: usize = 8;

/// What is set up and measured: a column of a table.
#[derive(Clone, Copy)]
struct Column {
    what: &'static str,
    nodes: usize,
    /// Nodes that have clients: the first ones.
    used: usize,
    /// Further rooms, with a client each.
    bystanders: usize,
    /// In each room.
    senders: usize,
    /// Whether Redis' instructions are counted.
    counted: bool,
}

/// Two nodes and the load that is the same everywhere.
const USUAL: Column = Column { what: "", nodes: 2, used: 2, bystanders: 0, senders: SENDERS, counted: false };

struct Measured {
    report: Report,
    nodes: usize,
    redis_out: f64,
    /// If they were counted.
    redis_instructions: Option<f64>,
}

impl Measured {
    /// CPU of some nodes per published event, in µs.
    fn cpu(&self, which: std::ops::Range<usize>) -> f64 {
        self.report.cpu[which].iter().sum::<Duration>().as_secs_f64() * 1e6 / published(self.report.seconds)
    }

    fn nodes_cpu(&self) -> f64 {
        self.cpu(0..self.nodes)
    }

    fn redis_cpu(&self) -> f64 {
        self.cpu(self.nodes..self.nodes + 1)
    }

    fn instructions(&self) -> f64 {
        self.redis_instructions.unwrap_or(f64::NAN)
    }
}

/// Events in some seconds; where nobody sends, as many as would have been.
fn published(seconds: f64) -> f64 {
    (ROOMS * SENDERS) as f64 * HZ * seconds
}

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "scaling", "Scaling", METHOD);
    page.data(
        &[
            "what",
            "nodes",
            "other_rooms",
            "server",
            "round",
            "nodes_us_per_event",
            "redis_us_per_event",
            "redis_bytes_out_per_event",
            "redis_instructions_per_event",
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
    let all = rounds(settings, page, NODES.map(|nodes| Column { what: "spread", nodes, used: nodes, ..USUAL }))?;
    page.section("Nodes become more");
    page.paragraph(SPREAD);
    three_tables(page, &NODES.map(|nodes| format!("nodes: {nodes}")), &all);
    let lines = |figure: fn(&Measured) -> f64| -> Vec<_> {
        let line = |place: usize| {
            NODES
                .into_iter()
                .zip(&all)
                .map(|(nodes, of)| (nodes as f64, figures(&of[place], figure).median()))
                .collect()
        };
        KINDS.iter().enumerate().map(|(place, kind)| (kind.name(), line(place))).collect()
    };
    let title = "Bytes that Redis sends per event, as nodes become more";
    let plot = plot::lines(title, "nodes", "bytes per event", &lines(|one| one.redis_out));
    page.plot(&settings.paths, "scaling-redis", title, &plot)?;
    let title = "CPU of all nodes per event, as nodes become more";
    let plot = plot::lines(title, "nodes", "µs per event", &lines(Measured::nodes_cpu));
    page.plot(&settings.paths, "scaling-cpu", title, &plot)
}

/// Nodes become more, but only two have members. What one of the others pays, and Redis for it.
fn unconcerned(settings: &Settings, page: &mut Page) -> io::Result<Vec<(Kind, Costs)>> {
    let idle = Column { what: "silent", senders: 0, ..USUAL };
    let busy = Column { what: "unconcerned", ..USUAL };
    let counted = |column: Column| Column { counted: true, ..column };
    let more = |column: Column| Column { nodes: MANY, ..column };
    let [idle_few, few, idle_many, many] = rounds(settings, page, [idle, busy, more(idle), more(busy)])?;
    let [counted_idle_few, counted_few, counted_idle_many, counted_many] =
        rounds(settings, page, [idle, busy, more(idle), more(busy)].map(counted))?;

    let mut costs = Vec::new();
    let mut rows = Vec::new();
    for (place, kind) in KINDS.into_iter().enumerate() {
        let less = |busy: &Rounds, idle: &Rounds, figure: fn(&Measured) -> f64| -> Figures {
            busy[place].iter().zip(&idle[place]).map(|(busy, idle)| figure(busy) - figure(idle)).collect()
        };
        let without = less(&many, &idle_many, |one| one.cpu(FEW..MANY) / (MANY - FEW) as f64);
        let redis = [less(&few, &idle_few, Measured::redis_cpu), less(&many, &idle_many, Measured::redis_cpu)];
        let sent = [less(&few, &idle_few, |one| one.redis_out), less(&many, &idle_many, |one| one.redis_out)];
        let instructions = [
            less(&counted_few, &counted_idle_few, Measured::instructions),
            less(&counted_many, &counted_idle_many, Measured::instructions),
        ];
        let [at_few, at_many] = instructions.each_ref().map(Figures::median);
        costs.push((
            kind,
            Costs {
                needed: figures(&few[place], Measured::nodes_cpu).median() / FEW as f64,
                unneeded: without.median(),
                redis: redis[0].median(),
                redis_growth: (at_many / at_few - 1.0) / (MANY - FEW) as f64,
            },
        ));
        let pairs = redis.iter().chain(&instructions).chain(&sent);
        rows.push(
            [kind.name().to_owned(), without.with_spread()]
                .into_iter()
                .chain(pairs.map(Figures::with_spread))
                .collect(),
        );
    }
    page.section("Nodes without members");
    page.paragraph(UNCONCERNED);
    let head = [
        "",
        "a node without clients, µs",
        "Redis with 2 nodes, µs",
        "with 8",
        "Redis' instructions with 2 nodes",
        "with 8",
        "bytes from Redis with 2 nodes",
        "with 8",
    ];
    page.table(&head, &rows);
    Ok(costs)
}

/// Rooms become more, in which nothing happens.
fn other_rooms(settings: &Settings, page: &mut Page) -> io::Result<()> {
    let counts = if settings.quick { [0, 100, 1_000] } else { [0, 1_000, 10_000] };
    let all = rounds(settings, page, counts.map(|bystanders| Column { what: "other-rooms", bystanders, ..USUAL }))?;
    page.section("Other rooms");
    page.paragraph(OTHERS);
    three_tables(page, &counts.map(|count| format!("other rooms: {}", short(count as f64))), &all);
    Ok(())
}

/// For each kind what the rounds have shown.
type Rounds = Vec<Vec<Measured>>;

/// Measures some columns, each with everybody in turn, and all of it as often as there are rounds: what is compared is close in time. Every
/// second round goes backwards, because the machine's pace depends on what it did just before.
fn rounds<const N: usize>(settings: &Settings, page: &mut Page, columns: [Column; N]) -> io::Result<[Rounds; N]> {
    let mut all: [Rounds; N] = columns.map(|_| KINDS.map(|_| Vec::new()).into());
    let mut order: Vec<_> = (0..N).flat_map(|column| (0..KINDS.len()).map(move |place| (column, place))).collect();
    for round in 1..=settings.rounds {
        for &(column, place) in &order {
            let (of, kind) = (&columns[column], KINDS[place]);
            let one = measure(settings, kind, of)?;
            let Column { what, nodes, bystanders, .. } = of;
            let line = fanout::in_a_line(&one.report);
            println!("{what} · {nodes} nodes · {bystanders} other rooms · round {round} · {}: {line}", kind.name());
            page.data(&[
                (*what).to_owned(),
                nodes.to_string(),
                bystanders.to_string(),
                kind.key().to_owned(),
                round.to_string(),
                format!("{:.3}", one.nodes_cpu()),
                format!("{:.3}", one.redis_cpu()),
                format!("{:.1}", one.redis_out),
                one.redis_instructions.map_or_else(String::new, |count| format!("{count:.0}")),
                format!("{:.2}", 100.0 * one.report.share_delivered()),
            ]);
            all[column][place].push(one);
        }
        order.reverse();
    }
    Ok(all)
}

fn measure(settings: &Settings, kind: Kind, column: &Column) -> io::Result<Measured> {
    let &Column { nodes, used, bystanders, senders, counted, .. } = column;
    let start = if counted { Redis::start_counted } else { Redis::start };
    let mut cluster = Cluster::over(start(&settings.paths.scratch)?, kind, &settings.paths, nodes, "127.0.0.1")?;
    let plan = Plan {
        spread: used.min(2),
        rooms: ROOMS,
        bystanders,
        warm_up: settings.warm_up,
        measure: settings.measure,
        ..Plan::one_room(kind.dialect(), cluster.addrs[..used].to_vec(), ROOMS * MEMBERS, ROOMS * senders, HZ)
    };
    let events = published((plan.warm_up + plan.measure).as_secs_f64());
    let mut swarm = Swarm::connect(plan)?;
    // Subscriptions and memberships are done with.
    thread::sleep(Duration::from_millis(300));
    let sent = |cluster: &Cluster| cluster.redis.figure("stats", "total_net_output_bytes");
    let before = sent(&cluster)?;
    let report = swarm.run(&cluster.processes())?;
    let redis_out = (sent(&cluster)? - before) as f64 / events;
    // From its start to its end; what does not belong to the events goes off with the silent run.
    let redis_instructions = counted.then(|| cluster.redis.instructions()).transpose()?.map(|all| all / events);
    Ok(Measured { report, nodes, redis_out, redis_instructions })
}

fn figures(of: &[Measured], figure: impl Fn(&Measured) -> f64) -> Figures {
    of.iter().map(figure).collect()
}

/// CPU of the nodes, CPU of Redis, and Redis' traffic.
fn three_tables(page: &mut Page, columns: &[String], all: &[Rounds]) {
    let table = |figure: &dyn Fn(&Measured) -> f64| -> Vec<Vec<String>> {
        let row = |(place, kind): (usize, &Kind)| {
            let mut row = vec![kind.name().to_owned()];
            row.extend(all.iter().map(|of| figures(&of[place], figure).with_spread()));
            row
        };
        KINDS.iter().enumerate().map(row).collect()
    };
    let head: Vec<&str> = [""].into_iter().chain(columns.iter().map(String::as_str)).collect();
    page.paragraph("CPU of all nodes per event, µs:");
    page.table(&head, &table(&Measured::nodes_cpu));
    page.paragraph("CPU of Redis per event, µs:");
    page.table(&head, &table(&Measured::redis_cpu));
    page.paragraph("Bytes that Redis sends per event:");
    page.table(&head, &table(&|one| one.redis_out));
}
