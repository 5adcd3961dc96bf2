//! Whether this node's schema fits the cluster's: asked of all nodes when one joins.
//!
//! Knows descriptors and JSON; which nodes there are is [`peers`](super::peers)' affair.

use serde_json::{Value, json};

use super::{error::Error, node::Node};
use crate::{
    codec::Field,
    schema::{EventDescriptor, Registry},
};

/// What a node does that joins a cluster whose schema contradicts its own.
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
    /// This node has events, or fields at the end of events, that another one lacks.
    Newer,
    /// Another node has events, or fields at the end of events, that this one lacks.
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

/// Where two schemas contradict each other.
#[derive(Debug, PartialEq, Eq)]
struct Conflict {
    event: String,
    field: Option<String>,
    ours: String,
    theirs: String,
}

/// Asks all nodes for their schemas, and compares.
pub(crate) async fn check(node: &Node) -> Result<SchemaFit, Error> {
    let print = fingerprint(node.registry);
    let replies = node.ask(&json!({ "do": "schema", "fingerprint": print })).await;
    if !replies.silent.is_empty() {
        tracing::warn!(target: "painda::cluster", nodes = ?replies.silent, "did not say what their schema is");
    }
    let mut all = SchemaFit::Alone;
    for (peer, theirs) in replies.values {
        match compare(node.registry, &theirs) {
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
    if order["fingerprint"] == fingerprint(registry) { true.into() } else { describe(registry) }
}

/// `[{"name", "id", "fields": [[name, type], …]}, …]`
fn describe(registry: &Registry) -> Value {
    let event = |event: &&EventDescriptor| {
        let fields = event.fields().iter().map(|field| json!([field.name(), type_name(field)]));
        json!({ "name": event.name(), "id": event.id(), "fields": fields.collect::<Value>() })
    };
    registry.events().iter().map(event).collect()
}

/// The type, and a fingerprint where a struct or an enum is in it, whose name does not say what is in there.
fn type_name(field: &Field) -> String {
    let (name, path) = (format!("{}", field.ty()), format!("{:#}", field.ty()));
    if name == path { name } else { format!("{name} ({:016x})", field.layout_fingerprint()) }
}

/// FNV-1a of the description: equal for equal schemas, in every build.
fn fingerprint(registry: &Registry) -> String {
    let mut events = match describe(registry) {
        Value::Array(events) => events,
        _ => Vec::new(),
    };
    // The order of the list says nothing about the wire.
    events.sort_by_key(|event| event["id"].as_u64());
    let text = Value::Array(events).to_string();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

/// Compares our schema with another node's description. An event that only one side has is no conflict, nor are fields that
/// one side has appended: decoders ignore what follows the last field that they know.
fn compare(ours: &Registry, theirs: &Value) -> Result<SchemaFit, Conflict> {
    let Some(theirs) = theirs.as_array() else { return Ok(SchemaFit::Same) };
    let (mut newer, mut older) = (false, false);
    let mut shared = 0;
    for event in theirs {
        let (Some(name), Some(id)) = (event["name"].as_str(), event["id"].as_u64()) else { continue };
        let by_name = ours.by_name(name);
        let by_id = u16::try_from(id).ok().and_then(|id| ours.by_id(id));
        let Some(ours) = by_name.or(by_id) else {
            older = true;
            continue;
        };
        let conflict = |field: Option<&str>, ours: String, theirs: String| {
            Err(Conflict { event: name.to_owned(), field: field.map(str::to_owned), ours, theirs })
        };
        if ours.name() != name || u64::from(ours.id()) != id {
            let ours = format!("id {} is `{}`", ours.id(), ours.name());
            return conflict(None, ours, format!("id {id} is `{name}`"));
        }
        shared += 1;
        let no_fields = Vec::new();
        let their_fields = event["fields"].as_array().unwrap_or(&no_fields);
        for (ours, theirs) in ours.fields().iter().zip(their_fields) {
            let ty = type_name(ours);
            let (their_name, their_ty) =
                (theirs[0].as_str().unwrap_or_default(), theirs[1].as_str().unwrap_or_default());
            if ours.name() != their_name || ty != their_ty {
                let here = format!("{}: {ty}", ours.name());
                return conflict(Some(ours.name()), here, format!("{their_name}: {their_ty}"));
            }
        }
        newer |= ours.fields().len() > their_fields.len();
        older |= ours.fields().len() < their_fields.len();
    }
    newer |= ours.events().len() > shared;
    Ok(match (newer, older) {
        (false, false) => SchemaFit::Same,
        (true, false) => SchemaFit::Newer,
        (false, true) => SchemaFit::Older,
        (true, true) => SchemaFit::Mixed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PPEvent, Schema, schema};

    #[derive(PPEvent)]
    #[pp(event = "player:move", id = 1)]
    struct PlayerMove {
        _x: f32,
        _y: f32,
    }

    #[derive(PPEvent)]
    #[pp(event = "player:left", id = 2)]
    struct PlayerLeft {
        _player: u32,
    }

    schema! { Ours { PlayerMove, PlayerLeft } }
    schema! { Fewer { PlayerMove } }

    fn fit(theirs: Value) -> Result<SchemaFit, Conflict> {
        compare(Ours::registry(), &theirs)
    }

    #[test]
    fn the_same_is_the_same() {
        let ours = describe(Ours::registry());
        assert_eq!(fit(ours), Ok(SchemaFit::Same));
        let asked = json!({ "fingerprint": fingerprint(Ours::registry()) });
        assert_eq!(answer(Ours::registry(), &asked), true);
        assert_ne!(fingerprint(Ours::registry()), fingerprint(Fewer::registry()));
        assert_eq!(fit(describe(Fewer::registry())), Ok(SchemaFit::Newer));
        assert_eq!(compare(Fewer::registry(), &describe(Ours::registry())), Ok(SchemaFit::Older));
    }

    #[test]
    fn contradictions_name_event_field_and_both_versions() {
        let event = |name: &str, id: u16, fields: Value| json!([{ "name": name, "id": id, "fields": fields }]);
        let longer = json!([["_x", "f32"], ["_y", "f32"], ["z", "f32"]]);
        assert_eq!(fit(event("player:move", 1, longer)), Ok(SchemaFit::Mixed));
        assert_eq!(
            fit(event("player:move", 1, json!([["_x", "f32"], ["_y", "f64"]]))),
            Err(Conflict {
                event: "player:move".into(),
                field: Some("_y".into()),
                ours: "_y: f32".into(),
                theirs: "_y: f64".into()
            })
        );
        for (name, id) in [("player:move", 9), ("player:jump", 1)] {
            let error = fit(event(name, id, json!([]))).expect_err("a conflict");
            assert_eq!((error.event.as_str(), error.field), (name, None));
        }
        assert_eq!(fit(json!([7, { "name": 1 }, null])), Ok(SchemaFit::Newer), "what can't be read is passed over");
    }
}
