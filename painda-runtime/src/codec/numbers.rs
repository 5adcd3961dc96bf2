//! Numbers and `bool`: their width in bytes, big-endian.

use super::error::{DecodeError, Reason};
use super::fingerprint::{self, Depth};
use super::reader::Reader;
use super::sink::Sink;
use super::types::{Number, WireType};
use super::wire::Wire;
use alloc::vec::Vec;

/// How many numbers of a list are converted to big-endian before they are appended.
const BLOCK: usize = 32;

macro_rules! numbers {
    ($($ty:ty = $number:ident,)*) => { $(
        impl Wire for $ty {
            const TYPE: &'static WireType = &WireType::Number(Number::$number);
            const FIXED_SIZE: Option<usize> = Some(Self::MIN_SIZE);
            const MIN_SIZE: usize = size_of::<$ty>();
            type Print<D: Depth> = fingerprint::$number;

            #[inline]
            fn size(&self) -> usize {
                Self::MIN_SIZE
            }

            #[inline]
            fn write<S: Sink>(&self, out: &mut S) {
                out.put(&self.to_be_bytes());
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(<$ty>::from_be_bytes(*reader.array()?))
            }

            #[inline]
            fn write_all<S: Sink>(items: &[Self], out: &mut S) {
                for items in items.chunks(BLOCK) {
                    let mut block = [[0; size_of::<$ty>()]; BLOCK];
                    for (bytes, item) in block.iter_mut().zip(items) {
                        *bytes = item.to_be_bytes();
                    }
                    out.put(block[..items.len()].as_flattened());
                }
            }

            #[inline]
            fn read_all(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Self>, DecodeError> {
                let bytes = reader.bytes(count.saturating_mul(size_of::<$ty>()))?;
                Ok(bytes.as_chunks().0.iter().map(|bytes| <$ty>::from_be_bytes(*bytes)).collect())
            }

            #[inline]
            fn read_array<const N: usize>(reader: &mut Reader<'_>) -> Result<[Self; N], DecodeError> {
                let bytes = reader.bytes(N.saturating_mul(size_of::<$ty>()))?;
                let mut items = [<$ty>::default(); N];
                for (item, bytes) in items.iter_mut().zip(bytes.as_chunks().0) {
                    *item = <$ty>::from_be_bytes(*bytes);
                }
                Ok(items)
            }
        }
    )* };
}

numbers! {
    u8 = U8,
    i8 = I8,
    u16 = U16,
    i16 = I16,
    u32 = U32,
    i32 = I32,
    u64 = U64,
    i64 = I64,
    f32 = F32,
    f64 = F64,
}

impl Wire for bool {
    const TYPE: &'static WireType = &WireType::Bool;
    const FIXED_SIZE: Option<usize> = Some(1);
    const MIN_SIZE: usize = 1;
    type Print<D: Depth> = fingerprint::Bool;

    #[inline]
    fn size(&self) -> usize {
        1
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        out.put(&[u8::from(*self)]);
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        match *reader.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [byte] => Err(DecodeError::new(Reason::Bool(byte), offset)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(value: &impl Wire) -> Vec<u8> {
        let mut out = Vec::new();
        value.write(&mut out);
        assert_eq!(out.len(), value.size());
        out
    }

    #[test]
    fn numbers_are_big_endian() {
        assert_eq!(bytes_of(&0x0102_u16), [1, 2]);
        assert_eq!(bytes_of(&-2_i16), [0xff, 0xfe]);
        assert_eq!(bytes_of(&1.5_f32), [0x3f, 0xc0, 0, 0]);
        assert_eq!(bytes_of(&u64::MAX), [0xff; 8]);
    }

    #[test]
    fn the_payload_of_a_nan_is_kept() {
        let bytes = [0x7f, 0xa0, 0x12, 0x34];
        let value = f32::read(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(bytes_of(&value), bytes);
    }

    #[test]
    fn a_bool_is_strict() {
        assert_eq!(bytes_of(&true), [1]);
        let error = bool::read(&mut Reader::new(&[2])).unwrap_err();
        assert_eq!((error.reason(), error.offset()), (Reason::Bool(2), 0));
    }

    #[test]
    fn a_number_needs_all_its_bytes() {
        let error = u32::read(&mut Reader::new(&[1, 2, 3])).unwrap_err();
        assert_eq!(error.reason(), Reason::Truncated { needed: 4, left: 3 });
    }
}
