//! What has changed, where, for whom that matters, and what to do.
//!
//! Owns [`Change`] and its text.

use std::fmt;

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

/// One difference between a lock file and the code.
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
    pub(super) class: Class,
    pub(super) place: String,
    pub(super) what: String,
    pub(super) advice: String,
    pub(super) acceptable: bool,
}

impl Change {
    pub(super) fn new(
        class: Class,
        place: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Change {
        Change { class, place: place.into(), what: what.into(), advice: advice.into(), acceptable: true }
    }

    /// The same change as one that is an accident until the lock file has been edited by hand.
    pub(super) fn refused(mut self) -> Change {
        self.acceptable = false;
        self
    }

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
        self.acceptable
    }
}

/// A line with the class, the place and the change, and one with the advice.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8}{}: {}", self.class, self.place, self.what)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "\n        {}", self.advice) }
    }
}
