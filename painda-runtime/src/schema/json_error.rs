//! Errors of JSON that should be an event.

use crate::codec::{MAX_DEPTH, Path, Segment};
use crate::excerpt::{EXCERPT, cut};
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// JSON that is not the event it should be.
///
/// It has what was wrong and in which field:
///
/// ```
/// # use painda_runtime::PPEvent;
/// # #[derive(PPEvent)]
/// # #[pp(event = "player:hit", id = 2)]
/// # struct PlayerHit { attacker: u32, target: u32, damage: i16 }
/// let value = serde_json::json!({ "attacker": 1, "target": 2, "damage": 40_000 });
/// let error = PlayerHit::DESCRIPTOR.from_json(&value).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "event `player:hit`, field `damage`: 40000 does not fit an i16",
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct JsonError(Box<Detail>);

#[derive(Clone, PartialEq, Eq)]
struct Detail {
    reason: JsonReason,
    event: Option<&'static str>,
    path: Path,
}

/// What was wrong with the JSON. It contains at most 64 bytes of the JSON; `…` stands for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonReason {
    /// The object has no such field.
    Missing,
    /// A value of another kind.
    Expected {
        /// What the field needs: `a number`.
        expected: &'static str,
        /// What the value is: `a string`.
        found: &'static str,
    },
    /// An array of another length.
    Length {
        /// The elements that the type needs.
        expected: usize,
        /// The elements that are there.
        found: usize,
    },
    /// A number that the type cannot hold.
    Range {
        /// The type's name in Rust: `i16`.
        ty: &'static str,
        /// The number as it was written.
        value: String,
    },
    /// The enum has no variant of this name.
    Variant(String),
    /// A string that is not standard base64.
    Base64,
    /// The same item of a set, or the same key of a map, a second time.
    Duplicate,
    /// Structs and enums in one another, deeper than [`MAX_DEPTH`].
    Depth,
    /// Text that is no JSON; `serde_json`'s error, with its position. Objects and arrays in one another, more than 127 deep, are
    /// none either.
    Syntax(String),
    /// The event's encoding would be larger than the caller allows.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl JsonError {
    #[cold]
    pub(super) fn new(reason: JsonReason) -> Self {
        JsonError(Box::new(Detail { reason, event: None, path: Path::default() }))
    }

    #[cold]
    pub(super) fn expected(expected: &'static str, found: &'static str) -> Self {
        JsonError::new(JsonReason::Expected { expected, found })
    }

    #[cold]
    pub(super) fn range(ty: &'static str, value: &str) -> Self {
        JsonError::new(JsonReason::Range { ty, value: cut(value, EXCERPT) })
    }

    #[cold]
    pub(super) fn variant(name: &str) -> Self {
        JsonError::new(JsonReason::Variant(cut(name, EXCERPT)))
    }

    #[cold]
    pub(super) fn inside(mut self, part: Segment) -> Self {
        self.0.path.prepend(part);
        self
    }

    #[cold]
    pub(super) fn in_event(mut self, name: &'static str) -> Self {
        self.0.event = Some(name);
        self
    }

    /// What was wrong.
    #[must_use]
    pub fn reason(&self) -> &JsonReason {
        &self.0.reason
    }

    /// The name of the event.
    #[must_use]
    pub fn event(&self) -> Option<&'static str> {
        self.0.event
    }

    /// The field that was wrong; empty where the value as a whole is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl core::error::Error for JsonError {}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(event) = self.0.event {
            write!(f, "event `{event}`")?;
            f.write_str(if self.0.path.is_empty() { ": " } else { ", " })?;
        }
        if !self.0.path.is_empty() {
            write!(f, "field `{}`: ", self.0.path)?;
        }
        match &self.0.reason {
            JsonReason::Missing => f.write_str("it is missing"),
            JsonReason::Expected { expected, found } => {
                write!(f, "{expected} is needed, not {found}")
            }
            JsonReason::Length { expected, found } => {
                write!(f, "an array of {expected} is needed, not of {found}")
            }
            JsonReason::Range { ty, value } => {
                let article = if ty.starts_with('u') { "a" } else { "an" };
                write!(f, "{value} does not fit {article} {ty}")
            }
            JsonReason::Variant(name) => write!(f, "no variant is called `{name}`"),
            JsonReason::Base64 => f.write_str("the string is not standard base64"),
            JsonReason::Duplicate => f.write_str("the same item or key is there a second time"),
            JsonReason::Depth => {
                write!(f, "the value is nested deeper than {MAX_DEPTH} structs and enums")
            }
            JsonReason::Syntax(why) => write!(f, "this is no JSON: {why}"),
            JsonReason::TooLarge { limit } => write!(f, "its encoding is larger than the allowed {limit} bytes"),
        }
    }
}

// So that the message of a failed `unwrap` is readable.
impl fmt::Debug for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonError({self})")
    }
}
