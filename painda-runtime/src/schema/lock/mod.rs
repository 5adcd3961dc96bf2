//! The lock file: a file beside the code with the layout of a schema's events on the wire.
//!
//! A test compares the file with the code, so that every change to a schema is noticed. It is a line in the
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
//! Its first run writes the file; commit it. From then on a difference fails the test, which shows where it is, who is
//! affected ([`Class`]), and what to do:
//!
//! ```text
//! the schema `Arena` differs from schema.lock:
//!
//! wire    event `player:move`, field `x`: the type was `f32` and is `f64`
//!         Old and new programs misread each other. Leave it, and append another field instead.
//! safe    event `chat:line`: it is new, with the id 3
//!         Programs that do not know it yet refuse it: update those that receive it before those that send it.
//!
//! Nothing was written. To take all of it into the file, once no program with the old schema runs any more:
//! PAINDA_ACCEPT=wire cargo test --package schemas
//! ```
//!
//! Documentation and the order of the list are no part of the file. Where the environment has `CI`, a missing file
//! fails the test.
//!
//! Which change is of which class is the same for this file and for nodes that meet: [`diff`](super::diff) has the rules.
//!
//! # Taking a change into the file
//!
//! `PAINDA_ACCEPT` says up to which class changes are taken. Where one is more serious, nothing is written; what was
//! taken is printed, a line for each change.
//!
//! | value | what it takes | when |
//! | --- | --- | --- |
//! | `1` | `safe` | at any time; it also writes a missing file, with `CI`, too |
//! | `source` | up to `source` | the code that uses the schema changes along with it, and whoever gets a new variant knows it |
//! | `json` | up to `json` | there are no clients with the old JSON or TypeScript |
//! | `wire` | everything | no program with the old schema runs any more, or none has ever run |
//!
//! Unset, empty and `0` take nothing. Another value fails the test.
//!
//! The command in the message names the package, and cannot know the features: where the schema or its test needs some,
//! add the `--features` with which the test ran.
//!
//! # The file
//!
//! One line a field, so that a diff reads well. `#` begins a comment.
//!
//! ```text
//! painda-lock 2
//! schema Arena
//! depth 64
//!
//! event 1 "player:move" schemas::PlayerMove, latest = "player"
//!   player: schemas::Id
//!   x: f32
//!   y: f32
//!   stance: schemas::Stance, since 2 = "Standing"
//!
//! struct schemas::Id, tuple
//!   0: u32
//!
//! enum schemas::Stance
//!   0 Standing
//!   1 Running
//!     speed: f32
//!
//! reserved 7 "player:jump"
//! ```
//!
//! An event has its id, its name and its path in Rust, and its delivery where that is not `reliable`; a field its
//! name and type, and the version of the event that has added it with the JSON of its value in older messages; a
//! variant its tag; `tuple` marks fields that have positions instead of names. `depth` is how deep structs and enums
//! may be nested in a message. The ids and names of events that are gone stay reserved: an event that takes one fails
//! the test, whatever `PAINDA_ACCEPT` is.
//!
//! What is in the file twice, or contradicts another line, fails the test with both lines: a merge may have kept what
//! is on both sides. So does what is missing: a struct that a field has, the variants of an enum.
//!
//! A file of the format 1 is read. It has no delivery, no depth and no `tuple`, so that a change of them cannot be seen
//! in it: the test fails with a `safe` change until `PAINDA_ACCEPT=1` has written the file in the format 2.
//!
//! The module owns the file. [`diff`](super::diff) has the meaning of a change.

mod line;
mod read;
mod types;
mod write;

use super::golden::{self, Golden, Mode, Outcome};
use super::model::SchemaModel;
use super::{Registry, Schema};
use std::collections::BTreeSet;
use std::path::Path;

pub use super::diff::{Change, Class};
pub use line::LockError;
pub use read::read;
pub use write::write;

/// The format of the text that is written; older ones are read.
const FORMAT: u32 = 2;

