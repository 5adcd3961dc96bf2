//! Values in values: options, boxes, arrays and tuples.

use super::error::{DecodeError, Reason, Segment};
use super::fingerprint::{self, Depth};
use super::reader::Reader;
use super::sink::Sink;
use super::tuples::for_each_tuple;
use super::types::{TypeRef, WireType};
use super::wire::Wire;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::num::Wrapping;

impl<T: Wire> Wire for Option<T> {
    const TYPE: &'static WireType = &WireType::Option(TypeRef::of::<T>());
    const FIXED_SIZE: Option<usize> = None;
    const MIN_SIZE: usize = 1;
    const PROBLEM: Option<&'static str> = T::PROBLEM;
    type Print<D: Depth> = fingerprint::Optional<T::Print<D>>;

    #[inline]
    fn size(&self) -> usize {
        1 + self.as_ref().map_or(0, T::size)
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        match self {
            None => out.put(&[0]),
            Some(value) => {
                out.put(&[1]);
                value.write(out);
            }
        }
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        match *reader.array()? {
            [0] => Ok(None),
            [1] => T::read(reader).map(Some),
            [byte] => Err(DecodeError::new(Reason::Option(byte), offset)),
        }
    }
}

/// Types whose encoding is that of the value in them.
macro_rules! transparent {
    ($($outer:ident($new:path): $value:ident => $inner:expr;)*) => { $(
        impl<T: Wire> Wire for $outer<T> {
            const TYPE: &'static WireType = T::TYPE;
            const FIXED_SIZE: Option<usize> = T::FIXED_SIZE;
            const MIN_SIZE: usize = T::MIN_SIZE;
            const PROBLEM: Option<&'static str> = T::PROBLEM;
            type Print<D: Depth> = T::Print<D>;

            #[inline]
            fn size(&self) -> usize {
                let $value = self;
                $inner.size()
            }

            #[inline]
            fn write<S: Sink>(&self, out: &mut S) {
                let $value = self;
                $inner.write(out);
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                T::read(reader).map($new)
            }
        }
    )* };
}

transparent! {
    Box(Box::new): value => (**value);
    Arc(Arc::new): value => (**value);
    Wrapping(Wrapping): value => value.0;
}

impl<T: Wire, const N: usize> Wire for [T; N] {
    const TYPE: &'static WireType = &WireType::Array { item: TypeRef::of::<T>(), len: N };
    const FIXED_SIZE: Option<usize> = match T::FIXED_SIZE {
        Some(size) => Some(size * N),
        None => None,
    };
    const MIN_SIZE: usize = T::MIN_SIZE * N;
    const PROBLEM: Option<&'static str> = T::PROBLEM;
    type Print<D: Depth> = fingerprint::Array<T::Print<D>, N>;

    #[inline]
    fn size(&self) -> usize {
        match Self::FIXED_SIZE {
            Some(size) => size,
            None => self.iter().map(T::size).sum(),
        }
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        T::write_all(self, out);
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::read_array(reader)
    }
}

macro_rules! tuples {
    ($($name:literal $part:ident)*) => {
        // Errors list other implementations; those of tuples would be the most of them.
        #[diagnostic::do_not_recommend]
        impl<$($part: Wire),*> Wire for ($($part,)*) {
            const TYPE: &'static WireType = &WireType::Tuple(&[$(TypeRef::of::<$part>()),*]);
            const FIXED_SIZE: Option<usize> = sum(&[$($part::FIXED_SIZE),*]);
            const MIN_SIZE: usize = 0 $(+ $part::MIN_SIZE)*;
            const PROBLEM: Option<&'static str> = first(&[$($part::PROBLEM),*]);
            type Print<D: Depth> = ($($part::Print<D>,)*);

            #[inline]
            fn size(&self) -> usize {
                #[allow(non_snake_case, reason = "a part is called as its type")]
                let ($($part,)*) = self;
                0 $(+ $part.size())*
            }

            #[inline]
            #[allow(unused_variables, reason = "the empty tuple")]
            fn write<S: Sink>(&self, out: &mut S) {
                #[allow(non_snake_case, reason = "a part is called as its type")]
                let ($($part,)*) = self;
                $($part.write(out);)*
            }

            #[inline]
            #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple")]
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($($part::read(reader).map_err(|error| error.inside(Segment::Field($name)))?,)*))
            }
        }
    };
}

for_each_tuple!(tuples);

/// The length of values one after another, if each has a fixed one.
pub const fn sum(sizes: &[Option<usize>]) -> Option<usize> {
    let mut total = 0;
    let mut at = 0;
    while at < sizes.len() {
        match sizes[at] {
            Some(size) => total += size,
            None => return None,
        }
        at += 1;
    }
    Some(total)
}

const fn first(problems: &[Option<&'static str>]) -> Option<&'static str> {
    let mut at = 0;
    while at < problems.len() {
        if problems[at].is_some() {
            return problems[at];
        }
        at += 1;
    }
    None
}
