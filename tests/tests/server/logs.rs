//! The log lines that `docs/operations.md` promises, and that clients can't misuse them.

use std::{
    future::pending,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::ailing::Ailing;
use axum::Router;
use painda_runtime::{
    Error, PPServer,
    server::{Handshake, Incoming, PPServerBuilder, Socket},
};
use painda_tests::{
    eventually,
    frames::{json_event, player_hit, player_move},
    logs::Logs,
    raw::{FIN, Raw, TEXT},
    server::{close, connect, fill, start, until},
    within,
};
use schemas::{Arena, PlayerHit, PlayerMove};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

/// The value of a field in a line of the log, without its quotes.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = line.split_once(&format!(" {name}="))?.1;
    match value.strip_prefix('"') {
        Some(text) => text.split('"').next(),
        None => value.split(' ').next(),
    }
}

#[tokio::test]
async fn listening_stopping_stopped() {
    let logs = Logs::capture(LevelFilter::INFO);
    let (server, addr) = start(PPServer::<Arena>::builder()).await;
    let mut client = connect(addr).await;
    let reading = tokio::spawn(async move {
        assert_eq!(client.next_json().await["type"], "__pp_shutdown");
        client.next_close().await
    });
    close(&server).await;
    assert_eq!(within("the client", reading).await.expect("a client"), 1001);
    let listening = logs.find(&["INFO", "painda::server", "listening"]).await;
    assert_eq!(field(&listening, "address"), Some(&*addr.to_string()), "{listening}");
    let stopping = logs.find(&["INFO", "painda::server", "stopping"]).await;
    assert_eq!(field(&stopping, "connections"), Some("1"), "{stopping}");
    let stopped = logs.find(&["INFO", "painda::server", "stopped"]).await;
    assert!(field(&stopped, "after").is_some(), "{stopped}");
    let order = logs.lines();
    let at = |line: &str| order.iter().position(|other| other == line);
    assert!(at(&listening) < at(&stopping) && at(&stopping) < at(&stopped), "{order:#?}");
    logs.find(&["INFO", "painda::cluster", "joined the cluster", "fit=Alone"]).await;
}

#[tokio::test]
async fn a_stop_that_does_not_go_well() {
    let logs = Logs::capture(LevelFilter::INFO);
    let builder = PPServer::<Arena>::builder().adapter(Ailing::default()).shutdown_timeout(Duration::from_millis(200));
    let (server, addr) = start(builder.on_connect(async |_, _| Ok(())).on_disconnect(async |_, _| {
        pending::<()>().await;
    }))
    .await;
    let mut client = connect(addr).await;
    let reading = tokio::spawn(async move {
        assert_eq!(client.next_json().await["type"], "__pp_shutdown");
        client.next_close().await
    });
    assert!(within("the close", server.close()).await.is_err());
    assert_eq!(within("the client", reading).await.expect("a client"), 1001);
    logs.find(&["WARN", "painda::server", "cut off at the shutdown deadline", "clients=1"]).await;
    let line = logs.find(&["WARN", "painda::server", "stopped, but not in order", "it is stuck"]).await;
    assert!(field(&line, "after").is_some(), "{line}");

    // A server that it is mounted on may still take connections.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it listens");
    let app = Router::new().route_service("/", server.service());
    tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await });
    let (_, status) = Raw::handshake(addr, "").await;
    assert!(status.contains("503"), "{status}");
    let line = logs.find(&["INFO", "painda::connect: refused", "reason=\"stopping\""]).await;
    assert_eq!((field(&line, "address"), field(&line, "status")), (Some("127.0.0.1"), Some("503")), "{line}");
}

