//! What has changed, where, for whom that matters, and what to do.
//!
//! Owns [`Change`] and how it prints.

use alloc::string::String;
use core::fmt;

/// For whom a change matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// For nobody who is there already: old and new programs understand each other.
    Safe,
    /// For those who write code: what is called by another name has to be written so, and an event that a slow client
    /// may miss has to be one that it can do without. The bytes and the JSON are the same.
    InSource,
    /// For those who do not use the Rust types: the JSON, or the values that TypeScript has, are others. The bytes
    /// are the same. Code that uses the Rust types may have to change, too.
    InJson,
    /// For those who run programs: old and new ones misread each other, or cannot read each other.
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
    /// For whom it matters.
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

    /// Whether `PAINDA_ACCEPT=1` takes it into the lock file. The reuse of a reserved id or name is not
    /// accepted before its line is removed from the file by hand.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        self.is_acceptable
    }

    /// Whether it keeps two programs apart that have the one and the other version: it is [on the wire](Class::OnWire)
    /// whichever of them is the older one. A node does not join a cluster with such a difference.
    ///
    /// What only one of them has is no conflict: an event, a variant, or fields at the end of an event with a default.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }
}

/// A line with the class, the place and the change, and one with the advice.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8}{}: {}", self.class, self.place, self.what)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "\n        {}", self.advice) }
    }
}
