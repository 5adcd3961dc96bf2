//! What a node counts, for [`PPServer::stats`](super::PPServer::stats) and, with the feature `metrics`, for the `metrics` facade.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter that only grows. The facade's handle is made once: looking it up by name costs more than the event.
pub(crate) struct Counter {
    value: AtomicU64,
    #[cfg(feature = "metrics")]
    facade: metrics::Counter,
}

impl Counter {
    #[cfg_attr(not(feature = "metrics"), allow(unused_variables, reason = "the facade's alone"))]
    fn new(name: &'static str) -> Self {
        Self {
            value: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            facade: metrics::counter!(name),
        }
    }

    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.value.fetch_add(n, Ordering::Relaxed);
            #[cfg(feature = "metrics")]
            self.facade.increment(n);
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

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident = $name:literal;)*) => {
        pub(crate) struct Counters {
            $(pub(crate) $field: Counter,)*
            #[cfg(feature = "metrics")]
            handler_seconds: metrics::Histogram,
        }

        impl Default for Counters {
            fn default() -> Self {
                Self {
                    $($field: Counter::new($name),)*
                    #[cfg(feature = "metrics")]
                    handler_seconds: metrics::histogram!("painda_handler_seconds"),
                }
            }
        }

        impl Counters {
            /// Notes how long a handler took.
            #[cfg_attr(not(feature = "metrics"), allow(unused_variables, clippy::unused_self, reason = "the facade's alone"))]
            pub(crate) fn handler_time(&self, began: std::time::Instant) {
                #[cfg(feature = "metrics")]
                self.handler_seconds.record(began.elapsed());
            }

            pub(crate) fn snapshot(&self, connections: usize, rooms: usize, queued_bytes: usize) -> ServerStats {
                ServerStats { connections, rooms, queued_bytes, $($field: self.$field.get(),)* }
            }
        }

        /// What a server holds now and has counted since it started; from [`PPServer::stats`](super::PPServer::stats).
        ///
        /// With the feature `metrics` the same is kept in the `metrics` facade, under the name that each field gives. Install the
        /// recorder before the server is built: it is asked for its counters then.
        ///
        /// ```
        /// # use painda_runtime::{Error, PPEvent, PPServer, Socket, schema};
        /// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32, y: f32 }
        /// # schema! { pub Arena { PlayerMove } }
        /// # async fn example() -> Result<(), Error> {
        /// let server = PPServer::<Arena>::builder().build().await?;
        /// server.broadcast(&PlayerMove { x: 1.5, y: 2.5 })?;
        /// let stats = server.stats();
        /// assert_eq!((stats.emits, stats.deliveries, stats.connections), (1, 0, 0));
        /// # Ok(()) }
        /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
        /// ```
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
