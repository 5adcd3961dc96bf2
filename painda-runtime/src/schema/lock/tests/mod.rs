//! Every kind of drift, and the file's way through a year of a schema.

use super::*;
use crate::{PPEvent, schema};
use std::fs;
use std::path::PathBuf;

const OLD: &str = r#"painda-lock 2
schema Arena
depth 64

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

/// The same in the first format.
fn first_format() -> String {
    OLD.replace("painda-lock 2", "painda-lock 1").replace("depth 64\n", "")
}

/// The changes that an edit of the schema above makes, without their advice.
fn drift(edits: &[(&str, &str)]) -> Vec<String> {
    let mut new = OLD.to_owned();
    for (from, to) in edits {
        assert_eq!(new.matches(from).count(), 1, "{from}");
        new = new.replace(from, to);
    }
    between(OLD, &new)
}

fn between(old: &str, new: &str) -> Vec<String> {
    let changes = changes_since(&read(old).unwrap(), &read(new).unwrap());
    changes.iter().map(|change| format!("{} {}: {}", change.class(), change.place(), change.what())).collect()
}

#[test]
fn the_text_is_read_as_it_is_written() {
    let lock = read(OLD).unwrap();
    let written = write(&lock);
    assert!(written.ends_with(OLD), "{written}");
    let with_carriage_returns = written.replace('\n', "\r\n");
    assert_eq!(write(&read(&with_carriage_returns).unwrap()), written);
    for name in ["a \"b\" \\ c", "tab\tbell\u{7}\u{301}", "größe →"] {
        let mut lock = lock.clone();
        lock.events[0].name = name.into();
        let again = read(&write(&lock)).unwrap();
        assert_eq!((&*again.events[0].name, write(&again)), (name, write(&lock)));
    }
}

#[test]
fn text_that_is_no_lock_file_is_refused_at_its_line() {
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(error(""), "line 1: painda-lock 2 is expected, not ``");
    assert_eq!(error("# comment\npainda-locks 2\n"), "line 2: painda-lock 2 is expected, not `painda-locks 2`");
    assert_eq!(
        error("painda-lock 3\n"),
        "line 1: the file has the format 3, and this painda-runtime knows 2; update it"
    );
    let merged = OLD.replace("  y: f32\n", "<<<<<<< ours\n  y: f32\n");
    assert_eq!(
        error(&merged),
        "line 7: `<<<<<<< ours` is a mark that git has left; keep the lines that belong to the code, without marks"
    );
    let other = error(&OLD.replace("reserved 9", "reserves 9"));
    assert!(
        other.starts_with("line 25: `event`, `struct`, `enum` or `reserved` is expected, not `reserves 9"),
        "{other}"
    );
    assert!(error(&OLD.replace("target: u32", "target")).starts_with("line 10: a field's name and type is expected"));
}

