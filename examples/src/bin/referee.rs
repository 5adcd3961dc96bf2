//! A service without sockets: once a second it emits to the cluster who hit whom.
//!
//! `referee --redis URL`

use std::time::Duration;

use painda_examples::{Failure, Options, stop_signal};
use painda_runtime::{Emitter, RedisAdapter};
use schemas::{Arena, PlayerHit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let options = Options::from_args("referee")?;
    let url = options.redis.ok_or("referee needs a cluster: add --redis URL")?;
    // It is neither a node nor a server. It shares the schema, so the arena's clients can decode its events.
    let cluster = Emitter::<Arena>::new(RedisAdapter::connect(&url).await?);
    println!("referee is in the cluster");

    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    let stop = stop_signal();
    tokio::pin!(stop);
    for round in 0.. {
        tokio::select! {
            _ = every_second.tick() => {}
            stopped = &mut stop => {
                stopped?;
                break;
            }
        }
        let hit = PlayerHit { attacker: round, target: round + 1, damage: 10 };
        if let Err(error) = cluster.broadcast(&hit) {
            eprintln!("not sent: {error}");
        }
    }
    cluster.close().await?;
    Ok(())
}
