//! A WebSocket client that can break every rule: it writes the bytes it is told, and reads frames.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::within;

/// The first byte of a frame: final, without reserved bits.
pub const FIN: u8 = 0x80;
/// The opcode of a continued message.
pub const CONTINUE: u8 = 0;
/// The opcode of text.
pub const TEXT: u8 = 1;
/// The opcode of binary data.
pub const BINARY: u8 = 2;
/// The opcode of a close.
pub const CLOSE: u8 = 8;
/// The opcode of a ping.
pub const PING: u8 = 9;
/// The opcode of a pong.
pub const PONG: u8 = 10;

/// One TCP connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects, and says nothing.
    pub async fn open(addr: impl tokio::net::ToSocketAddrs) -> Self {
        Self { stream: within("a connection", TcpStream::connect(addr)).await.expect("the node listens") }
    }

    /// Connects, and sends a handshake, whose answer it does not read.
    pub async fn knock(addr: impl tokio::net::ToSocketAddrs, path: &str, headers: &str) -> Self {
        let mut raw = Self::open(addr).await;
        raw.write(handshake(path, headers).as_bytes()).await;
        raw
    }

    /// Connects, and shakes hands with further headers; returns the status line as well.
    pub async fn handshake(addr: impl tokio::net::ToSocketAddrs, headers: &str) -> (Self, String) {
        let mut raw = Self::knock(addr, "/", headers).await;
        let head = raw.head().await;
        (raw, head.lines().next().unwrap_or_default().to_owned())
    }

    /// Connects, asks for a page, and returns the whole answer.
    pub async fn get(addr: impl tokio::net::ToSocketAddrs, path: &str) -> String {
        let mut raw = Self::open(addr).await;
        raw.write(format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").as_bytes()).await;
        raw.rest().await
    }

    /// The head of the next answer of HTTP.
    pub async fn head(&mut self) -> String {
        self.head_if_any().await.expect("an answer")
    }

    /// The same, or nothing where the node closes the connection instead.
    pub async fn head_if_any(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("the answer's head", self.stream.read_u8()).await.ok()?);
        }
        Some(String::from_utf8(head).expect("a head is ASCII"))
    }

    /// The next `count` bytes.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        within("bytes from the node", self.stream.read_exact(&mut bytes)).await.expect("bytes");
        bytes
    }

    /// Connects as an ordinary client does.
    pub async fn connect(addr: impl tokio::net::ToSocketAddrs) -> Self {
        let (raw, status) = Self::handshake(addr, "").await;
        assert_eq!(status, "HTTP/1.1 101 Switching Protocols");
        raw
    }

    /// Writes bytes; a node that has closed already does not mind.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = within("the node to take bytes", self.stream.write_all(bytes)).await;
    }

    /// Writes a byte now and then, until the node closes the connection.
    pub async fn trickle(&mut self) {
        let trickling = async {
            loop {
                tokio::select! {
                    read = self.stream.read_u8() => if read.is_err() { return },
                    () = tokio::time::sleep(Duration::from_millis(10)) => { let _ = self.stream.write_all(b"x").await; }
                }
            }
        };
        within("the node to close the connection", trickling).await;
    }

    /// Writes a masked frame with this first byte.
    pub async fn frame(&mut self, first: u8, payload: &[u8]) {
        self.write(&masked(first, payload)).await;
    }

    /// The next frame: its first byte and its payload; `None` at the connection's end.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        within("a frame from the node", self.read()).await
    }

    async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, len) = frame_head(&mut self.stream).await?;
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first, payload))
    }

    /// Reads on until the node closes the connection, and returns the code.
    pub async fn close_code(&mut self) -> u16 {
        let reading = async {
            loop {
                match self.read().await.expect("the node says why it closes") {
                    (first, payload) if first == FIN | CLOSE => return u16::from_be_bytes([payload[0], payload[1]]),
                    _ => {}
                }
            }
        };
        within("the node to close the connection", reading).await
    }

    /// Everything that comes until the node closes the connection, as text.
    pub async fn rest(&mut self) -> String {
        let mut text = String::new();
        within("the node's answer", self.stream.read_to_string(&mut text)).await.expect("text");
        text
    }

    /// Waits until the node has let go of the connection.
    pub async fn ended(&mut self) {
        let reading = async { while self.read().await.is_some() {} };
        within("the node to let go of the connection", reading).await;
    }
}

/// The head of the next frame of a server: its first byte and its payload's length; `None` at the connection's end.
pub async fn frame_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, usize)> {
    let first = stream.read_u8().await.ok()?;
    let len = match stream.read_u8().await.ok()? {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        len => u64::from(len),
    };
    Some((first, usize::try_from(len).expect("a server's frame fits memory")))
}

/// The handshake of an ordinary client for a path, with further headers, each of which ends with `\r\n`.
pub fn handshake(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// A masked frame with this first byte.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}
