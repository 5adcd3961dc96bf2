//! The names of the channels and rooms that the nodes themselves use, and which names are left for applications.
//!
//! Knows names only.

use core::fmt;

use crate::message::{RESERVED, RESERVED_PREFIX};

/// The channel of broadcasts.
pub const BROADCAST: &str = "__pp_all";
/// The channel of messages to all other nodes: emits that no envelope can express, and questions.
pub const CLUSTER: &str = "__pp_cluster";
/// The channel of all emits of the TypeScript implementation.
pub const TYPESCRIPT: &str = "__pp_broadcast";
/// The room whose members are the nodes, each by its id.
pub const NODES: &str = "__pp_nodes";

/// What the channel of replies to a node begins with, before the node's id.
pub const REPLIES_PREFIX: &str = "__pp_node_";
/// What the name of a room begins with whose members are the nodes with one schema, before the schema's fingerprint.
pub const SCHEMA_PREFIX: &str = "__pp_schema_";

/// The room whose members are the nodes with the schema of this fingerprint.
#[cfg(all(feature = "_adapter", feature = "json"))]
pub(crate) fn schema_room(fingerprint: u64) -> String {
    format!("{SCHEMA_PREFIX}{fingerprint:016x}")
}

/// The longest name of a room, in bytes.
pub const MAX_ROOM_LEN: usize = 255;

/// Why a name can't be a room's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomNameError {
    /// It is empty.
    Empty,
    /// It is longer than [`MAX_ROOM_LEN`] bytes.
    TooLong,
    /// It begins with [`RESERVED_PREFIX`].
    Reserved,
}

impl RoomNameError {
    /// The error's text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::TooLong => "it is longer than 255 bytes",
            Self::Reserved => RESERVED,
        }
    }
}

impl fmt::Display for RoomNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::error::Error for RoomNameError {}

/// Checks that a name can be a room's.
///
/// # Errors
/// [`RoomNameError`]: it is empty, too long or reserved.
///
/// ```
/// use painda_runtime::wire::channels::{RoomNameError, check_room};
///
/// assert_eq!(check_room("arena"), Ok(()));
/// assert_eq!(check_room(""), Err(RoomNameError::Empty));
/// assert_eq!(check_room("__pp_all"), Err(RoomNameError::Reserved));
/// ```
pub fn check_room(room: &str) -> Result<(), RoomNameError> {
    if room.is_empty() {
        Err(RoomNameError::Empty)
    } else if room.len() > MAX_ROOM_LEN {
        Err(RoomNameError::TooLong)
    } else if room.starts_with(RESERVED_PREFIX) {
        Err(RoomNameError::Reserved)
    } else {
        Ok(())
    }
}
