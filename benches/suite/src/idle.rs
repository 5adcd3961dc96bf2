//! What a connection costs that only exists.

use std::{
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use load::{Dialect, process::resident};

use crate::{
    Settings,
    figures::{Figures, short},
    page::Page,
    plot,
    servers::{Cluster, Kind},
};

const COUNTS: [usize; 3] = [1_000, 10_000, 50_000];
/// A connection from one address to another needs a port of its own, and Linux gives away 28 000.
const PER_ADDRESS: usize = 20_000;
const IN_A_ROOM: usize = 10;
/// In which the handshake's memory is given back.
const SETTLE: Duration = Duration::from_secs(3);

const METHOD: &str = "\
Clients connect, join rooms of ten, and say nothing. Memory is what the server's processes have resident with all of them connected, less what they had \
before the first, divided by their number; the kernel's socket buffers are not in it, and are the same for everybody. Several loopback \
addresses serve one listener. Where the machine allows a process fewer open files than there are connections, \
they are shared out over several nodes, as the table says.";

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "idle", "Idle connections", METHOD);
    page.data(
        &["connections", "nodes", "server", "round", "bytes_each", "resident_before", "resident_after"]
            .map(str::to_owned),
    );
    let files = load::process::allow_files()? as usize;
    // The rest is for Redis, logs and libraries.
    let per_process = files.saturating_sub(500);
    let counts = if settings.quick { &COUNTS[..2] } else { &COUNTS };
    let rounds = settings.rounds.min(3);
    let mut rows = Vec::new();
    let mut groups = Vec::new();
    for &count in counts {
        let nodes = count.div_ceil(per_process);
        let mut each = vec![Figures::default(); Kind::LIBRARIES.len()];
        for round in 1..=rounds {
            for (place, kind) in Kind::LIBRARIES.into_iter().enumerate() {
                let (before, after) = measure(settings, kind, count, nodes, per_process)?;
                let bytes = after.saturating_sub(before) as f64 / count as f64;
                println!("{count} connections · round {round} · {}: {bytes:.0} bytes each", kind.name());
                page.data(&[
                    count.to_string(),
                    nodes.to_string(),
                    kind.key().to_owned(),
                    round.to_string(),
                    format!("{bytes:.0}"),
                    before.to_string(),
                    after.to_string(),
                ]);
                each[place].push(bytes / 1e3);
            }
        }
        let mut row = vec![short(count as f64), nodes.to_string()];
        row.extend(each.iter().map(Figures::with_spread));
        rows.push(row);
        let bars = Kind::LIBRARIES.iter().zip(each).map(|(kind, each)| (kind.name(), each)).collect();
        groups.push((format!("{} connections", short(count as f64)), bars));
    }
    page.paragraph("Resident memory per connection in kB (1000 bytes):");
    let names = Kind::LIBRARIES.map(Kind::name);
    page.table(&[&["connections", "nodes"][..], &names].concat(), &rows);
    let title = "Resident memory per idle connection, kB (less is better)";
    page.plot(&settings.paths, "idle", title, &plot::bars(title, &groups))?;
    page.save(&settings.paths)
}

/// Resident memory of all nodes, without and with the connections.
fn measure(settings: &Settings, kind: Kind, count: usize, nodes: usize, per_process: usize) -> io::Result<(u64, u64)> {
    let cluster = Cluster::start(kind, &settings.paths, nodes, "0.0.0.0")?;
    let processes = &cluster.processes()[..nodes];
    let total = || processes.iter().map(|pid| resident(*pid)).sum::<io::Result<u64>>();
    thread::sleep(Duration::from_millis(500));
    let before = total()?;
    let mut holders = Vec::new();
    for (number, node) in cluster.addrs.iter().enumerate() {
        let mut left = share(count, nodes, number);
        // As many holders as needed, each within what it may open and what one address has ports for.
        for address in 1u8.. {
            if left == 0 {
                break;
            }
            let clients = left.min(per_process).min(PER_ADDRESS);
            holders.push(Holder::start(
                settings,
                kind,
                SocketAddr::from(([127, 0, 0, address], node.port())),
                clients,
            )?);
            left -= clients;
        }
    }
    thread::sleep(SETTLE);
    let after = total()?;
    for holder in &mut holders {
        holder.check()?;
    }
    Ok((before, after))
}

fn share(count: usize, nodes: usize, number: usize) -> usize {
    count / nodes + usize::from(number < count % nodes)
}

/// A process of the load generator that keeps clients connected; dropped, it ends.
struct Holder(Child);

impl Holder {
    /// Returns once all of them are connected.
    fn start(settings: &Settings, kind: Kind, node: SocketAddr, clients: usize) -> io::Result<Self> {
        let dialect = if kind.dialect() == Dialect::Painda { "painda" } else { "socket.io" };
        let rooms = if clients.is_multiple_of(IN_A_ROOM) { clients / IN_A_ROOM } else { 1 };
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(settings.paths.ours("load")?)
            .args(["--dialect", dialect, "--senders", "0", "--idle", "100000"])
            .args(["--clients", &clients.to_string(), "--rooms", &rooms.to_string(), &node.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let holder = Self(child);
        if line.trim() == "connected" { Ok(holder) } else { Err(io::Error::other("not all clients could connect")) }
    }

    /// That it still runs, that is, that no server spoke nonsense.
    fn check(&mut self) -> io::Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!("the clients ended early: {status}"))),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
