//! Nodes within the test's own process.

use std::net::SocketAddr;

use painda_runtime::server::{PPServerBuilder, Socket};
use painda_runtime::{PPServer, Schema};
use schemas::{Arena, PlayerMove};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::yield_now;

use crate::client::Client;
use crate::raw::handshake;
use crate::{eventually, within};

/// Starts a node on a free port.
pub async fn start<S: Schema>(builder: PPServerBuilder<S>) -> (PPServer<S>, SocketAddr) {
    let server = within("a node to start", builder.bind("127.0.0.1:0")).await.expect("a free port");
    let addr = server.local_addr().expect("it listens");
    (server, addr)
}

/// Makes a node without a listener.
pub async fn build<S: Schema>(builder: PPServerBuilder<S>) -> PPServer<S> {
    within("a node to start", builder.build()).await.expect("it starts")
}

/// A client of a node.
pub async fn connect(addr: SocketAddr) -> Client {
    Client::connect(&format!("ws://{addr}/")).await
}

/// A connection within the process, whose window holds `window` bytes, before its handshake. Nothing but tokio is between its ends, so
/// that it is for tests in virtual time.
pub fn pipe<S: Schema>(server: &PPServer<S>, window: usize) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(window);
    let server = server.clone();
    tokio::spawn(async move { server.serve_connection(theirs, None).await });
    ours
}

/// The same after its handshake, which has further headers.
pub async fn piped<S: Schema>(server: &PPServer<S>, window: usize, headers: &str) -> DuplexStream {
    let mut ours = pipe(server, window);
    let shaking = async {
        ours.write_all(handshake("/", headers).as_bytes()).await.expect("the node reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(ours.read_u8().await.expect("the node answers"));
        }
    };
    within("a handshake", shaking).await;
    ours
}

/// Everybody is in the room `arena`; moves and chat lines go to the others there.
pub fn room() -> PPServerBuilder<Arena> {
    PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.join("arena").await?;
        socket.on(async |socket, moved: PlayerMove| socket.to("arena").emit(&moved));
        socket.on_json("chat:say", async |socket, said: Value| socket.to("arena").emit_json("chat:say", &said));
        Ok(())
    })
}

/// Each client's moves go back to it.
pub fn echo() -> PPServerBuilder<Arena> {
    PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.on(async |socket: Socket<Arena>, moved: PlayerMove| socket.emit(&moved));
        Ok(())
    })
}

/// Waits until something holds of a node.
pub async fn until<S: Schema>(server: &PPServer<S>, what: &str, holds: impl Fn(&PPServer<S>) -> bool) {
    eventually(what, async || holds(server)).await;
}

/// Fills the queue of a client that is in the room `arena` and does not read, until it is too slow.
pub async fn fill(server: &PPServer<Arena>) {
    let filling = async {
        while server.stats().slow_clients == 0 {
            server.to("arena").emit_json("filler", &json!("x".repeat(1500))).expect("emitted");
            yield_now().await;
        }
    };
    within("somebody to be too slow", filling).await;
}

/// Closes a node, which must go well.
pub async fn close<S: Schema>(server: &PPServer<S>) {
    within("the node to close", server.close()).await.expect("it closes in order");
}
