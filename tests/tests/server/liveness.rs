//! Who is alive, and who is not listened to any more: a client that reads, however slowly, is not taken for dead, and one that has
//! been turned away is not listened to.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use painda_runtime::{Error, PPServer, server::Socket};
use painda_tests::{
    frames::{json_event, player_move},
    raw::{BINARY, CLOSE, FIN, PING, PONG, Raw, TEXT, frame_head, masked},
    server::{build, piped, start, until},
    within,
};
use schemas::{Arena, PlayerMove};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::{Notify, mpsc},
};

/// The next frame: its first byte and its payload; `None` at the connection's end. It reads this many bytes a second.
async fn next(stream: &mut DuplexStream, bytes_per_second: usize) -> Option<(u8, Vec<u8>)> {
    let (first, len) = frame_head(stream).await?;
    let mut payload = vec![0; len];
    for piece in payload.chunks_mut(bytes_per_second / 10) {
        stream.read_exact(piece).await.ok()?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Some((first, payload))
}

/// The ping would have to wait behind what the client reads.
#[tokio::test(start_paused = true)]
async fn who_reads_a_large_event_slowly_is_not_taken_for_dead() {
    let server = build(PPServer::<Arena>::builder()).await;
    let mut spectator = piped(&server, 4096, "").await;
    let began = tokio::time::Instant::now();
    while began.elapsed() < Duration::from_secs(300) {
        server.broadcast_json("part", &json!("x".repeat(500_000))).expect("emitted");
        loop {
            // 50 s for each.
            match next(&mut spectator, 10_000).await.expect("open") {
                (first, _) if first == FIN | PING => spectator.write_all(&masked(FIN | PONG, b"")).await.expect("open"),
                (first, _) if first == FIN | BINARY => break,
                (first, payload) => panic!("{first} {payload:?} after {:?}", began.elapsed()),
            }
        }
    }
    assert_eq!(server.stats().connections, 1);
}

/// A browser answers no ping in the middle of a frame that it sends.
#[tokio::test(start_paused = true)]
async fn who_sends_a_large_message_slowly_is_not_taken_for_dead() {
    let server = build(PPServer::<Arena>::builder()).await;
    let mut client = piped(&server, 4096, "").await;
    let message = masked(FIN | BINARY, &json_event("x", json!("x".repeat(1_000_000))));
    for piece in message.chunks(5000) {
        client.write_all(piece).await.expect("open");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    until(&server, "the message", |server| server.stats().received == 1).await;
}

/// Many clients close a connection whose pong does not come.
#[tokio::test(start_paused = true)]
async fn who_reads_gets_its_pong_though_much_waits() {
    let server = build(PPServer::<Arena>::builder()).await;
    let mut client = piped(&server, 4096, "").await;
    server.broadcast_json("part", &json!("x".repeat(500_000))).expect("emitted");
    for ping in 0..100u8 {
        client.write_all(&masked(FIN | PING, &[ping; 125])).await.expect("open");
    }
    until(&server, "the pings to be read", |server| server.stats().received >= 100).await;
    let queued = server.stats().queued_bytes;
    assert!(queued < 520_000, "{queued} bytes wait: one pong for many is enough");
    loop {
        match within("the pong", next(&mut client, 1_000_000)).await.expect("open") {
            (first, payload) if first == FIN | PONG && payload == [99; 125] => break,
            (first, _) => assert!([FIN | PING, FIN | PONG, FIN | BINARY].contains(&first), "{first}"),
        }
    }
}

/// They were read as fast as large ones of as many bytes, and cost twenty times as much.
#[tokio::test(start_paused = true)]
async fn a_flood_of_small_frames_is_read_slowly() {
    let server = build(PPServer::<Arena>::builder().max_messages_per_second(0).max_messages_per_minute(0)).await;
    let mut client = piped(&server, 64 << 10, "").await;
    let (began, pings) = (tokio::time::Instant::now(), 50_000);
    client.write_all(&masked(FIN | PING, b"").repeat(pings)).await.expect("open");
    until(&server, "the pings to be read", |server| server.stats().received >= pings as u64).await;
    // 6 bytes each are 300 kB, which are read at once.
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn messages_of_a_client_that_has_been_turned_away_are_not_handled() {
    for by_auth in [true, false] {
        let (handled, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (hook, mut hook_runs) = mpsc::unbounded_channel();
        let (counted, first, second) = (handled.clone(), go_on.clone(), go_on.clone());
        let builder = PPServer::<Arena>::builder()
            .on_auth(move |_, _| {
                let go_on = first.clone();
                async move {
                    go_on.notified().await;
                    Err(Error::refused("this token is not good any more"))
                }
            })
            .on_json("kick", move |socket: Socket<Arena>, _| {
                let go_on = second.clone();
                async move {
                    go_on.notified().await;
                    socket.close(4321, "kicked");
                }
            })
            .on_disconnect(move |_, _| {
                let _ = hook.send(());
                ready(())
            })
            .on(move |_, _: PlayerMove| {
                counted.fetch_add(1, Ordering::SeqCst);
                ready(())
            });
        let (server, addr) = start(builder).await;
        let mut client = Raw::connect(addr).await;
        match by_auth {
            true => client.frame(FIN | TEXT, br#"{"type":"__pp_auth","payload":{"token":"t"}}"#).await,
            false => client.frame(FIN | BINARY, &json_event("kick", Value::Null)).await,
        }
        client.write(&masked(FIN | BINARY, &player_move(0.0, 0.0)).repeat(100)).await;
        until(&server, "all to be read", |server| server.stats().received >= 101).await;
        go_on.notify_one();
        client.close_code().await;
        client.frame(FIN | CLOSE, &4321u16.to_be_bytes()).await;
        client.ended().await;
        // A client's handlers have ended when its disconnect hook runs.
        within("the disconnect hook", hook_runs.recv()).await.expect("it runs");
        assert_eq!(handled.load(Ordering::SeqCst), 0, "by_auth: {by_auth}");
    }
}

#[test]
fn a_close_ends_though_the_runtime_of_its_server_has() {
    let runtime = || tokio::runtime::Runtime::new().expect("threads");
    let first = runtime();
    let (server, _) = first.block_on(start(PPServer::<Arena>::builder()));
    drop(first);
    let closed = runtime().block_on(async { within("the close", server.close()).await });
    assert!(closed.is_err(), "the adapter was not closed");
}
