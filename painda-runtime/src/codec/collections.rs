//! Lists, sets and maps: a count of items, then the items.
//!
//! Sets and maps are in the order of their encoded keys, whatever order their Rust type has, so that
//! there is one encoding of a value. The order is checked when they are read.

use super::count::{count_size, write_count};
use super::error::{DecodeError, Reason, Segment};
use super::fingerprint::{self, Depth};
use super::reader::Reader;
use super::sink::Sink;
use super::types::{TypeRef, WireType};
use super::wire::{Wire, capacity};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

const NO_BYTES: &str = "a list or set of items that have no bytes could have any length; send a count instead";
const NO_KEY: &str = "a map's keys have no bytes, so that it has one entry at most; use an `Option`";

const fn problem<T: Wire>(of_size: &'static str) -> Option<&'static str> {
    if T::MIN_SIZE == 0 { Some(of_size) } else { T::PROBLEM }
}

fn size_all<'a, T: Wire + 'a>(items: impl ExactSizeIterator<Item = &'a T>) -> usize {
    match T::FIXED_SIZE {
        Some(size) => size * items.len(),
        None => items.map(T::size).sum(),
    }
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: &'static WireType = &WireType::List(TypeRef::of::<T>());
    const FIXED_SIZE: Option<usize> = None;
    const MIN_SIZE: usize = 1;
    const PROBLEM: Option<&'static str> = problem::<T>(NO_BYTES);
    type Print<D: Depth> = fingerprint::List<T::Print<D>>;

    #[inline]
    fn size(&self) -> usize {
        count_size(self.len()) + size_all(self.iter())
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        write_count(self.len(), out);
        T::write_all(self, out);
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        const { assert!(T::MIN_SIZE > 0, "{}", NO_BYTES) }
        let count = reader.count(T::MIN_SIZE)?;
        T::read_all(reader, count)
    }
}

/// Lists that are read as a `Vec`; they are written as a few slices.
macro_rules! lists {
    ($($list:ty: $value:ident => $slices:expr;)*) => { $(
        impl<T: Wire> Wire for $list {
            const TYPE: &'static WireType = <Vec<T> as Wire>::TYPE;
            const FIXED_SIZE: Option<usize> = None;
            const MIN_SIZE: usize = 1;
            const PROBLEM: Option<&'static str> = <Vec<T> as Wire>::PROBLEM;
            type Print<D: Depth> = <Vec<T> as Wire>::Print<D>;

            #[inline]
            fn size(&self) -> usize {
                count_size(self.len()) + size_all(self.iter())
            }

            #[inline]
            fn write<S: Sink>(&self, out: &mut S) {
                write_count(self.len(), out);
                let $value = self;
                for items in $slices {
                    T::write_all(items, out);
                }
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Vec::read(reader).map(Self::from)
            }
        }
    )* };
}

lists! {
    Box<[T]>: value => [&**value];
    Arc<[T]>: value => [&**value];
    VecDeque<T>: value => <[&[T]; 2]>::from(value.as_slices());
}

/// Writes a count and the entries in the order of their encoded keys.
fn write_sorted<'a, K: Wire + 'a, V, S: Sink>(
    entries: impl ExactSizeIterator<Item = (&'a K, V)>,
    out: &mut S,
    write_value: impl Fn(V, &mut S),
) {
    write_count(entries.len(), out);
    let mut keys = Vec::new();
    let mut sorted = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let start = keys.len();
        key.write(&mut keys);
        sorted.push((start..keys.len(), value));
    }
    sorted.sort_unstable_by(|(a, _), (b, _)| keys[a.clone()].cmp(&keys[b.clone()]));
    for (key, value) in sorted {
        out.put(&keys[key]);
        write_value(value, out);
    }
}

/// Reads the keys of a set or map, each after the one before it.
struct Keys<'a> {
    last: Option<&'a [u8]>,
    offset: usize,
}

impl<'a> Keys<'a> {
    fn new() -> Self {
        Keys { last: None, offset: 0 }
    }

    fn read<K: Wire>(&mut self, reader: &mut Reader<'a>) -> Result<K, DecodeError> {
        let rest = reader.rest();
        self.offset = reader.offset();
        let key = K::read(reader)?;
        let (bytes, _) = rest.split_at(rest.len() - reader.rest().len());
        if self.last.replace(bytes).is_some_and(|last| last >= bytes) {
            return Err(DecodeError::new(Reason::Order, self.offset));
        }
        Ok(key)
    }

