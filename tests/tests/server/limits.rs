//! The limits, and who may come in: a test each.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use painda_runtime::{
    Error, PPServer,
    server::{Handshake, Incoming, NameKind, PPServerBuilder, ProxyHeader, Socket},
};
use painda_tests::{
    client::Client,
    frames::{DEFLATED, HEADER, json_event, player_hit, player_move},
    raw::Raw,
    server::{build, connect, echo, pipe, start, until},
    within,
};
use schemas::{Arena, PlayerHit, PlayerMove};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::advance,
};

/// The settings that an error is about, each once.
fn wrong_settings(error: &Error) -> Vec<&'static str> {
    let Error::Config(wrong) = error else { panic!("{error:?}") };
    let mut settings: Vec<_> = wrong.iter().map(|wrong| wrong.setting).collect();
    settings.dedup();
    settings
}

#[tokio::test]
async fn settings_that_can_never_work_are_refused() {
    let (short, day) = (Duration::from_micros(999), Duration::from_secs(24 * 60 * 60));
    for (builder, named) in [
        (echo().heartbeat(Duration::ZERO), "heartbeat"),
        (echo().heartbeat(short), "heartbeat"),
        (echo().heartbeat(Duration::MAX), "heartbeat"),
        (echo().handshake_timeout(Duration::ZERO), "handshake_timeout"),
        (echo().handshake_timeout(short), "handshake_timeout"),
        (echo().handshake_timeout(Duration::MAX), "handshake_timeout"),
        (echo().ask_timeout(Duration::ZERO), "ask_timeout"),
        (echo().shutdown_timeout(day * 366), "shutdown_timeout"),
        (echo().room_linger(Duration::MAX), "room_linger"),
        (echo().flush_interval(Duration::MAX), "flush_interval"),
        (echo().flush_interval(Duration::from_millis(50)).heartbeat(Duration::from_millis(50)), "flush_interval"),
        (echo().max_message(0), "max_message"),
        (echo().max_message(15), "max_message"),
        (echo().queue_limit(0), "queue_limit"),
        (echo().max_messages_per_second(61).max_messages_per_minute(60), "max_messages_per_second"),
        (echo().ipv6_prefix(0), "ipv6_prefix"),
        (echo().ipv6_prefix(129), "ipv6_prefix"),
        (echo().allowed_origins(["https://good.example/"]), "allowed_origins"),
        (echo().allowed_origins(["https://good.example", "*"]), "allowed_origins"),
        (echo().allowed_origins([""]), "allowed_origins"),
    ] {
        let error = within(named, builder.build()).await.expect_err(named);
        assert_eq!(wrong_settings(&error), [named], "{error:?}");
    }
    let wrong = echo().queue_limit(0).max_message(0).allowed_origins(["*"]);
    let error = within("a refusal", wrong.build()).await.expect_err("all wrong");
    assert_eq!(wrong_settings(&error), ["max_message", "queue_limit", "allowed_origins"], "all at once: {error}");
}

#[tokio::test]
async fn settings_at_their_bounds_work() {
    let (short, year) = (Duration::from_millis(1), Duration::from_secs(365 * 24 * 60 * 60));
    let shortest = echo().ask_timeout(short).shutdown_timeout(Duration::ZERO).room_linger(Duration::ZERO);
    let longest =
        echo().heartbeat(year).handshake_timeout(year).ask_timeout(year).shutdown_timeout(year).room_linger(year);
    let none = echo()
        .max_messages_per_second(1000)
        .max_messages_per_minute(0)
        .max_rooms(0)
        .max_inflated(0)
        .compress_from(0)
        .max_message(24);
    for builder in [shortest, longest, none.ipv6_prefix(128).allowed_origins([""; 0])] {
        let (_server, addr) = start(builder).await;
        let mut client = connect(addr).await;
        client.send_binary(player_move(1.0, 1.0)).await;
        client.expect_frame(&player_move(1.0, 1.0)).await;
    }
}

#[tokio::test]
async fn connections_per_address() {
    let (server, addr) = start(echo().max_connections_per_address(2)).await;
    let (mut first, _second) = (connect(addr).await, connect(addr).await);
    let mut third = connect(addr).await;
    assert_eq!(third.next_json().await["type"], "__pp_error");
    assert_eq!(third.next_close().await, 4029);
    assert_eq!(server.stats().refused, 1);

    // Room for one, once somebody has left.
    first.close(1000).await;
    assert_eq!(first.next_close().await, 1000);
    drop((first, third));
    until(&server, "two to be gone", |server| server.stats().connections == 1).await;
    let mut next = connect(addr).await;
    next.send_binary(player_move(1.0, 1.0)).await;
    next.expect_frame(&player_move(1.0, 1.0)).await;
}

