//! A relay between an adapter and its Redis, for what can't be done to a Redis itself: it leads new connections to another server, as a
//! host's name does that is pointed elsewhere; it loses the messages of subscriptions, as a proxy does that has reconnected behind
//! one's back; and it keeps quiet about what the server is, as some proxies do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What a message of a subscription begins with, in RESP3.
const MESSAGE: &[u8] = b">3\r\n$7\r\nmessage\r\n";

/// The name of the field of `HELLO` that says what a server is, as it is sent.
const ROLE: &[u8] = b"$4\r\nrole\r\n";

/// A port that leads to a Redis.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    port: AtomicU16,
    accepted: AtomicU64,
    loses_messages: AtomicBool,
    quiet: AtomicBool,
}

impl Relay {
    /// Starts to relay to a port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let (loses_messages, quiet) = (AtomicBool::new(false), AtomicBool::new(false));
        let state = Arc::new(State { port: port.into(), accepted: AtomicU64::new(0), loses_messages, quiet });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                let port = shared.port.load(Ordering::Relaxed);
                let Ok(redis) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let ((mut from_client, to_client), (from_redis, mut to_redis)) =
                    (client.into_split(), redis.into_split());
                tokio::spawn(async move { copy(&mut from_client, &mut to_redis).await });
                tokio::spawn(filter(from_redis, to_client, shared.clone()));
            }
        });
        Self { addr, state }
    }

    /// Leads connections from now on to another port. Connections that there are stay where they are.
    pub fn point_to(&self, port: u16) {
        self.state.port.store(port, Ordering::Relaxed);
    }

    /// The URL that leads through it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    /// How many connections there were so far, and attempts at one.
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::Relaxed)
    }

    /// From now on messages are lost, or are not.
    pub fn lose_messages(&self, lose: bool) {
        self.state.loses_messages.store(lose, Ordering::Relaxed);
    }

    /// From now on nobody is told whether the server is a master.
    pub fn hide_roles(&self) {
        self.state.quiet.store(true, Ordering::Relaxed);
    }
}

async fn filter(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<State>) {
    let mut pending = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut chunk).await {
        pending.extend_from_slice(&chunk[..len]);
        let mut out = Vec::new();
        while let Some((reply, rest)) = split_reply(&pending) {
            let at = out.len();
            if !(state.loses_messages.load(Ordering::Relaxed) && reply.starts_with(MESSAGE)) {
                out.extend_from_slice(reply);
            }
            if state.quiet.load(Ordering::Relaxed)
                && reply.starts_with(b"%")
                && let Some(role) = reply.windows(ROLE.len()).position(|bytes| bytes == ROLE)
            {
                out[at + role..][..ROLE.len()].copy_from_slice(b"$4\r\nnone\r\n");
            }
            pending = rest.to_vec();
        }
        if to.write_all(&out).await.is_err() {
            return;
        }
    }
}

/// The first complete reply, and what follows it.
fn split_reply(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = reply_end(bytes, 0)?;
    Some(bytes.split_at(end))
}

fn reply_end(bytes: &[u8], start: usize) -> Option<usize> {
    let line = start + bytes.get(start..)?.windows(2).position(|two| two == b"\r\n")? + 2;
    let number = || std::str::from_utf8(&bytes[start + 1..line - 2]).ok()?.parse::<usize>().ok();
    match bytes[start] {
        b'$' | b'=' | b'!' => {
            let end = number().map_or(line, |len| line + len + 2);
            (end <= bytes.len()).then_some(end)
        }
        b'*' | b'>' | b'~' => (0..number().unwrap_or(0)).try_fold(line, |at, _| reply_end(bytes, at)),
        b'%' => (0..2 * number().unwrap_or(0)).try_fold(line, |at, _| reply_end(bytes, at)),
        _ => Some(line),
    }
}
