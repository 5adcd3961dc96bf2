//! The model from JSON text, which anybody may have sent.
//!
//! Owns what can be wrong with it, and that it costs its length: nothing is built that is not kept, and what is kept takes a
//! small multiple of its text. Keys and types that only a newer version of this crate knows do no harm.

use super::json_object::{Keys, Names, Object, Read, Seed, object};
use super::{
    Body, DEPTH_UNSAID, DeliveryModel, EventModel, FieldModel, Fields, Notes, PartModel, SchemaModel, Since, TypeModel,
    VariantModel,
};
use crate::excerpt::cut;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use serde_core::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess};
use serde_json::value::RawValue;

/// An error says so many bytes at most.
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
    /// that is not. What it repeats is cut.
    pub fn from_json(text: &str) -> Result<SchemaModel, ModelError> {
        let error = |problem: String| ModelError(cut(&problem, MAX_PROBLEM).into());
        let names = Names::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = Seed::<Schema>(&names, PhantomData).deserialize(&mut json);
        let schema = read.and_then(|schema| json.end().map(|()| schema)).map_err(|found| error(found.to_string()))?;
        schema.finish(names).map_err(error)
    }
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

object!(FieldKeys<'a> {
    "name" name: Box<str>,
    "type" ty: TypeModel,
    "since" since: u32,
    "default" default: &'a RawValue,
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
            depth: self.depth.unwrap_or(DEPTH_UNSAID),
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

impl<'de> Keys<'de> for Parts {
    fn value<A: MapAccess<'de>>(&mut self, path: &str, map: &mut A, names: &Names) -> Result<(), A::Error> {
        let keys: PartKeys = map.next_value_seed(Seed(names, PhantomData))?;
        let body = match (keys.fields, keys.variants) {
            (Some(list), None) => Body::Struct(fields(keys.is_tuple, Some(list))?),
            (None, Some(variants)) => Body::Enum(variants),
            _ => return Err(A::Error::custom(format!("the type {path:?} must have either `fields` or `variants`"))),
        };
        let part = PartModel { path: path.into(), body, notes: notes(keys.doc, keys.is_deprecated) };
        self.0.push((names.number(path), part));
        Ok(())
    }
}

impl<'de> Read<'de> for Parts {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        json.deserialize_map(Object(names, PhantomData))
    }
}

impl<'de> Read<'de> for EventModel {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        let keys = EventKeys::read(json, names)?;
        Ok(EventModel {
            id: need(keys.id, "id")?,
            name: need(keys.name, "name")?,
            path: keys.path.unwrap_or_default(),
            delivery: keys.delivery.unwrap_or_default(),
            fields: fields(keys.is_tuple, keys.fields)?,
            notes: notes(keys.doc, keys.is_deprecated),
        })
    }
}

impl<'de> Read<'de> for VariantModel {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        let keys = VariantKeys::read(json, names)?;
        Ok(VariantModel {
            tag: need(keys.tag, "tag")?,
            name: need(keys.name, "name")?,
            fields: fields(keys.is_tuple, keys.fields)?.of_variant(),
            notes: notes(keys.doc, keys.is_deprecated),
        })
    }
}

impl<'de> Read<'de> for FieldModel {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        let keys = FieldKeys::read(json, names)?;
        let name = need(keys.name, "name")?;
        let since = match (keys.since, keys.default) {
            (None, None) => None,
            (Some(version @ 2..), Some(default)) => {
                Some(Box::new(Since { version, default: without_spaces(default.get()) }))
            }
            _ => {
                let problem = format!("the field {name:?} needs `since`, above 1, and `default`, or neither");
                return Err(D::Error::custom(problem));
            }
        };
        let notes = notes(keys.doc, keys.is_deprecated);
        let has_notes = !notes.doc.is_empty() || notes.is_deprecated;
        Ok(FieldModel { name, ty: need(keys.ty, "type")?, since, notes: has_notes.then(|| Box::new(notes)) })
    }
}

fn need<T, E: serde_core::de::Error>(value: Option<T>, key: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(key))
}

fn fields<E: serde_core::de::Error>(is_tuple: Option<bool>, list: Option<Vec<FieldModel>>) -> Result<Fields, E> {
    let fields = Fields::new(is_tuple.unwrap_or_default(), need(list, "fields")?);
    fields.map_err(|name| E::custom(format!("the field {name:?} is there twice")))
}

fn notes(doc: Option<Box<str>>, is_deprecated: Option<bool>) -> Notes {
    Notes { doc: doc.unwrap_or_default(), is_deprecated: is_deprecated.unwrap_or_default() }
}

/// JSON without the spaces between its words.
pub(crate) fn without_spaces(json: &str) -> Box<str> {
    let (mut in_text, mut is_escaped) = (false, false);
    let keep = |letter: &char| {
        let keep = in_text || !letter.is_ascii_whitespace();
        in_text ^= *letter == '"' && !is_escaped;
        is_escaped = in_text && *letter == '\\' && !is_escaped;
        keep
    };
    json.chars().filter(keep).collect::<String>().into()
}
