//! The part of a socket that knows no schema: its queue, its rooms and its dialect. It is what rooms and emits need of it.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use parking_lot::Mutex;

use super::{
    outbox::Outbox,
    packet::{Dialect, close_frame},
};
use crate::{
    server::{client_id::ClientId, limits::Bounds, stats::Closed},
    wire::close_code,
};

/// The part of a socket that knows no schema: what rooms and emits need of it.
#[derive(Debug)]
pub(crate) struct SocketCore {
    pub(crate) id: ClientId,
    pub(crate) outbox: Outbox,
    pub(crate) rooms: Mutex<Rooms>,
    dialect: AtomicU8,
}

/// The rooms that a socket is in, and after its end those that it was in then.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    pub(crate) names: Vec<Arc<str>>,
    /// It has left for good.
    pub(crate) left: bool,
}

impl SocketCore {
    pub(crate) fn new(id: ClientId, queue: Arc<Bounds>) -> Self {
        let dialect = AtomicU8::new(Dialect::default() as u8);
        Self { id, outbox: Outbox::new(queue), rooms: Mutex::default(), dialect }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.dialect.load(Ordering::Relaxed) {
            1 => Dialect::V1,
            2 => Dialect::Text,
            _ => Dialect::V2,
        }
    }

    pub(crate) fn set_dialect(&self, dialect: Dialect) {
        self.dialect.store(dialect as u8, Ordering::Relaxed);
    }

    /// Starts the closing handshake, after what is queued; `false` where that was so already, or the connection has gone. The code
    /// may come from anywhere.
    pub(crate) fn close(&self, code: u16, reason: &str) -> bool {
        self.close_because(Closed::Server, code, reason)
    }

    /// Closes for another reason than the application's or a limit's.
    pub(crate) fn close_because(&self, why: Closed, code: u16, reason: &str) -> bool {
        let code = close_code::sendable(code);
        self.outbox.push_last(close_frame(Some((code, reason))), (why, code))
    }

    /// Closes because the server stops.
    pub(crate) fn go_away(self: &Arc<Self>) {
        self.close(close_code::GOING_AWAY, "the server stops");
    }

    /// Answers a client's close with its own code and reason, or with neither. `false` where the connection was closing already.
    pub(crate) fn answer_close(&self, said: Option<(u16, &str)>) -> bool {
        let code = said.map_or(1005, |(code, _)| code);
        self.outbox.push_last(close_frame(said), (Closed::Client, code))
    }
}
