//! What a client's message says: from a frame or JSON text to an event of the schema, a named event or a token.
//!
//! Pure: it knows the registry, and no sockets. Middleware and handlers are given what comes out of here.

use std::fmt;

use bytes::Bytes;
use tungstenite::Utf8Bytes;

use super::json::{JsonText, TreeError, members, string};
use crate::{
    RESERVED_PREFIX,
    excerpt::Quoted,
    schema::{EventDescriptor, JsonReason, Registry},
    wire::frame::{Body, FrameError},
};

/// A message of a client on its way to its handler, as middleware sees it.
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// use painda_runtime::server::Incoming;
///
/// let builder = PPServer::<Arena>::builder().middleware(async |_socket, message: Incoming| match &message {
///     Incoming::Event { payload, .. } if payload.len() > 100 => Err(Error::refused("keep it short")),
///     _ => Ok(message),
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// An event of the schema, in its binary form also where the client has sent JSON. It is not decoded yet.
    Event {
        /// Which event it is.
        event: &'static EventDescriptor,
        /// Its encoding.
        payload: Bytes,
    },
    /// An event that the schema does not have.
    Named {
        /// Its name; never one that begins with `__pp_`.
        name: String,
        /// Its payload; `null` where the client has sent none.
        payload: JsonText,
    },
}

impl Incoming {
    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Event { event, .. } => event.name(),
            Self::Named { name, .. } => name,
        }
    }
}

/// What a client's message is.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// For the middleware and a handler.
    Message(Incoming),
    /// `__pp_auth`, for the hook that wants it: its token, where it has one.
    Auth(Option<String>),
}

/// Why a message is none, as the client is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn bad_json(why: impl Into<String>) -> Self {
        Self::new("BAD_JSON", why)
    }

    /// The payload is not the event's.
    pub(crate) fn bad_payload(event: &str, why: impl fmt::Display) -> Self {
        Self::new("BAD_PAYLOAD", format!("the payload does not fit the event {event:?}: {why}"))
    }
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        Self::new("BAD_FRAME", error.to_string())
    }
}

impl From<TreeError> for Refusal {
    fn from(error: TreeError) -> Self {
        Self::bad_json(error.to_string())
    }
}

/// What a frame's payload says. An event may have at most `max_event` bytes, whatever JSON it was.
pub(crate) fn parse(registry: &'static Registry, max_event: usize, body: Body) -> Result<Parsed, Refusal> {
    match body {
        Body::Event { id, payload } => match registry.by_id(id) {
            Some(event) => Ok(Parsed::Message(Incoming::Event { event, payload })),
            None => Err(Refusal::new("UNKNOWN_EVENT", format!("the schema has no event with id {id}"))),
        },
        Body::Json(text) => match Utf8Bytes::try_from(text) {
            Ok(text) => parse_json(registry, max_event, &text),
            Err(error) => Err(Refusal::bad_json(format!("the message is no JSON: {error}"))),
        },
    }
}

/// What `{"type", "payload"}` says.
fn parse_json(registry: &'static Registry, max_event: usize, text: &Utf8Bytes) -> Result<Parsed, Refusal> {
    let no_type = || Refusal::bad_json("the message is no JSON object with a string \"type\"");
    let found = members(text, ["type", "payload"]);
    let [name, payload] =
        found.map_err(|error| Refusal::bad_json(format!("the message is no JSON: {error}")))?.ok_or_else(no_type)?;
    let name = name.and_then(string).ok_or_else(no_type)?;
    if name == "__pp_auth" {
        let token = payload.and_then(|payload| members(payload, ["token"]).ok()?).and_then(|[token]| token);
        return Ok(Parsed::Auth(token.and_then(string).map(Into::into)));
    }
    if name.starts_with(RESERVED_PREFIX) {
        let why =
            format!("clients do not send {}: names that begin with \"__pp_\" belong to the protocol", Quoted(&name));
        return Err(Refusal::new("RESERVED_NAME", why));
    }
    let Some(event) = registry.by_name(&name) else {
        let payload = payload.map_or_else(JsonText::null, |payload| JsonText::part(text, payload));
        return Ok(Parsed::Message(Incoming::Named { name: name.into(), payload }));
    };
    match event.from_json_text(payload.unwrap_or("null"), max_event) {
        Ok(bytes) => Ok(Parsed::Message(Incoming::Event { event, payload: bytes.into() })),
        Err(error) => match error.reason() {
            JsonReason::Syntax(why) => Err(Refusal::bad_json(format!("the payload is no JSON: {why}"))),
            _ => Err(Refusal::bad_payload(event.name(), error)),
        },
    }
}
