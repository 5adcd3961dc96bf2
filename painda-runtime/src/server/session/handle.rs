//! What the application holds: a server and its sockets, and the hooks and handlers that it has given them.
//!
//! These types refer to each other, so all stand here; how handlers are called is in `handlers`.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    fmt,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use parking_lot::RwLock;
use serde_json::Value;

use super::{
    disconnect::Disconnect,
    handshake::Handshake,
    incoming::{Incoming, Refusal},
    json::JsonText,
    result::HandlerResult,
};
use crate::{
    adapter::BoxFuture,
    schema::{EventOf, Schema},
    server::{
        cluster::{Answer, Cluster, NodeInfo},
        error::Error,
        fit::SchemaFit,
        node::{Node, check_room},
        sending::{core::SocketCore, packet::Packet, policy::Pushed},
        stats::ServerStats,
    },
    target::Target,
    wire::audience::Audience,
};

/// A node of a real-time service: WebSocket clients in rooms, and emits that reach all nodes.
///
/// `S` is the schema: only its events can be emitted and handled. Cheap to clone; all clones are the same server, which
/// goes on until [`close`](Self::close) is called or the runtime ends. Without a listener it is still a node that can
/// emit: see [`PPServerBuilder::build`](crate::server::PPServerBuilder::build).
pub struct PPServer<S: Schema> {
    pub(crate) inner: Arc<Inner<S>>,
}

pub(crate) struct Inner<S: Schema> {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) hooks: Hooks<S>,
    pub(crate) local_addr: OnceLock<SocketAddr>,
}

impl<S: Schema> Clone for PPServer<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<S: Schema> fmt::Debug for PPServer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PPServer")
            .field("schema", &S::NAME)
            .field("local_addr", &self.local_addr())
            .field("connections", &self.node().connections())
            .finish_non_exhaustive()
    }
}

