//! A schema as the lock file knows it: what is on the wire, and the names that code and JSON use.
//!
//! Owns [`Lock`] and its making from a registry. Documentation is no part of it: changing that
//! changes nothing for anybody. Knows neither the file's text nor what a change means.

use crate::codec::{Field, Layout};
use crate::schema::parts::{Kind, parts};
use crate::schema::{Registry, reflect};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a lock file says about a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) schema: String,
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
    pub(super) fields: Vec<LockedField>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedPart {
    pub(super) path: String,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Struct(Vec<LockedField>),
    Enum(Vec<LockedVariant>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockedVariant {
    pub(super) tag: u8,
    pub(super) name: String,
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
            fields: fields(event.layout()),
        });
        let mut events: Vec<_> = events.collect();
        events.sort_by_key(|event| event.id);

        let parts = parts(registry).into_iter().map(|part| LockedPart {
            path: part.path,
            body: match part.kind {
                Kind::Struct(ty) => Body::Struct(fields(ty.layout())),
                Kind::Enum(ty) => {
                    let variants = ty.variants().iter().map(|variant| LockedVariant {
                        tag: variant.tag(),
                        name: variant.name().to_owned(),
                        fields: fields(variant.layout()),
                    });
                    Body::Enum(variants.collect())
                }
            },
        });
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by(|a, b| a.path.cmp(&b.path));
        Lock { schema: registry.name().to_owned(), events, parts, reserved: Vec::new() }
    }
}

fn fields(layout: &Layout) -> Vec<LockedField> {
    let fields = layout.fields().iter().map(|field| LockedField {
        name: field.name().to_owned(),
        ty: format!("{:#}", field.ty()),
        since: since(field),
    });
    fields.collect()
}

fn since(field: &Field) -> Option<Since> {
    Some(Since { version: field.since(), default: reflect::default_value(field)?.to_string() })
}
