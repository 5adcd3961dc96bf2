//! A real Redis for one test: its own process on its own port, which may be paused, killed and started again.

use std::fmt;
use std::path::Path;
use std::pin::Pin;

use ::redis::aio::{MultiplexedConnection, PubSubStream};
use ::redis::{Client, Cmd, RedisError, Value};
use futures_util::{Stream, StreamExt};
use painda_runtime::RedisAdapter;
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::process::Command;

use crate::process::Process;
use crate::{eventually, topology, within};

/// A `redis-server` without persistence, gone when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    port: Port,
    directory: TempDir,
    options: Vec<String>,
}

impl RedisServer {
    /// Starts a server and waits until it accepts connections.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with options of redis-server's command line.
    pub async fn start_with(options: &[&str]) -> Self {
        let port = Port::reserve();
        let directory = TempDir::new().expect("a temporary directory can be made");
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let process = serve(&port, &directory, &options).await;
        Self { process, port, directory, options }
    }

    /// Starts a sentinel instead, with these settings.
    pub(crate) async fn sentinel(settings: &str) -> Self {
        let port = Port::reserve();
        let directory = TempDir::new().expect("a temporary directory can be made");
        let process = topology::sentinel(&port, &directory, settings).await;
        Self { process, port, directory, options: Vec::new() }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The directory that is its own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where it is, as some settings take it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number)
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
        self.process = serve(&self.port, &self.directory, &self.options).await;
    }

    /// An adapter with the default settings.
    pub async fn adapter(&self) -> RedisAdapter {
        within("an adapter to connect", RedisAdapter::connect(self.url())).await.expect("Redis is there")
    }

    /// Publishes, as a node of another implementation does.
    pub async fn publish(&self, channel: &str, message: &[u8]) {
        self.command(&[b"PUBLISH", channel.as_bytes(), message]).await;
    }

    /// Runs a command, as an operator would.
    pub async fn command(&self, words: &[&[u8]]) -> Value {
        self.command_as(&self.url(), words).await
    }

    /// The same with the URL's user and password.
    pub async fn command_as(&self, url: &str, words: &[&[u8]]) -> Value {
        let what = format!("Redis to answer {}", String::from_utf8_lossy(words[0]));
        within(&what, try_command(url, words)).await.expect("Redis takes the command")
    }

    /// The same, where the server may just be cutting off its clients.
    pub(crate) async fn try_command(&self, words: &[&[u8]]) -> Result<Value, RedisError> {
        try_command(&self.url(), words).await
    }

    /// The names of all keys.
    pub async fn keys(&self) -> Vec<String> {
        ::redis::from_redis_value(self.command(&[b"KEYS", b"*"]).await).expect("names of keys")
    }

    /// Fails unless nothing is left in it.
    pub async fn assert_empty(&self) {
        assert_eq!(self.keys().await, [""; 0], "these keys are left");
    }

    /// A connection that is let in now, and stays.
    pub async fn admin(&self) -> Admin {
        let client = self.client();
        let connection = within("Redis to let us in", client.get_multiplexed_async_connection()).await;
        Admin { connection: connection.expect("our own Redis lets us in") }
    }

    /// Records every message that is published from now on.
    pub async fn tap(&self) -> Tap {
        let client = self.client();
        let subscribing = async {
            let mut pubsub = client.get_async_pubsub().await.expect("our own Redis accepts a subscriber");
            pubsub.psubscribe("*").await.expect("Redis accepts a pattern");
            pubsub
        };
        Tap { messages: within("a subscription to everything", subscribing).await.into_on_message() }
    }

    /// Records every command that is executed from now on, as Redis' MONITOR prints it.
    pub async fn monitor(&self) -> Monitor {
        let client = self.client();
        let monitor = within("Redis to be monitored", client.get_async_monitor()).await;
        Monitor { lines: Box::pin(monitor.expect("our own Redis accepts a monitor").into_on_message()) }
    }

    fn client(&self) -> Client {
        Client::open(self.url()).expect("our own address is well-formed")
    }
}

async fn serve(port: &Port, directory: &TempDir, options: &[String]) -> Process {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.number.to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(directory.path()).args(options);
    let mut process = Process::start(&mut command);
    process.find_line("Redis to be ready", |line| line.contains("Ready to accept connections").then_some(())).await;
    process
}

/// A port that is ours, also while nobody listens on it.
///
/// The socket is bound and never listens. A search for a free port finds this one taken; only a server that binds
/// it by its number and with `SO_REUSEADDR`, as Redis does, gets it. So parallel tests cannot take it from each other,
/// nor can an outgoing connection while Redis is down.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _reservation: TcpSocket,
}

impl Port {
    /// Finds a free one.
    pub fn reserve() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("the system has a free port");
        // Only after the choice: before it, the system might choose a port that is reserved in the same way.
        socket.set_reuseaddr(true).expect("a socket can be shared");
        let number = socket.local_addr().expect("a bound socket has an address").port();
        Self { number, _reservation: socket }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// A connection of an operator, which stays when passwords change or no more clients are let in.
#[derive(Debug)]
pub struct Admin {
    connection: MultiplexedConnection,
}

impl Admin {
    /// Runs a command, its words with spaces in between.
    pub async fn tell(&mut self, words: &str) -> Value {
        let mut command = Cmd::new();
        for word in words.split(' ') {
            command.arg(word);
        }
        within(words, command.query_async(&mut self.connection)).await.expect("Redis takes the command")
    }

    /// Waits until a number of `INFO` is at least so large; what Redis does not show is 0.
    pub async fn info_reaches(&mut self, section: &str, field: &str, least: u64) {
        let what = format!("{field} to reach {least}");
        eventually(&what, async || self.info(section, field).await >= least).await;
    }

    /// A number of `INFO`; what Redis does not show is 0.
    pub async fn info(&mut self, section: &str, field: &str) -> u64 {
        info_number(&text(&self.tell(&format!("INFO {section}")).await), field)
    }
}

/// The number of a field in the text of `INFO`, given with all that stands before the number; what is not there is 0.
pub fn info_number(info: &str, field: &str) -> u64 {
    let number = info.split_once(field).map_or("", |(_, rest)| rest.lines().next().unwrap_or_default());
    number.parse().unwrap_or_default()
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

async fn try_command(url: &str, words: &[&[u8]]) -> Result<Value, RedisError> {
    let client = Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut command = Cmd::new();
    for word in words {
        command.arg(word);
    }
    command.query_async(&mut connection).await
}

/// The text of an answer; a list's parts one after another.
pub fn text(answer: &Value) -> String {
    match answer {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Array(parts) | Value::Set(parts) => parts.iter().map(text).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}
