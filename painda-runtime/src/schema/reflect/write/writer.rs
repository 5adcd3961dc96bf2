//! The bytes that a walk writes: their limit, and how counts, entries and fields are put in their places.

use super::part::{NAME_AND_FIELDS, Part, Walked, duplicate, inside, variant};
use crate::codec::{Field, Window, WireType, count_size, write_count};
use crate::schema::reflect::order::Order;
use crate::schema::reflect::scalar::Scalar;
use crate::schema::reflect::{JsonError, JsonReason, base64, numbers, special};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::mem;
use serde_core::de::Error;

/// The destination of a walk.
pub(in super::super) struct Writer {
    pub(super) out: Vec<u8>,
    /// How many bytes may be written, at most `u32::MAX`.
    room: usize,
    /// Whether the limit was reached.
    full: bool,
    /// The structs and enums that are being written.
    pub(super) depth: u8,
    /// The places of the fields of the structs that are being written.
    pub(super) places: Vec<Place>,
}

/// The place of a field's bytes.
#[derive(Default)]
pub(super) enum Place {
    #[default]
    Missing,
    Written {
        start: u32,
        end: u32,
    },
    Wrong(JsonError),
}

impl Writer {
    /// Writes at most `room` bytes, and takes memory for the first `capacity` of them at once.
    pub(in super::super) fn new(capacity: usize, room: usize) -> Self {
        Writer { out: Vec::with_capacity(capacity.min(room)), room, full: false, depth: 0, places: Vec::new() }
    }

    /// What was written.
    pub(in super::super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Whether the walk ended because there was no more room.
    pub(in super::super) fn is_full(&self) -> bool {
        self.full
    }

    /// Checks that so many bytes may be written.
    pub(super) fn reserve<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        if bytes > self.room - self.out.len() {
            self.full = true;
            return Err(E::custom("no more room"));
        }
        Ok(())
    }

    pub(super) fn put<E: Error>(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.reserve(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Reserves a byte for a count, and returns its offset.
    pub(super) fn open_count<E: Error>(&mut self) -> Result<usize, E> {
        let start = self.out.len();
        self.put(&[0])?;
        Ok(start)
    }

    /// Writes a count into the reserved byte; a large one moves the bytes behind it.
    pub(super) fn close_count<E: Error>(&mut self, start: usize, count: usize) -> Result<(), E> {
        let size = count_size(count);
        self.reserve(size - 1)?;
        let end = self.out.len();
        self.out.resize(end + size - 1, 0);
        self.out.copy_within(start + 1..end, start + size);
        write_count(count, &mut Window::new(&mut self.out[start..start + size]));
        Ok(())
    }

    pub(super) fn counted<E: Error>(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.reserve(count_size(bytes.len()) + bytes.len())?;
        write_count(bytes.len(), &mut self.out);
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    pub(super) fn scalar<E: Error>(&mut self, part: Part<'_>, value: &Scalar<'_>) -> Walked<E> {
        match (part, value) {
            // A client that emits an event without fields need not send a payload.
            (Part::Event(layout), Scalar::Null) if layout.fields().is_empty() => Ok(Ok(())),
            (Part::Value(WireType::Number(number)), value) => {
                self.reserve(number.size())?;
                Ok(numbers::write(*number, value, &mut self.out))
            }
            (Part::Value(WireType::NonZero(number)), value) => {
                self.reserve(number.size())?;
                let start = self.out.len();
                let written = numbers::write(*number, value, &mut self.out);
                let is_zero = written.is_ok() && numbers::is_zero(&self.out[start..]);
                Ok(if is_zero { Err(JsonError::new(JsonReason::Zero)) } else { written })
            }
            (Part::Value(WireType::Special(special)), value) => {
                self.reserve(special::max_size(*special, value))?;
                Ok(special::write(*special, value, &mut self.out))
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

    /// Sorts the entries behind a count by their keys, and writes the count. The keys of an object are text, of which the last
    /// one counts.
    pub(super) fn sort<E: Error>(
        &mut self,
        start: usize,
        count: usize,
        key: &WireType,
        value: Option<&WireType>,
    ) -> Walked<E> {
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

    /// Brings the fields of a struct, whose bytes begin at `base`, into their order, and fills in those that are missing.
    pub(super) fn arrange<E: Error>(&mut self, fields: &[Field], base: usize, first: usize) -> Walked<E> {
        // Usually they have come in their order.
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
                // The bytes before it that belong behind it are rotated, so that no second buffer is needed.
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
}

/// The field's bytes where the JSON does not have it.
pub(super) fn default(field: &Field) -> Result<Cow<'static, [u8]>, JsonError> {
    match field.default_bytes() {
        Some(bytes) => Ok(bytes.into()),
        None if matches!(field.ty(), WireType::Option(_)) => Ok((&[0]).into()),
        None => Err(inside(JsonError::new(JsonReason::Missing), field)),
    }
}
