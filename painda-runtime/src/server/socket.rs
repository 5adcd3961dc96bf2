//! One connected client, as the application sees it.

use std::{
    any::Any,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use serde_json::Value;

use super::{
    PPServer,
    client_id::ClientId,
    emit::Target,
    error::Error,
    handlers::{HandlerResult, Handlers},
    outbox::{Outbox, Pushed},
    packet::{Dialect, Packet, close_frame},
};
use crate::{
    schema::{EventOf, Schema},
    wire::aim::Aim,
};

/// The part of a socket that knows no schema: what rooms and emits need of it.
#[derive(Debug)]
pub(crate) struct SocketCore {
    pub(crate) id: ClientId,
    pub(crate) outbox: Outbox,
    /// The rooms it is in; `None` once it has left for good.
    pub(crate) rooms: Mutex<Option<Vec<Arc<str>>>>,
    dialect: AtomicU8,
}

impl SocketCore {
    pub(crate) fn new(id: ClientId, queue_limit: usize, dialect: Dialect) -> Self {
        Self {
            id,
            outbox: Outbox::new(queue_limit),
            rooms: Mutex::new(Some(Vec::new())),
            dialect: AtomicU8::new(dialect as u8),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.dialect.load(Ordering::Relaxed) {
            1 => Dialect::V1,
            2 => Dialect::Text,
            _ => Dialect::V2,
        }
    }

    pub(crate) fn set_dialect(&self, dialect: Dialect) {
        self.dialect.store(dialect as u8, Ordering::Relaxed);
    }

    /// Starts the closing handshake, after what is queued.
    pub(crate) fn close(&self, code: u16, reason: &str) -> bool {
        self.outbox.push_last(close_frame(code, reason))
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
    session: Arc<Session<S>>,
}

pub(crate) struct Session<S: Schema> {
    pub(crate) core: Arc<SocketCore>,
    pub(crate) server: PPServer<S>,
    pub(crate) handlers: Handlers<S>,
    /// What the application keeps with the client.
    state: RwLock<Option<Arc<dyn Any + Send + Sync>>>,
}

impl<S: Schema> Session<S> {
    pub(crate) fn new(core: Arc<SocketCore>, server: PPServer<S>) -> Self {
        Self { core, server, handlers: Handlers::new(), state: RwLock::new(None) }
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

    /// The rooms that the client is in; none once it has gone.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        let rooms = self.session.core.rooms.lock();
        rooms.iter().flatten().map(|room| room.to_string()).collect()
    }

    /// Calls `handler` for each event of this type that the client sends, one after another, in the order they came.
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
        self.session.handlers.on(handler);
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
        self.session.handlers.on_json(name, handler);
    }

    /// Sends an event to this client.
    ///
    /// # Errors
    /// [`Error::Disconnected`] where the client has gone, or was just closed because it reads too slowly.
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

    pub(crate) fn send(&self, packet: &Packet) -> Result<(), Error> {
        match self.session.server.node().push(&self.session.core, packet) {
            Pushed::Full | Pushed::Closed => Err(Error::Disconnected),
            _ => Ok(()),
        }
    }

    /// Aims at a room's members on all nodes, without this client.
    pub fn to<'a>(&'a self, room: &'a str) -> Target<'a, S> {
        Target::new(&self.session.server, Aim::room(room)).without(self.id())
    }

    /// Sends an event to everybody on all nodes but this client.
    ///
    /// # Errors
    /// See [`Target::emit`].
    pub fn broadcast<E: EventOf<S>>(&self, event: &E) -> Result<(), Error> {
        Target::new(&self.session.server, Aim::default()).without(self.id()).emit(event)
    }

    /// Closes the connection after what is queued has been sent.
    ///
    /// `code` is a WebSocket close code; applications use 4000–4999. The reason is cut at 123 bytes.
    pub fn close(&self, code: u16, reason: &str) {
        self.session.core.close(code, reason);
    }
}
