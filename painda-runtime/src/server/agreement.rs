//! Whether this node's schema fits the cluster's: found out when it joins.
//!
//! Knows descriptors and their JSON; which nodes there are is [`peers`](super::peers)' affair.

use std::collections::HashSet;

use tokio::time::{Instant, timeout_at};

use super::{
    compare::{Conflict, compare},
    error::Error,
    fit::{OnConflict, SchemaFit},
    node::Node,
};
use crate::{
    schema::Registry,
    wire::{
        channels::SCHEMA_PREFIX,
        peer::{Reply, Request},
    },
};

/// The room of the nodes with the schema of this fingerprint.
pub(crate) fn room(print: u64) -> String {
    format!("{SCHEMA_PREFIX}{print:016x}")
}

/// Compares this node's schema with those of all nodes that are there. Each is in the room of its schema before it is listed, so
/// only those need to be asked that are not in the room of this node's: a dead one that was the same keeps nobody waiting.
pub(crate) async fn check(node: &Node, print: u64) -> Result<SchemaFit, Error> {
    let deadline = Instant::now() + node.config.ask_timeout;
    let nodes = node.other_nodes(deadline).await;
    let same = match timeout_at(deadline, node.adapter().get_clients_in_room(&room(print))).await {
        Ok(Ok(same)) => same,
        // Then each is asked.
        _ => HashSet::new(),
    };
    let (same, strangers): (HashSet<_>, HashSet<_>) = nodes.into_iter().partition(|node| same.contains(node));
    let mut all = if same.is_empty() { SchemaFit::Alone } else { SchemaFit::Same };
    let replies = node.ask_these(strangers, Request::Schema { fingerprint: print }, deadline).await;
    let replies = replies.wanted(|reply| match reply {
        Reply::SameSchema => Some(None),
        // What is no JSON says nothing about the schema.
        Reply::Schema { json } => serde_json::from_slice(&json).ok().map(Some),
        _ => None,
    });
    if !replies.silent.is_empty() {
        tracing::warn!(target: "painda::cluster", nodes = ?replies.silent, "did not say what their schema is");
    }
    let ours = node.registry.describe();
    for (peer, theirs) in replies.values {
        match theirs.map_or(Ok(SchemaFit::Same), |theirs| compare(&ours, &theirs)) {
            Ok(fit) => all = all.and(fit),
            Err(Conflict { event, field, ours, theirs }) => {
                let error = Error::SchemaConflict { node: peer, event, field, ours, theirs };
                match node.config.on_conflict {
                    OnConflict::Refuse => return Err(error),
                    OnConflict::Warn => tracing::warn!(target: "painda::cluster", %error, "starting all the same"),
                }
                all = SchemaFit::Conflicting;
            }
        }
    }
    tracing::info!(target: "painda::cluster", fit = ?all, "joined the cluster");
    Ok(all)
}

/// This node's answer to one with this fingerprint.
pub(crate) fn answer(registry: &Registry, asker: u64) -> Reply {
    if asker == fingerprint(registry) {
        Reply::SameSchema
    } else {
        Reply::Schema { json: registry.describe().to_string().into() }
    }
}

/// 64 bits that are equal for equal schemas in every build: FNV-1a over the events' own fingerprints.
pub(crate) fn fingerprint(registry: &Registry) -> u64 {
    let mut events: Vec<_> = registry.events().iter().collect();
    // The order of the list says nothing about the wire.
    events.sort_by_key(|event| event.id());
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for event in events {
        let prints = [u64::from(event.id()), event.layout_fingerprint(), event.names_fingerprint()];
        for byte in prints.into_iter().flat_map(u64::to_be_bytes).chain(event.name().bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PPEvent, Schema, schema};

    #[derive(PPEvent)]
    #[pp(event = "player:move", id = 1)]
    struct PlayerMove {
        _x: f32,
    }

    #[derive(PPEvent)]
    #[pp(event = "player:left", id = 2)]
    struct PlayerLeft {
        _player: u32,
    }

    schema! { One { PlayerMove, PlayerLeft } }
    schema! { Other { PlayerLeft, PlayerMove } }
    schema! { Fewer { PlayerMove } }

    #[test]
    fn the_order_of_the_list_does_not_matter() {
        let asker = fingerprint(One::registry());
        assert_eq!(answer(Other::registry(), asker), Reply::SameSchema);
        assert!(matches!(answer(Fewer::registry(), asker), Reply::Schema { .. }));
    }
}