    /// The last key is equal to another, although its bytes are not.
    fn duplicate(&self) -> DecodeError {
        DecodeError::new(Reason::Duplicate, self.offset)
    }
}

fn read_set<'a, T: Wire>(
    reader: &mut Reader<'a>,
    count: usize,
    mut insert: impl FnMut(T) -> bool,
) -> Result<(), DecodeError> {
    const { assert!(T::MIN_SIZE > 0, "{}", NO_BYTES) }
    let mut keys = Keys::new();
    for at in 0..count {
        let item = keys.read(reader);
        let new = item.and_then(|item| if insert(item) { Ok(()) } else { Err(keys.duplicate()) });
        new.map_err(|error| error.inside(Segment::Index(at)))?;
    }
    Ok(())
}

fn read_map<'a, K: Wire, V: Wire>(
    reader: &mut Reader<'a>,
    count: usize,
    mut insert: impl FnMut(K, V) -> bool,
) -> Result<(), DecodeError> {
    const { assert!(K::MIN_SIZE > 0, "{}", NO_KEY) }
    let mut keys = Keys::new();
    for at in 0..count {
        let inside = |error: DecodeError, part| error.inside(Segment::Field(part)).inside(Segment::Index(at));
        let key = keys.read(reader).map_err(|error| inside(error, "key"))?;
        let value = V::read(reader).map_err(|error| inside(error, "value"))?;
        if !insert(key, value) {
            return Err(inside(keys.duplicate(), "key"));
        }
    }
    Ok(())
}

macro_rules! set {
    ($set:ident<T $(, $hasher:ident)?> where $($bound:path),+; $new:expr) => {
        impl<T: Wire $(+ $bound)+ $(, $hasher: core::hash::BuildHasher + Default)?> Wire for $set<T $(, $hasher)?> {
            const TYPE: &'static WireType = &WireType::Set(TypeRef::of::<T>());
            const FIXED_SIZE: Option<usize> = None;
            const MIN_SIZE: usize = 1;
            const PROBLEM: Option<&'static str> = problem::<T>(NO_BYTES);
            type Print<D: Depth> = fingerprint::Set<T::Print<D>>;

            fn size(&self) -> usize {
                count_size(self.len()) + size_all(self.iter())
            }

            fn write<O: Sink>(&self, out: &mut O) {
                write_sorted(self.iter().map(|item| (item, ())), out, |(), _| {});
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let count = reader.count(T::MIN_SIZE)?;
                let mut set = $new(capacity::<T>(count));
                read_set(reader, count, |item| set.insert(item))?;
                Ok(set)
            }
        }
    };
}

macro_rules! map {
    ($map:ident<K, V $(, $hasher:ident)?> where $($bound:path),+; $new:expr) => {
        impl<K: Wire $(+ $bound)+, V: Wire $(, $hasher: core::hash::BuildHasher + Default)?> Wire
            for $map<K, V $(, $hasher)?>
        {
            const TYPE: &'static WireType =
                &WireType::Map { key: TypeRef::of::<K>(), value: TypeRef::of::<V>() };
            const FIXED_SIZE: Option<usize> = None;
            const MIN_SIZE: usize = 1;
            const PROBLEM: Option<&'static str> = match problem::<K>(NO_KEY) {
                None => V::PROBLEM,
                key => key,
            };
            type Print<D: Depth> = fingerprint::Map<K::Print<D>, V::Print<D>>;

            fn size(&self) -> usize {
                count_size(self.len()) + size_all(self.keys()) + size_all(self.values())
            }

            fn write<O: Sink>(&self, out: &mut O) {
                write_sorted(self.iter(), out, |value: &V, out| value.write(out));
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let count = reader.count(K::MIN_SIZE + V::MIN_SIZE)?;
                let mut map = $new(capacity::<(K, V)>(count));
                read_map(reader, count, |key, value| map.insert(key, value).is_none())?;
                Ok(map)
            }
        }
    };
}

set!(BTreeSet<T> where Ord; |_| BTreeSet::new());
map!(BTreeMap<K, V> where Ord; |_| BTreeMap::new());

#[cfg(feature = "std")]
mod hashed {
    use super::*;
    use std::collections::{HashMap, HashSet};
    use std::hash::Hash;

    set!(HashSet<T, H> where Eq, Hash; |capacity| HashSet::with_capacity_and_hasher(capacity, H::default()));
    map!(HashMap<K, V, H> where Eq, Hash; |capacity| HashMap::with_capacity_and_hasher(capacity, H::default()));
}
