//! What waits for a client is what is counted: the queue's bound is one of memory.

use painda_runtime::{PPEvent, PPServer, schema};
use painda_tests::heap::held;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ALONE;

/// A part of a map.
#[derive(Debug, PPEvent)]
#[pp(event = "tile", id = 1, latest = "at")]
struct Tile {
    at: u32,
    pixels: Vec<u8>,
}

schema! {
    /// What tells of a map.
    Map { Tile }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The key of what was the latest once is remembered for a while.
#[tokio::test]
async fn what_has_been_the_latest_is_not_held_when_it_has_left() {
    let _alone = ALONE.lock().await;
    let server = PPServer::<Map>::builder().build().await.expect("a node");
    let (mut client, theirs) = tokio::io::duplex(4096);
    let serving = server.clone();
    tokio::spawn(async move { serving.serve_connection(theirs, None).await });
    client.write_all(REQUEST).await.expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("an answer"));
    }
    let before = held();
    let mut read = vec![0; 100_000];
    for at in 0..200 {
        server.broadcast(&Tile { at, pixels: vec![0; 100_000] }).expect("emitted");
        if at > 4 {
            client.read_exact(&mut read).await.expect("open");
        }
        let queued = server.stats().queued_bytes;
        assert!(queued > 100_000, "the client is never idle");
        let more = held().saturating_sub(before + queued);
        assert!(more < 1_000_000, "{more} bytes more than the {queued} that wait are held");
    }
}
