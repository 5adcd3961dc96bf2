//! Whether a request is a WebSocket handshake that can be answered, and the answer where it is not.
//!
//! Knows no hooks and no sockets.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header, request::Parts};
use tungstenite::handshake::derive_accept_key;

use super::{address, limits::Limits, node::Node, packet::Dialect, stats::Refused, upgrade::ResponseBody};

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
    pub(crate) fn new(head: Parts, limits: &Limits) -> Self {
        let peer = address::peer(&head.extensions);
        let client_ip = address::client(&head.headers, peer, limits.trusted_proxies);
        Self { uri: head.uri, headers: head.headers, peer, client_ip }
    }

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

/// The subprotocol by which a client asks for bare JSON in text messages.
pub(crate) const JSON_SUBPROTOCOL: &str = "pp.json";

/// Whether a request asks for a WebSocket.
#[must_use]
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), header::UPGRADE, "websocket")
}

/// What a handshake that can be answered has asked for.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The answer to the client's key.
    accept: String,
    pub(crate) dialect: Dialect,
}

impl Accepted {
    /// The answer after which the connection is a WebSocket.
    pub(crate) fn response(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = self.accept.parse() {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if self.dialect == Dialect::Text {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(JSON_SUBPROTOCOL));
        }
        response
    }
}

/// Checks a request without side effects: before this has accepted it, nothing of the application's is called.
pub(crate) fn check<B>(request: &Request<B>) -> Result<Accepted, Refusal> {
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
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "the handshake has no Sec-WebSocket-Key"));
    };
    let dialect = match has_token(headers, header::SEC_WEBSOCKET_PROTOCOL, JSON_SUBPROTOCOL) {
        true => Dialect::Text,
        false => Dialect::V2,
    };
    Ok(Accepted { accept: derive_accept_key(key.as_bytes()), dialect })
}

/// Whether there is room for a client, and whether it comes from where it may.
pub(crate) fn admit(node: &Node, headers: &HeaderMap) -> Result<(), Refusal> {
    if node.is_closing() {
        let stopping = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
        return Err(stopping.because(Refused::Stopping));
    }
    if node.connections() >= node.config.limits.connections {
        let full = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server has as many clients as it takes");
        return Err(full.with(header::RETRY_AFTER, "5").because(Refused::Full));
    }
    match (&node.config.allowed_origins, headers.get(header::ORIGIN)) {
        (Some(allowed), Some(origin)) if !allowed.iter().any(|known| origin == known.as_str()) => {
            let origin = Refusal::new(StatusCode::FORBIDDEN, "connections from this origin are not allowed");
            Err(origin.because(Refused::Origin))
        }
        _ => Ok(()),
    }
}

/// An answer that connects nobody: what is wrong, as short text.
pub(crate) struct Refusal {
    pub(crate) reason: Refused,
    pub(crate) status: StatusCode,
    pub(crate) why: &'static str,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, why: &'static str) -> Self {
        Self { reason: Refused::Handshake, status, why, header: None }
    }

    fn because(mut self, reason: Refused) -> Self {
        self.reason = reason;
        self
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn response(self) -> Response<ResponseBody> {
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
