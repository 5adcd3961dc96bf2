//! What a client's handshake said, for the connect hook.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Uri, header};

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
    pub(crate) fn new(uri: Uri, headers: HeaderMap, peer: Option<SocketAddr>, client_ip: Option<IpAddr>) -> Self {
        Self { uri, headers, peer, client_ip }
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

    /// The peer's address, where it is known: a mounted server learns it from a [`SocketAddr`] in the request's extensions, or
    /// with the feature `axum` from axum's `ConnectInfo<SocketAddr>`.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The client's address: the peer's, or what [trusted proxies](crate::server::PPServerBuilder::trusted_proxies) say; none where
    /// these keep it to themselves.
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
