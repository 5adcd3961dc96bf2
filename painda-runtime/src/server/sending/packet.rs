//! One emit, encoded once and ready for every socket: finished WebSocket frames that all of them share.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::{
    Message,
    excerpt::cut,
    schema::{PPEvent, Registry},
    server::{config::Framing, error::Error},
    wire::{
        frame::{self, HEADER_LEN, HEADER_LEN_V1, Mode},
        json_message,
    },
};

/// The longest header that a server's WebSocket frame has.
const MAX_WS_HEADER: usize = 10;
/// The room that both headers get before the payload.
const PREFIX: usize = MAX_WS_HEADER + HEADER_LEN;

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
    v1: OnceLock<Result<Bytes, NoFrame>>,
    text: OnceLock<Result<Bytes, NoFrame>>,
}

/// Why there is no frame for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoFrame {
    /// The event has no form in the client's dialect.
    Unknown,
    /// Its JSON is longer than any queue takes, and was not made.
    TooLarge,
}

impl Packet {
    /// Encodes an event of the schema, in one allocation.
    pub(crate) fn event<E: PPEvent>(framing: Framing, event: &E) -> Result<Self, Error> {
        let mut buffer = Vec::with_capacity(PREFIX + event.encoded_size());
        buffer.resize(PREFIX, 0);
        event.encode(&mut buffer);
        if framing.deflates(&buffer[PREFIX..]) {
            return Self::message(framing, Message::event(E::ID, Bytes::from(buffer).slice(PREFIX..)));
        }
        let len = buffer.len() - PREFIX;
        let v2 = finish(framing.mode, E::ID, frame::Compression::None, buffer)?;
        let payload = v2.slice(v2.len() - len..);
        Ok(Self::new(Message::event(E::ID, payload), framing.mode, v2))
    }

    /// Encodes a named event, in one allocation as well.
    pub(crate) fn named(framing: Framing, name: &str, payload: &Value) -> Result<Self, Error> {
        let mut buffer = Vec::with_capacity(PREFIX + 2 * JSON + name.len());
        buffer.resize(PREFIX, 0);
        json_message::open(&mut buffer, name);
        let start = buffer.len();
        serde_json::to_writer(&mut buffer, payload).map_err(Error::other)?;
        let end = buffer.len();
        json_message::close(&mut buffer);
        let named = |buffer: Bytes, at| Message::named(name, buffer.slice(at..at + end - start));
        if framing.deflates(&buffer[PREFIX..]) {
            return Self::message(framing, named(buffer.into(), start));
        }
        let left = buffer.len() - start;
        let v2 = finish(framing.mode, 0, frame::Compression::None, buffer)?;
        Ok(Self::new(named(v2.clone(), v2.len() - left), framing.mode, v2))
    }

    /// Wraps a message that is encoded already.
    pub(crate) fn message(framing: Framing, message: Message) -> Result<Self, Error> {
        let (id, mut buffer) = match &message {
            Message::Event { id, payload } => (*id, [&[0; PREFIX], &payload[..]].concat()),
            Message::Named { name, payload } => {
                let mut buffer = Vec::with_capacity(PREFIX + JSON + name.len() + payload.len());
                buffer.resize(PREFIX, 0);
                write_json(&mut buffer, name, payload);
                (0, buffer)
            }
        };
        let mut compression = frame::Compression::None;
        if framing.deflates(&buffer[PREFIX..])
            && let Ok(smaller) = frame::deflate(&buffer[PREFIX..])
            && smaller.len() < buffer.len() - PREFIX
        {
            buffer.truncate(PREFIX);
            buffer.extend_from_slice(&smaller);
            compression = frame::Compression::Deflated;
        }
        let v2 = finish(framing.mode, id, compression, buffer)?;
        Ok(Self::new(message, framing.mode, v2))
    }

    fn new(message: Message, mode: Mode, v2: Bytes) -> Self {
        Self { message, mode, v2, v1: OnceLock::new(), text: OnceLock::new() }
    }

