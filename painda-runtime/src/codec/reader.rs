//! Hands out the bytes of a message from front to back, and never more than there are.
//!
//! Owns the position in the message and the shared buffer behind it, if there is one. It knows
//! lengths, not encodings.

use super::error::{DecodeError, Reason, Segment};
use super::types::Field;
use bytes::Bytes;

/// The rest of a message that is being decoded.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// The offset of the end of `rest` in the whole message.
    end: usize,
    /// The buffer that `rest` is a part of, where parts may be shared instead of copied.
    shared: Option<&'a Bytes>,
}

impl<'a> Reader<'a> {
    /// Reads from a slice; parts of it are copied.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, end: bytes.len(), shared: None }
    }

    /// Reads from a shared buffer; a `Bytes` field becomes a part of it.
    #[inline]
    #[must_use]
    pub fn shared(bytes: &'a Bytes) -> Self {
        Reader { rest: bytes, end: bytes.len(), shared: Some(bytes) }
    }

    /// The bytes that have not been read.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The offset of the next byte in the message.
    #[inline]
    #[must_use]
    pub fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        match self.rest.split_first_chunk() {
            Some((chunk, rest)) => {
                self.rest = rest;
                Ok(chunk)
            }
            None => Err(truncated(N, self.rest.len(), self.offset())),
        }
    }

    /// The next `N` bytes as a reader of their own: the values of some of `fields`, from the position
    /// `first` on, which all have a fixed size. Their length is checked once.
    ///
    /// # Errors
    /// When fewer are left; the error names the field that they end in.
    #[inline]
    pub fn run<const N: usize>(&mut self, fields: &'static [Field], first: usize) -> Result<Reader<'a>, DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((chunk, rest)) => {
                let end = self.end - rest.len();
                self.rest = rest;
                Ok(Reader { rest: chunk, end, shared: self.shared })
            }
            None => Err(truncated_in(fields.get(first..).unwrap_or_default(), self.rest.len(), self.offset())),
        }
    }
}

// The cold paths take the reader apart: a reference to it would keep it in memory instead of registers.

#[cold]
#[inline(never)]
fn truncated(needed: usize, left: usize, offset: usize) -> DecodeError {
    DecodeError::new(Reason::Truncated { needed, left }, offset)
}

/// Finds the field that the message ends in.
#[cold]
#[inline(never)]
fn truncated_in(fields: &'static [Field], mut left: usize, mut offset: usize) -> DecodeError {
    for field in fields {
        let size = field.ty().fixed_size().unwrap_or(0);
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None => return truncated(size, left, offset).inside(Segment::Field(field.name())),
        }
        offset += size;
    }
    truncated(0, left, offset)
}
