//! Whether a request is a WebSocket handshake that can be answered, and the answer where it is not.
//!
//! Knows no hooks and no sockets.

use std::collections::HashSet;

use data_encoding::BASE64_NOPAD;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts,
    uri::Authority,
};
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::derive_accept_key;

use super::{address, body::ResponseBody};
use crate::{
    server::{limits::Limits, node::Node, sending::packet::Dialect, session::handshake::Handshake, stats::Refused},
    wire::json_message::SUBPROTOCOL,
};

/// What a connect hook learns of a request.
pub(crate) fn describe(head: Parts, limits: &Limits) -> Handshake {
    let peer = address::peer(&head.extensions);
    let client_ip = address::client(&head.headers, peer, limits.trusted_proxies, limits.proxy_header);
    Handshake::new(head.uri, head.headers, peer, client_ip)
}

/// Whether a request asks for a WebSocket, for a route that serves more than these. Whether it asks as it should,
/// [`PPServer::handle`](crate::server::PPServer::handle) checks, and answers with what is wrong.
#[must_use]
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), header::UPGRADE, "websocket")
}

/// What a handshake that can be answered has asked for.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The value of Sec-WebSocket-Accept.
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
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        }
        response
    }
}

/// Checks a request. Nothing of the application's is called, and nobody counts as a client, before this has accepted it.
pub(crate) fn check<B>(request: &Request<B>) -> Result<Accepted, Refusal> {
    let accepted = read(request)?;
    if request.extensions().get::<OnUpgrade>().is_none() {
        let why = "the HTTP server that this is mounted on serves no upgrades";
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why));
    }
    Ok(accepted)
}

/// All that RFC 6455 asks of a request, in section 4.2.1.
fn read<B>(request: &Request<B>) -> Result<Accepted, Refusal> {
    let headers = request.headers();
    match request.version() {
        Version::HTTP_11 => {}
        Version::HTTP_10 if !is_upgrade(request) => return Err(no_websocket()),
        _ => {
            let why = "a WebSocket handshake is a request of HTTP/1.1: other versions of HTTP are not taken here";
            return Err(Refusal::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, why));
        }
    }
    if !is_upgrade(request) {
        return Err(no_websocket());
    }
    if !has_token(headers, header::CONNECTION, "upgrade") {
        return Err(bad("the handshake's Connection header lacks \"Upgrade\": a proxy on the way has to pass it on"));
    }
    if request.method() != Method::GET {
        let why = "a WebSocket handshake is a GET request";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why).with(header::ALLOW, "GET"));
    }
    if !matches!(Single::of(headers, header::HOST), Single::One(host) if is_host(host)) {
        return Err(bad("the handshake needs one Host header, with the server's name"));
    }
    match Single::of(headers, header::SEC_WEBSOCKET_VERSION) {
        Single::One("13") => {}
        Single::Several => return Err(bad("the handshake has more than one Sec-WebSocket-Version")),
        _ => {
            let why = "only version 13 of the WebSocket protocol is spoken here";
            return Err(no_websocket_but(why).with(header::SEC_WEBSOCKET_VERSION, "13"));
        }
    }
    let accept = match Single::of(headers, header::SEC_WEBSOCKET_KEY) {
        Single::One(key) if is_key(key) => derive_accept_key(key.as_bytes()),
        _ => return Err(bad("the handshake needs one Sec-WebSocket-Key: 16 bytes as base64")),
    };
    // A body would be taken for frames, or the frames for a body.
    let no_body = matches!(Single::of(headers, header::CONTENT_LENGTH), Single::None | Single::One("0"))
        && !headers.contains_key(header::TRANSFER_ENCODING);
    if !no_body {
        return Err(bad("a WebSocket handshake has no body"));
    }
    if matches!(Single::of(headers, header::ORIGIN), Single::Several) {
        return Err(bad("the handshake has more than one Origin"));
    }
    Ok(Accepted { accept, dialect: dialect(headers)? })
}

