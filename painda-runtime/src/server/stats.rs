//! What a node counts, for [`PPServer::stats`](super::PPServer::stats) and, with the feature `metrics`, for the `metrics` facade.
//!
//! Labels have few values, and none that a client can make: the names of the schema's events, and what is listed here. So their
//! handles are made once, in tables.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[cfg(feature = "metrics")]
use crate::{adapter::counters::Gauge, schema::EventDescriptor};
use crate::{
    adapter::counters::{Count, Counter, counters},
    schema::Registry,
    wire::error_code::ErrorCode,
};

counters! {
    /// What a server holds now and has counted since it started; from [`PPServer::stats`](super::PPServer::stats).
    ///
    /// With the feature `metrics` the same is kept in the `metrics` facade, under the name that each field gives; the fields are
    /// the sums over all labels. Install the recorder before the server is built: it is asked for its counters then.
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
    #[derive(Copy)]
    pub struct ServerStats {
        /// Clients that are connected now. Gauge `painda_connections`.
        pub connections: usize,
        /// Rooms that have members on this node now. Gauge `painda_rooms`, set once a second.
        pub rooms: usize,
        /// Bytes that wait for clients now, all queues together. Gauge `painda_queued_bytes`, set once a second.
        pub queued_bytes: usize,
    }

    pub(crate) struct Counters from Registry {
        /// Connections whose handshake was accepted, also those that a hook or a limit then refused.
        opened: Counter = "painda_connections_opened_total",
        /// Connections that have ended, by `reason` and close `code`.
        closed: Closings = "painda_connections_closed_total",
        /// Clients that were refused, by `reason`.
        refused: By<Refused> = "painda_clients_refused_total",
        /// Clients that were closed because they read too slowly.
        slow_clients: Counter = "painda_clients_too_slow_total",
        /// Messages that clients have sent, control messages of the WebSocket included.
        received: Counter = "painda_messages_received_total",
        /// Messages of clients that were no frame, no JSON, or did not fit their event, by the code of the `__pp_error` that was
        /// the answer, or `WEBSOCKET`.
        malformed: By<Malformed> = "painda_messages_malformed_total",
        /// Well-formed messages of clients that no handler was set for, by `event`.
        unhandled: ByEvent = "painda_messages_unhandled_total",
        /// Messages of clients that middleware has refused, by `event`.
        refused_messages: ByEvent = "painda_messages_refused_total",
        /// Messages of clients that were dropped because they came too fast.
        rate_limited: Counter = "painda_messages_rate_limited_total",
        /// Calls of handlers that ended with an error or a panic, or took too long, by `event`.
        failed_handlers: ByEvent = "painda_handlers_failed_total",
        /// Emits of this node's application, by `event`.
        emits: ByEvent = "painda_emits_total",
        /// Emits that could not go to other nodes, for example because the queue of publishes was full.
        publish_failures: Counter = "painda_publish_failures_total",
        /// Frames that were queued for clients, by `event`.
        deliveries: ByEvent = "painda_deliveries_total",
        /// Bytes that were queued for clients, by `event`.
        delivered_bytes: ByEvent = "painda_delivered_bytes_total",
        /// Frames of volatile events that a client did without because its queue was full, by `event`.
        dropped_volatile: ByEvent = "painda_frames_dropped_volatile_total",
        /// Frames that a later one of the same event and key has replaced in a queue, by `event`.
        replaced_latest: ByEvent = "painda_frames_replaced_latest_total",
        /// Frames that could not be queued because as much waited for a client as may, by `event`.
        dropped_full: ByEvent = "painda_frames_dropped_full_total",
        /// Messages from other nodes that this node has received.
        remote_emits: Counter = "painda_remote_emits_total",
        /// Events from other nodes that this node's schema does not have; passed over.
        unknown_events: Counter = "painda_events_unknown_total",
        /// Messages between nodes that could not be understood; passed over.
        unreadable: Counter = "painda_messages_unreadable_total",
    }
}

/// The values that a label may have.
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "the facade's alone"))]
pub(crate) trait Label: Copy + 'static {
    const KEY: &'static str;
    const ALL: &'static [Self];

    fn value(self) -> &'static str;

    fn position(self) -> usize;
}

