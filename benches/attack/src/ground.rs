//! Where it is fought, and the books: how much was sent and how often attackers were thrown out.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use wire::websocket;

/// The node and its Redis, and what was done to them.
#[derive(Debug)]
pub struct Ground {
    node: SocketAddr,
    redis: SocketAddr,
    sent: AtomicU64,
    opened: AtomicU64,
    lost: AtomicU64,
}

impl Ground {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(node: SocketAddr, redis: SocketAddr) -> Self {
        Self { node, redis, sent: AtomicU64::new(0), opened: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// Bytes that attackers have sent.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Connections that attackers have opened, and how many of these the node has closed.
    #[must_use]
    pub fn connections(&self) -> (u64, u64) {
        (self.opened.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed))
    }

    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// A TCP connection to the node.
    pub(crate) fn open(&self) -> io::Result<Connection<'_>> {
        self.connect(self.node)
    }

    /// A TCP connection to the node's Redis.
    pub(crate) fn redis(&self) -> io::Result<Connection<'_>> {
        self.connect(self.redis)
    }

    /// A WebSocket, open.
    pub(crate) fn websocket(&self, path: &str) -> io::Result<Connection<'_>> {
        let mut connection = self.open()?;
        websocket::upgrade(&mut connection, path)?;
        Ok(connection)
    }

    fn connect(&self, to: SocketAddr) -> io::Result<Connection<'_>> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Connection { ground: self, stream })
    }
}

/// One attacker's connection. What it writes is counted.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    ground: &'a Ground,
    stream: TcpStream,
}

impl Connection<'_> {
    /// Sends a WebSocket message.
    pub(crate) fn message(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        websocket::push(&mut frame, opcode, Some(websocket::MASK), payload);
        self.write_all(&frame)
    }

    /// Reads for a while and throws away what comes.
    pub(crate) fn listen(&mut self, time: Duration) -> io::Result<()> {
        let (until, mut buffer) = (Instant::now() + time, vec![0; 64 << 10]);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::ConnectionReset.into()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    }

    /// Makes the receive buffer small, so that little arrives while nothing is read.
    pub(crate) fn shrink_receive_buffer(&self) -> io::Result<()> {
        Ok(set_socket_recv_buffer_size(&self.stream, 4 << 10)?)
    }

    /// Sends something small again and again, until the connection is closed.
    pub(crate) fn drip(&mut self, bytes: &[u8]) -> io::Result<()> {
        loop {
            self.write_all(bytes)?;
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Sends the same as fast as it is taken, until the connection is closed.
    pub(crate) fn flood(&mut self, bytes: &[u8]) -> io::Result<()> {
        loop {
            self.write_all(bytes)?;
        }
    }
}

impl Read for Connection<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.stream.read(out)
    }
}

impl Write for Connection<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.ground.sent.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