/// What a merge makes of two versions of a file, and what an editor does.
#[test]
fn contradicting_lines_are_refused_with_both_numbers() {
    let event = "event 1 \"player:move\" arena::PlayerMove\n  x: f32\n  y: f32\n";
    let weapon = "enum arena::Weapon\n  0 Fist\n  1 Bow\n";
    let twice = "is there a second time, first in line";
    let lost = "take its lines from an older version of the file";
    for (from, to, line, problem) in [
        // Twice, as it is or changed.
        (event, format!("{event}\n{event}"), 9, format!("the id 1 {twice} 5")),
        (
            event,
            format!("{event}{}", event.replace("event 1", "event 3")),
            8,
            format!("the event \"player:move\" {twice} 5"),
        ),
        (event, format!("{event}{}", event.replace("er:move\"", "er:go\"")), 8, format!("the id 1 {twice} 5")),
        (
            event,
            format!("{event}event 3 \"player:go\" arena::PlayerMove\n"),
            8,
            format!("the event's type `arena::PlayerMove` {twice} 5"),
        ),
        ("  y: f32\n", "  y: f32\n  x: f64\n".into(), 8, format!("the field `x` {twice} 6")),
        ("  x: u16\n", "  x: u16\n  x: u16\n".into(), 17, format!("the field `x` {twice} 16")),
        ("    arrows: u8\n", "    arrows: u8\n    arrows: u8\n".into(), 23, format!("the field `arrows` {twice} 22")),
        ("  1 Bow\n", "  1 Bow\n  1 Sword\n".into(), 22, format!("the tag 1 of `arena::Weapon` {twice} 21")),
        ("  1 Bow\n", "  2 Fist\n  1 Bow\n".into(), 21, format!("the variant `Fist` of `arena::Weapon` {twice} 20")),
        (
            "enum arena::Weapon\n",
            "struct arena::Position\n  x: u8\n\nenum arena::Weapon\n".into(),
            19,
            format!("`arena::Position` {twice} 15"),
        ),
        (weapon, format!("struct arena::Weapon\n\n{weapon}"), 21, format!("`arena::Weapon` {twice} 19")),
        (
            "reserved 9 \"player:jump\"\n",
            "reserved 9 \"player:jump\"\nreserved 9 \"player:jump\"\n".into(),
            26,
            format!("`reserved 9 \"player:jump\"` {twice} 25"),
        ),
        (
            "reserved 9 \"player:jump\"",
            "reserved 1 \"player:move\"".into(),
            25,
            "the event is in the file, too, in line 5".into(),
        ),
        // Missing, or not needed.
        (
            "struct arena::Position\n  x: u16\n  y: u16\n",
            String::new(),
            12,
            format!("`arena::Position` is no type, and no struct or enum of this file; {lost}"),
        ),
        (weapon, "enum arena::Weapon\n".into(), 20, "a tag and a variant's name is expected".into()),
        ("reserved 9", "enum arena::Kind\nreserved 9".into(), 25, format!("`arena::Kind` has no variants; {lost}")),
        (
            "  at: Vec<arena::Position>\n",
            String::new(),
            14,
            "no event of this file contains `arena::Position`; remove its lines".into(),
        ),
        (
            "reserved 9",
            "struct arena::Tree\n  tree: Vec<arena::Tree>\nreserved 9".into(),
            25,
            "no event of this file contains `arena::Tree`".into(),
        ),
        // Unknown.
        (
            "arena::PlayerMove",
            "arena::PlayerMove, durable".into(),
            5,
            "`durable` is not known here; `tuple`, `volatile`, ".into(),
        ),
        (
            "arena::PlayerMove",
            "arena::PlayerMove, latest, volatile".into(),
            5,
            "the event is `latest` and `volatile`; keep one".into(),
        ),
        (
            "arena::PlayerMove",
            "arena::PlayerMove, latest = \"z\"".into(),
            5,
            "the event is `latest = \"z\"` and has no such field".into(),
        ),
        ("  x: f32\n", "  x: f32, until 3\n".into(), 6, "`until 3` is not known here; `since 2 = …` with".into()),
        ("  x: f32\n", "  x: f32 as u7 in 0.0..=1.0\n".into(), 6, "`".into()),
        ("  x: f32\n", "  x: f23\n".into(), 6, format!("`f23` is no type, and no struct or enum of this file; {lost}")),
        ("  x: f32\n", "  x: Vec<f32\n".into(), 6, "a field's name and type is expected, not `  x: Vec<f32`".into()),
        (
            "struct arena::Position\n",
            "struct arena::Position, volatile\n".into(),
            15,
            "`volatile` is not known here; `tuple`".into(),
        ),
        ("  1 Bow\n", "  1 Bow, latest\n".into(), 21, "`latest` is not known here; `tuple`".into()),
        ("  0 Fist\n", "  0 Fist, tuple\n".into(), 20, "`tuple` is not known here; nothing without fields".into()),
        ("  1 Bow\n", "  256 Bow\n".into(), 21, "a tag and a variant's name is expected".into()),
        ("event 1 ", "event 0 ".into(), 5, "`event`, an id, a name in quotes and a path is expected".into()),
        ("event 1 ", "event 65536 ".into(), 5, "`event`, an id, a name in quotes and a path is expected".into()),
        // Impossible.
        ("  x: u16\n", "  x: u16, since 2 = 0\n".into(), 16, "`since 2 = 0` is not known here; nothing can".into()),
        ("since 2", "since 1".into(), 13, "`since 1 = 0` is not known here".into()),
        (
            "  zone: u8, since 2 = 0\n",
            "  zone: u8, since 2 = 0\n  wall: u8\n".into(),
            14,
            "a field of version 1 is behind one of version 2".into(),
        ),
        ("  x: u16\n", "  0: u16\n".into(), 16, "`0` is a field's position; what it is in needs `, tuple`".into()),
        (
            "struct arena::Position\n",
            "struct arena::Position, tuple\n".into(),
            16,
            "`0` is the next field of a tuple, not `x`".into(),
        ),
    ] {
        assert_eq!(OLD.matches(from).count(), 1, "{from}");
        let error = read(&OLD.replace(from, &to)).expect_err(&to).to_string();
        assert!(error.starts_with(&format!("line {line}: {problem}")), "{to}\n{error}");
    }
}

