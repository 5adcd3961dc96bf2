//! What can go wrong between an application and its server.

use std::{fmt, io, sync::Arc};

use crate::{JsonError, adapter::AdapterError, excerpt::Quoted};

/// The one error of the server's interface: what emits, joins and handlers return.
///
/// An error of the application's own becomes one by [`Error::other`], as with [`std::io::Error::other`]:
///
/// ```
/// use painda_runtime::Error;
///
/// fn damage(text: &str) -> Result<i16, Error> {
///     text.parse().map_err(Error::other)
/// }
/// assert_eq!(damage("lots").unwrap_err().to_string(), "invalid digit found in string");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The adapter could not do it. An emit has reached this node's sockets all the same.
    Adapter(AdapterError),
    /// The socket is not connected any more.
    Disconnected,
    /// A name that can't be used for a room or an event; the text says why.
    InvalidName {
        /// What the name was for.
        kind: NameKind,
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A close code that [can't be sent](crate::server::close_code::is_sendable); nobody was disconnected.
    InvalidCode {
        /// The code.
        code: u16,
    },
    /// JSON that does not fit the event of this name in the schema.
    Json {
        /// The event's name.
        event: String,
        /// What does not fit, and where.
        source: JsonError,
    },
    /// An encoded event that is larger than may ever wait for a client.
    TooLarge {
        /// The size of its frame in bytes.
        len: usize,
        /// The [limit](super::PPServerBuilder::queue_burst) in bytes.
        limit: usize,
    },
    /// As much waits for the client as may; this was not sent to it.
    QueueFull {
        /// The [limit](super::PPServerBuilder::queue_limit) in bytes.
        limit: usize,
    },
    /// Settings that no server can work with, all that are wrong.
    Config(Arc<[SettingError]>),
    /// Another node of the cluster has a schema that contradicts this node's.
    SchemaConflict {
        /// The other node's id.
        node: String,
        /// The event's name, as the other node has it; none where it is the whole schema.
        event: Option<String>,
        /// The names of the field at fault and of those that lead to it, `at.x`; none where it is the event itself.
        field: Option<String>,
        /// What this node has there.
        ours: String,
        /// What the other node has there.
        theirs: String,
    },
    /// The address can't be listened on.
    Bind {
        /// The address that was asked for.
        addr: String,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// A hook's refusal, which the client is told before it is closed with this code.
    Refused {
        /// The WebSocket close code.
        code: u16,
        /// What the client is told.
        reason: String,
    },
    /// The socket is in as many rooms as it may be.
    TooManyRooms {
        /// The limit.
        limit: usize,
    },
    /// An error of the application.
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameKind {
    /// A room.
    Room,
    /// An event.
    Event,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Room => "room",
            Self::Event => "event",
        })
    }
}

/// A setting that no server can work with, in [`Error::Config`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingError {
    /// The method of the [builder](super::PPServerBuilder) that sets it.
    pub setting: &'static str,
    /// What it was set to; none where it is a list.
    pub value: Option<String>,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.setting)?;
        if let Some(value) = &self.value {
            write!(f, " of {value}")?;
        }
        write!(f, ": {}", self.why)
    }
}

impl Error {
    /// Wraps an error of the application.
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into().into())
    }

    /// Returned by a hook, refuses the client, who is told the reason and closed with code 4003. From middleware it refuses
    /// the message alone.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::refused_with(crate::server::close_code::REFUSED, reason)
    }

    /// The same, with a close code of the application's own (4000–4999).
    pub fn refused_with(code: u16, reason: impl Into<String>) -> Self {
        Self::Refused { code, reason: reason.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adapter(error) => error.fmt(f),
            Self::Disconnected => f.write_str("the socket is not connected any more"),
            Self::InvalidName { kind, name, why } => write!(f, "{} can't be the name of a {kind}: {why}", Quoted(name)),
            Self::InvalidCode { code } => {
                write!(f, "{code} can't be sent as a close code: use one of your own, 4000 to 4999")
            }
            // Which names the event.
            Self::Json { source, .. } => write!(f, "the JSON payload does not fit: {source}"),
            Self::TooLarge { len, limit } => {
                write!(
                    f,
                    "the event's frame has {len} bytes, more than the {limit} of queue_burst: split it, or raise the limit"
                )
            }
            Self::QueueFull { limit } => {
                write!(
                    f,
                    "the client has not read what it was sent, and its queue holds {limit} bytes: wait for `drained()`"
                )
            }
            Self::Config(wrong) => {
                f.write_str("wrong setting: ")?;
                for (at, setting) in wrong.iter().enumerate() {
                    write!(f, "{}{setting}", if at == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::SchemaConflict { node, event, field, ours, theirs } => {
                write!(f, "the schema contradicts that of node {node}")?;
                if let Some(event) = event {
                    write!(f, ": event `{event}`")?;
                }
                if let Some(field) = field {
                    write!(f, ", field `{field}`")?;
                }
                write!(f, ": `{ours}` here, `{theirs}` there; give what was changed a new name and id")
            }
            Self::Bind { addr, source } => write!(f, "can't listen on {addr}: {source}"),
            Self::Refused { code, reason } => write!(f, "refused with {code}: {reason}"),
            Self::TooManyRooms { limit } => {
                write!(f, "the socket is in {limit} rooms, as many as it may be: leave one, or raise max_rooms")
            }
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Adapter(error) => Some(error),
            Self::Bind { source, .. } => Some(source),
            Self::Json { source, .. } => Some(source),
            Self::Other(error) => error.source(),
            _ => None,
        }
    }
}

impl From<AdapterError> for Error {
    fn from(error: AdapterError) -> Self {
        Self::Adapter(error)
    }
}
