//! What one client can do to a node and to the others, and what a slow application can: each of these did harm once.

use std::{
    future::{pending, ready},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use painda_runtime::{
    Error, PPServer,
    server::{Disconnect, Incoming, PPServerBuilder, Socket, close_code},
};
use painda_tests::{
    client::Client,
    eventually,
    frames::{HEADER, deflated_json, json_event, player_hit, player_move},
    raw::{BINARY, CLOSE, FIN, PING, PONG, Raw, TEXT, handshake, masked},
    redis::RedisServer,
    server::{build, close, connect, pipe, piped, room, start, until},
    within,
};
use schemas::{Arena, PlayerMove};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};
use tokio_tungstenite::tungstenite::Message as WsMessage;

/// More than any answer of the protocol has, in bytes.
const FEW_KB: usize = 4 << 10;

// A. What one client can do to the node and to the others

#[tokio::test]
async fn a_refusal_is_not_larger_than_what_it_refuses() {
    let (server, addr) = start(room().max_message(16 << 20).max_inflated(16 << 20).max_bytes_per_second(0)).await;
    let long = |text: &str| text.repeat(1 << 20);
    let typed = |name: &str, payload: String| format!(r#"{{"type":"{name}","payload":{payload}}}"#);
    let inputs = [
        ("a reserved name", typed(&format!("__pp_{}", "\u{80}".repeat(5_000_000)), "null".to_owned())),
        ("another one", typed(&format!("__pp_{}", long("\\\"")), "null".to_owned())),
        ("no JSON", long("x")),
        ("a key that is no JSON", format!("{{\"{}", long("x"))),
        ("no type", format!(r#"{{"{}":1}}"#, long("x"))),
        ("a type that is no string", format!(r#"{{"type":["{}"]}}"#, long("x"))),
        ("a payload of another type", typed("player:move", format!("\"{}\"", long("x")))),
        (
            "a number that is too large",
            typed("player:hit", format!(r#"{{"attacker":{},"target":1,"damage":1}}"#, long("9"))),
        ),
        (
            "a field of another type",
            typed("player:hit", format!(r#"{{"attacker":"{}","target":1,"damage":1}}"#, long("\u{80}"))),
        ),
    ];
    for (what, text) in inputs {
        let mut client = connect(addr).await;
        client.send_binary(deflated_json(&text)).await;
        client.send_text(&text).await;
        for _ in 0..2 {
            let answer = client.next_frame().await;
            assert!(answer.len() < FEW_KB, "{what} is answered with {} bytes", answer.len());
            let answer: Value = serde_json::from_slice(&answer[HEADER..]).expect("JSON");
            assert_eq!(answer["type"], "__pp_error", "{what}");
        }
    }
    assert_eq!(server.stats().malformed, 18);
}

#[tokio::test]
async fn whoever_reads_no_answers_has_few_of_them_waiting() {
    let (server, addr) = start(room().max_messages_per_second(0).max_messages_per_minute(0)).await;
    let mut deaf = Raw::connect(addr).await;
    let garbage = masked(FIN | BINARY, b"?").repeat(10_000);
    for round in 1..=20u64 {
        deaf.write(&garbage).await;
        until(&server, "the garbage to be read", |server| server.stats().malformed >= 10_000 * round).await;
    }
    let queued = server.stats().queued_bytes;
    assert!(queued < 20 << 10, "{queued} bytes wait");
    assert_eq!(server.stats().slow_clients, 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_though_it_answers_pings() {
    let heartbeat = Duration::from_millis(100);
    let (server, addr) = start(room().heartbeat(heartbeat).stalled_after(Duration::from_millis(500))).await;
    let mut deaf = Raw::connect(addr).await;
    // More than the kernel takes, less than may wait.
    for _ in 0..12 {
        server.to("arena").emit_json("filler", &json!("x".repeat(600 << 10))).expect("emitted");
    }
    assert!(server.stats().queued_bytes > 0);
    let ponging = tokio::spawn(async move {
        loop {
            deaf.frame(FIN | PONG, b"").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    until(&server, "the client to be closed", |server| server.stats().connections == 0).await;
    assert_eq!(server.stats().slow_clients, 1);
    ponging.abort();
}

#[tokio::test]
async fn a_snapshot_that_is_larger_than_the_queue_is_sent_alone() {
    let builder = PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.emit_json("snapshot", &json!("x".repeat(2 << 20)))?;
        assert!(matches!(socket.emit(&PlayerMove { x: 0.0, y: 0.0 }), Err(Error::QueueFull { limit: 1_048_576 })));
        let huge = socket.emit_json("huge", &json!("x".repeat(9 << 20)));
        assert!(matches!(huge, Err(Error::TooLarge { limit: 8_388_608, .. })));
        Ok(())
    });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    assert!(client.next_frame().await.len() > 2 << 20);
    let huge = json!("x".repeat(9 << 20));
    assert!(matches!(server.broadcast_json("huge", &huge), Err(Error::TooLarge { .. })));
    server.broadcast_json("snapshot", &json!("x".repeat(2 << 20))).expect("emitted");
    assert!(client.next_frame().await.len() > 2 << 20);
}

#[tokio::test]
async fn a_compressed_message_does_not_get_40_others_closed() {
    let (server, addr) = start(room()).await;
    let mut others = Vec::new();
    for _ in 0..40 {
        others.push(connect(addr).await);
    }
    let mut bad = connect(addr).await;
    let text = format!(r#"{{"type":"chat:say","payload":"{}"}}"#, " ".repeat(10 << 20));
    bad.send_binary(deflated_json(&text)).await;
    bad.send_binary(player_move(1.0, 2.0)).await;
    for other in &mut others {
        other.expect_frame(&player_move(1.0, 2.0)).await;
    }
    assert_eq!(server.stats().slow_clients, 0);
}

/// Reads so many bytes a second, and returns when the connection ends.
async fn read_slowly(addr: SocketAddr, bytes_per_second: usize) -> tokio::net::TcpStream {
    // A small window, so that what waits, waits in the server.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 << 10).expect("a size");
    let mut stream = socket.connect(addr).await.expect("the node listens");
    stream.write_all(handshake("/", "").as_bytes()).await.expect("written");
    let mut buffer = vec![0; bytes_per_second / 50];
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        pace.tick().await;
    }
    stream
}

/// What the limits promise: one client, sending as much as it may, never fills the queue of one that reads 1 MB a second.
#[tokio::test(flavor = "multi_thread")]
async fn large_messages_do_not_get_others_closed_who_read_1_mb_a_second() {
    let (server, addr) = start(room()).await;
    let readers: Vec<_> = (0..3).map(|_| tokio::spawn(read_slowly(addr, 1_000_000))).collect();
    until(&server, "the readers to come", |server| server.stats().connections == 3).await;
    let mut bad = connect(addr).await;
    let text = format!(r#"{{"type":"chat:say","payload":"{}"}}"#, "x".repeat((1 << 20) - 100));
    let sent = tokio::time::Instant::now();
    while sent.elapsed() < Duration::from_secs(8) {
        bad.send_text(&text).await;
        let stats = server.stats();
        // Each of the three may have a message and its successor.
        assert!(stats.queued_bytes <= 3 * (2 << 20), "{stats:?}");
        assert_eq!((stats.slow_clients, stats.dropped_full), (0, 0), "{stats:?}");
        if stats.rate_limited > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let stats = server.stats();
    assert!(stats.rate_limited > 0, "{stats:?}");
    assert!(stats.deliveries >= 9, "{stats:?}");
    assert!(readers.iter().all(|reader| !reader.is_finished()));
}

#[tokio::test]
async fn what_a_client_sends_is_limited_in_bytes_also_where_it_is_compressed() {
    let (server, addr) = start(room()).await;
    let mut other = connect(addr).await;
    let mut bad = connect(addr).await;
    let text = format!(r#"{{"type":"chat:say","payload":"{}"}}"#, "x".repeat(1_000_000));
    let frame = deflated_json(&text);
    assert!(frame.len() < 2000);
    for _ in 0..100 {
        bad.send_binary(frame.clone()).await;
    }
    let error: Value = serde_json::from_slice(&bad.next_frame().await[HEADER..]).expect("JSON");
    assert_eq!((&error["type"], &error["payload"]["code"]), (&json!("__pp_error"), &json!("RATE_LIMITED")));
    until(&server, "all to be read", |server| server.stats().received >= 100).await;
    let stats = server.stats();
    assert!(stats.deliveries - stats.rate_limited.min(1) <= 3 && stats.rate_limited >= 97, "{stats:?}");
    assert!(other.next_frame().await.len() > 1_000_000);
}

#[tokio::test]
async fn a_burst_from_one_handler_is_no_slowness() {
    let builder = PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.on(async |socket, _: PlayerMove| {
            for n in 0..12 {
                socket.emit_json("part", &json!([n, "x".repeat(100_000)]))?;
            }
            Ok::<_, Error>(())
        });
        Ok(())
    });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    client.send_binary(player_move(0.0, 0.0)).await;
    for n in 0..12 {
        assert_eq!(client.next_json().await["payload"][0], n);
    }
    assert_eq!((server.stats().slow_clients, server.stats().failed_handlers), (0, 0));
}

#[tokio::test]
async fn a_burst_to_a_room_is_no_slowness() {
    let (server, addr) = start(room()).await;
    let mut client = connect(addr).await;
    for n in 0..70 {
        server.to("arena").emit_json("part", &json!([n, "x".repeat(100_000)])).expect("emitted");
    }
    for n in 0..70 {
        assert_eq!(client.next_json().await["payload"][0], n);
    }
    assert_eq!((server.stats().slow_clients, server.stats().dropped_full), (0, 0));
}

#[tokio::test]
async fn a_connect_hook_that_emits_too_much_hears_so_and_closes_nobody() {
    let builder = PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        let mut sent = 0;
        let full = loop {
            match socket.emit_json("part", &json!([sent, "x".repeat(100_000)])) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, Error::QueueFull { limit: 1_048_576 }), "{full}");
        assert!(matches!(socket.drained().await, Err(Error::QueueFull { .. })), "nothing is written yet");
        assert!(socket.queued_bytes() > 1_000_000);
        assert_eq!(sent, 10);
        Ok(())
    });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    for n in 0..10 {
        assert_eq!(client.next_json().await["payload"][0], n);
    }
    server.broadcast(&PlayerMove { x: 1.0, y: 2.0 }).expect("emitted");
    client.expect_frame(&player_move(1.0, 2.0)).await;
}

#[tokio::test]
async fn whoever_waits_for_room_sends_as_much_as_it_likes() {
    let builder = PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.on(async |socket: Socket<Arena>, _: PlayerMove| {
            for n in 0..300 {
                socket.drained().await?;
                socket.emit_json("part", &json!([n, "x".repeat(100_000)]))?;
            }
            Ok::<_, Error>(())
        });
        Ok(())
    });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    client.send_binary(player_move(0.0, 0.0)).await;
    until(&server, "the queue to fill", |server| server.stats().queued_bytes > 400_000).await;
    for n in 0..300 {
        assert_eq!(client.next_json().await["payload"][0], n);
    }
    assert_eq!(server.stats().failed_handlers, 0);
}

/// Which of the application's parts hangs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hanging {
    Handler,
    Middleware,
    Auth,
}

fn hanging(part: Hanging) -> PPServerBuilder<Arena> {
    PPServer::<Arena>::builder()
        .on_connect(move |socket: Socket<Arena>, _| async move {
            socket.join("arena").await?;
            if part == Hanging::Handler {
                socket.on(async |_, _: PlayerMove| pending::<()>().await);
            }
            Ok(())
        })
        .middleware(move |_, message: Incoming| async move {
            if part == Hanging::Middleware {
                pending::<()>().await;
            }
            Ok(message)
        })
        .on_auth(move |_, _| async move {
            if part == Hanging::Auth {
                pending::<()>().await;
            }
            Ok(())
        })
}

#[tokio::test]
async fn a_handler_that_does_not_return_hides_no_end_of_the_connection() {
    for part in [Hanging::Handler, Hanging::Middleware, Hanging::Auth] {
        let (server, addr) = start(hanging(part).heartbeat(Duration::from_millis(200))).await;
        let stuck = async || {
            let mut raw = Raw::connect(addr).await;
            raw.write(&masked(FIN | BINARY, &player_move(0.0, 0.0))).await;
            raw.write(&masked(FIN | TEXT, br#"{"type":"__pp_auth","payload":{"token":"t"}}"#)).await;
            raw
        };
        // The close frame is answered.
        let mut closing = stuck().await;
        closing.frame(FIN | CLOSE, &4321u16.to_be_bytes()).await;
        assert_eq!(closing.close_code().await, 4321, "{part:?}");
        // The end of the TCP connection is seen.
        drop(stuck().await);
        until(&server, "both to be gone", |server| server.stats().connections == 0).await;
        // Pings are answered, and silence is noticed.
        let mut silent = stuck().await;
        silent.frame(FIN | PING, b"here").await;
        loop {
            match silent.next().await.expect("open") {
                (first, payload) if first == FIN | PONG => break assert_eq!(payload, b"here"),
                (first, _) => assert_eq!(first, FIN | PING),
            }
        }
        silent.ended().await;
        until(&server, "all to be gone", |server| server.stats().connections == 0).await;
        let sockets = within("an answer", server.to("arena").sockets()).await.expect("asked");
        assert_eq!(sockets.value, []);
    }
}

#[tokio::test]
async fn a_disconnect_hook_that_does_not_return_holds_nothing() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let builder = room().max_connections_per_address(1).on_disconnect(move |socket: Socket<Arena>, _| {
        told.send(socket.rooms()).expect("the test listens");
        pending::<()>()
    });
    let (server, addr) = start(builder).await;
    for _ in 0..3 {
        let mut client = connect(addr).await;
        client.close(1000).await;
        assert_eq!(client.next_close().await, 1000);
        let rooms = within("the hook", hears.recv()).await.expect("it runs");
        assert_eq!(rooms, ["arena"], "it can still tell the others");
        assert_eq!(within("an answer", server.to("arena").sockets()).await.expect("asked").value, []);
        assert_eq!(server.stats().connections, 0);
    }
}

#[tokio::test]
async fn messages_that_come_while_a_handler_runs_are_handled_after_it_in_order() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let builder = PPServer::<Arena>::builder().on_connect(move |socket: Socket<Arena>, _| {
        let told = told.clone();
        socket.on(move |_, moved: PlayerMove| {
            let told = told.clone();
            async move {
                told.send((moved.x, true)).expect("the test listens");
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                told.send((moved.x, false)).expect("the test listens");
            }
        });
        ready(Ok(()))
    });
    let (_server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    // More than wait at a time, and then a close: nothing of it is lost.
    for x in 0..500u16 {
        client.send_binary(player_move(f32::from(x), 0.0)).await;
    }
    client.close(1000).await;
    for x in 0..500u16 {
        for begins in [true, false] {
            assert_eq!(within("a handler", hears.recv()).await, Some((f32::from(x), begins)));
        }
    }
}

/// They did all their work before anybody else's message was looked at.
#[tokio::test]
async fn large_messages_of_many_clients_do_not_hold_up_a_small_one() {
    let large = Arc::new(AtomicUsize::new(0));
    let (small, mut handled) = mpsc::unbounded_channel();
    let (counted, seen) = (large.clone(), large.clone());
    let builder = PPServer::<Arena>::builder()
        .on_json("large", move |_: Socket<Arena>, _: Value| {
            counted.fetch_add(1, Ordering::SeqCst);
            ready(())
        })
        .on(move |_: Socket<Arena>, _: PlayerMove| {
            small.send(seen.load(Ordering::SeqCst)).expect("the test listens");
            ready(())
        });
    let (_server, addr) = start(builder).await;
    let mut honest = Raw::connect(addr).await;
    let mut bombers = Vec::new();
    for _ in 0..30 {
        bombers.push(Raw::connect(addr).await);
    }
    let text = format!(r#"{{"type":"large","payload":"{}"}}"#, "x".repeat(1_000_000));
    let bomb = masked(FIN | BINARY, &deflated_json(&text));
    for bomber in &mut bombers {
        bomber.write(&bomb).await;
    }
    let begun = async {
        while large.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the first of them", begun).await;
    honest.write(&masked(FIN | BINARY, &player_move(0.0, 0.0))).await;
    let before = within("the small one", handled.recv()).await.expect("it is handled");
    assert!(before < 10, "{before} large messages were handled before it");
    eventually("all of them", async || large.load(Ordering::SeqCst) == bombers.len()).await;
}

/// The slot for large messages was held until the handler was dropped, 5 s later.
#[tokio::test]
async fn a_handler_that_waits_after_its_clients_end_holds_up_no_large_messages() {
    let (entered, mut enters) = mpsc::unbounded_channel();
    let (told, mut handled) = mpsc::unbounded_channel();
    let builder = PPServer::<Arena>::builder()
        .on_json("wait", move |_: Socket<Arena>, _: Value| {
            let (go_on, wait) = oneshot::channel::<()>();
            entered.send(go_on).expect("the test listens");
            async move {
                let _ = wait.await;
            }
        })
        .on_json("other", move |_: Socket<Arena>, _: Value| {
            told.send(()).expect("the test listens");
            ready(())
        });
    let (server, addr) = start(builder).await;
    let message = |name: &str| masked(FIN | BINARY, &deflated_json(&format!(r#"{{"type":"{name}"}}"#)));
    let mut client = Raw::connect(addr).await;
    client.write(&message("wait").repeat(2)).await;
    let first = within("the first handler", enters.recv()).await.expect("it begins");
    drop(client);
    until(&server, "it to be gone", |server| server.stats().connections == 0).await;
    drop(first);
    let _second = within("the second handler", enters.recv()).await.expect("it begins");
    let mut other = Raw::connect(addr).await;
    other.write(&message("other")).await;
    within("the other's message", handled.recv()).await.expect("it is handled");
    assert_eq!(server.stats().failed_handlers, 0, "it waited until the second handler was dropped");
}

/// It was not polled for up to 5 s, and whatever it held, others waited for.
#[tokio::test]
async fn a_handler_goes_on_while_its_client_is_closed_for_a_broken_frame() {
    let (entered, mut enters) = mpsc::unbounded_channel();
    let (told, mut ends) = mpsc::unbounded_channel();
    let builder = PPServer::<Arena>::builder().on(move |_: Socket<Arena>, _: PlayerMove| {
        let (go_on, wait) = oneshot::channel::<()>();
        entered.send(go_on).expect("the test listens");
        let told = told.clone();
        async move {
            let _ = wait.await;
            told.send(()).expect("the test listens");
        }
    });
    let (server, addr) = start(builder).await;
    let mut client = Raw::connect(addr).await;
    client.write(&masked(FIN | BINARY, &player_move(0.0, 0.0))).await;
    let go_on = within("the handler", enters.recv()).await.expect("it begins");
    let reserved = 3;
    client.write(&masked(FIN | reserved, b"")).await;
    assert_eq!(client.close_code().await, close_code::PROTOCOL_ERROR);
    drop(go_on);
    within("the handler", ends.recv()).await.expect("it ends");
    assert_eq!(server.stats().connections, 1, "the client has not answered yet");
}

/// A hook was told that the server had closed the connection.
#[tokio::test]
async fn a_write_that_fails_is_no_close_by_the_server() {
    let (told, mut ends) = mpsc::unbounded_channel();
    let builder = PPServer::<Arena>::builder().on_disconnect(move |_: Socket<Arena>, end: Disconnect| {
        told.send(end).expect("the test listens");
        ready(())
    });
    let server = build(builder).await;
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (reads, writes) = tokio::io::split(theirs);
    let broken = Arc::new(AtomicBool::new(false));
    let stream = tokio::io::join(reads, Breaking { writes, broken: broken.clone() });
    let serving = server.clone();
    tokio::spawn(async move { serving.serve_connection(stream, None).await });
    let mut client = Client::over(ours).await;
    client.send_binary(player_hit(1, 2, 3)).await;
    until(&server, "it to be there", |server| server.stats().unhandled == 1).await;
    broken.store(true, Ordering::SeqCst);
    server.everybody().emit(&PlayerMove { x: 0.0, y: 0.0 }).expect("emitted");
    let end = within("the end", ends.recv()).await.expect("the hook runs");
    assert!(matches!(end, Disconnect::Broken(_)), "{end:?}");
}

/// Fails to write from some moment on.
struct Breaking<W> {
    writes: W,
    broken: Arc<AtomicBool>,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Breaking<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.broken.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.writes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writes).poll_shutdown(cx)
    }
}

/// 257 messages wait for a handler that never ends, and behind them is what is not read.
#[tokio::test]
async fn a_full_inbox_does_not_hide_the_end_of_its_client() {
    let (server, addr) = start(hanging(Hanging::Handler)).await;
    for how in ["FIN", "close"] {
        let mut client = Raw::connect(addr).await;
        client.write(&masked(FIN | BINARY, &player_move(0.0, 0.0)).repeat(300)).await;
        until(&server, "it to be there", |server| server.stats().connections == 1).await;
        if how == "close" {
            client.write(&masked(FIN | CLOSE, &1000u16.to_be_bytes())).await;
            assert_eq!(client.close_code().await, close_code::BUSY);
        }
        drop(client);
        until(&server, "it to be missed", |server| server.stats().connections == 0).await;
    }
}

#[tokio::test]
async fn a_client_whose_messages_find_no_room_for_long_is_closed() {
    let (server, addr) = start(hanging(Hanging::Handler)).await;
    let mut busy = Raw::connect(addr).await;
    busy.write(&masked(FIN | BINARY, &player_move(0.0, 0.0)).repeat(900)).await;
    assert_eq!(busy.close_code().await, close_code::BUSY);
    // What is not read waits in the kernel: no more than wait for a handler, and the one that it has.
    let received = server.stats().received;
    assert!(received <= 257, "{received} were read");
    until(&server, "it to be gone", |server| server.stats().connections == 0).await;
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_dropped_and_the_next_begins() {
    let builder = hanging(Hanging::Handler).handler_timeout(Duration::from_millis(100));
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    client.send_binary(player_move(0.0, 0.0)).await;
    client.send_binary(player_move(0.0, 0.0)).await;
    client.send_binary(player_hit(1, 2, 3)).await;
    until(&server, "the last to be handled", |server| server.stats().unhandled == 1).await;
    assert_eq!(server.stats().failed_handlers, 2);
    assert_eq!(server.stats().connections, 1);
}

#[tokio::test]
async fn a_handler_is_told_that_its_client_has_gone() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let disconnected = told.clone();
    let builder = PPServer::<Arena>::builder()
        .on_connect(move |socket: Socket<Arena>, _| {
            let told = told.clone();
            socket.on(move |socket: Socket<Arena>, _: PlayerMove| {
                let told = told.clone();
                async move {
                    socket.disconnected().await;
                    told.send("the handler").expect("the test listens");
                }
            });
            ready(Ok(()))
        })
        .on_disconnect(move |_, _: Disconnect| {
            let told = disconnected.clone();
            async move { told.send("the hook").expect("the test listens") }
        });
    let (_server, addr) = start(builder).await;
    let mut client = Raw::connect(addr).await;
    client.write(&masked(FIN | BINARY, &player_move(0.0, 0.0))).await;
    drop(client);
    assert_eq!(within("the handler", hears.recv()).await, Some("the handler"));
    assert_eq!(within("the hook", hears.recv()).await, Some("the hook"));
}

/// Counts who came in and has not gone out, with a wait in between, as a hook that asks a database does.
fn counting(inside: Arc<AtomicUsize>, entered: mpsc::UnboundedSender<oneshot::Sender<()>>) -> PPServerBuilder<Arena> {
    let left = inside.clone();
    PPServer::<Arena>::builder()
        .on_connect(move |_: Socket<Arena>, _| {
            let (inside, entered) = (inside.clone(), entered.clone());
            async move {
                inside.fetch_add(1, Ordering::SeqCst);
                let (go_on, wait) = oneshot::channel();
                entered.send(go_on).expect("the test listens");
                let _ = wait.await;
                Ok(())
            }
        })
        .on_disconnect(move |_, _| {
            let left = left.clone();
            async move {
                left.fetch_sub(1, Ordering::SeqCst);
            }
        })
}

#[tokio::test]
async fn a_connect_hook_that_has_begun_ends_though_its_client_has_gone() {
    let (inside, (entered, mut enters)) = (Arc::new(AtomicUsize::new(0)), mpsc::unbounded_channel());
    let (server, addr) = start(counting(inside.clone(), entered)).await;
    let mut hooks = Vec::new();
    for _ in 0..20 {
        let client = Raw::knock(addr, "/", "").await;
        hooks.push(within("the hook", enters.recv()).await.expect("it begins"));
        drop(client);
    }
    until(&server, "the clients to be missed", |server| server.stats().connections == 0).await;
    assert_eq!(inside.load(Ordering::SeqCst), 20);
    drop(hooks);
    until(&server, "everybody to be counted out", |_| inside.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn connect_hooks_whose_clients_have_gone_count_as_connections() {
    let (inside, (entered, mut enters)) = (Arc::new(AtomicUsize::new(0)), mpsc::unbounded_channel());
    let (server, addr) = start(counting(inside.clone(), entered).max_connections(2)).await;
    let mut hooks = Vec::new();
    for _ in 0..2 {
        let mut client = Raw::open(addr).await;
        let request = "GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        client.write(request.as_bytes()).await;
        hooks.push(within("the hook", enters.recv()).await.expect("it begins"));
    }
    until(&server, "the clients to be missed", |server| server.stats().connections == 0).await;
    let (_refused, head) = Raw::handshake(addr, "").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    drop(hooks);
    until(&server, "everybody to be counted out", |_| inside.load(Ordering::SeqCst) == 0).await;
    let _admitted = tokio::spawn(Raw::handshake(addr, ""));
    within("another hook", enters.recv()).await.expect("it begins");
}

/// Its socket and its hook were counted.
#[tokio::test]
async fn a_connect_hook_that_takes_too_long_counts_once() {
    let (inside, (entered, mut enters)) = (Arc::new(AtomicUsize::new(0)), mpsc::unbounded_channel());
    let builder = counting(inside, entered).max_connections(2).handshake_timeout(Duration::from_millis(100));
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    let _hook = enters.recv().await.expect("the hook begins");
    assert_eq!(client.next_json().await["payload"]["code"], "REFUSED");
    assert_eq!(server.stats().connections, 1);
    let _admitted = tokio::spawn(Raw::handshake(addr, ""));
    within("another hook", enters.recv()).await.expect("it begins");
}

/// The closure holds its own socket, and nothing came after the end to take it away.
#[tokio::test]
async fn a_handler_that_is_set_after_the_end_holds_nothing() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let builder = PPServer::<Arena>::builder().on_connect(move |socket: Socket<Arena>, _| {
        told.send(socket).expect("the test listens");
        ready(Ok(()))
    });
    let (server, addr) = start(builder).await;
    let client = connect(addr).await;
    let socket = hears.recv().await.expect("it connects");
    drop(client);
    until(&server, "it to be gone", |server| server.stats().connections == 0).await;
    let ended = async {
        // The connection's task may still be at its end.
        loop {
            let held = Arc::new(());
            let watched = Arc::downgrade(&held);
            socket.on(move |_: Socket<Arena>, _: PlayerMove| {
                let _ = &held;
                ready(())
            });
            if watched.strong_count() == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    within("a handler that is not kept", ended).await;
}

#[tokio::test]
async fn a_connect_hook_that_takes_too_long_ends_and_the_disconnect_hook_follows() {
    let (inside, (entered, mut enters)) = (Arc::new(AtomicUsize::new(0)), mpsc::unbounded_channel());
    let builder = counting(inside.clone(), entered).handshake_timeout(Duration::from_millis(100));
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    let go_on = within("the hook", enters.recv()).await.expect("it begins");
    assert_eq!(client.next_json().await["payload"]["code"], "REFUSED");
    assert_eq!(client.next_close().await, 4003);
    until(&server, "it to be gone", |server| server.stats().connections == 0).await;
    assert_eq!(inside.load(Ordering::SeqCst), 1);
    go_on.send(()).expect("the hook waits");
    until(&server, "it to be counted out", |_| inside.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_close_in_a_handler_goes_to_its_end() {
    let redis = RedisServer::start().await;
    let builder =
        PPServer::<Arena>::builder().adapter(redis.adapter().await).on_connect(async |socket: Socket<Arena>, _| {
            socket.join("arena").await?;
            socket.on(async |socket: Socket<Arena>, _: PlayerMove| socket.server().close().await);
            Ok(())
        });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    client.send_binary(player_move(0.0, 0.0)).await;
    assert_eq!(client.next_json().await["type"], "__pp_shutdown");
    assert_eq!(client.next_close().await, 1001);
    close(&server).await;
    redis.assert_empty().await;
}

#[tokio::test]
async fn a_close_goes_on_where_nobody_waits_for_it() {
    let redis = RedisServer::start().await;
    let (server, addr) = start(room().adapter(redis.adapter().await)).await;
    let mut client = connect(addr).await;
    drop(server.close());
    assert_eq!(client.next_json().await["type"], "__pp_shutdown");
    assert_eq!(client.next_close().await, 1001);
    eventually("Redis to be empty", async || redis.keys().await.is_empty()).await;
}

/// In virtual time, over a connection within the process.
#[tokio::test(start_paused = true)]
async fn whoever_floods_is_closed_after_a_while() {
    let server = build(room()).await;
    let shaking = tokio_tungstenite::client_async("ws://here/", pipe(&server, 1 << 20));
    let (socket, _) = within("a handshake", shaking).await.expect("a handshake");
    let (mut sink, mut stream) = socket.split();
    let flooding = tokio::spawn(async move {
        let began = tokio::time::Instant::now();
        loop {
            for _ in 0..1200 {
                if sink.send(json_event("x", Value::Null).into()).await.is_err() {
                    return began.elapsed();
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let mut code = None;
    let reading = async {
        while let Some(Ok(message)) = stream.next().await {
            if let WsMessage::Close(Some(frame)) = message {
                code = Some(u16::from(frame.code));
            }
        }
    };
    within("the flood to be ended", reading).await;
    assert_eq!(code, Some(close_code::POLICY));
    let after = within("the flood to end", flooding).await.expect("it ends");
    assert!(after >= Duration::from_secs(10), "closed after {after:?}");
}

/// Neither frames without a message nor what comes after a close cost anybody else more than their share. In virtual time.
#[tokio::test(start_paused = true)]
async fn nobody_is_read_faster_than_four_times_its_rate() {
    const MOST: usize = 40 << 20;
    let begin = masked(BINARY, b"");
    let floods = [
        ("empty fragments", begin, masked(0, b"")),
        ("text after a close", masked(FIN | BINARY, &player_move(0.0, 0.0)), masked(FIN | TEXT, b"{}")),
    ];
    for (what, first, next) in floods {
        let builder = PPServer::<Arena>::builder()
            .max_messages_per_second(0)
            .max_messages_per_minute(0)
            .on(async |socket: Socket<Arena>, _: PlayerMove| socket.close(4000, "go away"));
        let server = build(builder).await;
        let mut ours = piped(&server, 64 << 10, "").await;
        ours.write_all(&first).await.expect("written");
        let block = next.repeat(1000);
        let mut written = 0;
        let flooding = async {
            while written < MOST && ours.write_all(&block).await.is_ok() {
                written += block.len();
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(4), flooding).await;
        // Two seconds' worth may come at once.
        assert!(written < 12 << 20, "{what}: {written} bytes were read in 4 s");
    }
}
