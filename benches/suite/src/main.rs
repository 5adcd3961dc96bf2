//! The benchmark: starts servers, loads them, and writes what it finds. `benches/run` builds everything and starts it.

mod adapter;
mod attack;
mod build_time;
mod bytes;
mod callgrind;
mod codec;
mod fanout;
mod figures;
mod idle;
mod machine;
mod model;
mod page;
mod paths;
mod plot;
mod process;
mod redis;
mod rooms;
mod saturation;
mod scaling;
mod servers;

use std::{error::Error, io, path::PathBuf, time::Duration};

use lexopt::{
    Arg::{Long, Value},
    Parser, ValueExt,
};

use paths::Paths;

/// How thorough a pass is.
#[derive(Debug)]
struct Settings {
    paths: Paths,
    /// How often everything is measured.
    rounds: usize,
    warm_up: Duration,
    measure: Duration,
    /// Only to see that it works.
    quick: bool,
}

type Case = (&'static str, &'static str, fn(&Settings) -> io::Result<()>);

const CASES: [Case; 10] = [
    ("fanout", "CPU per delivery, delivery and latency over two nodes", fanout::run),
    ("saturation", "how much two nodes deliver in time", saturation::run),
    ("bytes", "what an event weighs on Redis and on a socket", bytes::run),
    ("codec", "bytes, time and instructions of the derived codec", codec::run),
    ("idle", "memory per idle connection", idle::run),
    ("scaling", "rooms and nodes become more", scaling::run),
    ("adapter", "messages per second over Redis alone", adapter::run),
    ("rooms", "joins and emits on all cores at once, and their waits for locks", rooms::run),
    ("attack", "memory, CPU and the waits of others while a node is attacked", attack::run),
    ("build-time", "what the macros cost at build time", build_time::run),
];

fn main() -> Result<(), Box<dyn Error>> {
    let (mut wanted, mut rounds, mut quick, mut out) = (Vec::new(), None, false, None::<PathBuf>);
    let mut args = Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => quick = true,
            Long("rounds") => rounds = Some(args.value()?.parse()?),
            Long("out") => out = Some(args.value()?.into()),
            Long("help") => {
                println!("{}", usage());
                return Ok(());
            }
            Value(case) => wanted.push(case.string()?),
            other => return Err(format!("{}\n{}", other.unexpected(), usage()).into()),
        }
    }
    if let Some(unknown) = wanted.iter().find(|wanted| CASES.iter().all(|(name, ..)| name != wanted)) {
        return Err(format!("there is no case `{unknown}`\n{}", usage()).into());
    }
    let settings = Settings {
        paths: Paths::new(out, quick)?,
        rounds: rounds.unwrap_or(if quick { 1 } else { 5 }),
        warm_up: Duration::from_secs(if quick { 1 } else { 2 }),
        measure: Duration::from_secs(if quick { 2 } else { 8 }),
        quick,
    };
    load::process::allow_files()?;
    for (name, what, run) in CASES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("\n== {name}: {what}");
            let log = process::log();
            run(&settings).map_err(|error| format!("{name}: {error} (the servers' log: {})", log.display()))?;
        }
    }
    // It is kept where something failed.
    let _ = std::fs::remove_file(process::log());
    Ok(())
}

fn usage() -> String {
    let cases: String = CASES.iter().map(|(name, what, _)| format!("\n  {name:<14}{what}")).collect();
    format!(
        "usage: benches/run [--quick] [--rounds N=5] [--out DIR=docs/benchmarks] [CASE...]\n\
         --quick is one short round, to see that all works; its results go into the target directory\ncases, all by default:{cases}"
    )
}
