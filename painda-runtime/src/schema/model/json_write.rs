//! The model as JSON, in the form that [`Registry::describe`] documents.

use super::{Body, DeliveryModel, EventModel, FieldModel, Fields, Notes, SchemaModel, TypeModel, VariantModel};
use crate::pieces::{Next, Pieces};
use crate::schema::Registry;
use alloc::string::String;
use serde_core::Serialize;
use serde_core::ser::{SerializeMap, Serializer};
use serde_json::Value;

impl SchemaModel {
    /// The schema as JSON text, as [`Registry::describe`] documents it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // This can't fail: it is written to memory, and the keys of all maps are text.
        serde_json::to_string(&In(self, self)).unwrap_or_default()
    }
}

impl Registry {
    /// Describes the schema as JSON. [`SchemaModel::to_json`] has the same as text.
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
    ///     "depth": 64,
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
    /// | `depth` | how deep structs and enums may be nested in a message |
    /// | `events` | in the order of the schema |
    /// | `types` | the parts of events by their path in Rust: structs have `fields`, enums `variants` |
    /// | `fields` | in the order of the wire; `tuple` is `true` beside it if they have positions instead of names |
    /// | `variants` | each has a `name`, the `tag` on the wire, and `fields` |
    /// | `doc`, `deprecated` | the doc comment; `true`. Left out where there is none |
    /// | `since`, `default` | the version that has added a field, and the JSON of its value in older messages |
    /// | `delivery` | `"volatile"`, `"latest"` or `{"latest": "field"}`. Left out where an event is reliable |
    /// | `reserved` | `[id, name]` of events that are gone, if the schema comes from a lock file |
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
        let model = SchemaModel::of(self);
        serde_json::to_value(In(&model, &model)).unwrap_or_default()
    }
}

/// A piece of a schema, with the schema.
struct In<'a, T: ?Sized>(&'a SchemaModel, &'a T);

/// All of a list, each as a piece of the schema.
struct All<'a, T>(&'a SchemaModel, &'a [T]);

impl<'a, T> Serialize for All<'a, T>
where
    In<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(self.1.iter().map(|item| In(self.0, item)))
    }
}

impl Serialize for In<'_, SchemaModel> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let schema = self.0;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("painda", &1)?;
        map.serialize_entry("schema", &schema.name)?;
        map.serialize_entry("depth", &schema.depth)?;
        map.serialize_entry("events", &All(schema, &schema.events))?;
        map.serialize_entry("types", &Parts(schema))?;
        if !schema.reserved.is_empty() {
            map.serialize_entry("reserved", &schema.reserved)?;
        }
        map.end()
    }
}

struct Parts<'a>(&'a SchemaModel);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(self.0.parts.iter().map(|part| (&part.path, Part(self.0, &part.notes, &part.body))))
    }
}

struct Part<'a>(&'a SchemaModel, &'a Notes, &'a Body);

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        notes(self.1, &mut map)?;
        match self.2 {
            Body::Struct(list) => fields(self.0, list, &mut map)?,
            Body::Enum(variants) => map.serialize_entry("variants", &All(self.0, variants))?,
        }
        map.end()
    }
}

impl Serialize for In<'_, EventModel> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let In(schema, event) = *self;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &event.name)?;
        map.serialize_entry("id", &event.id)?;
        map.serialize_entry("rust", &event.path)?;
        notes(&event.notes, &mut map)?;
        if event.delivery != DeliveryModel::Reliable {
            map.serialize_entry("delivery", &event.delivery)?;
        }
        fields(schema, &event.fields, &mut map)?;
        map.end()
    }
}

impl Serialize for DeliveryModel {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            DeliveryModel::Reliable => out.serialize_str("reliable"),
            DeliveryModel::Volatile => out.serialize_str("volatile"),
            DeliveryModel::Latest => out.serialize_str("latest"),
            DeliveryModel::LatestOf(field) => out.collect_map([("latest", field)]),
            DeliveryModel::Unknown(text) => out.serialize_str(text),
        }
    }
}

impl Serialize for In<'_, VariantModel> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let In(schema, variant) = *self;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &variant.name)?;
        map.serialize_entry("tag", &variant.tag)?;
        notes(&variant.notes, &mut map)?;
        fields(schema, &variant.fields, &mut map)?;
        map.end()
    }
}

impl Serialize for In<'_, FieldModel> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let In(schema, field) = *self;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &field.name)?;
        map.serialize_entry("type", &In(schema, &field.ty))?;
        if let Some(of_field) = &field.notes {
            notes(of_field, &mut map)?;
        }
        if let Some(since) = &field.since {
            map.serialize_entry("since", &since.version)?;
            map.serialize_entry("default", &Next::of(&mut Pieces::new(&since.default)))?;
        }
        map.end()
    }
}

impl Serialize for In<'_, TypeModel> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let In(schema, ty) = *self;
        let of = |ty| In::<TypeModel>(schema, ty);
        match ty {
            TypeModel::Number(number) => out.serialize_str(number.name()),
            TypeModel::Bool => out.serialize_str("bool"),
            TypeModel::String => out.serialize_str("string"),
            TypeModel::Bytes => out.serialize_str("bytes"),
            TypeModel::Quantised(q) => {
                let mut map = out.serialize_map(None)?;
                map.serialize_entry("quantised", q.float.name())?;
                map.serialize_entry("as", q.number.name())?;
                map.serialize_entry("min", &q.min)?;
                map.serialize_entry("max", &q.max)?;
                map.end()
            }
            TypeModel::Option(some) => out.collect_map([("option", of(some))]),
            TypeModel::List(item) => out.collect_map([("list", of(item))]),
            TypeModel::Set(item) => out.collect_map([("set", of(item))]),
            TypeModel::Map(map) => out.collect_map([("map", [of(&map.0), of(&map.1)])]),
            TypeModel::Tuple(items) => out.collect_map([("tuple", All(schema, items))]),
            TypeModel::Array(array) => {
                let mut map = out.serialize_map(None)?;
                map.serialize_entry("array", &of(&array.0))?;
                map.serialize_entry("len", &array.1)?;
                map.end()
            }
            TypeModel::Part(part) => out.collect_map([("ref", &schema.parts[*part as usize].path)]),
            TypeModel::Unknown(text) => out.serialize_str(text),
        }
    }
}

fn notes<M: SerializeMap>(notes: &Notes, map: &mut M) -> Result<(), M::Error> {
    if !notes.doc.is_empty() {
        map.serialize_entry("doc", &notes.doc)?;
    }
    if notes.is_deprecated {
        map.serialize_entry("deprecated", &true)?;
    }
    Ok(())
}

fn fields<M: SerializeMap>(schema: &SchemaModel, fields: &Fields, map: &mut M) -> Result<(), M::Error> {
    if fields.is_tuple {
        map.serialize_entry("tuple", &true)?;
    }
    map.serialize_entry("fields", &All(schema, &fields.list))
}
