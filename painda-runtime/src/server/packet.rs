//! One emit, encoded once and ready for every socket: finished WebSocket frames that all of them share.

use std::sync::OnceLock;

use bytes::Bytes;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::error::Error;
use crate::{
    Message,
    schema::{PPEvent, Registry},
    wire::frame::{self, HEADER_LEN, Mode},
};

/// The longest header that a server's WebSocket frame has.
const MAX_WS_HEADER: usize = 10;

/// How a client wants to be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Dialect {
    /// Version 2 frames: the default.
    #[default]
    V2,
    /// Version 1 frames, for a client that has sent one.
    V1,
    /// Bare JSON in text messages, for a client that asked for the subprotocol `pp.json`.
    Text,
}

/// A message and its frames.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) message: Message,
    mode: Mode,
    v2: Bytes,
    v1: OnceLock<Option<Bytes>>,
    text: OnceLock<Option<Bytes>>,
}

impl Packet {
    /// Encodes an event of the schema, in one allocation.
    pub(crate) fn event<E: PPEvent>(mode: Mode, event: &E) -> Result<Self, Error> {
        let mut buffer = Vec::with_capacity(MAX_WS_HEADER + HEADER_LEN + 32);
        buffer.resize(MAX_WS_HEADER + HEADER_LEN, 0);
        event.encode(&mut buffer);
        let v2 = finish(mode, E::ID, buffer)?;
        let payload = v2.slice(v2.len() - payload_len(&v2)..);
        Ok(Self::new(Message::event(E::ID, payload), mode, v2))
    }

    /// Wraps a message that is encoded already.
    pub(crate) fn message(mode: Mode, message: Message) -> Result<Self, Error> {
        let mut buffer = Vec::with_capacity(MAX_WS_HEADER + HEADER_LEN + message.payload().len() + 32);
        buffer.resize(MAX_WS_HEADER + HEADER_LEN, 0);
        let id = match &message {
            Message::Event { id, payload } => {
                buffer.extend_from_slice(payload);
                *id
            }
            Message::Named { name, payload } => {
                write_json(&mut buffer, name, payload);
                0
            }
        };
        let v2 = finish(mode, id, buffer)?;
        Ok(Self::new(message, mode, v2))
    }

    fn new(message: Message, mode: Mode, v2: Bytes) -> Self {
        Self { message, mode, v2, v1: OnceLock::new(), text: OnceLock::new() }
    }

    /// The finished frame for a client; `None` where the event can't be said in its dialect.
    pub(crate) fn frame(&self, dialect: Dialect, registry: &Registry) -> Option<&Bytes> {
        match dialect {
            Dialect::V2 => Some(&self.v2),
            Dialect::V1 => self
                .v1
                .get_or_init(|| {
                    let json = self.json(registry)?;
                    let header = frame::header_v1(self.mode, u32::try_from(json.len()).ok()?);
                    Some(ws_frame(OpCode::Data(Data::Binary), &[&header[..], &json[..]].concat()))
                })
                .as_ref(),
            Dialect::Text => {
                self.text.get_or_init(|| Some(ws_frame(OpCode::Data(Data::Text), &self.json(registry)?))).as_ref()
            }
        }
    }

    /// `{"type", "payload"}`, an event of the schema by its descriptor.
    fn json(&self, registry: &Registry) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match &self.message {
            Message::Named { name, payload } => write_json(&mut out, name, payload),
            Message::Event { id, payload } => {
                let event = registry.by_id(*id)?;
                let value = event.to_json(payload).ok()?;
                write_json(&mut out, event.name(), &serde_json::to_vec(&value).ok()?);
            }
        }
        Some(out)
    }
}

fn write_json(out: &mut Vec<u8>, name: &str, payload: &[u8]) {
    out.extend_from_slice(br#"{"type":"#);
    out.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
    out.extend_from_slice(br#","payload":"#);
    out.extend_from_slice(payload);
    out.push(b'}');
}

/// Fills in the two headers before the payload that the buffer holds.
fn finish(mode: Mode, id: u16, mut buffer: Vec<u8>) -> Result<Bytes, Error> {
    let len = buffer.len() - MAX_WS_HEADER - HEADER_LEN;
    let too_large = |_| Error::TooLarge { len };
    let header = frame::header(mode, id, u32::try_from(len).map_err(too_large)?);
    buffer[MAX_WS_HEADER..MAX_WS_HEADER + HEADER_LEN].copy_from_slice(&header);
    let (head, head_len) = ws_header(OpCode::Data(Data::Binary), HEADER_LEN + len);
    let start = MAX_WS_HEADER - head_len;
    buffer[start..MAX_WS_HEADER].copy_from_slice(&head[..head_len]);
    Ok(Bytes::from(buffer).slice(start..))
}

/// The payload's length, from the frame's own header.
fn payload_len(v2: &[u8]) -> usize {
    let head = match v2[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    v2.len() - head - HEADER_LEN
}

/// The header of an unmasked, unfragmented WebSocket frame.
fn ws_header(opcode: OpCode, len: usize) -> ([u8; MAX_WS_HEADER], usize) {
    let mut head = [0; MAX_WS_HEADER];
    head[0] = 0x80 | u8::from(opcode);
    let head_len = match len {
        0..=125 => {
            head[1] = len as u8;
            2
        }
        126..=0xffff => {
            head[1] = 126;
            head[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..10].copy_from_slice(&(len as u64).to_be_bytes());
            10
        }
    };
    (head, head_len)
}

fn ws_frame(opcode: OpCode, payload: &[u8]) -> Bytes {
    let (head, head_len) = ws_header(opcode, payload.len());
    [&head[..head_len], payload].concat().into()
}

/// A ping that asks for a sign of life.
pub(crate) fn ping_frame() -> Bytes {
    ws_frame(OpCode::Control(Control::Ping), &[])
}

/// A close frame with a code and a reason, cut to what a control frame holds.
pub(crate) fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    ws_frame(OpCode::Control(Control::Close), &[&code.to_be_bytes(), &reason.as_bytes()[..end]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::protocol::frame::{Frame, FrameSocket};

    #[test]
    fn headers_match_a_known_implementation() {
        for len in [0, 1, 125, 126, 127, 65535, 65536, 70000] {
            let payload = vec![7; len];
            let opcode = OpCode::Data(Data::Binary);
            let mut theirs = FrameSocket::new(Vec::new());
            theirs.send(Frame::message(payload.clone(), opcode, true)).expect("written");
            assert_eq!(&ws_frame(opcode, &payload)[..], theirs.get_ref(), "{len} bytes");
        }
    }

    #[test]
    fn the_message_shares_the_frame_s_memory() {
        for len in [0, 8, 109, 110, 111, 200, 65519, 65520, 70000] {
            let mut buffer = vec![0; MAX_WS_HEADER + HEADER_LEN];
            buffer.resize(MAX_WS_HEADER + HEADER_LEN + len, 3);
            let v2 = finish(Mode::Chat, 1, buffer).expect("fits");
            assert_eq!(payload_len(&v2), len);
        }
    }

    #[test]
    fn a_close_reason_is_cut_at_a_character() {
        let long = "é".repeat(100);
        assert_eq!(close_frame(1001, &long).len(), 2 + 2 + 122);
    }
}