/// Compares a schema with its lock file, for a test. A relative path begins at the package's folder, where
/// `cargo test` runs.
///
/// # Panics
/// When they differ and [`PAINDA_ACCEPT`](self#taking-a-change-into-the-file) does not take it, with all changes and the
/// command that would; when `PAINDA_ACCEPT` has another value; when the file is missing and `CI` is set and
/// `PAINDA_ACCEPT` is not; when it contradicts itself; and when it cannot be read or written.
#[track_caller]
pub fn check<S: Schema>(path: impl AsRef<Path>) {
    golden::check(|mode| outcome(S::registry(), path.as_ref(), mode));
}

/// The text of a new lock file, which reserves nothing.
#[must_use]
pub fn text(registry: &Registry) -> String {
    write(&SchemaModel::of(registry))
}

/// What has changed since a lock file was written, the most serious first.
///
/// # Errors
/// When this is not the text of a lock file, or it contradicts itself: with the line, and what to do.
pub fn changes(registry: &Registry, lock: &str) -> Result<Vec<Change>, LockError> {
    Ok(changes_since(&read(lock)?, &SchemaModel::of(registry)))
}

/// The changes of the schema, and that of the file's format.
fn changes_since(lock: &SchemaModel, code: &SchemaModel) -> Vec<Change> {
    let mut changes = lock.diff(code);
    if !lock.is_complete {
        changes.push(Change {
            class: Class::Safe,
            place: "lock file".to_owned(),
            what: format!("its format was 1 and is {FORMAT}"),
            advice:
                "An older painda-runtime has written it, without the events' delivery. From now on a change of that is \
                     seen, too."
                    .to_owned(),
            is_acceptable: true,
            is_conflict: false,
        });
    }
    changes
}

/// What the file reserves, and the ids and names that the events of the code no longer have.
fn reserved(lock: &SchemaModel, code: &SchemaModel) -> Vec<(u16, Box<str>)> {
    let events = |schema: &SchemaModel| -> BTreeSet<_> {
        schema.events.iter().map(|event| (event.id, event.name.clone())).collect()
    };
    let reserved: BTreeSet<_> = lock.reserved.iter().cloned().chain(events(lock)).collect();
    reserved.difference(&events(code)).cloned().collect()
}

fn outcome(registry: &Registry, path: &Path, mode: Mode) -> Outcome {
    let file = Golden::open(path, mode)?;
    let mut new = SchemaModel::of(registry);
    let Some(old) = file.text() else { return file.create(&write(&new)) };
    let old = read(old).map_err(|error| format!("{}, {error}", path.display()))?;
    let changes = changes_since(&old, &new);
    new.reserved = reserved(&old, &new);
    // The file may have been edited by hand, in another order.
    if old.is_complete && write(&new) == write(&old) {
        return Ok(None);
    }
    let worst = changes.iter().map(Change::class).max().unwrap_or(Class::Safe);
    let is_acceptable = changes.iter().all(Change::is_acceptable);
    let (schema, path) = (registry.name(), path.display());
    if is_acceptable && mode.accept.takes(worst) {
        let list: Vec<_> = changes.iter().map(|change| format!("\n{change:#}")).collect();
        return file.write(&write(&new), format!("taken from the schema `{schema}` into {path}:{}", list.concat()));
    }
    let end = if is_acceptable {
        let once = match worst {
            Class::OnWire => ", once no program with the old schema runs any more",
            Class::InJson => ", once no client has the old JSON or TypeScript any more",
            Class::InSource | Class::Safe => "",
        };
        format!("To take all of it into the file{once}:\n{}", golden::command(worst))
    } else {
        "PAINDA_ACCEPT takes none of it into the file: an id or a name is used again.".to_owned()
    };
    let list: Vec<_> = changes.iter().map(Change::to_string).collect();
    Err(format!("the schema `{schema}` differs from {path}:\n\n{}\n\nNothing was written. {end}", list.join("\n")))
}

#[cfg(test)]
mod tests;
