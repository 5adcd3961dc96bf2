//! Plain HTTP/1.1 over any stream, and the accepting of TCP connections. Clients that send nothing, or half a request, can't take all
//! connections.

use std::{convert::Infallible, future::poll_fn, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc,
    time::{sleep, timeout},
};
use tower_service::Service;

use super::{
    address,
    body::{AnswerBody, BoxError, RequestBody},
    reserve::Reserve,
};
use crate::{
    adapter::BoxFuture,
    schema::Schema,
    server::{
        log::line,
        node::{
            Node,
            pending::{End, PendingConnection, Phase},
        },
        session::handle::PPServer,
    },
};

/// The largest head that a request may have, and what is read or written of a body at once. A larger head is answered 431.
const BUFFER: usize = 16 << 10;
/// A new connection is not closed to make room before it is this old: its request may not have been read yet.
const GRACE: Duration = Duration::from_millis(200);
/// How long an error of the listener is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// How many requests a connection may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requests {
    One,
    Many,
}

/// What answers the requests of a connection.
pub(crate) trait App: Clone + Send + 'static {
    fn answer(self, request: Request<RequestBody>) -> BoxFuture<Answer>;
}

type Answer = io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>>;

impl<A, B> App for A
where
    A: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    A: Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    fn answer(mut self, request: Request<RequestBody>) -> BoxFuture<Answer> {
        Box::pin(async move {
            poll_fn(|cx| self.poll_ready(cx)).await.map_err(io::Error::other)?;
            let response = self.call(request).await.map_err(io::Error::other)?;
            Ok(response.map(|body| body.map_err(io::Error::other).boxed_unsync()))
        })
    }
}

impl<S: Schema> PPServer<S> {
    /// Serves an application of your own beside the WebSockets, on one address, until the server closes: an axum router, or any
    /// tower service, that calls [`handle`](Self::handle) or has [`service`](Self::service) among its routes.
    ///
    /// It does what keeps a server on the open internet alive, and what `axum::serve` does not do: a client that is silent,
    /// sends half a request, or does not take its answer is closed after the
    /// [handshake timeout](crate::server::PPServerBuilder::handshake_timeout); of those that keep the server waiting there are at most
    /// [so many](crate::server::PPServerBuilder::max_pending); and when the process has no file descriptors left, those go for new
    /// ones. A request's head has at most 16 KiB. Each request has its peer's [`SocketAddr`] among its extensions, with the feature
    /// `axum` also as `ConnectInfo`.
    ///
    /// When the server closes, the listener does too; requests that are being answered have the
    /// [shutdown timeout](crate::server::PPServerBuilder::shutdown_timeout) to end, and then this does. Where the returned future is
    /// dropped before, nobody is accepted any more, and connections that are there go on.
    ///
    /// ```no_run
    /// # use painda_runtime::{PPEvent, PPServer, schema};
    /// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32 }
    /// # schema! { pub Arena { PlayerMove } }
    /// # #[cfg(feature = "axum")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::{Router, routing::get};
    ///
    /// let server = PPServer::<Arena>::builder().build().await?;
    /// let app = Router::new().route("/", get(async || "a page")).route_service("/ws", server.service());
    /// let listener = tokio::net::TcpListener::bind("0.0.0.0:3000").await?;
    /// server.serve(listener, app).await;
    /// # Ok(()) }
    /// ```
    pub async fn serve<A, B>(&self, listener: TcpListener, app: A)
    where
        A: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
        A: Clone + Send + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        if let Ok(addr) = listener.local_addr() {
            let _ = self.inner.local_addr.set(addr);
        }
        run(self.clone(), listener, app, Requests::Many).await;
    }

    /// Serves one connection that somebody else has accepted, such as a TLS stream: its WebSocket handshake, or whatever else
    /// it asks. Ends when that is answered; a WebSocket then lives in a task of its own, until it is closed. The remote
    /// address, where it is known, is what the connect hook and the limits per address see. The timeouts and bounds of
    /// [`serve`](Self::serve) hold, but for the accepting, which is the caller's, as is the time that a TLS handshake may take.
    ///
    /// ```no_run
    /// # use painda_runtime::{PPEvent, PPServer, schema};
    /// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32 }
    /// # schema! { pub Arena { PlayerMove } }
    /// # async fn example(config: std::sync::Arc<tokio_rustls::rustls::ServerConfig>) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use tokio::time::timeout;
    ///
    /// let server = PPServer::<Arena>::builder().build().await?;
    /// let tls = tokio_rustls::TlsAcceptor::from(config);
    /// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
    /// loop {
    ///     let (stream, remote) = listener.accept().await?;
    ///     let (server, tls) = (server.clone(), tls.clone());
    ///     tokio::spawn(async move {
    ///         if let Ok(Ok(stream)) = timeout(Duration::from_secs(10), tls.accept(stream)).await {
    ///             server.serve_connection(stream, Some(remote)).await;
    ///         }
    ///     });
    /// }
    /// # }
    /// ```
    pub async fn serve_connection<T>(&self, stream: T, remote: Option<SocketAddr>)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        connection(self.node(), self.node().http.enter(), stream, remote, self.service(), Requests::One).await;
    }
}

