//! What the tests that cross crates share: nodes within the process, a Redis of their own, the example services as real processes,
//! WebSocket clients, a browser, and the frames they speak, written by hand so that they do not believe what they test.
//!
//! Whatever a test waits for, it waits for with [`within`] or [`eventually`], or with a helper that does: so it fails instead of hanging.

pub mod adapter;
pub mod browser;
pub mod client;
pub mod cluster;
pub mod frames;
pub mod gather;
pub mod heap;
pub mod logs;
pub mod metrics;
pub mod peer;
pub mod process;
pub mod raw;
pub mod redis;
pub mod relay;
pub mod server;
pub mod topology;

use std::future::Future;
use std::time::Duration;

/// How long a test waits for what it expects before it fails; far more than a healthy machine takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a future, and fails with a sentence when it takes longer than [`PATIENCE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s in vain for {what}", PATIENCE.as_secs()),
    }
}

/// Between two looks at what nobody announces.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until something holds that nobody announces; it is looked at again and again. Fails as [`within`] does.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    within(what, looking).await;
}

/// The examples of the README and of the book, compiled. `tests/published/book.rs` sees to it that no chapter is left out.
#[cfg(doctest)]
mod examples {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../docs/start.md")]
    struct Start;

    #[doc = include_str!("../../docs/schema.md")]
    struct TheSchema;

    #[doc = include_str!("../../docs/server.md")]
    struct TheServer;

    #[doc = include_str!("../../docs/clients.md")]
    struct Clients;

    #[doc = include_str!("../../docs/cluster.md")]
    struct ACluster;

    #[doc = include_str!("../../docs/redis.md")]
    struct OverRedis;

    #[doc = include_str!("../../docs/operations.md")]
    struct Operations;

    #[doc = include_str!("../../docs/migrating/socket-io.md")]
    struct FromSocketIo;

    #[doc = include_str!("../../docs/migrating/socketioxide.md")]
    struct FromSocketioxide;
}
