//! The model from JSON text, which may come from another node.
//!
//! Owns the errors, and the limit of the cost: only what is kept is built, and it takes a small multiple of the text. Keys and
//! types of a newer version of this crate are accepted.

use super::json_object::{Names, Read, object};
use super::{
    Body, DEFAULT_DEPTH, DeliveryModel, EventModel, FieldModel, Fields, Notes, PartModel, SchemaModel, Since,
    TypeModel, VariantModel,
};
use crate::excerpt::cut;
use crate::pieces::{Pieces, Wrong, compact};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde_core::de::IgnoredAny;

/// The most bytes of an error.
const MAX_PROBLEM: usize = 200;

/// JSON that does not describe a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError(Box<str>);

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this does not describe a schema: {}", self.0)
    }
}

impl core::error::Error for ModelError {}

impl SchemaModel {
    /// Reads a schema's JSON text, as [`to_json`](Self::to_json) and [`Registry::describe`](crate::Registry::describe) make it.
    ///
    /// # Errors
    /// Where it is no JSON or describes no schema, and where it contradicts itself: an id or a name that is there twice, a type
    /// that is missing. Excerpts in it are cut.
    pub fn from_json(text: &str) -> Result<SchemaModel, ModelError> {
        let error = |problem: String| ModelError(cut(&problem, MAX_PROBLEM).into());
        let mut names = Names::default();
        let mut json = Pieces::new(text);
        let read = Schema::read(&mut json, &mut names).and_then(|schema| json.end().map(|()| schema));
        let schema = read.map_err(|wrong| error(problem(text, &wrong)))?;
        schema.finish(names).map_err(error)
    }
}

/// What is wrong with a text, and where.
fn problem(text: &str, wrong: &Wrong) -> String {
    // Where the text is no JSON at all, serde_json's error is better.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return error.to_string();
    }
    let before = &text.as_bytes()[..wrong.at];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("{} at line {line} column {column}", cut(&wrong.what, MAX_PROBLEM / 2))
}

object!(Schema {
    "painda" format: u32,
    "schema" name: Box<str>,
    "depth" depth: u8,
    "events" events: Vec<EventModel>,
    "types" types: Parts,
    "reserved" reserved: Vec<(u16, Box<str>)>,
});

object!(EventKeys {
    "id" id: u16,
    "name" name: Box<str>,
    "rust" path: Box<str>,
    "delivery" delivery: DeliveryModel,
    "tuple" is_tuple: bool,
    "fields" fields: Vec<FieldModel>,
    "doc" doc: Box<str>,
    "deprecated" is_deprecated: bool,
});

object!(PartKeys {
    "tuple" is_tuple: bool,
    "fields" fields: Vec<FieldModel>,
    "variants" variants: Vec<VariantModel>,
    "doc" doc: Box<str>,
    "deprecated" is_deprecated: bool,
});

object!(VariantKeys {
    "tag" tag: u8,
    "name" name: Box<str>,
    "tuple" is_tuple: bool,
    "fields" fields: Vec<FieldModel>,
    "doc" doc: Box<str>,
    "deprecated" is_deprecated: bool,
});

object!(FieldKeys {
    "name" name: Box<str>,
    "type" ty: TypeModel,
    "since" since: u32,
    "default" default: Compact,
    "doc" doc: Box<str>,
    "deprecated" is_deprecated: bool,
});

impl Schema {
    fn finish(self, names: Names) -> Result<SchemaModel, String> {
        match self.format {
            Some(1) => {}
            Some(format) => return Err(format!("it has the format {format}, and this painda-runtime knows 1")),
            None => return Err("`painda`, the format's version, is missing".into()),
        }
        let names = names.into_paths();
        let mut parts: Vec<Option<PartModel>> = names.iter().map(|_| None).collect();
        for (number, part) in self.types.unwrap_or_default().0 {
            match &mut parts[number as usize] {
                Some(_) => return Err(format!("the type {:?} is there twice", part.path)),
                place => *place = Some(part),
            }
        }
        if let Some((path, _)) = names.iter().find(|(_, number)| parts[**number as usize].is_none()) {
            return Err(format!("the type {path:?} is not among the types"));
        }
        let model = SchemaModel {
            name: self.name.unwrap_or_default(),
            depth: self.depth.unwrap_or(DEFAULT_DEPTH),
            events: self.events.ok_or("`events` is missing")?,
            parts: parts.into_iter().flatten().collect(),
            reserved: self.reserved.unwrap_or_default(),
            is_complete: true,
        };
        model.check().map(|()| model)
    }
}

