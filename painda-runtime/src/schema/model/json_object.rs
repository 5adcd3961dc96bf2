//! Reading JSON text into the model without a tree of values in between.
//!
//! Reads lists, objects and single values. The callers know the keys of each object.

use crate::excerpt::{EXCERPT, cut};
use crate::pieces::{Pieces, Wrong};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

/// The numbers of the structs and enums whose paths were met.
#[derive(Default)]
pub(super) struct Names(BTreeMap<Box<str>, u32>);

impl Names {
    pub(super) fn number(&mut self, path: &str) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        match self.0.get(path) {
            Some(number) => *number,
            None => {
                self.0.insert(path.into(), next);
                next
            }
        }
    }

    /// All paths and their numbers.
    pub(super) fn into_paths(self) -> BTreeMap<Box<str>, u32> {
        self.0
    }
}

/// What can be read where the names of types are at hand.
pub(super) trait Read<'a>: Sized {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong>;
}

/// Values that are written in JSON as in Rust.
macro_rules! plain {
    ($($ty:ty: $expected:literal),*) => { $(
        impl<'a> Read<'a> for $ty {
            fn read(json: &mut Pieces<'a>, _: &mut Names) -> Result<Self, Wrong> {
                json.first();
                let wrong = json.wrong("");
                let text = json.value()?;
                let what = || format!(concat!("expected ", $expected, ", not `{}`"), cut(text, EXCERPT)).into();
                text.parse().map_err(|_| Wrong { what: what(), ..wrong })
            }
        }
    )* };
}

plain!(bool: "a bool", u8: "a u8", u16: "a u16", u32: "a u32", u64: "a u64");

impl<'a> Read<'a> for Box<str> {
    fn read(json: &mut Pieces<'a>, _: &mut Names) -> Result<Self, Wrong> {
        json.string().map(Box::from)
    }
}

/// The text of any value.
impl<'a> Read<'a> for &'a str {
    fn read(json: &mut Pieces<'a>, _: &mut Names) -> Result<Self, Wrong> {
        json.value()
    }
}

impl<'a, T: Read<'a>> Read<'a> for Vec<T> {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        let mut list = Vec::new();
        json.items(|json| {
            list.push(T::read(json, names)?);
            Ok(())
        })?;
        Ok(list)
    }
}

impl<'a, A: Read<'a>, B: Read<'a>> Read<'a> for (A, B) {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        let (mut first, mut second) = (None, None);
        json.items(|json| match (&first, &second) {
            (None, _) => A::read(json, names).map(|value| first = Some(value)),
            (_, None) => B::read(json, names).map(|value| second = Some(value)),
            _ => Err(json.wrong("expected a list of two")),
        })?;
        first.zip(second).ok_or_else(|| json.wrong("expected a list of two"))
    }
}

/// An object whose keys may all be missing; unknown ones are skipped.
macro_rules! object {
    ($name:ident $(<$life:lifetime>)? { $($key:literal $field:ident: $ty:ty,)* }) => {
        #[derive(Default)]
        struct $name $(<$life>)? { $($field: Option<$ty>,)* }

        impl<'de $(: $life, $life)?> Read<'de> for $name $(<$life>)? {
            fn read(json: &mut Pieces<'de>, names: &mut Names) -> Result<Self, Wrong> {
                let mut keys = Self::default();
                json.members(|key, json| {
                    match key {
                        $($key => keys.$field = Some(Read::read(json, names)?),)*
                        _ => _ = json.value()?,
                    }
                    Ok(())
                })?;
                Ok(keys)
            }
        }
    };
}

pub(super) use object;
