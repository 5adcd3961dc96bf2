//! The messages that are thrown, made once.

use std::{io::Read, sync::LazyLock};

use wire::{painda, resp, websocket};

/// What the node takes as one message, compressed or not.
const LIMIT: usize = 1 << 20;

/// `{"type", "payload"}`.
pub(crate) fn typed(name: &str, payload: &str) -> String {
    format!(r#"{{"type":"{name}","payload":{payload}}}"#)
}

/// A binary message with JSON, compressed.
pub(crate) fn deflated(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = flate2::read::ZlibEncoder::new(json.as_bytes(), flate2::Compression::best());
    // Memory is all that it can run out of.
    let _ = encoder.read_to_end(&mut out);
    painda::json_frame(&out, true)
}

/// Messages that are refused.
pub(crate) static REFUSED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let long = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let (fits, large) = (LIMIT - 200, 10_000_000);
    let texts = [
        typed(&format!("__pp_{}", long("\u{80}", large)), "null"),
        typed(&format!("__pp_{}", long("\u{80}", fits)), "null"),
        typed(&format!("__pp_{}", long("\\\"", fits)), "null"),
        long("x", fits),
        format!(r#"{{"type":["{}"]}}"#, long("x", fits)),
        typed("player:move", &format!("\"{}\"", long("\u{80}", fits))),
        typed("player:hit", &format!(r#"{{"attacker":{},"target":1,"damage":1}}"#, long("9", fits))),
    ];
    texts.iter().map(|text| deflated(text)).collect()
});

/// A chat line of this many bytes.
pub(crate) fn chat(bytes: usize) -> String {
    typed("chat:say", &format!("\"{}\"", " ".repeat(bytes)))
}

/// Chat lines that fit and that do not, compressed.
pub(crate) static CHAT_BOMBS: LazyLock<[Vec<u8>; 2]> =
    LazyLock::new(|| [10 << 20, LIMIT - 200].map(|bytes| deflated(&chat(bytes))));

/// JSON of many small things, compressed.
pub(crate) static JSON_BOMBS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let list = |item: &str, bytes: usize| format!("[{}null]", item.repeat(bytes / item.len()));
    let mut bombs = Vec::new();
    for bytes in [LIMIT - 200, 10 << 20] {
        for name in ["nobody:listens", "chat:say", "player:move", "player:hit"] {
            for item in [r#"{"a":{}},"#, "[],", "0,", r#""\u0000","#] {
                bombs.push(deflated(&typed(name, &list(item, bytes))));
            }
        }
    }
    bombs
});

/// A move, as a WebSocket message. Its position tells the honest that it is none of theirs.
pub(crate) fn a_move() -> Vec<u8> {
    let mut out = Vec::new();
    websocket::push(&mut out, websocket::BINARY, Some(websocket::MASK), &painda::player_move(1e9, 0.0));
    out
}

/// A command for Redis: an emit of the TypeScript implementation to this many rooms.
pub(crate) fn emit_to_rooms(count: usize) -> Vec<u8> {
    let rooms: Vec<_> = (0..count).map(|number| format!("\"room-{number}\"")).collect();
    let rooms = rooms.join(",");
    let mut message = b"\0\0\0\0\x10__pp_remote_emit".to_vec();
    message.extend_from_slice(
        format!(r#"{{"rooms":[{rooms}],"exceptRooms":[{rooms}],"type":"chat:say","emitPayload":1}}"#).as_bytes(),
    );
    let mut command = Vec::new();
    resp::push_command(&mut command, &[b"PUBLISH", b"pp:ch:__pp_broadcast", &message]);
    command
}
