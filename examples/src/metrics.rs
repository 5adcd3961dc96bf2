//! The `metrics` facade's numbers, kept for Prometheus.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Failure;

/// In seconds: from a handler that only emits, to far too long.
const BUCKETS: [f64; 8] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0];

/// The builder of the recorder. Times go into buckets, so that those of several nodes can be added up.
///
/// # Errors
/// Never with these buckets: there are some.
pub fn builder() -> Result<PrometheusBuilder, Failure> {
    Ok(PrometheusBuilder::new().set_buckets(&BUCKETS)?)
}

/// Sorts the measured times into the buckets once a second, for as long as the process runs. Otherwise every single time
/// is kept until the metrics are read, which may be never.
pub async fn keep_up(handle: PrometheusHandle) {
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    loop {
        every_second.tick().await;
        handle.run_upkeep();
    }
}
