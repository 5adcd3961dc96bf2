//! A schema as owned data: made from the code, from a lock file's text or from JSON, and written to each of these.
//!
//! Owns [`SchemaModel`] and what must hold in it: ids, names, tags and fields are there once, and every struct and enum that a
//! field has is one of its parts. It has everything that two programs have to agree on, and the documentation.
//! [`diff`](super::diff) compares two of them.

mod fingerprint;
mod json_object;
mod json_read;
mod json_types;
mod json_write;
mod registry;
mod types;

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

pub use json_read::ModelError;
pub(crate) use types::{TypeModel, TypeText};

/// The depth of nesting where a schema does not have it.
pub(crate) const DEFAULT_DEPTH: u8 = 64;

/// A schema as owned data: another node's, an older version's, or this program's own.
///
/// ```
/// # use painda_runtime::{PPEvent, Schema, schema};
/// use painda_runtime::schema::SchemaModel;
/// use painda_runtime::schema::diff::Class;
///
/// # #[derive(PPEvent)]
/// # #[pp(event = "player:move", id = 1)]
/// # pub struct PlayerMove { pub x: f64, pub y: f32 }
/// # schema! { pub Arena { PlayerMove } }
/// let code = SchemaModel::of(Arena::registry());
/// // As another node or an older version has described itself.
/// let other = SchemaModel::from_json(&code.to_json().replace("f64", "f32"))?;
///
/// let changes = other.diff(&code);
/// assert_eq!(changes[0].class(), Class::OnWire);
/// assert_eq!(changes[0].place(), "event `player:move`, field `x`");
/// assert_eq!(changes[0].what(), "the type was `f32` and is `f64`");
/// assert!(changes[0].is_conflict());
/// # Ok::<(), painda_runtime::schema::ModelError>(())
/// ```
///
/// To compare two of them: [`diff`](Self::diff) finds all differences, for programs and for code; the
/// [`fingerprint`](Self::fingerprint) is equal if there is none for programs.
///
/// [`lock::read`](super::lock::read) and [`lock::write`](super::lock::write) go from and to a lock file's text.
#[derive(Debug, Clone)]
pub struct SchemaModel {
    pub(crate) name: Box<str>,
    /// How deep structs and enums may be nested in a message.
    pub(crate) depth: u8,
    pub(crate) events: Vec<EventModel>,
    /// The structs and enums that events consist of.
    pub(crate) parts: Vec<PartModel>,
    /// Ids and names of events that are gone; only a lock file knows them.
    pub(crate) reserved: Vec<(u16, Box<str>)>,
    /// Whether it has the delivery of events, the depth of nesting, and the shape of structs without fields. A lock file of the
    /// first format has not.
    pub(crate) is_complete: bool,
}

/// Notes for people about an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    pub(crate) doc: Box<str>,
    pub(crate) is_deprecated: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct EventModel {
    pub(crate) id: u16,
    pub(crate) name: Box<str>,
    /// The path of the Rust type.
    pub(crate) path: Box<str>,
    pub(crate) delivery: DeliveryModel,
    pub(crate) fields: Fields,
    pub(crate) notes: Notes,
}

/// The delivery of an event to a slow client. It prints as in the attribute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum DeliveryModel {
    #[default]
    Reliable,
    Volatile,
    Latest,
    /// The name of the key field: an event replaces a waiting one with the same value there.
    LatestOf(Box<str>),
    /// A delivery of a newer version of this crate.
    Unknown(Box<str>),
}

/// A struct or an enum that is a part of events.
#[derive(Debug, Clone)]
pub(crate) struct PartModel {
    /// The path in Rust with the type arguments.
    pub(crate) path: Box<str>,
    pub(crate) body: Body,
    pub(crate) notes: Notes,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Struct(Fields),
    /// In the order in which they are written.
    Enum(Vec<VariantModel>),
}

#[derive(Debug, Clone)]
pub(crate) struct VariantModel {
    pub(crate) tag: u8,
    pub(crate) name: Box<str>,
    pub(crate) fields: Fields,
    pub(crate) notes: Notes,
}

/// The fields of an event, a struct or a variant, in the order of the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    /// Whether they have positions instead of names. A variant without fields counts as having names.
    pub(crate) is_tuple: bool,
    pub(crate) list: Vec<FieldModel>,
    /// The positions in the order of the names.
    by_name: Vec<u32>,
}

#[derive(Debug, Clone)]
pub(crate) struct FieldModel {
    pub(crate) name: Box<str>,
    pub(crate) ty: TypeModel,
    pub(crate) since: Option<Box<Since>>,
    pub(crate) notes: Option<Box<Notes>>,
}

