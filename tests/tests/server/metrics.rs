//! What a metrics system is told: every name that `docs/operations.md` promises, and no label that a client makes up.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use painda_runtime::{
    Emitter, Error, PPServer, RedisAdapter,
    adapter::MemoryAdapter,
    server::{PPServerBuilder, Socket},
};
use painda_tests::{
    frames::{Header, SCHEMA, json_event, player_hit, player_move},
    metrics::Metrics,
    raw::{CLOSE, FIN, Raw, masked},
    redis::RedisServer,
    server::{close, connect, fill, start, until},
    within,
};
use schemas::{Arena, PlayerHit, PlayerMove};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Everybody is in one room and receives moves; a hit fails.
fn failing_room() -> PPServerBuilder<Arena> {
    PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, _| {
        socket.join("arena").await?;
        socket.on(async |socket, moved: PlayerMove| socket.to("arena").emit(&moved));
        socket.on(async |_: Socket<Arena>, _: PlayerHit| Err::<(), _>(Error::other("no")));
        Ok(())
    })
}

/// The rows of the tables in the docs that begin with a name of ours: name, type, labels, meaning.
fn documented() -> BTreeMap<String, (String, String, String)> {
    let rows = include_str!("../../../docs/operations.md").lines().filter(|line| line.starts_with("| `painda_"));
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let [name, kind, labels, meaning] = cells.try_into().expect("four cells");
        (name.trim_matches('`').to_owned(), (kind, labels, meaning))
    };
    rows.map(row).collect()
}

#[tokio::test]
async fn every_metric_is_described_as_the_docs_say() {
    let metrics = Metrics::record();
    let redis = RedisServer::start().await;
    let (server, addr) = start(failing_room().adapter(redis.adapter().await)).await;
    let mut client = connect(addr).await;
    client.close(1000).await;
    assert_eq!(client.next_close().await, 1000);
    metrics.until("painda_redis_health{state=\"up\"}", 1.0).await;
    metrics.until("painda_connections_closed_total{code=\"1000\",reason=\"client\"}", 1.0).await;

    let mut told: BTreeMap<String, (String, BTreeSet<String>, String)> = BTreeMap::new();
    for ((name, labels), metric) in metrics.all() {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let entry = told.entry(name).or_insert((kind, BTreeSet::new(), metric.description));
        entry.1.extend(labels.iter().filter_map(|label| Some(format!("`{}`", label.split_once('=')?.0))));
    }
    let told: BTreeMap<_, _> = told
        .into_iter()
        .map(|(name, (kind, labels, what))| (name, (kind, labels.into_iter().collect::<Vec<_>>().join(", "), what)))
        .collect();
    let documented = documented();
    let table = |rows: &BTreeMap<String, (String, String, String)>| -> Vec<String> {
        rows.iter().map(|(name, (kind, labels, what))| format!("| `{name}` | {kind} | {labels} | {what} |")).collect()
    };
    let (told, documented) = (table(&told), table(&documented));
    let missing: Vec<_> = told.iter().filter(|row| !documented.contains(row)).collect();
    let stale: Vec<_> = documented.iter().filter(|row| !told.contains(row)).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/operations.md lacks\n{}\nand has\n{}",
        missing.into_iter().cloned().collect::<Vec<_>>().join("\n"),
        stale.into_iter().cloned().collect::<Vec<_>>().join("\n")
    );
    close(&server).await;
}

