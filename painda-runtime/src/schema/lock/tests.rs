//! Every kind of drift, and the file's way through a year of a schema.

use super::*;
use crate::{PPEvent, schema};
use std::fs;

const OLD: &str = r#"painda-lock 1
schema Arena

event 1 "player:move" arena::PlayerMove
  x: f32
  y: f32

event 2 "player:hit" arena::PlayerHit
  target: u32
  weapon: arena::Weapon
  at: Vec<arena::Position>
  zone: u8, since 2 = 0

struct arena::Position
  x: u16
  y: u16

enum arena::Weapon
  0 Fist
  1 Bow
    arrows: u8
    broken: bool

reserved 9 "player:jump"
"#;

/// The changes that an edit of the schema above makes, without their advice.
fn drift(edits: &[(&str, &str)]) -> Vec<String> {
    let mut new = OLD.to_owned();
    for (from, to) in edits {
        assert_eq!(new.matches(from).count(), 1, "{from}");
        new = new.replace(from, to);
    }
    let changes = diff::changes(&text::read(OLD).unwrap(), &text::read(&new).unwrap());
    changes.iter().map(|change| format!("{} {}: {}", change.class(), change.place(), change.what())).collect()
}

#[test]
fn the_text_is_read_as_it_is_written() {
    let lock = text::read(OLD).unwrap();
    let written = text::write(&lock);
    assert!(written.ends_with(OLD), "{written}");
    let with_carriage_returns = written.replace('\n', "\r\n");
    assert_eq!(text::read(&with_carriage_returns).unwrap(), lock);
    for name in ["a \"b\" \\ c", "tab\tbell\u{7}\u{301}", "größe →"] {
        let mut lock = lock.clone();
        lock.events[0].name = name.to_owned();
        assert_eq!(text::read(&text::write(&lock)).unwrap(), lock, "{name}");
    }
}

#[test]
fn what_is_no_lock_file_is_refused_at_its_line() {
    let error = |text: &str| text::read(text).unwrap_err().to_string();
    assert_eq!(error(""), "line 1: painda-lock 1 is expected, not ``");
    assert_eq!(error("# comment\npainda-lock 2\n"), "line 2: painda-lock 1 is expected, not `painda-lock 2`");
    let merged = OLD.replace("  y: f32\n", "<<<<<<< ours\n  y: f32\n");
    assert_eq!(error(&merged), "line 6: `event`, `struct`, `enum` or `reserved` is expected, not `<<<<<<< ours`");
    assert!(error(&OLD.replace("target: u32", "target")).starts_with("line 9: a field's name and type is expected"));
}

#[test]
fn nothing_is_no_drift() {
    assert_eq!(drift(&[]), [""; 0]);
}

#[test]
fn what_is_safe() {
    assert_eq!(
        drift(&[("schema Arena\n", "schema Arena\nevent 3 \"chat\" arena::Chat\n")]),
        ["safe event `chat`: it is new, with the id 3"]
    );
    assert_eq!(
        drift(&[("  y: f32\n", "  y: f32\n  z: f32, since 2 = 0.0\n")]),
        ["safe event `player:move`, field `z`: it is new in version 2"]
    );
}

#[test]
fn what_concerns_the_source_only() {
    assert_eq!(
        drift(&[("  y: f32\n", "  up: f32\n")]),
        ["source event `player:move`, field `y`: its name is `up` now"]
    );
    assert_eq!(
        drift(&[("arena::PlayerMove", "arena::moves::Moved")]),
        ["source event `player:move`: its path in Rust was `arena::PlayerMove` and is `arena::moves::Moved`"]
    );
    assert_eq!(drift(&[("schema Arena", "schema Hall")]), ["source schema `Hall`: its name was `Arena`"]);
    assert_eq!(
        drift(&[("  0 Fist", "  0 Hand")]),
        ["source enum `arena::Weapon` (of the event `player:hit`), variant `Fist`: its name is `Hand` now"]
    );
    assert_eq!(
        drift(&[("  1 Bow", "  7 Spoon\n  1 Bow")]),
        ["source enum `arena::Weapon` (of the event `player:hit`), variant `Spoon`: it is new, with the tag 7"]
    );
}