macro_rules! labels {
    ($(#[$about:meta])* $Name:ident = $key:literal { $($(#[$about_value:meta])* $Value:ident = $value:expr,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $Name {
            $($(#[$about_value])* $Value,)*
        }

        impl Label for $Name {
            const KEY: &'static str = $key;
            const ALL: &'static [Self] = &[$(Self::$Value,)*];

            fn value(self) -> &'static str {
                match self {
                    $(Self::$Value => $value,)*
                }
            }

            fn position(self) -> usize {
                self as usize
            }
        }
    };
}

labels! {
    /// Why a connection ended.
    Closed = "reason" {
        /// The client has closed it.
        Client = "client",
        /// The server or the application has.
        Server = "server",
        /// The client read too slowly.
        Slow = "slow",
        /// The client gave no sign of life.
        TimedOut = "timed_out",
        /// It broke, or the client broke the protocol.
        Broken = "broken",
        /// A hook or a limit refused the client.
        Refused = "refused",
    }
}

labels! {
    /// Why a client was refused.
    Refused = "reason" {
        /// The request was no WebSocket handshake, or a wrong one.
        Handshake = "handshake",
        /// The server is stopping.
        Stopping = "stopping",
        /// The server has as many clients as it takes.
        Full = "full",
        /// Its origin is not allowed.
        Origin = "origin",
        /// Its address has as many connections as it may.
        Address = "address",
        /// The connect hook said so.
        ConnectHook = "connect_hook",
        /// The connect hook took too long.
        HookTimeout = "hook_timeout",
        /// The hook for tokens said so.
        AuthHook = "auth_hook",
    }
}

labels! {
    /// What was wrong with a message: the codes of `__pp_error`.
    Malformed = "error" {
        BadFrame = ErrorCode::BadFrame.as_str(),
        BadJson = ErrorCode::BadJson.as_str(),
        BadPayload = ErrorCode::BadPayload.as_str(),
        ReservedName = ErrorCode::ReservedName.as_str(),
        UnknownEvent = ErrorCode::UnknownEvent.as_str(),
        /// The rules of the WebSocket were broken, and so the connection.
        WebSocket = "WEBSOCKET",
        Other = "other",
    }
}

impl Malformed {
    pub(crate) fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::BadFrame => Self::BadFrame,
            ErrorCode::BadJson => Self::BadJson,
            ErrorCode::BadPayload => Self::BadPayload,
            ErrorCode::ReservedName => Self::ReservedName,
            ErrorCode::UnknownEvent => Self::UnknownEvent,
            // These have counters of their own.
            ErrorCode::RateLimited | ErrorCode::Refused => Self::Other,
        }
    }
}

/// A counter for each value of a label.
pub(crate) struct By<L> {
    total: AtomicU64,
    #[cfg(feature = "metrics")]
    facade: Box<[metrics::Counter]>,
    label: std::marker::PhantomData<fn(L)>,
}

impl<L: Label> By<L> {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    pub(crate) fn add(&self, label: L, n: u64) {
        self.total.fetch_add(n, Relaxed);
        #[cfg(feature = "metrics")]
        self.facade[label.position()].increment(n);
    }
}

impl<L: Label> Count<Registry> for By<L> {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    fn new(name: &'static str, what: &'static str, _from: &Registry) -> Self {
        #[cfg(feature = "metrics")]
        metrics::describe_counter!(name, what.trim_start());
        Self {
            total: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            facade: L::ALL.iter().map(|label| metrics::counter!(name, L::KEY => label.value())).collect(),
            label: std::marker::PhantomData,
        }
    }

    fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

/// A counter of ended connections by reason and code. Its handles are not kept: most pairs never come, and an end is rare.
pub(crate) struct Closings {
    total: AtomicU64,
    #[cfg(feature = "metrics")]
    name: &'static str,
}

impl Closings {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    pub(crate) fn add(&self, why: Closed, code: u16) {
        self.total.fetch_add(1, Relaxed);
        #[cfg(feature = "metrics")]
        metrics::counter!(self.name, Closed::KEY => why.value(), "code" => code_label(why, code)).increment(1);
    }
}

/// A close code as a label. What a client says may be any of thousands; what the application says is its own choice.
#[cfg(feature = "metrics")]
fn code_label(why: Closed, code: u16) -> String {
    match code {
        1000..=1015 => code.to_string(),
        4000..=4999 if why != Closed::Client => code.to_string(),
        _ => "other".to_owned(),
    }
}

impl Count<Registry> for Closings {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    fn new(name: &'static str, what: &'static str, _from: &Registry) -> Self {
        #[cfg(feature = "metrics")]
        metrics::describe_counter!(name, what.trim_start());
        Self {
            total: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            name,
        }
    }

    fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

/// An event as a label; nothing at all without the feature `metrics`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventLabel {
    /// Its position in the schema's list; what the schema does not have stands behind the last.
    #[cfg(feature = "metrics")]
    position: usize,
}

impl EventLabel {
    /// The label of the event at this position of the schema's list.
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    pub(crate) fn at(registry: &Registry, position: Option<usize>) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            position: position.unwrap_or(registry.events().len()),
        }
    }

    /// The label of the event with this id; 0 is none of the schema's.
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    pub(crate) fn of(registry: &Registry, id: u16) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            position: Self::at(registry, registry.position(id)).position,
        }
    }
}

/// The values of the label `event`, in the order of [`EventLabel`].
#[cfg(feature = "metrics")]
fn event_names(registry: &Registry) -> impl Iterator<Item = &'static str> {
    registry.events().iter().map(|event| EventDescriptor::name(event)).chain(["other"])
}

/// A counter for each event of the schema, and one for all others.
pub(crate) struct ByEvent {
    total: AtomicU64,
    #[cfg(feature = "metrics")]
    facade: Box<[metrics::Counter]>,
}

impl ByEvent {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    pub(crate) fn add(&self, event: EventLabel, n: u64) {
        if n > 0 {
            self.total.fetch_add(n, Relaxed);
            #[cfg(feature = "metrics")]
            self.facade[event.position].increment(n);
        }
    }
}

impl Count<Registry> for ByEvent {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    fn new(name: &'static str, what: &'static str, registry: &Registry) -> Self {
        #[cfg(feature = "metrics")]
        metrics::describe_counter!(name, what.trim_start());
        Self {
            total: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            facade: event_names(registry).map(|event| metrics::counter!(name, "event" => event)).collect(),
        }
    }

    fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

/// What the facade alone is told; nothing at all without the feature `metrics`.
pub(crate) struct Facade {
    #[cfg(feature = "metrics")]
    connections: Gauge,
    #[cfg(feature = "metrics")]
    rooms: Gauge,
    #[cfg(feature = "metrics")]
    queued_bytes: Gauge,
    #[cfg(feature = "metrics")]
    handler_seconds: Box<[metrics::Histogram]>,
}

#[cfg(not(feature = "metrics"))]
#[expect(clippy::unused_self, reason = "the facade's alone")]
impl Facade {
    pub(crate) fn new(_registry: &Registry) -> Self {
        Self {}
    }

    pub(crate) fn connections(&self, _now: usize) {}

    pub(crate) fn state(&self, _now: impl FnOnce() -> ServerStats) {}

    pub(crate) fn handler_time(&self, _event: EventLabel, _began: tokio::time::Instant) {}
}

#[cfg(feature = "metrics")]
impl Facade {
    pub(crate) fn new(registry: &Registry) -> Self {
        let what = "How long handlers took that ended well, by `event`.";
        metrics::describe_histogram!("painda_handler_seconds", metrics::Unit::Seconds, what);
        let handler = |event| metrics::histogram!("painda_handler_seconds", "event" => event);
        let gauge = |name, what| Gauge::new(name, what, &[]);
        Self {
            connections: gauge("painda_connections", "Clients that are connected."),
            rooms: gauge("painda_rooms", "Rooms that have members on this node."),
            queued_bytes: gauge("painda_queued_bytes", "Bytes that wait for clients, all queues together."),
            handler_seconds: event_names(registry).map(handler).collect(),
        }
    }

    /// How many clients are connected.
    pub(crate) fn connections(&self, now: usize) {
        self.connections.set(now as u64);
    }

    /// Sets the gauges; called once a second.
    pub(crate) fn state(&self, now: impl FnOnce() -> ServerStats) {
        let now = now();
        self.connections.set(now.connections as u64);
        self.rooms.set(now.rooms as u64);
        self.queued_bytes.set(now.queued_bytes as u64);
    }

    /// How long a handler took.
    pub(crate) fn handler_time(&self, event: EventLabel, began: tokio::time::Instant) {
        self.handler_seconds[event.position].record(began.elapsed());
    }
}
