//! A real Redis for one test: its own process on its own port, which may be paused, killed and started again.

use std::fmt;
use std::pin::Pin;

use ::redis::aio::PubSubStream;
use ::redis::{Client, Cmd, Value};
use futures_util::{Stream, StreamExt};
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::process::Command;

use crate::process::Process;
use crate::within;

/// A `redis-server` without persistence, gone when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    port: Port,
    directory: TempDir,
}

impl RedisServer {
    /// Starts a server and waits until it accepts connections.
    pub async fn start() -> Self {
        let port = Port::reserve();
        let directory = TempDir::new().expect("a temporary directory can be made");
        let process = serve(&port, &directory).await;
        Self { process, port, directory }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port.number)
    }

    /// Stops it in its tracks (SIGSTOP): connections stay open, commands get no answer.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Kills it (SIGKILL): connections break, new ones are refused, all data is lost.
    pub async fn kill(&mut self) {
        self.process.kill9().await;
    }

    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        self.process = serve(&self.port, &self.directory).await;
    }

    /// Publishes, as a node of another implementation does.
    pub async fn publish(&self, channel: &str, message: &[u8]) {
        self.command(&[b"PUBLISH", channel.as_bytes(), message]).await;
    }

    /// Runs a command, as an operator would.
    pub async fn command(&self, words: &[&[u8]]) -> Value {
        let client = self.client();
        let connecting = client.get_multiplexed_async_connection();
        let mut connection =
            within("Redis to accept a connection", connecting).await.expect("our own Redis accepts us");
        let mut command = Cmd::new();
        for word in words {
            command.arg(word);
        }
        let what = format!("Redis to answer {}", String::from_utf8_lossy(words[0]));
        within(&what, command.query_async(&mut connection)).await.expect("Redis takes the command")
    }

    /// Records every message that is published from now on.
    pub async fn tap(&self) -> Tap {
        let mut pubsub = self.client().get_async_pubsub().await.expect("our own Redis accepts a subscriber");
        pubsub.psubscribe("*").await.expect("Redis accepts a pattern");
        Tap { messages: pubsub.into_on_message() }
    }

    /// Records every command that is executed from now on, as Redis' MONITOR prints it.
    pub async fn monitor(&self) -> Monitor {
        let monitor = self.client().get_async_monitor().await.expect("our own Redis accepts a monitor");
        Monitor { lines: Box::pin(monitor.into_on_message()) }
    }

    fn client(&self) -> Client {
        Client::open(self.url()).expect("our own address is well-formed")
    }
}

async fn serve(port: &Port, directory: &TempDir) -> Process {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.number.to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(directory.path());
    let mut process = Process::start(&mut command);
    process.find_line("Redis to be ready", |line| line.contains("Ready to accept connections").then_some(())).await;
    process
}

/// A port that is ours, also while nobody listens on it.
///
/// The socket is bound and never listens. Whoever looks for a free port finds this one taken; only a server that binds
/// it by its number and with `SO_REUSEADDR`, as Redis does, gets it. So parallel tests cannot take it from each other,
/// nor can an outgoing connection while Redis is down.
#[derive(Debug)]
struct Port {
    number: u16,
    _reservation: TcpSocket,
}

impl Port {
    fn reserve() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("the system has a free port");
        // Only after the choice: before it, the system might choose a port that is reserved in the same way.
        socket.set_reuseaddr(true).expect("a socket can be shared");
        let number = socket.local_addr().expect("a bound socket has an address").port();
        Self { number, _reservation: socket }
    }
}

/// Every message that was published, in the order in which Redis saw them.
pub struct Tap {
    messages: PubSubStream,
}

impl Tap {
    /// The next message, and its channel.
    pub async fn next(&mut self) -> (String, Vec<u8>) {
        let message = within("a message on Redis", self.messages.next()).await.expect("Redis still runs");
        (message.get_channel_name().to_owned(), message.get_payload_bytes().to_vec())
    }

    /// The next message on one channel.
    pub async fn next_on(&mut self, channel: &str) -> Vec<u8> {
        let what = format!("a message on {channel}");
        let search = async {
            loop {
                let (name, bytes) = self.next().await;
                if name == channel {
                    return bytes;
                }
            }
        };
        within(&what, search).await
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}

/// Every command that was executed, in order.
pub struct Monitor {
    lines: Pin<Box<dyn Stream<Item = String> + Send>>,
}

impl Monitor {
    /// The next command that has all these words, in its line as Redis prints it: `<time> [<db> <address>] "PUBLISH" …`.
    pub async fn next_with(&mut self, words: &[&str]) -> String {
        let what = format!("a command with {words:?}");
        let search = async {
            loop {
                let line = self.lines.next().await.expect("Redis still runs");
                if words.iter().all(|word| line.contains(word)) {
                    return line;
                }
            }
        };
        within(&what, search).await
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}
