//! A game room: every client's moves go to everybody else in its room, on whatever node they are.
//!
//! `arena [--listen ADDR=127.0.0.1:3000] [--redis URL] [--flush-interval MS=0]`; without `--redis` this node is the only
//! one. With a flush interval, what is emitted within it leaves in one write, to each client and to Redis: 16 is a tick of a 60 Hz game.
//! A GET of `/` serves a page where every tab is a player, a GET of `/metrics` what Prometheus wants to know, a GET of `/ready`
//! whether a load balancer should send clients here.

use std::{future::ready, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use painda_examples::{Failure, Options, stop_signal};
use painda_runtime::{
    PPServer, RedisAdapter, Socket,
    server::{Handshake, is_upgrade},
};
use schemas::{Arena, PlayerHit, PlayerMove};
use tokio::net::TcpListener;

// One thread: what a node does is mostly system calls, and handing them from thread to thread costs more than it gains. More
// cores are used by more nodes.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let options = Options::from_args("arena")?;
    // Logs go to standard error; what a program wants to know, the address, to standard output.
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::INFO).init();
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let mut builder = PPServer::<Arena>::builder().flush_interval(options.flush_interval).on_connect(welcome);
    if let Some(url) = &options.redis {
        let adapter = RedisAdapter::builder().url(url).linger(options.flush_interval).connect().await?;
        builder = builder.adapter(adapter);
    }
    let server = builder.build().await?;

    let listener = TcpListener::bind(&options.listen).await.map_err(|error| format!("{}: {error}", options.listen))?;
    let node = listener.local_addr()?;
    let app = Router::new()
        .route("/", any(root))
        .route("/metrics", get(move || ready(metrics.render())))
        .route("/ready", get(readiness))
        .with_state((server.clone(), node));
    println!("arena is on http://{node}");

    let closed = server.clone();
    let serving = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { closed.closed().await });
    let serving = tokio::spawn(serving.into_future());
    stop_signal().await?;
    server.close().await?;
    serving.await??;
    Ok(())
}

/// What is set up for each client before its connection opens.
async fn welcome(socket: Socket<Arena>, handshake: Handshake) -> Result<(), painda_runtime::Error> {
    let room: Arc<str> = handshake.query("room").unwrap_or_else(|| "arena".to_owned()).into();
    socket.join(&room).await?;

    let here = room.clone();
    socket.on(move |socket, moved: PlayerMove| ready(socket.to(&here).emit(&moved)));
    socket.on(|socket, hit: PlayerHit| ready(socket.server().broadcast(&hit)));
    socket.on_json("chat:say", move |socket, said| ready(socket.to(&room).emit_json("chat:say", &said)));
    Ok(())
}

/// 200 or 503, and why.
async fn readiness(State((server, _)): State<(PPServer<Arena>, SocketAddr)>) -> (StatusCode, String) {
    let health = server.health();
    (if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, health.to_string())
}

/// WebSockets and the page share a path.
async fn root(
    State((server, node)): State<(PPServer<Arena>, SocketAddr)>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    if is_upgrade(&request) {
        request.extensions_mut().insert(remote);
        server.handle(request).await.map(Body::new)
    } else {
        Html(include_str!("../page.html").replace("{{node}}", &node.to_string())).into_response()
    }
}
