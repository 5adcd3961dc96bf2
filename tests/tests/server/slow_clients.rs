//! A client that does not read: its events say what happens, its queue stays within its bound, and nobody else notices.

use painda_runtime::{PPEvent, PPServer, schema, server::Socket};
use painda_tests::{
    frames::{HEADER, Header, SCHEMA},
    raw::{BINARY, FIN, Raw},
    server,
};

/// More than a window's worth after some hundred events.
const FILLER: usize = 4000;
const EVENTS: u32 = 10_000;
const QUEUE: usize = 64 << 10;

/// A sound: who misses it now does without.
#[derive(PPEvent)]
#[pp(event = "sound", id = 1, volatile)]
struct Sound {
    seq: u32,
    filler: [u8; FILLER],
}

/// Where somebody is: only the newest matters, for each of them.
#[derive(PPEvent)]
#[pp(event = "position", id = 2, latest = "who")]
struct Position {
    seq: u32,
    who: u8,
    filler: [u8; FILLER],
}

/// The score: only the newest matters.
#[derive(PPEvent)]
#[pp(event = "score", id = 3, latest)]
struct Score {
    seq: u32,
    filler: [u8; FILLER],
}

/// A line of chat: everybody gets every one.
#[derive(PPEvent)]
#[pp(event = "line", id = 4)]
struct Line {
    seq: u32,
    filler: [u8; FILLER],
}

schema! {
    /// An event of each kind.
    Kinds { Sound, Position, Score, Line }
}

async fn start() -> (PPServer<Kinds>, Raw, Raw) {
    let builder = PPServer::<Kinds>::builder().queue_limit(QUEUE).queue_burst(QUEUE);
    let builder = builder.on_connect(async |socket: Socket<Kinds>, _| socket.join("room").await);
    let (server, addr) = server::start(builder).await;
    (server, Raw::connect(addr).await, Raw::connect(addr).await)
}

/// Emits, and has the one who reads read each: so it keeps up, and the other one's queue is what grows.
async fn emit_all(server: &PPServer<Kinds>, reader: &mut Raw, emit: impl Fn(u32) -> Result<(), painda_runtime::Error>) {
    for seq in 0..EVENTS {
        emit(seq).expect("emitted");
        let (_, frame) = reader.next().await.expect("the reader gets everything");
        assert_eq!(frame[HEADER..HEADER + 4], seq.to_be_bytes());
        let queued = server.stats().queued_bytes;
        assert!(queued <= QUEUE + 2 * FILLER, "{queued} bytes wait");
    }
}

/// The events that the slow client receives once it reads, until there is nothing more: first bytes of their payloads.
async fn received(server: &PPServer<Kinds>, slow: &mut Raw) -> Vec<[u8; 5]> {
    let end = Header::new(SCHEMA, 4).frame(&[&u32::MAX.to_be_bytes()[..], &[0; FILLER]].concat());
    let mut received = Vec::new();
    let mut sent = false;
    loop {
        let (_, frame) = slow.next().await.expect("it is still connected");
        if frame == end {
            return received;
        }
        received.push(frame[HEADER..HEADER + 5].try_into().expect("five bytes"));
        if !sent && server.stats().queued_bytes == 0 {
            server.to("room").emit(&Line { seq: u32::MAX, filler: [0; FILLER] }).expect("emitted");
            sent = true;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volatile_event_is_dropped_for_a_slow_client() {
    let (server, mut reader, mut slow) = start().await;
    emit_all(&server, &mut reader, |seq| server.to("room").emit(&Sound { seq, filler: [0; FILLER] })).await;
    let stats = server.stats();
    assert!(stats.dropped_volatile > 1000, "{stats:?}");
    assert_eq!((stats.slow_clients, stats.connections), (0, 2));
    let received = received(&server, &mut slow).await;
    assert_eq!(received.len() as u64 + stats.dropped_volatile, u64::from(EVENTS), "each arrived or was counted");
    assert!(received.is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_latest_of_an_event_is_kept_for_a_slow_client() {
    let (server, mut reader, mut slow) = start().await;
    emit_all(&server, &mut reader, |seq| server.to("room").emit(&Score { seq, filler: [0; FILLER] })).await;
    let stats = server.stats();
    assert!(stats.replaced_latest > 1000, "{stats:?}");
    assert_eq!((stats.slow_clients, stats.connections), (0, 2));
    let received = received(&server, &mut slow).await;
    assert_eq!(
        received.last().map(|bytes| &bytes[..4]),
        Some(&(EVENTS - 1).to_be_bytes()[..]),
        "the newest has arrived"
    );
    assert!(received.is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_is_kept_for_each_key() {
    let (server, mut reader, mut slow) = start().await;
    emit_all(&server, &mut reader, |seq| {
        server.to("room").emit(&Position { seq, who: (seq % 4) as u8, filler: [0; FILLER] })
    })
    .await;
    assert_eq!(server.stats().slow_clients, 0);
    let received = received(&server, &mut slow).await;
    for who in 0..4 {
        let newest = received.iter().rfind(|bytes| bytes[4] == who).expect("somebody's position");
        let expected = (0..EVENTS).rfind(|seq| seq % 4 == u32::from(who)).expect("one of four");
        assert_eq!(newest[..4], expected.to_be_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_must_arrive_closes_a_slow_client() {
    let (server, mut reader, mut slow) = start().await;
    emit_all(&server, &mut reader, |seq| server.to("room").emit(&Line { seq, filler: [0; FILLER] })).await;
    let stats = server.stats();
    assert_eq!(stats.slow_clients, 1);
    // What was queued before it is still there, in order and without a gap, and then the reason.
    let mut next = 0u32;
    loop {
        let Some((first, payload)) = slow.next().await else { break };
        if first == FIN | BINARY {
            assert_eq!(payload[HEADER..HEADER + 4], next.to_be_bytes());
            next += 1;
        } else {
            assert_eq!(payload[..2], 4008u16.to_be_bytes());
            break;
        }
    }
    assert!(next > 10);
}
