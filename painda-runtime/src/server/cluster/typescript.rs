//! Delivers what nodes of the TypeScript implementation in the same cluster emit.
//!
//! Their messages are [`wire::typescript`](crate::wire::typescript)'s.

use crate::{
    Message,
    server::node::Node,
    wire::typescript::{Decoded, REMOTE_EMIT, decode},
};

/// Delivers what a TypeScript node emitted; `false` where it can't be read.
pub(crate) fn deliver(node: &Node, message: &Message, exclude: Option<&str>) -> bool {
    let Message::Named { name, payload } = message else { return false };
    if **name != *REMOTE_EMIT {
        return false;
    }
    let emit = match decode(payload, |room| node.has_room(room)) {
        Some(Decoded::Emit(emit)) => emit,
        Some(Decoded::Nothing) => return true,
        None => return false,
    };
    let mut audience = emit.audience();
    exclude.into_iter().for_each(|id| audience.except_clients.add(id));
    match node.json_text_packet(&emit.event, emit.payload) {
        Ok(packet) => {
            node.emit_here(&audience, &packet);
            true
        }
        Err(error) => {
            tracing::debug!(target: "painda::cluster", %error, "an emit of a TypeScript node");
            false
        }
    }
}
