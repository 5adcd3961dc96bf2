//! Points in time as text: RFC 3339, with JavaScript's longer years before the year 0 and after 9999.

use crate::codec::Timestamp;
use alloc::format;
use alloc::string::String;

const DAY: i64 = 24 * 60 * 60;

/// The text in UTC, as `toISOString` of JavaScript's `Date` makes it; with more digits where there is more than milliseconds.
pub(super) fn text(time: Timestamp) -> String {
    let (year, month, day) = date(time.seconds.div_euclid(DAY));
    let second = time.seconds.rem_euclid(DAY);
    let year = if (0..=9999).contains(&year) { format!("{year:04}") } else { format!("{year:+07}") };
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = match time.nanos {
        nanos if nanos % 1_000_000 == 0 => format!("{:03}", nanos / 1_000_000),
        nanos if nanos % 1000 == 0 => format!("{:06}", nanos / 1000),
        nanos => format!("{nanos:09}"),
    };
    format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{fraction}Z")
}

/// The time of a text, which may have any offset from UTC, and up to nine digits behind the point, or none.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text.as_bytes());
    let year = match rest.0.first()? {
        b'+' => rest.skip("+")?.number(6)?,
        b'-' => -rest.skip("-")?.number(6)?,
        _ => rest.number(4)?,
    };
    let month = rest.skip("-")?.number(2)?;
    let day = rest.skip("-")?.number(2)?;
    let hour = rest.skip("Tt ")?.number(2)?;
    let minute = rest.skip(":")?.number(2)?;
    let second = rest.skip(":")?.number(2)?;
    let nanos = if rest.skip(".").is_some() { rest.fraction()? } else { 0 };
    let offset = match rest.0 {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            rest = Rest(zone);
            let hours = rest.number(2)?;
            let minutes = rest.skip(":")?.number(2)?;
            if !rest.0.is_empty() || hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3600 + minutes * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day);
    // The day that would be in the next month is not the day of that number.
    if date(days) != (year, month, day) {
        return None;
    }
    Some(Timestamp { seconds: days * DAY + hour * 3600 + minute * 60 + second - offset, nanos })
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// One of these characters.
    fn skip(&mut self, any: &str) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        any.as_bytes().contains(first).then(|| {
            self.0 = rest;
            self
        })
    }

    /// A number of exactly so many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
    }

    /// The digits behind the point, in nanoseconds.
    fn fraction(&mut self) -> Option<u32> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at(digits);
        self.0 = rest;
        let digits = u32::try_from(digits).ok().filter(|digits| (1..=9).contains(digits))?;
        let value = fraction.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        Some(value * 10_u32.pow(9 - digits))
    }
}

/// The days of 400 years.
const ERA: i64 = 146_097;

// Years are counted from 1 March, so that the leap day is the last; "era" is 400 of them, and 719468 the days from 1 March of the
// year 0 to 1970. http://howardhinnant.github.io/date_algorithms.html

/// The year, month and day of a number of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (year, month, day) = (year + era * 400, month + 3, day - (153 * month + 2) / 5 + 1);
    if month > 12 { (year + 1, month - 12, day) } else { (year, month, day) }
}

/// The days from 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * ERA + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_its_date() {
        let mut expected = (1582, 1, 1);
        for day in days(1582, 1, 1)..days(2101, 1, 1) {
            assert_eq!((date(day), days(expected.0, expected.1, expected.2)), (expected, day));
            let (year, month, date) = expected;
            let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            let last = match month {
                2 => 28 + i64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, date) {
                (12, 31) => (year + 1, 1, 1),
                (month, date) if date == last => (year, month + 1, 1),
                _ => (year, month, date + 1),
            };
        }
    }

    #[test]
    fn times_are_written_and_read() {
        for (seconds, nanos, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400, 5_000_000, "2000-02-29T00:00:00.005Z"),
            (1_764_073_800, 120_000, "2025-11-25T12:30:00.000120Z"),
            (-62_167_219_200, 0, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_201, 0, "-000001-12-31T23:59:59.000Z"),
            (253_402_300_800, 0, "+010000-01-01T00:00:00.000Z"),
            (8_639_999_999_999, 0, "+275760-09-12T23:59:59.000Z"),
            (-8_640_000_000_000, 0, "-271821-04-20T00:00:00.000Z"),
        ] {
            let time = Timestamp { seconds, nanos };
            assert_eq!(text(time), expected);
            assert_eq!(parse(expected), Some(time), "{expected}");
        }
        for (other, same) in [
            ("2025-11-25T12:30:00Z", "2025-11-25T12:30:00.000Z"),
            ("2025-11-25 12:30:00.5z", "2025-11-25T12:30:00.500Z"),
            ("2025-11-25t12:30:00+01:30", "2025-11-25T11:00:00.000Z"),
            ("2025-12-31T23:59:59-00:01", "2026-01-01T00:00:59.000Z"),
        ] {
            assert_eq!(parse(other), parse(same), "{other}");
        }
    }

    #[test]
    fn other_text_is_no_time() {
        for wrong in [
            "",
            "2025-11-25",
            "2025-11-25T12:30Z",
            "2025-11-25T12:30:00",
            "2025-11-25T12:30:00.Z",
            "2025-11-25T12:30:00.0000000000Z",
            "2025-11-25T12:30:00ZZ",
            "2025-11-25T12:30:00+0100",
            "2025-11-25T12:30:00+01:0",
            "2025-11-25T12:30:00+24:00",
            "2025-11-25T24:00:00Z",
            "2025-11-25T12:60:00Z",
            "2025-11-25T12:30:60Z",
            "2025-02-29T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-00T00:00:00Z",
            "2025-01-32T00:00:00Z",
            "25-01-01T00:00:00Z",
            "+2025-01-01T00:00:00Z",
            "²025-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
