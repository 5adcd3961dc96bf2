//! Compares the fields of an event, a struct or a variant.
//!
//! Owns the rules about them: what is appended with a default is safe, another name is a matter of JSON, everything
//! else changes the meaning of bytes.

use super::difference::{Site, What};
use super::walk::Walk;
use crate::schema::model::{FieldModel, Fields};
use alloc::vec::Vec;

/// Compares the fields of an event, which may be appended to.
pub(super) fn of_event<'a>(walk: &mut Walk<'a, '_>, site: Site<'a>, old: &'a Fields, new: &'a Fields) {
    compare(walk, site, old, new, Some(old.version() + 1));
}

/// Compares the fields of a part, which is frozen.
pub(super) fn of_part<'a>(walk: &mut Walk<'a, '_>, site: Site<'a>, old: &'a Fields, new: &'a Fields) {
    compare(walk, site, old, new, None);
}

/// `grow` is the version that may be appended.
fn compare<'a>(walk: &mut Walk<'a, '_>, site: Site<'a>, old: &'a Fields, new: &'a Fields, grow: Option<u32>) {
    let by_name = old.is_tuple == new.is_tuple;
    if !by_name && (walk.is_complete || !old.list.is_empty()) {
        walk.emit(site, What::Shape { is_tuple: new.is_tuple });
    }
    // Where the one list has what the other has in this place.
    let (in_new, in_old) = if by_name { old.same_names(new) } else { same_places(old, new) };
    let (in_new, in_old) = (|at: usize| in_new[at], |at: usize| in_old[at]);
    // Another name at the same place, where the types are equal.
    let mut renamed = Vec::new();
    for (at, (before, field)) in old.list.iter().zip(&new.list).enumerate() {
        let both_gone = in_new(at).is_none() && in_old(at).is_none();
        renamed.push(both_gone && walk.same_type(site.field(&before.name), &before.ty, &field.ty));
    }
    let is_renamed = |at: usize| renamed.get(at).copied().unwrap_or_default();
    let old_kept = (0..old.list.len()).all(|at| is_renamed(at) || in_new(at).is_some());
    let new_kept = (0..new.list.len()).all(|at| is_renamed(at) || in_old(at).is_some());
    let (old_version, new_version) = (old.version(), new.version());

    for (at, before) in old.list.iter().enumerate() {
        let place = site.field(&before.name);
        if is_renamed(at) {
            let field = &new.list[at];
            walk.emit(place, What::FieldRenamed { new: &field.name });
            same_since(walk, place, before, field);
        } else if in_new(at).is_none() {
            let at_end = grow.is_some() && new_kept && at >= new.list.len() && before.version() > new_version;
            walk.emit(place, What::FieldGone { field: before, at_end });
        }
    }
    for (at, field) in new.list.iter().enumerate() {
        if is_renamed(at) {
            continue;
        }
        let place = site.field(&field.name);
        let Some(before) = in_old(at) else {
            let at_end = grow.is_some() && old_kept && at >= old.list.len() && field.version() > old_version;
            walk.emit(place, What::FieldNew { field, at_end, grow });
            continue;
        };
        let before = &old.list[before];
        if !walk.same_type(place, &before.ty, &field.ty) {
            walk.emit(place, What::FieldType { old: before, new: field, is_part: grow.is_none() });
        }
        same_since(walk, place, before, field);
    }
    // The fields that both have.
    let mut places = (0..old.list.len()).filter_map(in_new);
    let mut last = places.next();
    if places.any(|place| last.replace(place) > Some(place)) {
        walk.emit(site, What::Order { old, new });
    }
}

/// Of each field of the one list, where the other has the one in the same place: nowhere, where the other is shorter.
fn same_places(old: &Fields, new: &Fields) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
    let places =
        |of: &Fields, other: &Fields| (0..of.list.len()).map(|at| (at < other.list.len()).then_some(at)).collect();
    (places(old, new), places(new, old))
}

fn same_since<'a>(walk: &mut Walk<'a, '_>, site: Site<'a>, old: &'a FieldModel, new: &'a FieldModel) {
    if old.version() != new.version() {
        walk.emit(site, What::FieldSince { old, new });
    } else if let (Some(before), Some(since)) = (&old.since, &new.since)
        && before.default != since.default
        && !walk.same_default(old, new)
    {
        walk.emit(site, What::FieldDefault { old, new });
    }
}
