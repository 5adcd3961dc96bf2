//! A message may leave in a larger form than it came in; it costs its sender what it has become.

use std::time::Duration;

use painda_runtime::{PPEvent, PPServer, schema, server::Socket};
use painda_tests::{
    frames::{Header, SCHEMA},
    raw::{BINARY, FIN, TEXT, masked},
    server::{build, piped},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};

/// One byte each, and up to six in JSON.
#[derive(Debug, PPEvent)]
#[pp(event = "flags", id = 1)]
struct Flags {
    flags: Vec<bool>,
}

/// Eight bytes each, and 2 to 24 in JSON.
#[derive(Debug, PPEvent)]
#[pp(event = "numbers", id = 2)]
struct Numbers {
    numbers: Vec<f64>,
}

schema! {
    /// What is smaller in one form than in the other.
    Forms { Flags, Numbers }
}

/// Sends a message again and again, as often as the bytes a second allow, past a member of its room that reads 1 MB a second. In
/// virtual time.
async fn nobody_is_closed(what: &str, member: &str, message: Vec<u8>) {
    let builder = PPServer::<Forms>::builder().on_connect(async |socket: Socket<Forms>, _| {
        socket.join("room").await?;
        socket.on(async |socket: Socket<Forms>, flags: Flags| socket.to("room").emit(&flags));
        socket.on(async |socket: Socket<Forms>, numbers: Numbers| socket.to("room").emit(&numbers));
        socket.on_json("say", async |socket: Socket<Forms>, said: Value| socket.to("room").emit_json("say", &said));
        Ok(())
    });
    let server = build(builder).await;
    let mut member = piped(&server, 1 << 16, member).await;
    tokio::spawn(async move {
        let mut bytes = [0; 20_000];
        while let Ok(read @ 1..) = member.read(&mut bytes).await {
            sleep(Duration::from_micros(read as u64)).await;
        }
    });
    let (mut answers, mut sending) = tokio::io::split(piped(&server, 1 << 16, "").await);
    tokio::spawn(async move { tokio::io::copy(&mut answers, &mut tokio::io::sink()).await });
    let pause = Duration::from_secs_f64(message.len() as f64 / f64::from(500 << 10));
    let began = Instant::now();
    // One that goes on with too much is closed itself.
    while began.elapsed() < Duration::from_secs(30) && sending.write_all(&message).await.is_ok() {
        sleep(pause).await;
        let stats = server.stats();
        assert_eq!((stats.slow_clients, stats.dropped_full), (0, 0), "{what}, after {:?}", began.elapsed());
    }
    assert!(server.stats().deliveries > 10, "{what}");
}

#[tokio::test(start_paused = true)]
async fn what_grows_when_it_leaves_gets_nobody_closed() {
    let text = |text: String| masked(FIN | TEXT, text.as_bytes());
    let flags = Header::new(SCHEMA, 1).frame(&Flags { flags: vec![false; 100_000] }.to_bytes());
    let numbers =
        Header::new(SCHEMA, 2).frame(&Numbers { numbers: vec![-1.234_567_890_123_456_7e-300; 12_500] }.to_bytes());
    let json = "Sec-WebSocket-Protocol: pp.json\r\n";
    let inputs = [
        ("JSON that becomes binary", "", {
            text(format!(r#"{{"type":"numbers","payload":{{"numbers":[{}0]}}}}"#, "0,".repeat(50_000)))
        }),
        ("numbers that are written in full", "", {
            text(format!(r#"{{"type":"say","payload":[{}0]}}"#, "1e15,".repeat(9_000)))
        }),
        ("flags that become JSON", json, masked(FIN | BINARY, &flags)),
        ("numbers that become JSON", json, masked(FIN | BINARY, &numbers)),
    ];
    for (what, member, message) in inputs {
        nobody_is_closed(what, member, message).await;
    }
}
