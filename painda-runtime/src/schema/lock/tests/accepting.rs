//! The file's way through a year of a schema, and which changes each value of `PAINDA_ACCEPT` takes.

use super::*;
use crate::{PPEvent, schema};
use std::fs;
use std::path::PathBuf;

#[derive(PPEvent)]
#[pp(event = "player:move", id = 1, crate = "crate")]
pub(super) struct PlayerMove {
    x: f32,
    y: f32,
}

#[derive(PPEvent)]
#[pp(event = "player:left", id = 2, crate = "crate")]
pub(super) struct PlayerLeft {
    player: u32,
}

#[derive(PPEvent)]
#[pp(event = "chat", id = 2, crate = "crate")]
struct Chat;

schema! { pub(super) First { PlayerMove, PlayerLeft } }
schema! { Second { PlayerMove } }
schema! { Third { PlayerMove, Chat } }

/// What the test of a schema says with a value of `PAINDA_ACCEPT`.
fn run(registry: &Registry, path: &Path, accept: &str) -> Outcome {
    outcome(registry, path, Mode { accept: golden::accept(accept), ci: false })
}

/// A folder of this test, and the path of a lock file in it.
fn lock_in(folder: &str) -> (PathBuf, PathBuf) {
    let folder = std::env::temp_dir().join(format!("painda-{folder}-{}", std::process::id()));
    let path = folder.join("schema.lock");
    (folder, path)
}

#[test]
fn the_file_is_written_checked_and_accepted() {
    let (folder, path) = lock_in("lock");
    let run = |registry, accept| run(registry, &path, accept);
    let shown = path.display();
    let in_ci = |accept| outcome(First::registry(), &path, Mode { accept: golden::accept(accept), ci: true });

    let missing = in_ci("0").unwrap_err();
    assert!(missing.ends_with("schema.lock is missing: run the test on your machine and commit the file"), "{missing}");
    let new = Ok(Some(format!("{shown} is new: commit it.")));
    for value in ["1", "source", "json", "wire"] {
        assert_eq!(in_ci(value), new, "{value}");
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(run(First::registry(), "0"), new);
    assert_eq!(fs::read_to_string(&path).unwrap(), text(First::registry()));
    for value in ["0", "1", "wire"] {
        assert_eq!(run(First::registry(), value), Ok(None), "{value}");
    }

    let older = text(First::registry()).replace("painda-lock 2", "painda-lock 1").replace("depth 64\n", "");
    fs::write(&path, &older).unwrap();
    let upgrade = run(First::registry(), "0").unwrap_err();
    assert!(upgrade.contains("safe    lock file: its format was 1 and is 2\n"), "{upgrade}");
    assert!(upgrade.ends_with("into the file:\nPAINDA_ACCEPT=1 cargo test --package painda-runtime"), "{upgrade}");
    let taken = format!("taken from the schema `First` into {shown}:\nsafe    lock file: its format was 1 and is 2");
    assert_eq!(run(First::registry(), "1"), Ok(Some(taken)));
    assert_eq!(fs::read_to_string(&path).unwrap(), text(First::registry()));

    fs::write(&path, text(First::registry()).repeat(2)).unwrap();
    let twice = run(First::registry(), "wire").unwrap_err();
    assert!(twice.contains("schema.lock, line "), "{twice}");
    fs::write(&path, text(First::registry())).unwrap();

    let gone = run(Second::registry(), "0").unwrap_err();
    assert!(gone.contains("wire    event `player:left`: it is gone\n"), "{gone}");
    let taken = format!("taken from the schema `Second` into {shown}:");
    let taken = taken + "\nwire    event `player:left`: it is gone\nsource  schema `Second`: its name was `First`";
    assert_eq!(run(Second::registry(), "wire"), Ok(Some(taken)));
    assert!(fs::read_to_string(&path).unwrap().ends_with("\nreserved 2 \"player:left\"\n"));
    assert_eq!(run(Second::registry(), "0"), Ok(None));

    let reused = run(Third::registry(), "wire").unwrap_err();
    assert!(reused.contains("event `chat`: its id 2 belonged to `player:left`"), "{reused}");
    assert!(
        reused.ends_with(
            "Nothing was written. PAINDA_ACCEPT takes none of it into the file: an id or a name is used again."
        ),
        "{reused}"
    );
    fs::remove_dir_all(folder).unwrap();
}

/// For each class: the value that takes it, what to replace in the file so that the code differs by it, and the line
/// about it.
const DRIFTS: [(&str, &str, &str, &str); 4] = [
    (
        "1",
        concat!("\nevent 2 \"player:left\" ", module_path!(), "::PlayerLeft\n  player: u32\n"),
        "",
        "safe    event `player:left`: it is new, with the id 2",
    ),
    (
        "source",
        "::PlayerMove\n",
        "::Moved\n",
        concat!(
            "source  event `player:move`: its path in Rust was `",
            module_path!(),
            "::Moved` and is `",
            module_path!(),
            "::PlayerMove`"
        ),
    ),
    ("json", "  y: f32\n", "  z: f32\n", "json    event `player:move`, field `z`: its name is `y` now"),
    ("wire", "  x: f32\n", "  x: f64\n", "wire    event `player:move`, field `x`: the type was `f64` and is `f32`"),
];

#[test]
fn a_value_takes_changes_up_to_its_class_and_says_which() {
    let (folder, path) = lock_in("accept");
    let code = text(First::registry());
    let mut old = code.clone();
    // Each file has the drift of its own class and of all below it.
    for (at, (needed, from, to, line)) in DRIFTS.into_iter().enumerate() {
        let before = old.clone();
        old = old.replace(from, to);
        assert_ne!(old, before, "{needed}");
        for (value_at, (value, ..)) in DRIFTS.into_iter().enumerate() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &old).unwrap();
            let said = run(First::registry(), &path, value);
            let file = fs::read_to_string(&path).unwrap();
            if value_at < at {
                let message = said.unwrap_err();
                assert!(message.contains(&format!("\n{line}")), "{message}");
                let command = format!(":\nPAINDA_ACCEPT={needed} cargo test --package painda-runtime");
                assert!(message.ends_with(&command), "{message}");
                assert!(message.contains("\nNothing was written. To take all of it into the file"), "{message}");
                assert_eq!(file, old, "{value} has written {needed}");
            } else {
                let head = format!("taken from the schema `First` into {}:", path.display());
                // The most serious first, a line each.
                let lines = DRIFTS[..=at].iter().rev().map(|drift| drift.3);
                let expected: Vec<_> = [head.as_str()].into_iter().chain(lines).collect();
                assert_eq!(said, Ok(Some(expected.join("\n"))));
                assert_eq!(file, code, "{value} takes {needed}");
            }
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_must_be_true_first_is_said_beside_the_command() {
    let (folder, path) = lock_in("once");
    fs::create_dir_all(&folder).unwrap();
    for (from, to, once) in [
        ("  y: f32\n", "  y: f64\n", "once no program with the old schema runs any more:\nPAINDA_ACCEPT=wire"),
        ("  y: f32\n", "  z: f32\n", "once no client has the old JSON or TypeScript any more:\nPAINDA_ACCEPT=json"),
        ("schema First", "schema Other", "into the file:\nPAINDA_ACCEPT=source"),
    ] {
        fs::write(&path, text(First::registry()).replace(from, to)).unwrap();
        let message = run(First::registry(), &path, "0").unwrap_err();
        assert!(message.contains(once), "{message}");
    }
    fs::remove_dir_all(folder).unwrap();
}
