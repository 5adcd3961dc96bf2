//! A change between two schemas: what and where, who is affected, and what to do.
//!
//! Owns [`Change`] and how it prints.

use alloc::string::String;
use core::fmt;

/// Who is affected by a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Class {
    /// Nobody: old and new programs understand each other.
    Safe,
    /// Code: names in Rust have changed, or a slow client may now miss an event. The bytes and the JSON are the same.
    InSource,
    /// JSON and TypeScript clients: the JSON, or TypeScript's values, have changed. The bytes are the same. Code that
    /// uses the Rust types may have to change, too.
    InJson,
    /// Running programs: old and new ones misread each other, or cannot read each other.
    OnWire,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Class::Safe => "safe",
            Class::InSource => "source",
            Class::InJson => "json",
            Class::OnWire => "wire",
        })
    }
}

/// One difference between two versions of a schema: between a lock file and the code, or between two programs.
///
/// ```
/// # use painda_runtime::{PPEvent, Schema, schema};
/// use painda_runtime::schema::lock::{self, Class};
///
/// # #[derive(PPEvent)]
/// # #[pp(event = "player:move", id = 1)]
/// # pub struct PlayerMove { pub x: f64, pub y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// let old = lock::text(Arena::registry()).replace("f64", "f32");
/// let changes = lock::changes(Arena::registry(), &old)?;
/// assert_eq!(changes[0].class(), Class::OnWire);
/// assert_eq!(changes[0].place(), "event `player:move`, field `x`");
/// assert_eq!(changes[0].what(), "the type was `f32` and is `f64`");
/// # Ok::<(), lock::LockError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub(crate) class: Class,
    pub(crate) place: String,
    pub(crate) what: String,
    pub(crate) advice: String,
    pub(crate) is_acceptable: bool,
    pub(crate) is_conflict: bool,
}

impl Change {
    /// Who is affected.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The event or part, and the field or variant.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What has changed.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do, or to know.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.advice
    }

    /// Whether `PAINDA_ACCEPT`, with the value for its class, takes it into the lock file. The reuse of a reserved id
    /// or name is not accepted before its line is removed from the file by hand.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        self.is_acceptable
    }

    /// Whether programs with the two versions can't run together: it is [on the wire](Class::OnWire) in both
    /// directions. A node does not join a cluster with such a difference.
    ///
    /// Something that only one of them has is no conflict: an event, a variant, or fields at the end of an event with a default.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }
}

/// A line with the class, the place and the change, and one with the advice; with `{:#}`, the first one alone.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8}{}: {}", self.class, self.place, self.what)?;
        if self.advice.is_empty() || f.alternate() { Ok(()) } else { write!(f, "\n        {}", self.advice) }
    }
}
