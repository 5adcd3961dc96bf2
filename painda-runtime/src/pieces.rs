//! Reads JSON text from front to back, without building a tree of values.
//!
//! `serde_json`'s feature `raw_value` would give the text of a value, too. But it changes how the whole program reads a `Value`: an
//! object with one special key is then read as the JSON in its text, to any depth and without a limit. A test checks that this crate
//! does not switch it on.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use core::cell::RefCell;
use core::fmt;
use serde_core::de::{Deserialize, Deserializer, IgnoredAny, Visitor};
use serde_core::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

/// White space.
const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// The deepest nesting, the same as `serde_json`'s. Callers recurse.
const MAX_DEPTH: u8 = 128;

/// A position in JSON text. The text behind it is checked as it is read.
pub(crate) struct Pieces<'a> {
    rest: &'a str,
    len: usize,
    depth: u8,
}

/// A syntax error.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// At which byte of the text.
    pub(crate) at: usize,
    pub(crate) what: Cow<'static, str>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, len: text.len(), depth: 0 }
    }

    /// An error at this position.
    pub(crate) fn wrong(&self, what: impl Into<Cow<'static, str>>) -> Wrong {
        Wrong { at: self.len - self.rest.len(), what: what.into() }
    }

    /// The first byte of what comes next.
    pub(crate) fn first(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches(SPACE);
        self.rest.bytes().next()
    }

    /// Skips this byte, and white space before it, if it comes next.
    fn next_is(&mut self, byte: u8) -> bool {
        let is_next = self.first() == Some(byte);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    /// Checks that nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        self.first().map_or(Ok(()), |_| Err(self.wrong("trailing characters")))
    }

    /// The text of the next value.
    pub(crate) fn value(&mut self) -> Result<&'a str, Wrong> {
        let before = self.rest;
        self.next::<IgnoredAny>("expected a value")?;
        Ok(before[..before.len() - self.rest.len()].trim_start_matches(SPACE))
    }

    /// The next value, a string; borrowed from the text where it has no escapes.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Wrong> {
        self.next("expected a string").map(|Text(text)| text)
    }

    fn next<T: Deserialize<'a>>(&mut self, expected: &'static str) -> Result<T, Wrong> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => {
                self.rest = &self.rest[values.byte_offset()..];
                Ok(value)
            }
            _ => Err(self.wrong(expected)),
        }
    }

    /// Reads an object. `member` reads the value of each key.
    pub(crate) fn members(
        &mut self,
        mut member: impl FnMut(&str, &mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        self.each(b'{', b'}', "expected an object", |json| {
            let key = json.string()?;
            if !json.next_is(b':') {
                return Err(json.wrong("expected `:`"));
            }
            member(&key, json)
        })
    }

    /// Reads an array. `item` reads each item.
    pub(crate) fn items(&mut self, item: impl FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        self.each(b'[', b']', "expected a list", item)
    }

    /// Reads a list in brackets, separated by commas.
    fn each(
        &mut self,
        open: u8,
        close: u8,
        expected: &'static str,
        mut piece: impl FnMut(&mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        if self.first() != Some(open) {
            return Err(self.wrong(expected));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.wrong("recursion limit exceeded"));
        }
        self.next_is(open);
        self.depth += 1;
        if !self.next_is(close) {
            piece(self)?;
            while !self.next_is(close) {
                if !self.next_is(b',') {
                    return Err(self.wrong("expected `,`"));
                }
                piece(self)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

/// The next value, as a part of what is serialised. All of its numbers keep their values: `serde_json`'s own floats may be off by
/// the last bit.
pub(crate) struct Next<'p, 'a>(RefCell<&'p mut Pieces<'a>>);

impl<'p, 'a> Next<'p, 'a> {
    pub(crate) fn of(json: &'p mut Pieces<'a>) -> Self {
        Next(RefCell::new(json))
    }
}

impl Serialize for Next<'_, '_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let json = &mut **self.0.borrow_mut();
        match json.first() {
            Some(b'{') => {
                let mut map = out.serialize_map(None)?;
                let written = json.members(|key, json| {
                    map.serialize_entry(key, &Next::of(json)).map_err(|error| json.wrong(error.to_string()))
                });
                written.map_err(S::Error::custom)?;
                map.end()
            }
            Some(b'[') => {
                let mut list = out.serialize_seq(None)?;
                let written = json.items(|json| {
                    list.serialize_element(&Next::of(json)).map_err(|error| json.wrong(error.to_string()))
                });
                written.map_err(S::Error::custom)?;
                list.end()
            }
            Some(b'"') => out.serialize_str(&json.string().map_err(S::Error::custom)?),
            _ => match json.value().map_err(S::Error::custom)? {
                "null" => out.serialize_unit(),
                "true" => out.serialize_bool(true),
                "false" => out.serialize_bool(false),
                number => {
                    if let Ok(number) = number.parse() {
                        out.serialize_u64(number)
                    } else if let Some(number) = number.parse().ok().filter(|_| number != "-0") {
                        out.serialize_i64(number)
                    } else {
                        match number.parse::<f64>() {
                            Ok(number) if number.is_finite() => out.serialize_f64(number),
                            _ => Err(S::Error::custom("number out of range")),
                        }
                    }
                }
            },
        }
    }
}

/// The next value without white space.
pub(crate) fn compact(json: &mut Pieces<'_>) -> Result<String, Wrong> {
    serde_json::to_string(&Next::of(json)).map_err(|error| json.wrong(error.to_string()))
}

/// A string that is borrowed from the text where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Borrowed;

        impl<'de> Visitor<'de> for Borrowed {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(text.to_owned().into()))
            }
        }

        json.deserialize_str(Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn compact_text_has_the_same_values() {
        let same = |text: &str| assert_eq!(compact(&mut Pieces::new(text)).expect(text), text);
        same(r#"{"b":[1,-2,0.1,{"a":null}],"a":"x\n\"ß","":[],"c":{}}"#);
        same("18446744073709551615");
        same("-9223372036854775808");
        same("[-0.0,true,false]");
        // serde_json reads the first one bit off.
        same("[2.1720335030726068e-23,1.7976931348623157e+308]");
        let compacted = |text: &str| compact(&mut Pieces::new(text)).map_err(|wrong| wrong.to_string());
        assert_eq!(compacted(" [ 1 , { \"a b\" : 1e2 } ] ").as_deref(), Ok(r#"[1,{"a b":100.0}]"#));
        assert!(compacted("1e999").unwrap_err().contains("number out of range"));
        assert!(compacted("{\"a\":}").unwrap_err().contains("expected a value"));
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        same(&nested(128));
        assert!(compacted(&nested(129)).unwrap_err().contains("recursion limit"));
    }

    #[test]
    fn errors_have_their_position() {
        let mut json = Pieces::new(" {\"a\" : [1, x]}");
        let wrong = json.members(|_, json| json.items(|json| json.value().map(drop))).expect_err("it is wrong");
        assert_eq!((wrong.at, &*wrong.what), (11, "expected a value"));
    }

    /// `raw_value` changes how the whole program reads a `Value`, for everybody who depends on this crate.
    #[test]
    fn no_crate_switches_on_raw_value() {
        let json = r#"{"$serde_json::private::RawValue": "[[1]]"}"#;
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert!(
            value.is_object(),
            "it is read as {value}; see `cargo tree --workspace --invert serde_json -e features`"
        );
    }
}
