//! What a node counts, for [`PPServer::stats`](super::PPServer::stats) and, with the feature `metrics`, for the `metrics` facade.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that only grows, under the name that the `metrics` facade knows it by.
#[derive(Debug)]
pub(crate) struct Counter {
    value: AtomicU64,
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "the facade's alone"))]
    name: &'static str,
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self { value: AtomicU64::new(0), name }
    }

    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.value.fetch_add(n, Ordering::Relaxed);
            #[cfg(feature = "metrics")]
            metrics::counter!(self.name).increment(n);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

/// Sets a gauge of the `metrics` facade.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables, reason = "the facade's alone"))]
pub(crate) fn gauge(name: &'static str, value: usize) {
    #[cfg(feature = "metrics")]
    #[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
    metrics::gauge!(name).set(value as f64);
}

/// Notes how long a handler took.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables, reason = "the facade's alone"))]
pub(crate) fn handler_time(began: std::time::Instant) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("painda_handler_seconds").record(began.elapsed());
}

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident = $name:literal;)*) => {
        #[derive(Debug)]
        pub(crate) struct Counters {
            $(pub(crate) $field: Counter,)*
        }

        impl Default for Counters {
            fn default() -> Self {
                Self { $($field: Counter::new($name),)* }
            }
        }

        impl Counters {
            pub(crate) fn snapshot(&self, connections: usize, rooms: usize, queued_bytes: usize) -> ServerStats {
                ServerStats { connections, rooms, queued_bytes, $($field: self.$field.get(),)* }
            }
        }

        /// What a server holds now and has counted since it started; from [`PPServer::stats`](super::PPServer::stats).
        ///
        /// With the feature `metrics` the same is kept in the `metrics` facade, under the name that each field gives.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct ServerStats {
            /// Clients that are connected now. Gauge `painda_connections`.
            pub connections: usize,
            /// Rooms that have members on this node now. Gauge `painda_rooms`.
            pub rooms: usize,
            /// Bytes that wait for clients now, all queues together. Gauge `painda_queued_bytes`, set once a second.
            pub queued_bytes: usize,
            $(
                $(#[$doc])*
                #[doc = concat!("Counter `", $name, "`.")]
                pub $field: u64,
            )*
        }
    };
}

counters! {
    /// Messages that clients have sent, control messages of the WebSocket included.
    received = "painda_messages_received_total";
    /// Emits of this node's application.
    emits = "painda_emits_total";
    /// Messages that other nodes have published and this node has heard.
    remote_emits = "painda_remote_emits_total";
    /// Frames that were queued for clients.
    deliveries = "painda_deliveries_total";
    /// Bytes that were queued for clients.
    delivered_bytes = "painda_delivered_bytes_total";
    /// Messages of clients that were no frame, no JSON, or did not fit their event; each was answered with `__pp_error`.
    malformed = "painda_messages_malformed_total";
    /// Well-formed messages of clients that no handler was set for.
    unhandled = "painda_messages_unhandled_total";
    /// Messages of clients that were dropped because they came too fast.
    rate_limited = "painda_messages_rate_limited_total";
    /// Events from other nodes that this node's schema does not have; passed over.
    unknown_events = "painda_events_unknown_total";
    /// Messages between nodes that could not be understood; passed over.
    unreadable = "painda_messages_unreadable_total";
    /// Calls of handlers that ended with an error or a panic.
    failed_handlers = "painda_handlers_failed_total";
    /// Frames of volatile events that a client did without because its queue was full.
    dropped_volatile = "painda_frames_dropped_volatile_total";
    /// Frames that a later one of the same event and key has replaced in a queue.
    replaced_latest = "painda_frames_replaced_latest_total";
    /// Frames that could not be queued because a client's queue was full; the client is closed at the first of them.
    dropped_full = "painda_frames_dropped_full_total";
    /// Clients that were closed because they read too slowly.
    slow_clients = "painda_clients_too_slow_total";
    /// Clients that were turned away: by a hook, for their origin, or because there were too many.
    refused = "painda_clients_refused_total";
    /// Emits that could not go to other nodes, for example because the queue of publishes was full.
    publish_failures = "painda_publish_failures_total";
}
