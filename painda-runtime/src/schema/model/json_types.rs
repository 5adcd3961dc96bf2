//! Types and deliveries from JSON: each is a word or an object.
//!
//! Owns what they look like. What only a newer version of this crate knows is kept as unknown.

use super::json_object::{Keys, Names, Object, Read, Seed, object};
use super::{DeliveryModel, TypeModel};
use crate::codec::Quantisation;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use serde_core::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

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
    "min" min: &'a RawValue,
    "max" max: &'a RawValue,
    "ref" path: Box<str>,
});

object!(DeliveryKeys {
    "latest" field: Box<str>,
});

impl<'de> Read<'de> for DeliveryModel {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        json.deserialize_any(Either::<DeliveryModel>(names, PhantomData))
    }
}

impl<'de> Read<'de> for TypeModel {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        json.deserialize_any(Either::<TypeModel>(names, PhantomData))
    }
}

impl<'de> Read<'de> for Box<TypeModel> {
    fn read<D: Deserializer<'de>>(json: D, names: &Names) -> Result<Self, D::Error> {
        TypeModel::read(json, names).map(Box::new)
    }
}

/// What is a word or an object.
trait WordOrObject<'de>: Sized {
    type Object: Keys<'de>;
    fn of_word(word: &str) -> Self;
    fn of_object(object: Self::Object, names: &Names) -> Self;
}

struct Either<'n, T>(&'n Names, PhantomData<T>);

impl<'de, T: WordOrObject<'de>> Visitor<'de> for Either<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word or an object")
    }

    fn visit_str<E>(self, word: &str) -> Result<T, E> {
        Ok(T::of_word(word))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        Ok(T::of_object(Object(self.0, PhantomData).visit_map(map)?, self.0))
    }
}

/// What stands for an object that only a newer version knows.
const UNKNOWN: &str = "of a newer version";

impl WordOrObject<'_> for DeliveryModel {
    type Object = DeliveryKeys;

    fn of_word(word: &str) -> Self {
        match word {
            "reliable" => DeliveryModel::Reliable,
            "volatile" => DeliveryModel::Volatile,
            "latest" => DeliveryModel::Latest,
            word => DeliveryModel::Unknown(word.into()),
        }
    }

    fn of_object(object: DeliveryKeys, _: &Names) -> Self {
        object.field.map_or(DeliveryModel::Unknown(UNKNOWN.into()), DeliveryModel::LatestOf)
    }
}

impl<'de> WordOrObject<'de> for TypeModel {
    type Object = TypeKeys<'de>;

    fn of_word(word: &str) -> Self {
        match word {
            "bool" => TypeModel::Bool,
            "string" => TypeModel::String,
            "bytes" => TypeModel::Bytes,
            word => TypeModel::number(word).map_or_else(|| TypeModel::Unknown(word.into()), TypeModel::Number),
        }
    }

    fn of_object(keys: TypeKeys<'de>, names: &Names) -> Self {
        let known = match keys {
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
                // serde_json's own floats may be off by the last bit.
                let range = min.get().parse().ok().zip(max.get().parse().ok());
                numbers.zip(range).map(|((float, number), (min, max))| {
                    TypeModel::Quantised(Box::new(Quantisation { float, number, min, max }))
                })
            }
            TypeKeys { path: Some(path), .. } => Some(TypeModel::Part(names.number(&path))),
            _ => None,
        };
        known.unwrap_or_else(|| TypeModel::Unknown(UNKNOWN.into()))
    }
}
