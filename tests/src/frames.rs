//! Client frames, byte by byte from the wire contract. Nothing here uses `painda-runtime`: it is what that is held against.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};

/// The type id of a frame whose payload is JSON.
pub const JSON: u16 = 0;
/// The type id of `player:move`.
pub const PLAYER_MOVE: u16 = 1;
/// The type id of `player:hit`.
pub const PLAYER_HIT: u16 = 2;

/// The flag of a payload that is deflated.
pub const DEFLATED: u16 = 0b0100;
/// The flag of a payload in its event's own encoding.
pub const SCHEMA: u16 = 0b1000;

/// The length of a version 2 header.
pub const HEADER: usize = 16;

/// The parts of a frame's header, each of which may lie.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// Four bytes that say what this is.
    pub magic: [u8; 4],
    /// The version of the header.
    pub version: u16,
    /// Mode, [`DEFLATED`] and [`SCHEMA`].
    pub flags: u16,
    /// The event's id, or [`JSON`].
    pub type_id: u16,
}

impl Header {
    /// An honest header: version 2, `chat` mode.
    pub const fn new(flags: u16, type_id: u16) -> Self {
        Self { magic: *b"PPND", version: 2, flags, type_id }
    }

    /// The frame with this header and the payload's true length.
    pub fn frame(self, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a test's payload is shorter than 4 GiB");
        self.frame_of_length(length, payload)
    }

    /// The frame with this header and a length that need not be true.
    pub fn frame_of_length(self, length: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEADER + payload.len());
        frame.extend_from_slice(&self.magic);
        frame.extend_from_slice(&self.version.to_be_bytes());
        frame.extend_from_slice(&self.flags.to_be_bytes());
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&self.type_id.to_be_bytes());
        frame.extend_from_slice(&[0, 0]);
        frame.extend_from_slice(payload);
        frame
    }
}

/// `player:move` in a frame.
pub fn player_move(x: f32, y: f32) -> Vec<u8> {
    let payload = [x.to_be_bytes(), y.to_be_bytes()].concat();
    Header::new(SCHEMA, PLAYER_MOVE).frame(&payload)
}

/// `player:hit` in a frame.
pub fn player_hit(attacker: u32, target: u32, damage: i16) -> Vec<u8> {
    let mut payload = [attacker.to_be_bytes(), target.to_be_bytes()].concat();
    payload.extend_from_slice(&damage.to_be_bytes());
    Header::new(SCHEMA, PLAYER_HIT).frame(&payload)
}

/// A JSON event in a frame.
pub fn json_event(name: &str, payload: Value) -> Vec<u8> {
    let event = json!({ "type": name, "payload": payload });
    Header::new(0, JSON).frame(event.to_string().as_bytes())
}

/// Bytes in the form of zlib, as small as it gets.
pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

/// A JSON text in a frame, deflated. The text need not be right.
pub fn deflated_json(text: &str) -> Vec<u8> {
    Header::new(DEFLATED, JSON).frame(&deflated(text.as_bytes()))
}

/// The JSON that a frame carries; fails where the frame is not an honest JSON frame.
pub fn json_of(frame: &[u8]) -> Value {
    let Some((header, payload)) = frame.split_at_checked(HEADER) else {
        panic!("a frame has a header of {HEADER} bytes, and this is {}", hex(frame));
    };
    let expected = Header::new(0, JSON).frame(payload);
    assert_eq!(hex(header), hex(&expected[..HEADER]), "this is not the header of a JSON frame with this payload");
    serde_json::from_slice(payload).expect("the payload of a JSON frame is JSON")
}

/// Bytes as people compare them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