impl<S: Schema> PPServer<S> {
    /// The address that it listens on; none where it was built without a listener.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.inner.local_addr.get().copied()
    }

    /// A target for emits: a room's members on all nodes.
    pub fn to<'a>(&'a self, room: &'a str) -> Target<'a, Self> {
        Target::new(self, Audience::room(room))
    }

    /// Sends an event to everybody on all nodes.
    ///
    /// # Errors
    /// See [`Target::emit`].
    pub fn broadcast<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        self.everybody().emit(event)
    }

    /// Sends a named event with a JSON payload to everybody on all nodes.
    ///
    /// # Errors
    /// See [`Target::emit_json`].
    pub fn broadcast_json(&self, name: &str, payload: &serde_json::Value) -> Result<(), Error> {
        self.everybody().emit_json(name, payload)
    }

    /// This node's id in the cluster: 16 characters, another one at each start.
    #[must_use]
    pub fn node_id(&self) -> &str {
        self.cluster().peers.id()
    }

    /// A target for emits: one client, whatever node it is on.
    pub fn client<'a>(&'a self, id: &'a str) -> Target<'a, Self> {
        Target::new(self, Audience::client(id))
    }

    /// A target for emits: everybody on all nodes.
    pub fn everybody(&self) -> Target<'_, Self> {
        Target::new(self, Audience::default())
    }

    /// The nodes of the cluster, this one included.
    pub async fn nodes(&self) -> Answer<Vec<NodeInfo>> {
        self.cluster().nodes().await
    }

    /// The ids of a room's members on all nodes, those of the TypeScript implementation included, as the adapter keeps them.
    ///
    /// # Errors
    /// [`Error::Adapter`] where the backend can't be reached, [`Error::InvalidName`] for a name that can't be a room's.
    pub async fn members(&self, room: &str) -> Result<HashSet<String>, Error> {
        Ok(self.node().adapter().get_clients_in_room(check_room(room)?).await?)
    }

    /// The rooms that a client is in, whatever node it is on, as the adapter keeps them.
    ///
    /// # Errors
    /// [`Error::Adapter`] where the backend can't be reached.
    pub async fn rooms_of(&self, client_id: &str) -> Result<HashSet<String>, Error> {
        Ok(self.node().adapter().get_client_rooms(client_id).await?)
    }

    /// What it holds now, and what it has counted.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.node().stats()
    }

    /// How this node's schema fits those of the nodes that were there when it joined.
    #[must_use]
    pub fn schema_fit(&self) -> SchemaFit {
        self.cluster().fit()
    }

    /// Stops gracefully: no new clients; each client is sent `__pp_shutdown {reason, timeoutMs}`, gets what is queued for it, and
    /// is closed with code 1001; their disconnect hooks run to their end; then the adapter is closed. Clients that have not gone by the
    /// [shutdown timeout](crate::server::PPServerBuilder::shutdown_timeout) are cut off; the Redis adapter then takes up to 2 seconds to send what is
    /// queued and to leave the rooms. Leave as much time before a process is killed.
    ///
    /// The close begins with the call, and goes on also where the future is dropped: a handler may call it. All calls end alike.
    ///
    /// # Errors
    /// [`Error::Adapter`] where the adapter could not be closed in order; the clients are gone all the same.
    pub fn close(&self) -> impl Future<Output = Result<(), Error>> + Send + use<S> {
        self.node().close("the server stops")
    }

    /// Ends when the server begins to close, so that other work can stop too. The future of [`close`](Self::close) ends when it has closed.
    pub async fn closing(&self) {
        loop {
            let changed = self.node().changed.notified();
            if self.node().is_closing() {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn cluster(&self) -> &Arc<Cluster> {
        &self.inner.cluster
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.inner.cluster.node
    }

    pub(crate) fn hooks(&self) -> &Hooks<S> {
        &self.inner.hooks
    }
}

/// A connected client: what a connect hook gets, and every handler.
///
/// Cheap to clone and to keep; emits to a client that has gone return [`Error::Disconnected`], and emits through it to
/// others still work.
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// use painda_runtime::server::Handshake;
/// use serde_json::Value;
///
/// /// Who a client is.
/// struct User(String);
///
/// async fn welcome(socket: Socket<Arena>, handshake: Handshake) -> Result<(), Error> {
///     let name = handshake.query("name").ok_or_else(|| Error::refused("tell us your name"))?;
///     socket.set_state(User(name));
///     socket.join("lobby").await?;
///     socket.on(async |socket, moved: PlayerMove| socket.to("lobby").emit(&moved));
///     socket.on_json("leave", async |socket: Socket<Arena>, _: Value| {
///         socket.leave("lobby").await?;
///         socket.close(4000, "bye");
///         Ok(())
///     });
///     socket.emit(&PlayerMove { x: 0.0, y: 0.0 })
/// }
///
/// let builder = PPServer::<Arena>::builder().on_connect(welcome);
/// ```
pub struct Socket<S: Schema> {
    pub(crate) session: Arc<Session<S>>,
}

pub(crate) struct Session<S: Schema> {
    pub(crate) core: Arc<SocketCore>,
    pub(crate) server: PPServer<S>,
    /// Those that were set for this socket alone.
    pub(crate) handlers: OwnHandlers<S>,
    /// The client's address.
    pub(crate) address: Option<IpAddr>,
    /// The id of the event that is being handled, or was last; 0 for one that the schema does not have.
    pub(crate) handling: AtomicU16,
    /// By how many bytes its messages are larger when they are sent on than when they came; not yet counted by its rate.
    pub(crate) growth: AtomicUsize,
    /// What the application keeps with the client.
    pub(crate) state: RwLock<Option<Arc<dyn Any + Send + Sync>>>,
}

impl<S: Schema> Session<S> {
    pub(crate) fn new(core: Arc<SocketCore>, server: PPServer<S>, address: Option<IpAddr>) -> Self {
        let (handlers, handling, growth) = (OwnHandlers::default(), AtomicU16::new(0), AtomicUsize::new(0));
        Self { core, server, handlers, address, handling, growth, state: RwLock::new(None) }
    }

    /// Counts by how much a message is larger when it is sent on. No frame is larger than the burst.
    pub(crate) fn count_growth(&self, received: usize, sent: usize) {
        let sent = sent.min(self.server.node().config.limits.queue.burst);
        self.growth.fetch_add(sent.saturating_sub(received), Ordering::Relaxed);
    }
}

impl<S: Schema> Clone for Socket<S> {
    fn clone(&self) -> Self {
        Self { session: self.session.clone() }
    }
}

impl<S: Schema> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl<S: Schema> Socket<S> {
    pub(crate) fn new(session: Arc<Session<S>>) -> Self {
        Self { session }
    }

    /// The client's id: 16 characters, unguessable, the same on all nodes.
    #[must_use]
    pub fn id(&self) -> &str {
        self.session.core.id.as_str()
    }

    /// The server that the client is connected to.
    #[must_use]
    pub fn server(&self) -> &PPServer<S> {
        &self.session.server
    }

    /// Keeps something of the application's with the client, such as who it is; mostly called by the connect hook. It takes the
    /// place of what was kept before, and is dropped with the last clone of this socket.
    pub fn set_state<T: Send + Sync + 'static>(&self, state: T) {
        *self.session.state.write() = Some(Arc::new(state));
    }

    /// What [`set_state`](Self::set_state) keeps; none where nothing is kept, or something of another type.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.session.state.read().clone()?.downcast().ok()
    }

    /// Puts the client into a room. Emits to the room on this node reach it from now on; when the future ends, those on
    /// other nodes do too. While the backplane is away the future ends at once: remote emits follow when it is back.
    ///
    /// # Errors
    /// [`Error::InvalidName`] for a name that is empty, over 255 bytes or begins with `__pp_`; [`Error::TooManyRooms`] at the
    /// [limit](crate::server::PPServerBuilder::max_rooms); [`Error::Disconnected`] where the client has gone.
    pub fn join(&self, room: &str) -> impl Future<Output = Result<(), Error>> + Send + use<S> {
        let joining = self.session.server.node().join(&self.session.core, room);
        async move {
            joining?.await;
            Ok(())
        }
    }

    /// Takes the client out of a room; nothing happens where it was not in it.
    ///
    /// # Errors
    /// [`Error::InvalidName`] and [`Error::Disconnected`], as for [`join`](Self::join).
    pub fn leave(&self, room: &str) -> impl Future<Output = Result<(), Error>> + Send + use<S> {
        let left = self.session.server.node().leave(&self.session.core, room);
        async move { left }
    }

    /// The rooms that the client is in; once it has gone, those that it was in then.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.session.core.rooms.lock().names.iter().map(|room| room.to_string()).collect()
    }

    /// Calls `handler` for each event of this type that this client sends, instead of the one that the server has for
    /// [all sockets](crate::server::PPServerBuilder::on): for what only some clients may do, or what captures something of one client. Otherwise
    /// set a handler once for all; it costs less memory.
    ///
    /// The event must be in the server's schema, or this does not compile. A later handler of the same event replaces
    /// the earlier one. A client that sends the event as JSON reaches the same handler. What a handler returns as an
    /// error is logged, and so is a panic; neither closes the connection.
    pub fn on<E, F, Fut, R>(&self, handler: F)
    where
        E: EventOf<S>,
        F: Fn(Socket<S>, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        self.session.handlers.set(|table| table.on(handler));
    }

    /// Calls `handler` for each event of this name that the client sends, with its payload as JSON: the way out for events that
    /// no schema has. For an event of the schema the payload is converted by its descriptor. A payload of more values than
    /// [`max_json_values`](crate::server::PPServerBuilder::max_json_values) is refused.
    pub fn on_json<F, Fut, R>(&self, name: &str, handler: F)
    where
        F: Fn(Socket<S>, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: HandlerResult,
    {
        self.session.handlers.set(|table| table.on_json(name, handler));
    }

    /// Sends an event to this client.
    ///
    /// # Errors
    /// [`Error::QueueFull`] where as much waits for the client as its [queue](crate::server::PPServerBuilder::queue_limit) holds: it was not
    /// sent, and the client stays; wait for [`drained`](Self::drained). [`Error::TooLarge`] where it is larger than may ever wait,
    /// and [`Error::Disconnected`] where the client has gone.
    pub fn emit<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        let node = self.session.server.node();
        self.send(&Packet::event(node.framing(), event)?)
    }

    /// Sends a named event with a JSON payload to this client.
    ///
    /// # Errors
    /// As for [`emit`](Self::emit), and [`Error::InvalidName`] or [`Error::Json`] where name or payload can't be sent.
    pub fn emit_json(&self, name: &str, payload: &Value) -> Result<(), Error> {
        let packet = self.session.server.node().json_packet(name, payload)?;
        self.send(&packet)
    }

    fn send(&self, packet: &Packet) -> Result<(), Error> {
        let node = self.session.server.node();
        node.check_size(packet)?;
        match node.push(&self.session.core, packet) {
            // Its own form of the event is larger than the usual one.
            Pushed::TooLarge => {
                let queue = &node.config.limits.queue;
                let len = packet.frame_len(self.session.core.dialect(), node.registry, queue.largest());
                Err(Error::TooLarge { len, limit: queue.burst })
            }
            Pushed::Full => Err(Error::QueueFull { limit: node.config.limits.queue.limit }),
            Pushed::Closed => Err(Error::Disconnected),
            _ => Ok(()),
        }
    }

    /// How many bytes wait for the client: what it has been sent and its connection has not taken, as
    /// [the queue's limit](crate::server::PPServerBuilder::queue_limit) counts it.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.session.core.outbox.queued_bytes()
    }

    /// Waits until no more than half of the [queue](crate::server::PPServerBuilder::queue_limit) waits for the client: the way to send more
    /// than it holds.
    ///
    /// ```
    /// # use painda_runtime::{Error, PPEvent, Socket, schema};
    /// # #[derive(PPEvent)] #[pp(event = "tile", id = 1)] pub struct Tile { pixels: Vec<u8> }
    /// # schema! { pub Map { Tile } }
    /// async fn send_all(socket: &Socket<Map>, tiles: &[Tile]) -> Result<(), Error> {
    ///     for tile in tiles {
    ///         socket.drained().await?;
    ///         socket.emit(tile)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Disconnected`] where the client has gone; [`Error::QueueFull`] in the connect hook, when nothing is written yet.
    pub async fn drained(&self) -> Result<(), Error> {
        match self.session.core.outbox.drained().await {
            Pushed::Queued => Ok(()),
            Pushed::Full => Err(Error::QueueFull { limit: self.server().node().config.limits.queue.limit }),
            _ => Err(Error::Disconnected),
        }
    }

    /// Waits until the client has gone: for handlers that would otherwise go on for a client that is not there any more. A handler
    /// has 5 s from then on, after which its future is dropped.
    pub async fn disconnected(&self) {
        self.session.core.outbox.ended().await;
    }

    pub(crate) fn core(&self) -> &Arc<SocketCore> {
        &self.session.core
    }

    /// A target for emits: a room's members on all nodes, without this client.
    pub fn to<'a>(&'a self, room: &'a str) -> Target<'a, PPServer<S>> {
        Target::new(&self.session.server, Audience::room(room)).except_socket(self.id())
    }

    /// Sends an event to everybody on all nodes but this client.
    ///
    /// # Errors
    /// See [`Target::emit`].
    pub fn broadcast<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        Target::new(&self.session.server, Audience::default()).except_socket(self.id()).emit(event)
    }

    /// Closes the connection after what is queued has been sent.
    ///
    /// `code` is a WebSocket close code; applications use 4000–4999. One that [can't be sent](crate::server::close_code::is_sendable) becomes 1000.
    /// The reason is cut at 123 bytes.
    pub fn close(&self, code: u16, reason: &str) {
        self.session.core.close(code, reason);
    }
}