/// Chooses among the subprotocols that a client offers. Those that are not ours may stand beside, for the application;
/// but a client that offers only such would take an answer without any of them for a failure, as browsers do.
fn dialect(headers: &HeaderMap) -> Result<Dialect, Refusal> {
    let mut offered = HashSet::new();
    for value in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        let Ok(list) = value.to_str() else { return Err(bad_subprotocols()) };
        for name in list.split(',').map(trimmed) {
            if !is_token(name) || !offered.insert(name) {
                return Err(bad_subprotocols());
            }
        }
    }
    match offered.contains(SUBPROTOCOL) {
        true => Ok(Dialect::Text),
        false if offered.is_empty() => Ok(Dialect::V2),
        false => Err(bad("none of these subprotocols is known here: offer \"pp.json\" for JSON, or none for frames")),
    }
}

/// Whether there is room for a client, and whether it comes from where it may.
pub(crate) fn admit(node: &Node, headers: &HeaderMap) -> Result<(), Refusal> {
    if node.is_closing() {
        let stopping = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
        return Err(stopping.because(Refused::Stopping));
    }
    if node.is_full() {
        let full = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server has as many clients as it takes");
        return Err(full.with(header::RETRY_AFTER, "5").because(Refused::Full));
    }
    match (&node.config.allowed_origins, headers.get(header::ORIGIN)) {
        (Some(allowed), Some(origin)) if !allowed.allow(origin) => {
            let origin = Refusal::new(StatusCode::FORBIDDEN, "connections from this origin are not allowed");
            Err(origin.because(Refused::Origin))
        }
        _ => Ok(()),
    }
}

/// An answer that connects nobody: what is wrong, as short text that repeats nothing of the request.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Refused,
    pub(crate) status: StatusCode,
    pub(crate) why: &'static str,
    headers: HeaderMap,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, why: &'static str) -> Self {
        Self { reason: Refused::Handshake, status, why, headers: HeaderMap::new() }
    }

    fn because(mut self, reason: Refused) -> Self {
        self.reason = reason;
        self
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn response(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::from(self.why));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.with(header::CONTENT_TYPE, "text/plain; charset=utf-8").headers;
        response
    }
}

fn bad(why: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, why)
}

fn bad_subprotocols() -> Refusal {
    bad("Sec-WebSocket-Protocol is a list of names, separated by commas, none twice")
}

fn no_websocket() -> Refusal {
    no_websocket_but("this is a WebSocket endpoint: connect with a WebSocket")
}

fn no_websocket_but(why: &'static str) -> Refusal {
    Refusal::new(StatusCode::UPGRADE_REQUIRED, why)
        .with(header::UPGRADE, "websocket")
        .with(header::CONNECTION, "Upgrade")
}

/// The value of a header that may come once.
enum Single<'a> {
    None,
    One(&'a str),
    Several,
}

impl<'a> Single<'a> {
    /// Bytes that no such header may have make a value that nothing is equal to.
    fn of(headers: &'a HeaderMap, name: HeaderName) -> Self {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => Self::One(value.to_str().unwrap_or_default()),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// Whether a header, a list of tokens, has this one.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| trimmed(part).eq_ignore_ascii_case(token)))
}

fn trimmed(part: &str) -> &str {
    part.trim_matches([' ', '\t'])
}

/// A token as in RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let separator = |byte| b"\"(),/:;<=>?@[\\]{}".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !separator(byte))
}

/// A name or an address, and perhaps a port.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let host = authority.host();
    let port = text.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    !host.is_empty() && (host.len() == text.len() || port.is_some_and(is_port))
}

