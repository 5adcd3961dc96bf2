//! Handlers and hooks that take their time, never return, or outlive their client: they hide no end of a connection, hold nothing up,
//! and go to their own end.

use std::{
    future::{pending, ready},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use painda_runtime::{
    PPServer,
    server::{Disconnect, Incoming, PPServerBuilder, Socket, close_code},
};
use painda_tests::{
    client::Client,
    eventually,
    frames::{deflated_json, player_hit, player_move},
    raw::{BINARY, CLOSE, FIN, PING, PONG, Raw, TEXT, masked},
    redis::RedisServer,
    server::{build, close, connect, room, start, until},
    within,
};
use schemas::{Arena, PlayerMove};
use serde_json::Value;
use tokio::{
    io::AsyncWrite,
    sync::{mpsc, oneshot},
};

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
    let (told, mut receiver) = mpsc::unbounded_channel();
    let builder = room().max_connections_per_address(1).on_disconnect(move |socket: Socket<Arena>, _| {
        told.send(socket.rooms()).expect("the test listens");
        pending::<()>()
    });
    let (server, addr) = start(builder).await;
    for _ in 0..3 {
        let mut client = connect(addr).await;
        client.close(1000).await;
        assert_eq!(client.next_close().await, 1000);
        let rooms = within("the hook", receiver.recv()).await.expect("it runs");
        assert_eq!(rooms, ["arena"], "it can still tell the others");
        assert_eq!(within("an answer", server.to("arena").sockets()).await.expect("asked").value, []);
        assert_eq!(server.stats().connections, 0);
    }
}

#[tokio::test]
async fn messages_that_come_while_a_handler_runs_are_handled_after_it_in_order() {
    let (told, mut receiver) = mpsc::unbounded_channel();
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
            assert_eq!(within("a handler", receiver.recv()).await, Some((f32::from(x), begins)));
        }
    }
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
    let (told, mut receiver) = mpsc::unbounded_channel();
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
    assert_eq!(within("the handler", receiver.recv()).await, Some("the handler"));
    assert_eq!(within("the hook", receiver.recv()).await, Some("the hook"));
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
        let _client = Raw::knock(addr, "/", "").await;
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
    let (told, mut receiver) = mpsc::unbounded_channel();
    let builder = PPServer::<Arena>::builder().on_connect(move |socket: Socket<Arena>, _| {
        told.send(socket).expect("the test listens");
        ready(Ok(()))
    });
    let (server, addr) = start(builder).await;
    let client = connect(addr).await;
    let socket = receiver.recv().await.expect("it connects");
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
