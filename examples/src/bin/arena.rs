//! A game room: every client's moves go to everybody else in its room, on whatever node they are.
//!
//! `arena [--listen ADDR=127.0.0.1:3000] [--redis URL] [--flush-interval MS=0]`; without `--redis` this node is the only
//! one. With a flush interval, all that is emitted within it is sent in one write, to each client and to Redis: 16 is a tick of a
//! 60 Hz game. A GET of `/` serves a page where every tab is a player, `/metrics` the metrics for Prometheus, and `/ready` whether a
//! load balancer should send clients here.

use std::{future::ready, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use painda_examples::{Failure, Options, metrics, stop_signal};
use painda_runtime::{
    Error, PPServer, RedisAdapter, Socket,
    server::{Handshake, is_upgrade},
};
use schemas::{Arena, PlayerHit, PlayerMove};
use serde_json::Value;
use tokio::net::TcpListener;

// One thread: a node mostly makes system calls, and moving work between threads costs more than it gains. To use more cores,
// run more nodes.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let options = Options::from_args("arena")?;
    // Logs go to standard error; the address, which scripts read, to standard output.
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::INFO).init();
    let numbers = metrics::builder()?.install_recorder()?;
    tokio::spawn(metrics::keep_up(numbers.clone()));
    let mut builder = PPServer::<Arena>::builder()
        .flush_interval(options.flush_interval)
        .on_connect(welcome)
        .on(on_move)
        .on(on_hit)
        .on_json("chat:say", on_chat);
    if let Some(url) = &options.redis {
        let adapter = RedisAdapter::builder().url(url).linger(options.flush_interval).connect().await?;
        builder = builder.adapter(adapter);
    }
    let server = builder.build().await?;

    let listener = TcpListener::bind(&options.listen).await.map_err(|error| format!("{}: {error}", options.listen))?;
    let node = listener.local_addr()?;
    let app = Router::new()
        .route("/", any(root))
        .route("/metrics", get(move || ready(numbers.render())))
        .route("/ready", get(readiness))
        .with_state((server.clone(), node));
    println!("arena is on http://{node}");

    // Not axum::serve: it has no timeouts, so clients that send nothing could take all connections.
    let served = server.clone();
    let serving = tokio::spawn(async move { served.serve(listener, app).await });
    stop_signal().await?;
    server.close().await?;
    serving.await?;
    Ok(())
}

/// The room of a client.
struct Room(String);

/// What is set up for each client before its connection opens.
async fn welcome(socket: Socket<Arena>, handshake: Handshake) -> Result<(), Error> {
    let room = handshake.query("room").unwrap_or_else(|| "arena".to_owned());
    socket.join(&room).await?;
    socket.set_state(Room(room));
    Ok(())
}

fn room_of(socket: &Socket<Arena>) -> Result<Arc<Room>, Error> {
    socket.state().ok_or_else(|| Error::other("the client has no room"))
}

async fn on_move(socket: Socket<Arena>, moved: PlayerMove) -> Result<(), Error> {
    socket.to(&room_of(&socket)?.0).emit(&moved)
}

async fn on_hit(socket: Socket<Arena>, hit: PlayerHit) -> Result<(), Error> {
    socket.server().broadcast(&hit)
}

async fn on_chat(socket: Socket<Arena>, line: Value) -> Result<(), Error> {
    socket.to(&room_of(&socket)?.0).emit_json("chat:say", &line)
}

/// 200 or 503, and why.
async fn readiness(State((server, _)): State<(PPServer<Arena>, SocketAddr)>) -> (StatusCode, String) {
    let health = server.health();
    (if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, health.to_string())
}

/// WebSockets and the page share a path.
async fn root(State((server, node)): State<(PPServer<Arena>, SocketAddr)>, request: Request) -> Response {
    if is_upgrade(&request) {
        server.handle(request).await.map(Body::new)
    } else {
        Html(include_str!("../page.html").replace("{{node}}", &node.to_string())).into_response()
    }
}
