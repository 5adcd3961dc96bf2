//! The HTTP side: checks a WebSocket handshake, runs the connect hook, and hands the connection over.
//!
//! The hook runs before the handshake is answered. A client that sees its connection open is therefore in its rooms
//! already, and misses nothing that is emitted from then on.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tracing::Instrument;
use tungstenite::handshake::derive_accept_key;

use super::{
    PPServer, close_code,
    connection::{self, Disconnect, Transport, caught, turn_away},
    error::Error,
    limits::{AddressGuard, client_address},
    packet::Dialect,
    socket::{Session, Socket},
    writer::Writer,
};
use crate::schema::Schema;

/// The subprotocol by which a client asks for bare JSON in text messages.
pub(crate) const JSON_SUBPROTOCOL: &str = "pp.json";

/// The response's body: short text, or nothing.
pub type ResponseBody = Full<Bytes>;

/// The HTTP request that a client connected with, for the connect hook.
///
/// ```
/// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
/// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// use painda_runtime::server::Handshake;
///
/// let builder = PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, handshake: Handshake| {
///     let token = handshake.token().ok_or_else(|| Error::refused("no token"))?;
///     let agent = handshake.headers().get("user-agent");
///     println!("{:?} with {agent:?} and {token} wants {}", handshake.client_ip(), handshake.uri().path());
///     socket.join(&handshake.query("room").unwrap_or_default()).await
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Handshake {
    uri: Uri,
    headers: HeaderMap,
    peer: Option<SocketAddr>,
    client_ip: Option<IpAddr>,
}

impl Handshake {
    /// The request's URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The peer's address, where it is known: a mounted server learns it from a [`SocketAddr`] in the request's extensions.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The client's address: the peer's, or what [trusted proxies](super::PPServerBuilder::trusted_proxies) say.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.client_ip
    }

    /// The client's credentials: `token` in the query, as the published contract has it, or `Authorization: Bearer`.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        let bearer = || {
            let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        };
        self.query("token").or_else(bearer)
    }

    /// The first value of a parameter in the URI's query, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query()?.as_bytes();
        form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// Whether a request asks for a WebSocket.
#[must_use]
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), header::UPGRADE, "websocket")
}

/// Answers a request: a WebSocket handshake connects a client, anything else is told what to do instead.
pub(crate) async fn answer<S: Schema, B>(server: &PPServer<S>, mut request: Request<B>) -> Response<ResponseBody> {
    let key = match check(&request) {
        Ok(key) => key,
        Err(refusal) => return refusal.response(),
    };
    let node = server.node();
    if let Err(refusal) = admit(server, request.headers()) {
        node.counters.refused.add(1);
        return refusal.response();
    }
    let accept = derive_accept_key(&key);
    let dialect = match has_token(request.headers(), header::SEC_WEBSOCKET_PROTOCOL, JSON_SUBPROTOCOL) {
        true => Dialect::Text,
        false => Dialect::V2,
    };
    let Some(core) = node.connect(dialect) else {
        return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no random numbers to be had").response();
    };
    // From here on the connection cleans up after itself, also where the client vanishes during its handshake.
    let connection =
        Connection { session: Arc::new(Session::new(core, server.clone())), greeted: false, address: None };
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    let peer = head.extensions.get::<SocketAddr>().copied();
    let client_ip = client_address(&head.headers, peer, node.config.limits.trusted_proxies);
    let handshake = Handshake { uri: head.uri, headers: head.headers, peer, client_ip };
    connection.greet(handshake, upgrade).await;

    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = accept.parse() {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if dialect == Dialect::Text {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(JSON_SUBPROTOCOL));
    }
    response
}

/// Whether there is room for a client, and whether it comes from where it may.
fn admit<S: Schema>(server: &PPServer<S>, headers: &HeaderMap) -> Result<(), Refusal> {
    let node = server.node();
    if node.is_closing() {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"));
    }
    if node.connections() >= node.config.limits.connections {
        let full = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server has as many clients as it takes");
        return Err(full.with(header::RETRY_AFTER, "5"));
    }
    match (&node.config.allowed_origins, headers.get(header::ORIGIN)) {
        (Some(allowed), Some(origin)) if !allowed.iter().any(|known| origin == known.as_str()) => {
            Err(Refusal::new(StatusCode::FORBIDDEN, "connections from this origin are not allowed"))
        }
        _ => Ok(()),
    }
}