/// Connects with these headers, and says whether it is let in.
async fn comes_in(addr: SocketAddr, headers: &str) -> (Raw, bool) {
    let (mut raw, _) = Raw::handshake(addr, headers).await;
    raw.frame(0x82, &player_move(1.0, 1.0)).await;
    let moved = raw.next().await == Some((0x82, player_move(1.0, 1.0)));
    (raw, moved)
}

/// Behind one proxy each address may have one connection: who comes in with these headers, while all the others stay.
async fn who_comes_in<const N: usize>(builder: PPServerBuilder<Arena>, headers: [&str; N]) -> [bool; N] {
    let (_server, addr) = start(builder.max_connections_per_address(1).trusted_proxies(1)).await;
    let (mut here, mut came_in) = (Vec::new(), [false; N]);
    for (headers, came) in headers.into_iter().zip(&mut came_in) {
        let (client, came_in) = comes_in(addr, &format!("{headers}\r\n")).await;
        here.push(client);
        *came = came_in;
    }
    came_in
}

#[tokio::test]
async fn connections_per_address_behind_a_proxy() {
    for (name, by) in [("X-Forwarded-For", ""), ("Forwarded", "for=")] {
        let headers = [
            format!("{name}: {by}1.1.1.1"),
            format!("{name}: {by}2.2.2.2"),
            // What a client writes itself stands before what the proxy appends, and is not believed.
            format!("{name}: {by}3.3.3.3, {by}1.1.1.1"),
            format!("{name}: {by}\", {by}1.1.1.1"),
            format!("{name}: \u{e9}, {by}1.1.1.1"),
            format!("{name}: {by}4.4.4.4\r\n{name}: {by}1.1.1.1"),
        ];
        let came_in = who_comes_in(echo(), headers.each_ref().map(String::as_str)).await;
        assert_eq!(came_in, [true, true, false, false, false, false], "{name}");
    }
}

#[tokio::test]
async fn addresses_as_proxies_write_them() {
    let headers = [
        "X-Forwarded-For: 1.1.1.1:1000",
        "X-Forwarded-For: 1.1.1.1:2000",
        "X-Forwarded-For: \"[::ffff:1.1.1.1]:3000\"",
        "X-Forwarded-For: [2001:db8::1]:443",
        "Forwarded: proto=https;For=\"[2001:db8::1]:444\";by=10.0.0.1",
        "Forwarded: for=2.2.2.2",
        "Forwarded: for=\"2.2.2.2:80\"",
    ];
    assert_eq!(who_comes_in(echo(), headers).await, [true, false, false, true, false, true, false]);
}

#[tokio::test]
async fn ipv6_clients_count_by_their_network() {
    let headers = [
        "X-Forwarded-For: 2001:db8::1",
        "X-Forwarded-For: 2001:db8::ffff:ffff:ffff:ffff",
        "X-Forwarded-For: 2001:db8:0:1::1",
        "X-Forwarded-For: 2001:db8:1::1",
    ];
    assert_eq!(who_comes_in(echo(), headers).await, [true, false, true, true]);
    assert_eq!(who_comes_in(echo().ipv6_prefix(48), headers).await, [true, false, false, true]);
    assert_eq!(who_comes_in(echo().ipv6_prefix(128), headers).await, [true; 4]);
}

#[tokio::test]
async fn clients_whose_address_the_proxy_hides_do_not_share_a_counter() {
    let headers = [
        "X-Forwarded-For: unknown",
        "X-Forwarded-For: unknown",
        "Forwarded: for=_hidden",
        "Forwarded: for=_hidden;proto=https",
        // The proxy's own connection is another one's.
        "X-Other: x",
        "X-Other: x",
    ];
    assert_eq!(who_comes_in(echo(), headers).await, [true, true, true, true, true, false]);
}

