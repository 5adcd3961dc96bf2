//! JSON to bytes, along the types: one walk for JSON text and for a tree of values.
//!
//! The JSON comes from a serde `Deserializer`, piece by piece, and only the bytes are kept. A value that does not fit its type is
//! a normal result ([`Outcome`]); the rest is then read and ignored, because it may turn out to be no JSON, and because a later field
//! of the same name replaces a wrong one. Only two errors are serde's own and end the walk: text that is no JSON, and an encoding
//! that is too long.

mod event;
mod keys;
mod part;
mod writer;

use self::keys::{FieldName, TextKey, VariantName, number, parse};
use self::part::{NAME_AND_FIELDS, Outcome, Part, Walked, duplicate, expected, inside, length};
use self::writer::{Place, Writer, default};
use super::form::{is_newtype, is_nullable};
use super::ignored::{Ignored, ignore_entries, ignore_items};
use super::order::Order;
use super::scalar::Scalar;
use super::walk::position;
use super::{JsonError, JsonReason};
use crate::codec::{EnumType, Field, Layout, MAX_DEPTH, Segment, Shape, Special, Variant, WireType};
use core::fmt;
use serde_core::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

impl Writer {
    /// Writes a whole event.
    pub(super) fn event<'de, D: Deserializer<'de>>(&mut self, layout: &Layout, json: D) -> Walked<D::Error> {
        Seed { writer: self, part: Part::Event(layout) }.deserialize(json)
    }

    /// Writes a struct or an enum that may contain itself.
    fn nested<'de, D: Deserializer<'de>>(
        &mut self,
        json: D,
        write: impl FnOnce(&mut Self, D) -> Walked<D::Error>,
    ) -> Walked<D::Error> {
        if self.depth == MAX_DEPTH {
            Ignored::default().deserialize(json)?;
            return Ok(Err(JsonError::new(JsonReason::Depth)));
        }
        self.depth += 1;
        let outcome = write(self, json)?;
        self.depth -= 1;
        Ok(outcome)
    }

    /// Writes a struct or variant that is a part of an event.
    fn part<'de, D: Deserializer<'de>>(&mut self, json: D, layout: &Layout) -> Walked<D::Error> {
        match layout.fields() {
            [field] if is_newtype(layout) => {
                let written = Seed { writer: self, part: Part::Value(field.ty()) }.deserialize(json)?;
                Ok(written.map_err(|error| inside(error, field)))
            }
            _ => json.deserialize_any(Walk { writer: self, part: Part::Fields(layout) }),
        }
    }

    /// Writes an array that has as many items as the type has parts.
    fn exactly<'de, 't, A: SeqAccess<'de>>(
        &mut self,
        items: &mut A,
        len: usize,
        part: impl Fn(usize) -> (Part<'t>, Option<Segment>),
    ) -> Walked<A::Error> {
        let mut outcome = Ok(());
        let mut found = 0;
        while found < len && outcome.is_ok() {
            let (part, segment) = part(found);
            let Some(written) = items.next_element_seed(Seed { writer: self, part })? else { break };
            outcome = match segment {
                Some(segment) => written.map_err(|error| error.inside(segment)),
                None => written,
            };
            found += 1;
        }
        found += ignore_items(items)?;
        // A wrong length is reported before a wrong item.
        Ok(if found == len { outcome } else { Err(length(len, found)) })
    }