/// Accepts connections until the server closes, and waits for those that are being answered.
pub(crate) async fn run<S: Schema>(server: PPServer<S>, listener: TcpListener, app: impl App, requests: Requests) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(target: "painda::server", %address, "listening");
    }
    // Nothing is ever sent: the channel ends when all connections have.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let mut closed = pin!(server.closing());
    let mut reserve = Reserve::default();
    loop {
        reserve.fill(&listener);
        let accepted = tokio::select! {
            biased;
            () = &mut closed => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                if !make_room(server.node(), &reserve, &listener).await {
                    continue;
                }
                let pending = server.node().http.enter();
                let (served, app, alive) = (server.clone(), app.clone(), alive.clone());
                tokio::spawn(async move {
                    connection(served.node(), pending, stream, Some(remote), app, requests).await;
                    drop(alive);
                });
            }
            // It was gone before it was accepted.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) if is_shortage(&error) && reserve.release(&error) => {}
            Err(error) if is_shortage(&error) => {
                let (left, changed) = (server.node().http.left.notified(), server.node().changed.notified());
                let _ = server.node().http.evict(GRACE);
                tokio::select! {
                    biased;
                    () = &mut closed => break,
                    () = left => {}
                    () = changed => {}
                    // Nothing tells when other processes free descriptors.
                    () = sleep(PAUSE) => {}
                }
            }
            Err(error) => {
                tracing::warn!(target: "painda::server", %error, "can't accept connections");
                tokio::select! {
                    biased;
                    () = &mut closed => break,
                    () = sleep(PAUSE) => {}
                }
            }
        }
    }
    drop((listener, reserve, alive));
    let _ = all_gone.recv().await;
}

/// Serves a connection until it ends or is a WebSocket.
async fn connection<T>(
    node: &Node,
    pending: Arc<PendingConnection>,
    stream: T,
    remote: Option<SocketAddr>,
    app: impl App,
    requests: Requests,
) where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let ours = pending.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        pending.enter_phase(Phase::Application);
        let mut request = request.map(|body| RequestBody::new(body, pending.clone()));
        if let Some(remote) = remote {
            address::note(request.extensions_mut(), remote);
        }
        let (app, pending) = (app.clone(), pending.clone());
        async move {
            let mut response = app.answer(request).await?;
            if requests == Requests::One && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().append(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, io::Error>(response.map(|body| AnswerBody::new(body, pending)))
        }
    });
    let connection = http1::Builder::new()
        .max_buf_size(BUFFER)
        // The timeouts are those of `Pending`.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        end = ours.end() => {
            if end != End::Stopping || ours.is(Phase::Request) {
                line!(
                    node.log.broken, DEBUG, target: "painda::server",
                    ?remote, ?end, "closed a connection"
                );
                return;
            }
            connection.as_mut().graceful_shutdown();
            timeout(node.config.shutdown_timeout, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        line!(node.log.broken, DEBUG, target: "painda::server", ?remote, %error, "a connection broke");
    }
}

/// Makes room for a connection where descriptors are short; `false` where no connection waits for its client.
async fn make_room(node: &Node, reserve: &Reserve, listener: &TcpListener) -> bool {
    while reserve.is_short(listener) {
        let left = node.http.left.notified();
        match node.http.evict(GRACE) {
            Ok(()) => return true,
            Err(None) => return false,
            // It may also become a WebSocket meanwhile.
            Err(Some(young)) => tokio::select! {
                biased;
                () = left => {}
                () = sleep(young) => {}
            },
        }
    }
    true
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Too many open files, of this process or of all.
fn is_shortage(error: &io::Error) -> bool {
    let codes: &[i32] = if cfg!(windows) { &[10024] } else { &[23, 24] };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}
