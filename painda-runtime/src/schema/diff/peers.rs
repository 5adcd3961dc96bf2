//! Whether programs with two schemas can communicate, which a node checks when it joins.
//!
//! Summarises the differences; their meaning is in [`difference`](super::difference).

use super::change::Class;
use super::compare::compare;
use super::difference::{Difference, Owner, Side, Site, What};
use super::pairs::Pairs;
use super::text::{Texts, order};
use crate::excerpt::Short;
use crate::schema::model::{FieldModel, SchemaModel};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

/// The most bytes of either side that an error shows.
const MAX_TEXT: usize = 200;
/// The most harmless differences that are named.
const MAX_NOTES: usize = 8;

/// Where two schemas contradict each other. What it repeats is cut at 200 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The event's name in their schema, or in ours where only ours has it; none where it is the whole schema.
    pub event: Option<String>,
    /// The names of the field at fault and of those that lead to it: `at.x`; none where it is the event itself.
    pub field: Option<String>,
    /// What our schema has there.
    pub ours: String,
    /// What their schema has there.
    pub theirs: String,
}

/// The relation of another node's schema to ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Ours has events, variants, or fields at the end of events, that theirs lacks.
    pub(crate) is_newer: bool,
    /// Theirs has something that ours lacks.
    pub(crate) is_older: bool,
    /// The first contradiction.
    pub(crate) conflict: Option<Conflict>,
    /// Some of the differences for JSON clients and for code.
    pub(crate) notes: Vec<String>,
}

impl Comparison {
    pub(crate) fn new(ours: &SchemaModel, theirs: &SchemaModel) -> Comparison {
        let mut found = Comparison::default();
        let texts = Texts::new(theirs, ours);
        compare(theirs, ours, &mut |pairs, difference| {
            let Difference { site, what } = &difference;
            match what.side() {
                Side::New => found.is_newer = true,
                Side::Old => found.is_older = true,
                Side::Both if what.is_conflict() => {
                    found.conflict.get_or_insert_with(|| conflict(theirs, ours, pairs, *site, what));
                }
                Side::Both
                    if matches!(what.class(), Class::InJson | Class::InSource) && found.notes.len() < MAX_NOTES =>
                {
                    let (event, field) = path(pairs, *site);
                    let place: Vec<_> = event.into_iter().chain(field).collect();
                    let what = texts.what(*site, what);
                    found.notes.push(Short(format!("{}: {what}", place.join(", ")), 2 * MAX_TEXT).to_string());
                }
                Side::Both => {}
            }
        });
        found
    }
}

impl SchemaModel {
    /// Whether programs with this schema and with another one can communicate, whichever is the older one; if not, the first
    /// contradiction. A node checks this when it joins a cluster.
    ///
    /// There is one exactly where [`diff`](Self::diff) finds a change that [is a conflict](super::Change::is_conflict).
    #[must_use]
    pub fn conflict_with(&self, theirs: &SchemaModel) -> Option<Conflict> {
        Comparison::new(self, theirs).conflict
    }
}

fn short(text: impl Display) -> String {
    Short(text, MAX_TEXT).to_string()
}

fn conflict<'a>(
    old: &'a SchemaModel,
    new: &'a SchemaModel,
    pairs: &Pairs<'a>,
    site: Site<'a>,
    what: &What<'a>,
) -> Conflict {
    let (event, field) = path(pairs, site);
    let event_id = |id: u16, name: &str| short(format_args!("id {id} is {name:?}"));
    let nothing = || "nothing".to_string();
    let (theirs, ours) = match what {
        What::Depth { old, new } => (format!("depth {old}"), format!("depth {new}")),
        What::Reused { event, id, name } => (event_id(*id, name), event_id(event.id, &event.name)),
        What::EventId { old, new } => (event_id(old.id, &old.name), event_id(new.id, &new.name)),
        What::StructOrEnum { is_enum: true } => ("a struct".into(), "an enum".into()),
        What::StructOrEnum { is_enum: false } => ("an enum".into(), "a struct".into()),
        What::VariantTag { old, new } => (format!("tag {old}"), format!("tag {new}")),
        What::Order { old, new } => (short(order(old, new)), short(order(new, old))),
        What::FieldGone { field, .. } => (text(old, field), nothing()),
        What::FieldNew { field, .. } => (nothing(), text(new, field)),
        What::FieldType { old: before, new: field, .. }
        | What::FieldSince { old: before, new: field }
        | What::FieldDefault { old: before, new: field } => (text(old, before), text(new, field)),
        // Types that can't be compared, or no conflict.
        _ => (short(&old.name), short(&new.name)),
    };
    Conflict { event, field, ours, theirs }
}

/// A field as in a lock file: `x: f32`.
fn text(schema: &SchemaModel, field: &FieldModel) -> String {
    let ty = schema.text(&field.ty);
    match &field.since {
        None => short(format_args!("{}: {ty}", field.name)),
        Some(since) => short(format_args!("{}: {ty}, since {} = {}", field.name, since.version, since.default)),
    }
}

/// The event, and the names that lead from it to this place: it may be in a struct or enum that many have, and the first way
/// to it is as good as any other.
fn path<'a>(pairs: &Pairs<'a>, mut site: Site<'a>) -> (Option<String>, Option<String>) {
    let mut names = Vec::new();
    let event = loop {
        names.extend(site.field);
        names.extend(site.variant);
        match site.owner {
            Owner::Schema => break None,
            Owner::Event(name) => break Some(short(name)),
            Owner::Part(pair) => site = pairs.met_at(pair),
        }
    };
    if names.is_empty() {
        return (event, None);
    }
    let mut path = String::new();
    for name in names.into_iter().rev() {
        path += if path.is_empty() { "" } else { "." };
        path += &Short(name, MAX_TEXT).to_string();
        if path.len() > MAX_TEXT {
            break;
        }
    }
    (event, Some(short(path)))
}
