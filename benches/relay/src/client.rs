//! A client's socket: the upgrade, events in, finished messages out.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use wire::websocket::{self, head_end};

/// What is appended to a client's key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// Its room, once it has upgraded.
    pub(crate) room: Option<usize>,
    input: Vec<u8>,
    /// What its window did not take.
    output: Vec<u8>,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, room: None, input: Vec::new(), output: Vec::new() }
    }

    /// Reads once. `false` where the connection has ended.
    pub(crate) fn read(&mut self, scratch: &mut [u8]) -> bool {
        match self.stream.read(scratch) {
            Ok(0) => false,
            Ok(read) => {
                self.input.extend_from_slice(&scratch[..read]);
                true
            }
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// Answers the upgrade once its request is whole, and returns the room in it.
    pub(crate) fn upgrade(&mut self) -> io::Result<Option<String>> {
        let Some(end) = head_end(&self.input) else { return Ok(None) };
        let head = String::from_utf8_lossy(&self.input[..end]).into_owned();
        self.input.drain(..end);
        let path = head.split(' ').nth(1).unwrap_or_default();
        let room = path.split_once("room=").map_or("arena", |(_, room)| room);
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-key").then_some(value.trim())
        });
        let Some(key) = key else { return Err(io::Error::other("not a WebSocket request")) };
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept(key)
        );
        self.send(answer.as_bytes())?;
        Ok(Some(room.to_owned()))
    }

    /// Takes the next binary message out of what was read.
    pub(crate) fn next_message(&mut self) -> io::Result<Option<Vec<u8>>> {
        while let Some(frame) = websocket::parse(&self.input)? {
            let mut payload = self.input[frame.payload.clone()].to_vec();
            if let Some(key) = frame.mask {
                websocket::unmask(&mut payload, key);
            }
            self.input.drain(..frame.payload.end);
            if self.input.is_empty() {
                // Idle clients hold nothing.
                self.input = Vec::new();
            }
            if frame.opcode == websocket::BINARY {
                return Ok(Some(payload));
            }
        }
        Ok(None)
    }

    /// Writes now; keeps what the client's window does not take. `true` where something is kept.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if !self.output.is_empty() {
            self.output.extend_from_slice(bytes);
            return Ok(true);
        }
        let written = match self.stream.write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.output.extend_from_slice(&bytes[written..]);
        Ok(!self.output.is_empty())
    }

    /// Writes what was kept. `true` where something still is.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let kept = std::mem::take(&mut self.output);
        if kept.is_empty() { Ok(false) } else { self.send(&kept) }
    }
}

/// The answer to a client's key.
fn accept(key: &str) -> String {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(GUID);
    base64(&sha1.digest().bytes())
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for sextet in 0..4 {
            let index = (group >> (18 - 6 * sextet)) & 63;
            text.push(if sextet <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_accept_key_of_the_rfc() {
        assert_eq!(super::accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