fn is_key(text: &str) -> bool {
    let digits = text.strip_suffix("==").filter(|digits| digits.len() == 22);
    digits.is_some_and(|digits| BASE64_NOPAD.decode_mut(digits.as_bytes(), &mut [0; 16]).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    /// The handshake of RFC 6455, section 1.3, with some headers in the place of its own, one a line.
    fn request(changed: &[&str], version: Version) -> Request<()> {
        let own = [
            "host: server.example.com",
            "upgrade: websocket",
            "connection: Upgrade",
            "sec-websocket-version: 13",
            &format!("sec-websocket-key: {KEY}"),
        ];
        let split = |line: &&str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        let changed: Vec<_> = changed.iter().filter_map(split).collect();
        let kept = own.iter().filter_map(split).filter(|(name, _)| changed.iter().all(|(other, _)| name != other));
        let mut request = Request::builder().version(version);
        // A value "-" only takes away.
        for (name, value) in kept.chain(changed.iter().cloned()).filter(|(_, value)| value != "-") {
            request = request.header(name, value);
        }
        request.body(()).expect("a request")
    }

    fn status(changed: &[&str]) -> u16 {
        read(&request(changed, Version::HTTP_11)).map_or_else(|refusal| refusal.status.as_u16(), |_| 101)
    }

    fn dialect_of(changed: &[&str]) -> Dialect {
        read(&request(changed, Version::HTTP_11)).expect("a good handshake").dialect
    }

    #[test]
    fn a_key_is_16_bytes() {
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
        for other in [
            "",
            "==",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "AA==AAAAAAAAAAAAAAAAAAAA",
            "AA==AAAAAAAAAAAAAAAAAA==",
        ] {
            assert!(!is_key(other), "{other}");
        }
    }

    #[test]
    fn the_handshake_of_the_rfc() {
        let accepted = read(&request(&[], Version::HTTP_11)).expect("a good handshake");
        assert_eq!(accepted.dialect, Dialect::V2);
        let response = accepted.response();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!response.headers().contains_key("sec-websocket-protocol"));
    }

    #[test]
    fn lists_and_cases_that_a_good_handshake_may_have() {
        for changed in [
            &["connection: keep-alive, Upgrade"][..],
            &["connection: keep-alive", "connection: upgrade"],
            &["connection:UPGRADE\t, x"],
            &["upgrade: h2c, WebSocket"],
            &["host: 127.0.0.1:3000"],
            &["host: [::1]:3000"],
            &["host: [::1]"],
            &["host: a_b.example"],
            &["content-length: 0"],
            &["sec-websocket-extensions: permessage-deflate; client_max_window_bits"],
        ] {
            assert_eq!(status(changed), 101, "{changed:?}");
        }
    }

    #[test]
    fn versions_of_http() {
        let answered =
            |changed: &[&str], version| read(&request(changed, version)).expect_err("not HTTP/1.1").status.as_u16();
        for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
            assert_eq!(answered(&[], version), 505, "{version:?}");
        }
        assert_eq!(answered(&["upgrade: -"], Version::HTTP_10), 426, "a plain GET");
        assert_eq!(answered(&["upgrade: -", "connection: -"], Version::HTTP_2), 505);
    }

    #[test]
    fn what_is_no_handshake_is_told_what_to_do() {
        for changed in ["upgrade: -", "upgrade: h2c", "upgrade: websockets"] {
            assert_eq!(status(&[changed]), 426, "{changed}");
        }
        let response = read(&request(&["upgrade: -"], Version::HTTP_11)).expect_err("a plain GET").response();
        assert_eq!(
            (&response.headers()["upgrade"], &response.headers()["connection"]),
            (&"websocket".parse().unwrap(), &"Upgrade".parse().unwrap())
        );
        let mut post = request(&[], Version::HTTP_11);
        *post.method_mut() = Method::POST;
        let response = read(&post).expect_err("not GET").response();
        assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"GET".parse().unwrap()));
    }

    #[test]
    fn a_connection_header_without_upgrade() {
        for changed in ["connection: -", "connection: keep-alive", "connection: upgrades", "connection: \"upgrade\""] {
            assert_eq!(status(&[changed]), 400, "{changed}");
        }
    }

    #[test]
    fn hosts() {
        for changed in [
            &["host: -"][..],
            &["host: "],
            &["host: :80"],
            &["host: a", "host: a"],
            &["host: a", "host: b"],
            &["host: a b"],
            &["host: a/b"],
            &["host: user@a"],
            &["host: a:b"],
            &["host: a:+80"],
            &["host: a:65536"],
            &["host: [::1"],
            &["host: a\u{e9}"],
        ] {
            assert_eq!(status(changed), 400, "{changed:?}");
        }
    }

    #[test]
    fn versions_of_the_websocket() {
        for changed in ["-", "12", "8", "13, 8", "013", ""] {
            assert_eq!(status(&[&format!("sec-websocket-version: {changed}")]), 426, "{changed}");
        }
        assert_eq!(status(&["sec-websocket-version: 13", "sec-websocket-version: 13"]), 400);
        let refused = read(&request(&["sec-websocket-version: 8"], Version::HTTP_11)).expect_err("an old one");
        assert_eq!(refused.response().headers()["sec-websocket-version"], "13");
    }

    #[test]
    fn keys() {
        for key in [
            "-",
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZQ===",
            // 15, 17 and 18 bytes.
            "dGhlIHNhbXBsZSBub25j",
            "dGhlIHNhbXBsZSBub25jZWU=",
            "dGhlIHNhbXBsZSBub25jZWVl",
            // Another alphabet, padding inside, bits beyond the last byte.
            "dGhlIHNhbXBsZSBub2-_ZQ==",
            "dGhl=HNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25j ZQ==",
            "\u{e9}GhlIHNhbXBsZSBub25jZQ==",
        ] {
            assert_eq!(status(&[&format!("sec-websocket-key: {key}")]), 400, "{key}");
        }
        let twice = format!("sec-websocket-key: {KEY}");
        assert_eq!(status(&[&twice, &twice]), 400);
    }

    #[test]
    fn bodies() {
        for changed in ["content-length: 1", "content-length: 18446744073709551616", "transfer-encoding: chunked"] {
            assert_eq!(status(&[changed]), 400, "{changed}");
        }
    }

    #[test]
    fn origins_that_contradict_each_other() {
        assert_eq!(status(&["origin: https://a.example", "origin: https://b.example"]), 400);
    }

    #[test]
    fn subprotocols_are_compared_exactly() {
        for offered in ["PP.JSON", "Pp.json", "pp.jso", "pp.jsonx", "chat", "chat, soap", "pp", "pp.3"] {
            assert_eq!(status(&[&format!("sec-websocket-protocol: {offered}")]), 400, "{offered}");
        }
        assert_eq!(dialect_of(&[]), Dialect::V2);
        for offered in ["pp.json", "chat, pp.json", "pp.json,chat", "PP.JSON, pp.json", "token.abc,\tpp.json ,pp.3"] {
            assert_eq!(dialect_of(&[&format!("sec-websocket-protocol: {offered}")]), Dialect::Text, "{offered}");
        }
        assert_eq!(dialect_of(&["sec-websocket-protocol: chat", "sec-websocket-protocol: pp.json"]), Dialect::Text);
    }

    #[test]
    fn subprotocols_that_are_no_list_of_names() {
        for offered in [
            "",
            ",",
            "pp.json,",
            ",pp.json",
            "pp.json pp.json",
            "pp.json, pp.json",
            "pp.json; q=1",
            "\"pp.json\"",
            "pp.json, \u{e9}",
        ] {
            assert_eq!(status(&[&format!("sec-websocket-protocol: {offered}")]), 400, "{offered}");
        }
        assert_eq!(status(&["sec-websocket-protocol: pp.json", "sec-websocket-protocol: pp.json"]), 400);
    }
}
