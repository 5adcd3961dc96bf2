//! The events that the example services share. A service depends on this crate and on
//! `painda-runtime`; nothing here needs a server, Redis or an async runtime.
#![forbid(unsafe_code)]

use painda_runtime::{PPEvent, schema};

/// A player moved.
#[derive(Debug, Clone, Copy, PartialEq, PPEvent)]
#[pp(event = "player:move", id = 1)]
pub struct PlayerMove {
    /// From the left edge.
    pub x: f32,
    /// From the top edge.
    pub y: f32,
}

/// A player was hit by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PPEvent)]
#[pp(event = "player:hit", id = 2)]
pub struct PlayerHit {
    /// Who did it.
    pub attacker: u32,
    /// Whom it hurts.
    pub target: u32,
    /// How much; below zero it heals.
    pub damage: i16,
}

schema! {
    /// The events of the arena's services.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub Arena { PlayerMove, PlayerHit }
}
