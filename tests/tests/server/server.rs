//! The server's interface, on nodes within this process: hooks, handlers, audiences, dialects, mounting.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use painda_runtime::{
    Error, PPServer,
    adapter::MemoryAdapter,
    server::{Disconnect, Handshake, Socket},
};
use painda_tests::{
    client::Client,
    frames::{Header, JSON, hex, json_event, json_of, player_hit, player_move},
    process::Arena as Process,
    raw::Raw,
    redis::RedisServer,
    server::{build, close, connect, room, start},
    within,
};
use schemas::{Arena, PlayerHit, PlayerMove};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message as WsMessage;

#[tokio::test]
async fn a_client_that_sees_its_connection_open_is_in_its_room() {
    let (server, addr) = start(room()).await;
    for x in 0..50u8 {
        let mut client = connect(addr).await;
        let moved = PlayerMove { x: f32::from(x), y: 0.0 };
        server.to("arena").emit(&moved).expect("emitted");
        client.expect_frame(&player_move(f32::from(x), 0.0)).await;
    }
}

#[tokio::test]
async fn a_sockets_own_handler_comes_before_that_of_all() {
    let builder = PPServer::<Arena>::builder()
        .on_connect(async |socket: Socket<Arena>, handshake: Handshake| {
            if handshake.query("own").is_some() {
                socket.on(async |socket: Socket<Arena>, _: PlayerMove| socket.emit_json("own", &json!(1)));
                socket.on_json("chat:say", async |socket: Socket<Arena>, _| socket.emit_json("own", &json!(2)));
            }
            Ok(())
        })
        .on(async |socket: Socket<Arena>, moved: PlayerMove| socket.emit(&moved))
        .on(async |socket: Socket<Arena>, hit: PlayerHit| socket.emit(&hit))
        .on_json("chat:say", async |socket: Socket<Arena>, said: Value| socket.emit_json("chat:say", &said));
    let (_server, addr) = start(builder).await;
    let mut plain = connect(addr).await;
    let mut special = Client::connect(&format!("ws://{addr}/?own=1")).await;
    for client in [&mut plain, &mut special] {
        client.send_binary(player_move(1.0, 2.0)).await;
        client.send_binary(json_event("chat:say", json!("hi"))).await;
        client.send_binary(player_hit(1, 2, 3)).await;
    }
    plain.expect_frame(&player_move(1.0, 2.0)).await;
    assert_eq!(plain.next_json().await, json!({"type": "chat:say", "payload": "hi"}));
    plain.expect_frame(&player_hit(1, 2, 3)).await;
    assert_eq!(special.next_json().await, json!({"type": "own", "payload": 1}));
    assert_eq!(special.next_json().await, json!({"type": "own", "payload": 2}));
    special.expect_frame(&player_hit(1, 2, 3)).await;
}

#[tokio::test]
async fn nodes_on_one_bus_are_a_cluster() {
    let bus = MemoryAdapter::new();
    let (_left, left_addr) = start(room().adapter(bus.node())).await;
    let (right, right_addr) = start(room().adapter(bus)).await;
    let (mut here, mut there) = (connect(left_addr).await, connect(right_addr).await);

    here.send_binary(player_move(1.0, 2.0)).await;
    there.expect_frame(&player_move(1.0, 2.0)).await;
    right.broadcast(&PlayerHit { attacker: 1, target: 2, damage: -3 }).expect("emitted");
    for client in [&mut here, &mut there] {
        client.expect_frame(&player_hit(1, 2, -3)).await;
    }
}

#[tokio::test]
async fn a_room_emit_of_the_server_is_11_bytes_on_redis() {
    let redis = RedisServer::start().await;
    let (server, _) = start(room().adapter(redis.adapter().await)).await;
    let mut tap = redis.tap().await;
    server.to("arena").emit(&PlayerMove { x: 1.5, y: 2.5 }).expect("emitted");
    assert_eq!(hex(&tap.next_on("pp:ch:arena").await), "0000013fc0000040200000");
    close(&server).await;
}

