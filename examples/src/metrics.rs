//! The `metrics` facade's numbers, kept for Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Failure;

/// In seconds: from what a handler takes that only emits, to what nobody should wait for.
const BUCKETS: [f64; 8] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0];

/// What the numbers are kept in. Times go into buckets, so that those of several nodes can be added up.
///
/// # Errors
/// Never with these buckets: there are some.
pub fn builder() -> Result<PrometheusBuilder, Failure> {
    Ok(PrometheusBuilder::new().set_buckets(&BUCKETS)?)
}

/// Sorts what was measured into the buckets, once a second, for as long as the process lives. Otherwise every single time
/// that was taken is kept until somebody asks, and nobody may ever ask.
pub async fn keep_up(handle: PrometheusHandle) {
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    loop {
        every_second.tick().await;
        handle.run_upkeep();
    }
}
