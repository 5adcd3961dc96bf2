//! Errors of decoding, with the place in the message.
//!
//! Owns [`DecodeError`] and the path to a field. Errors are built on cold paths only: a
//! `Result<T, DecodeError>` carries one pointer, and the path grows on the way out.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// How deep structs and enums may be nested in an event: deeper messages are refused, because each
/// level takes a part of the stack.
pub const MAX_DEPTH: u8 = 64;

/// Bytes that are not a valid message.
///
/// It has what was wrong, in which field, and at which byte:
///
/// ```
/// # use painda_runtime::PPEvent;
/// #[derive(Debug, PPEvent)]
/// #[pp(event = "player:move", id = 1)]
/// struct PlayerMove { x: f32, y: f32 }
///
/// let error = PlayerMove::decode(&[0x3f, 0xc0, 0, 0, 0x40]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "event `player:move`, field `y`, byte 4: 4 bytes are needed, 1 is left",
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Detail>);

#[derive(Clone, PartialEq, Eq)]
struct Detail {
    reason: Reason,
    offset: usize,
    event: Option<&'static str>,
    path: Path,
}

/// What was wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The message ends before the value does.
    Truncated {
        /// The bytes that the value needs, at least.
        needed: usize,
        /// The bytes that are left.
        left: usize,
    },
    /// A `bool` that is neither 0 nor 1.
    Bool(u8),
    /// The first byte of an `Option` that is neither 0 nor 1.
    Option(u8),
    /// The enum has no variant with this tag.
    Tag(u8),
    /// Text that is not UTF-8. The offset is that of the first wrong byte.
    Utf8,
    /// A count that is not the shortest form of a `u32`.
    Count,
    /// An item of a set or a key of a map that does not come after the one before it.
    Order,
    /// Two items of a set or keys of a map that are equal in Rust.
    Duplicate,
    /// Structs and enums in one another, deeper than [`MAX_DEPTH`](crate::codec::MAX_DEPTH).
    Depth,
    /// No event of the schema has this id.
    UnknownEvent(u16),
}

impl DecodeError {
    /// An error at a byte of the message. Callers add the path.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn new(reason: Reason, offset: usize) -> Self {
        DecodeError(Box::new(Detail { reason, offset, event: None, path: Path::default() }))
    }

    /// The same error with one more step at the beginning of its path.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn inside(mut self, part: Segment) -> Self {
        self.0.path.prepend(part);
        self
    }

    /// The same error with the event's name.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn in_event(mut self, name: &'static str) -> Self {
        self.0.event = Some(name);
        self
    }

    /// What was wrong.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The offset in the message, in bytes, of the value that was wrong.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The name of the event, where it is known.
    #[must_use]
    pub fn event(&self) -> Option<&'static str> {
        self.0.event
    }

    /// The field that was wrong; empty where the message as a whole is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl core::error::Error for DecodeError {}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Reason::UnknownEvent(id) = self.0.reason {
            return write!(f, "no event of the schema has the id {id}");
        }
        if let Some(event) = self.0.event {
            write!(f, "event `{event}`, ")?;
        }
        if !self.0.path.is_empty() {
            write!(f, "field `{}`, ", self.0.path)?;
        }
        write!(f, "byte {}: ", self.0.offset)?;
        match self.0.reason {
            Reason::Truncated { needed, left } => write!(
                f,
                "{needed} {} needed, {left} {} left",
                if needed == 1 { "byte is" } else { "bytes are" },
                if left == 1 { "is" } else { "are" },
            ),
            Reason::Bool(byte) => write!(f, "a bool is 0 or 1, not {byte}"),
            Reason::Option(byte) => write!(f, "an option begins with 0 or 1, not {byte}"),
            Reason::Tag(tag) => write!(f, "no variant has the tag {tag}"),
            Reason::Utf8 => f.write_str("the text is not UTF-8"),
            Reason::Count => f.write_str("the count is not the shortest form of a u32"),
            Reason::Order => f.write_str("the encoding does not come after the one before it"),
            Reason::Duplicate => f.write_str("an equal item or key came before"),
            Reason::Depth => write!(f, "the value is nested deeper than {MAX_DEPTH} structs and enums"),
            Reason::UnknownEvent(_) => Ok(()),
        }
    }
}

// So that the message of a failed `unwrap` is readable.
impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

/// The path from an event to one of its parts: `entities[3].name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    // From the part outwards: the order in which they are added.
    segments: Vec<Segment>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Segment {
    /// A struct's field, an enum's variant, the position in a tuple, or the `key` or `value` of a map's
    /// entry.
    Field(&'static str),
    /// An item of an array, list or set, or an entry of a map: its position.
    Index(usize),
}

impl Path {
    /// Whether it has no steps: the error concerns the whole message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The steps, from the event to the part.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        self.segments.iter().rev().copied()
    }

    /// Adds a step before the others.
    pub(crate) fn prepend(&mut self, segment: Segment) {
        self.segments.push(segment);
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.segments().enumerate() {
            match segment {
                Segment::Field(name) if at == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Result<(), DecodeError>>(), size_of::<usize>());
    }

    #[test]
    fn the_path_reads_from_the_event_to_the_part() {
        let error = DecodeError::new(Reason::Bool(7), 12)
            .inside(Segment::Field("alive"))
            .inside(Segment::Index(3))
            .inside(Segment::Field("players"))
            .in_event("world");
        assert_eq!(error.to_string(), "event `world`, field `players[3].alive`, byte 12: a bool is 0 or 1, not 7",);
    }
}
