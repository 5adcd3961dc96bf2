//! What the walk along a message produces: JSON text, a tree of values, a count. The dump makes rows.

use super::base64;
use crate::codec::{Field, Segment, WireType};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::mem;
use serde_json::{Map, Number, Value};

/// Receives a message piece by piece, in its JSON form. The methods with a default give the bytes of the pieces as well, which only
/// the dump needs.
pub(crate) trait Output {
    /// A list of single bytes is one value, not a list of numbers.
    const JOINS_BYTES: bool = false;

    fn null(&mut self);
    fn bool(&mut self, value: bool);
    fn unsigned(&mut self, value: u64);
    fn signed(&mut self, value: i64);
    /// A float that is finite.
    fn float(&mut self, value: f64);
    fn text(&mut self, value: &str);
    /// Bytes; in JSON, base64.
    fn bytes(&mut self, value: &[u8]);
    fn open(&mut self, bracket: Bracket);
    /// The key of the value that comes next, in an object.
    fn key(&mut self, key: &str);
    fn close(&mut self, bracket: Bracket);

    /// Whether the output takes nothing more. The rest of the message is then neither read nor checked.
    fn is_full(&self) -> bool {
        false
    }

    /// The next pieces belong to this part of the value, until [`leave`](Self::leave).
    fn enter(&mut self, _: Segment) {}

    fn leave(&mut self) {}

    /// The bytes of a value of this type begin at this offset. If they are wrong, no other method is called for it.
    fn begin(&mut self, _: &WireType, _offset: usize) {}

    /// A value without parts ends before this offset.
    fn end(&mut self, _offset: usize) {}

    /// A count of items, which ends before this offset.
    fn items(&mut self, _: usize, _offset: usize) {}

    /// A count of entries of a map, which ends before this offset.
    fn entries(&mut self, _: usize, _offset: usize) {}

    /// The first byte of an option or an enum, as its name; it ends before this offset.
    fn tag(&mut self, _: &str, _offset: usize) {}

    /// The message is older than the field. `true` if the output handles that itself; otherwise it receives the default value.
    fn handles_default(&mut self, _: &Field, _offset: usize) -> bool {
        false
    }
}

/// The kind of a value that contains others.
#[derive(Clone, Copy)]
pub(crate) enum Bracket {
    Array,
    Object,
}

/// Appends JSON text.
pub(crate) struct Text<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    /// It is full if `out` is longer.
    end: usize,
}

