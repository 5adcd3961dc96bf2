//! JSON that is read and ignored.

use core::fmt;
use serde_core::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads a value of any kind and keeps nothing of it.
///
/// It accepts the same JSON as a tree of values: in numbers, in text, and in depth. `serde`'s own `IgnoredAny` also accepts numbers
/// and text that can't be read otherwise.
#[derive(Clone, Copy)]
pub(super) struct Ignored {
    /// How many more levels are read. Text can't be deeper; of a deeper tree the rest is not checked.
    depth: u8,
}

impl Default for Ignored {
    fn default() -> Self {
        Ignored { depth: 128 }
    }
}

impl<'de> DeserializeSeed<'de> for Ignored {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.depth {
            0 => json.deserialize_ignored_any(IgnoredAny).map(drop),
            _ => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Ignored {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.inner().items(&mut items).map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.inner().entries(&mut entries)
    }
}

impl Ignored {
    fn inner(self) -> Self {
        Ignored { depth: self.depth - 1 }
    }

    fn items<'de, A: SeqAccess<'de>>(self, items: &mut A) -> Result<usize, A::Error> {
        let mut count = 0;
        while items.next_element_seed(self)?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    fn entries<'de, A: MapAccess<'de>>(self, entries: &mut A) -> Result<(), A::Error> {
        while entries.next_key_seed(self)?.is_some() {
            entries.next_value_seed(self)?;
        }
        Ok(())
    }
}

/// Reads the rest of an array, and returns the number of its items.
pub(super) fn ignore_items<'de, A: SeqAccess<'de>>(items: &mut A) -> Result<usize, A::Error> {
    Ignored::default().items(items)
}

/// Reads the rest of an object.
pub(super) fn ignore_entries<'de, A: MapAccess<'de>>(entries: &mut A) -> Result<(), A::Error> {
    Ignored::default().entries(entries)
}
