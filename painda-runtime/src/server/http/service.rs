//! The server as a tower service, to be mounted next to other routes.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use http::{Request, Response};

use super::{body::ResponseBody, upgrade};
use crate::{adapter::BoxFuture, schema::Schema, server::session::handle::PPServer};

/// A tower service that answers WebSocket handshakes; from [`PPServer::service`].
///
/// With axum, mount it by `Router::route_service`, or call [`PPServer::handle`] in a handler. With hyper, wrap it in
/// `hyper_util::service::TowerToHyperService`. The connection must be served with upgrades.
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let server = PPServer::<Arena>::builder().build().await?;
/// let mut service = server.service();
/// let request = http::Request::builder().uri("/").body(())?;
/// let answer = tower_service::Service::call(&mut service, request).await?;
/// assert_eq!(answer.status(), 426); // a plain GET is told to come with a WebSocket
/// # Ok(()) }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
pub struct PPService<S: Schema> {
    server: PPServer<S>,
}

impl<S: Schema> PPService<S> {
    pub(crate) fn new(server: PPServer<S>) -> Self {
        Self { server }
    }
}

impl<S: Schema> Clone for PPService<S> {
    fn clone(&self) -> Self {
        Self { server: self.server.clone() }
    }
}

impl<S: Schema> std::fmt::Debug for PPService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PPService").field(&self.server).finish()
    }
}

impl<S: Schema, B: Send + 'static> tower_service::Service<Request<B>> for PPService<S> {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.server.clone();
        Box::pin(async move { Ok(server.handle(request).await) })
    }
}

impl<S: Schema> PPServer<S> {
    /// A tower and hyper service for this server, to be mounted next to other routes.
    #[must_use]
    pub fn service(&self) -> PPService<S> {
        PPService::new(self.clone())
    }

    /// Answers one HTTP request: a WebSocket handshake connects a client, anything else gets an answer that says what is
    /// wrong. For a route that serves more than WebSockets, ask [`is_upgrade`](crate::server::is_upgrade) first.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<ResponseBody> {
        upgrade::answer(self, request).await
    }
}
