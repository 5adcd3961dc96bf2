//! JSON text from outside that is not parsed yet, and the tree of limited size that it may become.
//!
//! The trees are built here because another crate may have switched `serde_json`'s feature `raw_value` on: see
//! [`pieces`](crate::pieces).

use std::{fmt, ops::Range};

use serde_core::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use tungstenite::Utf8Bytes;

/// JSON text that is not parsed yet: the payload of a [named event](crate::server::Incoming::Named). It is a part of the message that it
/// came in, and cheap to clone.
///
/// ```
/// use painda_runtime::server::JsonText;
///
/// let text = JsonText::from(serde_json::json!({ "text": "hello" }));
/// assert_eq!(text.as_str(), r#"{"text":"hello"}"#);
/// let said: std::collections::HashMap<String, String> = text.parse()?;
/// assert_eq!(said["text"], "hello");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct JsonText {
    message: Utf8Bytes,
    range: Range<usize>,
}

impl JsonText {
    /// What was found to be JSON in the text of this message.
    pub(crate) fn part(message: &Utf8Bytes, part: &str) -> Self {
        let start = part.as_ptr().addr() - message.as_ptr().addr();
        Self { message: message.clone(), range: start..start + part.len() }
    }

    pub(crate) fn null() -> Self {
        Value::Null.into()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.message.as_str()[self.range.clone()]
    }

    /// Parses it. A `T` that takes whatever comes, such as [`serde_json::Value`], may need 70 times the memory of the text.
    ///
    /// # Errors
    /// Where the text is no `T`. It is JSON by its form, but a number may be beyond any type, and an escape no character.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

impl From<Value> for JsonText {
    fn from(value: Value) -> Self {
        let message = Utf8Bytes::from(value.to_string());
        Self { range: 0..message.len(), message }
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonText").field(&self.as_str()).finish()
    }
}

/// Makes a tree of at most `max` values, those that hold others included.
pub(crate) fn tree(text: &JsonText, max: usize) -> Result<Value, TreeError> {
    let mut json = serde_json::Deserializer::from_str(text.as_str());
    let mut left = Some(max);
    let tree = Tree { left: &mut left }.deserialize(&mut json);
    match tree {
        _ if left.is_none() => Err(TreeError::TooMany(max)),
        Ok(value) => Ok(value),
        Err(error) => Err(TreeError::NoJson(error)),
    }
}

/// Why there is no tree.
#[derive(Debug)]
pub(crate) enum TreeError {
    /// It would have more values than this.
    TooMany(usize),
    NoJson(serde_json::Error),
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(max) => write!(f, "the payload has more than the allowed {max} JSON values"),
            Self::NoJson(error) => write!(f, "the payload is no JSON: {error}"),
        }
    }
}

struct Tree<'l> {
    /// How many values there may still be; none where there was one too many.
    left: &'l mut Option<usize>,
}

impl Tree<'_> {
    fn inner(&mut self) -> Tree<'_> {
        Tree { left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        *self.left = self.left.and_then(|left| left.checked_sub(1));
        match self.left {
            Some(_) => json.deserialize_any(self),
            None => Err(D::Error::custom("too many values")),
        }
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        /// What numbers come as where any crate of the program has switched on `serde_json`'s `arbitrary_precision`.
        const NUMBER: &str = "$serde_json::private::Number";

        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.inner())?;
            if key == NUMBER
                && object.is_empty()
                && let Some(number) = value.as_str().and_then(|text| text.parse::<Number>().ok())
            {
                return Ok(number.into());
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(json: &str) -> JsonText {
        let message = Utf8Bytes::from(format!("[{json}]"));
        JsonText::part(&message, &message[1..message.len() - 1])
    }

    #[test]
    fn a_tree_is_what_the_text_says() {
        let json = r#"{"a": [null, true, -1, 1, 1.5, "x\n"], "b": {}, "a\u0041": 18446744073709551615}"#;
        let expected = json!({"a": [null, true, -1, 1, 1.5, "x\n"], "b": {}, "aA": u64::MAX});
        assert_eq!(tree(&text(json), 10).expect("as many as may be"), expected);
        assert!(matches!(tree(&text(json), 9), Err(TreeError::TooMany(9))));
        assert!(matches!(tree(&text("1e999"), 9), Err(TreeError::NoJson(_))));
        assert!(matches!(
            tree(&text(&format!("{}{}", "[".repeat(200), "]".repeat(200))), 999),
            Err(TreeError::NoJson(_))
        ));
    }

    /// `serde_json` would make it a list of three, where any crate has switched on its `raw_value`.
    #[test]
    fn a_tree_has_no_values_that_are_hidden_in_text() {
        let json = r#"{"$serde_json::private::RawValue": "[1, 2, 3]"}"#;
        assert_eq!(tree(&text(json), 2).expect("two values").as_object().map(Map::len), Some(1));
    }
}
