//! Reading JSON objects into the model without a tree of values in between.
//!
//! Owns what serde needs for it. Which keys there are is known to those who use it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::marker::PhantomData;
use serde_core::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The numbers of the structs and enums whose paths were met.
#[derive(Default)]
pub(super) struct Names(RefCell<BTreeMap<Box<str>, u32>>);

impl Names {
    pub(super) fn number(&self, path: &str) -> u32 {
        let mut known = self.0.borrow_mut();
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        match known.get(path) {
            Some(number) => *number,
            None => {
                known.insert(path.into(), next);
                next
            }
        }
    }

    /// All paths and their numbers.
    pub(super) fn into_paths(self) -> BTreeMap<Box<str>, u32> {
        self.0.into_inner()
    }
}

/// What can be read where the names of types are at hand.
pub(super) trait Read<'de>: Sized {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error>;
}

pub(super) struct Seed<'n, T>(pub(super) &'n Names, pub(super) PhantomData<T>);

impl<'de, T: Read<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<T, D::Error> {
        T::read(json, self.0)
    }
}

/// Types that serde can read by itself.
macro_rules! plain {
    ($($ty:ty),*) => { $(
        impl<'de> Read<'de> for $ty {
            fn read<D: Deserializer<'de>>(json: D, _: &Names) -> Result<Self, D::Error> {
                Deserialize::deserialize(json)
            }
        }
    )* };
}

plain!(bool, u8, u16, u32, u64, Box<str>, &'de RawValue, (u16, Box<str>));

impl<'de, T: Read<'de>> Read<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        struct List<'n, T>(&'n Names, PhantomData<T>);

        impl<'de, T: Read<'de>> Visitor<'de> for List<'_, T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element_seed(Seed(self.0, PhantomData))? {
                    list.push(item);
                }
                Ok(list)
            }
        }

        json.deserialize_seq(List(names, PhantomData))
    }
}

/// An object whose keys may all be missing; those that are not known are passed over.
macro_rules! object {
    ($name:ident $(<$life:lifetime>)? { $($key:literal $field:ident: $ty:ty,)* }) => {
        #[derive(Default)]
        struct $name $(<$life>)? { $($field: Option<$ty>,)* }

        impl<'de $(: $life, $life)?> Read<'de> for $name $(<$life>)? {
            fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
                json.deserialize_map(Object::<$name>(names, PhantomData))
            }
        }

        impl<'de $(: $life, $life)?> Keys<'de> for $name $(<$life>)? {
            fn value<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A, names: &Names) -> Result<(), A::Error> {
                match key {
                    $($key => self.$field = Some(map.next_value_seed(Seed(names, PhantomData))?),)*
                    _ => _ = map.next_value::<IgnoredAny>()?,
                }
                Ok(())
            }
        }
    };
}

pub(super) use object;

/// An object that is filled key by key.
pub(super) trait Keys<'de>: Default {
    fn value<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A, names: &Names) -> Result<(), A::Error>;
}

pub(super) struct Object<'n, T>(pub(super) &'n Names, pub(super) PhantomData<T>);

impl<'de, T: Keys<'de>> Visitor<'de> for Object<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut keys = T::default();
        while let Some(key) = map.next_key::<String>()? {
            keys.value(&key, &mut map, self.0)?;
        }
        Ok(keys)
    }
}
