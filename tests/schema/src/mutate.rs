//! What can happen to a message, or to its JSON, on its way through bad hands.

use crate::generate::Source;
use serde_json::{Value, json};

/// Changes a message in one place.
pub fn bytes(message: &mut Vec<u8>, source: &mut impl Source) {
    const TELLING: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff];
    let at = source.below(message.len() + 1);
    let byte = if source.next() & 1 == 0 { source.next() } else { TELLING[source.below(8)] };
    match source.below(7) {
        0 => message.truncate(at),
        1 => message.insert(at, byte),
        2 => message.extend([byte; 3]),
        3 if at < message.len() => drop(message.remove(at)),
        // A count far beyond what is there.
        4 => drop(message.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f])),
        5 => {
            let copy = message[at..].to_vec();
            message.extend(copy);
        }
        _ if at < message.len() => message[at] = byte,
        _ => message.push(byte),
    }
}

/// Changes a JSON value in one place.
pub fn json(value: &mut Value, source: &mut impl Source) {
    let inside = source.below(4) > 0;
    match value {
        Value::Array(items) if inside && !items.is_empty() => {
            let at = source.below(items.len());
            match source.below(4) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => json(&mut items[at], source),
            }
        }
        Value::Object(entries) if inside && !entries.is_empty() => {
            let at = source.below(entries.len());
            let key = entries.keys().nth(at).cloned().unwrap_or_default();
            match source.below(6) {
                0 => drop(entries.remove(&key)),
                1 => drop(entries.insert("unknown".to_owned(), json!(1))),
                _ => json(&mut entries[&key], source),
            }
        }
        value => {
            let values = [
                json!(null),
                json!(true),
                json!(-1),
                json!(0),
                json!(256),
                json!(u64::MAX),
                json!(1e300),
                json!(0.1),
                json!("9007199254740993"),
                json!("NaN"),
                json!("🦀"),
                json!("2026-11-25T12:30:00.5+01:00"),
                json!("1000000000.000001"),
                json!("::ffff:1.2.3.4"),
                json!("127.0.0.1"),
                json!("340282366920938463463374607431768211455"),
                json!("-Infinity"),
                json!("AA=="),
                json!("Tree"),
                json!([]),
                json!([null]),
                json!([1, 2, 3]),
                json!({}),
                json!({ "Circle": { "centre": { "x": 1, "y": 2 }, "radius": 3 } }),
            ];
            *value = values[source.below(values.len())].clone();
        }
    }
}

/// Changes JSON text in one place; mostly it is no JSON then.
pub fn text(text: &mut String, source: &mut impl Source) {
    const PIECES: [&str; 18] = [
        "",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "0",
        "-",
        "1e999",
        "1.5",
        "\"\\ud800\"",
        "\\",
        "\"x\":1,",
        "\u{0}",
    ];
    let boundary = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (a, b) = (source.below(text.len() + 1), source.below(text.len() + 1));
    let (from, to) = (boundary(a.min(b)), boundary(a.max(b)));
    match source.below(4) {
        0 => text.truncate(to),
        1 => text.insert_str(to, PIECES[source.below(PIECES.len())]),
        2 => text.replace_range(to..text.len().min(boundary(to + 1).max(to)), PIECES[source.below(PIECES.len())]),
        // A part of it once more.
        _ => {
            let part = text[from..to].to_owned();
            text.insert_str(to, &part);
        }
    }
}