    /// The size of the frame that most clients get, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.v2.len()
    }

    /// The finished frame for a client; JSON of more than `max` bytes is not made. The first call counts: `max` is always the same.
    pub(crate) fn frame(&self, dialect: Dialect, registry: &Registry, max: usize) -> Result<&Bytes, NoFrame> {
        let made = match dialect {
            Dialect::V2 => return Ok(&self.v2),
            Dialect::V1 => self.v1.get_or_init(|| {
                let mut buffer = self.json(MAX_WS_HEADER + HEADER_LEN_V1, registry, max)?;
                let len = buffer.len() - MAX_WS_HEADER - HEADER_LEN_V1;
                let header = frame::header_v1(self.mode, u32::try_from(len).map_err(|_| NoFrame::Unknown)?);
                buffer[MAX_WS_HEADER..][..HEADER_LEN_V1].copy_from_slice(&header);
                Ok(seal(Data::Binary, buffer))
            }),
            Dialect::Text => self.text.get_or_init(|| Ok(seal(Data::Text, self.json(MAX_WS_HEADER, registry, max)?))),
        };
        made.as_ref().map_err(|why| *why)
    }

    /// How many bytes the frame for a client has, or would have.
    #[cold]
    pub(crate) fn frame_len(&self, dialect: Dialect, registry: &Registry, max: usize) -> usize {
        let event = match (self.frame(dialect, registry, max), &self.message) {
            (Ok(frame), _) => return frame.len(),
            (Err(_), Message::Named { .. }) => None,
            (Err(_), Message::Event { id, payload }) => registry.by_id(*id).map(|event| (event, payload)),
        };
        let Some((event, payload)) = event else { return 0 };
        let mut around = if dialect == Dialect::V1 { vec![0; HEADER_LEN_V1] } else { Vec::new() };
        json_message::open(&mut around, event.name());
        json_message::close(&mut around);
        let len = around.len() + event.json_len(payload).unwrap_or(0);
        ws_header(OpCode::Data(Data::Text), len).1 + len
    }

    /// `{"type", "payload"}` behind so many bytes for headers, an event of the schema by its descriptor.
    fn json(&self, prefix: usize, registry: &Registry, max: usize) -> Result<Vec<u8>, NoFrame> {
        let mut out = Vec::with_capacity(prefix + JSON + self.message.payload().len());
        out.resize(prefix, 0);
        match &self.message {
            Message::Named { name, payload } => write_json(&mut out, name, payload),
            Message::Event { id, payload } => {
                let event = registry.by_id(*id).ok_or(NoFrame::Unknown)?;
                json_message::open(&mut out, event.name());
                let fits = event.write_json_text_up_to(max, payload, &mut out).map_err(|_| NoFrame::Unknown)?;
                if !fits {
                    return Err(NoFrame::TooLarge);
                }
                json_message::close(&mut out);
            }
        }
        Ok(out)
    }
}

/// Roughly what JSON takes besides its payload.
const JSON: usize = 64;

fn write_json(out: &mut Vec<u8>, name: &str, payload: &[u8]) {
    json_message::open(out, name);
    out.extend_from_slice(payload);
    json_message::close(out);
}

/// Fills in the two headers before the payload that the buffer holds.
fn finish(mode: Mode, id: u16, compression: frame::Compression, mut buffer: Vec<u8>) -> Result<Bytes, Error> {
    let len = buffer.len() - PREFIX;
    let too_large = |_| Error::TooLarge { len, limit: u32::MAX as usize };
    let header = frame::header(mode, id, compression, u32::try_from(len).map_err(too_large)?);
    buffer[MAX_WS_HEADER..PREFIX].copy_from_slice(&header);
    Ok(seal(Data::Binary, buffer))
}

