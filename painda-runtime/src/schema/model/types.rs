//! A type as owned data: a tree, in which structs and enums are numbers.
//!
//! Owns [`TypeModel`] and its text, which is that of [`WireType`](crate::codec::WireType): lock files and messages have it.

use super::PartModel;
use crate::codec::{Number, Quantisation};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// The type of a field.
#[derive(Debug, Clone)]
pub(crate) enum TypeModel {
    Number(Number),
    Bool,
    String,
    Bytes,
    Quantised(Box<Quantisation>),
    /// The items and how many there are.
    Array(Box<(TypeModel, u64)>),
    Tuple(Vec<TypeModel>),
    List(Box<TypeModel>),
    Set(Box<TypeModel>),
    /// Keys and values.
    Map(Box<(TypeModel, TypeModel)>),
    Option(Box<TypeModel>),
    /// The struct or enum in this place of the schema's parts.
    Part(u32),
    /// A type of a newer version of this crate. It equals no other type.
    Unknown(Box<str>),
}

impl TypeModel {
    /// The type without others in it that has this name in the lock file's text: a number or `bool`.
    pub(crate) fn number(name: &str) -> Option<Number> {
        use Number::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
        [U8, I8, U16, I16, U32, I32, U64, I64, F32, F64].into_iter().find(|number| number.name() == name)
    }

    /// The types that it directly consists of.
    pub(crate) fn children(&self) -> impl Iterator<Item = &TypeModel> {
        let (one, two, list) = match self {
            TypeModel::Array(array) => (Some(&array.0), None, [].as_slice()),
            TypeModel::List(item) | TypeModel::Set(item) | TypeModel::Option(item) => {
                (Some(&**item), None, [].as_slice())
            }
            TypeModel::Map(map) => (Some(&map.0), Some(&map.1), [].as_slice()),
            TypeModel::Tuple(items) => (None, None, items.as_slice()),
            _ => (None, None, [].as_slice()),
        };
        one.into_iter().chain(two).chain(list)
    }

    /// Calls with the number of each struct and enum that it consists of.
    pub(crate) fn each_part(&self, found: &mut impl FnMut(u32)) {
        if let TypeModel::Part(part) = self {
            found(*part);
        }
        self.children().for_each(|child| child.each_part(found));
    }

    /// Whether both are the same, without regard to the types in them and to which struct or enum it is.
    pub(crate) fn same_kind(&self, other: &TypeModel) -> bool {
        match (self, other) {
            (TypeModel::Number(a), TypeModel::Number(b)) => a == b,
            (TypeModel::Quantised(a), TypeModel::Quantised(b)) => {
                let bits = |q: &Quantisation| (q.float, q.number, q.min.to_bits(), q.max.to_bits());
                bits(a) == bits(b)
            }
            (TypeModel::Array(a), TypeModel::Array(b)) => a.1 == b.1,
            (TypeModel::Tuple(a), TypeModel::Tuple(b)) => a.len() == b.len(),
            (TypeModel::Unknown(_), _) => false,
            (a, b) => core::mem::discriminant(a) == core::mem::discriminant(b),
        }
    }
}

/// A type that is printed as in Rust, with the full paths of structs and enums.
#[derive(Clone, Copy)]
pub(crate) struct TypeText<'a> {
    pub(super) ty: &'a TypeModel,
    pub(super) parts: &'a [PartModel],
}

impl fmt::Display for TypeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |ty| TypeText { ty, parts: self.parts };
        match self.ty {
            TypeModel::Number(number) => f.write_str(number.name()),
            TypeModel::Bool => f.write_str("bool"),
            TypeModel::String => f.write_str("String"),
            TypeModel::Bytes => f.write_str("Bytes"),
            TypeModel::Quantised(q) => {
                write!(f, "{} as {} in {:?}..={:?}", q.float.name(), q.number.name(), q.min, q.max)
            }
            TypeModel::Array(array) => write!(f, "[{}; {}]", of(&array.0), array.1),
            TypeModel::Tuple(items) => {
                f.write_str("(")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { ", " }, of(item))?;
                }
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            TypeModel::List(item) => write!(f, "Vec<{}>", of(item)),
            TypeModel::Set(item) => write!(f, "Set<{}>", of(item)),
            TypeModel::Map(map) => write!(f, "Map<{}, {}>", of(&map.0), of(&map.1)),
            TypeModel::Option(some) => write!(f, "Option<{}>", of(some)),
            TypeModel::Part(part) => f.write_str(&self.parts[*part as usize].path),
            TypeModel::Unknown(text) => f.write_str(text),
        }
    }
}
