//! JSON text, taken apart without a tree of values.
//!
//! `serde_json`'s feature `raw_value` would do that, but it changes how the whole program reads a `Value`: an object with one key of
//! its own is then read as the JSON that stands in its text, which is nested as deep as anybody likes and uncounted.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde_core::de::{Deserialize, Deserializer, IgnoredAny, Visitor};

/// The text of some members of an object; of those that are there twice, the last one's. None where the text is JSON, but no
/// object.
pub(crate) fn members<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Result<Option<[Option<&'a str>; N]>, serde_json::Error> {
    match Pieces::new(text).members(names) {
        Some(members) => Ok(Some(members)),
        None => serde_json::from_str::<IgnoredAny>(text).map(|_| None),
    }
}

/// The string that a JSON text is; none where it is something else.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str(text).ok().map(|Text(text)| text)
}

/// The strings of an array, without what else is in it; none where it is no array.
pub(crate) fn strings(text: &str) -> Option<Vec<Cow<'_, str>>> {
    Pieces::new(text).strings()
}

/// What may stand between the pieces.
const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// Takes text apart from front to back; it ends with none where the text is something else.
struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Passes over this byte and the space before it, if it comes next.
    fn next_is(&mut self, byte: char) -> bool {
        self.rest = self.rest.trim_start_matches(SPACE);
        match self.rest.strip_prefix(byte) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The text of the next value.
    fn value(&mut self) -> Option<&'a str> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        let (value, rest) = self.rest.split_at(values.byte_offset());
        self.rest = rest;
        Some(value.trim_start_matches(SPACE))
    }

    /// Reads what stands between two brackets with commas in between, and nothing behind that.
    fn each(mut self, open: char, close: char, mut piece: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.next_is(open).then_some(())?;
        if !self.next_is(close) {
            piece(&mut self)?;
            while !self.next_is(close) {
                self.next_is(',').then_some(())?;
                piece(&mut self)?;
            }
        }
        self.rest.trim_start_matches(SPACE).is_empty().then_some(())
    }

    fn members<const N: usize>(self, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
        let mut members = [None; N];
        self.each('{', '}', |pieces| {
            let key = string(pieces.value()?)?;
            pieces.next_is(':').then_some(())?;
            let value = pieces.value()?;
            if let Some(at) = names.iter().position(|name| *name == key) {
                members[at] = Some(value);
            }
            Some(())
        })?;
        Some(members)
    }

    fn strings(self) -> Option<Vec<Cow<'a, str>>> {
        let mut strings = Vec::new();
        self.each('[', ']', |pieces| {
            strings.extend(string(pieces.value()?));
            Some(())
        })?;
        Some(strings)
    }
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

/// Whether bytes are JSON text.
pub(crate) fn is_json(bytes: &Bytes) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn members_are_found_in_any_order_and_the_last_one_counts() {
        let text = " {\"b\": [1, {\"a\": 2}], \"x\": [[{}]],\n\"a\" :\t1 , \"\\u0062\": \"c\"}\r\n";
        assert_eq!(members(text, ["a", "b", "c"]).expect("JSON"), Some([Some("1"), Some("\"c\""), None]));
        assert_eq!(members("{}", ["a"]).expect("JSON"), Some([None]));
        for other in ["[]", "1", " null ", "[{\"a\":1}]"] {
            assert_eq!(members(other, ["a"]).expect("JSON"), None, "{other}");
        }
        for wrong in [
            "",
            "{",
            r#"{"a":}"#,
            r#"{"x":[}"#,
            "{} {}",
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a":1 "b":2}"#,
            "{1:2}",
            r#"{"a"}"#,
            r#"{"a":nul}"#,
            "{\u{a0}}",
            "{}\u{a0}",
        ] {
            assert!(members(wrong, ["a"]).is_err(), "{wrong}");
        }
        let error = members(r#"{"a":1,"b":[1,}"#, ["a"]).expect_err("it is wrong");
        assert_eq!(error.to_string(), "expected value at line 1 column 15");
    }

    /// All short texts of these pieces, of which some are JSON.
    #[test]
    fn members_are_what_a_tree_has() {
        const PIECES: [&str; 8] = ["{", "}", "[", "]", ":", ",", "\"a\"", "1 "];
        let mut objects = 0;
        for mut choices in 0..8_usize.pow(6) {
            let mut text = String::new();
            while choices > 0 {
                text.push_str(PIECES[choices % 8]);
                choices /= 8;
            }
            match (members(&text, ["a"]), serde_json::from_str::<Value>(&text)) {
                (Ok(Some([member])), Ok(Value::Object(object))) => {
                    objects += 1;
                    let member = member.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
                    assert_eq!(member.as_ref(), object.get("a"), "{text}");
                }
                (Ok(None), Ok(value)) => assert!(!value.is_object(), "{text}"),
                (Err(_), Err(_)) => {}
                (ours, theirs) => panic!("{ours:?}, but {theirs:?}: {text}"),
            }
        }
        assert!(objects > 1);
    }

    #[test]
    fn strings_are_borrowed_where_they_can_be() {
        assert_eq!(string(" \"a\" ").as_deref(), Some("a"));
        assert_eq!(string("1"), None);
        let found = strings(r#"["a", 1, ["b"], "\n", null]"#).expect("an array");
        assert_eq!(found, ["a", "\n"]);
        assert!(matches!(found[..], [Cow::Borrowed(_), Cow::Owned(_)]));
        assert_eq!(strings("{}"), None);
        assert_eq!(strings("[1,]"), None);
        assert_eq!(strings("[]"), Some(Vec::new()));
    }

    #[test]
    fn only_json_is_json() {
        let is = |bytes: &'static [u8]| is_json(&Bytes::from_static(bytes));
        assert!(is(b"{\"a\": [1, \"x\"]}") && is(b" null "));
        assert!(!is(b"") && !is(b"nul") && !is(b"{} {}") && !is(b"\"\xff\"") && !is(b"{\"a\": }"));
    }
}
