//! The structs and enums that have to be the same, because a field has the one in the old and the other in the new schema.
//!
//! Owns which pairs there are, each once, and how each was met. What is compared in them is not known here.

use super::difference::{Owner, Site};
use crate::schema::model::{PartModel, SchemaModel};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// All pairs.
pub(crate) struct Pairs<'a> {
    old: &'a SchemaModel,
    new: &'a SchemaModel,
    list: Vec<Pair<'a>>,
    places: BTreeMap<(u32, u32), usize>,
    /// Those that are to be reported, in the order in which they were met.
    reached: Vec<usize>,
    is_reporting: bool,
    pub(super) is_tangled: bool,
}

struct Pair<'a> {
    old: u32,
    new: u32,
    /// The field at which it was met.
    met_at: Site<'a>,
    is_reached: bool,
    /// Programs with the one and with the other can't communicate.
    is_conflict: bool,
    /// They are called the same, so that a conflict is one inside this struct or enum. Otherwise it is one of the fields that
    /// have the one type and now have the other.
    is_same_name: bool,
    /// The pairs with these fields.
    users: Vec<usize>,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(old: &'a SchemaModel, new: &'a SchemaModel) -> Self {
        let (list, places, reached) = (Vec::new(), BTreeMap::new(), Vec::new());
        Pairs { old, new, list, places, reached, is_reporting: false, is_tangled: false }
    }

    /// Records that a field has the old struct or enum on the one side and the new one on the other. `false` where this makes it
    /// a field of another type.
    pub(super) fn meet(&mut self, site: Site<'a>, old: u32, new: u32) -> bool {
        let known = self.places.get(&(old, new)).copied();
        if self.is_reporting {
            let Some((at, pair)) = known.and_then(|at| Some((at, self.list.get_mut(at)?))) else { return true };
            if !pair.is_reached && !pair.is_other_type() {
                (pair.is_reached, pair.met_at) = (true, site);
                self.reached.push(at);
            }
            return !self.list[at].is_other_type();
        }
        let at = match known {
            Some(at) => at,
            // A schema's parts have one partner each, or a few where one type has become two.
            None if self.list.len() > 4 * (self.old.parts.len() + self.new.parts.len()) => {
                self.is_tangled = true;
                return true;
            }
            None => {
                let is_same_name = name(&self.old.parts[old as usize].path) == name(&self.new.parts[new as usize].path);
                let (is_reached, is_conflict, users) = (false, false, Vec::new());
                self.list.push(Pair { old, new, met_at: site, is_reached, is_conflict, is_same_name, users });
                self.places.insert((old, new), self.list.len() - 1);
                self.list.len() - 1
            }
        };
        let pair = &mut self.list[at];
        if let (Owner::Part(user), false) = (site.owner, pair.is_same_name)
            && pair.users.last() != Some(&user)
        {
            pair.users.push(user);
        }
        true
    }

    pub(super) fn schemas(&self) -> (&'a SchemaModel, &'a SchemaModel) {
        (self.old, self.new)
    }

    /// Both halves of a pair.
    pub(crate) fn parts(&self, at: usize) -> Option<(&'a PartModel, &'a PartModel)> {
        let pair = self.list.get(at)?;
        Some((&self.old.parts[pair.old as usize], &self.new.parts[pair.new as usize]))
    }

    /// The place of a pair's new half among the parts of the new schema.
    pub(super) fn new_part(&self, at: usize) -> u32 {
        self.list[at].new
    }

    /// The field at which a pair was met.
    pub(crate) fn met_at(&self, at: usize) -> Site<'a> {
        self.list[at].met_at
    }

    pub(super) fn mark_conflict(&mut self, at: usize) {
        self.list[at].is_conflict = true;
    }

    /// All conflicts are known: takes those of types with other names to the fields that have them, and begins to report.
    pub(super) fn report(&mut self) {
        let mut pending: Vec<_> = (0..self.list.len()).filter(|at| self.list[*at].is_other_type()).collect();
        while let Some(at) = pending.pop() {
            for user in core::mem::take(&mut self.list[at].users) {
                let pair = &mut self.list[user];
                if !pair.is_conflict {
                    pair.is_conflict = true;
                    pending.extend(pair.is_other_type().then_some(user));
                }
            }
        }
        self.is_reporting = true;
    }

    pub(super) fn is_reporting(&self) -> bool {
        self.is_reporting
    }

    /// The pair with this number, in the order in which they were met.
    pub(super) fn reached(&self, at: usize) -> Option<usize> {
        self.reached.get(at).copied()
    }
}

impl Pair<'_> {
    fn is_other_type(&self) -> bool {
        self.is_conflict && !self.is_same_name
    }
}

/// The path without its modules, with its type arguments.
pub(super) fn name(path: &str) -> &str {
    let end = path.find('<').unwrap_or(path.len());
    let start = path[..end].rfind("::").map_or(0, |at| at + 2);
    &path[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_modules_but_arguments() {
        assert_eq!(name("a::b::Pair<u8, c::D>"), "Pair<u8, c::D>");
        assert_eq!(name("Alone"), "Alone");
    }
}
