//! Reads the bytes of a message from front to back, and never beyond its end.
//!
//! Owns the position in the message and the shared buffer, if there is one. It knows lengths, not
//! encodings.

use super::error::{DecodeError, MAX_DEPTH, Reason, Segment};
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
    /// The structs and enums that are being read.
    depth: u8,
}

impl<'a> Reader<'a> {
    /// Reads from a slice; parts of it are copied.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, end: bytes.len(), shared: None, depth: 0 }
    }

    /// Reads from a shared buffer; a `Bytes` field becomes a part of it.
    #[inline]
    #[must_use]
    pub fn shared(bytes: &'a Bytes) -> Self {
        Reader { rest: bytes, end: bytes.len(), shared: Some(bytes), depth: 0 }
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

    /// Whether all bytes have been read.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    ///
    /// # Errors
    /// When none is left.
    #[inline]
    pub fn tag(&mut self) -> Result<u8, DecodeError> {
        let [tag] = *self.array()?;
        Ok(tag)
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    #[inline]
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(len) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(truncated(len, self.rest.len(), self.offset())),
        }
    }

    /// The next `len` bytes as a part of the shared buffer, or as a copy where there is none.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn shared_bytes(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        let bytes = self.bytes(len)?;
        Ok(match self.shared {
            Some(shared) => shared.slice_ref(bytes),
            None => Bytes::copy_from_slice(bytes),
        })
    }

    /// A count of items of at least `min_size` bytes each. A count for which the bytes that are left would not suffice is refused,
    /// before anything is allocated for it.
    ///
    /// # Errors
    /// When the message ends within it, it is too large, or it is not the shortest form of a `u32`.
    #[inline]
    pub fn count(&mut self, min_size: usize) -> Result<usize, DecodeError> {
        let count = match *self.rest {
            // Most counts have one byte.
            [byte @ 0..0x80, ref rest @ ..] => {
                self.rest = rest;
                byte.into()
            }
            _ => self.long_count()?,
        };
        // Items without bytes would allow any count.
        let needed = count.saturating_mul(min_size.max(1));
        if needed > self.rest.len() {
            return Err(truncated(needed, self.rest.len(), self.offset()));
        }
        Ok(count)
    }

    fn long_count(&mut self) -> Result<usize, DecodeError> {
        let offset = self.offset();
        let mut count = 0;
        for shift in (0..32).step_by(7) {
            let [byte] = *self.array()?;
            let part = u32::from(byte & 0x7f);
            let shifted = part << shift;
            count |= shifted;
            let last = byte < 0x80;
            // Bits above the 32nd, or a last byte that adds nothing.
            if shifted >> shift != part || (last && part == 0 && shift > 0) {
                break;
            }
            if last {
                return usize::try_from(count).map_err(|_| DecodeError::new(Reason::Count, offset));
            }
        }
        Err(DecodeError::new(Reason::Count, offset))
    }

    /// Reads a struct or an enum that may contain itself.
    ///
    /// # Errors
    /// Those of `read`, and [`Reason::Depth`] where it is nested in [`MAX_DEPTH`] others.
    #[inline]
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::new(Reason::Depth, self.offset()));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
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
                Ok(Reader { rest: chunk, end, shared: self.shared, depth: self.depth })
            }
            None => Err(truncated_in(fields.get(first..).unwrap_or_default(), self.rest.len(), self.offset())),
        }
    }
}

// The cold paths take the reader's parts: a reference to it would keep it in memory instead of registers.

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
        let size = field.type_ref().fixed_size().unwrap_or(0);
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None => return truncated(size, left, offset).inside(Segment::Field(field.name())),
        }
        offset += size;
    }
    truncated(0, left, offset)
}
