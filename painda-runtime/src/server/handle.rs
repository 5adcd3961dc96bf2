//! What the application holds: the server and its sockets, with what it has given them, hooks and handlers. They refer to each other, so all
//! stand here; what can be done with a server is in `pp_server`, with a socket in `socket`, with handlers in `handlers`.

use std::{
    any::Any,
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize},
    },
};

use bytes::Bytes;
use parking_lot::RwLock;

use super::{
    core::SocketCore,
    disconnect::Disconnect,
    error::Error,
    handshake::Handshake,
    incoming::{Incoming, Refusal},
    json::JsonText,
    node::Node,
};
use crate::{adapter::BoxFuture, schema::Schema};

/// A node of a real-time service: WebSocket clients in rooms, and emits that reach all nodes.
///
/// `S` is the schema: only its events can be emitted and handled. Cheap to clone; all clones are the same server, which
/// goes on until [`close`](Self::close) is called or the runtime ends. Without a listener it is still a node that can
/// emit: see [`PPServerBuilder::build`](super::PPServerBuilder::build).
pub struct PPServer<S: Schema> {
    pub(crate) inner: Arc<Inner<S>>,
}

pub(crate) struct Inner<S: Schema> {
    pub(crate) node: Arc<Node>,
    pub(crate) hooks: Hooks<S>,
    pub(crate) local_addr: std::sync::OnceLock<SocketAddr>,
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
    /// How many bytes larger its messages have become than they came, which its rate has not counted yet.
    pub(crate) owed: AtomicUsize,
    /// What the application keeps with the client.
    pub(crate) state: RwLock<Option<Arc<dyn Any + Send + Sync>>>,
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
