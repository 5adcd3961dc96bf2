//! JSON to bytes, along the types: one walk for JSON text and for a tree of values.
//!
//! The JSON comes from a serde `Deserializer`, piece by piece, and nothing is kept of it but the bytes. What does not fit is a
//! result like any other ([`Outcome`]), after which the rest is read on without being looked at: it may turn out to be no JSON,
//! and a later field of the same name takes the place of a wrong one. The errors of serde itself end the walk: text that is no
//! JSON, and bytes that find no room.

use super::form::{is_newtype, is_nullable};
use super::ignored::{Ignored, ignore_entries, ignore_items};
use super::order::Order;
use super::scalar::Scalar;
use super::walk::position;
use super::{JsonError, JsonReason, base64, numbers};
use crate::codec::{EnumType, Field, Layout, MAX_DEPTH, Segment, Shape, Variant, Window, WireType};
use crate::codec::{count_size, write_count};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use serde_core::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Whether a value fits its type; if so, its bytes have been written.
type Outcome = Result<(), JsonError>;

/// An outcome, or the end of the walk.
type Walked<E> = Result<Outcome, E>;

/// How `serde_json` calls a number where its feature `arbitrary_precision` is on, which any crate of a program may switch on:
/// numbers come as an object then, with this key alone and the number's text as its value.
const NUMBER: &str = "$serde_json::private::Number";

/// What an enum needs where the variant has fields.
const NAME_AND_FIELDS: &str = "an object of the variant's name and fields";

/// What a walk writes into.
pub(super) struct Writer {
    out: Vec<u8>,
    /// How many bytes may be written, at most `u32::MAX`.
    room: usize,
    /// Whether more would have been needed.
    full: bool,
    /// The structs and enums that are being written.
    depth: u8,
    /// Where the fields of the structs are that are being written.
    places: Vec<Place>,
}

/// Where a field's bytes are.
#[derive(Default)]
enum Place {
    #[default]
    Missing,
    Written {
        start: u32,
        end: u32,
    },
    Wrong(JsonError),
}

