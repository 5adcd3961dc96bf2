//! A schema of a thousand events is checked in a time that grows with the list, not with its square.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

/// A crate of its own, whose time `cargo check` takes.
struct Crate(PathBuf);

impl Crate {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large");
        fs::create_dir_all(root.join("src")).expect("a directory");
        let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../painda-runtime");
        let manifest = format!(
            "[package]\nname = \"large\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [workspace]\n[dependencies]\npainda-runtime = {{ path = {runtime:?} }}\n"
        );
        fs::write(root.join("Cargo.toml"), manifest).expect("the manifest is written");
        // The versions that are there already.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        fs::copy(lock, root.join("Cargo.lock")).expect("the lock file is copied");
        Crate(root)
    }

    fn check(&self, events: usize) -> Duration {
        let mut code = "use painda_runtime::{PPEvent, PPType, schema};\n".to_owned();
        code += "#[derive(PPType)] pub struct Position { pub x: f32, pub y: f32 }\n";
        for at in 0..events {
            let derive = format!("#[derive(PPEvent)] #[pp(event = \"event:{at}\", id = {})]", at + 1);
            let fields = "pub a: u32, pub at: Position, pub name: String, pub list: Vec<Option<Position>>";
            writeln!(code, "{derive} pub struct Event{at} {{ {fields} }}").expect("a string grows");
        }
        let list: Vec<_> = (0..events).map(|at| format!("Event{at}")).collect();
        writeln!(code, "schema! {{ pub Large {{ {} }} }}", list.join(", ")).expect("a string grows");
        fs::write(self.0.join("src/lib.rs"), code).expect("the code is written");

        let start = Instant::now();
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let done = Command::new(cargo)
            .args(["check", "--quiet", "--offline", "--target-dir"])
            .arg(self.0.join("target"))
            .current_dir(&self.0)
            .output()
            .expect("cargo runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        start.elapsed()
    }
}

#[test]
fn a_thousand_events_are_checked_in_seconds() {
    let large = Crate::new();
    // Builds the dependencies.
    let _ = large.check(0);
    let (some, many) = (large.check(250), large.check(1000));
    println!("250 events: {some:?}, 1000 events: {many:?}");
    // Four times the events: with a square in it, sixteen times the time.
    assert!(many < some * 10 + Duration::from_secs(5), "250 events: {some:?}, 1000 events: {many:?}");
    assert!(many < Duration::from_secs(60), "1000 events: {many:?}");
}
