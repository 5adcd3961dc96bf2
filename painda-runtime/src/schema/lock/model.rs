//! A schema as the lock file knows it: what is on the wire, how it gets there, and the names that code and JSON use.
//!
//! Owns [`Lock`] and its making from a registry. Documentation is no part of it: changing that
//! changes nothing for anybody. Knows neither the file's text nor what a change means.

use crate::codec::{Field, Layout, MAX_DEPTH, Shape};
use crate::schema::parts::{Kind, parts};
use crate::schema::{Delivery, EventDescriptor, Registry, reflect};
use std::fmt;

/// The format of the text that is written; older ones are read.
pub(super) const FORMAT: u32 = 2;

/// What a lock file says about a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lock {
    /// The format of the text; the first has no deliveries, no depth and no tuples without fields.
    pub(super) format: u32,
    pub(super) schema: String,
    /// How deep structs and enums may be nested in a message.
    pub(super) depth: u8,
    /// In the order of their ids.
    pub(super) events: Vec<LockedEvent>,
    /// The structs and enums that events consist of, in the order of their paths.
    pub(super) parts: Vec<LockedPart>,
    /// Ids and names of events that are gone, in this order.
    pub(super) reserved: Vec<(u16, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedEvent {
    pub(super) id: u16,
    pub(super) name: String,
    /// The path of the Rust type.
    pub(super) path: String,
    pub(super) delivery: LockedDelivery,
    pub(super) layout: LockedLayout,
}

/// What may happen to an event on its way to a slow client; it prints as in the attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum LockedDelivery {
    #[default]
    Reliable,
    Volatile,
    Latest,
    /// The name of the field that tells apart what replaces what.
    LatestOf(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedPart {
    pub(super) path: String,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Struct(LockedLayout),
    /// In the order of their tags.
    Enum(Vec<LockedVariant>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedVariant {
    pub(super) tag: u8,
    pub(super) name: String,
    pub(super) layout: LockedLayout,
}

/// The fields of an event, a struct or a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedLayout {
    /// Whether they are told apart by position. A variant without fields is the same in either way, and no tuple here.
    pub(super) is_tuple: bool,
    pub(super) fields: Vec<LockedField>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedField {
    pub(super) name: String,
    /// The type, with the full paths of structs and enums.
    pub(super) ty: String,
    pub(super) since: Option<Since>,
}

/// That a later version of the event has brought the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Since {
    pub(super) version: u32,
    /// The value in older messages, as JSON.
    pub(super) default: String,
}

impl Lock {
    /// The schema as it is in the code; it reserves nothing.
    pub(super) fn of(registry: &Registry) -> Lock {
        let events = registry.events().iter().map(|event| LockedEvent {
            id: event.id(),
            name: event.name().to_owned(),
            path: event.rust_path().to_owned(),
            delivery: delivery(event),
            layout: layout(event.layout()),
        });
        let mut events: Vec<_> = events.collect();
        events.sort_by_key(|event| event.id);

        let parts = parts(registry).into_iter().map(|part| LockedPart {
            path: part.path,
            body: match part.kind {
                Kind::Struct(ty) => Body::Struct(layout(ty.layout())),
                Kind::Enum(ty) => {
                    let variants = ty.variants().iter().map(|variant| {
                        let mut layout = layout(variant.layout());
                        layout.is_tuple &= !layout.fields.is_empty();
                        LockedVariant { tag: variant.tag(), name: variant.name().to_owned(), layout }
                    });
                    let mut variants: Vec<_> = variants.collect();
                    variants.sort_by_key(|variant| variant.tag);
                    Body::Enum(variants)
                }
            },
        });
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by(|a, b| a.path.cmp(&b.path));
        Lock {
            format: FORMAT,
            schema: registry.name().to_owned(),
            depth: MAX_DEPTH,
            events,
            parts,
            reserved: Vec::new(),
        }
    }

    /// Takes over what a text of the first format does not say, as if nothing of that had changed.
    pub(super) fn complete_from(&mut self, new: &Lock) {
        for event in &mut self.events {
            let same = |other: &&LockedEvent| other.name == event.name || other.path == event.path;
            if let Some(new) = new.events.iter().find(same) {
                event.delivery = new.delivery.clone();
                event.layout.complete_from(&new.layout);
            }
        }
        for part in &mut self.parts {
            let new = new.parts.iter().find(|other| other.path == part.path).map(|new| &new.body);
            if let (Body::Struct(layout), Some(Body::Struct(new))) = (&mut part.body, new) {
                layout.complete_from(new);
            }
        }
    }
}

impl LockedLayout {
    fn complete_from(&mut self, new: &LockedLayout) {
        if self.fields.is_empty() {
            self.is_tuple = new.is_tuple;
        }
    }

    /// Where the field with this name is.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

impl fmt::Display for LockedDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockedDelivery::Reliable => f.write_str("reliable"),
            LockedDelivery::Volatile => f.write_str("volatile"),
            LockedDelivery::Latest => f.write_str("latest"),
            LockedDelivery::LatestOf(field) => write!(f, "latest = {field:?}"),
        }
    }
}

fn delivery(event: &EventDescriptor) -> LockedDelivery {
    match event.delivery() {
        Delivery::Reliable => LockedDelivery::Reliable,
        Delivery::Volatile => LockedDelivery::Volatile,
        Delivery::Latest { key: None } => LockedDelivery::Latest,
        Delivery::Latest { key: Some(key) } => {
            let mut start = 0;
            let field = event.fields().iter().find(|field| {
                let size = field.ty().fixed_size().unwrap_or_default();
                start += size;
                start - size == key.start && start == key.end
            });
            // The derive has made the range from a field.
            LockedDelivery::LatestOf(field.map(Field::name).unwrap_or_default().to_owned())
        }
    }
}

fn layout(layout: &Layout) -> LockedLayout {
    let fields = layout.fields().iter().map(|field| LockedField {
        name: field.name().to_owned(),
        ty: format!("{:#}", field.ty()),
        since: since(field),
    });
    LockedLayout { is_tuple: layout.shape() == Shape::Tuple, fields: fields.collect() }
}

fn since(field: &Field) -> Option<Since> {
    Some(Since { version: field.since(), default: reflect::default_value(field)?.to_string() })
}
