//! How a server is described: its adapter, its hooks and its settings.

mod settings;

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::Value;
use tokio::net::{TcpListener, ToSocketAddrs};

use crate::{
    adapter::{MemoryAdapter, PPAdapter},
    random::Random,
    schema::{EventOf, Schema},
    server::{
        cluster::Cluster,
        config::{Config, Framing},
        error::Error,
        fit::OnConflict,
        http::listener::{self, Requests},
        limits::{Limits, ProxyHeader},
        session::{
            disconnect::Disconnect,
            handle::{Handlers, Hooks, Inner, PPServer, Socket},
            handshake::Handshake,
            incoming::Incoming,
            result::HandlerResult,
        },
    },
    wire::frame::Mode,
};

/// Describes a server; from [`PPServer::builder`].
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// use std::time::Duration;
///
/// let builder = PPServer::<Arena>::builder()
///     .on_connect(async |socket, _handshake| socket.join("arena").await)
///     .allowed_origins(["https://arena.example"])
///     .max_messages_per_second(120).max_messages_per_minute(3000)
///     .max_connections_per_address(20)
///     .trusted_proxies(1)
///     .flush_interval(Duration::from_millis(16));
/// ```
#[must_use = "a builder alone serves nobody: call bind or build on it"]
pub struct PPServerBuilder<S: Schema> {
    adapter: Option<Box<dyn PPAdapter>>,
    hooks: Hooks<S>,
    config: Config,
    /// Patterns that nobody has checked yet.
    allowed_origins: Option<Vec<String>>,
}

impl<S: Schema> std::fmt::Debug for PPServerBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PPServerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<S: Schema> PPServer<S> {
    /// Starts to describe a server; every setting has a default.
    pub fn builder() -> PPServerBuilder<S> {
        PPServerBuilder::new()
    }
}

impl<S: Schema> PPServerBuilder<S> {
    pub(crate) fn new() -> Self {
        Self {
            adapter: None,
            hooks: Hooks {
                connect: None,
                disconnect: None,
                auth: None,
                middleware: Vec::new(),
                handlers: Handlers::default(),
            },
            allowed_origins: None,
            config: Config {
                framing: Framing::default(),
                limits: Limits::default(),
                allowed_origins: None,
                heartbeat: Duration::from_secs(30),
                handshake_timeout: Duration::from_secs(10),
                handler_timeout: Duration::from_secs(60),
                shutdown_timeout: Duration::from_secs(10),
                flush_interval: Duration::ZERO,
                room_linger: Duration::from_secs(5),
                ask_timeout: Duration::from_secs(2),
                on_conflict: OnConflict::default(),
                typescript_nodes: false,
                random: Random::default(),
            },
        }
    }

    /// How this node reaches the others. Default: in memory, that is, it is the only one.
    pub fn adapter(mut self, adapter: impl PPAdapter) -> Self {
        self.adapter = Some(Box::new(adapter));
        self
    }

