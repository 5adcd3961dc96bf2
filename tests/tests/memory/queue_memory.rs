//! What waits for a client is what is counted: the queue's bound is one of memory.

use painda_runtime::{PPEvent, PPServer, schema};
use painda_tests::{
    heap::held,
    server::{build, piped},
    within,
};
use tokio::io::AsyncReadExt;

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

/// The key of what was the latest once is remembered for a while.
#[tokio::test]
async fn what_has_been_the_latest_is_not_held_when_it_has_left() {
    let _alone = ALONE.lock().await;
    let server = build(PPServer::<Map>::builder()).await;
    let mut client = piped(&server, 4096, "").await;
    let before = held();
    let mut read = vec![0; 100_000];
    for at in 0..200 {
        server.broadcast(&Tile { at, pixels: vec![0; 100_000] }).expect("emitted");
        if at > 4 {
            within("an event", client.read_exact(&mut read)).await.expect("open");
        }
        let queued = server.stats().queued_bytes;
        assert!(queued > 100_000, "the client is never idle");
        let more = held().saturating_sub(before + queued);
        assert!(more < 1_000_000, "{more} bytes more than the {queued} that wait are held");
    }
}
