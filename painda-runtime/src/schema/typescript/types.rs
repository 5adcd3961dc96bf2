//! A type of the wire in TypeScript: how it is written, read and checked.
//!
//! Owns the mapping that [`super`] documents, as expressions. Declarations are made in `items`.

use super::names::Names;
use crate::codec::{Number, Quantisation, TypeRef, WireType};
use crate::schema::reflect;

/// The longest array that becomes a tuple.
const MAX_TUPLE: usize = 8;

impl Names {
    /// The type: `Map<string, number[]>`.
    pub(super) fn ty(&self, ty: &WireType) -> String {
        match ty {
            WireType::Number(Number::U64 | Number::I64) => "bigint".to_owned(),
            WireType::Number(_) | WireType::Quantised(_) => "number".to_owned(),
            WireType::Bool => "boolean".to_owned(),
            WireType::String => "string".to_owned(),
            WireType::Bytes => "Uint8Array".to_owned(),
            WireType::Array { item, .. } | WireType::List(item) if is_byte(item) => "Uint8Array".to_owned(),
            WireType::Array { item, len } if *len <= MAX_TUPLE => tuple(vec![self.ty(item.get()); *len]),
            WireType::Array { item, .. } | WireType::List(item) => match item.get() {
                WireType::Option(_) => format!("({})[]", self.ty(item.get())),
                item => format!("{}[]", self.ty(item)),
            },
            WireType::Tuple(items) => tuple(items.iter().map(|item| self.ty(item.get()))),
            WireType::Set(item) => format!("Set<{}>", self.ty(item.get())),
            WireType::Map { key, value } => format!("Map<{}, {}>", self.ty(key.get()), self.ty(value.get())),
            WireType::Option(some) if reflect::is_nullable(some.get()) => format!("[{}] | null", self.ty(some.get())),
            WireType::Option(some) => format!("{} | null", self.ty(some.get())),
            WireType::Struct(_) | WireType::Enum(_) => self.part(&format!("{ty:#}")).to_owned(),
        }
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
                if *len <= MAX_TUPLE { format!("{read} as {}", self.ty(ty)) } else { read }
            }
            WireType::Tuple(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, item)| self.read(item.get(), &format!("r.at(\"{at}\")")));
                let items = tuple(items);
                let argument = if items == "[]" { "" } else { "r" };
                format!("{r}.parts(({argument}): {} => {items})", self.ty(ty))
            }
            WireType::List(item) => format!("{r}.list({}, {})", item.min_size(), self.reader(item.get())),
            WireType::Set(item) => format!("{r}.set({}, {})", item.min_size(), self.reader(item.get())),
            WireType::Map { key, value } => {
                let min_size = key.min_size() + value.min_size();
                format!("{r}.map({min_size}, {}, {})", self.reader(key.get()), self.reader(value.get()))
            }
            WireType::Option(some) if reflect::is_nullable(some.get()) => {
                let some = some.get();
                format!("{r}.option((r): [{}] => [{}])", self.ty(some), self.read(some, "r"))
            }
            WireType::Option(some) => format!("{r}.option({})", self.reader(some.get())),
            WireType::Struct(_) | WireType::Enum(_) => format!("read{}({r})", self.ty(ty)),
        }
    }

    /// The function that reads a value.
    pub(super) fn reader(&self, ty: &WireType) -> String {
        match ty {
            WireType::Struct(_) | WireType::Enum(_) => format!("read{}", self.ty(ty)),
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
            WireType::Struct(_) | WireType::Enum(_) => format!("write{}({w}, {v})", self.ty(ty)),
        }
    }

    /// The function that writes a value.
    fn writer(&self, ty: &WireType) -> String {
        match ty {
            WireType::Struct(_) | WireType::Enum(_) => format!("write{}", self.ty(ty)),
            _ => format!("(w, v) => {}", self.write(ty, "w", "v")),
        }
    }
}

/// A run of these is a `Uint8Array`.
fn is_byte(ty: &TypeRef) -> bool {
    matches!(ty.get(), WireType::Number(Number::U8))
}

pub(super) fn tuple(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

fn quantisation(q: &Quantisation) -> String {
    format!("\"{}\", \"{}\", {:?}, {:?}", q.number.name(), q.float.name(), q.min, q.max)
}
