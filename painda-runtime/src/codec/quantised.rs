//! Floats that are sent as integers of fewer bits.
//!
//! Owns the arithmetic of [`Quantisation`], which every implementation has to share bit by bit, and its
//! codec.

use super::error::DecodeError;
use super::fingerprint::{Depth, Fingerprint, Print};
use super::reader::Reader;
use super::sink::Sink;
use super::types::{Number, Quantisation, WireType};
use super::wire::Wire;
use core::marker::PhantomData;

impl Quantisation {
    /// The largest integer on the wire.
    #[must_use]
    pub const fn top(&self) -> u32 {
        match self.number {
            Number::U8 => u8::MAX as u32,
            Number::U16 => u16::MAX as u32,
            _ => u32::MAX,
        }
    }

    /// The integer that a float is sent as.
    #[inline]
    #[must_use]
    pub const fn quantise(&self, value: f64) -> u32 {
        let position = (value - self.min) / (self.max - self.min) * self.top() as f64;
        // A cast brings the result into the range of the integer, and NaN to 0.
        let rounded = (position + 0.5) as u32;
        if rounded > self.top() { self.top() } else { rounded }
    }

    /// The float that an integer stands for, not yet rounded to `float`.
    #[inline]
    #[must_use]
    pub const fn restore(&self, number: u32) -> f64 {
        self.min + (self.max - self.min) * (number as f64 / self.top() as f64)
    }
}

/// The quantisation of one field, from its attributes.
pub trait Quantiser {
    /// The field's type.
    type Float: Float;
    /// Its range and steps.
    const QUANTISATION: Quantisation;
}

/// `f32` or `f64`.
pub trait Float: Copy {
    /// From 64 bits, rounded.
    fn narrow(value: f64) -> Self;
    /// To 64 bits.
    fn widen(self) -> f64;
}

impl Float for f32 {
    #[inline]
    fn narrow(value: f64) -> Self {
        value as f32
    }

    #[inline]
    fn widen(self) -> f64 {
        self.into()
    }
}

impl Float for f64 {
    #[inline]
    fn narrow(value: f64) -> Self {
        value
    }

    #[inline]
    fn widen(self) -> f64 {
        self
    }
}

/// A float that is written or read as an integer.
#[derive(Debug, Clone, Copy)]
pub struct Quantised<Q: Quantiser>(Q::Float, PhantomData<Q>);

impl<Q: Quantiser> Quantised<Q> {
    /// A float that is to be sent.
    #[inline]
    pub fn new(value: Q::Float) -> Self {
        Quantised(value, PhantomData)
    }

    /// The float that was received.
    #[inline]
    pub fn get(self) -> Q::Float {
        self.0
    }
}

impl<Q: Quantiser> Wire for Quantised<Q> {
    const TYPE: &'static WireType = &WireType::Quantised(Q::QUANTISATION);
    const FIXED_SIZE: Option<usize> = Some(Self::MIN_SIZE);
    const MIN_SIZE: usize = Q::QUANTISATION.number.size();
    type Print<D: Depth> = QuantisedPrint<Q>;

    #[inline]
    fn size(&self) -> usize {
        Self::MIN_SIZE
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        let number = Q::QUANTISATION.quantise(self.0.widen());
        match Q::QUANTISATION.number {
            Number::U8 => (number as u8).write(out),
            Number::U16 => (number as u16).write(out),
            _ => number.write(out),
        }
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = match Q::QUANTISATION.number {
            Number::U8 => u8::read(reader)?.into(),
            Number::U16 => u16::read(reader)?.into(),
            _ => u32::read(reader)?,
        };
        Ok(Quantised::new(Q::Float::narrow(Q::QUANTISATION.restore(number))))
    }
}

/// The fingerprints of a quantised float.
#[derive(Debug)]
pub struct QuantisedPrint<Q>(PhantomData<Q>);

impl<Q: Quantiser> Print for QuantisedPrint<Q> {
    const LAYOUT: u64 = {
        let Quantisation { float, number, min, max } = Q::QUANTISATION;
        Fingerprint::new("quantised")
            .number(Fingerprint::new(float.name()).get())
            .number(Fingerprint::new(number.name()).get())
            .number(min.to_bits())
            .number(max.to_bits())
            .get()
    };
    const NAMES: u64 = Self::LAYOUT;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Angle;

    impl Quantiser for Angle {
        type Float = f32;
        const QUANTISATION: Quantisation =
            Quantisation { float: Number::F32, number: Number::U16, min: -100.0, max: 100.0 };
    }

    #[test]
    fn every_integer_is_sent_again_as_it_was() {
        for number in 0..=u16::MAX {
            let bytes = number.to_be_bytes();
            let value = Quantised::<Angle>::read(&mut Reader::new(&bytes)).unwrap();
            let mut again = alloc::vec::Vec::new();
            value.write(&mut again);
            assert_eq!(again, bytes);
        }
    }

    #[test]
    fn the_error_is_half_a_step() {
        let step = 200.0 / f64::from(u16::MAX);
        for value in [-100.0, -99.999, -0.001, 0.0, 1.0 / 3.0, 77.7, 100.0] {
            let restored = Angle::QUANTISATION.restore(Angle::QUANTISATION.quantise(value));
            assert!((restored - value).abs() <= step / 2.0 * 1.000_001, "{value} became {restored}");
        }
    }

    #[test]
    fn values_outside_the_range_become_its_ends() {
        let quantise = |value| Angle::QUANTISATION.quantise(value);
        assert_eq!((quantise(-1e30), quantise(f64::NEG_INFINITY), quantise(f64::NAN)), (0, 0, 0));
        assert_eq!((quantise(1e30), quantise(f64::INFINITY)), (65535, 65535));
    }
}
