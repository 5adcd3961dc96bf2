//! Joins and leaves beside emits to other rooms, on all cores at once, and how often they wait for each other; before rooms had locks of
//! their own, and now.

use std::{io, path::Path, process::Command, thread};

use crate::{
    Settings,
    figures::{Figures, short},
    page::Page,
    process::Process,
    redis::Redis,
};

/// The first release: one lock for all rooms in the hub, one in the Redis adapter, one in memory.
const BEFORE: &str = "4860206";

const METHOD: &str = "\
One node with real WebSocket connections, in one process with the threads that use it (`benches/peers/painda/src/bin/rooms.rs`). Each thread \
has a client and 64 rooms of its own. Joining threads let their client join and leave these, one after another, as fast as they can; emitting \
threads emit `player:move` to theirs, of which each has one member, the emitter, which does not get it: so nothing is written to sockets. Over memory \
a second node subscribes to the rooms; over Redis the node receives its own copies, and an emit that finds the queue of publishes full does not \
count. The server's own tasks have one more thread, and Redis shares the cores. *Waits* are how often one of the threads went to sleep, \
for each million of its calls (the kernel's `voluntary_ctxt_switches` of the thread): as these threads call nothing that sleeps, each is a futex that a lock \
or the memory allocator waited for. Over Redis also emits that are alone wait: for the publisher's task, which empties their queue, for the \
runtime that wakes it, and for the allocator, as other threads free what was emitted. What joins add to that is the question. Figures are medians of the rounds with (least–most), before and now in turn.";

/// A load: what it is called, how many threads join, and how many emit.
type Load = (&'static str, usize, usize);

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let cores = thread::available_parallelism()?.get();
    let emitters = (cores / 2).max(1);
    let loads: [Load; 3] =
        [("emits alone", 0, emitters), ("joins and leaves alone", cores, 0), ("both at once", cores, emitters)];
    let before = Command::new(settings.paths.root.join("benches/at")).args([BEFORE, "rooms"]).output()?;
    if !before.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&before.stderr).into_owned()));
    }
    let before = String::from_utf8_lossy(&before.stdout).trim().to_owned();
    let programs =
        [(format!("first release (`{BEFORE}`)"), before.into()), ("now".to_owned(), settings.paths.ours("rooms")?)];

    let mut page = Page::new(&settings.paths, "rooms", "Joins beside emits", METHOD);
    let head =
        ["over", "threads", "program", "round", "emits_per_second", "emit_waits", "joins_per_second", "join_waits"];
    page.data(&head.map(str::to_owned));
    for over in ["memory", "Redis"] {
        let mut figures = vec![<[Figures; 4]>::default(); loads.len() * programs.len()];
        for round in 1..=settings.rounds {
            for (at, (load, (name, program))) in
                loads.iter().flat_map(|load| programs.iter().map(move |program| (load, program))).enumerate()
            {
                let said = measure(settings, program, load, over == "Redis")?;
                let [emits, emit_waits, joins, join_waits] = said;
                println!(
                    "over {over} · round {round} · {} · {name}: {} emits a second, {emit_waits} waits; {} joins and leaves a second, {join_waits} waits",
                    load.0,
                    short(emits),
                    short(joins),
                );
                let fields = [over.to_owned(), load.0.to_owned(), name.clone(), round.to_string()];
                page.data(&fields.into_iter().chain(said.map(|figure| figure.to_string())).collect::<Vec<_>>());
                let per_million = |waits: f64, calls: f64| waits * 1e6 / (calls * settings.measure.as_secs_f64());
                let shown = [emits, per_million(emit_waits, emits), joins, per_million(join_waits, joins)];
                figures[at]
                    .iter_mut()
                    .zip(shown)
                    .filter(|(_, figure)| figure.is_finite())
                    .for_each(|(all, figure)| all.push(figure));
            }
        }
        page.section(&format!("Over {over}"));
        let names = loads.iter().flat_map(|load| programs.iter().map(move |(name, _)| (load, name)));
        let rows =
            names.zip(&figures).map(|(((load, joiners, emitters), name), [emits, emit_waits, joins, join_waits])| {
                let threads = |count: &usize, figures: &Figures| {
                    if *count == 0 { "–".to_owned() } else { figures.with_spread() }
                };
                vec![
                    (*load).to_owned(),
                    name.clone(),
                    threads(emitters, emits),
                    threads(emitters, emit_waits),
                    threads(joiners, joins),
                    threads(joiners, join_waits),
                ]
            });
        page.table(
            &["", "", "emits a second", "waits in a million", "joins and leaves a second", "waits in a million"],
            &rows.collect::<Vec<_>>(),
        );
    }
    page.paragraph(&format!("Emitting threads: {emitters}; joining threads: {cores}."));
    page.save(&settings.paths)
}

/// Emits a second, waits of those who emit, joins and leaves a second, waits of those who join.
fn measure(
    settings: &Settings,
    program: &Path,
    (_, joiners, emitters): &Load,
    over_redis: bool,
) -> io::Result<[f64; 4]> {
    let redis = over_redis.then(|| Redis::start(&settings.paths.scratch)).transpose()?;
    let seconds = settings.measure.as_secs_f64().to_string();
    let (joiners, emitters, url) = (joiners.to_string(), emitters.to_string(), redis.as_ref().map(Redis::url));
    let mut args = vec!["--joiners", &joiners, "--emitters", &emitters, "--seconds", &seconds];
    if let Some(url) = &url {
        args.extend(["--redis", url]);
    }
    let mut process = Process::start(program, &args)?;
    let said = process.line()?;
    let figures: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    figures.try_into().map_err(|_| io::Error::other(format!("{} said {said:?}", program.display())))
}
