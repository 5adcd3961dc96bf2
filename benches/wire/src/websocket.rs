//! WebSocket framing (RFC 6455) for both ends, without fragments: nothing measured here sends any.

use std::{
    io::{self, Read, Write},
    ops::Range,
};

/// A text message.
pub const TEXT: u8 = 1;
/// A binary message.
pub const BINARY: u8 = 2;
/// The opcode of a close frame.
pub const CLOSE: u8 = 8;
/// Is answered by a pong.
pub const PING: u8 = 9;
/// The answer to a ping.
pub const PONG: u8 = 10;

/// What clients mask with. One key for all is not what a browser does, but costs the server the same.
pub const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Where a frame lies in a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What kind of message it is.
    pub opcode: u8,
    /// Its content.
    pub payload: Range<usize>,
    /// The key that the content is masked with.
    pub mask: Option<[u8; 4]>,
}

/// The frame at the front of `buffer`, if all of it is there; it ends where its payload ends.
///
/// # Errors
/// A fragment.
pub fn parse(buffer: &[u8]) -> io::Result<Option<Frame>> {
    let [first, second, rest @ ..] = buffer else { return Ok(None) };
    if first & 0x80 == 0 || first & 0x0f == 0 {
        return Err(io::Error::other("a fragmented WebSocket message: the benchmark does not read these"));
    }
    let (wide, length) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (2, u64::from(u16::from_be_bytes(*bytes))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (8, u64::from_be_bytes(*bytes)),
            None => return Ok(None),
        },
        short => (0, u64::from(short)),
    };
    let mut start = 2 + wide;
    let mut mask = None;
    if second & 0x80 != 0 {
        let Some(key) = buffer[start..].first_chunk::<4>() else { return Ok(None) };
        mask = Some(*key);
        start += 4;
    }
    let end = start as u64 + length;
    if end > buffer.len() as u64 {
        return Ok(None);
    }
    Ok(Some(Frame { opcode: first & 0x0f, payload: start..end as usize, mask }))
}

/// How long the frame is at whose beginning this is, header included; `None` where that can't be told yet.
#[must_use]
pub fn length(buffer: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = buffer else { return None };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    match second & 0x7f {
        126 => rest.first_chunk().map(|bytes| 4 + mask + u64::from(u16::from_be_bytes(*bytes))),
        127 => rest.first_chunk().map(|bytes| 10 + mask + u64::from_be_bytes(*bytes)),
        short => Some(2 + mask + u64::from(short)),
    }
}

/// Adds a frame to `out`.
pub fn push(out: &mut Vec<u8>, opcode: u8, mask: Option<[u8; 4]>, payload: &[u8]) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload.len() {
        short @ ..126 => out.push(masked | short as u8),
        medium @ ..0x1_0000 => {
            out.push(masked | 126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(masked | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    if let Some(key) = mask {
        out.extend_from_slice(&key);
    }
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = mask {
        unmask(&mut out[start..], key);
    }
}

/// Masks and unmasks.
pub fn unmask(payload: &mut [u8], key: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// The client's half of the opening handshake, waiting for the answer; returns what came after it.
///
/// # Errors
/// The connection's, and every answer but 101.
pub fn upgrade(stream: &mut (impl Read + Write), path: &str) -> io::Result<Vec<u8>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::Error::other(format!("{path}: closed during the handshake")));
        }
        answer.extend_from_slice(&chunk[..read]);
        if let Some(end) = head_end(&answer) {
            if !answer.starts_with(b"HTTP/1.1 101") {
                let head = String::from_utf8_lossy(&answer[..end]).into_owned();
                return Err(io::Error::other(format!("{path}: the server does not upgrade: {head}")));
            }
            return Ok(answer.split_off(end));
        }
    }
}

/// Where an HTTP head ends, if it does.
#[must_use]
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_parsed() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            for mask in [None, Some(MASK)] {
                let payload = vec![0x5a; length];
                let mut bytes = Vec::new();
                push(&mut bytes, BINARY, mask, &payload);
                for cut in [0, 1, 2, 5, bytes.len() - 1] {
                    assert_eq!(parse(&bytes[..cut.min(bytes.len() - 1)]).expect("no fragment"), None);
                }
                let frame = parse(&bytes).expect("no fragment").expect("whole");
                assert_eq!((frame.opcode, frame.mask, frame.payload.end), (BINARY, mask, bytes.len()));
                if let Some(key) = mask {
                    unmask(&mut bytes[frame.payload.clone()], key);
                }
                assert_eq!(&bytes[frame.payload], &payload[..]);
            }
        }
    }
}