    /// Writes the fields of an event that is a tuple struct: a shorter array comes from an earlier version, a longer one from a
    /// later.
    fn positions<'de, A: SeqAccess<'de>>(&mut self, items: &mut A, fields: &[Field]) -> Walked<A::Error> {
        let required = fields.iter().take_while(|field| field.since() == 1).count();
        let mut outcome = Ok(());
        let mut found = 0;
        while let Some(field) = fields.get(found)
            && outcome.is_ok()
        {
            let part = Part::Value(field.ty());
            let Some(written) = items.next_element_seed(Seed { writer: self, part })? else { break };
            outcome = written.map_err(|error| inside(error, field));
            found += 1;
        }
        let rest = &fields[found..];
        found += ignore_items(items)?;
        if found < required {
            return Ok(Err(length(required, found)));
        }
        if outcome.is_ok() {
            for field in rest {
                match default(field) {
                    Ok(bytes) => self.put(&bytes)?,
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        Ok(outcome)
    }

    fn list<'de, A: SeqAccess<'de>>(&mut self, items: &mut A, item: &WireType) -> Walked<A::Error> {
        let start = self.open_count()?;
        let mut count = 0;
        while let Some(written) = items.next_element_seed(Seed { writer: self, part: Part::Value(item) })? {
            if let Err(error) = written {
                return Ok(Err(error.inside(Segment::Index(count))));
            }
            count += 1;
        }
        self.close_count(start, count).map(Ok)
    }

    fn set<'de, A: SeqAccess<'de>>(&mut self, items: &mut A, item: &WireType) -> Walked<A::Error> {
        /// From here on the items are compared whenever there are four times as many: few bytes of text hold few different ones,
        /// but the same one may be there very often, and each takes memory when they are sorted.
        const MANY: usize = 4096;

        let start = self.open_count()?;
        let mut count = 0;
        let mut repeated = None;
        loop {
            let end = self.out.len();
            let Some(written) = items.next_element_seed(Seed { writer: self, part: Part::Value(item) })? else { break };
            if let Err(error) = written {
                return Ok(Err(error.inside(Segment::Index(count))));
            }
            count += 1;
            if repeated.is_some() {
                // Not needed any more. The item is still checked, because a wrong item is reported before a repeated one.
                self.out.truncate(end);
            } else if count >= MANY && count.is_power_of_two() && count.ilog2() % 2 == 0 {
                repeated = Order::of(&self.out[start + 1..], count, item, None).and_then(|order| order.repeated());
            }
        }
        match repeated {
            Some(at) => Ok(Err(duplicate(at))),
            None => self.sort(start, count, item, None),
        }
    }

    /// Writes a map whose keys are no text: an array of entries.
    fn entries<'de, A: SeqAccess<'de>>(&mut self, items: &mut A, key: &WireType, value: &WireType) -> Walked<A::Error> {
        let start = self.open_count()?;
        let mut count = 0;
        while let Some(written) = items.next_element_seed(Seed { writer: self, part: Part::Entry(key, value) })? {
            if let Err(error) = written {
                return Ok(Err(error.inside(Segment::Index(count))));
            }
            count += 1;
        }
        self.sort(start, count, key, Some(value))
    }

    /// Writes a map whose keys are text: an object.
    fn object<'de, A: MapAccess<'de>>(&mut self, entries: &mut A, value: &WireType) -> Walked<A::Error> {
        let start = self.open_count()?;
        let mut count = 0;
        while entries.next_key_seed(TextKey(self))?.is_some() {
            if let Err(error) = entries.next_value_seed(Seed { writer: self, part: Part::Value(value) })? {
                return Ok(Err(error.inside(Segment::Field("value")).inside(Segment::Index(count))));
            }
            count += 1;
        }
        self.sort(start, count, &WireType::String, Some(value))
    }

    /// Writes the fields of a struct, which come in any order.
    fn fields<'de, A: MapAccess<'de>>(&mut self, entries: &mut A, fields: &[Field]) -> Walked<A::Error> {
        let base = self.out.len();
        let first = self.places.len();
        self.places.resize_with(first + fields.len(), Place::default);
        let mut next = 0;
        while let Some(known) = entries.next_key_seed(FieldName { fields, next })? {
            let Some(at) = known else {
                entries.next_value_seed(Ignored::default())?;
                continue;
            };
            let field = &fields[at];
            let start = self.out.len();
            let written = entries.next_value_seed(Seed { writer: self, part: Part::Value(field.ty()) })?;
            // Of fields that are there twice, the last one counts.
            self.places[first + at] = match written {
                Ok(()) => Place::Written { start: start as u32, end: self.out.len() as u32 },
                Err(error) => {
                    self.out.truncate(start);
                    Place::Wrong(inside(error, field))
                }
            };
            next = at + 1;
        }
        let outcome = self.arrange(fields, base, first)?;
        self.places.truncate(first);
        Ok(outcome)
    }

    /// Writes a variant that has fields, or is written as if it had.
    fn variant<'de, A: MapAccess<'de>>(&mut self, entries: &mut A, ty: &EnumType) -> Walked<A::Error> {
        let start = self.out.len();
        let mut name: Option<Result<&Variant, JsonError>> = None;
        let mut outcome = Err(expected(NAME_AND_FIELDS, "an empty one"));
        let mut several = false;
        while let Some(found) = entries.next_key_seed(VariantName(ty))? {
            several |= match (&name, &found) {
                (Some(Ok(before)), Ok(now)) => before.tag() != now.tag(),
                (Some(before), now) => before.as_ref().err() != now.as_ref().err(),
                (None, _) => false,
            };
            self.out.truncate(start);
            outcome = match &found {
                Ok(variant) => {
                    self.put(&[variant.tag()])?;
                    let part = Part::Fields(variant.layout());
                    let written = entries.next_value_seed(Seed { writer: self, part })?;
                    written.map_err(|error| error.inside(Segment::Field(variant.name())))
                }
                Err(error) => {
                    entries.next_value_seed(Ignored::default())?;
                    Err(error.clone())
                }
            };
            name = Some(found);
        }
        Ok(if several { Err(expected(NAME_AND_FIELDS, "one of several entries")) } else { outcome })
    }
}

/// Writes a part of an event.
struct Seed<'w, 't> {
    writer: &'w mut Writer,
    part: Part<'t>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Walked<D::Error> {
        let Seed { writer, part } = self;
        match part {
            Part::Value(WireType::Option(some)) => json.deserialize_option(Maybe { writer, some: some.get() }),
            // A type of fixed size cannot contain itself.
            Part::Value(WireType::Struct(ty)) if ty.layout().fixed_size().is_some() => writer.part(json, ty.layout()),
            Part::Value(WireType::Struct(ty)) => writer.nested(json, |writer, json| writer.part(json, ty.layout())),
            Part::Value(WireType::Enum(ty)) if ty.fixed_size().is_none() => {
                writer.nested(json, |writer, json| json.deserialize_any(Walk { writer, part }))
            }
            Part::Fields(layout) => writer.part(json, layout),
            part => json.deserialize_any(Walk { writer, part }),
        }
    }
}

/// An `Option`.
struct Maybe<'w, 't> {
    writer: &'w mut Writer,
    some: &'t WireType,
}

impl<'de> Visitor<'de> for Maybe<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Walked<E> {
        self.writer.put(&[0]).map(Ok)
    }

    fn visit_unit<E: Error>(self) -> Walked<E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Walked<D::Error> {
        self.writer.put(&[1])?;
        let part = if is_nullable(self.some) { Part::Nullable(self.some) } else { Part::Value(self.some) };
        Seed { writer: self.writer, part }.deserialize(json)
    }
}

/// All other types.
struct Walk<'w, 't> {
    writer: &'w mut Writer,
    part: Part<'t>,
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.part.expected())
    }

    fn visit_unit<E: Error>(self) -> Walked<E> {
        self.writer.scalar(self.part, &Scalar::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Walked<E> {
        self.writer.scalar(self.part, &Scalar::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Walked<E> {
        self.writer.scalar(self.part, &Scalar::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Walked<E> {
        self.writer.scalar(self.part, &Scalar::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Walked<E> {
        self.writer.scalar(self.part, &Scalar::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Walked<E> {
        self.writer.scalar(self.part, &Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Walked<A::Error> {
        let Walk { writer, part } = self;
        let value = |ty| Part::Value(ty);
        let items = &mut items;
        let outcome = match part {
            Part::Value(WireType::List(item)) => writer.list(items, item.get())?,
            Part::Value(WireType::Array { item, len }) => {
                writer.exactly(items, *len, |at| (value(item.get()), Some(Segment::Index(at))))?
            }
            Part::Value(WireType::Tuple(parts)) => {
                writer.exactly(items, parts.len(), |at| (value(parts[at].get()), Some(Segment::Field(position(at)))))?
            }
            Part::Value(WireType::Set(item)) => writer.set(items, item.get())?,
            Part::Value(WireType::Map { key, value }) if !matches!(key.get(), WireType::String) => {
                writer.entries(items, key.get(), value.get())?
            }
            Part::Entry(key, ty) => writer.exactly(items, 2, |at| match at {
                0 => (value(key), Some(Segment::Field("key"))),
                _ => (value(ty), Some(Segment::Field("value"))),
            })?,
            Part::Nullable(some) => writer.exactly(items, 1, |_| (value(some), None))?,
            Part::Event(layout) if layout.shape() == Shape::Tuple => writer.positions(items, layout.fields())?,
            Part::Fields(layout) if layout.shape() == Shape::Tuple => {
                let fields = layout.fields();
                writer.exactly(items, fields.len(), |at| {
                    (value(fields[at].ty()), Some(Segment::Field(fields[at].name())))
                })?
            }
            part => Err(expected(part.expected(), "an array")),
        };
        ignore_items(items)?;
        Ok(outcome)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Walked<A::Error> {
        let Walk { writer, part } = self;
        let outcome = match part {
            Part::Event(layout) | Part::Fields(layout) if layout.shape() == Shape::Named => {
                writer.fields(&mut entries, layout.fields())?
            }
            Part::Value(WireType::Map { key, value }) if matches!(key.get(), WireType::String) => {
                writer.object(&mut entries, value.get())?
            }
            Part::Value(WireType::Enum(ty)) => writer.variant(&mut entries, ty)?,
            Part::Value(
                WireType::Number(_)
                | WireType::NonZero(_)
                | WireType::Quantised(_)
                | WireType::Special(Special::Duration),
            ) => match number(&mut entries)? {
                Some(text) => match parse(&text) {
                    Ok(number) => writer.scalar(part, &number)?,
                    Err(error) => Err(error),
                },
                None => Err(expected(part.expected(), "an object")),
            },
            part => Err(expected(part.expected(), "an object")),
        };
        ignore_entries(&mut entries)?;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::keys::NUMBER;
    use super::*;
    use crate::codec::Number;
    use alloc::{format, string::ToString, vec, vec::Vec};
    use serde_core::de::IntoDeserializer;
    use serde_core::de::value::{Error, MapDeserializer};

    /// The bytes of an object with this entry as a value of this type.
    fn entry(key: &str, text: &str, number: Number) -> Result<Vec<u8>, JsonError> {
        let mut writer = Writer::new(0, 100);
        let json = MapDeserializer::<_, Error>::new([(key, text)].into_iter());
        let seed = Seed { writer: &mut writer, part: Part::Value(&WireType::Number(number)) };
        seed.deserialize(json).expect("there is room")?;
        Ok(writer.finish())
    }

    #[test]
    fn an_address_needs_room_for_its_own_bytes_only() {
        let fits = |text: &str, room| {
            let mut writer = Writer::new(0, room);
            let seed = Seed { writer: &mut writer, part: Part::Value(&WireType::Special(Special::Ip)) };
            let outcome: Walked<Error> = seed.deserialize(text.into_deserializer());
            assert_eq!(outcome.is_err(), writer.is_full());
            outcome.is_ok_and(|outcome| outcome.is_ok() && writer.finish().len() == room)
        };
        assert!(fits("127.0.0.1", 5) && !fits("127.0.0.1", 4));
        assert!(fits("::1", 17) && !fits("::1", 16));
        assert!(fits("::ffff:1.2.3.4", 17) && !fits("::ffff:1.2.3.4", 16));
    }

    #[test]
    fn a_number_of_arbitrary_precision_is_not_infinite() {
        for number in [Number::F32, Number::F64, Number::U8] {
            for text in ["1e999", "-1e999", "inf", "NaN"] {
                let error = entry(NUMBER, text, number).unwrap_err();
                assert_eq!(error.to_string(), format!("{text} does not fit an f64"), "{number:?}");
            }
        }
        assert_eq!(entry(NUMBER, "1e-999", Number::F64), Ok(vec![0; 8]));
    }

    #[test]
    fn a_number_of_arbitrary_precision_is_a_number() {
        assert_eq!(entry(NUMBER, "258", Number::U16), Ok(vec![1, 2]));
        assert_eq!(entry(NUMBER, "-2", Number::I8), Ok(vec![0xfe]));
        assert_eq!(entry(NUMBER, "1.5", Number::F32), Ok(1.5_f32.to_be_bytes().to_vec()));
        assert_eq!(entry(NUMBER, "1.5", Number::U8).unwrap_err().to_string(), "an integer is needed, not a fraction");
        assert_eq!(entry("number", "5", Number::U8).unwrap_err().to_string(), "an integer is needed, not an object");
    }
}
