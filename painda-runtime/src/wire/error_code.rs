//! The codes of [`__pp_error`](super::control::ERROR), by which programs tell what was wrong with a client's message.

use std::fmt;

/// Why a client's message was not taken. The connection goes on, unless the code says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A binary message was no frame, or its payload does not inflate to an allowed size. An error of the client program: see
    /// `docs/protocol.md`.
    BadFrame,
    /// The message is not JSON, is no object with a string `type`, or has too many values. An error of the client program.
    BadJson,
    /// The payload does not fit its event. The client has another schema than the server, or sends it wrongly.
    BadPayload,
    /// The schema has no event with this id. The client has another schema than the server: a newer one, or another service's.
    UnknownEvent,
    /// The name belongs to the protocol. An error of the client program.
    ReservedName,
    /// Too much in this second or minute: what is over the limit is dropped. Send less; a client that goes on for 10 s is closed
    /// ([`POLICY`](super::close_code::POLICY)).
    RateLimited,
    /// The application refuses the message, and the connection goes on; or it refuses the client, and a close with its code follows.
    Refused,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: &'static [Self] = &[
        Self::BadFrame,
        Self::BadJson,
        Self::BadPayload,
        Self::UnknownEvent,
        Self::ReservedName,
        Self::RateLimited,
        Self::Refused,
    ];

    /// The code as it is on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadFrame => "BAD_FRAME",
            Self::BadJson => "BAD_JSON",
            Self::BadPayload => "BAD_PAYLOAD",
            Self::UnknownEvent => "UNKNOWN_EVENT",
            Self::ReservedName => "RESERVED_NAME",
            Self::RateLimited => "RATE_LIMITED",
            Self::Refused => "REFUSED",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
