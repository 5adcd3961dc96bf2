//! A type of the wire in TypeScript: how it is written, read and checked.
//!
//! Owns the mapping that [`super`] documents, as expressions. `items` makes the declarations.

use super::binary::{Place, is_byte, is_bytes};
use super::names::{Name, Names};
use crate::codec::{Number, Quantisation, TypeRef, WireType};
use crate::schema::reflect;

/// The longest array that becomes a tuple.
const MAX_TUPLE: usize = 8;

impl Names {
    /// The type as it is written in this place: `Map<string, number[]>`.
    pub(super) fn ty(&self, ty: &WireType, place: Place) -> String {
        let of = |item: &TypeRef| self.ty(item.get(), place);
        match ty {
            WireType::Number(Number::U64 | Number::I64) => "bigint".to_owned(),
            WireType::Number(_) | WireType::Quantised(_) => "number".to_owned(),
            WireType::Bool => "boolean".to_owned(),
            WireType::String => "string".to_owned(),
            ty if is_bytes(ty) => place.bytes().to_owned(),
            WireType::Array { item, len } if *len <= MAX_TUPLE => tuple(vec![of(item); *len]),
            WireType::Array { item, .. } | WireType::List(item) => match item.get() {
                WireType::Option(_) => format!("({})[]", of(item)),
                _ => format!("{}[]", of(item)),
            },
            WireType::Tuple(items) => tuple(items.iter().map(of)),
            WireType::Set(item) => format!("Set<{}>", of(item)),
            WireType::Map { key, value } => format!("Map<{}, {}>", of(key), of(value)),
            WireType::Option(some) if reflect::is_nullable(some.get()) => format!("[{}] | null", of(some)),
            WireType::Option(some) => format!("{} | null", of(some)),
            WireType::Struct(_) | WireType::Enum(_) | WireType::Bytes => self.part_of(ty).at(place),
        }
    }

    /// The part that the type is.
    fn part_of(&self, ty: &WireType) -> &Name {
        self.part(&format!("{ty:#}"))
    }

    /// The expression that reads a value from `r`.
    pub(super) fn read(&self, ty: &WireType, r: &str) -> String {
        match ty {
            WireType::Number(number) => format!("{r}.{}()", number.name()),
            WireType::Bool => format!("{r}.bool()"),
            WireType::Quantised(q) => format!("{r}.quantised({})", quantisation(q)),
            WireType::String => format!("{r}.string()"),
            WireType::Bytes => format!("{r}.bytes()"),
            WireType::List(item) if is_byte(item) => format!("{r}.bytes()"),
            WireType::Array { item, len } if is_byte(item) => format!("{r}.bytes({len})"),
            WireType::Array { item, len } => {
                let read = format!("{r}.array({len}, {})", self.reader(item.get()));
                if *len <= MAX_TUPLE { format!("{read} as {}", self.ty(ty, Place::Reader)) } else { read }
            }
            WireType::Tuple(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, item)| self.read(item.get(), &format!("r.at(\"{at}\")")));
                let items = tuple(items);
                let argument = if items == "[]" { "" } else { "r" };
                format!("{r}.parts(({argument}): {} => {items})", self.ty(ty, Place::Reader))
            }
            WireType::List(item) => format!("{r}.list({}, {})", item.min_size(), self.reader(item.get())),
            WireType::Set(item) => format!("{r}.set({}, {})", item.min_size(), self.reader(item.get())),
            WireType::Map { key, value } => {
                let min_size = key.min_size() + value.min_size();
                format!("{r}.map({min_size}, {}, {})", self.reader(key.get()), self.reader(value.get()))
            }
            WireType::Option(some) if reflect::is_nullable(some.get()) => {
                let some = some.get();
                format!("{r}.option((r): [{}] => [{}])", self.ty(some, Place::Reader), self.read(some, "r"))
            }
            WireType::Option(some) => format!("{r}.option({})", self.reader(some.get())),
            WireType::Struct(_) | WireType::Enum(_) => format!("read{}({r})", self.part_of(ty)),
        }
    }

    /// The function that reads a value.
    pub(super) fn reader(&self, ty: &WireType) -> String {
        match ty {
            WireType::Struct(_) | WireType::Enum(_) => format!("read{}", self.part_of(ty)),
            _ => format!("(r) => {}", self.read(ty, "r")),
        }
    }

    /// The expression that writes the value `v` to `w`.
    pub(super) fn write(&self, ty: &WireType, w: &str, v: &str) -> String {
        match ty {
            WireType::Number(number) => format!("{w}.{}({v})", number.name()),
            WireType::Bool => format!("{w}.bool({v})"),
            WireType::Quantised(q) => format!("{w}.quantised({v}, {})", quantisation(q)),
            WireType::String => format!("{w}.string({v})"),
            WireType::Bytes => format!("{w}.bytes({v})"),
            WireType::List(item) if is_byte(item) => format!("{w}.bytes({v})"),
            WireType::Array { item, len } if is_byte(item) => format!("{w}.bytes({v}, {len})"),
            WireType::Array { item, len } => format!("{w}.list({v}, {}, {len})", self.writer(item.get())),
            WireType::Tuple(items) => {
                let items = items.iter().enumerate();
                let items =
                    items.map(|(at, item)| self.write(item.get(), &format!("w.at(\"{at}\")"), &format!("v[{at}]")));
                let items: Vec<_> = items.collect();
                let closure = match items.as_slice() {
                    [] => "() => {}".to_owned(),
                    items => format!("(w, v) => {{ {}; }}", items.join("; ")),
                };
                format!("{w}.parts(w.object({v}), {closure})")
            }
            WireType::List(item) => format!("{w}.list({v}, {})", self.writer(item.get())),
            WireType::Set(item) => format!("{w}.set({v}, {})", self.writer(item.get())),
            WireType::Map { key, value } => {
                format!("{w}.map({v}, {}, {})", self.writer(key.get()), self.writer(value.get()))
            }
            WireType::Option(some) if reflect::is_nullable(some.get()) => {
                let write = self.write(some.get(), "w", "v[0]");
                format!("{w}.option({v}, (w, v) => {write})")
            }
            WireType::Option(some) => format!("{w}.option({v}, {})", self.writer(some.get())),
            WireType::Struct(_) | WireType::Enum(_) => format!("write{}({w}, {v})", self.part_of(ty)),
        }
    }

    /// The function that writes a value.
    fn writer(&self, ty: &WireType) -> String {
        match ty {
            WireType::Struct(_) | WireType::Enum(_) => format!("write{}", self.part_of(ty)),
            _ => format!("(w, v) => {}", self.write(ty, "w", "v")),
        }
    }
}

pub(super) fn tuple(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

fn quantisation(q: &Quantisation) -> String {
    format!("\"{}\", \"{}\", {:?}, {:?}", q.number.name(), q.float.name(), q.min, q.max)
}
