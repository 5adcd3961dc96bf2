//! Control messages: those of the protocol itself, to and from a client. Their names begin with `__pp_`.
//!
//! They are JSON in either direction, `{"type": name, "payload": …}` in a frame or in a text message. The prefix is reserved: an
//! application can't send, handle or relay such messages. The server decides when to send them.

use std::borrow::Cow;

use serde_json::json;

use super::{
    error_code::ErrorCode,
    json::{members, string},
};
use crate::{Message, RESERVED_PREFIX};

/// A client's new credentials: `{token}`.
pub const AUTH: &str = "__pp_auth";
/// Something that a client has sent was not taken: `{code, message}`.
pub const ERROR: &str = "__pp_error";
/// The server stops: `{reason, timeoutMs}`.
pub const SHUTDOWN: &str = "__pp_shutdown";
/// Which session a client has: `{sid, offset, rtoken?}`. Of the published library; not sent yet.
pub const SESSION: &str = "__pp_session";
/// The result when a client resumes its session: `{sid, offset, recovered, missedCount}`. Of the published library;
/// not sent yet.
pub const RECOVERY: &str = "__pp_recovery";
/// The answer to a message that asked for one by [`ACK_ID`]: `{ackId, args}`. Of the published library; not sent yet.
pub const ACK: &str = "__pp_ack";

/// A member beside `type` and `payload`: the namespace of the published library. Ignored.
pub const NAMESPACE: &str = "__ns";
/// A member beside `type` and `payload`: the number that an [`ACK`] repeats. Ignored so far, as acknowledgements are not sent.
pub const ACK_ID: &str = "__ackId";

/// A control message for a client.
///
/// ```
/// use painda_runtime::wire::{control::ToClient, error_code::ErrorCode};
///
/// let error = ToClient::Error { code: ErrorCode::BadJson, message: "the message is no JSON" }.message();
/// assert_eq!(error.payload(), &br#"{"code":"BAD_JSON","message":"the message is no JSON"}"#[..]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToClient<'a> {
    /// [`ERROR`].
    Error {
        /// What kind of error it is, for programs.
        code: ErrorCode,
        /// What was wrong, for people: at most 512 bytes.
        message: &'a str,
    },
    /// [`SHUTDOWN`].
    Shutdown {
        /// Why the server stops.
        reason: &'a str,
        /// For how many milliseconds it waits for its clients to go.
        timeout_ms: u64,
    },
}

impl ToClient<'_> {
    /// The name of the message.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Error { .. } => ERROR,
            Self::Shutdown { .. } => SHUTDOWN,
        }
    }

    /// The message, its payload as JSON text.
    #[must_use]
    pub fn message(&self) -> Message {
        let payload = match self {
            Self::Error { code, message } => json!({ "code": code.as_str(), "message": message }),
            Self::Shutdown { reason, timeout_ms } => json!({ "reason": reason, "timeoutMs": timeout_ms }),
        };
        Message::named(self.name(), payload.to_string().into())
    }
}

/// A control message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FromClient<'a> {
    /// [`AUTH`].
    Auth {
        /// The credentials; none where the payload has no string of that name.
        token: Option<Cow<'a, str>>,
    },
    /// A reserved name that clients do not send.
    Reserved,
}

impl<'a> FromClient<'a> {
    /// Reads a client's message with this name and the JSON text of this payload; `None` for an application's message.
    ///
    /// ```
    /// use painda_runtime::wire::control::FromClient;
    ///
    /// let auth = FromClient::read("__pp_auth", Some(r#"{"token": "secret"}"#));
    /// assert_eq!(auth, Some(FromClient::Auth { token: Some("secret".into()) }));
    /// assert_eq!(FromClient::read("__pp_shutdown", None), Some(FromClient::Reserved));
    /// assert_eq!(FromClient::read("player:move", None), None);
    /// ```
    #[must_use]
    pub fn read(name: &str, payload: Option<&'a str>) -> Option<Self> {
        match name {
            AUTH => {
                let token = payload.and_then(|payload| members(payload, ["token"]).ok()?).and_then(|[token]| token);
                Some(Self::Auth { token: token.and_then(string) })
            }
            name if name.starts_with(RESERVED_PREFIX) => Some(Self::Reserved),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_where_there_is_one() {
        let read = |payload| FromClient::read(AUTH, payload);
        let auth = |token: Option<&'static str>| Some(FromClient::Auth { token: token.map(Cow::from) });
        assert_eq!(read(Some(r#"{"token": "a\u0062"}"#)), auth(Some("ab")));
        for none in [None, Some("null"), Some("{}"), Some("[]"), Some(r#"{"token":7}"#), Some(r#""token""#)] {
            assert_eq!(read(none), auth(None), "{none:?}");
        }
    }

    #[test]
    fn all_our_names_are_reserved() {
        for name in [ERROR, SHUTDOWN, SESSION, RECOVERY, ACK, "__pp_", "__pp_authx"] {
            assert_eq!(FromClient::read(name, None), Some(FromClient::Reserved), "{name}");
        }
        assert_eq!(FromClient::read("__p", None), None);
    }

    #[test]
    fn a_shutdown_says_how_long_it_takes() {
        let said = ToClient::Shutdown { reason: "the server stops", timeout_ms: 10_000 }.message();
        let payload = br#"{"reason":"the server stops","timeoutMs":10000}"#;
        assert_eq!(said, Message::named("__pp_shutdown", bytes::Bytes::from_static(payload)));
    }
}
