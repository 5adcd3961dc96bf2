//! What can be done with a socket: one connected client, as the application sees it.

use std::{
    future::Future,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
};

use parking_lot::RwLock;
use serde_json::Value;

use super::{
    core::SocketCore,
    emit::Target,
    error::Error,
    handle::{OwnHandlers, PPServer, Session, Socket},
    handlers::HandlerResult,
    outbox::Pushed,
    packet::Packet,
};
use crate::{
    schema::{EventOf, Schema},
    wire::audience::Audience,
};

impl<S: Schema> Session<S> {
    pub(crate) fn new(core: Arc<SocketCore>, server: PPServer<S>, address: Option<IpAddr>) -> Self {
        let (handlers, handling, owed) = (OwnHandlers::default(), AtomicU16::new(0), AtomicUsize::new(0));
        Self { core, server, handlers, address, handling, owed, state: RwLock::new(None) }
    }

    /// A message of the client's that came with so many bytes may leave with so many. No frame is larger than the burst.
    pub(crate) fn owe(&self, came: usize, leaves: usize) {
        let leaves = leaves.min(self.server.node().config.limits.queue.burst);
        self.owed.fetch_add(leaves.saturating_sub(came), Ordering::Relaxed);
    }
}

impl<S: Schema> Clone for Socket<S> {
    fn clone(&self) -> Self {
        Self { session: self.session.clone() }
    }
}

impl<S: Schema> std::fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
    /// [limit](super::PPServerBuilder::max_rooms); [`Error::Disconnected`] where the client has gone.
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
    /// [all sockets](super::PPServerBuilder::on): for what only some clients may do, or what captures something of one client. Otherwise
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
    /// [`max_json_values`](super::PPServerBuilder::max_json_values) is refused.
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
    /// [`Error::QueueFull`] where as much waits for the client as its [queue](super::PPServerBuilder::queue_limit) holds: it was not
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
    /// [the queue's limit](super::PPServerBuilder::queue_limit) counts it.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.session.core.outbox.queued_bytes()
    }

    /// Waits until no more than half of the [queue](super::PPServerBuilder::queue_limit) waits for the client: the way to send more
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

    /// Aims at a room's members on all nodes, without this client.
    pub fn to<'a>(&'a self, room: &'a str) -> Target<'a, S> {
        Target::new(&self.session.server, Audience::room(room)).without(self.id())
    }

    /// Sends an event to everybody on all nodes but this client.
    ///
    /// # Errors
    /// See [`Target::emit`].
    pub fn broadcast<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        Target::new(&self.session.server, Audience::default()).without(self.id()).emit(event)
    }

    /// Closes the connection after what is queued has been sent.
    ///
    /// `code` is a WebSocket close code; applications use 4000–4999. One that [can't be sent](super::close_code::is_sendable) becomes 1000.
    /// The reason is cut at 123 bytes.
    pub fn close(&self, code: u16, reason: &str) {
        self.session.core.close(code, reason);
    }
}