/// Nothing that an editor can do to a line of the file goes unseen: it is an error, or a change.
#[test]
fn no_line_of_the_file_is_passed_over() {
    let lock = read(OLD).unwrap();
    let check = |text: String| {
        if let Ok(edited) = read(&text)
            && write(&edited) != write(&lock)
        {
            assert_ne!(changes_since(&edited, &lock), [], "{text}");
            assert_ne!(changes_since(&lock, &edited), [], "{text}");
        }
    };
    // Reserved ids and names are in the file only.
    let (body, reserved) = OLD.split_once("reserved").unwrap();
    let lines: Vec<_> = body.lines().collect();
    let join = |lines: &[&str]| format!("{}\nreserved{reserved}", lines.join("\n"));
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        check(join(&without));
        for other in 0..lines.len() {
            let mut moved = without.clone();
            moved.insert(other.min(without.len()), lines[at]);
            check(join(&moved));
            let mut twice = lines.clone();
            twice.insert(other, lines[at]);
            check(join(&twice));
        }
        for (start, word) in
            lines[at].split_whitespace().map(|word| (word.as_ptr().addr() - lines[at].as_ptr().addr(), word))
        {
            for other in
                ["1", "2", "3", "x", "y", "u8", "u16", "arena::Other", "arena::Weapon", "Fist", "volatile", "64", ""]
            {
                for word_of in [other.to_owned(), format!("{word}{other}"), format!("{word}, {other}")] {
                    let line = format!("{}{word_of}{}", &lines[at][..start], &lines[at][start + word.len()..]);
                    let mut edited = lines.clone();
                    edited[at] = &line;
                    check(join(&edited));
                }
            }
        }
    }
}

#[test]
fn a_file_of_the_first_format_is_read_and_written_anew() {
    let upgrade = "safe lock file: its format was 1 and is 2";
    assert_eq!(between(&first_format(), OLD), [upgrade]);
    // What the first format lacks is no change: it shows a tuple only by its fields.
    let new = OLD.replace("arena::PlayerMove\n", "arena::PlayerMove, volatile\n");
    assert_eq!(between(&first_format(), &new), [upgrade]);
    let position = "struct arena::Position\n  x: u16\n  y: u16\n";
    let tuple = "struct arena::Position\n  0: u16\n  1: u16\n";
    let marked = OLD.replace(position, &tuple.replace("::Position", "::Position, tuple"));
    assert_eq!(between(&first_format().replace(position, tuple), &marked), [upgrade]);
    assert_eq!(between(&first_format(), &marked).len(), 2);
    // What it has is compared.
    assert_eq!(
        between(&first_format(), &new.replace("  x: f32", "  x: f64")),
        ["wire event `player:move`, field `x`: the type was `f32` and is `f64`", upgrade]
    );
    let error = read(&first_format().replace("arena::PlayerMove\n", "arena::PlayerMove, volatile\n"));
    assert_eq!(error.unwrap_err().to_string(), "line 4: `volatile` is not known in the format 1 of this file");
}

#[test]
fn nothing_is_no_drift() {
    assert_eq!(drift(&[]), [""; 0]);
}

#[test]
fn safe_changes() {
    assert_eq!(
        drift(&[("depth 64\n", "depth 64\nevent 3 \"chat\" arena::Chat\n")]),
        ["safe event `chat`: it is new, with the id 3"]
    );
    assert_eq!(
        drift(&[("  y: f32\n", "  y: f32\n  z: f32, since 2 = 0.0\n")]),
        ["safe event `player:move`, field `z`: it is new in version 2"]
    );
}

#[test]
fn changes_of_source_only() {
    assert_eq!(
        drift(&[("arena::PlayerMove", "arena::moves::Moved")]),
        ["source event `player:move`: its path in Rust was `arena::PlayerMove` and is `arena::moves::Moved`"]
    );
    assert_eq!(drift(&[("schema Arena", "schema Hall")]), ["source schema `Hall`: its name was `Arena`"]);
    assert_eq!(
        drift(&[("  1 Bow", "  7 Spoon\n  1 Bow")]),
        ["source enum `arena::Weapon` (of the event `player:hit`), variant `Spoon`: it is new, with the tag 7"]
    );
}

