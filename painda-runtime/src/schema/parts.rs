//! The structs and enums that a schema's events consist of.
//!
//! Owns the walk along the types, which may contain themselves. Knows types, not bytes.

use super::Registry;
use crate::codec::{EnumType, Layout, StructType, TypeRef, WireType};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A struct or an enum that is a part of events.
pub(crate) struct Part {
    /// Its path in Rust with its type arguments: no other part has the same.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// The names of the events that contain it, in the order of the schema.
    pub(crate) events: Vec<&'static str>,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Struct(&'static StructType),
    Enum(&'static EnumType),
}

/// The parts of all events, in the order in which they are met.
pub(crate) fn parts(registry: &Registry) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut positions = BTreeMap::new();
    for event in registry.events() {
        let mut seen = Vec::new();
        layout(event.layout(), &mut seen);
        for (path, kind) in seen {
            let at = *positions.entry(path.clone()).or_insert(parts.len());
            match parts.get_mut(at) {
                Some(part) => part.events.push(event.name()),
                None => parts.push(Part { path, kind, events: vec![event.name()] }),
            }
        }
    }
    parts
}

type Seen = Vec<(String, Kind)>;

fn layout(layout: &Layout, seen: &mut Seen) {
    for field in layout.fields() {
        walk(field.type_ref(), seen);
    }
}

fn walk(ty: TypeRef, seen: &mut Seen) {
    match ty.get() {
        WireType::Array { item, .. } | WireType::List(item) | WireType::Set(item) | WireType::Option(item) => {
            walk(*item, seen);
        }
        WireType::Tuple(items) => items.iter().for_each(|item| walk(*item, seen)),
        WireType::Map { key, value } => {
            walk(*key, seen);
            walk(*value, seen);
        }
        WireType::Struct(part) => {
            if is_new(ty, Kind::Struct(part), seen) {
                layout(part.layout(), seen);
            }
        }
        WireType::Enum(part) => {
            if is_new(ty, Kind::Enum(part), seen) {
                part.variants().iter().for_each(|variant| layout(variant.layout(), seen));
            }
        }
        WireType::Number(_) | WireType::Bool | WireType::Quantised(_) | WireType::String | WireType::Bytes => {}
    }
}

fn is_new(ty: TypeRef, kind: Kind, seen: &mut Seen) -> bool {
    let path = format!("{ty:#}");
    let new = seen.iter().all(|(other, _)| *other != path);
    if new {
        seen.push((path, kind));
    }
    new
}
