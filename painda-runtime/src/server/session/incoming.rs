//! What a client's message says: from a frame or JSON text to an event of the schema, a named event or a token.
//!
//! Pure: it knows the registry, and no sockets. Middleware and handlers are given what comes out of here.

use std::fmt;

use bytes::Bytes;
use tungstenite::Utf8Bytes;

use super::json::{JsonText, TreeError};
use crate::{
    excerpt::Quoted,
    message::RESERVED,
    schema::{EventDescriptor, JsonReason, Registry},
    wire::{
        control::FromClient,
        error_code::ErrorCode,
        frame::{Body, FrameError},
        json_message::{self, JsonMessage},
    },
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
    /// New credentials, for the hook that wants them: the token, where it has one.
    Auth(Option<String>),
}

/// Why a message is none, as the client is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn bad_json(why: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadJson, why)
    }

    /// The payload is not the event's.
    pub(crate) fn bad_payload(event: &str, why: impl fmt::Display) -> Self {
        Self::new(ErrorCode::BadPayload, format!("the payload does not fit the event {event:?}: {why}"))
    }
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        Self::new(ErrorCode::BadFrame, error.to_string())
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
            None => Err(Refusal::new(ErrorCode::UnknownEvent, format!("the schema has no event with id {id}"))),
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
    let found = json_message::read(text);
    let JsonMessage { name, payload } =
        found.map_err(|error| Refusal::bad_json(format!("the message is no JSON: {error}")))?.ok_or_else(no_type)?;
    match FromClient::read(&name, payload) {
        None => {}
        Some(FromClient::Auth { token }) => return Ok(Parsed::Auth(token.map(Into::into))),
        Some(FromClient::Reserved) => {
            let why = format!("clients do not send {}: {RESERVED}", Quoted(&name));
            return Err(Refusal::new(ErrorCode::ReservedName, why));
        }
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