/// What a piece of JSON should be.
#[derive(Clone, Copy)]
enum Part<'t> {
    /// A whole event.
    Event(&'t Layout),
    /// A struct or variant that is a part of an event.
    Fields(&'t Layout),
    Value(&'t WireType),
    /// A value that may be `null` itself, in an `Option`.
    Nullable(&'t WireType),
    /// An entry of a map whose keys are no text.
    Entry(&'t WireType, &'t WireType),
}

impl Part<'_> {
    /// What it needs, as an error says it.
    fn expected(self) -> &'static str {
        match self {
            Part::Event(layout) | Part::Fields(layout) => match layout.shape() {
                Shape::Named => "an object",
                Shape::Tuple => "an array",
            },
            Part::Nullable(_) | Part::Entry(..) => "an array",
            Part::Value(ty) => match ty {
                WireType::Number(number) => numbers::expected(*number),
                WireType::Quantised(_) => "a number",
                WireType::Bool => "a bool",
                WireType::String => "a string",
                WireType::Bytes => "a string of base64",
                WireType::Map { key, .. } if matches!(key.get(), WireType::String) => "an object",
                WireType::Enum(_) => "a variant's name, or an object of its name and fields",
                _ => "an array",
            },
        }
    }
}

impl Writer {
    /// Writes at most `room` bytes, and takes memory for the first `capacity` of them at once.
    pub(super) fn new(capacity: usize, room: usize) -> Self {
        Writer { out: Vec::with_capacity(capacity.min(room)), room, full: false, depth: 0, places: Vec::new() }
    }

    /// Writes a whole event.
    pub(super) fn event<'de, D: Deserializer<'de>>(&mut self, layout: &Layout, json: D) -> Walked<D::Error> {
        Seed { writer: self, part: Part::Event(layout) }.deserialize(json)
    }

    /// What was written.
    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Whether the walk ended because there was no more room.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Makes sure that so many bytes may be written.
    fn reserve<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        if bytes > self.room - self.out.len() {
            self.full = true;
            return Err(E::custom("no more room"));
        }
        Ok(())
    }

    fn put<E: Error>(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.reserve(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Leaves a byte for a count, and says where.
    fn open_count<E: Error>(&mut self) -> Result<usize, E> {
        let start = self.out.len();
        self.put(&[0])?;
        Ok(start)
    }

    /// Writes the count of what has been written since; large ones need more than the byte that was left.
    fn close_count<E: Error>(&mut self, start: usize, count: usize) -> Result<(), E> {
        let size = count_size(count);
        self.reserve(size - 1)?;
        let end = self.out.len();
        self.out.resize(end + size - 1, 0);
        self.out.copy_within(start + 1..end, start + size);
        write_count(count, &mut Window::new(&mut self.out[start..start + size]));
        Ok(())
    }

    fn counted<E: Error>(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.reserve(count_size(bytes.len()) + bytes.len())?;
        write_count(bytes.len(), &mut self.out);
        self.out.extend_from_slice(bytes);
        Ok(())
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

    #[inline]
    fn scalar<E: Error>(&mut self, part: Part<'_>, value: &Scalar<'_>) -> Walked<E> {
        match (part, value) {
            // A client that emits an event without fields need not send a payload.
            (Part::Event(layout), Scalar::Null) if layout.fields().is_empty() => Ok(Ok(())),
            (Part::Value(WireType::Number(number)), value) => {
                self.reserve(number.size())?;
                Ok(numbers::write(*number, value, &mut self.out))
            }
            (Part::Value(WireType::Quantised(quantisation)), value) => {
                self.reserve(quantisation.number.size())?;
                Ok(numbers::write_quantised(quantisation, value, &mut self.out))
            }
            (Part::Value(WireType::Bool), Scalar::Bool(value)) => self.put(&[u8::from(*value)]).map(Ok),
            (Part::Value(WireType::String), Scalar::Text(text)) => self.counted(text.as_bytes()).map(Ok),
            (Part::Value(WireType::Bytes), Scalar::Text(text)) => {
                let len = base64::decoded_len(text);
                self.reserve(count_size(len) + len)?;
                write_count(len, &mut self.out);
                let decoded = base64::decode(text, &mut self.out);
                Ok(if decoded { Ok(()) } else { Err(JsonError::new(JsonReason::Base64)) })
            }
            (Part::Value(WireType::Enum(ty)), Scalar::Text(name)) => match variant(ty, name) {
                Ok(variant) if variant.layout().fields().is_empty() => self.put(&[variant.tag()]).map(Ok),
                Ok(_) => Ok(Err(value.instead_of(NAME_AND_FIELDS))),
                Err(error) => Ok(Err(error)),
            },
            (part, value) => Ok(Err(value.instead_of(part.expected()))),
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
        // How many there are matters before what they are.
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
                // Nothing of it will be needed; only what is wrong with an item would be said before that it is repeated.
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

    /// Sorts the entries behind a count by their keys, and writes the count. The keys of an object are text, of which the last
    /// one counts.
    fn sort<E: Error>(&mut self, start: usize, count: usize, key: &WireType, value: Option<&WireType>) -> Walked<E> {
        let Some(order) = Order::of(&self.out[start + 1..], count, key, value) else {
            return self.close_count(start, count).map(Ok);
        };
        let last_counts = value.is_some() && matches!(key, WireType::String);
        if !last_counts && let Some(at) = order.repeated() {
            return Ok(Err(duplicate(at)));
        }
        let (sorted, count) = order.apply();
        self.out.truncate(start + 1);
        self.out.extend_from_slice(&sorted);
        self.close_count(start, count).map(Ok)
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

    /// Brings the fields of a struct, whose bytes begin at `base`, into their order, and fills in those that are missing.
    fn arrange<E: Error>(&mut self, fields: &[Field], base: usize, first: usize) -> Walked<E> {
        // Mostly they have come in their order.
        let mut end = base;
        let mut in_place = 0;
        for place in &self.places[first..] {
            match place {
                Place::Written { start, end: next } if *start as usize == end => end = *next as usize,
                _ => break,
            }
            in_place += 1;
        }
        for (at, field) in fields.iter().enumerate().skip(in_place) {
            let (start, stop) = match mem::take(&mut self.places[first + at]) {
                Place::Written { start, end } => (start as usize, end as usize),
                Place::Wrong(error) => return Ok(Err(error)),
                Place::Missing => match default(field) {
                    Ok(bytes) => {
                        self.put(&bytes)?;
                        (self.out.len() - bytes.len(), self.out.len())
                    }
                    Err(error) => return Ok(Err(error)),
                },
            };
            let len = stop - start;
            if start > end {
                // What stands before it, and belongs behind it, makes way: no second buffer is needed.
                self.out[end..stop].rotate_right(len);
                for place in &mut self.places[first + at + 1..] {
                    if let Place::Written { start: moved, end } = place
                        && (*moved as usize) < start
                    {
                        *moved += len as u32;
                        *end += len as u32;
                    }
                }
            }
            end += len;
        }
        self.out.truncate(end);
        Ok(Ok(()))
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

/// The field's bytes where the JSON does not have it.
fn default(field: &Field) -> Result<Cow<'static, [u8]>, JsonError> {
    match field.default_bytes() {
        Some(bytes) => Ok(bytes.into()),
        None if matches!(field.ty(), WireType::Option(_)) => Ok((&[0]).into()),
        None => Err(inside(JsonError::new(JsonReason::Missing), field)),
    }
}

fn variant(ty: &EnumType, name: &str) -> Result<&'static Variant, JsonError> {
    let variants: &'static [Variant] = ty.variants();
    variants.iter().find(|variant| variant.name() == name).ok_or_else(|| JsonError::variant(name))
}

#[cold]
fn inside(error: JsonError, field: &Field) -> JsonError {
    error.inside(Segment::Field(field.name()))
}

#[cold]
fn expected(expected: &'static str, found: &'static str) -> JsonError {
    JsonError::new(JsonReason::Expected { expected, found })
}

#[cold]
fn length(expected: usize, found: usize) -> JsonError {
    JsonError::new(JsonReason::Length { expected, found })
}

#[cold]
fn duplicate(at: usize) -> JsonError {
    JsonError::new(JsonReason::Duplicate).inside(Segment::Index(at))
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
            // What has a fixed size cannot contain itself.
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

/// Everything else.
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
            Part::Value(WireType::Number(_) | WireType::Quantised(_)) => match number(&mut entries)? {
                Some(text) => writer.scalar(part, &parse(&text))?,
                None => Err(expected(part.expected(), "an object")),
            },
            part => Err(expected(part.expected(), "an object")),
        };
        ignore_entries(&mut entries)?;
        Ok(outcome)
    }
}

/// The text of a number that came as an object: see [`NUMBER`].
fn number<'de, A: MapAccess<'de>>(entries: &mut A) -> Result<Option<String>, A::Error> {
    match entries.next_key_seed(IsNumber)? {
        Some(true) => entries.next_value().map(Some),
        Some(false) => {
            entries.next_value_seed(Ignored::default())?;
            Ok(None)
        }
        None => Ok(None),
    }
}

fn parse(number: &str) -> Scalar<'_> {
    if let Ok(value) = number.parse() {
        Scalar::Unsigned(value)
    } else if let Ok(value) = number.parse() {
        Scalar::Signed(value)
    } else {
        number.parse().map_or(Scalar::Text(number), Scalar::Float)
    }
}

/// Defines what reads the key of an object.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident $(<$($lifetime:lifetime),+>)? -> $value:ty, $self:ident, $key:ident => $read:expr) => {
        impl<'de> DeserializeSeed<'de> for $name $(<$($lifetime),+>)? {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>($self, key: D) -> Result<$value, D::Error> {
                key.deserialize_str($self)
            }
        }

        impl<'de> Visitor<'de> for $name $(<$($lifetime),+>)? {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>($self, $key: &str) -> Result<$value, E> {
                $read
            }
        }
    };
}

/// Finds the field that a key names, if there is one.
struct FieldName<'t> {
    fields: &'t [Field],
    /// Where it most likely is.
    next: usize,
}

