//! The server beside other routes: what it knows of its clients there, and what it says to those that come by HTTP/2.

use std::net::SocketAddr;

use axum::{Router, extract::ConnectInfo, routing::get};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use painda_runtime::{
    PPServer,
    server::{Handshake, Socket},
};
use painda_tests::{
    client::Client,
    frames::player_move,
    raw::Raw,
    server::{build, close},
    within,
};
use schemas::{Arena, PlayerMove};
use tokio::net::{TcpListener, TcpStream};

/// A server that takes one connection of each address, and sends moves back.
async fn one_of_each_address() -> PPServer<Arena> {
    let builder = PPServer::<Arena>::builder().max_connections_per_address(1);
    let echo = builder.on_connect(async |socket: Socket<Arena>, shake: Handshake| {
        assert!(shake.remote_addr().is_some_and(|addr| addr.ip().is_loopback() && addr.port() > 0));
        socket.on(async |socket: Socket<Arena>, moved: PlayerMove| socket.emit(&moved));
        Ok(())
    });
    build(echo).await
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    (listener, addr)
}

async fn only_one_comes_in(addr: SocketAddr) {
    let url = format!("ws://{addr}/ws");
    let (mut first, mut second) = (Client::connect(&url).await, Client::connect(&url).await);
    assert_eq!(second.next_json().await["type"], "__pp_error");
    assert_eq!(second.next_close().await, 4029);
    first.send_binary(player_move(1.0, 1.0)).await;
    first.expect_frame(&player_move(1.0, 1.0)).await;
}

#[tokio::test]
async fn behind_axum_with_connect_info_the_address_is_found() {
    let server = one_of_each_address().await;
    let app = Router::new().route_service("/ws", server.service());
    let (listener, addr) = listener().await;
    let serving = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    tokio::spawn(serving.into_future());
    only_one_comes_in(addr).await;
}

#[tokio::test]
async fn an_application_that_is_served_beside_knows_the_address_too() {
    let server = one_of_each_address().await;
    let page = get(async |ConnectInfo(remote): ConnectInfo<SocketAddr>| remote.to_string());
    let app = Router::new().route("/", page).route_service("/ws", server.service());
    let (listener, addr) = listener().await;
    let served = server.clone();
    let serving = tokio::spawn(async move { served.serve(listener, app).await });
    only_one_comes_in(addr).await;
    assert_eq!(server.local_addr(), Some(addr));

    let answer = Raw::get(addr, "/").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\r\n\r\n127.0.0.1:"), "{answer}");

    close(&server).await;
    within("the listener to end with the server", serving).await.expect("no panic");
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_server_that_serves_no_upgrades_is_found_out_before_the_hook() {
    let hook = async |_: Socket<Arena>, _: Handshake| -> Result<(), painda_runtime::Error> { panic!("called in vain") };
    let server = build(PPServer::<Arena>::builder().on_connect(hook)).await;
    let (listener, addr) = listener().await;
    let service = hyper_util::service::TowerToHyperService::new(server.service());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        // As of a request that somebody else has taken the upgrade of.
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (mut head, body) = request.into_parts();
            head.extensions.clear();
            hyper::service::Service::call(&service, hyper::Request::from_parts(head, body))
        });
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    });
    let (_, status) = Raw::handshake(addr, "").await;
    assert_eq!(status, "HTTP/1.1 500 Internal Server Error");
    assert_eq!((server.stats().opened, server.stats().refused), (0, 1), "the hook was not called");
}

#[tokio::test]
async fn requests_of_http_2_are_told_that_it_is_http_1_1() {
    let server = one_of_each_address().await;
    let (listener, addr) = listener().await;
    let service = hyper_util::service::TowerToHyperService::new(server.service());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        builder.http2().enable_connect_protocol();
        let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
    });
    let stream = within("a connection", TcpStream::connect(addr)).await.expect("a connection");
    let shaking = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut client, connection) = within("a handshake of HTTP/2", shaking).await.expect("HTTP/2");
    tokio::spawn(connection);

    let url = format!("http://{addr}/ws");
    let plain = hyper::Request::get(&url).body(String::new()).expect("a request");
    // A WebSocket as RFC 8441 has it.
    let mut extended = hyper::Request::connect(&url).body(String::new()).expect("a request");
    extended.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    extended.headers_mut().insert("sec-websocket-version", "13".parse().expect("a value"));
    for request in [plain, extended] {
        let answer = within("an answer", client.send_request(request)).await.expect("an answer");
        assert_eq!(answer.status(), 505);
        let text = within("a body", answer.into_body().collect()).await.expect("a body").to_bytes();
        assert!(String::from_utf8_lossy(&text).contains("HTTP/1.1"), "{text:?}");
    }
    assert_eq!(server.stats().connections, 0);
}