/// The bytes are the same, and the nodes understand each other, but they treat a slow client differently.
#[test]
fn another_delivery_concerns_the_source() {
    let now = |from: &str, to: &str| format!("source event `player:move`: its delivery was `{from}` and is `{to}`");
    let deliveries = ["", ", volatile", ", latest", ", latest = \"x\"", ", latest = \"y\""];
    let names = ["reliable", "volatile", "latest", "latest = \"x\"", "latest = \"y\""];
    let text = |delivery: &str| OLD.replace("arena::PlayerMove\n", &format!("arena::PlayerMove{delivery}\n"));
    for (old, from) in deliveries.iter().zip(names) {
        for (new, to) in deliveries.iter().zip(names) {
            let expected = if old == new { vec![] } else { vec![now(from, to)] };
            assert_eq!(between(&text(old), &text(new)), expected);
        }
    }
    // It is the same field, under another name.
    assert_eq!(
        between(&text(", latest = \"x\""), &text(", latest = \"left\"").replace("  x: f32", "  left: f32")),
        ["json event `player:move`, field `x`: its name is `left` now"]
    );
}

#[test]
fn changes_of_json_and_typescript() {
    assert_eq!(
        drift(&[("\"player:move\"", "\"player:moved\"")]),
        ["json event `player:move`: its name is `player:moved` now"]
    );
    assert_eq!(drift(&[("  y: f32\n", "  up: f32\n")]), ["json event `player:move`, field `y`: its name is `up` now"]);
    let weapon = "enum `arena::Weapon` (of the event `player:hit`)";
    assert_eq!(drift(&[("  0 Fist", "  0 Hand")]), [format!("json {weapon}, variant `Fist`: its name is `Hand` now")]);

    let position = "struct `arena::Position` (of the event `player:hit`)";
    let named = ("struct arena::Position\n  x: u16\n  y: u16\n", "struct arena::Position, tuple\n  0: u16\n  1: u16\n");
    assert_eq!(drift(&[named]), [format!("json {position}: its fields had names and have positions")]);
    let tuple = OLD.replace(named.0, named.1);
    assert_eq!(between(&tuple, OLD), [format!("json {position}: its fields had positions and have names")]);
    let bow = ("  1 Bow\n    arrows: u8\n    broken: bool\n", "  1 Bow, tuple\n    0: u8\n    1: bool\n");
    assert_eq!(drift(&[bow]), [format!("json {weapon}, variant `Bow`: its fields had names and have positions")]);
    // An event without fields is `{}` or `[]`.
    let empty = OLD.replace("depth 64\n", "depth 64\nevent 3 \"chat\" arena::Chat\n");
    assert_eq!(
        between(&empty, &empty.replace("arena::Chat", "arena::Chat, tuple")),
        ["json event `chat`: its fields had names and have positions"]
    );
}

/// `"Fist"` becomes `{ kind: "Fist" }` in TypeScript.
#[test]
fn the_first_variant_with_fields_changes_the_others_in_typescript() {
    let fields = "    arrows: u8\n    broken: bool\n";
    let units = OLD.replace(fields, "");
    let weapon = "enum `arena::Weapon` (of the event `player:hit`)";
    let added = units.replace("  1 Bow\n", "  1 Bow\n  2 Spear\n    length: u8\n");
    assert_eq!(
        between(&units, &added),
        [
            format!("json {weapon}: it has its first variant with fields"),
            format!("source {weapon}, variant `Spear`: it is new, with the tag 2"),
        ]
    );
    let changes = changes_since(&read(&units).unwrap(), &read(&added).unwrap());
    assert!(changes[0].advice().contains("`\"Fist\"` becomes `{ kind: \"Fist\" }`"), "{}", changes[0].advice());
    assert_eq!(
        between(&added, &units),
        [
            format!("wire {weapon}, variant `Spear`: it is gone"),
            format!("json {weapon}: none of its variants has fields any more"),
        ]
    );
    // One more is nothing new.
    let more = OLD.replace("  0 Fist\n", "  0 Fist\n  2 Spear\n    length: u8\n");
    assert_eq!(between(OLD, &more), [format!("source {weapon}, variant `Spear`: it is new, with the tag 2")]);
}

#[test]
fn the_depth_of_messages_is_on_the_wire() {
    assert_eq!(
        drift(&[("depth 64", "depth 65")]),
        ["wire schema `Arena`: structs and enums could be nested 64 deep in a message, and can be 65"]
    );
    // A program with another depth refuses what others send: this number is the contract.
    assert_eq!(SchemaModel::of(First::registry()).depth, 64);
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
fn changes_on_the_wire() {
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
fn reserved_ids_and_names_are_not_used_again() {
    // The code reserves nothing.
    let new =
        |line: &str| drift(&[("depth 64\n", &format!("depth 64\n\n{line}\n")), ("reserved 9 \"player:jump\"\n", "")]);
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
        drift(&[("event 1 ", "event 4 "), ("event 2 ", "event 1 ")]),
        [
            "wire event `player:move`: its id was 1 and is 4",
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