impl<'o> Text<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self::up_to(usize::MAX, out)
    }

    /// Text of at most so many bytes; more may have been appended once it is full.
    pub(super) fn up_to(max: usize, out: &'o mut Vec<u8>) -> Self {
        Text { start: out.len(), end: out.len().saturating_add(max), out }
    }

    /// Writes the comma before a value or key, where one belongs. No value ends with one of these bytes.
    fn comma(&mut self) {
        let first = self.out.len() == self.start || matches!(self.out.last(), Some(b'[' | b'{' | b':'));
        if !first {
            self.out.push(b',');
        }
    }

    fn put(&mut self, value: impl fmt::Display) {
        self.comma();
        // Writing to a `Vec` can't fail.
        let _ = write!(self, "{value}");
    }

    /// Appends a number's digits: faster than formatting.
    fn digits(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    fn quoted(&mut self, text: &str) {
        self.comma();
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, ..0x20 | b'"' | b'\\')) {
            self.out.extend_from_slice(&rest[..at]);
            let _ = match rest[at] {
                b'"' => self.write_str("\\\""),
                b'\\' => self.write_str("\\\\"),
                b'\n' => self.write_str("\\n"),
                b'\r' => self.write_str("\\r"),
                b'\t' => self.write_str("\\t"),
                byte => write!(self, "\\u{byte:04x}"),
            };
            rest = &rest[at + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Output for Text<'_> {
    fn null(&mut self) {
        self.put("null");
    }

    fn bool(&mut self, value: bool) {
        self.put(value);
    }

    fn unsigned(&mut self, value: u64) {
        self.comma();
        self.digits(value);
    }

    fn signed(&mut self, value: i64) {
        self.comma();
        if value < 0 {
            self.out.push(b'-');
        }
        self.digits(value.unsigned_abs());
    }

    fn float(&mut self, value: f64) {
        match Number::from_f64(value) {
            Some(number) => self.put(number),
            None => self.null(),
        }
    }

    fn text(&mut self, value: &str) {
        self.quoted(value);
    }

    fn bytes(&mut self, value: &[u8]) {
        self.comma();
        self.out.push(b'"');
        base64::encode(value, self.out);
        self.out.push(b'"');
    }

    fn open(&mut self, bracket: Bracket) {
        self.comma();
        self.out.push(match bracket {
            Bracket::Array => b'[',
            Bracket::Object => b'{',
        });
    }

    fn key(&mut self, key: &str) {
        self.quoted(key);
        self.out.push(b':');
    }

    fn close(&mut self, bracket: Bracket) {
        self.out.push(match bracket {
            Bracket::Array => b']',
            Bracket::Object => b'}',
        });
    }

    fn is_full(&self) -> bool {
        self.out.len() > self.end
    }
}

/// Counts the bytes of the JSON text, and keeps little of it at a time.
#[cfg(feature = "server")]
#[derive(Default)]
pub(super) struct Length {
    text: Vec<u8>,
    counted: usize,
}

#[cfg(feature = "server")]
impl Length {
    pub(super) fn finish(self) -> usize {
        self.counted + self.text.len()
    }

    fn write(&mut self, write: impl FnOnce(&mut Text<'_>)) {
        write(&mut Text { out: &mut self.text, start: 0, end: usize::MAX });
        // The last byte decides whether a comma follows.
        let written = self.text.len().saturating_sub(1);
        if written > 1000 {
            self.counted += written;
            self.text.drain(..written);
        }
    }
}

#[cfg(feature = "server")]
impl Output for Length {
    fn null(&mut self) {
        self.write(|text| text.null());
    }

    fn bool(&mut self, value: bool) {
        self.write(|text| text.bool(value));
    }

    fn unsigned(&mut self, value: u64) {
        self.write(|text| text.unsigned(value));
    }

    fn signed(&mut self, value: i64) {
        self.write(|text| text.signed(value));
    }

    fn float(&mut self, value: f64) {
        self.write(|text| text.float(value));
    }

    fn text(&mut self, value: &str) {
        self.write(|text| text.text(value));
    }

    fn bytes(&mut self, value: &[u8]) {
        self.write(|text| text.bytes(value));
    }

    fn open(&mut self, bracket: Bracket) {
        self.write(|text| text.open(bracket));
    }

    fn key(&mut self, key: &str) {
        self.write(|text| text.key(key));
    }

    fn close(&mut self, bracket: Bracket) {
        self.write(|text| text.close(bracket));
    }
}

/// Builds a tree.
#[derive(Default)]
pub(super) struct Tree {
    value: Value,
    key: String,
    /// The open arrays and objects, each with its key in the one around it.
    open: Vec<(String, Value)>,
}

impl Tree {
    pub(super) fn finish(self) -> Value {
        self.value
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some((_, Value::Array(items))) => items.push(value),
            Some((_, Value::Object(entries))) => drop(entries.insert(mem::take(&mut self.key), value)),
            _ => self.value = value,
        }
    }
}

impl Output for Tree {
    fn null(&mut self) {
        self.put(Value::Null);
    }

    fn bool(&mut self, value: bool) {
        self.put(value.into());
    }

    fn unsigned(&mut self, value: u64) {
        self.put(value.into());
    }

    fn signed(&mut self, value: i64) {
        self.put(value.into());
    }

    fn float(&mut self, value: f64) {
        self.put(value.into());
    }

    fn text(&mut self, value: &str) {
        self.put(value.into());
    }

    fn bytes(&mut self, value: &[u8]) {
        let mut text = Vec::new();
        base64::encode(value, &mut text);
        // It is ASCII.
        let text = String::from_utf8(text).unwrap_or_default();
        self.put(text.into());
    }

    fn open(&mut self, bracket: Bracket) {
        let value = match bracket {
            Bracket::Array => Value::Array(Vec::new()),
            Bracket::Object => Value::Object(Map::new()),
        };
        self.open.push((mem::take(&mut self.key), value));
    }

    fn key(&mut self, key: &str) {
        self.key = key.into();
    }

    fn close(&mut self, _: Bracket) {
        if let Some((key, value)) = self.open.pop() {
            self.key = key;
            self.put(value);
        }
    }
}

/// Counts the values, including those that contain others.
#[derive(Default)]
pub(super) struct Count(pub(super) usize);

impl Output for Count {
    fn null(&mut self) {
        self.0 += 1;
    }

    fn bool(&mut self, _: bool) {
        self.0 += 1;
    }

    fn unsigned(&mut self, _: u64) {
        self.0 += 1;
    }

    fn signed(&mut self, _: i64) {
        self.0 += 1;
    }

    fn float(&mut self, _: f64) {
        self.0 += 1;
    }

    fn text(&mut self, _: &str) {
        self.0 += 1;
    }

    fn bytes(&mut self, _: &[u8]) {
        self.0 += 1;
    }

    fn open(&mut self, _: Bracket) {
        self.0 += 1;
    }

    fn key(&mut self, _: &str) {}

    fn close(&mut self, _: Bracket) {}
}
