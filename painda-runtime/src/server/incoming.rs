//! What a client's message says: from a frame or JSON text to an event of the schema, a named event or a token.
//!
//! Pure: it knows the registry, and no sockets. Middleware and handlers are given what comes out of here.

use bytes::Bytes;
use serde_json::Value;

use crate::{
    RESERVED_PREFIX,
    schema::{EventDescriptor, Registry},
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
        /// Its payload.
        payload: Value,
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

    /// The payload is not the event's.
    pub(crate) fn bad_payload(event: &str, why: impl std::fmt::Display) -> Self {
        Self::new("BAD_PAYLOAD", format!("the payload does not fit the event {event:?}: {why}"))
    }
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        Self::new("BAD_FRAME", error.to_string())
    }
}

/// What a frame's payload says.
pub(crate) fn parse(registry: &'static Registry, body: Body) -> Result<Parsed, Refusal> {
    match body {
        Body::Event { id, payload } => match registry.by_id(id) {
            Some(event) => Ok(Parsed::Message(Incoming::Event { event, payload })),
            None => Err(Refusal::new("UNKNOWN_EVENT", format!("the schema has no event with id {id}"))),
        },
        Body::Json(text) => parse_json(registry, &text),
    }
}

/// What `{"type", "payload"}` says.
fn parse_json(registry: &'static Registry, text: &Bytes) -> Result<Parsed, Refusal> {
    let mut value: Value = serde_json::from_slice(text)
        .map_err(|error| Refusal::new("BAD_JSON", format!("the message is no JSON: {error}")))?;
    let Some(Value::String(name)) = value.get_mut("type").map(Value::take) else {
        return Err(Refusal::new("BAD_JSON", "the message is no JSON object with a string \"type\""));
    };
    let mut payload = value.get_mut("payload").map(Value::take).unwrap_or_default();
    if name == "__pp_auth" {
        return Ok(Parsed::Auth(match payload.get_mut("token").map(Value::take) {
            Some(Value::String(token)) => Some(token),
            _ => None,
        }));
    }
    if name.starts_with(RESERVED_PREFIX) {
        let why = format!("clients do not send {name:?}: names that begin with \"__pp_\" belong to the protocol");
        return Err(Refusal::new("RESERVED_NAME", why));
    }
    Ok(Parsed::Message(match registry.by_name(&name) {
        Some(event) => match event.from_json(&payload) {
            Ok(bytes) => Incoming::Event { event, payload: bytes.into() },
            Err(error) => return Err(Refusal::bad_payload(event.name(), error)),
        },
        None => Incoming::Named { name, payload },
    }))
}
