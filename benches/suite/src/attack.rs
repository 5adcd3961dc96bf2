//! What attacks cost a node, and those of its clients that have nothing to do with them.

use std::{io, iter, time::Duration};

use ::attack::ATTACKS;
use load::{
    Dialect, Plan, Report, Swarm,
    process::{Pinned, forget_peak, peak, resident},
};

use crate::{
    Settings,
    figures::{Figures, short},
    page::Page,
    process::Process,
    redis::Redis,
};

/// Clients that behave: each sends a move and a ping in a tenth of a second.
const HONEST: usize = 40;
const RATE: f64 = 10.0;
/// How long these are alone before the attack.
const CALM: Duration = Duration::from_secs(3);
/// How long that goes on: clients that take nothing, and handlers that hang, have the server wait for up to a minute.
const ATTACK: Duration = Duration::from_secs(60);
/// How long is waited after it.
const SETTLE: Duration = Duration::from_secs(10);

/// How long an honest client may wait, in ms.
const MOST_WAIT: f64 = 50.0;
/// By how much memory may grow, in MiB.
const MOST_GROWN: f64 = 64.0;
/// How much of it may stay, in bytes for each byte that was sent,
const MOST_KEPT: f64 = 8.0;
/// and beside that, in bytes: what the allocator keeps of what was freed.
const SPARE: f64 = 4.0 * MIB;

const MIB: f64 = 1_048_576.0;

const METHOD: &str = "\
One node over Redis with the arena's room and default settings, whose handlers and hooks hang, burst and take their time where a \
client asks for it (`benches/peers/painda/src/bin/attacked.rs`). 40 honest clients in one room each send a move to the others and a \
WebSocket ping every 100 ms. After 3 s of this come the attackers (`benches/attack`), each with a connection of its own, which it opens \
anew where it is closed. After 60 s they end, and 10 s later memory is read once more. Each row is a fresh node and a fresh Redis; \
*mounted* is the arena, on axum. The node has core 0 to itself; clients, attackers and Redis share the others, attackers with idle \
priority, so that what the honest wait for is the node. Waits count from the moment at which a ping or a move was due until its answer or \
the move was read. Memory is what the node has resident; its peak is the kernel's own (`VmHWM`). Figures are medians of the rounds with \
(least–most).";

struct Case {
    name: &'static str,
    attacks: Vec<&'static str>,
    /// Against the arena, which is mounted on axum, not against a node that listens itself.
    mounted: bool,
}

impl Case {
    /// Nothing, each attack, one of them at a mounted server, and all of them.
    fn all() -> Vec<Self> {
        let names = || ATTACKS.iter().map(|attack| attack.name);
        let mut cases = vec![Self { name: "none", attacks: Vec::new(), mounted: false }];
        cases.extend(names().map(|name| Self { name, attacks: vec![name], mounted: false }));
        cases.push(Self { name: "handshakes, mounted", attacks: vec!["handshakes"], mounted: true });
        cases.push(Self { name: "all at once", attacks: names().collect(), mounted: false });
        cases
    }
}

/// What one attack has shown.
struct Outcome {
    /// The honest before the attack.
    calm: Report,
    /// The honest while it went on.
    report: Report,
    /// What attackers have sent, in bytes.
    sent: u64,
    /// Their connections, and how many of these the node has closed.
    opened: u64,
    closed: u64,
    /// The node's memory in bytes: before the attack, at its most, and some time after it.
    before: u64,
    peak: u64,
    after: u64,
}

