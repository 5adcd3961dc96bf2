//! The settings of a server; the builder's methods say what each means.

use std::time::Duration;

use super::{fit::OnConflict, limits::Limits, origin::Origins, packet::Framing};
use crate::random::Random;

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
