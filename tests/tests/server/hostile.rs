//! What one client can do to a node and to the others, and that an application which sends much is not taken for one of those: each of
//! these did harm once.

use std::{
    future::ready,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use painda_runtime::{
    Error, PPServer,
    server::{Socket, close_code},
};
use painda_tests::{
    eventually,
    frames::{HEADER, deflated_json, json_event, player_move},
    raw::{BINARY, FIN, PONG, Raw, TEXT, handshake, masked},
    server::{build, connect, pipe, piped, room, start, until},
    within,
};
use schemas::{Arena, PlayerMove};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};
use tokio_tungstenite::tungstenite::Message as WsMessage;

/// More than any answer of the protocol has, in bytes.
const FEW_KB: usize = 4 << 10;

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
async fn a_client_that_reads_no_answers_has_few_of_them_waiting() {
    let (server, addr) = start(room().max_messages_per_second(0).max_messages_per_minute(0)).await;
    let mut stalled = Raw::connect(addr).await;
    let garbage = masked(FIN | BINARY, b"?").repeat(10_000);
    for round in 1..=20u64 {
        stalled.write(&garbage).await;
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
    let mut stalled = Raw::connect(addr).await;
    // More than the kernel takes, less than may wait.
    for _ in 0..12 {
        server.to("arena").emit_json("filler", &json!("x".repeat(600 << 10))).expect("emitted");
    }
    assert!(server.stats().queued_bytes > 0);
    let ponging = tokio::spawn(async move {
        loop {
            stalled.frame(FIN | PONG, b"").await;
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

/// Reads this many bytes a second, and returns when the connection ends.
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
async fn a_connect_hook_that_emits_too_much_is_told_so_and_closes_nobody() {
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
async fn a_handler_that_waits_for_room_sends_as_much_as_it_likes() {
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

/// In virtual time, over a connection within the process.
#[tokio::test(start_paused = true)]
async fn a_client_that_floods_is_closed_after_a_while() {
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
