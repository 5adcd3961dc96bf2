//! The client frame: the content of one binary WebSocket message.
//!
//! The layout is the published contract's, big-endian:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `PPND` |
//! | 4 | 2 | version: 2; 1 = a 12-byte header without the last two fields, JSON only |
//! | 6 | 2 | flags: bits 0–1 mode, bit 2 payload is zlib-deflated, bit 3 payload is schema-encoded |
//! | 8 | 4 | payload length |
//! | 12 | 2 | type id, 0 = JSON |
//! | 14 | 2 | reserved, 0 |
//! | 16 | … | payload: the event's encoding, or JSON `{"type", "payload"}` |
//!
//! ```
//! use bytes::Bytes;
//! use painda_runtime::wire::frame::{self, Body, Mode};
//!
//! let bytes = Bytes::from_static(b"PPND\0\x02\0\x08\0\0\0\x08\0\x01\0\0\x3f\xc0\0\0\x40\x20\0\0");
//! let frame = frame::decode(&bytes, frame::DEFAULT_MAX_INFLATED)?;
//! assert_eq!(frame.mode, Mode::Chat);
//! assert!(matches!(frame.body, Body::Event { id: 1, payload } if payload.len() == 8));
//! # Ok::<(), frame::FrameError>(())
//! ```

use std::{fmt, io::Read};

use bytes::Bytes;

/// The first four bytes of every frame.
pub const MAGIC: [u8; 4] = *b"PPND";
/// The length of a version 2 header, in bytes.
pub const HEADER_LEN: usize = 16;
/// The length of a version 1 header, in bytes.
pub const HEADER_LEN_V1: usize = 12;
/// A default limit for inflated payloads: 10 MiB. The server's own default is the largest message that it takes.
pub const DEFAULT_MAX_INFLATED: usize = 10 << 20;

const FLAG_MODE: u16 = 0b0011;
const FLAG_DEFLATED: u16 = 0b0100;
const FLAG_SCHEMA: u16 = 0b1000;

/// What a connection is used for; it travels in each frame and changes nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The default.
    #[default]
    Chat,
    /// Media streams.
    Media,
    /// Games.
    Gaming,
    /// Voice.
    Voice,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Chat, Self::Media, Self::Gaming, Self::Voice];
}

/// A decoded frame. An uncompressed payload shares the input's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// 1 or 2.
    pub version: u16,
    /// The sender's mode.
    pub mode: Mode,
    /// The payload.
    pub body: Body,
}

/// The payload of a frame, inflated but not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// An event of the schema.
    Event {
        /// Its id, never 0.
        id: u16,
        /// Its binary encoding.
        payload: Bytes,
    },
    /// JSON text, `{"type", "payload"}`; not checked yet.
    Json(Bytes),
}

impl Body {
    /// The bytes of the payload.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        match self {
            Self::Event { payload, .. } | Self::Json(payload) => payload,
        }
    }
}

/// Why bytes are no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// Fewer bytes than the header has.
    TooShort {
        /// The bytes that came.
        len: usize,
        /// The bytes that the header takes.
        header: usize,
    },
    /// The first four bytes are not `PPND`.
    WrongMagic([u8; 4]),
    /// A version other than 1 and 2.
    UnknownVersion(u16),
    /// Flag bits that this version does not define.
    UnknownFlags(u16),
    /// The payload length in the header differs from the bytes that follow it.
    WrongLength {
        /// What the header says, in bytes.
        declared: usize,
        /// What follows the header, in bytes.
        actual: usize,
    },
    /// The schema flag and the type id contradict each other.
    Contradiction {
        /// The schema flag.
        schema: bool,
        /// The type id.
        id: u16,
    },
    /// The compressed payload would be larger than allowed.
    InflatedTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The compressed payload is not a zlib stream.
    BadZlib,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { len, header } => {
                write!(f, "the frame has {len} bytes, fewer than its header of {header}")
            }
            Self::WrongMagic(magic) => write!(f, "the frame begins with {magic:02x?}, not with \"PPND\""),
            Self::UnknownVersion(version) => write!(f, "the frame has version {version}; 1 and 2 are known"),
            Self::UnknownFlags(flags) => write!(f, "the frame has unknown flag bits {flags:#06x}"),
            Self::WrongLength { declared, actual } => {
                write!(f, "the frame's header announces {declared} bytes of payload, but {actual} follow it")
            }
            Self::Contradiction { schema: true, .. } => {
                f.write_str("the frame is flagged as schema-encoded, but has no type id")
            }
            Self::Contradiction { id, .. } => {
                write!(f, "the frame has type id {id}, but is not flagged as schema-encoded")
            }
            Self::InflatedTooLarge { limit } => {
                write!(f, "the frame's payload inflates to more than the allowed {limit} bytes")
            }
            Self::BadZlib => f.write_str("the frame's payload is flagged as deflated, but is no zlib stream"),
        }
    }
}

