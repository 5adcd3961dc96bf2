//! The log lines that clients cause: connects, refusals, disconnects, and what happened to their messages.
//!
//! A client must not be able to fill the log. Of each kind of line so many are written a second, and one line says how many were left
//! out. Text that a client has sent is shortened and escaped.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use http::StatusCode;
use tracing::field::{DebugValue, DisplayValue, debug, display};

use crate::{
    excerpt::{MESSAGE, Quoted, cut},
    server::{
        client_id::ClientId,
        stats::{Closed, Label, Refused},
    },
};

/// One kind of line: so many of them may still be written in this second.
#[derive(Debug)]
pub(crate) struct Lines {
    asked: AtomicU32,
    most: u32,
}

impl Lines {
    const fn new(most: u32) -> Self {
        Self { asked: AtomicU32::new(0), most }
    }

    /// Whether one may be written now.
    pub(crate) fn allow(&self) -> bool {
        self.asked.fetch_add(1, Relaxed) < self.most
    }

    /// Begins a new second; returns how many were left out in the last one.
    fn begin_second(&self) -> Option<u32> {
        let left_out = self.asked.swap(0, Relaxed).saturating_sub(self.most);
        (left_out > 0).then_some(left_out)
    }
}

/// Writes a line that clients cause, unless too many of its kind were written already.
macro_rules! line {
    ($lines:expr, $level:ident, target: $target:literal, $($what:tt)+) => {
        // A line that the subscriber filters out is not counted.
        if tracing::enabled!(target: $target, tracing::Level::$level) && $lines.allow() {
            tracing::event!(target: $target, tracing::Level::$level, $($what)+);
        }
    };
}
pub(crate) use line;

/// The lines that clients cause.
#[derive(Debug)]
pub(crate) struct Log {
    connected: Lines,
    disconnected: Lines,
    refused: Lines,
    pub(crate) malformed: Lines,
    pub(crate) unhandled: Lines,
    pub(crate) failed: Lines,
    /// Of connections that are no WebSockets, and never answered a request.
    pub(crate) broken: Lines,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            connected: Lines::new(100),
            disconnected: Lines::new(100),
            refused: Lines::new(10),
            malformed: Lines::new(10),
            unhandled: Lines::new(10),
            failed: Lines::new(10),
            broken: Lines::new(10),
        }
    }

    /// Is called once a second.
    pub(crate) fn begin_second(&self) {
        let connected = self.connected.begin_second();
        let disconnected = self.disconnected.begin_second();
        let refused = self.refused.begin_second();
        let malformed = self.malformed.begin_second();
        let unhandled = self.unhandled.begin_second();
        let failed = self.failed.begin_second();
        let broken = self.broken.begin_second();
        if [connected, disconnected, refused, malformed, unhandled, failed, broken].iter().any(Option::is_some) {
            let what = "so many lines were left out in the last second";
            tracing::info!(target: "painda::log", connected, disconnected, refused, malformed, unhandled, failed, broken, "{what}");
        }
    }

    /// The connect hook has accepted a client.
    pub(crate) fn connected(&self, id: ClientId, address: Option<IpAddr>) {
        let address = address.map(display);
        line!(self.connected, INFO, target: "painda::connect", id = id.as_str(), address, "connected");
    }

    /// An accepted client has disconnected; the reason and the close code are those of the counters.
    pub(crate) fn disconnected(
        &self,
        id: ClientId,
        address: Option<IpAddr>,
        (reason, code): (Closed, u16),
        error: Option<&str>,
        after: Duration,
    ) {
        let (address, reason) = (address.map(display), reason.value());
        line!(
            self.disconnected, INFO, target: "painda::connect",
            id = id.as_str(), address, reason, code, error = error.map(sentence), ?after, "disconnected"
        );
    }

    /// A client has disconnected while its connect hook ran.
    pub(crate) fn vanished(&self, id: ClientId, address: Option<IpAddr>) {
        let address = address.map(display);
        line!(self.disconnected, DEBUG, target: "painda::connect", id = id.as_str(), address, "handshake aborted");
    }

    /// A request was answered with an error instead of a connection.
    pub(crate) fn refused_request(&self, address: Option<IpAddr>, reason: Refused, status: StatusCode, why: &str) {
        let (address, reason, status) = (address.map(display), reason.value(), status.as_u16());
        line!(self.refused, INFO, target: "painda::connect", address, reason, status, why, "refused");
    }

    /// A client was refused with this close code.
    pub(crate) fn refused(&self, id: ClientId, address: Option<IpAddr>, reason: Refused, code: u16, why: &str) {
        let (address, reason) = (address.map(display), reason.value());
        line!(
            self.refused, INFO, target: "painda::connect",
            id = id.as_str(), address, reason, code, why = sentence(why), "refused"
        );
    }
}

/// A name that a client may have chosen, for the log: shortened, and invisible characters are escaped.
pub(crate) fn name(text: &str) -> DisplayValue<Quoted<'_>> {
    display(Quoted(text))
}

/// The same for sentences.
pub(crate) fn sentence(text: &str) -> DebugValue<String> {
    debug(cut(text, MESSAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_stays_on_its_line_and_is_cut() {
        assert_eq!(format!("{:?}", name("player:move")), "\"player:move\"");
        for forged in
            ["a\nINFO came", "a\r\nb", "a\u{1b}[2Jb", "a\u{202e}b", "a\u{2028}b", "a\0b", "a\u{85}b", "a\" id=\"b"]
        {
            for shown in [format!("{:?}", name(forged)), format!("{:?}", sentence(forged))] {
                assert!(shown.chars().all(|c| !c.is_control() && !matches!(c, '\u{202e}' | '\u{2028}')), "{shown}");
                assert_eq!(shown.matches('"').count() - shown.matches("\\\"").count(), 2, "{shown}");
            }
        }
        assert_eq!(format!("{:?}", name(&"é".repeat(100))), format!("{:?}…", "é".repeat(32)));
        assert_eq!(format!("{:?}", sentence(&"x".repeat(600))), format!("{:?}", "x".repeat(509) + "…"));
    }

    #[test]
    fn a_second_has_so_many_lines() {
        let lines = Lines::new(3);
        assert_eq!((0..10).filter(|_| lines.allow()).count(), 3);
        assert_eq!(lines.begin_second(), Some(7));
        assert!(lines.allow());
        assert_eq!(lines.begin_second(), None);
    }
}