#[test]
fn parts_may_move_and_be_renamed() {
    let moved = ("struct arena::Position", "struct maths::Position");
    assert_eq!(
        drift(&[moved, ("Vec<arena::Position>", "Vec<maths::Position>")]),
        ["source part `maths::Position`: its path in Rust was `arena::Position`"]
    );
    let renamed = ("struct arena::Position", "struct arena::Place");
    assert_eq!(
        drift(&[renamed, ("Vec<arena::Position>", "Vec<arena::Place>")]),
        ["source part `arena::Place`: its path in Rust was `arena::Position`"]
    );
}

#[test]
fn what_changes_the_meaning_of_bytes() {
    assert_eq!(
        drift(&[("  x: f32", "  x: f64")]),
        ["wire event `player:move`, field `x`: the type was `f32` and is `f64`"]
    );
    assert_eq!(
        drift(&[("  x: f32\n  y: f32\n", "  y: f32\n  x: f32\n")]),
        ["wire event `player:move`: the order of the fields was x, y and is y, x"]
    );
    assert_eq!(drift(&[("  y: f32\n", "")]), ["wire event `player:move`, field `y`: it is gone"]);
    let inserted = "wire event `player:move`, field `z`: it is new";
    assert_eq!(drift(&[("  x: f32\n", "  z: f32\n  x: f32\n")]), [inserted]);
    assert_eq!(drift(&[("  y: f32\n", "  y: f32\n  z: f32\n")]), [inserted]);
    assert_eq!(drift(&[("event 1 ", "event 4 ")]), ["wire event `player:move`: its id was 1 and is 4"]);
    assert_eq!(
        drift(&[("\"player:move\"", "\"player:moved\"")]),
        ["wire event `player:move`: its name is `player:moved` now"]
    );
    assert_eq!(
        drift(&[("event 1 \"player:move\" arena::PlayerMove\n  x: f32\n  y: f32\n", "")]),
        ["wire event `player:move`: it is gone"]
    );
}

#[test]
fn a_version_is_closed_once_it_is_in_the_file() {
    let second = ("since 2 = 0\n", "since 2 = 0\n  wall: bool, since 2 = false\n");
    assert_eq!(drift(&[second]), ["wire event `player:hit`, field `wall`: it is new"]);
    let third = ("since 2 = 0\n", "since 2 = 0\n  wall: bool, since 3 = false\n");
    assert_eq!(drift(&[third]), ["safe event `player:hit`, field `wall`: it is new in version 3"]);
    assert_eq!(
        drift(&[("since 2 = 0", "since 3 = 0")]),
        ["wire event `player:hit`, field `zone`: it was of version 2 and is of version 3"]
    );
    assert_eq!(
        drift(&[("since 2 = 0", "since 2 = 1")]),
        ["wire event `player:hit`, field `zone`: its default was `0` and is `1`"]
    );
}

#[test]
fn parts_are_frozen() {
    let place = "struct `arena::Position` (of the event `player:hit`), field";
    assert_eq!(drift(&[("  y: u16\n", "  y: u16\n  z: u16\n")]), [format!("wire {place} `z`: it is new")]);
    assert_eq!(drift(&[("  y: u16\n", "  y: u8\n")]), [format!("wire {place} `y`: the type was `u16` and is `u8`")]);
    let place = "enum `arena::Weapon` (of the event `player:hit`), variant";
    assert_eq!(
        drift(&[("  0 Fist", "  1 Fist"), ("  1 Bow", "  0 Bow")]),
        [format!("wire {place} `Fist`: its tag was 0 and is 1"), format!("wire {place} `Bow`: its tag was 1 and is 0")]
    );
    assert_eq!(drift(&[("    broken: bool\n", "")]), [format!("wire {place} `Bow`, field `broken`: it is gone")]);
    assert_eq!(drift(&[("  0 Fist\n", "")]), [format!("wire {place} `Fist`: it is gone")]);
    assert_eq!(
        drift(&[("struct arena::Position\n  x: u16\n  y: u16\n", "enum arena::Position\n  0 Here\n")]),
        ["wire enum `arena::Position` (of the event `player:hit`): it was a struct"]
    );
}

