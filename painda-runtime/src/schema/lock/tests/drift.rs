//! Every kind of change, and its class.

use super::accepting::First;
use super::*;

/// The changes that an edit of the schema makes, without their advice.
fn drift(edits: &[(&str, &str)]) -> Vec<String> {
    let mut new = OLD.to_owned();
    for (from, to) in edits {
        assert_eq!(new.matches(from).count(), 1, "{from}");
        new = new.replace(from, to);
    }
    between(OLD, &new)
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
