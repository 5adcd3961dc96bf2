//! How a server is described: its adapter, its hooks and its settings.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::net::{TcpListener, ToSocketAddrs};

use super::{
    Inner, PPServer, agreement::OnConflict, connection::Disconnect, error::Error, handlers::HandlerResult, listener,
    node::Node, socket::Socket, upgrade::Handshake,
};
use crate::{
    adapter::{BoxFuture, MemoryAdapter, PPAdapter},
    schema::Schema,
    wire::frame::{self, Mode},
};

type ConnectHook<S> = Box<dyn Fn(Socket<S>, Handshake) -> BoxFuture<Result<(), Error>> + Send + Sync>;
type DisconnectHook<S> = Box<dyn Fn(Socket<S>, Disconnect) -> BoxFuture<()> + Send + Sync>;

pub(crate) struct Hooks<S: Schema> {
    pub(crate) connect: Option<ConnectHook<S>>,
    pub(crate) disconnect: Option<DisconnectHook<S>>,
}

/// The settings; see the builder's methods.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    pub(crate) queue_limit: usize,
    pub(crate) max_message: usize,
    pub(crate) max_inflated: usize,
    pub(crate) heartbeat: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) flush_interval: Duration,
    pub(crate) room_linger: Duration,
    pub(crate) ask_timeout: Duration,
    pub(crate) on_conflict: OnConflict,
    pub(crate) typescript_nodes: bool,
}

/// Describes a server; from [`PPServer::builder`].
#[must_use = "a builder alone serves nobody: call bind or build on it"]
pub struct PPServerBuilder<S: Schema> {
    adapter: Option<Box<dyn PPAdapter>>,
    hooks: Hooks<S>,
    config: Config,
}

impl<S: Schema> std::fmt::Debug for PPServerBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PPServerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<S: Schema> PPServerBuilder<S> {
    pub(crate) fn new() -> Self {
        Self {
            adapter: None,
            hooks: Hooks { connect: None, disconnect: None },
            config: Config {
                mode: Mode::default(),
                queue_limit: 1 << 20,
                max_message: 1 << 20,
                max_inflated: frame::DEFAULT_MAX_INFLATED,
                heartbeat: Duration::from_secs(30),
                handshake_timeout: Duration::from_secs(10),
                shutdown_timeout: Duration::from_secs(10),
                flush_interval: Duration::ZERO,
                room_linger: Duration::from_secs(5),
                ask_timeout: Duration::from_secs(2),
                on_conflict: OnConflict::default(),
                typescript_nodes: false,
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
    /// [`Error::refused`] tells the client why; other errors are only logged. Either way it gets `__pp_error` and is closed with
    /// code 4003.
    pub fn on_connect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Socket<S>, Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.hooks.connect = Some(Box::new(move |socket, handshake| Box::pin(hook(socket, handshake))));
        self
    }

    /// Called for each client that a connect hook accepted, when its connection has ended. It is still in its rooms, so that
    /// these can be told.
    pub fn on_disconnect<F, Fut, R>(mut self, hook: F) -> Self
    where
        F: Fn(Socket<S>, Disconnect) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        self.hooks.disconnect = Some(Box::new(move |socket, end| {
            let hooked = hook(socket, end);
            Box::pin(async move {
                if let Err(error) = hooked.await.into_result() {
                    tracing::warn!(target: "painda::connect", %error, "the disconnect hook failed");
                }
            })
        }));
        self
    }

    /// The mode that travels in each frame. Default: [`Mode::Chat`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.config.mode = mode;
        self
    }

    /// How many bytes may wait for one client before it is closed as too slow, with code 4008. Default: 1 MiB.
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        self.config.queue_limit = bytes;
        self
    }

    /// The largest message that a client may send, in bytes; a larger one closes it with code 1009. Default: 1 MiB.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.config.max_message = bytes;
        self
    }

    /// How large a compressed payload may become, in bytes. Default: 10 MiB.
    pub fn max_inflated(mut self, bytes: usize) -> Self {
        self.config.max_inflated = bytes;
        self
    }

    /// After how much silence a client is pinged; after as much again it is taken for gone. Default: 30 s.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.config.heartbeat = interval;
        self
    }

    /// How long the request, and then the connect hook, may take. Default: 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.config.handshake_timeout = timeout;
        self
    }

    /// How long [`PPServer::close`] waits for clients. Default: 10 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.config.shutdown_timeout = timeout;
        self
    }

    /// How long frames are collected before they are written: 0, the default, writes at once; 16 ms, a tick of a 60 Hz game,
    /// saves most system calls where much is emitted.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.config.flush_interval = interval;
        self
    }

    /// How long a room's channel is still heard after its last member on this node left. Default: 5 s.
    pub fn room_linger(mut self, linger: Duration) -> Self {
        self.config.room_linger = linger;
        self
    }

    /// How long the other nodes have to answer a question to the cluster, such as [`PPServer::nodes`] or the schema check at
    /// the start. Default: 2 s.
    pub fn ask_timeout(mut self, timeout: Duration) -> Self {
        self.config.ask_timeout = timeout;
        self
    }

    /// What to do where another node's schema contradicts this one's at the start. Default: not to start.
    pub fn on_schema_conflict(mut self, policy: OnConflict) -> Self {
        self.config.on_conflict = policy;
        self
    }

    /// Whether emits also go to nodes of the TypeScript implementation, as JSON on the channel that they hear: a second message
    /// for each emit. Theirs are delivered here in any case. They can't be told of emits to single clients, nor of those with
    /// more than one client excluded. Default: no.
    pub fn typescript_nodes(mut self, present: bool) -> Self {
        self.config.typescript_nodes = present;
        self
    }

    /// Starts the node without a listener: to be mounted as a [service](PPServer::service), or to emit only.
    ///
    /// # Errors
    /// [`Error::Adapter`] where the adapter can't start, [`Error::SchemaConflict`] where another node's schema contradicts this
    /// one's.
    pub async fn build(self) -> Result<PPServer<S>, Error> {
        let adapter = self.adapter.unwrap_or_else(|| Box::new(MemoryAdapter::new()));
        let node = Node::start(self.config, S::registry(), adapter).await?;
        Ok(PPServer { inner: Arc::new(Inner { node, hooks: self.hooks, local_addr: OnceLock::new() }) })
    }

    /// Starts the node and listens for WebSocket clients, on any path of plain HTTP/1.1.
    ///
    /// # Errors
    /// [`Error::Bind`] where the address can't be listened on; as for [`build`](Self::build) otherwise.
    pub async fn bind(self, addr: impl ToSocketAddrs + std::fmt::Debug) -> Result<PPServer<S>, Error> {
        let failed = |source| Error::Bind { addr: format!("{addr:?}"), source: Arc::new(source) };
        let listener = TcpListener::bind(&addr).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let server = self.build().await?;
        let _ = server.inner.local_addr.set(local_addr);
        tokio::spawn(listener::run(server.clone(), listener));
        Ok(server)
    }
}
