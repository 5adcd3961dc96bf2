//! Types of the standard library that are neither numbers nor made of other types: to JSON and back.

use super::output::Output;
use super::scalar::Scalar;
use super::{JsonError, JsonReason, dates, numbers};
use crate::codec::{DecodeError, Reader, Special, Timestamp, Wire};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

#[inline(never)]
pub(super) fn read(special: Special, reader: &mut Reader<'_>, out: &mut impl Output) -> Result<(), DecodeError> {
    match special {
        Special::Char => out.text(char::read(reader)?.encode_utf8(&mut [0; 4])),
        Special::Duration => numbers::read_milliseconds(Duration::read(reader)?, out),
        Special::Timestamp => out.text(&dates::text(Timestamp::read(reader)?)),
        Special::Ipv4 => out.text(&Ipv4Addr::read(reader)?.to_string()),
        Special::Ipv6 => out.text(&Ipv6Addr::read(reader)?.to_string()),
        Special::Ip => out.text(&IpAddr::read(reader)?.to_string()),
    }
    Ok(())
}

#[inline(never)]
pub(super) fn write(special: Special, value: &Scalar<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let text = match (special, value) {
        (Special::Duration, value) => {
            numbers::milliseconds(value)?.write(out);
            return Ok(());
        }
        (_, Scalar::Text(text)) => *text,
        _ => return Err(value.instead_of(expected(special))),
    };
    let wrong = |what| move |_| JsonError::new(JsonReason::Text(what));
    match special {
        Special::Char => character(text)?.write(out),
        Special::Timestamp => timestamp(text)?.write(out),
        Special::Ipv4 => text.parse::<Ipv4Addr>().map_err(wrong("no IPv4 address"))?.write(out),
        Special::Ipv6 => text.parse::<Ipv6Addr>().map_err(wrong("no IPv6 address"))?.write(out),
        Special::Ip => text.parse::<IpAddr>().map_err(wrong("no IP address"))?.write(out),
        Special::Duration => {}
    }
    Ok(())
}

/// The expected kind of value, for errors.
pub(super) fn expected(special: Special) -> &'static str {
    match special {
        Special::Char => "a string of one character",
        Special::Duration => "a number of milliseconds",
        Special::Timestamp => "a string with a time",
        Special::Ipv4 | Special::Ipv6 | Special::Ip => "a string with an address",
    }
}

/// The most bytes that the encoding of this value may have.
pub(super) fn max_size(special: Special, value: &Scalar<'_>) -> usize {
    special.fixed_size().unwrap_or(match value {
        // Every IPv6 address has a colon in it, and no IPv4 address has.
        Scalar::Text(text) if text.contains(':') => 17,
        _ => 5,
    })
}

fn character(text: &str) -> Result<char, JsonError> {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok(letter),
        _ => Err(JsonError::new(JsonReason::Text("not one character"))),
    }
}

fn timestamp(text: &str) -> Result<Timestamp, JsonError> {
    match dates::parse(text) {
        Some(time) if time.is_in_range() => Ok(time),
        Some(_) => Err(JsonError::range("Timestamp", text)),
        None => Err(JsonError::new(JsonReason::Text("no time like 2026-11-25T12:30:00Z"))),
    }
}