/// Checks the handshake, and returns the client's key.
fn check<B>(request: &Request<B>) -> Result<Vec<u8>, Refusal> {
    let headers = request.headers();
    if !is_upgrade(request) || !has_token(headers, header::CONNECTION, "upgrade") {
        let why = "this is a WebSocket endpoint: connect with a WebSocket";
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, why).with(header::UPGRADE, "websocket"));
    }
    if request.method() != Method::GET {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket handshake is a GET request"));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let why = "only version 13 of the WebSocket protocol is spoken here";
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, why).with(header::SEC_WEBSOCKET_VERSION, "13"));
    }
    match headers.get(header::SEC_WEBSOCKET_KEY) {
        Some(key) => Ok(key.as_bytes().to_vec()),
        None => Err(Refusal::new(StatusCode::BAD_REQUEST, "the handshake has no Sec-WebSocket-Key")),
    }
}

/// An answer that connects nobody: what is wrong, as short text.
struct Refusal {
    status: StatusCode,
    why: &'static str,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, why: &'static str) -> Self {
        Self { status, why, header: None }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    fn response(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::from(self.why));
        *response.status_mut() = self.status;
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

/// A client from the moment that it is known until everything about it is undone.
struct Connection<S: Schema> {
    session: Arc<Session<S>>,
    /// The connect hook has accepted it, so the disconnect hook is to hear of it.
    greeted: bool,
    /// Counts as one of its address, where these are counted.
    address: Option<AddressGuard>,
}

impl<S: Schema> Connection<S> {
    /// Runs the connect hook, then leaves the connection to a task of its own.
    async fn greet(mut self, handshake: Handshake, upgrade: OnUpgrade) {
        let server = &self.session.server;
        let socket = Socket::new(self.session.clone());
        match server.node().admit(handshake.client_ip) {
            Ok(address) => self.address = address,
            Err(()) => {
                let why = "too many connections from this address";
                turn_away(server.node(), &socket, &Error::refused_with(close_code::TOO_MANY_CONNECTIONS, why));
                tokio::spawn(self.run(upgrade));
                return;
            }
        }
        let hooked = match &server.hooks().connect {
            Some(hook) => {
                let hook = caught(|| hook(socket.clone(), handshake));
                let late = |_| Err(Error::other("the connect hook took too long"));
                timeout(server.node().config.handshake_timeout, hook).await.unwrap_or_else(late)
            }
            None => Ok(()),
        };
        match hooked {
            Ok(()) => self.greeted = true,
            Err(error) => turn_away(server.node(), &socket, &error),
        }
        tokio::spawn(self.run(upgrade));
    }

    async fn run(self, upgrade: OnUpgrade) {
        let wait = self.session.server.node().config.handshake_timeout;
        let end = match timeout(wait, upgrade).await {
            Ok(Ok(upgraded)) => {
                let span = tracing::debug_span!(target: "painda::connection", "connection", id = self.session.core.id.as_str());
                let running = pin!(connection::run(&self.session, transport(upgraded)).instrument(span));
                self.session.server.node().flusher().scope(running).await
            }
            Ok(Err(error)) => Disconnect::Broken(error.to_string()),
            Err(_) => Disconnect::TimedOut,
        };
        tracing::debug!(target: "painda::connect", id = self.session.core.id.as_str(), ?end, "disconnected");
        if let (true, Some(hook)) = (self.greeted, &self.session.server.hooks().disconnect) {
            let socket = Socket::new(self.session.clone());
            if let Err(error) = caught(|| hook(socket, end)).await {
                tracing::warn!(target: "painda::connect", %error, "the disconnect hook failed");
            }
        }
    }
}

impl<S: Schema> Drop for Connection<S> {
    fn drop(&mut self) {
        self.session.core.outbox.abandon();
        self.session.server.node().disconnect(&self.session.core);
        self.session.handlers.clear();
    }
}

/// Takes the connection out of its HTTP wrapping. A plain TCP stream, from our own listener or axum's, is used directly;
/// anything else through what hyper offers.
fn transport(upgraded: Upgraded) -> Transport {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return tcp(parts.io.into_inner(), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => tcp(parts.io.into_inner(), parts.read_buf),
        Err(upgraded) => {
            let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
            Transport { reader: Box::new(reader), writer: Writer::Other(Box::new(writer)), read_ahead: Vec::new() }
        }
    }
}

fn tcp(stream: TcpStream, read_ahead: Bytes) -> Transport {
    // Frames are finished when they are written; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    Transport { reader: Box::new(reader), writer: Writer::Tcp(writer), read_ahead: read_ahead.to_vec() }
}