#[test]
fn what_is_reserved_is_not_used_again() {
    let new = |line: &str| drift(&[("schema Arena\n", &format!("schema Arena\n\n{line}\n"))]);
    assert_eq!(new("event 9 \"chat\" arena::Chat"), ["wire event `chat`: its id 9 belonged to `player:jump`"]);
    assert_eq!(
        new("event 10 \"player:jump\" arena::Jump"),
        ["wire event `player:jump`: an event of this name was there before, with the id 9"]
    );
    assert_eq!(new("event 9 \"player:jump\" arena::Jump"), ["wire event `player:jump`: it is back, with the id 9"]);
    // One event goes, and another takes its id at once.
    assert_eq!(
        drift(&[("\"player:move\" arena::PlayerMove\n  x: f32", "\"chat\" arena::Chat\n  x: u8")]),
        ["wire event `player:move`: it is gone", "wire event `chat`: its id 1 belonged to `player:move`"]
    );
    // Two events change their ids.
    assert_eq!(
        drift(&[("event 1 ", "event 0 "), ("event 2 ", "event 1 ")]),
        [
            "wire event `player:move`: its id was 1 and is 0",
            "wire event `player:hit`: its id was 2 and is 1",
            "wire event `player:hit`: its id 1 belonged to `player:move`"
        ]
    );
}

#[derive(PPEvent)]
#[pp(event = "player:move", id = 1, crate = "crate")]
struct PlayerMove {
    x: f32,
    y: f32,
}

#[derive(PPEvent)]
#[pp(event = "player:left", id = 2, crate = "crate")]
struct PlayerLeft {
    player: u32,
}

#[derive(PPEvent)]
#[pp(event = "chat", id = 2, crate = "crate")]
struct Chat;

schema! { First { PlayerMove, PlayerLeft } }
schema! { Second { PlayerMove } }
schema! { Third { PlayerMove, Chat } }

const LOOK: Mode = Mode { accept: false, ci: false };
const ACCEPT: Mode = Mode { accept: true, ci: false };

#[test]
fn the_file_is_written_checked_and_accepted() {
    let folder = std::env::temp_dir().join(format!("painda-lock-{}", std::process::id()));
    let path = folder.join("schema.lock");
    let run = |registry: &Registry, mode| outcome(registry, &path, mode);

    let missing = run(First::registry(), Mode { ci: true, ..LOOK }).unwrap_err();
    assert!(missing.ends_with("schema.lock is missing: run the test on your machine and commit the file"), "{missing}");
    assert_eq!(run(First::registry(), LOOK), Ok(()));
    assert_eq!(fs::read_to_string(&path).unwrap(), text(First::registry()));
    assert_eq!(run(First::registry(), LOOK), Ok(()));

    let gone = run(Second::registry(), LOOK).unwrap_err();
    assert!(gone.contains("wire    event `player:left`: it is gone\n"), "{gone}");
    assert!(gone.ends_with("run the test with PAINDA_ACCEPT=1."), "{gone}");
    assert_eq!(run(Second::registry(), ACCEPT), Ok(()));
    assert!(fs::read_to_string(&path).unwrap().ends_with("\nreserved 2 \"player:left\"\n"));
    assert_eq!(run(Second::registry(), LOOK), Ok(()));

    let reused = run(Third::registry(), ACCEPT).unwrap_err();
    assert!(reused.contains("event `chat`: its id 2 belonged to `player:left`"), "{reused}");
    assert!(reused.contains("PAINDA_ACCEPT=1 does not take this"), "{reused}");
    fs::remove_dir_all(folder).unwrap();
}
