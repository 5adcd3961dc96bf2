//! The tests of the lock file.

mod accepting;
mod drift;
mod format;

use super::*;

const OLD: &str = r#"painda-lock 2
schema Arena
depth 64

event 1 "player:move" arena::PlayerMove
  x: f32
  y: f32

event 2 "player:hit" arena::PlayerHit
  target: u32
  weapon: arena::Weapon
  at: Vec<arena::Position>
  zone: u8, since 2 = 0

struct arena::Position
  x: u16
  y: u16

enum arena::Weapon
  0 Fist
  1 Bow
    arrows: u8
    broken: bool

reserved 9 "player:jump"
"#;

/// The changes from one text to another, without their advice.
fn between(old: &str, new: &str) -> Vec<String> {
    let changes = changes_since(&read(old).unwrap(), &read(new).unwrap());
    changes.iter().map(|change| format!("{} {}: {}", change.class(), change.place(), change.what())).collect()
}
