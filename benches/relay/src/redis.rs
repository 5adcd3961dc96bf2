//! Two connections to Redis, by hand: one publishes, one is subscribed to the rooms of this node.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use wire::resp;

#[derive(Debug)]
pub(crate) struct Redis {
    publisher: TcpStream,
    pub(crate) subscriber: TcpStream,
    /// Commands that leave at the end of a turn.
    pending: Vec<u8>,
    input: Vec<u8>,
}

impl Redis {
    pub(crate) fn connect(url: &str) -> io::Result<Self> {
        let addr = url.strip_prefix("redis://").unwrap_or(url);
        let publisher = TcpStream::connect(addr)?;
        let subscriber = TcpStream::connect(addr)?;
        publisher.set_nodelay(true)?;
        subscriber.set_nodelay(true)?;
        subscriber.set_nonblocking(true)?;
        // Redis' answers to PUBLISH are of no interest, and would have to be read.
        (&publisher).write_all(b"CLIENT REPLY OFF\r\n")?;
        Ok(Self { publisher, subscriber, pending: Vec::new(), input: Vec::new() })
    }

    pub(crate) fn subscribe(&mut self, channel: &str) -> io::Result<()> {
        let mut command = Vec::new();
        resp::push_command(&mut command, &[b"SUBSCRIBE", channel.as_bytes()]);
        // So few bytes that the socket takes them.
        self.subscriber.write_all(&command)
    }

    pub(crate) fn publish(&mut self, channel: &str, message: &[u8]) {
        resp::push_command(&mut self.pending, &[b"PUBLISH", channel.as_bytes(), message]);
    }

    /// Writes what was published in this turn.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            self.publisher.write_all(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Reads once and hands over each message with its channel.
    pub(crate) fn receive(&mut self, scratch: &mut [u8], mut on_message: impl FnMut(&[u8], &[u8])) -> io::Result<()> {
        match self.subscriber.read(scratch) {
            Ok(0) => return Err(io::Error::other("Redis closed the connection")),
            Ok(read) => self.input.extend_from_slice(&scratch[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut used = 0;
        while let Some((value, length)) = resp::parse(&self.input[used..])? {
            if let Some((channel, message)) = resp::message(&value) {
                on_message(channel, message);
            }
            used += length;
        }
        self.input.drain(..used);
        Ok(())
    }
}