type ConnectHook<S> = Box<dyn Fn(Socket<S>, Handshake) -> BoxFuture<Result<(), Error>> + Send + Sync>;
type DisconnectHook<S> = Box<dyn Fn(Socket<S>, Disconnect) -> BoxFuture<Result<(), Error>> + Send + Sync>;
type AuthHook<S> = Box<dyn Fn(Socket<S>, String) -> BoxFuture<Result<(), Error>> + Send + Sync>;
type Middleware<S> = Box<dyn Fn(Socket<S>, Incoming) -> BoxFuture<Result<Incoming, Error>> + Send + Sync>;

pub(crate) struct Hooks<S: Schema> {
    pub(crate) connect: Option<ConnectHook<S>>,
    pub(crate) disconnect: Option<DisconnectHook<S>>,
    pub(crate) auth: Option<AuthHook<S>>,
    pub(crate) middleware: Vec<Middleware<S>>,
    pub(crate) handlers: Handlers<S>,
}

pub(crate) type Call = BoxFuture<Result<(), Error>>;
/// A handler makes what it wants of the payload: bytes for an event, JSON text for a name.
pub(crate) type Handler<S, P> = Arc<dyn Fn(Socket<S>, P) -> Result<Call, Refusal> + Send + Sync>;

impl<S: Schema> Default for Hooks<S> {
    fn default() -> Self {
        Self { connect: None, disconnect: None, auth: None, middleware: Vec::new(), handlers: Handlers::default() }
    }
}

/// A handler for each event or name.
pub(crate) struct Handlers<S: Schema> {
    pub(crate) by_id: HashMap<u16, Handler<S, Bytes>>,
    pub(crate) by_name: HashMap<Box<str>, Handler<S, JsonText>>,
}

/// The handlers of one socket, which come before those of all.
pub(crate) struct OwnHandlers<S: Schema>(pub(crate) RwLock<OwnTable<S>>);

#[derive(Default)]
pub(crate) enum OwnTable<S: Schema> {
    /// Most sockets have no handlers of their own.
    #[default]
    None,
    Some(Box<Handlers<S>>),
    /// The connection has ended. A handler that holds its socket would keep it for ever.
    Ended,
}
