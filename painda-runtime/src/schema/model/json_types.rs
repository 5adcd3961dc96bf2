//! Types and deliveries from JSON: each is a word or an object.
//!
//! Owns their form. Types of a newer version of this crate are kept as unknown.

use super::json_object::{Names, Read, object};
use super::{DeliveryModel, TypeModel};
use crate::codec::Quantisation;
use crate::pieces::{Pieces, Wrong};
use alloc::boxed::Box;
use alloc::vec::Vec;

object!(TypeKeys<'a> {
    "option" option: Box<TypeModel>,
    "list" list: Box<TypeModel>,
    "set" set: Box<TypeModel>,
    "map" map: Vec<TypeModel>,
    "tuple" tuple: Vec<TypeModel>,
    "array" array: TypeModel,
    "len" len: u64,
    "quantised" float: Box<str>,
    "as" number: Box<str>,
    "min" min: &'a str,
    "max" max: &'a str,
    "ref" path: Box<str>,
});

object!(DeliveryKeys {
    "latest" field: Box<str>,
});

impl<'a> Read<'a> for Box<TypeModel> {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        TypeModel::read(json, names).map(Box::new)
    }
}

/// The value for an object of a newer version.
const UNKNOWN: &str = "of a newer version";

const WORD_OR_OBJECT: &str = "expected a word or an object";

impl<'a> Read<'a> for DeliveryModel {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        match json.first() {
            Some(b'"') => Ok(match &*json.string()? {
                "reliable" => DeliveryModel::Reliable,
                "volatile" => DeliveryModel::Volatile,
                "latest" => DeliveryModel::Latest,
                word => DeliveryModel::Unknown(word.into()),
            }),
            Some(b'{') => {
                let field = DeliveryKeys::read(json, names)?.field;
                Ok(field.map_or(DeliveryModel::Unknown(UNKNOWN.into()), DeliveryModel::LatestOf))
            }
            _ => Err(json.wrong(WORD_OR_OBJECT)),
        }
    }
}

impl<'a> Read<'a> for TypeModel {
    fn read(json: &mut Pieces<'a>, names: &mut Names) -> Result<Self, Wrong> {
        match json.first() {
            Some(b'"') => Ok(match &*json.string()? {
                "bool" => TypeModel::Bool,
                "string" => TypeModel::String,
                "bytes" => TypeModel::Bytes,
                word => TypeModel::number(word).map_or_else(|| TypeModel::Unknown(word.into()), TypeModel::Number),
            }),
            Some(b'{') => {
                let known = TypeKeys::read(json, names)?.known(names);
                Ok(known.unwrap_or_else(|| TypeModel::Unknown(UNKNOWN.into())))
            }
            _ => Err(json.wrong(WORD_OR_OBJECT)),
        }
    }
}

impl TypeKeys<'_> {
    fn known(self, names: &mut Names) -> Option<TypeModel> {
        match self {
            TypeKeys { option: Some(some), .. } => Some(TypeModel::Option(some)),
            TypeKeys { list: Some(item), .. } => Some(TypeModel::List(item)),
            TypeKeys { set: Some(item), .. } => Some(TypeModel::Set(item)),
            TypeKeys { map: Some(map), .. } => {
                <[TypeModel; 2]>::try_from(map).ok().map(|[key, value]| TypeModel::Map(Box::new((key, value))))
            }
            TypeKeys { tuple: Some(items), .. } => Some(TypeModel::Tuple(items)),
            TypeKeys { array: Some(item), len: Some(len), .. } => Some(TypeModel::Array(Box::new((item, len)))),
            TypeKeys { float: Some(float), number: Some(number), min: Some(min), max: Some(max), .. } => {
                let numbers = TypeModel::number(&float).zip(TypeModel::number(&number));
                // serde_json's own floats may be wrong in the last bit.
                let range = min.parse().ok().zip(max.parse().ok());
                numbers.zip(range).map(|((float, number), (min, max))| {
                    TypeModel::Quantised(Box::new(Quantisation { float, number, min, max }))
                })
            }
            TypeKeys { path: Some(path), .. } => Some(TypeModel::Part(names.number(&path))),
            _ => None,
        }
    }
}
