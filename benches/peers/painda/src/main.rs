//! What the arena does not do: emits events from the server, without sockets, as fast as Redis takes them.
//!
//! `peer-painda --redis URL --publish N`

use std::{error::Error, time::Duration};

use lexopt::{Arg::Long, ValueExt};
use painda_runtime::{PPServer, RedisAdapter};
use schemas::{Arena, PlayerMove};

/// How many events are emitted before others get a turn.
const BURST: usize = 256;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut redis, mut count) = (String::new(), 0usize);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("redis") => redis = args.value()?.string()?,
            Long("publish") => count = args.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let server = PPServer::<Arena>::builder().adapter(RedisAdapter::connect(&redis).await?).build().await?;
    for number in 0..count {
        let moved = PlayerMove { x: 0.5, y: number as f32 + 0.5 };
        // The queue is bounded: full means that Redis is the slower one.
        while server.to("arena").emit(&moved).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if number % BURST == BURST - 1 {
            tokio::task::yield_now().await;
        }
    }
    server.close().await?;
    Ok(())
}