/// Fills in the WebSocket header before the data behind it.
fn seal(data: Data, mut buffer: Vec<u8>) -> Bytes {
    let (head, head_len) = ws_header(OpCode::Data(data), buffer.len() - MAX_WS_HEADER);
    let start = MAX_WS_HEADER - head_len;
    buffer[start..MAX_WS_HEADER].copy_from_slice(&head[..head_len]);
    Bytes::from(buffer).slice(start..)
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

/// A whole, unmasked WebSocket frame.
pub(crate) fn ws_frame(opcode: OpCode, payload: &[u8]) -> Bytes {
    let (head, head_len) = ws_header(opcode, payload.len());
    [&head[..head_len], payload].concat().into()
}

/// A ping that asks for a sign of life.
pub(crate) fn ping_frame() -> Bytes {
    ws_frame(OpCode::Control(Control::Ping), &[])
}

/// A close frame with a code and a reason, cut to what a control frame holds, or without both.
pub(crate) fn close_frame(said: Option<(u16, &str)>) -> Bytes {
    let Some((code, reason)) = said else { return ws_frame(OpCode::Control(Control::Close), &[]) };
    ws_frame(OpCode::Control(Control::Close), &[&code.to_be_bytes(), cut(reason, 123).as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Schema, schema};
    use tungstenite::protocol::frame::{Frame, FrameSocket};

    #[derive(PPEvent)]
    #[pp(event = "said", id = 1, crate = "crate")]
    struct Said {
        words: Vec<String>,
    }

    #[derive(PPEvent)]
    #[pp(event = "listed", id = 2, crate = "crate")]
    struct Listed {
        numbers: Vec<f32>,
        on: bool,
    }

    schema! { Chat { Said, Listed } }

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
    fn headers_and_payload_stand_in_one_buffer() {
        for len in [0, 8, 109, 110, 200, 65519, 65520, 70000] {
            let packet = Packet::message(Framing::default(), Message::event(7, vec![3; len].into())).expect("fits");
            let opcode = OpCode::Data(Data::Binary);
            let expected =
                [&frame::header(Mode::Chat, 7, frame::Compression::None, len as u32)[..], &vec![3; len]].concat();
            assert_eq!(packet.v2, ws_frame(opcode, &expected), "{len} bytes");
        }
    }

    #[test]
    fn json_that_no_queue_takes_is_not_made() {
        let registry = Chat::registry();
        let said = || Packet::event(Framing::default(), &Said { words: vec!["ä\n".into(); 1000] }).expect("fits");
        for dialect in [Dialect::V1, Dialect::Text] {
            let whole = said().frame(dialect, registry, usize::MAX).expect("as long as it likes").len();
            let short = said();
            assert_eq!(short.frame(dialect, registry, whole / 2), Err(NoFrame::TooLarge));
            assert_eq!(short.frame_len(dialect, registry, whole / 2), whole, "{dialect:?}");
        }
        assert!(said().frame(Dialect::V2, registry, 1).is_ok(), "it is there already");
        // What follows a list that was left in the middle is not read.
        let listed = Listed { numbers: vec![1.5; 1000], on: true };
        let packet = Packet::event(Framing::default(), &listed).expect("fits");
        assert_eq!(packet.frame(Dialect::Text, registry, 100), Err(NoFrame::TooLarge));
    }

    #[test]
    fn large_payloads_are_deflated_where_that_pays() {
        let framing = Framing { mode: Mode::Chat, deflate_from: Some(100) };
        let packet = |payload: Vec<u8>| Packet::message(framing, Message::event(7, payload.into())).expect("fits");
        // A WebSocket header of two bytes stands before the frame.
        let body = |packet: &Packet| frame::decode(&packet.v2.slice(2..), 1 << 20).map(|frame| frame.body);
        let even = packet(vec![3; 5000]);
        assert!(even.v2.len() < 200);
        assert_eq!(packet(vec![3; 99]).v2.len(), 2 + HEADER_LEN + 99);
        assert_eq!(body(&even), Ok(frame::Body::Event { id: 7, payload: vec![3; 5000].into() }));
    }

    #[test]
    fn a_close_reason_is_cut_at_a_character() {
        let long = "é".repeat(100);
        assert_eq!(close_frame(Some((1001, &long))).len(), 2 + 2 + 123);
    }
}
