//! The hooks, the middleware and the handlers of a server.

use std::future::Future;

use serde_json::Value;

use super::PPServerBuilder;
use crate::{
    schema::{EventOf, Schema},
    server::{
        error::Error,
        session::{
            disconnect::Disconnect, handle::Socket, handshake::Handshake, incoming::Incoming, result::HandlerResult,
        },
    },
};

/// What the application does when clients connect, send and disconnect.
impl<S: Schema> PPServerBuilder<S> {
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
    /// [`PPServer::close`](crate::PPServer::close) waits for it.
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
}
