//! Floats that are sent as integers of fewer bits.
//!
//! Owns the arithmetic of [`Quantisation`], which every implementation has to share bit by bit.

use super::types::{Number, Quantisation};

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
