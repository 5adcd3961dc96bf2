//! A message as JSON: `{"type": name, "payload": …}`, in a frame or in a text message.

use std::borrow::Cow;

use super::json::{members, string};

/// The subprotocol by which a client asks for bare JSON in text messages. NameSet of subprotocols are compared exactly.
pub(crate) const SUBPROTOCOL: &str = "pp.json";

/// Writes the text before the payload. The payload's JSON text and [`close`] follow.
pub(crate) fn open(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(br#"{"type":"#);
    // Writing to a `Vec` can't fail, and a string is always JSON.
    let _ = serde_json::to_writer(&mut *out, name);
    out.extend_from_slice(br#","payload":"#);
}

/// Writes the text behind the payload.
pub(crate) fn close(out: &mut Vec<u8>) {
    out.push(b'}');
}

/// A message as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonMessage<'a> {
    pub(crate) name: Cow<'a, str>,
    /// The payload's text, if there is a payload.
    pub(crate) payload: Option<&'a str>,
}

/// Reads a message; `None` where the text is JSON, but no object with a string `type`.
pub(crate) fn read(text: &str) -> Result<Option<JsonMessage<'_>>, serde_json::Error> {
    let Some([name, payload]) = members(text, ["type", "payload"])? else { return Ok(None) };
    Ok(name.and_then(string).map(|name| JsonMessage { name, payload }))
}