/// A column of a table: its title and its figure.
type Column = (&'static str, fn(&Outcome) -> f64);

/// Of the honest; waits in ms.
const WAITS: [Column; 10] = [
    ("ping p50", |outcome| ms(outcome.report.ping_latency.p50)),
    ("ping p99", |outcome| ms(outcome.report.ping_latency.p99)),
    ("ping max", |outcome| ms(outcome.report.ping_latency.max)),
    ("before", |outcome| ms(outcome.calm.ping_latency.max)),
    ("move p50", |outcome| ms(outcome.report.latency.p50)),
    ("move p99", |outcome| ms(outcome.report.latency.p99)),
    ("move max", |outcome| ms(outcome.report.latency.max)),
    ("before", |outcome| ms(outcome.calm.latency.max)),
    ("lost", Outcome::lost),
    ("closed", |outcome| outcome.report.cut_off as f64),
];

/// Of the node; memory in MiB.
const COSTS: [Column; 8] = [
    ("CPU %", |outcome| 100.0 * outcome.report.cpu[0].as_secs_f64() / outcome.report.seconds),
    ("memory before", |outcome| outcome.before as f64 / MIB),
    ("more at the peak", Outcome::grown),
    ("kept", |outcome| outcome.kept() / MIB),
    ("MB sent", |outcome| outcome.sent as f64 / 1e6),
    ("bytes kept per byte sent", |outcome| per_byte(outcome.kept(), outcome)),
    ("connections", |outcome| outcome.opened as f64),
    ("closed", |outcome| outcome.closed as f64),
];

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "attack", "Attacks", METHOD);
    let titles = WAITS.iter().chain(&COSTS).map(|(title, _)| title);
    page.data(&["attack", "round"].iter().chain(titles).map(|title| (*title).to_owned()).collect::<Vec<_>>());
    let cases = Case::all();
    let mut outcomes: Vec<_> = cases.iter().map(|_| Vec::new()).collect();
    for round in 1..=settings.rounds.min(2) {
        for (case, outcomes) in cases.iter().zip(&mut outcomes) {
            let outcome = measure(settings, case)?;
            let figures = || WAITS.iter().chain(&COSTS).map(|(title, figure)| (title, figure(&outcome)));
            let line: Vec<_> = figures().map(|(title, figure)| format!("{title} {}", short(figure))).collect();
            println!("{} · round {round}: {}", case.name, line.join(", "));
            let fields = figures().map(|(_, figure)| format!("{figure:.3}"));
            page.data(&[case.name.to_owned(), round.to_string()].into_iter().chain(fields).collect::<Vec<_>>());
            outcomes.push(outcome);
        }
    }
    let results = || cases.iter().zip(&outcomes);

    page.section("What must hold");
    page.paragraph(&format!(
        "No honest client waits more than {MOST_WAIT} ms, is closed or loses anything; at its peak the node's memory has grown by no more \
         than {MOST_GROWN} MiB, and afterwards by no more than {MOST_KEPT} bytes for each byte that the attackers have sent. (Up to {} MiB are \
         not counted there: what is freed goes back to the allocator, which keeps it for the next clients.) In the worst of the rounds:",
        SPARE / MIB
    ));
    let held = results().map(|(case, outcomes)| vec![case.name.to_owned(), verdict(outcomes)]);
    page.table(&["attack", "what did not hold"], &held.collect::<Vec<_>>());
    let mut table = |title: &str, text: &str, columns: &[Column]| {
        page.section(title);
        page.paragraph(text);
        let head: Vec<_> = iter::once("attack").chain(columns.iter().map(|(title, _)| *title)).collect();
        let rows = results().map(|(case, outcomes)| {
            let cells =
                columns.iter().map(|(_, figure)| outcomes.iter().map(figure).collect::<Figures>().with_spread());
            iter::once(case.name.to_owned()).chain(cells).collect()
        });
        page.table(&head, &rows.collect::<Vec<_>>());
    };
    table(
        "The honest",
        "Waits in ms; *before* is the longest in the three seconds before the attack. *Lost* are moves and pings that had not come when \
         nothing had for 2 s.",
        &WAITS,
    );
    table(
        "The node",
        "CPU is that of its core, memory in MiB; *kept* is how much more it has 10 s after the attack. Connections are the attackers', \
         *closed* those that the node has closed.",
        &COSTS,
    );
    page.section("The attacks");
    let attacks =
        ATTACKS.iter().map(|attack| vec![attack.name.to_owned(), attack.attackers.to_string(), attack.what.to_owned()]);
    page.table(&["attack", "attackers", "what they do"], &attacks.collect::<Vec<_>>());
    page.save(&settings.paths)
}