#[tokio::test]
async fn a_client_can_not_hide_behind_a_second_header() {
    let headers = [
        "X-Forwarded-For: 1.1.1.1\r\nForwarded: for=6.6.6.6",
        "X-Forwarded-For: 1.1.1.1\r\nForwarded: for=7.7.7.7",
        "X-Forwarded-For: 1.1.1.1\r\nForwarded: for=unknown",
    ];
    assert_eq!(who_comes_in(echo(), headers).await, [true, false, false]);
    let known = echo().proxy_header(ProxyHeader::XForwardedFor);
    assert_eq!(who_comes_in(known, headers).await, [true, false, false]);
    let known = echo().proxy_header(ProxyHeader::Forwarded);
    assert_eq!(who_comes_in(known, headers).await, [true; 3]);
}

/// In virtual time, so that all that is sent at once falls into one second.
#[tokio::test(start_paused = true)]
async fn messages_per_second() {
    let builder = echo().max_messages_per_second(10).max_messages_per_minute(0);
    let server = build(builder).await;
    let mut client = Client::over(pipe(&server, 1 << 16)).await;
    for n in 0..30u8 {
        client.send_binary(player_move(f32::from(n), 0.0)).await;
    }
    for n in 0..10u8 {
        client.expect_frame(&player_move(f32::from(n), 0.0)).await;
    }
    let error = client.next_json().await;
    assert_eq!(error["payload"]["code"], "RATE_LIMITED");
    until(&server, "the others to be dropped", |server| server.stats().rate_limited == 20).await;
    // The next second's messages pass, and nothing was said about the other dropped ones.
    advance(Duration::from_secs(1)).await;
    client.send_binary(player_move(99.0, 0.0)).await;
    client.expect_frame(&player_move(99.0, 0.0)).await;
}

#[tokio::test]
async fn rooms_per_client() {
    let (_server, addr) =
        start(PPServer::<Arena>::builder().max_rooms(2).on_connect(async |socket: Socket<Arena>, _| {
            socket.join("a").await?;
            socket.join("b").await?;
            socket.join("b").await?;
            assert!(matches!(socket.join("c").await, Err(Error::TooManyRooms { limit: 2 })));
            socket.leave("a").await?;
            socket.join("c").await?;
            socket.emit_json("rooms", &json!(socket.rooms()))
        }))
        .await;
    assert_eq!(connect(addr).await.next_json().await["payload"], json!(["b", "c"]));
}

#[tokio::test]
async fn connections_in_all() {
    let (server, addr) = start(echo().max_connections(1)).await;
    let _first = connect(addr).await;
    let (_, status) = Raw::handshake(addr, "").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!((server.stats().connections, server.stats().refused), (1, 1));
}

#[tokio::test]
async fn origins() {
    let allowed = ["https://good.example", "https://*.good.example:8443", "null"];
    let (server, addr) = start(echo().allowed_origins(allowed)).await;
    for (headers, expected) in [
        ("Origin: https://good.example\r\n", "HTTP/1.1 101 Switching Protocols"),
        ("Origin: https://a.b.good.example:8443\r\n", "HTTP/1.1 101 Switching Protocols"),
        ("Origin: null\r\n", "HTTP/1.1 101 Switching Protocols"),
        ("", "HTTP/1.1 101 Switching Protocols"),
        ("Origin: https://good.example.evil\r\n", "HTTP/1.1 403 Forbidden"),
        ("Origin: https://good.example:8443\r\n", "HTTP/1.1 403 Forbidden"),
        ("Origin: https://a.good.example\r\n", "HTTP/1.1 403 Forbidden"),
        ("Origin: https://evilgood.example:8443\r\n", "HTTP/1.1 403 Forbidden"),
        ("Origin: \r\n", "HTTP/1.1 403 Forbidden"),
        ("Origin: https://good.example\r\nOrigin: https://evil.example\r\n", "HTTP/1.1 400 Bad Request"),
        ("Origin: https://evil.example\r\nOrigin: https://good.example\r\n", "HTTP/1.1 400 Bad Request"),
    ] {
        assert_eq!(Raw::handshake(addr, headers).await.1, expected, "{headers:?}");
    }
    assert_eq!(server.stats().refused, 7);
}

/// Who a client is.
struct User(String);