key!(FieldName<'_> -> Option<usize>, self, key => {
    let is = |at: &usize| self.fields[*at].name() == key;
    Ok((self.next..self.fields.len()).chain(0..self.next).find(is))
});

/// Finds the variant that a key names.
struct VariantName<'t>(&'t EnumType);

key!(VariantName<'_> -> Result<&'static Variant, JsonError>, self, key => Ok(variant(self.0, key)));

/// Writes a key.
struct TextKey<'w>(&'w mut Writer);

key!(TextKey<'_> -> (), self, key => self.0.counted(key.as_bytes()));

/// Whether a key is [`NUMBER`].
struct IsNumber;

key!(IsNumber -> bool, self, key => Ok(key == NUMBER));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Number;
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
    fn a_number_of_arbitrary_precision_is_a_number() {
        assert_eq!(entry(NUMBER, "258", Number::U16), Ok(vec![1, 2]));
        assert_eq!(entry(NUMBER, "-2", Number::I8), Ok(vec![0xfe]));
        assert_eq!(entry(NUMBER, "1.5", Number::F32), Ok(1.5_f32.to_be_bytes().to_vec()));
        assert_eq!(entry(NUMBER, "1.5", Number::U8).unwrap_err().to_string(), "an integer is needed, not a fraction");
        assert_eq!(entry("number", "5", Number::U8).unwrap_err().to_string(), "an integer is needed, not an object");
    }
}