    /// Called for each client before its connection opens: joins it to rooms, sets its handlers, or refuses it by
    /// returning an error. A client that sees its connection open is in its rooms already.
    ///
    /// A hook that has begun runs to its end, also where its client vanishes or the
    /// [time for it](Self::handshake_timeout) is over; where it then accepts the client, the disconnect hook follows.
    ///
    /// [`Error::refused`] tells the client why; other errors are only logged. Either way it gets `__pp_error` and is closed, with
    /// code 4003 unless the error has another one.
    pub fn on_connect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Socket<S>, Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.hooks.connect = Some(Box::new(move |socket, handshake| Box::pin(hook(socket, handshake))));
        self
    }

    /// Calls `handler` for each event of this type that a client sends: those of one client one after another, in the order they came.
    ///
    /// The event must be in the server's schema, or this does not compile. A later handler of the same event replaces
    /// the earlier one; [`Socket::on`] replaces it for one client. A client that sends the event as JSON reaches the same handler. What a
    /// handler returns as an error is logged, and so is a panic; neither closes the connection.
    ///
    /// ```
    /// # use painda_runtime::{PPEvent, PPServer, schema};
    /// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32 }
    /// # schema! { pub Arena { PlayerMove } }
    /// let builder = PPServer::<Arena>::builder()
    ///     .on_connect(async |socket, _handshake| socket.join("arena").await)
    ///     .on(async |socket, moved: PlayerMove| socket.to("arena").emit(&moved));
    /// ```
    pub fn on<E, F, Fut, R>(mut self, handler: F) -> Self
    where
        E: EventOf<S>,
        F: Fn(Socket<S>, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        self.hooks.handlers.on(handler);
        self
    }

    /// Calls `handler` for each event of this name that a client sends, with its payload as JSON: as
    /// [`Socket::on_json`] does for one client.
    pub fn on_json<F, Fut, R>(mut self, name: &str, handler: F) -> Self
    where
        F: Fn(Socket<S>, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        self.hooks.handlers.on_json(name, handler);
        self
    }

    /// Called for each client that a connect hook accepted, when its connection has ended, and after its last handler. The client has
    /// left its rooms; [`Socket::rooms`] still says which they were, so that these can be told. It runs to its end, and
    /// [`PPServer::close`] waits for it.
    pub fn on_disconnect<F, Fut, R>(mut self, hook: F) -> Self
    where
        F: Fn(Socket<S>, Disconnect) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        self.hooks.disconnect = Some(Box::new(move |socket, end| {
            let hooked = hook(socket, end);
            Box::pin(async move { hooked.await.into_result() })
        }));
        self
    }

    /// Called when a client sends `__pp_auth {token}`, which browsers do because they can't set headers. A token in the URL's
    /// query or in the `Authorization` header is for the connect hook: see [`Handshake::token`]. An error closes the client, as
    /// in the connect hook. Without this hook such messages are ignored.
    pub fn on_auth<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Socket<S>, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.hooks.auth = Some(Box::new(move |socket, token| Box::pin(hook(socket, token))));
        self
    }

    /// Called for each message of a client before its handler, in the order in which middleware was added. It passes the
    /// message on, changed or not, or ends its way with an error: [`Error::refused`] tells the client why, by
    /// `__pp_error`; other errors are only logged. The connection stays open.
    ///
    /// ```
    /// use painda_runtime::{Error, PPServer, server::Incoming};
    /// # use painda_runtime::{PPEvent, schema};
    /// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32 }
    /// # schema! { pub Arena { PlayerMove } }
    ///
    /// /// Set by the connect hook.
    /// struct Spectator;
    ///
    /// let builder = PPServer::<Arena>::builder().middleware(async |socket, message: Incoming| {
    ///     match socket.state::<Spectator>() {
    ///         Some(_) => Err(Error::refused("spectators only watch")),
    ///         None => Ok(message),
    ///     }
    /// });
    /// ```
    pub fn middleware<F, Fut>(mut self, middleware: F) -> Self
    where
        F: Fn(Socket<S>, Incoming) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Incoming, Error>> + Send + 'static,
    {
        self.hooks.middleware.push(Box::new(move |socket, message| Box::pin(middleware(socket, message))));
        self
    }

    /// The origins of pages that browsers may connect from. Others are answered 403; a client that sends no `Origin`, and so is no
    /// browser, is let in. Default: any. An empty list lets no browser in.
    ///
    /// | pattern | who is let in |
    /// | --- | --- |
    /// | `https://example.org`, `http://localhost:5173` | pages of this scheme, host and port, as browsers write it: in lower case, without the scheme's own port (80, 443) and without a path |
    /// | `https://*.example.org` | pages of all subdomains, however deep, but not of `example.org` itself |
    /// | `app://host`, `chrome-extension://id`, `file://` | pages of an application's own scheme |
    /// | `null` | pages without an origin: of files, and of sandboxed frames, which anybody can make |
    ///
    /// A pattern that no browser could ever send, such as `https://Example.org/`, is an error of [`build`](Self::build).
    pub fn allowed_origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.allowed_origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    /// The mode that travels in each frame. Default: [`Mode::Chat`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.config.framing.mode = mode;
        self
    }

    /// Deflates payloads of at least so many bytes, once an emit, where that makes them smaller. Default: off, for
    /// WebSocket clients are mostly near and deflating costs more than it saves.
    pub fn compress_from(mut self, bytes: usize) -> Self {
        self.config.framing.deflate_from = Some(bytes);
        self
    }

    /// How many bytes may wait for one client; each frame counts 32 more than it has, which is what queueing it takes. At the
    /// bound, [`Socket::emit`] returns [`Error::QueueFull`], and a `volatile` event is dropped for this client; a `latest` event
    /// takes the place of its predecessor wherever that still waits. An emit to rooms, which nobody can be told of, waits beyond
    /// the bound, up to the [burst](Self::queue_burst), for a [short time](Self::slow_after). Default: 1 MiB.
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).limit = bytes;
        self
    }

    /// How many bytes may wait for one client for a short time, and how large a single event may be, which is sent where nothing
    /// else waits. A client for which more would wait is closed with code 4008. Default: 8 MiB.
    pub fn queue_burst(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).burst = bytes;
        self
    }

    /// For how long more than the [queue's limit](Self::queue_limit) may wait for a client; one that still has not read enough
    /// is closed with code 4008. Default: 10 s.
    pub fn slow_after(mut self, time: Duration) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).slow_after = time;
        self
    }

    /// For how long a client may take nothing of what waits for it, be it ever so little, before it is closed with code 4008: whether it
    /// answers pings or not. Default: 30 s.
    pub fn stalled_after(mut self, time: Duration) -> Self {
        Arc::make_mut(&mut self.config.limits.queue).stalled_after = time;
        self
    }

    /// The largest message that a client may send, in bytes; a larger one closes it with code 1009. At least 16, a frame's
    /// header. Default: 1 MiB.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.config.limits.message = bytes;
        self
    }

    /// How large a compressed payload may become, in bytes; a larger one is answered with `__pp_error`. Default: as large as a
    /// [message](Self::max_message).
    pub fn max_inflated(mut self, bytes: usize) -> Self {
        self.config.limits.inflated = Some(bytes);
        self
    }

    /// How many values the JSON may have that an [`on_json`](Socket::on_json) handler is given, lists and objects included; a
    /// message with more is answered with `__pp_error`. A value takes up to 350 bytes of memory and a few of text, so that text
    /// says little about what a handler holds. What no such handler is for is not counted, and neither are the payloads
    /// of typed events. Default: 10 000.
    pub fn max_json_values(mut self, values: usize) -> Self {
        self.config.limits.json_values = values;
        self
    }

    /// How many messages a client may send per second; 0 is no limit. Further ones are dropped, and the first of them is answered with
    /// `__pp_error` `RATE_LIMITED`; a client of which messages have been dropped in each second for 10 s is closed with code 1008. Pings
    /// and pongs are counted apart; a client that sends more of these is closed at once. Not more than
    /// [a minute](Self::max_messages_per_minute). Default: 1000.
    pub fn max_messages_per_second(mut self, messages: u32) -> Self {
        self.config.limits.per_second = messages;
        self
    }

    /// How many messages a client may send per minute; 0 is no limit. What is over it is dealt with as in
    /// [`max_messages_per_second`](Self::max_messages_per_second). Default: 60 000.
    pub fn max_messages_per_minute(mut self, messages: u32) -> Self {
        self.config.limits.per_minute = messages;
        self
    }

    /// How many bytes a client may send per second, compressed ones counted as what they become, and so is JSON that becomes
    /// binary or, while clients of this node are spoken to in JSON, the reverse; 0 is no limit. One message of the
    /// largest size may come at once, and has to be made up for. What is too much is dropped, as for
    /// [`max_messages_per_second`](Self::max_messages_per_second). Whatever it sends, a client is read at four times this rate at most,
    /// each message, pings among them, counted with 128 bytes more than it has: one that keeps to its limits is never slowed down.
    /// Default: 512 KiB, so that whoever reads 1 MB a second keeps up with whatever another client says.
    pub fn max_bytes_per_second(mut self, bytes: u32) -> Self {
        self.config.limits.bytes_per_second = bytes;
        self
    }

    /// How long a handler, with the middleware before it, may take for one message; 0 is no limit. One that takes longer is dropped
    /// where it waits, and counts as failed. Meanwhile further messages of the client wait, up to 256 of them and as many bytes
    /// as a largest message; then nothing more is read from it, and a client for which that lasts for 3 s, with no handler coming to
    /// an end, is closed with code 1013. Default: 60 s.
    pub fn handler_timeout(mut self, time: Duration) -> Self {
        self.config.handler_timeout = time;
        self
    }

    /// How many rooms a client may be in, 0 meaning none; joining one more is an [`Error::TooManyRooms`]. Default: 1000.
    pub fn max_rooms(mut self, rooms: usize) -> Self {
        self.config.limits.rooms = rooms;
        self
    }

    /// How many clients this node takes, 0 meaning none; further ones are answered 503. A connect hook that goes on when its client has
    /// gone counts as a client. Default: 100 000.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.config.limits.connections = connections;
        self
    }

    /// How many HTTP connections may wait for their client: for its request, the rest of a body, or until it takes an answer. For
    /// one more, the one is closed that has waited longest. WebSockets are not among them, nor are requests that the application
    /// is answering. Not 0. Default: 1000.
    pub fn max_pending(mut self, connections: usize) -> Self {
        self.config.limits.pending = connections;
        self
    }

    /// How many connections one address may have; 0, the default, is no limit. Further ones are closed with code 4029.
    /// IPv6 addresses count by their [network](Self::ipv6_prefix).
    /// Behind a proxy all clients have the proxy's address, unless [`trusted_proxies`](Self::trusted_proxies) says otherwise.
    /// A mounted server learns addresses from a [`SocketAddr`](std::net::SocketAddr) in the request's extensions, or with the feature
    /// `axum` from axum's `ConnectInfo`; clients whose address it does not know are not counted, of which the log warns once.
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.config.limits.connections_per_address = connections;
        self
    }

    /// How many of an IPv6 address' first bits count as one address, 1 to 128: whoever has one address mostly has a whole network.
    /// Default: 64, what one household or one rented machine has.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.config.limits.ipv6_prefix = bits;
        self
    }

    /// How many proxies of your own stand before this server. So many entries at the end of `X-Forwarded-For` or
    /// [`Forwarded`](Self::proxy_header) are believed, and the first of them is the client's address; what a client writes there
    /// itself is not. A client whose address the proxy keeps to itself (`unknown`, `_hidden`), or writes in a way that can't be read,
    /// has none, and is not counted by its address. Each proxy must append what it saw, and be reached only through the one before:
    /// who can go past them can write what it likes. Default: 0.
    pub fn trusted_proxies(mut self, proxies: usize) -> Self {
        self.config.limits.trusted_proxies = proxies;
        self
    }

    /// Which header the [trusted proxies](Self::trusted_proxies) write. Name it where you know it: then a client that writes the other
    /// one changes nothing. Default: [`ProxyHeader::Either`].
    pub fn proxy_header(mut self, header: ProxyHeader) -> Self {
        self.config.limits.proxy_header = header;
        self
    }

    /// After how much silence a client is pinged; after as much again without a byte from it, it is taken for gone. At least 1 ms.
    /// Default: 30 s.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.config.heartbeat = interval;
        self
    }

    /// How long a client may take for its request, and then the connect hook. Any HTTP connection that
    /// [`bind`](Self::bind) or [`PPServer::serve`] has accepted is closed where its client keeps the server waiting for as long: for the
    /// whole head of its next request, for more of a body, or until it takes more of an answer. A client whose hook takes longer is
    /// closed with code 4003. At least 1 ms. Default: 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.config.handshake_timeout = timeout;
        self
    }

    /// How long [`PPServer::close`] waits for clients, before it closes the adapter. Default: 10 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.config.shutdown_timeout = timeout;
        self
    }

    /// How long frames are collected before they are written: 0, the default, writes at once; 16 ms, a tick of a 60 Hz game,
    /// saves most system calls where much is emitted. Less than the [heartbeat](Self::heartbeat), for pings are collected, too.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.config.flush_interval = interval;
        self
    }

    /// How long this node stays subscribed to a room's channel after its last member here has left. Default: 5 s.
    pub fn room_linger(mut self, linger: Duration) -> Self {
        self.config.room_linger = linger;
        self
    }

    /// How long the other nodes have to answer a question to the cluster, such as [`PPServer::nodes`] or the schema check at
    /// the start. At least 1 ms. Default: 2 s.
    pub fn ask_timeout(mut self, timeout: Duration) -> Self {
        self.config.ask_timeout = timeout;
        self
    }

    /// What to do where another node's schema contradicts this one's at the start. Default: not to start.
    pub fn on_schema_conflict(mut self, policy: OnConflict) -> Self {
        self.config.on_conflict = policy;
        self
    }

    /// Whether emits also go to nodes of the TypeScript implementation, as JSON on the channel that they are subscribed to: a second message
    /// for each emit. Theirs are delivered here in any case. They can't be told of emits to single clients, nor of those with
    /// more than one client excluded. Default: no.
    pub fn typescript_nodes(mut self, present: bool) -> Self {
        self.config.typescript_nodes = present;
        self
    }

    /// For simulations: everything that is chosen by chance is the same for the same seed. Ids can be guessed then, so this is never for
    /// a server that strangers can reach.
    #[doc(hidden)]
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.random = Random::seeded(seed);
        self
    }

    /// Starts the node without a listener: to be mounted as a [service](PPServer::service), or to emit only.
    ///
    /// # Errors
    /// [`Error::Config`] for a setting that can't be, [`Error::Adapter`] where the adapter can't start, [`Error::SchemaConflict`] where
    /// another node's schema contradicts this one's.
    pub async fn build(self) -> Result<PPServer<S>, Error> {
        let config = settings::checked(self.config, self.allowed_origins.as_deref())?;
        let adapter = self.adapter.unwrap_or_else(|| Box::new(MemoryAdapter::new()));
        let cluster = Cluster::start(config, S::registry(), adapter).await?;
        Ok(PPServer { inner: Arc::new(Inner { cluster, hooks: self.hooks, local_addr: OnceLock::new() }) })
    }

    /// Starts the node and listens for WebSocket clients, on any path of plain HTTP/1.1. To serve a page or an API on the same
    /// address: [`build`](Self::build), then [`PPServer::serve`].
    ///
    /// # Errors
    /// [`Error::Bind`] where the address can't be listened on; as for [`build`](Self::build) otherwise.
    pub async fn bind(self, addr: impl ToSocketAddrs + std::fmt::Debug) -> Result<PPServer<S>, Error> {
        let failed = |source| Error::Bind { addr: format!("{addr:?}"), source: Arc::new(source) };
        let listener = TcpListener::bind(&addr).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let server = self.build().await?;
        let _ = server.inner.local_addr.set(local_addr);
        tokio::spawn(listener::run(server.clone(), listener, server.service(), Requests::One));
        Ok(server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PPEvent, schema, server::sending::packet::Dialect, wire::audience::Audience};

    #[derive(PPEvent)]
    #[pp(event = "nothing", id = 1, crate = "crate")]
    struct Nothing {}

    schema! {
        Empty { Nothing }
    }

    /// All that is chosen by chance: the ids of the node and of clients, in the order in which emits reach them, and the numbers of questions.
    async fn chosen(describe: fn(PPServerBuilder<Empty>) -> PPServerBuilder<Empty>) -> (Vec<String>, Vec<u64>) {
        let server = describe(PPServer::builder()).build().await.expect("nothing is wrong");
        let (node, peers) = (server.node(), &server.cluster().peers);
        let mut sockets = Vec::new();
        for _ in 0..100 {
            let socket = node.connect(Dialect::V2).expect("random numbers");
            node.join(&socket, "arena").expect("a room").await;
            sockets.push(socket);
        }
        // What comes and goes has a part in the order.
        for socket in sockets.iter().step_by(3) {
            node.leave(socket, "arena").expect("it is connected");
        }
        let reached = [node.pick(&Audience::room("arena")), node.pick(&Audience::default())];
        assert_eq!(reached.each_ref().map(Vec::len), [66, 100]);
        let ids = reached.iter().flatten().map(|socket| socket.id.as_str()).chain([peers.id()]);
        (ids.map(str::to_owned).collect(), (0..10).filter_map(|_| peers.number()).collect())
    }

    #[tokio::test]
    async fn a_seed_gives_the_same_ids_numbers_and_order_in_each_run() {
        let run = chosen(|builder| builder.seed(7)).await;
        assert_eq!(run, chosen(|builder| builder.seed(7)).await);
        let others = [chosen(|builder| builder.seed(8)).await, chosen(|builder| builder).await];
        for (ids, numbers) in others {
            assert!(ids.iter().all(|id| !run.0.contains(id)) && numbers.iter().all(|number| !run.1.contains(number)));
        }
    }
}
