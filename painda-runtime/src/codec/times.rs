//! Durations and points in time: seconds, then the nanoseconds beside them.
//!
//! This holds every `Duration` and, but for the range, every `SystemTime`, so that what is read is equal to what was sent.

use super::error::{DecodeError, Reason};
use super::fingerprint::{self, Depth};
use super::reader::Reader;
use super::sink::Sink;
use super::types::{Special, WireType};
use super::wire::Wire;
use core::time::Duration;

/// How far a point in time may be from 1970, in seconds: as far as that of JavaScript's `Date`, in the years −271821 to 275760.
#[cfg(any(feature = "std", feature = "json"))]
const MAX_SECONDS: i64 = 8_640_000_000_000;

const NANOS_PER_SECOND: u32 = 1_000_000_000;

fn read_nanos(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let offset = reader.offset();
    match u32::read(reader)? {
        nanos @ ..NANOS_PER_SECOND => Ok(nanos),
        nanos => Err(DecodeError::new(Reason::Nanoseconds(nanos), offset)),
    }
}

impl Wire for Duration {
    const TYPE: &'static WireType = &WireType::Special(Special::Duration);
    const FIXED_SIZE: Option<usize> = Some(12);
    const MIN_SIZE: usize = 12;
    type Print<D: Depth> = fingerprint::Duration;

    #[inline]
    fn size(&self) -> usize {
        12
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        self.as_secs().write(out);
        self.subsec_nanos().write(out);
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let seconds = u64::read(reader)?;
        Ok(Duration::new(seconds, read_nanos(reader)?))
    }
}

/// A point in time as it is sent, for code that does without `SystemTime`.
#[cfg(any(feature = "std", feature = "json"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timestamp {
    /// Since 1970, rounded down.
    pub(crate) seconds: i64,
    /// Beside the seconds.
    pub(crate) nanos: u32,
}

#[cfg(any(feature = "std", feature = "json"))]
impl Timestamp {
    pub(crate) fn is_in_range(self) -> bool {
        (-MAX_SECONDS..MAX_SECONDS).contains(&self.seconds)
    }

    #[inline]
    pub(crate) fn write<S: Sink>(self, out: &mut S) {
        self.seconds.write(out);
        self.nanos.write(out);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let seconds = Timestamp { seconds: i64::read(reader)?, nanos: 0 };
        if !seconds.is_in_range() {
            return Err(DecodeError::new(Reason::Time, offset));
        }
        Ok(Timestamp { nanos: read_nanos(reader)?, ..seconds })
    }
}

#[cfg(feature = "std")]
mod system {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    // A time beyond the range is sent as it is, and refused by whoever reads it.
    impl Wire for SystemTime {
        const TYPE: &'static WireType = &WireType::Special(Special::Timestamp);
        const FIXED_SIZE: Option<usize> = Some(12);
        const MIN_SIZE: usize = 12;
        type Print<D: Depth> = fingerprint::Timestamp;

        #[inline]
        fn size(&self) -> usize {
            12
        }

        fn write<S: Sink>(&self, out: &mut S) {
            let (seconds, nanos) = match self.duration_since(UNIX_EPOCH) {
                Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
                Err(before) => {
                    let before = before.duration();
                    let seconds = 0_i64.checked_sub_unsigned(before.as_secs()).unwrap_or(i64::MIN);
                    match before.subsec_nanos() {
                        0 => (seconds, 0),
                        nanos => (seconds.saturating_sub(1), NANOS_PER_SECOND - nanos),
                    }
                }
            };
            Timestamp { seconds, nanos }.write(out);
        }

        fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
            let offset = reader.offset();
            let Timestamp { seconds, nanos } = Timestamp::read(reader)?;
            let distance = Duration::from_secs(seconds.unsigned_abs());
            let whole = if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
            // Some systems can't represent all of the range.
            let time = whole.and_then(|whole| whole.checked_add(Duration::from_nanos(nanos.into())));
            time.ok_or_else(|| DecodeError::new(Reason::Time, offset))
        }
    }
}
