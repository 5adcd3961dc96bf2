//! The model of a schema that is in the code.

use super::{
    Body, DeliveryModel, EventModel, FieldModel, Fields, Notes, PartModel, SchemaModel, Since, TypeModel, VariantModel,
};
use crate::codec::{Field, Layout, MAX_DEPTH, Shape, TypeRef, WireType};
use crate::schema::parts::{Kind, parts};
use crate::schema::{Delivery, EventDescriptor, Registry, reflect};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

impl SchemaModel {
    /// The schema as it is in the code; it reserves nothing.
    #[must_use]
    pub fn of(registry: &Registry) -> SchemaModel {
        let parts = parts(registry);
        let places = parts.iter().zip(0..).map(|(part, at)| (part.path.clone(), at));
        let places = Places(places.collect());
        let events = registry.events().iter().map(|event| places.event(event)).collect();
        let parts = parts.into_iter().map(|part| {
            let (body, notes) = match part.kind {
                Kind::Struct(ty) => (Body::Struct(places.fields(ty.layout())), Notes::of(ty.doc(), ty.is_deprecated())),
                Kind::Enum(ty) => {
                    let variants = ty.variants().iter().map(|variant| VariantModel {
                        tag: variant.tag(),
                        name: variant.name().into(),
                        fields: places.fields(variant.layout()).of_variant(),
                        notes: Notes::of(variant.doc(), variant.is_deprecated()),
                    });
                    (Body::Enum(variants.collect()), Notes::of(ty.doc(), ty.is_deprecated()))
                }
            };
            PartModel { path: part.path.into(), body, notes }
        });
        SchemaModel {
            name: registry.name().into(),
            depth: MAX_DEPTH,
            events,
            parts: parts.collect(),
            reserved: Vec::new(),
            is_complete: true,
        }
    }
}

impl Notes {
    fn of(doc: &str, is_deprecated: bool) -> Notes {
        Notes { doc: doc.into(), is_deprecated }
    }
}

/// The places of the parts, by their paths.
struct Places(BTreeMap<String, u32>);

impl Places {
    fn event(&self, event: &EventDescriptor) -> EventModel {
        EventModel {
            id: event.id(),
            name: event.name().into(),
            path: event.rust_path().into(),
            delivery: delivery(event),
            fields: self.fields(event.layout()),
            notes: Notes::of(event.doc(), event.is_deprecated()),
        }
    }

    fn fields(&self, layout: &Layout) -> Fields {
        let list = layout.fields().iter().map(|field| FieldModel {
            name: field.name().into(),
            ty: self.ty(field.ty()),
            since: since(field),
            notes: (!field.doc().is_empty() || field.is_deprecated())
                .then(|| Box::new(Notes::of(field.doc(), field.is_deprecated()))),
        });
        // A Rust struct can't have two fields of one name.
        Fields::new(layout.shape() == Shape::Tuple, list.collect()).unwrap_or_default()
    }

    fn ty(&self, wire: &WireType) -> TypeModel {
        let of = |item: &TypeRef| self.ty(item.get());
        match wire {
            WireType::Number(number) => TypeModel::Number(*number),
            WireType::Bool => TypeModel::Bool,
            WireType::Quantised(q) => TypeModel::Quantised(Box::new(*q)),
            WireType::String => TypeModel::String,
            WireType::Bytes => TypeModel::Bytes,
            WireType::Array { item, len } => TypeModel::Array(Box::new((of(item), *len as u64))),
            WireType::Tuple(items) => TypeModel::Tuple(items.iter().map(of).collect()),
            WireType::List(item) => TypeModel::List(Box::new(of(item))),
            WireType::Set(item) => TypeModel::Set(Box::new(of(item))),
            WireType::Map { key, value } => TypeModel::Map(Box::new((of(key), of(value)))),
            WireType::Option(some) => TypeModel::Option(Box::new(of(some))),
            WireType::Struct(_) | WireType::Enum(_) => {
                // The walk along the types has met every part.
                self.0.get(&format!("{wire:#}")).map_or(TypeModel::Unknown("".into()), |at| TypeModel::Part(*at))
            }
        }
    }
}

fn delivery(event: &EventDescriptor) -> DeliveryModel {
    match event.delivery() {
        Delivery::Reliable => DeliveryModel::Reliable,
        Delivery::Volatile => DeliveryModel::Volatile,
        Delivery::Latest { key: None } => DeliveryModel::Latest,
        Delivery::Latest { key: Some(key) } => {
            let mut start = 0;
            let field = event.fields().iter().find(|field| {
                let size = field.ty().fixed_size().unwrap_or_default();
                start += size;
                start - size == key.start && start == key.end
            });
            // The derive has made the range from a field.
            DeliveryModel::LatestOf(field.map(Field::name).unwrap_or_default().into())
        }
    }
}

fn since(field: &Field) -> Option<Box<Since>> {
    let default = in_order(reflect::default_value(field)?).to_string();
    Some(Box::new(Since { version: field.since(), default: default.into() }))
}

/// The same value with the keys of objects in order. Where some crate of the program turns on serde_json's feature
/// `preserve_order`, they are in the order in which they were put in.
fn in_order(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(in_order).collect(),
        Value::Object(entries) => {
            let sorted: BTreeMap<_, _> = entries.into_iter().map(|(key, value)| (key, in_order(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        value => value,
    }
}
