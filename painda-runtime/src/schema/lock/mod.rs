//! The lock file: what a schema's events are on the wire, in a file beside the code.
//!
//! A test compares the file with the code, so that no change to a schema goes unnoticed. It is a line in the
//! schema crate, with this crate's feature `tools` among the `dev-dependencies`:
//!
//! ```no_run
//! # use painda_runtime::{PPEvent, schema};
//! # #[derive(PPEvent)]
//! # #[pp(event = "player:move", id = 1)]
//! # pub struct PlayerMove { pub x: f32, pub y: f32 }
//! # schema! { pub Arena { PlayerMove } }
//! # /*
//! #[test]
//! # */
//! fn the_schema_is_locked() { painda_runtime::schema::lock::check::<Arena>("schema.lock") }
//! ```
//!
//! Its first run writes the file; commit it. From then on a difference fails the test, which says where it is, for
//! whom it matters ([`Class`]), and what to do:
//!
//! ```text
//! the schema `Arena` differs from schema.lock:
//!
//! wire    event `player:move`, field `x`: the type was `f32` and is `f64`
//!         Old and new programs misread each other. Leave it, and append another field instead.
//! safe    event `chat:line`: it is new, with the id 3
//!         Programs that do not know it yet refuse it: update those that receive it before those that send it.
//!
//! To take this into the file, run the test with PAINDA_ACCEPT=1.
//! ```
//!
//! Documentation and the order of the list are no part of the file. Where the environment has `CI`, a missing file
//! fails the test.
//!
//! # The file
//!
//! One line a field, so that a diff reads well. `#` begins a comment.
//!
//! ```text
//! painda-lock 1
//! schema Arena
//!
//! event 1 "player:move" schemas::PlayerMove
//!   x: f32
//!   y: f32
//!   stance: schemas::Stance, since 2 = "Standing"
//!
//! enum schemas::Stance
//!   0 Standing
//!   1 Running
//!     speed: f32
//!
//! reserved 7 "player:jump"
//! ```
//!
//! An event has its id, its name and its path in Rust; a field its name and type, and the version of the event that
//! has brought it with the JSON of its value in older messages; a variant its tag. The ids and names of events that
//! are gone stay reserved: an event that takes one fails the test, also with `PAINDA_ACCEPT=1`.
//!
//! The module owns the file and the meaning of changes. It reads descriptors, and knows no message.

mod change;
mod diff;
mod fields;
mod model;
mod paths;
mod text;

use super::golden::{Golden, Mode};
use super::{Registry, Schema};
use model::Lock;
use std::path::Path;

pub use change::{Change, Class};
pub use text::LockError;

/// Compares a schema with its lock file, for a test. A relative path begins at the package's folder, where
/// `cargo test` runs.
///
/// # Panics
/// When they differ and `PAINDA_ACCEPT=1` is not set, with all changes; when the file is missing and `CI` is set; and
/// when the file cannot be read or written.
#[track_caller]
pub fn check<S: Schema>(path: impl AsRef<Path>) {
    if let Err(message) = outcome(S::registry(), path.as_ref(), Mode::of_environment()) {
        panic!("{message}");
    }
}

/// The text of a new lock file, which reserves nothing.
#[must_use]
pub fn text(registry: &Registry) -> String {
    text::write(&Lock::of(registry))
}

/// What has changed since a lock file was written, the gravest first.
///
/// # Errors
/// When this is not the text of a lock file.
pub fn changes(registry: &Registry, lock: &str) -> Result<Vec<Change>, LockError> {
    Ok(diff::changes(&text::read(lock)?, &Lock::of(registry)))
}

fn outcome(registry: &Registry, path: &Path, mode: Mode) -> Result<(), String> {
    let file = Golden::open(path, mode)?;
    let mut new = Lock::of(registry);
    let Some(old) = file.text_or_write(|| text::write(&new))? else { return Ok(()) };
    let old = text::read(old).map_err(|error| format!("{}, {error}", path.display()))?;
    let changes = diff::changes(&old, &new);
    new.reserved = diff::reserved(&old, &new);
    if new == old {
        return Ok(());
    }
    let refused: Vec<_> = changes.iter().filter(|change| !change.is_acceptable()).collect();
    if mode.accept && refused.is_empty() {
        return file.write(&text::write(&new));
    }
    let list: Vec<_> = changes.iter().map(Change::to_string).collect();
    let end = match refused.as_slice() {
        [] => "To take this into the file, run the test with PAINDA_ACCEPT=1.",
        _ => "PAINDA_ACCEPT=1 does not take this into the file: an id or a name is used again.",
    };
    Err(format!("the schema `{}` differs from {}:\n\n{}\n\n{end}", registry.name(), path.display(), list.join("\n")))
}

#[cfg(test)]
mod tests;
