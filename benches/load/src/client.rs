//! One client's connection: whole messages in, bytes out, nothing that waits.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use wire::websocket;

use crate::dialect::{Dialect, Incoming};

/// How long a server may take to accept a client.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a run waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrival {
    /// An event, with its position.
    Move(f32, f32),
    /// The answer to a ping, with its number.
    Pong(u64),
}

/// A message of more bytes is not looked at.
const LARGE: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    dialect: Dialect,
    /// The beginning of a message whose rest has not come.
    input: Vec<u8>,
    /// How many bytes of a large message are still to come.
    skip: u64,
    /// What the socket did not take.
    output: Vec<u8>,
    pub(crate) open: bool,
}

impl Client {
    /// Connects and waits until the server has accepted the client.
    pub(crate) fn connect(dialect: Dialect, node: SocketAddr, room: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(node)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut input = websocket::upgrade(&mut stream, &dialect.path(room))?;
        dialect.greet(&mut stream, &mut input)?;
        stream.set_nonblocking(true)?;
        input.shrink_to_fit();
        Ok(Self { stream, dialect, input, skip: 0, output: Vec::new(), open: true })
    }

    /// Sends an event, or queues it where the server does not read.
    pub(crate) fn send_move(&mut self, x: f32, y: f32) {
        self.dialect.push_move(&mut self.output, x, y);
        self.flush();
    }

    /// Sends a ping with a number, which its answer has too.
    pub(crate) fn send_ping(&mut self, ping: u64) {
        websocket::push(&mut self.output, websocket::PING, Some(websocket::MASK), &ping.to_be_bytes());
        self.flush();
    }

    /// Writes what is queued as far as the socket takes it; `true` where that was all.
    pub(crate) fn flush(&mut self) -> bool {
        while self.open && !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(written) => drop(self.output.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => self.open = false,
            }
        }
        true
    }

    /// Reads once and hands over the moves and pongs that are whole; the number of bytes read.
    pub(crate) fn receive(&mut self, scratch: &mut [u8], mut on_arrival: impl FnMut(Arrival)) -> io::Result<usize> {
        let read = match self.stream.read(scratch) {
            Ok(0) => {
                self.open = false;
                return Ok(0);
            }
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(_) => {
                self.open = false;
                return Ok(0);
            }
        };
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(read);
        self.skip -= skipped as u64;
        let bytes = &scratch[skipped..read];
        if self.input.is_empty() {
            let used = self.take_messages(bytes, &mut on_arrival)?;
            self.keep(&bytes[used..]);
        } else {
            let mut input = std::mem::take(&mut self.input);
            input.extend_from_slice(bytes);
            let used = self.take_messages(&input, &mut on_arrival)?;
            self.keep(&input[used..]);
        }
        Ok(read)
    }

    /// Keeps the beginning of a message. A large one is neither a move nor a pong: its bytes are read and dropped, for it is the server that
    /// is measured, and forty clients on one core would take longer to gather it than the server to send it.
    fn keep(&mut self, bytes: &[u8]) {
        match websocket::length(bytes) {
            Some(length) if length > LARGE => self.skip = length - bytes.len() as u64,
            _ => self.input.extend_from_slice(bytes),
        }
    }

    fn take_messages(&mut self, bytes: &[u8], on_arrival: &mut impl FnMut(Arrival)) -> io::Result<usize> {
        let mut used = 0;
        while let Some(frame) = websocket::parse(&bytes[used..])? {
            let end = used + frame.payload.end;
            match self.dialect.read(frame.opcode, &bytes[used + frame.payload.start..end]) {
                Incoming::Move(x, y) => on_arrival(Arrival::Move(x, y)),
                Incoming::Pong(ping) => on_arrival(Arrival::Pong(ping)),
                Incoming::Answer(opcode, payload) => {
                    websocket::push(&mut self.output, opcode, Some(websocket::MASK), &payload);
                    self.flush();
                }
                Incoming::Close => self.open = false,
                Incoming::Other => {}
            }
            used = end;
        }
        Ok(used)
    }
}
