//! The settings of a server; the builder's methods say what each means.

use std::time::Duration;

use crate::{
    random::Random,
    server::{fit::OnConflict, limits::Limits, origin::Origins},
    wire::frame::Mode,
};

/// See the builder's methods.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) framing: Framing,
    pub(crate) limits: Limits,
    pub(crate) allowed_origins: Option<Origins>,
    pub(crate) heartbeat: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) handler_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) flush_interval: Duration,
    pub(crate) room_linger: Duration,
    pub(crate) ask_timeout: Duration,
    pub(crate) on_conflict: OnConflict,
    pub(crate) typescript_nodes: bool,
    pub(crate) random: Random,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            framing: Framing::default(),
            limits: Limits::default(),
            allowed_origins: None,
            heartbeat: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            handler_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(10),
            flush_interval: Duration::ZERO,
            room_linger: Duration::from_secs(5),
            ask_timeout: Duration::from_secs(2),
            on_conflict: OnConflict::default(),
            typescript_nodes: false,
            random: Random::default(),
        }
    }
}

/// What a server's frames have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Framing {
    pub(crate) mode: Mode,
    /// Payloads of at least so many bytes are deflated.
    pub(crate) deflate_from: Option<usize>,
}

impl Framing {
    /// Whether a payload is large enough to be deflated.
    pub(crate) fn deflates(&self, payload: &[u8]) -> bool {
        self.deflate_from.is_some_and(|from| payload.len() >= from)
    }
}
