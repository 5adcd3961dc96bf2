//! A cluster that is run twice with the same seed: each client receives the same bytes at the same moments. A clock that does not stop, an
//! id that is not from the seed, or an order that a hash table or `select!` has chosen would show.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split},
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{PPEvent, adapter::MemoryAdapter, schema, server::session::handle::PPServer};

#[derive(PPEvent)]
#[pp(event = "came", id = 1, crate = "crate")]
struct Came {
    who: String,
}

#[derive(PPEvent)]
#[pp(event = "said", id = 2, crate = "crate")]
struct Said {
    what: u32,
}

#[derive(PPEvent)]
#[pp(event = "left", id = 3, crate = "crate")]
struct Left {
    who: String,
}

schema! {
    Talk { Came, Said, Left }
}

const CLIENTS: u32 = 24;
const HANDSHAKE: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: pp.json\r\n\r\n";

/// What each client received, and when.
#[derive(Clone)]
struct Transcript {
    began: Instant,
    text: Arc<Mutex<String>>,
}

impl Transcript {
    fn add(&self, who: &str, what: &str) {
        writeln!(self.text.lock(), "{:?} {who}: {what}", self.began.elapsed()).expect("memory does not fail");
    }
}

async fn node(seed: u64, bus: &MemoryAdapter) -> PPServer<Talk> {
    let describing = PPServer::<Talk>::builder()
        .seed(seed)
        .adapter(bus.node())
        .heartbeat(Duration::from_millis(100))
        .room_linger(Duration::from_millis(40))
        .on_connect(async |socket, _| {
            socket.join("arena").await?;
            socket.join(&format!("room of {}", socket.id())).await?;
            socket.to("arena").emit(&Came { who: socket.id().to_owned() })
        })
        .on(async |socket, said: Said| {
            sleep(Duration::from_millis(u64::from(said.what % 3))).await;
            socket.to("arena").emit(&said)
        })
        .on_disconnect(async |socket, _| socket.to("arena").emit(&Left { who: socket.id().to_owned() }));
    describing.build().await.expect("nothing is wrong")
}

/// A client that sends some messages and does not answer pings: the server closes it after a while.
async fn client(number: u32, stream: DuplexStream, transcript: Transcript) {
    let (mut reading, mut writing) = split(stream);
    writing.write_all(HANDSHAKE).await.expect("it is there");
    let sending = async {
        for round in 0..5 {
            sleep(Duration::from_millis(5 + u64::from(number % 4))).await;
            let json = format!("{{\"type\":\"said\",\"payload\":{{\"what\":{}}}}}", 10 * number + round);
            // A whole message of text, masked by zeros.
            let mut frame = vec![0x81, 0x80 | json.len() as u8, 0, 0, 0, 0];
            frame.extend(json.as_bytes());
            if writing.write_all(&frame).await.is_err() {
                return;
            }
        }
    };
    let who = format!("client {number}");
    let receiving = async {
        let mut buffer = [0; 4096];
        loop {
            match reading.read(&mut buffer).await {
                Ok(0) | Err(_) => break transcript.add(&who, "closed"),
                Ok(read) => {
                    let mut received = buffer[..read].escape_ascii().to_string();
                    // The answer to the handshake has the date, which is another one in each run.
                    if let Some((before, after)) = received.split_once("date: ") {
                        received = format!("{before}{}", after.split_once(" GMT").map_or("", |(_, after)| after));
                    }
                    transcript.add(&who, &received);
                }
            }
        }
    };
    tokio::join!(sending, receiving);
}

async fn play(seed: u64) -> String {
    let transcript = Transcript { began: Instant::now(), text: Arc::default() };
    let (bus, mut servers, mut clients) = (MemoryAdapter::new(), Vec::new(), JoinSet::new());
    for number in 0..3 {
        servers.push(node(seed + number, &bus).await);
    }
    for number in 0..CLIENTS {
        let (ours, theirs) = duplex(1 << 16);
        let server = servers[number as usize % servers.len()].clone();
        tokio::spawn(async move { server.serve_connection(theirs, None).await });
        clients.spawn(client(number, ours, transcript.clone()));
        if number % 3 == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    sleep(Duration::from_millis(20)).await;
    let nodes = servers[0].nodes().await;
    transcript.add("the cluster", &format!("{nodes:?}"));
    while clients.join_next().await.is_some() {}
    for server in &servers {
        server.close().await.expect("all are gone");
    }
    transcript.add("the cluster", "closed");
    std::mem::take(&mut transcript.text.lock())
}

#[test]
fn a_run_with_the_same_seed_is_the_same_run() {
    let run = |seed| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(play(seed))
    };
    let first = run(1);
    let received = |what: &str| first.matches(what).count();
    assert_eq!(received(": closed") as u32, CLIENTS + 1, "{first}");
    assert!(received("left") > 0 && received("said") as u32 > CLIENTS * 5, "{first}");
    let second = run(1);
    // Line by line, because all of it is too much to find the difference in.
    first.lines().zip(second.lines()).for_each(|(first, second)| assert_eq!(first, second));
    assert_eq!(first.len(), second.len());
    assert_ne!(first, run(100));
}