#[tokio::test]
async fn json_for_a_registered_event_reaches_the_typed_handler() {
    let (_server, addr) = start(room()).await;
    let (mut json, mut binary) = (connect(addr).await, connect(addr).await);

    json.send_text(r#"{"type":"player:move","payload":{"x":1.5,"y":2.5}}"#).await;
    binary.expect_frame(&player_move(1.5, 2.5)).await;
    json.send_binary(json_event("player:move", json!({"x": 3, "y": 4}))).await;
    binary.expect_frame(&player_move(3.0, 4.0)).await;

    json.send_text(r#"{"type":"player:move","payload":{"x":1.5}}"#).await;
    let error = json.next_json().await;
    assert_eq!(error["type"], "__pp_error");
    assert_eq!(error["payload"]["code"], "BAD_PAYLOAD");
    let sentence = error["payload"]["message"].as_str().expect("a sentence");
    assert!(sentence.contains("player:move") && sentence.contains('y'), "{sentence}");
}

#[tokio::test]
async fn a_client_that_speaks_version_1_is_answered_in_version_1() {
    let (_server, addr) = start(room()).await;
    let (mut old, mut new) = (connect(addr).await, connect(addr).await);
    let text = br#"{"type":"chat:say","payload":"hi"}"#;
    let mut frame = b"PPND\0\x01\0\0\0\0\0".to_vec();
    frame.push(u8::try_from(text.len()).expect("short"));
    frame.extend_from_slice(text);
    old.send_binary(frame.clone()).await;
    assert_eq!(json_of(&new.next_frame().await), json!({"type": "chat:say", "payload": "hi"}));

    new.send_binary(json_event("chat:say", json!("hi"))).await;
    old.expect_frame(&frame).await;
    new.send_binary(player_move(1.5, 2.5)).await;
    let got = old.next_frame().await;
    assert_eq!(got[..8], *b"PPND\0\x01\0\0");
    assert_eq!(
        serde_json::from_slice::<Value>(&got[12..]).expect("JSON"),
        json!({"type": "player:move", "payload": {"x": 1.5, "y": 2.5}})
    );
}

#[tokio::test]
async fn a_client_that_asks_for_json_gets_text() {
    let (server, addr) = start(room()).await;
    let mut client = Client::connect_with_protocol(&format!("ws://{addr}/"), "pp.json").await;
    server.to("arena").emit(&PlayerMove { x: 1.5, y: 2.5 }).expect("emitted");
    let WsMessage::Text(text) = client.next_message().await else { panic!("expected text") };
    assert_eq!(
        serde_json::from_str::<Value>(&text).expect("JSON"),
        json!({"type": "player:move", "payload": {"x": 1.5, "y": 2.5}})
    );
}

#[tokio::test]
async fn named_json_of_a_registered_event_is_sent_in_its_binary_form() {
    let (server, addr) = start(room()).await;
    let mut client = connect(addr).await;
    server.to("arena").emit_json("player:move", &json!({"x": 1.5, "y": 2.5})).expect("emitted");
    client.expect_frame(&player_move(1.5, 2.5)).await;
    server.to("arena").emit_json("anything", &json!([1])).expect("emitted");
    assert_eq!(client.next_json().await, json!({"type": "anything", "payload": [1]}));

    assert!(matches!(server.broadcast_json("player:move", &json!({"x": 1})), Err(Error::Json { .. })));
    assert!(matches!(server.broadcast_json("__pp_shutdown", &json!({})), Err(Error::InvalidName { .. })));
}

#[tokio::test]
async fn a_refused_client_is_told_why_and_closed_with_4003() {
    let builder =
        PPServer::<Arena>::builder().on_connect(async |_, handshake: Handshake| match handshake.query("token") {
            Some(token) if token == "open sesame" => Ok(()),
            _ => Err(Error::refused("no token, no entry")),
        });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    let error = client.next_json().await;
    assert_eq!(error["type"], "__pp_error");
    assert_eq!(error["payload"]["message"], "no token, no entry");
    assert_eq!(client.next_close().await, 4003);

    let mut client = Client::connect(&format!("ws://{addr}/?token=open%20sesame")).await;
    server.broadcast(&PlayerMove { x: 0.0, y: 0.0 }).expect("emitted");
    client.expect_frame(&player_move(0.0, 0.0)).await;
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_closes_nothing() {
    let builder = PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.on(async |socket: Socket<Arena>, moved: PlayerMove| {
            assert!(moved.x < 10.0, "a panic that the test wants");
            if moved.x < 0.0 {
                return Err(Error::other("too far left"));
            }
            socket.emit(&moved)?;
            Ok(())
        });
        socket
            .on(|_, hit: PlayerHit| -> std::future::Ready<()> { panic!("wanted, before the future exists: {hit:?}") });
        Ok(())
    });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    for x in [-1.0, 99.0, 1.0] {
        client.send_binary(player_move(x, 0.0)).await;
    }
    client.expect_frame(&player_move(1.0, 0.0)).await;
    client.send_binary(player_hit(1, 2, 3)).await;
    client.send_binary(player_move(2.0, 0.0)).await;
    client.expect_frame(&player_move(2.0, 0.0)).await;
    assert_eq!(server.stats().failed_handlers, 3);
}

#[tokio::test]
async fn rooms_are_joined_left_and_told_of_the_end() {
    let (told, mut ends) = mpsc::unbounded_channel();
    let builder = PPServer::<Arena>::builder()
        .on_connect(async |socket: Socket<Arena>, _| {
            socket.join("a").await?;
            socket.join("b").await?;
            socket.join("b").await?;
            socket.leave("a").await?;
            socket.leave("never joined").await?;
            for bad in ["", "__pp_all", &"x".repeat(256)] {
                assert!(matches!(socket.join(bad).await, Err(Error::InvalidName { .. })), "{bad:?}");
            }
            Ok(())
        })
        .on_disconnect(move |socket: Socket<Arena>, end| {
            let told = told.clone();
            async move {
                let _ = told.send((socket.rooms(), end));
                let _ = socket.to("b").emit(&PlayerMove { x: 0.0, y: 0.0 });
            }
        });
    let (server, addr) = start(builder).await;
    let (mut leaver, mut stayer) = (connect(addr).await, connect(addr).await);
    // To nobody: emits of one node reach a client in their order, so this would come before the move below.
    server.to("a").emit(&PlayerHit { attacker: 0, target: 0, damage: 0 }).expect("emitted to nobody");
    leaver.close(4321).await;
    let (rooms, end) = within("the hook", ends.recv()).await.expect("the hook is called");
    assert_eq!((rooms, end), (vec!["b".to_owned()], Disconnect::Client(4321)));
    stayer.expect_frame(&player_move(0.0, 0.0)).await;
}

#[tokio::test]
async fn a_closed_socket_takes_no_emits_and_gets_its_code() {
    let (_server, addr) = start(PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.on(async |socket: Socket<Arena>, moved: PlayerMove| {
            socket.emit(&moved)?;
            socket.close(4000, "enough");
            assert!(matches!(socket.emit(&moved), Err(Error::Disconnected)));
            Ok(())
        });
        Ok(())
    }))
    .await;
    let mut client = connect(addr).await;
    client.send_binary(player_move(1.0, 1.0)).await;
    client.expect_frame(&player_move(1.0, 1.0)).await;
    assert_eq!(client.next_close().await, 4000);
}

