//! Writes the count of the items that follow: a `u32` as LEB128, seven bits a byte, the lowest first.
//!
//! [`Reader::count`](super::Reader::count) reads it, and accepts only the shortest form.

use super::sink::Sink;

/// The encoded length of a count in bytes, 1 to 5.
#[inline]
#[must_use]
pub const fn count_size(count: usize) -> usize {
    let mut size = 1;
    let mut rest = count >> 7;
    while rest > 0 {
        size += 1;
        rest >>= 7;
    }
    size
}

/// Writes a count.
///
/// # Panics
/// Above `u32::MAX`: the message would have more than 4 GiB, which no frame can carry.
#[inline]
pub fn write_count<S: Sink>(count: usize, out: &mut S) {
    if count < 0x80 {
        out.put(&[count as u8]);
    } else {
        write_long_count(count, out);
    }
}

fn write_long_count<S: Sink>(count: usize, out: &mut S) {
    assert!(u32::try_from(count).is_ok(), "a list, text or map in an event has at most u32::MAX items");
    let mut rest = count;
    while rest >= 0x80 {
        out.put(&[rest as u8 | 0x80]);
        rest >>= 7;
    }
    out.put(&[rest as u8]);
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Reason};
    use super::*;
    use alloc::vec::Vec;

    /// The reader refuses counts that its bytes cannot hold, so items follow.
    fn read(count: &[u8], items: usize) -> Result<usize, Reason> {
        let mut bytes = count.to_vec();
        bytes.resize(count.len() + items, 0);
        let mut reader = Reader::new(&bytes);
        let count = reader.count(1).map_err(|error| error.reason())?;
        assert_eq!(reader.rest().len(), items);
        Ok(count)
    }

    #[test]
    fn a_count_is_written_in_its_shortest_form_and_read_back() {
        for count in [0, 1, 127, 128, 300, 16383, 16384, 70_000] {
            let mut out = Vec::new();
            write_count(count, &mut out);
            assert_eq!(out.len(), count_size(count));
            assert_eq!(read(&out, count), Ok(count));
        }
        assert_eq!(count_size(u32::MAX as usize), 5);
        let mut out = Vec::new();
        write_count(300, &mut out);
        assert_eq!(out, [0xac, 2]);
    }

    #[test]
    fn longer_forms_and_larger_numbers_are_refused() {
        for count in [&[0x80, 0][..], &[0xac, 0x82, 0], &[0xff, 0xff, 0xff, 0xff, 0x10], &[0x80; 6]] {
            assert_eq!(read(count, 0), Err(Reason::Count), "{count:x?}");
        }
    }

    #[test]
    fn a_count_larger_than_the_bytes_allow_is_refused() {
        let largest = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(read(&largest, 3), Err(Reason::Truncated { needed: u32::MAX as usize, left: 3 }));
        assert_eq!(Reader::new(&[2, 0, 0, 0]).count(2).map_err(|error| error.offset()), Err(1));
        assert_eq!(Reader::new(&[0x80]).count(1).map_err(|error| error.offset()), Err(1));
    }
}
