//! The arena as a user of socketioxide would write it: `player:move` goes to everybody else in the sender's room. All
//! settings are the library's own.
//!
//! `peer-socketioxide --listen ADDR --redis URL [--as-in-examples]` serves. The library's examples use a thread per core and
//! leave Nagle's algorithm on, which delays events by up to 40 ms; without the flag it is one thread without it, as our arena.
//! With `--publish N` it emits that many events to the room `arena` instead, from the server, as fast as it can.

use std::error::Error;

use axum::serve::ListenerExt;
use futures_util::{StreamExt, stream};
use lexopt::{Arg::Long, ValueExt};
use serde::{Deserialize, Serialize};
use socketioxide::{
    SocketIo,
    adapter::Adapter,
    extract::{Data, SocketRef},
};
use socketioxide_redis::{RedisAdapter, RedisAdapterCtr, drivers::redis::redis_client};
use tokio::runtime::Builder;

/// How many emits wait for Redis at a time, so that they are pipelined.
const IN_FLIGHT: usize = 256;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PlayerMove {
    x: f32,
    y: f32,
}

struct Options {
    listen: String,
    redis: String,
    publish: Option<usize>,
    as_in_examples: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options { listen: String::new(), redis: String::new(), publish: None, as_in_examples: false };
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("listen") => options.listen = args.value()?.string()?,
            Long("redis") => options.redis = args.value()?.string()?,
            Long("publish") => options.publish = Some(args.value()?.parse()?),
            Long("as-in-examples") => options.as_in_examples = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let mut runtime = if options.as_in_examples { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    runtime.enable_all().build()?.block_on(serve(options))
}

async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let Options { listen, redis, publish, as_in_examples } = options;
    let client = redis_client::Client::open(format!("{redis}?protocol=resp3"))?;
    let adapter = RedisAdapterCtr::new_with_redis(&client).await?;
    let (layer, io) = SocketIo::builder().with_adapter::<RedisAdapter<_>>(adapter).build_layer();
    io.ns("/", welcome).await?;

    if let Some(count) = publish {
        let emits = (0..count).map(|number| emit(&io, number));
        stream::iter(emits).buffer_unordered(IN_FLIGHT).for_each(|()| async {}).await;
        return Ok(());
    }
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("socketioxide is on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(move |stream| {
        if let Err(error) = stream.set_nodelay(!as_in_examples) {
            eprintln!("TCP_NODELAY was not set: {error}");
        }
    });
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

async fn welcome<A: Adapter>(socket: SocketRef<A>) {
    let query = socket.req_parts().uri.query().unwrap_or_default();
    let room = query.split('&').find_map(|pair| pair.strip_prefix("room=")).unwrap_or("arena").to_owned();
    socket.join(room.clone());
    socket.on("player:move", async move |socket: SocketRef<A>, Data::<PlayerMove>(moved)| {
        // An error is a client whose buffer is full: it loses the event.
        let _ = socket.to(room).emit("player:move", &moved).await;
    });
}

async fn emit<A: Adapter>(io: &SocketIo<A>, number: usize) {
    let moved = PlayerMove { x: 0.5, y: number as f32 + 0.5 };
    if let Err(error) = io.to("arena").emit("player:move", &moved).await {
        eprintln!("an event was not published: {error}");
    }
}