#[tokio::test]
async fn protocol_names_from_a_client_reach_no_handler() {
    let called = Arc::new(AtomicUsize::new(0));
    let counted = called.clone();
    let (_server, addr) = start(PPServer::<Arena>::builder().on_connect(move |socket: Socket<Arena>, _| {
        let counted = counted.clone();
        async move {
            for name in ["__pp_shutdown", "__pp_auth"] {
                let counted = counted.clone();
                socket.on_json(name, move |_, _| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    std::future::ready(())
                });
            }
            Ok(())
        }
    }))
    .await;
    let mut client = connect(addr).await;
    client.send_binary(json_event("__pp_auth", json!({"token": "t"}))).await;
    client.send_binary(Header::new(0, JSON).frame(br#"{"type":"__pp_shutdown"}"#)).await;
    assert_eq!(client.next_json().await["payload"]["code"], "RESERVED_NAME");
    // Messages of one client are handled in their order, and both of them have been.
    assert_eq!(called.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_closed_and_costs_its_queue() {
    let (server, addr) = start(room().queue_limit(10_000)).await;
    let (mut reader, _stalled) = (connect(addr).await, connect(addr).await);
    let line = "x".repeat(4000);
    // Far more than the kernel's buffers and the queue hold.
    let mut sent = 0;
    while server.stats().slow_clients == 0 {
        server.to("arena").emit_json("chat:say", &json!(line)).expect("emitted");
        assert_eq!(reader.next_json().await["payload"], line);
        sent += 1;
        assert!(sent < 100_000, "nobody is ever too slow");
    }
    server.to("arena").emit(&PlayerMove { x: 1.0, y: 1.0 }).expect("emitted");
    reader.expect_frame(&player_move(1.0, 1.0)).await;
}

#[tokio::test]
async fn mounts_on_axum() {
    let server = build(room()).await;
    let app = axum::Router::new()
        .route("/", axum::routing::get(|| async { "a page" }))
        .route_service("/ws", server.service());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut client = Client::connect(&format!("ws://{addr}/ws")).await;
    server.to("arena").emit(&PlayerMove { x: 1.0, y: 1.0 }).expect("emitted");
    client.expect_frame(&player_move(1.0, 1.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_under_load_closes_every_connection() {
    let (server, addr) = start(room()).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(connect(addr).await);
    }
    let listeners: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                let mut next = 0u16;
                loop {
                    let frame = client.next_frame().await;
                    if frame[6..8] == [0, 0] {
                        assert_eq!(json_of(&frame)["type"], "__pp_shutdown", "nothing else is JSON");
                        break;
                    }
                    assert_eq!(frame, player_move(f32::from(next), 0.0), "in order, none twice");
                    next += 1;
                }
                (next, client.next_close().await)
            })
        })
        .collect();
    let emitter = server.clone();
    let stopped = server.clone();
    let emitting = tokio::spawn(async move {
        let mut sent = 0u16;
        while server.stats().connections > 0 && sent < 50_000 {
            server.to("arena").emit(&PlayerMove { x: f32::from(sent), y: 0.0 }).expect("emitted");
            sent += 1;
            if sent == 500 {
                let stopping = stopped.clone();
                tokio::spawn(async move { stopping.close().await });
            }
            tokio::task::yield_now().await;
        }
        sent
    });
    within("the server to close", emitter.closing()).await;
    let sent = within("the emits", emitting).await.expect("emitted to the end");
    for listener in listeners {
        let (received, code) = within("a client", listener).await.expect("a client that received all");
        assert!((500..=sent).contains(&received), "what was emitted before the stop has arrived: {received} of {sent}");
        assert_eq!(code, 1001);
    }
    assert_eq!(emitter.stats().connections, 0);
}

#[tokio::test]
async fn the_arena_shows_its_numbers_to_prometheus() {
    let arena = Process::start(None).await;
    let mut clients = [Client::connect(&arena.ws_url("arena")).await, Client::connect(&arena.ws_url("arena")).await];
    clients[0].send_binary(player_move(1.0, 2.0)).await;
    clients[1].expect_frame(&player_move(1.0, 2.0)).await;
    let answer = Raw::get(arena.addr(), "/metrics").await;
    for line in [
        "painda_connections 2",
        "painda_emits_total{event=\"player:move\"} 1",
        "painda_deliveries_total{event=\"player:move\"} 1",
        "painda_handler_seconds_count{event=\"player:move\"} 1",
        "# HELP painda_emits_total Emits of this node's application, by `event`.",
    ] {
        assert!(answer.lines().any(|found| found == line), "{line} is not in:\n{answer}");
    }
}
