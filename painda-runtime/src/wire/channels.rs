//! The names of the channels and rooms that the nodes themselves use, and which names are left for applications.
//!
//! Knows names only.

use crate::message::{RESERVED, RESERVED_PREFIX};

/// The channel that broadcasts take.
pub const BROADCAST: &str = "__pp_all";
/// The channel of what nodes say to all other nodes: [aimed emits](super::audience) and questions.
pub const CLUSTER: &str = "__pp_cluster";
/// The channel of all emits of the TypeScript implementation.
pub const TYPESCRIPT: &str = "__pp_broadcast";
/// The room whose members are the nodes themselves, each by its id.
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

/// Why a name can't be a room's; `None` where it can.
///
/// ```
/// use painda_runtime::wire::channels::room_problem;
///
/// assert_eq!(room_problem("arena"), None);
/// assert_eq!(room_problem(""), Some("it is empty"));
/// assert!(room_problem("__pp_all").is_some());
/// ```
#[must_use]
pub fn room_problem(room: &str) -> Option<&'static str> {
    if room.is_empty() {
        Some("it is empty")
    } else if room.len() > MAX_ROOM_LEN {
        Some("it is longer than 255 bytes")
    } else if room.starts_with(RESERVED_PREFIX) {
        Some(RESERVED)
    } else {
        None
    }
}
