//! The state of a walk through two schemas.
//!
//! Collects the differences and the pairs of types that the comparisons find.

use super::defaults::{self, Valued};
use super::difference::{Difference, Owner, Site, What};
use super::pairs::Pairs;
use crate::schema::model::{FieldModel, SchemaModel, TypeModel};

pub(super) struct Walk<'a, 'f> {
    pub(super) pairs: Pairs<'a>,
    /// Whether both schemas are complete: a lock file of the first format is not.
    pub(super) is_complete: bool,
    found: &'f mut dyn FnMut(&Pairs<'a>, Difference<'a>),
}

impl<'a, 'f> Walk<'a, 'f> {
    pub(super) fn new(
        old: &'a SchemaModel,
        new: &'a SchemaModel,
        found: &'f mut dyn FnMut(&Pairs<'a>, Difference<'a>),
    ) -> Self {
        Walk { pairs: Pairs::new(old, new), is_complete: old.is_complete && new.is_complete, found }
    }

    /// A difference was found.
    pub(super) fn emit(&mut self, site: Site<'a>, what: What<'a>) {
        if self.pairs.is_reporting() {
            (self.found)(&self.pairs, Difference { site, what });
        } else if let (Owner::Part(pair), true) = (site.owner, what.is_conflict()) {
            self.pairs.mark_conflict(pair);
        }
    }

    /// Whether the defaults of a field are the same value, though their JSON has other names.
    pub(super) fn same_default(&self, old: &FieldModel, new: &FieldModel) -> bool {
        let has_parts = |field: &FieldModel| {
            let mut has_parts = false;
            field.ty.each_part(&mut |_| has_parts = true);
            has_parts
        };
        // Nothing else has names.
        if !has_parts(old) || !has_parts(new) {
            return false;
        }
        let (before, after) = self.pairs.schemas();
        let both = Valued::default_of(before, old).zip(Valued::default_of(after, new));
        both.is_some_and(|(before, after)| defaults::same(before, after))
    }

    /// Whether a field's types are the same. The structs and enums in them are compared later, by themselves.
    pub(super) fn same_type(&mut self, site: Site<'a>, old: &'a TypeModel, new: &'a TypeModel) -> bool {
        match (old, new) {
            (TypeModel::Part(old), TypeModel::Part(new)) => self.pairs.meet(site, *old, *new),
            _ => {
                old.same_kind(new)
                    && old.children().zip(new.children()).all(|(old, new)| self.same_type(site, old, new))
            }
        }
    }
}
