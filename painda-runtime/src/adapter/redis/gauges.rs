//! The adapter's gauges in the `metrics` facade, set once a second.

use std::{sync::Weak, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::router::Router;
use crate::adapter::counters::Gauge;

/// How often the gauges are set.
const INTERVAL: Duration = Duration::from_secs(1);

struct Gauges {
    up: Gauge,
    degraded: Gauge,
    messages: Gauge,
    bytes: Gauge,
    in_flight: Gauge,
}

impl Gauges {
    fn new() -> Self {
        let health = |state| {
            let what = "How many adapters of this process are in this state: as a rule 1 and 0.";
            Gauge::new("painda_redis_health", what, &[("state", state)])
        };
        let gauge = |name, what| Gauge::new(name, what, &[]);
        Self {
            up: health("up"),
            degraded: health("degraded"),
            messages: gauge("painda_redis_queue_messages", "Publishes that wait in the queue."),
            bytes: gauge(
                "painda_redis_queue_bytes",
                "Bytes of publishes that wait in the queue, as its bound counts them.",
            ),
            in_flight: gauge(
                "painda_redis_in_flight_messages",
                "Publishes that Redis has been sent and has not answered.",
            ),
        }
    }

    fn set(&self, router: &Router) {
        let is_up = router.observed.health().borrow().is_up();
        self.up.set(is_up.into());
        self.degraded.set((!is_up).into());
        let stats = router.stats();
        self.messages.set(stats.queued);
        self.bytes.set(stats.queued_bytes);
        self.in_flight.set(stats.in_flight);
    }
}

/// Runs for as long as the adapter exists.
pub(super) async fn run(router: Weak<Router>) {
    let gauges = Gauges::new();
    let mut interval = interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(router) = router.upgrade() {
        gauges.set(&router);
        drop(router);
        interval.tick().await;
    }
}