/// What did not hold in the worst of the rounds.
fn verdict(outcomes: &[Outcome]) -> String {
    let worst = |figure: fn(&Outcome) -> f64| outcomes.iter().map(figure).collect::<Figures>().max();
    let bars = [
        (worst(Outcome::wait), MOST_WAIT, "a wait of", " ms"),
        (worst(Outcome::lost), 0.0, "lost:", ""),
        (worst(|outcome| outcome.report.cut_off as f64), 0.0, "closed:", ""),
        (worst(Outcome::grown), MOST_GROWN, "memory at its peak: +", " MiB"),
        (
            worst(|outcome| per_byte(outcome.kept() - SPARE, outcome)),
            MOST_KEPT,
            "memory afterwards: +",
            " bytes per byte",
        ),
    ];
    let broken = bars.iter().filter(|(figure, most, ..)| figure > most);
    let words: Vec<_> = broken.map(|(figure, _, what, unit)| format!("{what} {}{unit}", short(*figure))).collect();
    if words.is_empty() { "all held".to_owned() } else { words.join(", ") }
}

impl Outcome {
    /// The longest wait, in ms.
    fn wait(&self) -> f64 {
        ms(self.report.ping_latency.max.max(self.report.latency.max))
    }

    /// Moves and pings without an answer.
    fn lost(&self) -> f64 {
        let Report { expected, delivered, pings, pongs, .. } = self.report;
        (expected - delivered + pings - pongs) as f64
    }

    /// At the peak, in MiB.
    fn grown(&self) -> f64 {
        self.peak.saturating_sub(self.before) as f64 / MIB
    }

    /// After the attack, in bytes.
    fn kept(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64
    }
}

/// Of those that the attackers have sent.
fn per_byte(bytes: f64, outcome: &Outcome) -> f64 {
    if outcome.sent == 0 { 0.0 } else { bytes / outcome.sent as f64 }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn measure(settings: &Settings, case: &Case) -> io::Result<Outcome> {
    let time = if settings.quick { ATTACK / 6 } else { ATTACK };
    // And everything that is started from here, the node apart.
    let _pinned = Pinned::behind_the_first()?;
    let redis = Redis::start(&settings.paths.scratch)?;
    let program = if case.mounted { settings.paths.roots("arena")? } else { settings.paths.ours("attacked")? };
    let (program, url) = (program.to_string_lossy(), redis.url());
    let args = ["-c", "0", &program, "--listen", "127.0.0.1:0", "--redis", &url];
    let mut node = Process::start("taskset", &args)?;
    let addr = node.address()?;
    let plan = Plan::one_room(Dialect::Painda, vec![addr], HONEST, HONEST, RATE);
    let mut honest = Swarm::connect(Plan { pings: RATE, warm_up: Duration::ZERO, measure: CALM, ..plan })?;
    let calm = honest.run(&[])?;
    let before = resident(node.id())?;
    forget_peak(node.id())?;

    let program = settings.paths.ours("attack")?;
    let (to, over, seconds) = (addr.to_string(), redis.addr.to_string(), time.as_secs_f64().to_string());
    let args = ["--idle", "0", &program.to_string_lossy(), "--node", &to, "--redis", &over, "--seconds", &seconds];
    let mut attackers = Process::start("chrt", &[&args[..], &case.attacks].concat())?;
    honest.measure_for(time);
    let report = honest.run(&[node.id()])?;
    let said = attackers.line()?;
    attackers.wait()?;
    let figures: Vec<u64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [sent, opened, closed] = figures[..] else {
        return Err(io::Error::other(format!("the attackers said {said:?}")));
    };

    honest.idle(SETTLE)?;
    let (peak, after) = (peak(node.id())?, resident(node.id())?);
    Ok(Outcome { calm, report, sent, opened, closed, before, peak, after })
}
