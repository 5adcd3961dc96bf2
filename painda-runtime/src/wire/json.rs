//! Finds the parts of JSON text that the protocol needs, without building a tree of values.

use std::borrow::Cow;

use bytes::Bytes;
use serde_core::de::IgnoredAny;

use crate::pieces::{Pieces, Wrong};

/// The text of some members of an object; of those that are there twice, the last one's. None where the text is JSON, but no
/// object.
pub(crate) fn members<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Result<Option<[Option<&'a str>; N]>, serde_json::Error> {
    let mut members = [None; N];
    let found = whole(text, |json| {
        json.members(|key, json| {
            let value = json.value()?;
            if let Some(at) = names.iter().position(|name| *name == key) {
                members[at] = Some(value);
            }
            Ok(())
        })
    });
    match found {
        Ok(()) => Ok(Some(members)),
        Err(_) => serde_json::from_str::<IgnoredAny>(text).map(|_| None),
    }
}

/// The string that a JSON text is; none where it is something else.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    whole(text, Pieces::string).ok()
}

/// The strings of an array that are wanted, without what else is in it; none where it is no array.
pub(crate) fn strings(text: &str, wanted: impl Fn(&str) -> bool) -> Option<Vec<Cow<'_, str>>> {
    let mut strings = Vec::new();
    let found = whole(text, |json| {
        json.items(|json| {
            strings.extend(string(json.value()?).filter(|string| wanted(string)));
            Ok(())
        })
    });
    found.ok().map(|()| strings)
}

/// Reads a value with nothing behind it.
fn whole<'a, T>(text: &'a str, read: impl FnOnce(&mut Pieces<'a>) -> Result<T, Wrong>) -> Result<T, Wrong> {
    let mut json = Pieces::new(text);
    let value = read(&mut json)?;
    json.end().map(|()| value)
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
        let found = strings(r#"["a", 1, ["b"], "\n", null, "c"]"#, |string| string != "c").expect("an array");
        assert_eq!(found, ["a", "\n"]);
        assert!(matches!(found[..], [Cow::Borrowed(_), Cow::Owned(_)]));
        assert_eq!(strings("{}", |_| true), None);
        assert_eq!(strings("[1,]", |_| true), None);
        assert_eq!(strings("[]", |_| true), Some(Vec::new()));
    }

    #[test]
    fn only_json_is_json() {
        let is = |bytes: &'static [u8]| is_json(&Bytes::from_static(bytes));
        assert!(is(b"{\"a\": [1, \"x\"]}") && is(b" null "));
        assert!(!is(b"") && !is(b"nul") && !is(b"{} {}") && !is(b"\"\xff\"") && !is(b"{\"a\": }"));
    }
}