/// The version that has added a field.
#[derive(Debug, Clone)]
pub(crate) struct Since {
    pub(crate) version: u32,
    /// The value in older messages, as JSON without spaces; the keys of objects are in order.
    pub(crate) default: Box<str>,
}

impl SchemaModel {
    /// The schema's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The events in the order of their ids.
    pub(crate) fn events_by_id(&self) -> Vec<&EventModel> {
        let mut events: Vec<_> = self.events.iter().collect();
        events.sort_by_key(|event| event.id);
        events
    }

    /// A type of this schema, to be printed.
    pub(crate) fn text<'a>(&'a self, ty: &'a TypeModel) -> TypeText<'a> {
        TypeText { ty, parts: &self.parts }
    }

    /// What is wrong with it; the fields of each list have been checked when the list was made.
    fn check(&self) -> Result<(), String> {
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for event in &self.events {
            if !ids.insert(event.id) {
                return Err(format!("the id {} is there twice", event.id));
            }
            if !names.insert(&event.name) {
                return Err(format!("the event {:?} is there twice", event.name));
            }
            if let DeliveryModel::LatestOf(field) = &event.delivery
                && event.fields.position(field).is_none()
            {
                return Err(format!("the event {:?} has no field {field:?}", event.name));
            }
        }
        for part in &self.parts {
            let Body::Enum(variants) = &part.body else { continue };
            let (mut tags, mut names) = (BTreeSet::new(), BTreeSet::new());
            for variant in variants {
                if !tags.insert(variant.tag) || !names.insert(&variant.name) {
                    return Err(format!("the variant {:?} of {:?} is there twice", variant.name, part.path));
                }
            }
        }
        Ok(())
    }
}

impl Body {
    /// The lists of fields: of a struct its own, of an enum each variant's.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &FieldModel> {
        let (own, variants) = match self {
            Body::Struct(fields) => (fields.list.as_slice(), [].as_slice()),
            Body::Enum(variants) => ([].as_slice(), variants.as_slice()),
        };
        own.iter().chain(variants.iter().flat_map(|variant| &variant.fields.list))
    }
}

impl Fields {
    /// The fields of an event, a struct or a variant.
    ///
    /// # Errors
    /// The name that two of them have.
    pub(crate) fn new(is_tuple: bool, list: Vec<FieldModel>) -> Result<Fields, Box<str>> {
        let name = |at: &u32| &*list[*at as usize].name;
        // There are fewer than 2³² of them: each takes more than a byte of memory.
        let mut by_name: Vec<u32> = (0..u32::try_from(list.len()).unwrap_or(u32::MAX)).collect();
        by_name.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        match by_name.windows(2).find(|two| name(&two[0]) == name(&two[1])) {
            Some(two) => Err(name(&two[0]).into()),
            None => Ok(Fields { is_tuple, list, by_name }),
        }
    }

    /// The position of the field with this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        let found = self.by_name.binary_search_by(|at| (*self.list[*at as usize].name).cmp(name));
        found.ok().map(|found| self.by_name[found] as usize)
    }

    /// For each field of this list, the position of the field with the same name in the other one; and the other way around.
    pub(crate) fn same_names(&self, other: &Fields) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
        let (mut here, mut there) = (vec![None; self.list.len()], vec![None; other.list.len()]);
        // Both in the order of their names, so that it takes one walk through both.
        let (mut own, mut others) = (self.by_name.iter().peekable(), other.by_name.iter().peekable());
        while let (Some(a), Some(b)) = (own.peek(), others.peek()) {
            let (a, b) = (**a as usize, **b as usize);
            let order = self.list[a].name.cmp(&other.list[b].name);
            if order.is_eq() {
                (here[a], there[b]) = (Some(b), Some(a));
            }
            if order.is_le() {
                own.next();
            }
            if order.is_ge() {
                others.next();
            }
        }
        (here, there)
    }

    /// The same fields for a variant: without fields, it is no tuple.
    pub(crate) fn of_variant(mut self) -> Fields {
        self.is_tuple &= !self.list.is_empty();
        self
    }

    /// The version of the newest field.
    pub(crate) fn version(&self) -> u32 {
        self.list.iter().map(FieldModel::version).max().unwrap_or(1)
    }
}

impl FieldModel {
    /// The version of the event that has added it.
    pub(crate) fn version(&self) -> u32 {
        self.since.as_ref().map_or(1, |since| since.version)
    }
}

impl fmt::Display for DeliveryModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeliveryModel::Reliable => f.write_str("reliable"),
            DeliveryModel::Volatile => f.write_str("volatile"),
            DeliveryModel::Latest => f.write_str("latest"),
            DeliveryModel::LatestOf(field) => write!(f, "latest = {field:?}"),
            DeliveryModel::Unknown(text) => f.write_str(text),
        }
    }
}