#[tokio::test]
async fn hooks_that_fail_and_connections_that_say_nothing_of_use() {
    let logs = Logs::capture(LevelFilter::DEBUG);
    let builder = PPServer::<Arena>::builder()
        .on_connect(async |_, _| Ok(()))
        .on_disconnect(async |_, _| Err::<(), _>(Error::other("no\nfarewell")))
        .middleware(async |_, message: Incoming| match message.name() {
            "player:move" => Err(Error::other("no moves")),
            _ => Ok(message),
        });
    let (_server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    client.send_binary(player_move(1.0, 2.0)).await;
    logs.find(&["WARN", "painda::handler", "a handler failed", "event=\"player:move\"", "no moves"]).await;
    drop(client);
    logs.find(&["WARN", "painda::connect", "the disconnect hook failed", r"no\nfarewell"]).await;
    let mut raw = Raw::open(addr).await;
    raw.write(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").await;
    logs.find(&["DEBUG", "painda::server", "a connection broke", "127.0.0.1"]).await;
}

/// A server that ends connections in all the ways that there are.
fn ending() -> PPServerBuilder<Arena> {
    PPServer::<Arena>::builder()
        .queue_limit(1000)
        .queue_burst(2000)
        .on_connect(async |socket: Socket<Arena>, _| {
            socket.join("arena").await?;
            socket.on_json("close me", async |socket: Socket<Arena>, _| socket.close(4321, "as you wish"));
            Ok(())
        })
        .on_auth(async |_, _| Err(Error::refused("a wrong token")))
}

#[tokio::test]
async fn connects_and_disconnects_are_logged_with_reason_code_and_time() {
    let logs = Logs::capture(LevelFilter::INFO);
    let (server, addr) = start(ending().heartbeat(Duration::from_secs(600))).await;
    let left = async |reason: &str, code: &str| {
        let line = logs.find(&["INFO", "painda::connect: disconnected", &format!("reason=\"{reason}\"")]).await;
        let came = logs.find(&["INFO", "painda::connect: connected", field(&line, "id").expect("an id")]).await;
        for line in [&came, &line] {
            assert_eq!(field(line, "address"), Some("127.0.0.1"), "{line}");
        }
        assert_eq!(field(&line, "code"), Some(code), "{line}");
        assert!(field(&line, "after").is_some(), "{line}");
        line
    };

    let mut client = connect(addr).await;
    client.close(4000).await;
    assert_eq!(client.next_close().await, 4000);
    left("client", "4000").await;

    let mut client = connect(addr).await;
    client.send_binary(json_event("close me", Value::Null)).await;
    assert_eq!(client.next_close().await, 4321);
    left("server", "4321").await;

    let mut client = connect(addr).await;
    client.send_binary(json_event("__pp_auth", json!({"token": "guess"}))).await;
    assert_eq!(client.next_json().await["type"], "__pp_error");
    assert_eq!(client.next_close().await, 4003);
    left("refused", "4003").await;

    let mut client = Raw::connect(addr).await;
    client.frame(FIN | 3, b"").await;
    assert_eq!(client.close_code().await, 1002);
    drop(client);
    let line = left("broken", "1002").await;
    assert!(field(&line, "error").is_some(), "{line}");

    let silent = Raw::connect(addr).await;
    fill(&server).await;
    drop(silent);
    left("slow", "4008").await;
}

#[tokio::test]
async fn clients_that_vanish_or_fall_silent_are_logged() {
    let logs = Logs::capture(LevelFilter::INFO);
    let (_server, addr) = start(ending().heartbeat(Duration::from_millis(100))).await;
    drop(Raw::connect(addr).await);
    let line = logs.find(&["painda::connect: disconnected", "reason=\"broken\""]).await;
    assert_eq!(field(&line, "code"), Some("1006"), "{line}");
    let _silent = Raw::connect(addr).await;
    let line = logs.find(&["painda::connect: disconnected", "reason=\"timed_out\""]).await;
    assert_eq!(field(&line, "code"), Some("1006"), "{line}");
}

#[tokio::test]
async fn refusals_before_the_connect_hook_are_logged() {
    let logs = Logs::capture(LevelFilter::INFO);
    let builder = PPServer::<Arena>::builder().allowed_origins(["https://good.example"]).max_connections(1);
    let (server, addr) = start(builder.max_connections_per_address(1)).await;

    assert!(Raw::get(addr, "/").await.contains("426"));
    let line = logs.find(&["INFO", "painda::connect: refused", "reason=\"handshake\""]).await;
    assert_eq!((field(&line, "address"), field(&line, "status")), (Some("127.0.0.1"), Some("426")), "{line}");
    assert!(field(&line, "why").is_some_and(|why| why.contains("WebSocket")), "{line}");

    Raw::handshake(addr, "Origin: https://evil.example\r\n").await;
    let line = logs.find(&["INFO", "painda::connect: refused", "reason=\"origin\""]).await;
    assert_eq!((field(&line, "address"), field(&line, "status")), (Some("127.0.0.1"), Some("403")), "{line}");

    let _first = connect(addr).await;
    Raw::handshake(addr, "").await;
    let line = logs.find(&["INFO", "painda::connect: refused", "reason=\"full\""]).await;
    assert_eq!((field(&line, "address"), field(&line, "status")), (Some("127.0.0.1"), Some("503")), "{line}");
    assert_eq!(server.stats().refused, 3);
    assert_eq!(logs.with(&["painda::connect: connected"]).len(), 1);
}

#[tokio::test]
async fn refusals_by_an_address_limit_or_a_hook_are_logged() {
    let logs = Logs::capture(LevelFilter::INFO);
    let builder = PPServer::<Arena>::builder().max_connections_per_address(1).trusted_proxies(1);
    let builder = builder.shutdown_timeout(Duration::from_millis(100));
    let builder = builder.handshake_timeout(Duration::from_millis(300)).on_connect(async |_, shake| {
        match shake.query("be").as_deref() {
            Some("late") => pending().await,
            Some("broken") => panic!("wanted by the test"),
            Some("refused") => Err(Error::refused_with(4401, "who are you?")),
            _ => Ok(()),
        }
    });
    let (server, addr) = start(builder).await;
    let come = async |from: u8, query: &str| {
        Raw::knock(addr, &format!("/?be={query}"), &format!("X-Forwarded-For: 10.0.0.{from}\r\n")).await
    };
    let first = come(1, "").await;
    logs.find(&["painda::connect: connected", "10.0.0.1"]).await;
    for (from, query, reason, code, why) in [
        (1, "", "address", "4029", "too many connections"),
        (2, "refused", "connect_hook", "4401", "who are you?"),
        (3, "broken", "connect_hook", "4003", "wanted by the test"),
        (4, "late", "hook_timeout", "4003", "too long"),
    ] {
        let _raw = come(from, query).await;
        let address = format!("address=10.0.0.{from} ");
        let line = logs.find(&["INFO", "painda::connect: refused", &address, &format!("reason=\"{reason}\"")]).await;
        assert_eq!(field(&line, "code"), Some(code), "{line}");
        assert!(line.contains(why), "{line}");
        assert_eq!(field(&line, "id").map(str::len), Some(16), "{line}");
    }
    assert_eq!(server.stats().refused, 4);
    // They have not come, and so do not leave: once the last connection has ended, nothing more is said of any.
    drop(first);
    close(&server).await;
    assert_eq!(
        (logs.with(&["painda::connect: connected"]).len(), logs.with(&["painda::connect: disconnected"]).len()),
        (1, 1),
        "{:#?}",
        logs.lines()
    );
    assert_eq!(logs.with(&["painda::connect: disconnected", "10.0.0.1"]).len(), 1, "{:#?}", logs.lines());
}

#[tokio::test]
async fn a_handshake_that_its_client_aborts_is_logged() {
    let logs = Logs::capture(LevelFilter::DEBUG);
    let builder = PPServer::<Arena>::builder().shutdown_timeout(Duration::from_millis(100));
    let (server, addr) = start(builder.on_connect(async |_, _| pending().await)).await;
    drop(Raw::knock(addr, "/", "").await);
    let line = logs.find(&["DEBUG", "painda::connect: handshake aborted"]).await;
    assert_eq!(field(&line, "address"), Some("127.0.0.1"), "{line}");
    // A server that has closed says nothing more of its clients.
    close(&server).await;
    assert!(
        logs.with(&["painda::connect: connected"]).is_empty()
            && logs.with(&["painda::connect: disconnected"]).is_empty(),
        "{:#?}",
        logs.lines()
    );
}

#[tokio::test]
async fn the_names_of_events_that_nobody_handles_and_of_handlers_that_fail() {
    let logs = Logs::capture(LevelFilter::DEBUG);
    let builder =
        PPServer::<Arena>::builder().handler_timeout(Duration::from_millis(100)).on_connect(async |socket, _| {
            socket.on(async |_: Socket<Arena>, _: PlayerMove| Err::<(), _>(Error::other("no\nmore")));
            socket.on_json("hang", async |_, _| pending::<()>().await);
            Ok(())
        });
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    client.send_binary(player_hit(1, 2, 3)).await;
    client.send_binary(json_event("a line\n of its own", Value::Null)).await;
    client.send_binary(json_event(&"é".repeat(500), Value::Null)).await;
    client.send_text("[]").await;
    client.send_binary(player_move(1.0, 2.0)).await;
    client.send_binary(json_event("hang", Value::Null)).await;

    let nobody = "nobody handles this event";
    let line = logs.find(&["DEBUG", "painda::handler", nobody, "player:hit"]).await;
    assert_eq!(field(&line, "event"), Some("player:hit"), "{line}");
    logs.find(&["DEBUG", nobody, r"a line\n of its own"]).await;
    let line = logs.find(&["DEBUG", nobody, "é"]).await;
    assert_eq!(field(&line, "event"), Some(&*"é".repeat(32)), "{line}");
    let line = logs.find(&["DEBUG", "painda::handler", "a message can't be taken"]).await;
    assert_eq!(field(&line, "error"), Some("BAD_JSON"), "{line}");
    let line = logs.find(&["WARN", "painda::handler", "a handler failed", r"no\nmore"]).await;
    assert!(line.contains("event=\"player:move\" error="), "{line}");
    logs.find(&["WARN", "painda::handler", "a handler failed", "longer than"]).await;
    assert_eq!((server.stats().unhandled, server.stats().failed_handlers), (3, 2));
}

/// How many lines of a kind may have been written by now: 10 a second.
fn most_lines(began: Instant) -> usize {
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("not for ever");
    10 * (seconds + 2)
}

#[tokio::test]
async fn a_flood_of_refusals_writes_few_lines_and_says_how_many_it_left_out() {
    let logs = Logs::capture(LevelFilter::INFO);
    let (server, addr) = start(PPServer::<Arena>::builder().max_connections(0)).await;
    let began = Instant::now();
    for _ in 0..300 {
        Raw::handshake(addr, "").await;
    }
    assert_eq!(server.stats().refused, 300);
    // The last second's lines are said to be missing when it is over.
    let mut written = 0;
    eventually("all refusals to be accounted for", async || {
        written = logs.with(&["painda::connect: refused"]).len();
        let left_out = logs.with(&["painda::log", "left out"]);
        let left_out = left_out.iter().filter_map(|line| field(line, "refused")?.parse::<usize>().ok());
        written + left_out.sum::<usize>() == 300
    })
    .await;
    assert!(written <= most_lines(began), "{written} lines");
}

/// Handlers that fail, events that nobody handles and messages that can't be taken are as many as a client likes.
#[tokio::test]
async fn a_flood_of_messages_writes_few_lines() {
    let logs = Logs::capture(LevelFilter::DEBUG);
    let builder = PPServer::<Arena>::builder().max_messages_per_second(0).max_messages_per_minute(0).on_connect(
        async |socket, _| {
            socket.on(async |_: Socket<Arena>, _: PlayerHit| Err::<(), _>(Error::other("no")));
            Ok(())
        },
    );
    let (server, addr) = start(builder).await;
    let mut client = connect(addr).await;
    let began = Instant::now();
    for _ in 0..200 {
        client.send_binary(player_hit(1, 2, 3)).await;
        client.send_binary(player_move(1.0, 2.0)).await;
        client.send_text("{").await;
    }
    until(&server, "all to be handled", |server| server.stats().malformed == 200).await;
    for line in ["a handler failed", "nobody handles", "can't be taken"] {
        let written = logs.with(&[line]).len();
        assert!((1..=most_lines(began)).contains(&written), "{written} times {line:?}");
    }
    logs.find(&["painda::log", "failed=", "malformed=", "unhandled="]).await;
}

#[tokio::test]
async fn nothing_that_a_client_says_makes_a_line_of_its_own() {
    let logs = Logs::capture(LevelFilter::DEBUG);
    let builder = PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, shake: Handshake| {
        let name = shake.query("name").unwrap_or_default();
        socket.on_json("fail", async |_, why: Value| {
            Err::<(), _>(Error::other(why.as_str().unwrap_or_default().to_owned()))
        });
        let _ = socket.join(&name).await;
        if name.is_empty() { Ok(()) } else { Err(Error::refused(format!("nobody knows {name}"))) }
    });
    let (_server, addr) = start(builder).await;
    let forged = "\r\n INFO painda::connect: connected id=\"forged\"\u{1b}[2J\u{202e}";
    let name = "%0D%0A%20INFO%20painda::connect:%20connected%20id=%22forged%22%1B%5B2J";
    let _refused = Raw::knock(addr, &format!("/?name={name}"), "").await;
    logs.find(&["painda::connect: refused", "nobody knows"]).await;
    let mut client = connect(addr).await;
    client.send_binary(json_event(forged, Value::Null)).await;
    client.send_binary(json_event("fail", json!(forged))).await;
    client.send_binary(json_event(&format!("__pp_{forged}"), Value::Null)).await;
    logs.find(&["nobody handles", "forged"]).await;
    logs.find(&["a handler failed", "forged"]).await;
    logs.find(&["can't be taken", "RESERVED_NAME"]).await;
    let mut raw = Raw::connect(addr).await;
    raw.frame(FIN | TEXT, b"\xff\x1b\n").await;
    assert_eq!(raw.close_code().await, 1007);
    drop(raw);
    logs.find(&["painda::connect: disconnected", "code=1007"]).await;
    for line in logs.lines() {
        assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{line:?}");
        assert!(!line.trim_start().starts_with("INFO painda::connect: connected id=\"forged\""), "{line}");
        assert!(line.len() < 2000, "{line}");
    }
}
