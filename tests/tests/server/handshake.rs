//! Handshakes that are malformed: each is told what is wrong with it, and the application is told of none.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use painda_runtime::{
    PPServer,
    server::{Handshake, PPServerBuilder, Socket},
};
use painda_tests::{
    raw::Raw,
    server::{start, until},
};
use schemas::Arena;

/// A server that counts whom its connect hook has seen.
fn counting() -> (PPServerBuilder<Arena>, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let builder = PPServer::<Arena>::builder().on_connect(move |_: Socket<Arena>, _: Handshake| {
        counter.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(()))
    });
    (builder, seen)
}

/// The same server by its own listener, and mounted on axum.
async fn servers() -> ([SocketAddr; 2], Arc<AtomicUsize>, PPServer<Arena>) {
    let (builder, seen) = counting();
    let (server, own) = start(builder).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mounted = listener.local_addr().expect("an address");
    let app = axum::Router::new().fallback_service(server.service());
    tokio::spawn(async move { axum::serve(listener, app).await });
    ([own, mounted], seen, server)
}

/// The handshake of RFC 6455, its first line and one header replaced; an empty replacement leaves the header out.
fn handshake(line: &str, changed: &str) -> String {
    let headers = [
        "Host: here",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let (name, value) = changed.split_once(':').unwrap_or((changed, ""));
    let kept = headers.iter().filter(|header| header.split_once(':').is_none_or(|(own, _)| own != name));
    let kept: String = kept.map(|header| format!("{header}\r\n")).collect();
    let changed = if value.is_empty() { String::new() } else { format!("{changed}\r\n") };
    format!("{line}\r\n{kept}{changed}\r\n")
}

async fn answers(line: &str, changed: &str, status: u16) {
    let (addresses, seen, server) = servers().await;
    for addr in addresses {
        let mut raw = Raw::open(addr).await;
        raw.write(handshake(line, changed).as_bytes()).await;
        let head = raw.head().await;
        let answered = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        assert_eq!(answered, Some(status), "{line} {changed:?}: {head}");
        assert_eq!((seen.load(Ordering::Relaxed), server.stats().connections), (0, 0), "{line} {changed:?}");
        // A good one afterwards is let in.
        Raw::connect(addr).await;
        assert_eq!(seen.swap(0, Ordering::Relaxed), 1);
        until(&server, "it to be gone", |server| server.stats().connections == 0).await;
    }
}

#[tokio::test]
async fn an_upgrade_of_http_1_0() {
    answers("GET / HTTP/1.0", "", 505).await;
    answers("GET / HTTP/1.0", "Upgrade", 426).await;
}

#[tokio::test]
async fn a_plain_get() {
    answers("GET / HTTP/1.1", "Upgrade", 426).await;
    answers("GET / HTTP/1.1", "Connection", 400).await;
    answers("GET / HTTP/1.1", "Connection: keep-alive", 400).await;
}

#[tokio::test]
async fn another_method() {
    answers("POST / HTTP/1.1", "", 405).await;
    answers("DELETE / HTTP/1.1", "", 405).await;
}

#[tokio::test]
async fn keys_that_are_not_16_bytes() {
    for key in ["", ": x", ": dGhlIHNhbXBsZSBub25jZQ", ": dGhlIHNhbXBsZSBub25jZWU=", ": dGhlIHNhbXBsZSBub25j*Q=="] {
        answers("GET / HTTP/1.1", &format!("Sec-WebSocket-Key{key}"), 400).await;
    }
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    answers("GET / HTTP/1.1", &format!("{key}\r\n{key}"), 400).await;
}

#[tokio::test]
async fn hosts() {
    for host in ["Host", "Host: ", "Host: a\r\nHost: b", "Host: a b", "Host: user@here", "Host: here:99999"] {
        answers("GET / HTTP/1.1", host, 400).await;
    }
    answers("GET http://here/ HTTP/1.1", "Host", 400).await;
}

#[tokio::test]
async fn versions() {
    answers("GET / HTTP/1.1", "Sec-WebSocket-Version", 426).await;
    answers("GET / HTTP/1.1", "Sec-WebSocket-Version: 8", 426).await;
    answers("GET / HTTP/1.1", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8", 400).await;
}

#[tokio::test]
async fn subprotocols_that_nobody_speaks() {
    for offered in ["chat", "PP.JSON", "pp.JSON", "chat, soap", "pp.json, pp.json", "pp.json,,", "pp json"] {
        answers("GET / HTTP/1.1", &format!("Sec-WebSocket-Protocol: {offered}"), 400).await;
    }
}

#[tokio::test]
async fn a_body_with_the_handshake() {
    answers("GET / HTTP/1.1", "Content-Length: 5", 400).await;
    answers("GET / HTTP/1.1", "Transfer-Encoding: chunked", 400).await;
}

#[tokio::test]
async fn the_answer_says_what_to_do() {
    let ([addr, _], ..) = servers().await;
    let mut raw = Raw::open(addr).await;
    raw.write(handshake("GET / HTTP/1.1", "Sec-WebSocket-Protocol: chat").as_bytes()).await;
    let answer = raw.rest().await;
    assert!(answer.contains("\"pp.json\""), "{answer}");
    assert!(!answer.contains("chat"), "nothing is repeated: {answer}");
    let mut raw = Raw::open(addr).await;
    raw.write(handshake("GET / HTTP/1.1", "Upgrade").as_bytes()).await;
    let answer = raw.rest().await.to_ascii_lowercase();
    assert!(answer.contains("\r\nupgrade: websocket\r\n") && answer.contains("\r\nconnection: upgrade"), "{answer}");
}

#[tokio::test]
async fn a_subprotocol_is_chosen_among_others() {
    let ([addr, _], seen, _server) = servers().await;
    for (offered, chosen) in [("chat, pp.json", true), ("token.abc,pp.json , PP.JSON", true), ("", false)] {
        let changed = if offered.is_empty() { String::new() } else { format!("Sec-WebSocket-Protocol: {offered}") };
        let mut raw = Raw::open(addr).await;
        raw.write(handshake("GET / HTTP/1.1", &changed).as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!(head.contains("\r\nsec-websocket-protocol: pp.json\r\n"), chosen, "{head}");
    }
    assert_eq!(seen.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn absurd_heads() {
    let ([addr, _], seen, _server) = servers().await;
    for (line, changed) in [
        ("GET / HTTP/1.1".to_owned(), format!("X: {}", "x".repeat(20_000))),
        ("GET / HTTP/1.1".to_owned(), "X: x\r\n".repeat(200) + "X: x"),
        (format!("GET /{} HTTP/1.1", "x".repeat(20_000)), String::new()),
    ] {
        let mut raw = Raw::open(addr).await;
        raw.write(handshake(&line, &changed).as_bytes()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 431 "));
    }
    for line in ["GET / HTTP/1.2", "GET / HTTP/9", "PRI * HTTP/2.0", "nonsense"] {
        let mut raw = Raw::open(addr).await;
        raw.write(handshake(line, "").as_bytes()).await;
        let answer = raw.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
    }
    assert_eq!(seen.load(Ordering::Relaxed), 0);
}
