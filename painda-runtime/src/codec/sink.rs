//! The destination of encoded bytes.

use alloc::vec::Vec;

/// The destination of encoded bytes: the end of a `Vec<u8>`, or, in generated code, a window of known length.
pub trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A run of bytes whose length is known before it is filled.
///
/// Neighbouring fields of fixed size are written into one array and appended together: one check
/// of the buffer's capacity instead of one per field. Bytes that would not fit are dropped; the
/// derive makes the window as long as the constants of the types say.
#[derive(Debug)]
pub struct Window<'a>(&'a mut [u8]);

impl<'a> Window<'a> {
    /// A window over all of `bytes`.
    #[inline]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Window(bytes)
    }
}

impl Sink for Window<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if let Some((here, rest)) = core::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            here.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}
