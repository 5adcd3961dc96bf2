//! A schema as JSON, for tools that are not written in Rust.
//!
//! Owns the format, which [`Registry::describe`] documents.

use super::parts::{Kind, parts};
use super::{EventDescriptor, Registry, reflect};
use crate::codec::{Field, Layout, Shape, TypeRef, Variant, WireType};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

impl Registry {
    /// Describes the schema as JSON.
    ///
    /// ```
    /// # use painda_runtime::{PPEvent, Schema, schema};
    /// /// A player moved.
    /// #[derive(PPEvent)]
    /// #[pp(event = "player:move", id = 1)]
    /// pub struct PlayerMove {
    ///     /// From the left edge.
    ///     pub x: f32,
    ///     pub y: f32,
    /// }
    /// schema! { pub Arena { PlayerMove } }
    ///
    /// # let rust = PlayerMove::DESCRIPTOR.rust_path();
    /// assert_eq!(Arena::registry().describe(), serde_json::json!({
    ///     "painda": 1,
    ///     "schema": "Arena",
    ///     "events": [{
    ///         "name": "player:move",
    ///         "id": 1,
    ///         "rust": rust, // "my_crate::PlayerMove"
    ///         "doc": "A player moved.",
    ///         "fields": [
    ///             { "name": "x", "type": "f32", "doc": "From the left edge." },
    ///             { "name": "y", "type": "f32" },
    ///         ],
    ///     }],
    ///     "types": {},
    /// }));
    /// ```
    ///
    /// | key | value |
    /// | --- | --- |
    /// | `painda` | the format's version, 1; keys may be added to it |
    /// | `events` | in the order of the schema |
    /// | `types` | the parts of events by their path in Rust: structs have `fields`, enums `variants` |
    /// | `fields` | in the order of the wire; `tuple` is `true` beside it where they are told apart by position |
    /// | `variants` | each has a `name`, the `tag` on the wire, and `fields` |
    /// | `doc`, `deprecated` | the doc comment; `true`. Left out where there is none |
    /// | `since`, `default` | the version that has brought a field, and the JSON of its value in older messages |
    ///
    /// A `type` is one of:
    ///
    /// | JSON | the type on the wire |
    /// | --- | --- |
    /// | `"u8"` … `"f64"`, `"bool"`, `"string"`, `"bytes"` | itself |
    /// | `{"option": T}`, `{"list": T}`, `{"set": T}` | of one type |
    /// | `{"map": [K, V]}`, `{"tuple": [A, B]}` | of several |
    /// | `{"array": T, "len": 3}` | a fixed number of items |
    /// | `{"quantised": "f32", "as": "u16", "min": -1.0, "max": 1.0}` | a float that is sent as an integer |
    /// | `{"ref": "my_crate::Position"}` | one of `types` |
    #[must_use]
    pub fn describe(&self) -> Value {
        let types = parts(self).into_iter().map(|part| {
            let mut out = Map::new();
            match part.kind {
                Kind::Struct(ty) => {
                    notes(ty.doc(), ty.is_deprecated(), &mut out);
                    layout(ty.layout(), &mut out);
                }
                Kind::Enum(ty) => {
                    notes(ty.doc(), ty.is_deprecated(), &mut out);
                    out.insert("variants".into(), ty.variants().iter().map(variant).collect());
                }
            }
            (part.path, Value::Object(out))
        });
        json!({
            "painda": 1,
            "schema": self.name(),
            "events": self.events().iter().copied().map(event).collect::<Vec<_>>(),
            "types": types.collect::<Map<_, _>>(),
        })
    }
}

fn event(event: &EventDescriptor) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), event.name().into());
    out.insert("id".into(), event.id().into());
    out.insert("rust".into(), event.rust_path().into());
    notes(event.doc(), event.is_deprecated(), &mut out);
    layout(event.layout(), &mut out);
    out.into()
}

fn variant(variant: &Variant) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), variant.name().into());
    out.insert("tag".into(), variant.tag().into());
    notes(variant.doc(), variant.is_deprecated(), &mut out);
    layout(variant.layout(), &mut out);
    out.into()
}

fn notes(doc: &str, deprecated: bool, out: &mut Map<String, Value>) {
    if !doc.is_empty() {
        out.insert("doc".into(), doc.into());
    }
    if deprecated {
        out.insert("deprecated".into(), true.into());
    }
}

fn layout(layout: &Layout, out: &mut Map<String, Value>) {
    if layout.shape() == Shape::Tuple {
        out.insert("tuple".into(), true.into());
    }
    out.insert("fields".into(), layout.fields().iter().map(field).collect());
}

fn field(field: &Field) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), field.name().into());
    out.insert("type".into(), ty(field.ty()));
    notes(field.doc(), field.is_deprecated(), &mut out);
    if let Some(value) = reflect::default_value(field) {
        out.insert("since".into(), field.since().into());
        out.insert("default".into(), value);
    }
    out.into()
}

fn ty(wire: &WireType) -> Value {
    let of = |item: &TypeRef| ty(item.get());
    match wire {
        WireType::Number(number) => number.name().into(),
        WireType::Bool => "bool".into(),
        WireType::String => "string".into(),
        WireType::Bytes => "bytes".into(),
        WireType::Quantised(q) => {
            json!({ "quantised": q.float.name(), "as": q.number.name(), "min": q.min, "max": q.max })
        }
        WireType::Option(some) => json!({ "option": of(some) }),
        WireType::List(item) => json!({ "list": of(item) }),
        WireType::Set(item) => json!({ "set": of(item) }),
        WireType::Map { key, value } => json!({ "map": [of(key), of(value)] }),
        WireType::Tuple(parts) => json!({ "tuple": parts.iter().map(of).collect::<Vec<_>>() }),
        WireType::Array { item, len } => json!({ "array": of(item), "len": len }),
        WireType::Struct(_) | WireType::Enum(_) => json!({ "ref": format!("{wire:#}") }),
    }
}
