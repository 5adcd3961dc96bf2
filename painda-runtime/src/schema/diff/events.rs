//! Which events of two schemas are the same, and what is different about them.
//!
//! Owns the rules about events; those about their fields are in `fields`.

use super::difference::{Site, What};
use super::fields;
use super::pairs::name;
use super::walk::Walk;
use crate::schema::model::{DeliveryModel, EventModel, SchemaModel, TypeModel};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The events of two schemas, and which are the same.
pub(super) struct Events<'a> {
    /// The old ones in the order of their ids, and what they have become.
    before: Vec<(&'a EventModel, Option<&'a EventModel>)>,
    after: Vec<&'a EventModel>,
    /// The old events by their ids, with what they have become.
    by_id: BTreeMap<u16, (&'a EventModel, Option<&'a EventModel>)>,
    /// The names of the new events that were there before, maybe with other names.
    successors: BTreeSet<&'a str>,
    reserved: Reserved<'a>,
    /// The new events by the paths of their types.
    by_path: BTreeMap<&'a str, &'a EventModel>,
}

impl<'a> Events<'a> {
    pub(super) fn new(old: &'a SchemaModel, new: &'a SchemaModel) -> Self {
        let by_name = |events: &'a [EventModel]| -> BTreeMap<&str, &EventModel> {
            events.iter().map(|event| (&*event.name, event)).collect()
        };
        let (old_names, new_names) = (by_name(&old.events), by_name(&new.events));
        let new_ids: BTreeMap<_, _> = new.events.iter().map(|event| (event.id, event)).collect();
        let successor = |event: &EventModel| {
            let with_id = || {
                let other = new_ids.get(&event.id).copied()?;
                // An event that has kept its name is not matched with another one.
                let is_new = !old_names.contains_key(&*other.name);
                let same_path = other.path == event.path && !event.path.is_empty();
                (is_new && (same_path || same_types(old, event, new, other))).then_some(other)
            };
            new_names.get(&*event.name).copied().or_else(with_id)
        };
        let before: Vec<_> = old.events_by_id().into_iter().map(|event| (event, successor(event))).collect();
        let successors = before.iter().filter_map(|(_, event)| Some(&*(*event)?.name));
        Events {
            successors: successors.collect(),
            by_id: before.iter().map(|event| (event.0.id, *event)).collect(),
            before,
            after: new.events_by_id(),
            reserved: Reserved::new(old),
            by_path: new.events.iter().map(|event| (&*event.path, event)).collect(),
        }
    }

    pub(super) fn compare(&self, walk: &mut Walk<'a, '_>) {
        for (before, event) in &self.before {
            let site = Site::event(&before.name);
            match event {
                Some(event) => pair(walk, site, before, event),
                None => {
                    let became = self.by_path.get(&*before.path).copied();
                    let became = became.filter(|event| !self.successors.contains(&*event.name));
                    walk.emit(site, What::EventGone { id: before.id, became });
                }
            }
        }
        for event in &self.after {
            let is_known = self.successors.contains(&*event.name);
            let what = match self.taken_from(event, is_known) {
                Some((id, name)) if (id, name) == (event.id, &*event.name) => What::EventBack { id },
                Some((id, name)) => What::Reused { event, id, name },
                None if is_known => continue,
                None => What::EventNew { id: event.id },
            };
            walk.emit(Site::event(&event.name), what);
        }
    }

    /// Id and name of the event that this one has its id from, though it is another one, or its name, where it is new.
    fn taken_from(&self, event: &'a EventModel, is_known: bool) -> Option<(u16, &'a str)> {
        if let Some((before, successor)) = self.by_id.get(&event.id) {
            let is_same = successor.is_some_and(|successor| successor.name == event.name);
            return (!is_same).then_some((before.id, &before.name));
        }
        let Reserved { pairs, names, ids } = &self.reserved;
        let id = ids.get(&event.id).map(|name| (event.id, *name));
        if is_known {
            return id.filter(|(_, name)| *name != &*event.name);
        }
        let pair = pairs.get(&(event.id, &*event.name)).copied();
        pair.or(id).or_else(|| names.get(&*event.name).map(|id| (*id, &*event.name)))
    }
}

/// The ids and names that the old schema has reserved.
struct Reserved<'a> {
    pairs: BTreeSet<(u16, &'a str)>,
    names: BTreeMap<&'a str, u16>,
    ids: BTreeMap<u16, &'a str>,
}

impl<'a> Reserved<'a> {
    fn new(schema: &'a SchemaModel) -> Self {
        let pairs: BTreeSet<_> = schema.reserved.iter().map(|(id, name)| (*id, &**name)).collect();
        Reserved {
            names: pairs.iter().map(|(id, name)| (*name, *id)).collect(),
            ids: pairs.iter().copied().collect(),
            pairs,
        }
    }
}

fn pair<'a>(walk: &mut Walk<'a, '_>, site: Site<'a>, old: &'a EventModel, new: &'a EventModel) {
    if old.name != new.name {
        walk.emit(site, What::EventRenamed { new: &new.name });
    }
    if old.id != new.id {
        walk.emit(site, What::EventId { old, new });
    }
    if old.path != new.path {
        walk.emit(site, What::Moved { old: &old.path, new: &new.path });
    }
    let same_delivery = match (&old.delivery, &new.delivery) {
        // The field may have another name.
        (DeliveryModel::LatestOf(before), DeliveryModel::LatestOf(after)) => {
            before == after || old.fields.position(before) == new.fields.position(after)
        }
        (before, after) => before == after,
    };
    if !same_delivery && walk.is_complete {
        walk.emit(site, What::Delivery { old: &old.delivery, new: &new.delivery });
    }
    fields::of_event(walk, site, &old.fields, &new.fields);
}

/// Whether the fields of two events have the same types, as far as the types' names say it.
fn same_types(old: &SchemaModel, a: &EventModel, new: &SchemaModel, b: &EventModel) -> bool {
    fn is_same(old: &SchemaModel, a: &TypeModel, new: &SchemaModel, b: &TypeModel) -> bool {
        if let (TypeModel::Part(a), TypeModel::Part(b)) = (a, b) {
            return name(&old.parts[*a as usize].path) == name(&new.parts[*b as usize].path);
        }
        a.same_kind(b) && a.children().zip(b.children()).all(|(a, b)| is_same(old, a, new, b))
    }
    let (a, b) = (&a.fields.list, &b.fields.list);
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(old, &a.ty, new, &b.ty))
}
