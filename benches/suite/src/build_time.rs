//! What the macros cost at build time: a crate with 500 events, beside the same structs with other derives.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::{Settings, figures::Figures, page::Page, plot};

const EVENTS: usize = 500;

const METHOD: &str = "\
A crate with 500 structs of five numbers each, built again and again with nothing else to build: all dependencies are ready. \
*painda* derives `PPEvent` and lists all of them in one `schema!`, which checks ids and names; *serde* derives `Serialize` and `Deserialize`, \
*plain* nothing. serde's code is generic: what it costs where it is used comes later, in other crates. \
Seconds, medians of the rounds with (least–most); rounds alternate.";

const CRATES: [(&str, &str); 3] = [
    ("plain", ""),
    ("painda", "painda-runtime = { path = \"ROOT/painda-runtime\" }"),
    ("serde", "serde = { version = \"1.0\", features = [\"derive\"] }"),
];
const BUILDS: [(&str, &[&str]); 3] =
    [("cargo check", &["check"]), ("cargo build", &["build"]), ("cargo build --release", &["build", "--release"])];

pub(crate) fn run(settings: &Settings) -> io::Result<()> {
    let mut page = Page::new(&settings.paths, "build-time", "Build time of the macros", METHOD);
    page.data(&["crate", "build", "round", "seconds"].map(str::to_owned));
    let dir = settings.paths.scratch.join("build-time");
    for (name, dependency) in CRATES {
        write_crate(&dir.join(name), name, &dependency.replace("ROOT", &settings.paths.root.to_string_lossy()))?;
    }
    let mut times = vec![vec![Figures::default(); CRATES.len()]; BUILDS.len()];
    // Round 0 builds the dependencies.
    for round in 0..=settings.rounds {
        for (build, (title, args)) in BUILDS.iter().enumerate() {
            for (place, (name, _)) in CRATES.iter().enumerate() {
                let seconds = build_once(&dir, name, args)?;
                if round > 0 {
                    println!("round {round} · {title} · {name}: {seconds:.2} s");
                    page.data(&[(*name).to_owned(), (*title).to_owned(), round.to_string(), format!("{seconds:.3}")]);
                    times[build][place].push(seconds);
                }
            }
        }
    }
    let head: Vec<&str> = [""].into_iter().chain(CRATES.map(|(name, _)| name)).chain(["painda / serde"]).collect();
    let row = |(build, (title, _)): (usize, &(&str, _))| {
        let of = &times[build];
        let mut row = vec![format!("`{title}`")];
        row.extend(of.iter().map(Figures::with_spread));
        row.push(of[1].ratio_to(&of[2]));
        row
    };
    page.table(&head, &BUILDS.iter().enumerate().map(row).collect::<Vec<_>>());
    let group = |(build, (title, _)): (usize, &(&str, _))| {
        (
            (*title).to_owned(),
            CRATES.iter().zip(&times[build]).map(|((name, _), times)| (*name, times.clone())).collect(),
        )
    };
    let title = "Seconds to build a crate with 500 events (less is better)";
    page.plot(
        &settings.paths,
        "build-time",
        title,
        &plot::bars(title, &BUILDS.iter().enumerate().map(group).collect::<Vec<_>>()),
    )?;
    page.save(&settings.paths)
}

fn write_crate(dir: &Path, name: &str, dependency: &str) -> io::Result<()> {
    fs::create_dir_all(dir.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"events-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n\n[workspace]\n"
    );
    fs::write(dir.join("Cargo.toml"), manifest)?;
    let mut source = String::from("//! Made for a measurement.\n");
    for number in 0..EVENTS {
        let derive = match name {
            "painda" => {
                format!("#[derive(painda_runtime::PPEvent)]\n#[pp(event = \"event:{number}\", id = {})]\n", number + 1)
            }
            "serde" => "#[derive(serde::Serialize, serde::Deserialize)]\n".to_owned(),
            _ => String::new(),
        };
        let fields = "pub id: u32, pub x: f32, pub y: f32, pub health: i16, pub alive: bool";
        let _ = writeln!(source, "{derive}pub struct Event{number} {{ {fields} }}");
    }
    if name == "painda" {
        let all: Vec<String> = (0..EVENTS).map(|number| format!("Event{number}")).collect();
        let _ = writeln!(source, "painda_runtime::schema! {{ pub All {{ {} }} }}", all.join(", "));
    }
    fs::write(dir.join("src/lib.rs"), source)
}

/// Seconds until cargo is done with the crate, whose source it takes for changed.
fn build_once(dir: &Path, name: &str, args: &[&str]) -> io::Result<f64> {
    let source: PathBuf = dir.join(name).join("src/lib.rs");
    fs::write(&source, fs::read(&source)?)?;
    let start = Instant::now();
    let output = Command::new("cargo")
        .args(args)
        .arg("--manifest-path")
        .arg(dir.join(name).join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", dir.join("target").join(name))
        .output()?;
    if output.status.success() {
        return Ok(start.elapsed().as_secs_f64());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}
