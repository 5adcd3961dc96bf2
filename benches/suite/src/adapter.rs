//! The way over Redis alone: how fast a node publishes, and how fast one receives.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use load::{Plan, Swarm};
use wire::resp;

use crate::{
    Settings,
    bytes::from_server,
    figures::Figures,
    page::Page,
    plot,
    redis::{Connection, Redis},
    servers::{Cluster, Kind},
};

const KINDS: [Kind; 3] = [Kind::Arena, Kind::Socketioxide, Kind::SocketIoNode];
/// Messages in one write of the flood.
const BATCH: usize = 100;

const METHOD: &str = "\
*Publishing*: a node without sockets emits `player:move` to a room as fast as its adapter takes it, many at a time; counted is what Redis has \
processed per second until nine tenths of all are done. *Receiving*: a message of another node, recorded, is published \
over and over, as fast as Redis takes it; a node with one client in that room receives it and sends it on; counted is what reaches the client per second. \
CPU is the node's, per message, its start included. Redis and the measuring need their share of the same cores.";

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "adapter", "The adapter alone", METHOD);
    page.data(&["what", "server", "round", "per_second", "cpu_us_each", "arrived_percent"].map(str::to_owned));
    let count = if settings.quick { 50_000 } else { 500_000 };
    let mut published = vec![(Figures::default(), Figures::default()); KINDS.len()];
    let mut received = vec![(Figures::default(), Figures::default(), Figures::default()); KINDS.len()];
    for round in 1..=settings.rounds {
        for (place, kind) in KINDS.into_iter().enumerate() {
            let (rate, cpu) = publish(settings, kind, count)?;
            println!("round {round} · {}: publishes {rate:.0} a second, {cpu:.2} µs each", kind.name());
            page.data(&fields("publish", kind, round, rate, cpu, 100.0));
            published[place].0.push(rate);
            published[place].1.push(cpu);

            let (rate, cpu, share) = receive(settings, kind, count)?;
            println!(
                "round {round} · {}: receives {rate:.0} a second, {cpu:.2} µs each, {share:.1} % arrive",
                kind.name()
            );
            page.data(&fields("receive", kind, round, rate, cpu, share));
            received[place].0.push(rate);
            received[place].1.push(cpu);
            received[place].2.push(share);
        }
    }
    let row = |(place, kind): (usize, &Kind)| {
        vec![
            kind.name().to_owned(),
            published[place].0.with_spread(),
            published[place].1.in_short(),
            received[place].0.with_spread(),
            received[place].1.in_short(),
            format!("{} %", received[place].2.in_short()),
        ]
    };
    let head =
        ["", "published per second", "CPU each, µs", "received and sent on per second", "CPU each, µs", "arrived"];
    page.table(&head, &KINDS.iter().enumerate().map(row).collect::<Vec<_>>());
    let bars = |of: &dyn Fn(usize) -> Figures| {
        KINDS.iter().enumerate().map(|(place, kind)| (kind.name(), of(place))).collect()
    };
    let groups = [
        ("published per second, from one node".to_owned(), bars(&|place| published[place].0.clone())),
        ("received and sent on per second, by one node".to_owned(), bars(&|place| received[place].0.clone())),
    ];
    let title = "Messages per second over Redis (more is better)";
    page.plot(&settings.paths, "adapter", title, &plot::bars(title, &groups))?;
    page.save(&settings.paths)
}

fn fields(what: &str, kind: Kind, round: usize, rate: f64, cpu: f64, share: f64) -> [String; 6] {
    [what, kind.key(), &round.to_string(), &format!("{rate:.0}"), &format!("{cpu:.3}"), &format!("{share:.2}")]
        .map(str::to_owned)
}

/// Publishes per second, and the node's CPU time for each in µs.
fn publish(settings: &Settings, kind: Kind, count: usize) -> io::Result<(f64, f64)> {
    let redis = Redis::start(&settings.paths.scratch)?;
    let publisher = kind.publish(&settings.paths, &redis, count)?;
    let patience = Instant::now() + Duration::from_secs(120);
    let mut first = None;
    loop {
        thread::sleep(Duration::from_millis(5));
        let done = redis.figure("commandstats", "cmdstat_publish")? as usize;
        let now = Instant::now();
        if now > patience {
            return Err(io::Error::other(format!("{} published {done} of {count}", kind.name())));
        }
        match first {
            None if done > 0 => first = Some((now, done)),
            // It may end once it has done its work.
            Some((at, from)) if done >= count / 10 * 9 => {
                let spent = load::process::cpu(publisher.id()).map_or(f64::NAN, |cpu| cpu.as_secs_f64() * 1e6);
                return Ok(((done - from) as f64 / (now - at).as_secs_f64(), spent / done as f64));
            }
            _ => {}
        }
    }
}

/// Messages per second that reach a client, the node's CPU time for each in µs, and the share that arrived in percent.
fn receive(settings: &Settings, kind: Kind, count: usize) -> io::Result<(f64, f64, f64)> {
    let recorded = from_server(settings, kind)?;
    let cluster = Cluster::start(kind, &settings.paths, 1, "127.0.0.1")?;
    let mut swarm = Swarm::connect(Plan::one_room(kind.dialect(), cluster.addrs.clone(), 1, 0, 0.0))?;
    swarm.idle(Duration::from_millis(300))?;

    let mut connection = Connection::open(cluster.redis.addr)?;
    // Redis' answers would have to be read.
    connection.send_raw(b"CLIENT REPLY OFF\r\n")?;
    let mut batch = Vec::new();
    for _ in 0..BATCH {
        resp::push_command(&mut batch, &[b"PUBLISH", &recorded.channel, &recorded.content]);
    }
    let node = cluster.processes()[0];
    let before = load::process::cpu(node)?;
    let flood = thread::spawn(move || (0..count / BATCH).try_for_each(|_| connection.send_raw(&batch)));
    let (arrived, time) = swarm.count(count as u64)?;
    flood.join().map_err(|_| io::Error::other("the flood panicked"))??;
    let spent = (load::process::cpu(node)? - before).as_secs_f64() * 1e6;
    let arrived = arrived as f64;
    Ok((arrived / time.as_secs_f64(), spent / arrived, 100.0 * arrived / count as f64))
}
