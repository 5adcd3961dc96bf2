//! Compares this node's schema with those of the cluster when it joins.
//!
//! Knows no more of a schema than how two of them compare; which nodes there are is [`peers`](super::peers)' affair.

use std::collections::HashSet;

use tokio::time::{Instant, timeout_at};

use super::Cluster;
use crate::{
    schema::{
        Registry, SchemaModel,
        diff::{Comparison, Conflict},
    },
    server::{
        error::Error,
        fit::{OnConflict, SchemaFit},
    },
    wire::{
        channels::schema_room,
        peer::{Reply, Request},
    },
};

/// Compares this node's schema with those of all nodes that are there. Each is in the room of its schema before it is listed, so
/// only those need to be asked that are not in the room of this node's: a dead one that was the same keeps nobody waiting.
pub(crate) async fn check(cluster: &Cluster, fingerprint: u64) -> Result<SchemaFit, Error> {
    let deadline = Instant::now() + cluster.node.config.ask_timeout;
    let nodes = cluster.other_nodes(deadline).await;
    let same = match timeout_at(deadline, cluster.node.adapter().get_clients_in_room(&schema_room(fingerprint))).await {
        Ok(Ok(same)) => same,
        // Then each is asked.
        _ => HashSet::new(),
    };
    let (same, others): (HashSet<_>, HashSet<_>) = nodes.into_iter().partition(|node| same.contains(node));
    let mut all = if same.is_empty() { SchemaFit::Alone } else { SchemaFit::Same };
    let replies = cluster.ask_these(others, Request::Schema { fingerprint }, deadline).await;
    let replies = replies.wanted(|reply| match reply {
        Reply::SameSchema => Some(None),
        Reply::Schema { json } => Some(Some(json)),
        _ => None,
    });
    if !replies.unanswered.is_empty() {
        tracing::warn!(target: "painda::cluster", nodes = ?replies.unanswered, "these nodes did not answer what their schema is");
    }
    let ours = SchemaModel::of(cluster.node.registry);
    for (peer, theirs) in replies.values {
        let found = match theirs.as_deref().map(read) {
            None => Comparison::default(),
            Some(Ok(theirs)) => Comparison::new(&ours, &theirs),
            Some(Err(error)) => {
                tracing::warn!(target: "painda::cluster", node = peer, error, "its schema can't be compared");
                continue;
            }
        };
        if !found.notes.is_empty() {
            let changes = &found.notes;
            tracing::warn!(target: "painda::cluster", node = peer, ?changes, "it has other names or deliveries");
        }
        all = all.and(SchemaFit::of(&found));
        let Some(Conflict { event, field, ours, theirs }) = found.conflict else { continue };
        let error = Error::SchemaConflict { node: peer, event, field, ours, theirs };
        match cluster.node.config.on_conflict {
            OnConflict::Refuse => return Err(error),
            OnConflict::Warn => tracing::warn!(target: "painda::cluster", %error, "starting all the same"),
        }
    }
    tracing::info!(target: "painda::cluster", fit = ?all, "joined the cluster");
    Ok(all)
}

/// The schema that another node has described.
fn read(json: &[u8]) -> Result<SchemaModel, String> {
    let text = str::from_utf8(json).map_err(|error| error.to_string())?;
    SchemaModel::from_json(text).map_err(|error| error.to_string())
}

/// This node's answer to one with this fingerprint.
pub(crate) fn answer(registry: &Registry, asker: u64) -> Reply {
    let model = SchemaModel::of(registry);
    if asker == model.fingerprint() { Reply::SameSchema } else { Reply::Schema { json: model.to_json().into() } }
}

/// 64 bits that are equal for equal schemas in every build.
pub(crate) fn fingerprint(registry: &Registry) -> u64 {
    SchemaModel::of(registry).fingerprint()
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
