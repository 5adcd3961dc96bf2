//! The load generator by hand; the benchmark itself uses it as a library.

use std::{error::Error, io, net::SocketAddr, time::Duration};

use lexopt::{
    Arg::{Long, Value},
    Parser, ValueExt,
};
use load::{Dialect, Plan, Report, Swarm, limit};

const USAGE: &str = "\
usage: load [OPTIONS] NODE...      drives clients over the nodes (ADDR:PORT) and reports what arrived
       load --idle S NODE...       connects the clients, says so, and only keeps them alive
       load --limit                how much the generator can take
options: --dialect painda|socket.io (painda)   --clients N (40)   --rooms N (1)   --senders N (10)   --rate HZ (30)
         --spread N (all nodes)   --bystanders N (0)   --seconds S (10)   --watch PID (repeated)";

fn main() -> Result<(), Box<dyn Error>> {
    let mut plan = Plan::one_room(Dialect::Painda, Vec::new(), 40, 10, 30.0);
    let (mut watched, mut spread, mut only_limit, mut only_idle) = (Vec::new(), None, false, None);
    let mut args = Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("dialect") => plan.dialect = args.value()?.parse_with(dialect)?,
            Long("clients") => plan.clients = args.value()?.parse()?,
            Long("rooms") => plan.rooms = args.value()?.parse()?,
            Long("senders") => plan.senders = args.value()?.parse()?,
            Long("rate") => plan.rate = args.value()?.parse()?,
            Long("spread") => spread = Some(args.value()?.parse()?),
            Long("bystanders") => plan.bystanders = args.value()?.parse()?,
            Long("seconds") => plan.measure = Duration::from_secs_f64(args.value()?.parse()?),
            Long("watch") => watched.push(args.value()?.parse::<u32>()?),
            Long("idle") => only_idle = Some(Duration::from_secs_f64(args.value()?.parse()?)),
            Long("limit") => only_limit = true,
            Value(node) => plan.nodes.push(node.parse::<SocketAddr>()?),
            other => return Err(format!("{}\n{USAGE}", other.unexpected()).into()),
        }
    }
    if only_limit {
        return show_limit(plan.dialect, plan.measure);
    }
    if plan.nodes.is_empty() {
        return Err(USAGE.into());
    }
    plan.spread = spread.unwrap_or(plan.nodes.len());
    if load::process::allow_files()? < (plan.clients + plan.bystanders) as u64 + 50 {
        return Err("so many clients need more open files than are allowed: raise `ulimit -Hn`".into());
    }
    if let Some(time) = only_idle {
        let mut swarm = Swarm::connect(plan)?;
        println!("connected");
        swarm.idle(time)?;
        println!("{} were cut off", swarm.cut_off());
        return Ok(());
    }
    let report = Swarm::connect(plan)?.run(&watched)?;
    show(&report, &watched)?;
    Ok(())
}

fn dialect(name: &str) -> Result<Dialect, String> {
    match name {
        "painda" => Ok(Dialect::Painda),
        "socket.io" => Ok(Dialect::SocketIo),
        other => Err(format!("there is no dialect `{other}`: painda or socket.io")),
    }
}

fn show_limit(dialect: Dialect, time: Duration) -> Result<(), Box<dyn Error>> {
    let report = limit::measure(dialect, time)?;
    let each = report.generator_per_delivery();
    println!("{:.0} events/s arrived, {each:.3} µs of CPU each", report.arrived as f64 / report.seconds);
    println!("one thread can take {:.0} events/s", 1e6 / each);
    Ok(())
}

fn show(report: &Report, watched: &[u32]) -> io::Result<()> {
    let Report { sent, expected, delivered, duplicates, strays, cut_off, latency, .. } = report;
    println!(
        "sent {sent}, delivered {delivered} of {expected}; twice {duplicates}, astray {strays}, cut off {cut_off}"
    );
    println!("latency: p50 {:?}, p99 {:?}, p999 {:?}, max {:?}", latency.p50, latency.p99, latency.p999, latency.max);
    let share = 100.0 * report.generator_cpu.as_secs_f64() / report.seconds;
    println!(
        "generator: {:.3} µs per delivery, {share:.0} % of a core, p99 {:?} late",
        report.generator_per_delivery(),
        report.lag_p99
    );
    for (place, pid) in watched.iter().enumerate() {
        let each = report.cpu_per_delivery(place..place + 1);
        println!("process {pid}: {each:.3} µs per delivery, {} KiB resident", report.resident[place] / 1024);
    }
    Ok(())
}