impl std::error::Error for FrameError {}

/// How a frame's payload is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    None,
    /// As a zlib stream: see [`deflate`].
    Deflated,
}

/// The header of a version 2 frame; an id of 0 means JSON. The length is that of the payload as it follows.
#[must_use]
pub fn header(mode: Mode, id: u16, compression: Compression, payload_len: u32) -> [u8; HEADER_LEN] {
    let mut flags = mode as u16;
    if id != 0 {
        flags |= FLAG_SCHEMA;
    }
    if compression == Compression::Deflated {
        flags |= FLAG_DEFLATED;
    }
    let mut out = [0; HEADER_LEN];
    out[..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&2u16.to_be_bytes());
    out[6..8].copy_from_slice(&flags.to_be_bytes());
    out[8..12].copy_from_slice(&payload_len.to_be_bytes());
    out[12..14].copy_from_slice(&id.to_be_bytes());
    out
}

/// The header of a version 1 frame, which always carries JSON.
#[must_use]
pub fn header_v1(mode: Mode, payload_len: u32) -> [u8; HEADER_LEN_V1] {
    let mut out = [0; HEADER_LEN_V1];
    out.copy_from_slice(&header(mode, 0, Compression::None, payload_len)[..HEADER_LEN_V1]);
    out[4..6].copy_from_slice(&1u16.to_be_bytes());
    out
}

/// Decodes a frame, inflating its payload up to `max_inflated` bytes.
///
/// # Errors
/// Anything that the layout above does not allow; see [`FrameError`].
pub fn decode(bytes: &Bytes, max_inflated: usize) -> Result<Frame, FrameError> {
    let too_short = |header| FrameError::TooShort { len: bytes.len(), header };
    let head: &[u8; HEADER_LEN_V1] = bytes.first_chunk().ok_or(too_short(HEADER_LEN_V1))?;
    if head[..4] != MAGIC {
        return Err(FrameError::WrongMagic([head[0], head[1], head[2], head[3]]));
    }
    let version = u16::from_be_bytes([head[4], head[5]]);
    let (header_len, id) = match version {
        1 => (HEADER_LEN_V1, 0),
        2 => {
            let head: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(too_short(HEADER_LEN))?;
            (HEADER_LEN, u16::from_be_bytes([head[12], head[13]]))
        }
        other => return Err(FrameError::UnknownVersion(other)),
    };
    let flags = u16::from_be_bytes([head[6], head[7]]);
    let unknown = flags & !(FLAG_MODE | FLAG_DEFLATED | FLAG_SCHEMA);
    if unknown != 0 {
        return Err(FrameError::UnknownFlags(unknown));
    }
    let schema = flags & FLAG_SCHEMA != 0;
    if schema != (id != 0) {
        return Err(FrameError::Contradiction { schema, id });
    }
    let declared = u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize;
    let actual = bytes.len() - header_len;
    if declared != actual {
        return Err(FrameError::WrongLength { declared, actual });
    }
    let mut payload = bytes.slice(header_len..);
    if flags & FLAG_DEFLATED != 0 {
        payload = inflate(&payload, max_inflated)?;
    }
    let body = if schema { Body::Event { id, payload } } else { Body::Json(payload) };
    Ok(Frame { version, mode: Mode::ALL[usize::from(flags & FLAG_MODE)], body })
}

