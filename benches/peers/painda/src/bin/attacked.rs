//! The node that is attacked: a game room as the arena's, with default settings, and an application that is as slow and as loud as its
//! clients ask it to be.
//!
//! `attacked --listen ADDR --redis URL`; the names of its events, and the parameters of its URL, are those that `attack` uses.

use std::{error::Error, future::pending, time::Duration};

use lexopt::{Arg::Long, ValueExt};
use painda_runtime::{PPServer, RedisAdapter, Socket, server::Handshake};
use schemas::{Arena, PlayerMove};
use serde_json::{Value, json};

/// How long a slow hook takes.
const SLOW: Duration = Duration::from_secs(1);

/// A client asked for a disconnect hook that takes its time.
struct LeavesSlowly;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut listen, mut redis) = (String::new(), String::new());
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("listen") => listen = args.value()?.string()?,
            Long("redis") => redis = args.value()?.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let server = PPServer::<Arena>::builder()
        .adapter(RedisAdapter::connect(&redis).await?)
        .on_connect(welcome)
        .on_disconnect(async |socket: Socket<Arena>, _| {
            if socket.state::<LeavesSlowly>().is_some() {
                tokio::time::sleep(SLOW).await;
            }
        })
        .on_auth(async |_, _| pending().await)
        .middleware(async |_, message| match message.name() {
            "hang:middleware" => pending().await,
            _ => Ok(message),
        })
        .bind(listen)
        .await?;
    println!("attacked is on http://{}", server.local_addr().ok_or("it does not listen")?);
    server.closing().await;
    Ok(())
}

async fn welcome(socket: Socket<Arena>, handshake: Handshake) -> Result<(), painda_runtime::Error> {
    let room = handshake.query("room").unwrap_or_default();
    match handshake.query("hook").as_deref() {
        Some("slow") => {
            socket.set_state(LeavesSlowly);
            tokio::time::sleep(SLOW).await;
        }
        // More than there is room for: the rest is refused.
        Some("loud") => drop((0..30).try_for_each(|_| part(&socket))),
        _ => {}
    }
    socket.join(&room).await?;
    let here = room.clone();
    socket.on(move |socket, moved: PlayerMove| std::future::ready(socket.to(&here).emit(&moved)));
    socket.on_json("chat:say", move |socket, said| std::future::ready(socket.to(&room).emit_json("chat:say", &said)));
    socket.on_json("burst", |socket, _: Value| std::future::ready((0..12).try_for_each(|_| part(&socket))));
    socket.on_json("hang", |_, _: Value| pending::<()>());
    Ok(())
}

/// 100 kB for one client.
fn part(socket: &Socket<Arena>) -> Result<(), painda_runtime::Error> {
    socket.emit_json("part", &json!("x".repeat(100_000)))
}