#[tokio::test]
async fn the_connect_hook_sees_the_request_and_keeps_who_it_is() {
    let (_server, addr) =
        start(PPServer::<Arena>::builder().on_connect(async |socket: Socket<Arena>, shake: Handshake| {
            let user = shake.token().ok_or_else(|| Error::refused_with(4401, "who are you?"))?;
            assert!(shake.client_ip().is_some_and(|ip| ip.is_loopback()));
            assert_eq!(shake.headers()["host"], "here");
            socket.set_state(User(user));
            socket.on(async |socket: Socket<Arena>, _: PlayerMove| {
                assert!(socket.state::<String>().is_none(), "another type");
                let user = socket.state::<User>().expect("set by the hook");
                socket.emit_json("you", &json!(user.0))
            });
            Ok(())
        }))
        .await;
    let (mut known, _) = Raw::handshake(addr, "Authorization: Bearer ada\r\n").await;
    known.frame(0x82, &player_move(0.0, 0.0)).await;
    let (_, frame) = known.next().await.expect("an answer");
    assert_eq!(frame[HEADER..], *br#"{"type":"you","payload":"ada"}"#);

    let (mut unknown, _) = Raw::handshake(addr, "").await;
    assert_eq!(unknown.close_code().await, 4401);
}

#[tokio::test]
async fn a_token_after_the_handshake_goes_to_its_hook() {
    let (_server, addr) = start(PPServer::<Arena>::builder().on_auth(async |socket: Socket<Arena>, token: String| {
        if token != "sesame" {
            return Err(Error::refused("a wrong token"));
        }
        socket.emit_json("welcome", &Value::Null)
    }))
    .await;
    let (mut good, mut bad) = (connect(addr).await, connect(addr).await);
    good.send_binary(json_event("__pp_auth", json!({"token": "sesame"}))).await;
    assert_eq!(good.next_json().await["type"], "welcome");
    bad.send_text(r#"{"type":"__pp_auth","payload":{"token":"guess"}}"#).await;
    assert_eq!(bad.next_json().await["payload"]["message"], "a wrong token");
    assert_eq!(bad.next_close().await, 4003);
}

#[tokio::test]
async fn middleware_passes_changes_and_refuses_messages() {
    let (server, addr) = start(
        PPServer::<Arena>::builder()
            .on_connect(async |socket: Socket<Arena>, _| {
                socket.on(async |socket: Socket<Arena>, hit: PlayerHit| socket.emit(&hit));
                socket.on_json("note", async |socket: Socket<Arena>, note| socket.emit_json("note", &note));
                Ok(())
            })
            .middleware(async |_, message: Incoming| match message.name() {
                "player:move" => Err(Error::refused("nobody moves")),
                "panic" => panic!("wanted by the test"),
                _ => Ok(message),
            })
            .middleware(async |_, message: Incoming| match message {
                Incoming::Named { name, .. } => Ok(Incoming::Named { name, payload: json!("changed").into() }),
                other => Ok(other),
            }),
    )
    .await;
    let mut client = connect(addr).await;
    client.send_binary(player_move(1.0, 1.0)).await;
    assert_eq!(client.next_json().await["payload"], json!({"code": "REFUSED", "message": "nobody moves"}));
    client.send_binary(json_event("panic", Value::Null)).await;
    client.send_binary(json_event("note", json!("mine"))).await;
    assert_eq!(client.next_json().await, json!({"type": "note", "payload": "changed"}));
    client.send_binary(player_hit(1, 2, 3)).await;
    client.expect_frame(&player_hit(1, 2, 3)).await;
    assert_eq!(server.stats().failed_handlers, 1);
}

/// A handler of JSON is given a tree of values, which may be far larger than its text.
#[tokio::test]
async fn values_of_a_json_payload() {
    let handlers = async |socket: Socket<Arena>, _| {
        socket.on_json("note", async |socket: Socket<Arena>, note| socket.emit_json("note", &note));
        socket.on_json("player:hit", async |socket: Socket<Arena>, hit| socket.emit_json("hit", &hit));
        Ok(())
    };
    let (server, addr) = start(PPServer::<Arena>::builder().on_connect(handlers).max_json_values(4)).await;
    let mut client = connect(addr).await;
    client.send_binary(json_event("note", json!([[1, 2]]))).await;
    assert_eq!(client.next_json().await["payload"], json!([[1, 2]]));
    let why = json!({"code": "BAD_JSON", "message": "the payload has more than the allowed 4 JSON values"});
    for note in [json!([[1, 2, 3]]), json!({"a": {"b": {"c": {"d": 1}}}})] {
        client.send_binary(json_event("note", note)).await;
        assert_eq!(client.next_json().await["payload"], why);
    }
    // An event of the schema is one value and its fields, in whatever form it comes.
    client.send_binary(player_hit(1, 2, 3)).await;
    assert_eq!(client.next_json().await["payload"], json!({"attacker": 1, "target": 2, "damage": 3}));

    let (strict, addr) = start(PPServer::<Arena>::builder().on_connect(handlers).max_json_values(3)).await;
    let mut client = connect(addr).await;
    client.send_binary(player_hit(1, 2, 3)).await;
    assert_eq!(client.next_json().await["payload"]["message"], "the payload has more than the allowed 3 JSON values");
    // Nobody makes a tree of what nobody handles.
    client.send_binary(json_event("nobody", json!([1, 2, 3, 4, 5]))).await;
    client.send_binary(json_event("note", json!(1))).await;
    assert_eq!(client.next_json().await["type"], "note");
    assert_eq!((server.stats().malformed, strict.stats().malformed, strict.stats().unhandled), (2, 1, 1));
}

/// What is sent back for a message that is refused says what it was, but not all of it.
#[tokio::test]
async fn a_refusal_is_short_whatever_it_refuses() {
    let (_server, addr) =
        start(echo().max_bytes_per_second(0).middleware(async |_, message: Incoming| match message {
            Incoming::Named { payload, .. } => Err(Error::refused(payload.as_str())),
            other => Ok(other),
        }))
        .await;
    let mut client = connect(addr).await;
    let long = "\u{80}".repeat(400_000);
    for message in [
        json!({"type": format!("__pp_{long}")}),
        json!({"type": "__pp_\\\"".repeat(10_000)}),
        json!({"type": "chat:say", "payload": long}),
        json!({"type": "player:move", "payload": {"x": long}}),
        json!({"type": {long.clone(): 1}}),
        json!([long]),
    ] {
        client.send_text(&message.to_string()).await;
        let error = client.next_json().await;
        assert_eq!(error["type"], "__pp_error");
        let text = error["payload"]["message"].as_str().expect("text");
        assert!(text.len() <= 512, "{} bytes: {text}", text.len());
        assert!(text.matches('\u{80}').count() <= 256, "{text}");
    }
    client.send_text(&json!({"type": format!("__pp_{long}")}).to_string()).await;
    let name = format!("__pp_{}", "\\u{80}".repeat(9));
    let why = format!("clients do not send \"{name}\"…: names that begin with \"__pp_\" belong to the protocol");
    assert_eq!(client.next_json().await["payload"]["message"], why);
    let error = Error::InvalidName { kind: NameKind::Room, name: long, why: "it is too long" };
    assert!(error.to_string().len() < 128, "{error}");
}

#[tokio::test]
async fn large_frames_are_deflated_where_that_is_switched_on() {
    let (server, addr) = start(PPServer::<Arena>::builder().compress_from(100)).await;
    let mut client = connect(addr).await;
    server.broadcast_json("long", &json!("painda ".repeat(1000))).expect("emitted");
    let frame = client.next_frame().await;
    assert!(frame.len() < 200, "{} bytes", frame.len());
    assert_eq!(u16::from_be_bytes([frame[6], frame[7]]), DEFLATED);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::ZlibDecoder::new(&frame[HEADER..]), &mut text).expect("zlib");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["payload"], "painda ".repeat(1000));
    server.broadcast_json("short", &json!(1)).expect("emitted");
    assert_eq!(client.next_json().await["type"], "short");
}

#[tokio::test]
async fn over_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = made.signing_key.serialize_der().try_into().expect("a key");
    let certificate = made.cert.der().clone();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a usable certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = build(echo()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, remote) = listener.accept().await.expect("a client");
        let stream = within("TLS", acceptor.accept(stream)).await.expect("TLS");
        server.serve_connection(stream, Some(remote)).await;
    });

    let mut roots = tokio_rustls::rustls::RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let config = tokio_rustls::rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = within("a connection", TcpStream::connect(addr)).await.expect("a connection");
    let name = "localhost".try_into().expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = within("TLS", connector.connect(name, stream)).await.expect("TLS");
    let mut client = Client::over(stream).await;
    // More than a TLS record and more than a window, so that writes are cut in the middle.
    for n in 0..500u16 {
        client.send_binary(player_move(f32::from(n), 0.0)).await;
        client.expect_frame(&player_move(f32::from(n), 0.0)).await;
    }
}
