//! Text and raw bytes: a count of bytes, then the bytes.

use super::count::{count_size, write_count};
use super::error::{DecodeError, Reason};
use super::fingerprint::{self, Depth};
use super::reader::Reader;
use super::sink::Sink;
use super::types::WireType;
use super::wire::Wire;
use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;

macro_rules! text {
    ($($text:ty),*) => { $(
        impl Wire for $text {
            const TYPE: &'static WireType = &WireType::String;
            const FIXED_SIZE: Option<usize> = None;
            const MIN_SIZE: usize = 1;
            type Print<D: Depth> = fingerprint::Text;

            #[inline]
            fn size(&self) -> usize {
                count_size(self.len()) + self.len()
            }

            #[inline]
            fn write<S: Sink>(&self, out: &mut S) {
                write_count(self.len(), out);
                out.put(self.as_bytes());
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let len = reader.count(1)?;
                let offset = reader.offset();
                match str::from_utf8(reader.bytes(len)?) {
                    Ok(text) => Ok(text.to_owned().into()),
                    Err(error) => Err(DecodeError::new(Reason::Utf8, offset + error.valid_up_to())),
                }
            }
        }
    )* };
}

text!(String, Box<str>, Arc<str>, Cow<'static, str>);

impl Wire for Bytes {
    const TYPE: &'static WireType = &WireType::Bytes;
    const FIXED_SIZE: Option<usize> = None;
    const MIN_SIZE: usize = 1;
    type Print<D: Depth> = fingerprint::Blob;

    #[inline]
    fn size(&self) -> usize {
        count_size(self.len()) + self.len()
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        write_count(self.len(), out);
        out.put(self);
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.count(1)?;
        reader.shared_bytes(len)
    }
}
