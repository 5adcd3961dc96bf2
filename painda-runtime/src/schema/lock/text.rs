//! The lock file's text: how it is written, and how it is read again.
//!
//! Owns the format, which [`super`] documents. Knows nothing about what a change means.

use super::model::{Body, Lock, LockedEvent, LockedField, LockedPart, LockedVariant, Since};
use std::fmt::{self, Write};

/// The format's version; a reader refuses any other.
const VERSION: &str = "painda-lock 1";

/// A line of a lock file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError {
    line: usize,
    expected: &'static str,
    found: String,
}

impl std::error::Error for LockError {}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} is expected, not `{}`", self.line, self.expected, self.found)
    }
}

/// Writes a lock file.
pub(super) fn write(lock: &Lock) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_to(lock, &mut out);
    out
}

fn write_to(lock: &Lock, out: &mut String) -> fmt::Result {
    writeln!(out, "# What the schema's events are on the wire. A test compares this file with the code, says what")?;
    writeln!(out, "# a change means, and writes the file anew where PAINDA_ACCEPT=1 is set. Commit it.")?;
    writeln!(out, "{VERSION}\nschema {}", lock.schema)?;
    for event in &lock.events {
        writeln!(out, "\nevent {} {:?} {}", event.id, event.name, event.path)?;
        write_fields(&event.fields, "  ", out)?;
    }
    for part in &lock.parts {
        match &part.body {
            Body::Struct(fields) => {
                writeln!(out, "\nstruct {}", part.path)?;
                write_fields(fields, "  ", out)?;
            }
            Body::Enum(variants) => {
                writeln!(out, "\nenum {}", part.path)?;
                for variant in variants {
                    writeln!(out, "  {} {}", variant.tag, variant.name)?;
                    write_fields(&variant.fields, "    ", out)?;
                }
            }
        }
    }
    for (at, (id, name)) in lock.reserved.iter().enumerate() {
        writeln!(out, "{}reserved {id} {name:?}", if at == 0 { "\n" } else { "" })?;
    }
    Ok(())
}

fn write_fields(fields: &[LockedField], indent: &str, out: &mut String) -> fmt::Result {
    for field in fields {
        write!(out, "{indent}{}: {}", field.name, field.ty)?;
        if let Some(since) = &field.since {
            write!(out, ", since {} = {}", since.version, since.default)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Reads a lock file.
pub(super) fn read(text: &str) -> Result<Lock, LockError> {
    let mut lock = Lock::default();
    let mut lines = Lines { lines: text.lines(), at: 0, current: "" };
    lines.next();
    lines.expect(VERSION, |line| (line == VERSION).then_some(()))?;
    lock.schema = lines.expect("`schema` and its name", |line| line.strip_prefix("schema ").map(str::to_owned))?;
    while !lines.is_over() {
        if lines.current.starts_with("event ") {
            let (id, name, path) = lines.expect("`event`, an id, a name in quotes and a path", |line| {
                let (id, name, path) = id_and_name(line.strip_prefix("event ")?)?;
                Some((id, name, path.strip_prefix(' ')?.to_owned()))
            })?;
            let fields = read_fields("  ", &mut lines)?;
            lock.events.push(LockedEvent { id, name, path, fields });
        } else if let Some(path) = lines.current.strip_prefix("struct ").map(str::to_owned) {
            lines.next();
            lock.parts.push(LockedPart { path, body: Body::Struct(read_fields("  ", &mut lines)?) });
        } else if let Some(path) = lines.current.strip_prefix("enum ").map(str::to_owned) {
            lines.next();
            lock.parts.push(LockedPart { path, body: Body::Enum(read_variants(&mut lines)?) });
        } else {
            let reserved = lines.expect("`event`, `struct`, `enum` or `reserved`", |line| {
                let (id, name, rest) = id_and_name(line.strip_prefix("reserved ")?)?;
                rest.is_empty().then_some((id, name))
            })?;
            lock.reserved.push(reserved);
        }
    }
    // Whoever has edited the file need not have kept the order.
    lock.events.sort_by_key(|event| event.id);
    lock.parts.sort_by(|a, b| a.path.cmp(&b.path));
    lock.reserved.sort();
    Ok(lock)
}

fn read_variants(lines: &mut Lines<'_>) -> Result<Vec<LockedVariant>, LockError> {
    let mut variants = Vec::new();
    while lines.current.starts_with("  ") {
        let (tag, name) = lines.expect("a tag and a variant's name", |line| {
            let (tag, name) = line.trim_start().split_once(' ')?;
            Some((tag.parse().ok()?, name.to_owned()))
        })?;
        variants.push(LockedVariant { tag, name, fields: read_fields("    ", lines)? });
    }
    Ok(variants)
}

fn read_fields(indent: &str, lines: &mut Lines<'_>) -> Result<Vec<LockedField>, LockError> {
    let mut fields = Vec::new();
    while lines.current.starts_with(indent) {
        fields.push(lines.expect("a field's name and type", |line| {
            let (name, rest) = line.trim_start().split_once(": ")?;
            // A default may contain anything, a type no such comma.
            let (ty, since) = match rest.split_once(", since ") {
                Some((ty, since)) => {
                    let (version, default) = since.split_once(" = ")?;
                    (ty, Some(Since { version: version.parse().ok()?, default: default.to_owned() }))
                }
                None => (rest, None),
            };
            Some(LockedField { name: name.to_owned(), ty: ty.to_owned(), since })
        })?);
    }
    Ok(fields)
}

/// `7 "player:move"`, and what follows.
fn id_and_name(text: &str) -> Option<(u16, String, &str)> {
    let (id, rest) = text.split_once(" \"")?;
    let mut name = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((id.parse().ok()?, name, &rest[at + 1..])),
            '\\' => name.push(escaped(&mut letters)?),
            letter => name.push(letter),
        }
    }
    None
}

/// What stands for the character after a backslash where Rust prints text in quotes.
fn escaped(letters: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match letters.next()?.1 {
        't' => '\t',
        'r' => '\r',
        'n' => '\n',
        '0' => '\0',
        'u' => {
            let digits = letters.map(|(_, letter)| letter).skip_while(|&letter| letter == '{');
            let digits: String = digits.take_while(|&letter| letter != '}').collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
        }
        letter => letter,
    })
}

/// The lines that say something; comments and empty lines do not.
struct Lines<'a> {
    lines: std::str::Lines<'a>,
    at: usize,
    /// Empty at the end.
    current: &'a str,
}

impl<'a> Lines<'a> {
    fn next(&mut self) {
        self.current = "";
        for line in self.lines.by_ref() {
            self.at += 1;
            let line = line.trim_end();
            if !line.is_empty() && !line.starts_with('#') {
                self.current = line;
                return;
            }
        }
        self.at += 1;
    }

    fn is_over(&self) -> bool {
        self.current.is_empty()
    }

    /// Takes the current line apart and goes to the next.
    fn expect<T>(&mut self, expected: &'static str, parse: impl FnOnce(&'a str) -> Option<T>) -> Result<T, LockError> {
        match parse(self.current) {
            Some(value) => {
                self.next();
                Ok(value)
            }
            None => Err(LockError { line: self.at, expected, found: self.current.to_owned() }),
        }
    }
}
