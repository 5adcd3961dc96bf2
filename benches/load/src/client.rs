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

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    dialect: Dialect,
    /// The beginning of a message whose rest has not come.
    input: Vec<u8>,
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
        Ok(Self { stream, dialect, input, output: Vec::new(), open: true })
    }

    /// Sends an event, or queues it where the server does not read.
    pub(crate) fn send_move(&mut self, x: f32, y: f32) {
        self.dialect.push_move(&mut self.output, x, y);
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

    /// Reads once and hands over the events that are whole; the number of bytes read.
    pub(crate) fn receive(&mut self, scratch: &mut [u8], mut on_move: impl FnMut(f32, f32)) -> io::Result<usize> {
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
        if self.input.is_empty() {
            let used = self.take_messages(&scratch[..read], &mut on_move)?;
            self.input.extend_from_slice(&scratch[used..read]);
        } else {
            let mut input = std::mem::take(&mut self.input);
            input.extend_from_slice(&scratch[..read]);
            let used = self.take_messages(&input, &mut on_move)?;
            input.drain(..used);
            self.input = input;
        }
        Ok(read)
    }

    fn take_messages(&mut self, bytes: &[u8], on_move: &mut impl FnMut(f32, f32)) -> io::Result<usize> {
        let mut used = 0;
        while let Some(frame) = websocket::parse(&bytes[used..])? {
            let end = used + frame.payload.end;
            match self.dialect.read(frame.opcode, &bytes[used + frame.payload.start..end]) {
                Incoming::Move(x, y) => on_move(x, y),
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
