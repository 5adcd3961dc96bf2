//! The differences between two schemas, and who is affected: one set of rules for lock files, nodes and tools.
//!
//! Both schemas are walked through together, from their events to the structs and enums in them. Types at the same place must be
//! the same, wherever in Rust they are defined.
//!
//! # The rules
//!
//! The class of a difference says who is affected by the change from the old schema to the new one:
//!
//! | class | what belongs to it |
//! | --- | --- |
//! | `wire` | other ids, tags, types, ranges, versions or defaults; another order; another depth; what is gone; fields that are new, but not appended |
//! | `json` | other names of events, fields and variants; fields that lose all names or get some; an enum's first variant with fields |
//! | `source` | another delivery: `volatile`, `latest`; new variants; other names of types and of the schema |
//! | `safe` | new events; fields that have been appended with a default |
//!
//! What is the same:
//!
//! - An event is the same where its name is, or else its id together with its path in Rust or the types of its fields. With
//!   another name and another id it is another event.
//! - A field of an event, a struct or a variant is the same where its name is, or else its place together with its type, where
//!   neither name is on the other side. Where only one side has names, the place decides.
//! - A variant is the same where its name is, or else its tag, where neither name is on the other side.
//! - A field is appended where it is behind all fields of the other side, which are all kept, in a version of its own. A version
//!   that is there already is closed: the field would be missing in its messages.
//! - Two structs or enums at the same place are the same where their bytes are. A conflict in one that has kept its name is reported
//!   there; in one with another name it is reported at the field, as another type.
//! - Two defaults are the same where their encodings are: their JSON may have other names.
//! - The order of events and of variants, documentation, and whether a variant without fields has braces, are no difference.
//!
//! # Programs that run at the same time
//!
//! Neither of two nodes is the older one. A difference keeps them apart if it is on the wire in both directions:
//! [`Change::is_conflict`]. An event, a variant or an appended field that only one side has is `safe` or `source` in one of
//! them, so nodes with older, newer and mixed schemas join each other. Everything else that is `wire` is a conflict, and nothing
//! else is.
//!
//! # What it costs
//!
//! Either schema may come from another node, so the cost is limited. Names are looked up in sorted lists, two types are compared
//! once, and there are at most four times as many pairs of types as types. Differences are passed on one after another and need
//! not be kept; texts are made only of those that are shown.

mod change;
mod compare;
mod defaults;
mod difference;
mod events;
mod fields;
mod pairs;
mod peers;
mod text;
mod variants;
mod walk;

use super::model::SchemaModel;
use alloc::vec::Vec;
use core::cmp::Reverse;

pub use change::{Change, Class};
#[cfg(feature = "server")]
pub(crate) use peers::Comparison;
pub use peers::Conflict;

impl SchemaModel {
    /// What has changed from this schema to a newer one, the most serious first. Without changes, programs with
    /// either schema can't be distinguished.
    ///
    /// See [`Change::is_conflict`] for programs that run at the same time.
    #[must_use]
    pub fn diff(&self, newer: &SchemaModel) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut texts = text::Texts::new(self, newer);
        compare::compare(self, newer, &mut |pairs, difference| changes.push(texts.change(pairs, &difference)));
        changes.sort_by_key(|change| Reverse(change.class));
        changes
    }
}

#[cfg(test)]
mod tests;