/// Whether a frame is flagged as compressed, so that its payload may be far larger than the frame.
#[cfg(feature = "server")]
pub(crate) fn is_deflated(bytes: &[u8]) -> bool {
    bytes.get(7).is_some_and(|flags| u16::from(*flags) & FLAG_DEFLATED != 0)
}

/// Deflates a payload, for a frame with that flag.
///
/// # Errors
/// None in practice: deflating into memory does not fail.
pub fn deflate(payload: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(payload.len() / 2);
    flate2::read::ZlibEncoder::new(payload, flate2::Compression::fast()).read_to_end(&mut out)?;
    Ok(out)
}

fn inflate(deflated: &[u8], limit: usize) -> Result<Bytes, FrameError> {
    let mut out = Vec::new();
    // One byte beyond the limit tells "just fits" from "too large" without ever holding more.
    let budget = limit as u64 + 1;
    flate2::read::ZlibDecoder::new(deflated).take(budget).read_to_end(&mut out).map_err(|_| FrameError::BadZlib)?;
    if out.len() > limit {
        return Err(FrameError::InflatedTooLarge { limit });
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(edit: impl FnOnce(&mut Vec<u8>)) -> Result<Frame, FrameError> {
        let mut bytes = header(Mode::Chat, 1, Compression::None, 2).to_vec();
        bytes.extend_from_slice(&[7, 8]);
        edit(&mut bytes);
        decode(&bytes.into(), 100)
    }

    #[test]
    fn a_frame_is_decoded() {
        let frame = frame(|_| ()).expect("decodes");
        assert_eq!(frame.body, Body::Event { id: 1, payload: Bytes::from_static(&[7, 8]) });
    }

    #[test]
    fn every_truncation_is_an_error() {
        for len in 0..18 {
            assert!(frame(|bytes| bytes.truncate(len)).is_err(), "{len} bytes");
        }
        assert_eq!(frame(|bytes| bytes.push(0)), Err(FrameError::WrongLength { declared: 2, actual: 3 }));
    }

    #[test]
    fn the_header_is_checked() {
        assert_eq!(frame(|bytes| bytes[0] = b'Q'), Err(FrameError::WrongMagic(*b"QPND")));
        assert_eq!(frame(|bytes| bytes[5] = 3), Err(FrameError::UnknownVersion(3)));
        assert_eq!(frame(|bytes| bytes[6] = 1), Err(FrameError::UnknownFlags(0x100)));
        assert_eq!(frame(|bytes| bytes[13] = 0), Err(FrameError::Contradiction { schema: true, id: 0 }));
        assert_eq!(frame(|bytes| bytes[7] = 0), Err(FrameError::Contradiction { schema: false, id: 1 }));
        assert_eq!(frame(|bytes| bytes[7] |= 4), Err(FrameError::BadZlib));
    }

    #[test]
    fn version_1_carries_json() {
        let mut bytes = header_v1(Mode::Voice, 2).to_vec();
        bytes.extend_from_slice(b"{}");
        let frame = decode(&bytes.into(), 100).expect("decodes");
        assert_eq!(frame, Frame { version: 1, mode: Mode::Voice, body: Body::Json(Bytes::from_static(b"{}")) });
    }

    #[test]
    fn a_zlib_bomb_stops_at_the_limit() {
        let deflated = |len: usize| {
            let zeros = vec![0; len];
            let mut out = Vec::new();
            flate2::read::ZlibEncoder::new(&zeros[..], flate2::Compression::best())
                .read_to_end(&mut out)
                .expect("deflates");
            Bytes::from(out)
        };
        assert_eq!(inflate(&deflated(100), 100).map(|bytes| bytes.len()), Ok(100));
        assert_eq!(inflate(&deflated(101), 100), Err(FrameError::InflatedTooLarge { limit: 100 }));
        assert_eq!(inflate(&deflated(64 << 20), 100), Err(FrameError::InflatedTooLarge { limit: 100 }));
    }
}
