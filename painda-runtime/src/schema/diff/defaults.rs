//! Whether two defaults are the same value although their JSON differs, because fields or variants were renamed.
//!
//! Owns the walk along a type and its JSON; [`reflect`](crate::schema::reflect) has the JSON form of each type.

use crate::pieces::Pieces;
use crate::schema::model::{Body, FieldModel, Fields, SchemaModel, TypeModel, VariantModel};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The most nested types without JSON of their own; a type that only contains itself would have no end.
const MAX_DEPTH: usize = 128;

/// The JSON of a value, and its type.
#[derive(Clone, Copy)]
pub(super) struct Valued<'a> {
    pub(super) schema: &'a SchemaModel,
    pub(super) ty: &'a TypeModel,
    pub(super) json: &'a str,
}

impl<'a> Valued<'a> {
    /// The default of a field.
    pub(super) fn default_of(schema: &'a SchemaModel, field: &'a FieldModel) -> Option<Self> {
        Some(Valued { schema, ty: &field.ty, json: &field.since.as_ref()?.default })
    }
}

/// Whether both have the same encoding. The types are the same, or are compared by themselves.
pub(super) fn same(a: Valued<'_>, b: Valued<'_>) -> bool {
    is_same(a, b, 0).unwrap_or_default()
}

/// `None` where one of them is no value of its type.
fn is_same(a: Valued<'_>, b: Valued<'_>, depth: usize) -> Option<bool> {
    if depth > MAX_DEPTH {
        return None;
    }
    let pairs = match (a.ty, b.ty) {
        (TypeModel::Option(some), TypeModel::Option(other)) => match (a.json, b.json) {
            ("null", "null") => return Some(true),
            ("null", _) | (_, "null") => return Some(false),
            _ => {
                vec![(within(a, some)?, within(b, other)?)]
            }
        },
        (TypeModel::List(item), TypeModel::List(other)) | (TypeModel::Set(item), TypeModel::Set(other)) => {
            each(a, item, b, other)?
        }
        (TypeModel::Array(array), TypeModel::Array(other)) => each(a, &array.0, b, &other.0)?,
        (TypeModel::Tuple(types), TypeModel::Tuple(others)) => {
            let (own, other) = (items(a.json)?, items(b.json)?);
            if own.len() != other.len() {
                return Some(false);
            }
            types.iter().zip(own).zip(others.iter().zip(other)).collect()
        }
        // An object where the keys are strings, otherwise a list of pairs.
        (TypeModel::Map(map), TypeModel::Map(other)) if a.json.starts_with('{') => {
            let (own, others) = (object(a.json)?, object(b.json)?);
            if !own.keys().eq(others.keys()) {
                return Some(false);
            }
            let both = own.into_values().zip(others.into_values());
            both.map(|(value, other_value)| ((&map.1, value), (&other.1, other_value))).collect()
        }
        (TypeModel::Map(map), TypeModel::Map(other)) => {
            let (own, others) = (items(a.json)?, items(b.json)?);
            if own.len() != others.len() {
                return Some(false);
            }
            let mut pairs = Vec::new();
            for (entry, other_entry) in own.into_iter().zip(others) {
                let [key, value]: [&str; 2] = items(entry)?.try_into().ok()?;
                let [other_key, other_value]: [&str; 2] = items(other_entry)?.try_into().ok()?;
                pairs.push(((&map.0, key), (&other.0, other_key)));
                pairs.push(((&map.1, value), (&other.1, other_value)));
            }
            pairs
        }
        (TypeModel::Part(part), TypeModel::Part(other)) => {
            let bodies = (&a.schema.parts[*part as usize].body, &b.schema.parts[*other as usize].body);
            match bodies {
                (Body::Struct(own), Body::Struct(others)) => {
                    let (own, others) = (values(own, a.json)?, values(others, b.json)?);
                    own.into_iter().zip(others).collect()
                }
                (Body::Enum(own), Body::Enum(others)) => {
                    let ((own, fields), (other, other_fields)) = (variant(own, a.json)?, variant(others, b.json)?);
                    if own.tag != other.tag {
                        return Some(false);
                    }
                    let (own, others) = (values(&own.fields, fields)?, values(&other.fields, other_fields)?);
                    own.into_iter().zip(others).collect()
                }
                _ => return None,
            }
        }
        _ => return Some(a.json == b.json),
    };
    for ((ty, json), (other_ty, other_json)) in pairs {
        let (one, other) = (Valued { ty, json, ..a }, Valued { ty: other_ty, json: other_json, ..b });
        if !is_same(one, other, depth + 1)? {
            return Some(false);
        }
    }
    Some(true)
}

type Pairs<'a, 'b> = Vec<((&'a TypeModel, &'a str), (&'b TypeModel, &'b str))>;

fn each<'a, 'b>(a: Valued<'a>, item: &'a TypeModel, b: Valued<'b>, other: &'b TypeModel) -> Option<Pairs<'a, 'b>> {
    let (own, others) = (items(a.json)?, items(b.json)?);
    (own.len() == others.len()).then(|| own.into_iter().zip(others).map(|(a, b)| ((item, a), (other, b))).collect())
}

/// What is in an option: its own `null` is in a list.
fn within<'a>(value: Valued<'a>, ty: &'a TypeModel) -> Option<(&'a TypeModel, &'a str)> {
    match is_nullable(value.schema, ty, 0) {
        true => items(value.json)?.first().map(|json| (ty, *json)),
        false => Some((ty, value.json)),
    }
}

fn items(json: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    let read = Pieces::new(json).items(|json| {
        items.push(json.value()?);
        Ok(())
    });
    read.ok().map(|()| items)
}

fn object(json: &str) -> Option<BTreeMap<String, &str>> {
    let mut object = BTreeMap::new();
    let read = Pieces::new(json).members(|key, json| {
        object.insert(key.into(), json.value()?);
        Ok(())
    });
    read.ok().map(|()| object)
}

/// The values of the fields of a struct or a variant, with their types.
fn values<'a>(fields: &'a Fields, json: &'a str) -> Option<Vec<(&'a TypeModel, &'a str)>> {
    let types = fields.list.iter().map(|field| &field.ty);
    match (fields.is_tuple, fields.list.len()) {
        (_, 0) => Some(Vec::new()),
        (true, 1) => Some(types.map(|ty| (ty, json)).collect()),
        (true, _) => Some(types.zip(items(json)?).collect()),
        (false, _) => {
            let object = object(json)?;
            fields.list.iter().map(|field| Some((&field.ty, *object.get(&*field.name)?))).collect()
        }
    }
}

/// The variant and the JSON of its fields.
fn variant<'a>(variants: &'a [VariantModel], json: &'a str) -> Option<(&'a VariantModel, &'a str)> {
    let (name, fields) = match json.starts_with('{') {
        true => object(json)?.pop_first()?,
        false => (Pieces::new(json).string().ok()?.into(), "{}"),
    };
    Some((variants.iter().find(|variant| *variant.name == *name)?, fields))
}

/// Whether a value of this type may be `null` in JSON.
fn is_nullable(schema: &SchemaModel, ty: &TypeModel, depth: usize) -> bool {
    match ty {
        TypeModel::Option(_) => true,
        TypeModel::Part(part) => match &schema.parts[*part as usize].body {
            Body::Struct(Fields { is_tuple: true, list, .. }) if list.len() == 1 && depth < MAX_DEPTH => {
                is_nullable(schema, &list[0].ty, depth + 1)
            }
            _ => false,
        },
        _ => false,
    }
}