/// The structs and enums with their numbers.
#[derive(Default)]
struct Parts(Vec<(u32, PartModel)>);

impl<'a> Read<'a> for Parts {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        let mut parts = Vec::new();
        json.members(|path, json| {
            let keys = PartKeys::read(json, names)?;
            let body = match (keys.fields, keys.variants) {
                (Some(list), None) => Body::Struct(fields(json, keys.is_tuple, Some(list))?),
                (None, Some(variants)) => Body::Enum(variants),
                _ => return Err(json.wrong(format!("the type {path:?} must have either `fields` or `variants`"))),
            };
            let part = PartModel { path: path.into(), body, notes: notes(keys.doc, keys.is_deprecated) };
            parts.push((names.number(path), part));
            Ok(())
        })?;
        Ok(Parts(parts))
    }
}

impl<'a> Read<'a> for EventModel {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        let keys = EventKeys::read(json, names)?;
        Ok(EventModel {
            id: need(json, keys.id, "id")?,
            name: need(json, keys.name, "name")?,
            path: keys.path.unwrap_or_default(),
            delivery: keys.delivery.unwrap_or_default(),
            fields: fields(json, keys.is_tuple, keys.fields)?,
            notes: notes(keys.doc, keys.is_deprecated),
        })
    }
}

impl<'a> Read<'a> for VariantModel {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        let keys = VariantKeys::read(json, names)?;
        Ok(VariantModel {
            tag: need(json, keys.tag, "tag")?,
            name: need(json, keys.name, "name")?,
            fields: fields(json, keys.is_tuple, keys.fields)?.of_variant(),
            notes: notes(keys.doc, keys.is_deprecated),
        })
    }
}

impl<'a> Read<'a> for FieldModel {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        let keys = FieldKeys::read(json, names)?;
        let name = need(json, keys.name, "name")?;
        let since = match (keys.since, keys.default) {
            (None, None) => None,
            (Some(version @ 2..), Some(Compact(default))) => Some(Box::new(Since { version, default })),
            _ => {
                let problem = format!("the field {name:?} needs `since`, above 1, and `default`, or neither");
                return Err(json.wrong(problem));
            }
        };
        let notes = notes(keys.doc, keys.is_deprecated);
        let has_notes = !notes.doc.is_empty() || notes.is_deprecated;
        let ty = need(json, keys.ty, "type")?;
        Ok(FieldModel { name, ty, since, notes: has_notes.then(|| Box::new(notes)) })
    }
}

/// The JSON of a default.
struct Compact(Box<str>);

impl<'a> Read<'a> for Compact {
    fn read(json: &mut Pieces<'a>, _: &mut Names) -> Result<Self, Wrong> {
        compact(json).map(|text| Compact(text.into()))
    }
}

fn need<T>(json: &Pieces<'_>, value: Option<T>, key: &str) -> Result<T, Wrong> {
    value.ok_or_else(|| json.wrong(format!("missing field `{key}`")))
}

fn fields(json: &Pieces<'_>, is_tuple: Option<bool>, list: Option<Vec<FieldModel>>) -> Result<Fields, Wrong> {
    let fields = Fields::new(is_tuple.unwrap_or_default(), need(json, list, "fields")?);
    fields.map_err(|name| json.wrong(format!("the field {name:?} is there twice")))
}

fn notes(doc: Option<Box<str>>, is_deprecated: Option<bool>) -> Notes {
    Notes { doc: doc.unwrap_or_default(), is_deprecated: is_deprecated.unwrap_or_default() }
}
