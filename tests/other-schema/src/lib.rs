//! Another team's events, for the tests that put the events of two crates into one schema.

use painda_runtime::PPEvent;

/// Has the id of `schemas::PlayerMove`.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "other:id", id = 1)]
pub struct SameId {
    /// A number.
    pub value: u8,
}

/// Has the name of `schemas::PlayerMove`.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "player:move", id = 100)]
pub struct SameName {
    /// A number.
    pub value: u8,
}

/// Has the Rust name of `schemas::PlayerHit`, which is allowed.
#[derive(Debug, Clone, PartialEq, PPEvent)]
#[pp(event = "other:hit", id = 101)]
pub struct PlayerHit {
    /// A number.
    pub value: u8,
}
