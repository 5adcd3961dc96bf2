//! How a `player:move` looks to each of the servers.

use std::io::{self, Read, Write};

use wire::{painda, websocket};

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// painda's frames, as our arena and the relay speak them.
    Painda,
    /// Socket.IO 5 on Engine.IO 4, over WebSocket from the start.
    SocketIo,
}

/// What a message from the server means to the benchmark.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    /// An event, with its position.
    Move(f32, f32),
    /// The answer to a ping, with the ping's number.
    Pong(u64),
    /// A heartbeat that wants an answer: an opcode and its content.
    Answer(u8, Vec<u8>),
    /// The server closes.
    Close,
    /// Nothing that counts.
    Other,
}

impl Dialect {
    /// The path to connect to.
    pub(crate) fn path(self, room: &str) -> String {
        match self {
            Self::Painda => format!("/?room={room}"),
            Self::SocketIo => format!("/socket.io/?EIO=4&transport=websocket&room={room}"),
        }
    }

    /// What follows the WebSocket handshake; `input` is what came so far, and what came after it.
    pub(crate) fn greet(self, stream: &mut (impl Read + Write), input: &mut Vec<u8>) -> io::Result<()> {
        if self == Self::SocketIo {
            self.expect(stream, input, b"0{")?;
            let mut connect = Vec::new();
            websocket::push(&mut connect, websocket::TEXT, Some(websocket::MASK), b"40");
            stream.write_all(&connect)?;
            self.expect(stream, input, b"40")?;
        }
        Ok(())
    }

    /// Reads until a message has come that begins with `start`. Heartbeats are answered: a server may want an answer at once, and
    /// closes the connection without it.
    fn expect(self, stream: &mut (impl Read + Write), input: &mut Vec<u8>, start: &[u8]) -> io::Result<()> {
        let mut chunk = [0; 4096];
        loop {
            while let Some(frame) = websocket::parse(input)? {
                let payload = &input[frame.payload.clone()];
                let is_it = payload.starts_with(start);
                if let Incoming::Answer(opcode, payload) = self.read(frame.opcode, payload) {
                    let mut answer = Vec::new();
                    websocket::push(&mut answer, opcode, Some(websocket::MASK), &payload);
                    stream.write_all(&answer)?;
                }
                input.drain(..frame.payload.end);
                if is_it {
                    return Ok(());
                }
            }
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Err(io::Error::other("the server closed during the Socket.IO handshake"));
            }
            input.extend_from_slice(&chunk[..read]);
        }
    }

    /// Adds a `player:move` to `out`.
    pub(crate) fn push_move(self, out: &mut Vec<u8>, x: f32, y: f32) {
        let mask = Some(websocket::MASK);
        match self {
            Self::Painda => websocket::push(out, websocket::BINARY, mask, &painda::player_move(x, y)),
            Self::SocketIo => {
                let text = format!("42[\"player:move\",{{\"x\":{x},\"y\":{y}}}]");
                websocket::push(out, websocket::TEXT, mask, text.as_bytes());
            }
        }
    }

    /// Says what a message means.
    pub(crate) fn read(self, opcode: u8, payload: &[u8]) -> Incoming {
        match (self, opcode) {
            (_, websocket::PING) => Incoming::Answer(websocket::PONG, payload.to_vec()),
            (_, websocket::PONG) => match payload.try_into() {
                Ok(ping) => Incoming::Pong(u64::from_be_bytes(ping)),
                Err(_) => Incoming::Other,
            },
            (_, websocket::CLOSE) => Incoming::Close,
            (Self::Painda, websocket::BINARY) => match painda::read_player_move(payload) {
                Some((x, y)) => Incoming::Move(x, y),
                None => Incoming::Other,
            },
            (Self::SocketIo, websocket::TEXT) if payload == b"2" => Incoming::Answer(websocket::TEXT, b"3".to_vec()),
            (Self::SocketIo, websocket::TEXT) => match read_json_move(payload) {
                Some((x, y)) => Incoming::Move(x, y),
                None => Incoming::Other,
            },
            _ => Incoming::Other,
        }
    }
}

/// The numbers in `42["player:move",{"x":1.5,"y":2.5}]`.
fn read_json_move(text: &[u8]) -> Option<(f32, f32)> {
    let rest = text.strip_prefix(b"42[\"player:move\",{\"x\":")?;
    let comma = rest.iter().position(|byte| *byte == b',')?;
    let (x, rest) = rest.split_at(comma);
    let rest = rest.strip_prefix(b",\"y\":")?;
    let (y, _) = rest.split_at(rest.iter().position(|byte| *byte == b'}')?);
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    Some((number(x)?, number(y)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_read_as_it_was_written() {
        for dialect in [Dialect::Painda, Dialect::SocketIo] {
            let mut out = Vec::new();
            dialect.push_move(&mut out, 7.5, 4_000_000.5);
            let frame = websocket::parse(&out).expect("no fragment").expect("whole");
            websocket::unmask(&mut out[frame.payload.clone()], websocket::MASK);
            assert_eq!(dialect.read(frame.opcode, &out[frame.payload]), Incoming::Move(7.5, 4_000_000.5));
        }
    }

    /// A server's words, and what it was told.
    struct Server(io::Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Server {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0.read(out)
        }
    }

    impl Write for Server {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_heartbeat_is_answered_during_the_handshake_as_well() {
        let mut says = Vec::new();
        for text in ["0{}", "2", "40{}"] {
            websocket::push(&mut says, websocket::TEXT, None, text.as_bytes());
        }
        let mut server = Server(io::Cursor::new(says), Vec::new());
        Dialect::SocketIo.greet(&mut server, &mut Vec::new()).expect("greets");
        let mut told = server.1;
        let mut texts = Vec::new();
        while let Some(frame) = websocket::parse(&told).expect("no fragment") {
            websocket::unmask(&mut told[frame.payload.clone()], websocket::MASK);
            texts.push(String::from_utf8_lossy(&told[frame.payload.clone()]).into_owned());
            told.drain(..frame.payload.end);
        }
        assert_eq!(texts, ["40", "3"]);
    }

    #[test]
    fn signs_of_life_are_answered() {
        assert_eq!(Dialect::SocketIo.read(websocket::TEXT, b"2"), Incoming::Answer(websocket::TEXT, b"3".to_vec()));
        assert_eq!(Dialect::Painda.read(websocket::PING, b"p"), Incoming::Answer(websocket::PONG, b"p".to_vec()));
    }
}
