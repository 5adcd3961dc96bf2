//! JSON text as clients may write it: fields in any order and more than once, spaces, escapes.

use crate::generate::Source;
use crate::mutate;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Writes a value as text that means the same.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether fields are written in another order.
    pub shuffled: bool,
    /// Whether fields are written twice, of which the last one counts.
    pub twice: bool,
    /// Whether the first of them may be of another type.
    pub wrong: bool,
}

/// Writes a value in this style.
pub fn write(value: &Value, style: Style, source: &mut impl Source) -> String {
    let mut out = String::new();
    any(value, style, source, &mut out);
    out
}

fn any(value: &Value, style: Style, source: &mut impl Source, out: &mut String) {
    space(source, out);
    match value {
        Value::String(text) => quoted(text, source, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                any(item, style, source, out);
            }
            out.push(']');
        }
        Value::Object(entries) => object(entries, style, source, out),
        other => out.push_str(&other.to_string()),
    }
    space(source, out);
}

fn object(entries: &Map<String, Value>, style: Style, source: &mut impl Source, out: &mut String) {
    let mut all: Vec<(&String, Value)> = entries.iter().map(|(key, value)| (key, value.clone())).collect();
    if style.shuffled {
        for at in (1..all.len()).rev() {
            all.swap(at, source.below(at + 1));
        }
    }
    if style.twice && !all.is_empty() && source.below(3) == 0 {
        let (key, mut value) = all[source.below(all.len())].clone();
        if style.wrong {
            mutate::json(&mut value, source);
        }
        // Before the one that counts.
        all.insert(0, (key, value));
    }
    out.push('{');
    for (at, (key, value)) in all.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        quoted(key, source, out);
        out.push(':');
        any(value, style, source, out);
    }
    out.push('}');
}

fn space(source: &mut impl Source, out: &mut String) {
    if source.below(16) == 0 {
        out.push_str([" ", "\n", "\t\r "][source.below(3)]);
    }
}

fn quoted(text: &str, source: &mut impl Source, out: &mut String) {
    if source.below(8) > 0 {
        out.push_str(&Value::from(text).to_string());
        return;
    }
    out.push('"');
    for unit in text.encode_utf16() {
        write!(out, "\\u{unit:04x}").expect("a string grows");
    }
    out.push('"');
}
