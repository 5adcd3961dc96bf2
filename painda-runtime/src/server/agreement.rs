//! Whether this node's schema fits the cluster's: asked of all nodes when one joins.
//!
//! Knows descriptors and JSON; which nodes there are is [`peers`](super::peers)' affair.

use serde_json::{Value, json};

use super::{
    compare::{Conflict, compare},
    error::Error,
    node::Node,
};
use crate::schema::Registry;

/// What a node does that joins a cluster whose schema contradicts its own.
///
/// It asks those nodes that are there, and waits for each up to the [time for questions](super::PPServerBuilder::ask_timeout).
/// Two that join at the same moment ask each other, and both refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// It does not start: [`Error::SchemaConflict`] says why. The default.
    #[default]
    Refuse,
    /// It logs a warning and starts.
    Warn,
}

/// How this node's schema fits the schemas of the nodes that were there when it joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaFit {
    /// No other node has answered.
    #[default]
    Alone,
    /// All are the same.
    Same,
    /// This node has events, variants, or fields at the end of events, that another one lacks.
    Newer,
    /// Another node has events, variants, or fields at the end of events, that this one lacks.
    Older,
    /// Both.
    Mixed,
    /// They contradict each other, and the node has started because it was told [to warn only](OnConflict::Warn).
    Conflicting,
}

impl SchemaFit {
    fn and(self, other: Self) -> Self {
        use SchemaFit::{Alone, Conflicting, Mixed, Newer, Older, Same};
        match (self, other) {
            (Conflicting, _) | (_, Conflicting) => Conflicting,
            (Alone | Same, fit) | (fit, Alone | Same) => fit,
            (Newer, Newer) => Newer,
            (Older, Older) => Older,
            _ => Mixed,
        }
    }
}

/// Asks all nodes for their schemas, and compares.
pub(crate) async fn check(node: &Node) -> Result<SchemaFit, Error> {
    let print = fingerprint(node.registry);
    let replies = node.ask(&json!({ "do": "schema", "fingerprint": print })).await;
    if !replies.silent.is_empty() {
        tracing::warn!(target: "painda::cluster", nodes = ?replies.silent, "did not say what their schema is");
    }
    let ours = node.registry.describe();
    let mut all = SchemaFit::Alone;
    for (peer, theirs) in replies.values {
        match compare(&ours, &theirs) {
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

/// This node's answer: `true` where the asker has the same schema, otherwise the whole of ours.
pub(crate) fn answer(registry: &Registry, order: &Value) -> Value {
    if order["fingerprint"] == fingerprint(registry) { true.into() } else { registry.describe() }
}

/// 64 bits, as text, that are equal for equal schemas in every build: FNV-1a over the events' own fingerprints.
fn fingerprint(registry: &Registry) -> String {
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
    format!("{hash:016x}")
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
        let asked = json!({ "fingerprint": fingerprint(One::registry()) });
        assert_eq!(answer(Other::registry(), &asked), true);
        assert!(answer(Fewer::registry(), &asked).is_object());
    }
}
