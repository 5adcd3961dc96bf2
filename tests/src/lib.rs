//! What the tests that cross crates share: a Redis of their own, the example services as real processes, WebSocket
//! clients, a browser, and the frames they speak, written by hand so that they do not believe what they test.

pub mod browser;
pub mod client;
pub mod cluster;
pub mod frames;
pub mod gather;
pub mod log;
pub mod peer;
pub mod process;
pub mod raw;
pub mod redis;
pub mod relay;
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

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