#[tokio::test]
async fn messages_are_counted_by_event() {
    let metrics = Metrics::record();
    let (server, addr) = start(failing_room()).await;
    let (mut one, mut other) = (connect(addr).await, connect(addr).await);
    one.send_binary(player_move(1.0, 2.0)).await;
    other.expect_frame(&player_move(1.0, 2.0)).await;
    one.send_binary(player_hit(1, 2, 3)).await;
    one.send_binary(json_event("chat:say", json!("hi"))).await;
    server.broadcast_json("news", &Value::Null).expect("emitted");
    server.to("arena").emit(&PlayerHit { attacker: 1, target: 2, damage: 3 }).expect("emitted");
    until(&server, "all to be handled", |server| server.stats().received == 3 && server.stats().unhandled == 1).await;

    for (which, value) in [
        ("painda_emits_total{event=\"player:move\"}", 1.0),
        ("painda_emits_total{event=\"player:hit\"}", 1.0),
        ("painda_emits_total{event=\"other\"}", 1.0),
        ("painda_deliveries_total{event=\"player:move\"}", 1.0),
        ("painda_deliveries_total{event=\"player:hit\"}", 2.0),
        ("painda_deliveries_total{event=\"other\"}", 2.0),
        ("painda_delivered_bytes_total{event=\"player:move\"}", 26.0),
        ("painda_handler_seconds{event=\"player:move\"}", 1.0),
        ("painda_handler_seconds{event=\"player:hit\"}", 0.0),
        ("painda_handlers_failed_total{event=\"player:hit\"}", 1.0),
        ("painda_handlers_failed_total{event=\"other\"}", 0.0),
        ("painda_messages_unhandled_total{event=\"other\"}", 1.0),
        ("painda_messages_received_total", 3.0),
    ] {
        assert_eq!(metrics.value(which), value, "{which}");
    }
    let stats = server.stats();
    assert_eq!((stats.emits, stats.deliveries, stats.failed_handlers, stats.unhandled), (3, 5, 1, 1));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_and_middleware_that_refuses_are_counted_by_event() {
    let metrics = Metrics::record();
    let builder = PPServer::<Arena>::builder()
        .handler_timeout(Duration::from_millis(50))
        .on_connect(async |socket: Socket<Arena>, _| {
            socket.on(async |_: Socket<Arena>, _: PlayerMove| std::future::pending::<()>().await);
            Ok(())
        })
        .middleware(async |_, message: painda_runtime::server::Incoming| match message.name() {
            "player:hit" => Err(Error::refused("nobody is hit")),
            _ => Ok(message),
        })
        .on_auth(async |_, _| std::future::pending().await);
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    client.send_binary(player_hit(1, 2, 3)).await;
    assert_eq!(client.next_json().await["payload"]["code"], "REFUSED");
    client.send_binary(player_move(1.0, 2.0)).await;
    client.send_binary(json_event("__pp_auth", json!({"token": "t"}))).await;
    until(&server, "handler and hook to be given up", |server| server.stats().failed_handlers == 2).await;
    assert_eq!(metrics.value("painda_handlers_failed_total{event=\"player:move\"}"), 1.0);
    assert_eq!(metrics.value("painda_handlers_failed_total{event=\"other\"}"), 1.0);
    assert_eq!(metrics.value("painda_messages_refused_total{event=\"player:hit\"}"), 1.0);
}

#[tokio::test]
async fn what_is_wrong_with_messages_is_counted_by_the_code_that_the_client_is_told() {
    let metrics = Metrics::record();
    let (server, addr) = start(failing_room()).await;
    let mut client = connect(addr).await;
    let messages = [
        ("BAD_FRAME", b"?".to_vec()),
        ("BAD_JSON", json_event("", Value::Null)[..18].to_vec()),
        ("BAD_JSON", Header::new(0, 0).frame(b"[]")),
        ("BAD_JSON", Header::new(0, 0).frame(b"{")),
        ("BAD_PAYLOAD", json_event("player:move", json!({"x": "a lot"}))),
        ("BAD_PAYLOAD", Header::new(SCHEMA, 1).frame(&[1, 2])),
        ("RESERVED_NAME", json_event("__pp_shutdown", Value::Null)),
        ("UNKNOWN_EVENT", Header::new(SCHEMA, 4711).frame(&[])),
    ];
    let mut expected: BTreeMap<String, f64> = BTreeMap::new();
    for (_, message) in &messages {
        client.send_binary(message.clone()).await;
        let told = client.next_json().await["payload"]["code"].as_str().expect("a code").to_owned();
        *expected.entry(told).or_default() += 1.0;
    }
    let codes: BTreeSet<_> = messages.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(expected.keys().cloned().collect::<BTreeSet<_>>(), codes);
    let mut bad = Raw::connect(addr).await;
    bad.frame(FIN | 3, b"").await;
    assert_eq!(bad.close_code().await, 1002);
    expected.insert("WEBSOCKET".to_owned(), 1.0);
    for error in metrics.label_values("painda_messages_malformed_total", "error") {
        let counted = metrics.value(&format!("painda_messages_malformed_total{{error=\"{error}\"}}"));
        assert_eq!(counted, expected.get(&error).copied().unwrap_or_default(), "{error}");
    }
    assert_eq!(server.stats().malformed, messages.len() as u64 + 1);
}

#[tokio::test]
async fn a_client_that_vanishes_is_no_malformed_message() {
    let metrics = Metrics::record();
    let (server, addr) = start(failing_room()).await;
    for _ in 0..3 {
        // One says half a message, one has sent what is not read yet, one says nothing at all.
        let mut half = Raw::connect(addr).await;
        half.write(&masked(FIN | 2, &player_move(1.0, 2.0))[..9]).await;
        let mut busy = Raw::connect(addr).await;
        busy.write(&masked(FIN | 2, &player_move(1.0, 2.0)).repeat(100)).await;
        let silent = Raw::connect(addr).await;
        drop((half, busy, silent));
    }
    until(&server, "all to be gone", |server| server.stats().closed == 9 && server.stats().connections == 0).await;
    let stats = server.stats();
    assert_eq!((stats.malformed, stats.opened), (0, 9));
    assert_eq!(metrics.value("painda_connections_closed_total{code=\"1006\",reason=\"broken\"}"), 9.0);
}

#[tokio::test]
async fn ends_are_counted_once_by_reason_and_code() {
    let metrics = Metrics::record();
    let builder = failing_room().queue_limit(1000).queue_burst(2000).max_connections_per_address(1).on_auth(
        async |socket: Socket<Arena>, token: String| {
            match token.parse() {
                Ok(code) => socket.close(code, "as you wish"),
                Err(_) => return Err(Error::refused("no number")),
            }
            Ok(())
        },
    );
    let (server, addr) = start(builder).await;
    let mut ends = 0;
    let mut ended = async || {
        ends += 1;
        until(&server, "the end to be counted", |server| server.stats().closed == ends).await;
        // A limit of one connection for each address: this one has left it.
        until(&server, "the connection to be gone", |server| server.stats().connections == 0).await;
    };
    for (code, label) in [(1000, "1000"), (4711, "other"), (3000, "other")] {
        let mut client = connect(addr).await;
        client.close(code).await;
        assert_eq!(client.next_close().await, code);
        drop(client);
        ended().await;
        let which = format!("painda_connections_closed_total{{code=\"{label}\",reason=\"client\"}}");
        assert!(metrics.value(&which) >= 1.0, "{which}");
    }
    let mut nothing = Raw::connect(addr).await;
    nothing.frame(FIN | CLOSE, b"").await;
    nothing.ended().await;
    ended().await;
    for (token, which) in [
        ("4321", "{code=\"4321\",reason=\"server\"}"),
        ("1013", "{code=\"1013\",reason=\"server\"}"),
        ("?", "{code=\"4003\",reason=\"refused\"}"),
    ] {
        let mut client = connect(addr).await;
        client.send_binary(json_event("__pp_auth", json!({ "token": token }))).await;
        while !matches!(client.next_message().await, Message::Close(_)) {}
        drop(client);
        ended().await;
        let which = format!("painda_connections_closed_total{which}");
        assert_eq!(metrics.value(&which), 1.0, "{which}");
    }
    let first = connect(addr).await;
    let mut second = connect(addr).await;
    assert_eq!(second.next_json().await["type"], "__pp_error");
    assert_eq!(second.next_close().await, 4029);
    drop((first, second));
    ended().await;
    ended().await;
    let silent = Raw::connect(addr).await;
    fill(&server).await;
    drop(silent);
    ended().await;

    let counted: BTreeMap<_, _> = metrics
        .all()
        .into_iter()
        .filter(|((name, _), _)| name == "painda_connections_closed_total")
        .map(|((_, labels), metric)| (labels.join(","), metric.value))
        .collect();
    let expected = [
        ("code=\"1000\",reason=\"client\"", 1.0),
        ("code=\"other\",reason=\"client\"", 2.0),
        ("code=\"1005\",reason=\"client\"", 1.0),
        ("code=\"4321\",reason=\"server\"", 1.0),
        ("code=\"1013\",reason=\"server\"", 1.0),
        ("code=\"4003\",reason=\"refused\"", 1.0),
        ("code=\"4029\",reason=\"refused\"", 1.0),
        ("code=\"1006\",reason=\"broken\"", 1.0),
        ("code=\"4008\",reason=\"slow\"", 1.0),
    ];
    assert_eq!(counted, expected.map(|(labels, value)| (labels.to_owned(), value)).into());
    assert_eq!(metrics.value("painda_connections_opened_total"), 10.0);
    assert_eq!(metrics.value("painda_clients_refused_total{reason=\"address\"}"), 1.0);
    assert_eq!(metrics.value("painda_clients_refused_total{reason=\"auth_hook\"}"), 1.0);
}

#[tokio::test]
async fn no_client_makes_values_of_labels() {
    let metrics = Metrics::record();
    let (server, addr) = start(failing_room().max_messages_per_second(0).max_messages_per_minute(0)).await;
    let before = metrics.all().len();
    for n in 0..50u16 {
        let mut client = connect(addr).await;
        for m in 0..20 {
            client.send_binary(json_event(&format!("made up {n} {m}"), Value::Null)).await;
        }
        client.send_binary(Header::new(SCHEMA, 1000 + n).frame(&[])).await;
        assert_eq!(client.next_json().await["payload"]["code"], "UNKNOWN_EVENT");
        client.close(4000 + n).await;
        assert_eq!(client.next_close().await, 4000 + n);
        drop(client);
        Raw::handshake(addr, &format!("Sec-WebSocket-Version: {n}\r\nOrigin: https://{n}.example\r\n")).await;
    }
    until(&server, "all to be gone", |server| server.stats().connections == 0).await;
    assert_eq!(server.stats().unhandled, 1000);
    // Those of the ends alone are made when they come: of the client's close, and of the raw ones that went without a word.
    let now = metrics.all().len();
    assert!(now <= before + 2, "{} more: {:?}", now - before, metrics.all().keys());
    let names: Vec<_> = ["other", "player:hit", "player:move"].map(str::to_owned).into();
    assert_eq!(metrics.label_values("painda_messages_unhandled_total", "event"), names);
}

#[tokio::test]
async fn nodes_of_one_process_add_up_and_are_gone_when_they_are() {
    let metrics = Metrics::record();
    let bus = MemoryAdapter::new();
    let (left, left_addr) = start(failing_room().adapter(bus.node())).await;
    let (right, right_addr) = start(failing_room().adapter(bus)).await;
    let mut clients = [connect(left_addr).await, connect(right_addr).await, connect(right_addr).await];
    metrics.until("painda_connections", 3.0).await;
    metrics.until("painda_rooms", 2.0).await;
    let stopping = tokio::spawn(async move { close(&right).await });
    for client in &mut clients[1..] {
        assert_eq!(client.next_json().await["type"], "__pp_shutdown");
        assert_eq!(client.next_close().await, 1001);
    }
    stopping.await.expect("it closes");
    metrics.until("painda_connections", 1.0).await;
    metrics.until("painda_rooms", 1.0).await;
    assert_eq!(metrics.value("painda_connections_closed_total{code=\"1001\",reason=\"server\"}"), 2.0);
    drop((left, clients));
}

#[tokio::test]
async fn an_emitter_shows_how_its_redis_is() {
    let metrics = Metrics::record();
    let mut redis = RedisServer::start().await;
    let adapter =
        Arc::new(RedisAdapter::builder().url(redis.url()).queue_bytes(1000).connect().await.expect("a Redis"));
    let emitter = Emitter::<Arena>::new(adapter.clone());
    emitter.broadcast(&PlayerMove { x: 1.0, y: 2.0 }).expect("queued");
    metrics.until("painda_redis_published_total", 1.0).await;
    metrics.until("painda_redis_health{state=\"up\"}", 1.0).await;
    redis.kill().await;
    metrics.until("painda_redis_health{state=\"degraded\"}", 1.0).await;
    assert_eq!(metrics.value("painda_redis_health{state=\"up\"}"), 0.0);
    let mut queued = 0.0;
    while emitter.broadcast(&PlayerMove { x: 1.0, y: 2.0 }).is_ok() {
        queued += 1.0;
    }
    metrics.until("painda_redis_queue_messages", queued).await;
    assert!(metrics.value("painda_redis_queue_bytes") > 11.0 * queued);
    assert_eq!(metrics.value("painda_redis_refused_total"), 1.0);
    redis.restart().await;
    metrics.until("painda_redis_published_total", 1.0 + queued).await;
    metrics.until("painda_redis_queue_messages", 0.0).await;
    metrics.until("painda_redis_health{state=\"up\"}", 1.0).await;
    assert!(metrics.value("painda_redis_reconnects_total") >= 1.0);
    assert!(metrics.value("painda_redis_subscription_down_milliseconds_total") >= 1.0);
    let stats = adapter.stats();
    assert_eq!((stats.published, stats.refused, stats.in_flight), (1 + queued as u64, 1, 0));
    // Gone is not degraded.
    within("the emitter to close", emitter.close()).await.expect("it closes in order");
    drop((emitter, adapter));
    metrics.until("painda_redis_health{state=\"up\"}", 0.0).await;
    assert_eq!(metrics.value("painda_redis_health{state=\"degraded\"}"), 0.0);
}
