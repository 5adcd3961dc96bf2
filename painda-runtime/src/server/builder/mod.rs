//! How a server is described, and started: its adapter, its [hooks](hooks), its [limits](limits) and its other settings.

mod hooks;
mod limits;
mod settings;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::net::{TcpListener, ToSocketAddrs};

use crate::{
    adapter::{MemoryAdapter, PPAdapter},
    random::Random,
    schema::Schema,
    server::{
        cluster::Cluster,
        config::Config,
        error::Error,
        fit::OnConflict,
        http::listener::{self, Requests},
        session::handle::{Hooks, Inner, PPServer},
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
        PPServerBuilder { adapter: None, hooks: Hooks::default(), allowed_origins: None, config: Config::default() }
    }
}

impl<S: Schema> PPServerBuilder<S> {
    /// How this node reaches the others. Default: in memory, that is, it is the only one.
    pub fn adapter(mut self, adapter: impl PPAdapter) -> Self {
        self.adapter = Some(Box::new(adapter));
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
