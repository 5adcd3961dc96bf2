//! Compares the fields of an event or a part.
//!
//! Owns the rules about them: what is appended with a default is safe, another name is a matter of JSON, everything
//! else changes the meaning of bytes.

use super::change::{Change, Class};
use super::model::{LockedField, LockedLayout};

/// Why a part cannot grow.
pub(super) const FROZEN: &str = "What is in the middle of a message cannot change: old and new programs misread it. \
                                 Make a new type, and append a field of it to the event: `#[pp(since = …, default)]`.";

/// What another name means.
pub(super) const RENAMED: &str = "The bytes are the same, but JSON has the name: JSON clients have to change with it, \
                                  and so has code. A node with the one does not join a cluster that has the other, \
                                  unless `on_schema_conflict` allows it.";

/// Compares the fields of an event, which may be appended to.
pub(super) fn of_event(place: &str, old: &LockedLayout, new: &LockedLayout, changes: &mut Vec<Change>) {
    let (before, len) = (shape(place, old, new, changes), old.fields.len());
    let version = before.iter().map(version).max().unwrap_or(1);
    let advice = format!("Append it instead: put it last, with `#[pp(since = {}, default)]`.", version + 1);
    let is_appended = |at: usize, field: &LockedField| at >= len && self::version(field) > version;
    compare(place, &before, &new.fields, is_appended, &advice, changes);
}

/// Compares the fields of a part, which is frozen.
pub(super) fn of_part(place: &str, old: &LockedLayout, new: &LockedLayout, changes: &mut Vec<Change>) {
    let before = shape(place, old, new, changes);
    compare(place, &before, &new.fields, |_, _| false, FROZEN, changes);
}

/// Compares how the fields are told apart. The old ones, with the names that they have got by a change of that.
fn shape(place: &str, old: &LockedLayout, new: &LockedLayout, changes: &mut Vec<Change>) -> Vec<LockedField> {
    let mut fields = old.fields.clone();
    if old.is_tuple == new.is_tuple {
        return fields;
    }
    let what = match new.is_tuple {
        true => "its fields had names and are told apart by position",
        false => "its fields were told apart by position and have names",
    };
    let advice = "The bytes are the same, but JSON and TypeScript have an object in the one case and an array, or a \
                  part's only field by itself, in the other. Restore it, or change all clients together.";
    changes.push(Change::new(Class::InJson, place, what, advice));
    for (field, new) in fields.iter_mut().zip(&new.fields) {
        field.name.clone_from(&new.name);
    }
    fields
}

fn version(field: &LockedField) -> u32 {
    field.since.as_ref().map_or(1, |since| since.version)
}

fn compare(
    place: &str,
    old: &[LockedField],
    new: &[LockedField],
    is_appended: impl Fn(usize, &LockedField) -> bool,
    advice: &str,
    changes: &mut Vec<Change>,
) {
    let mut push = |class, field: &LockedField, what: String, advice: &str| {
        changes.push(Change::new(class, format!("{place}, field `{}`", field.name), what, advice));
    };
    let has = |fields: &[LockedField], name: &str| fields.iter().any(|field| field.name == name);
    // Another name at the same place, where the types are equal.
    let renamed = |at: usize| match (old.get(at), new.get(at)) {
        (Some(a), Some(b)) => a.ty == b.ty && !has(new, &a.name) && !has(old, &b.name),
        _ => false,
    };
    let mut all_kept = true;
    for (at, field) in old.iter().enumerate() {
        if renamed(at) {
            let what = format!("its name is `{}` now", new[at].name);
            push(Class::InJson, field, what, RENAMED);
            same_since(field, &new[at], &mut push);
        } else if !has(new, &field.name) {
            all_kept = false;
            push(
                Class::OnWire,
                field,
                "it is gone".to_owned(),
                "What follows it is misread. Leave it, and mark it as `#[deprecated]`.",
            );
        }
    }
    for (at, field) in new.iter().enumerate() {
        if renamed(at) {
            continue;
        }
        let Some(before) = old.iter().find(|before| before.name == field.name) else {
            match all_kept && is_appended(at, field) {
                true => push(
                    Class::Safe,
                    field,
                    format!("it is new in version {}", version(field)),
                    "Older programs ignore it, newer ones read older messages with its default.",
                ),
                false => push(Class::OnWire, field, "it is new".to_owned(), advice),
            }
            continue;
        };
        if before.ty != field.ty {
            let what = format!("the type was `{}` and is `{}`", before.ty, field.ty);
            push(Class::OnWire, field, what, advice_for_type(advice));
        }
        same_since(before, field, &mut push);
    }
    order(place, old, new, changes);
}

fn advice_for_type(advice: &str) -> &str {
    if advice == FROZEN {
        FROZEN
    } else {
        "Old and new programs misread each other. Leave it, and append another field instead."
    }
}

fn same_since(before: &LockedField, field: &LockedField, push: &mut impl FnMut(Class, &LockedField, String, &str)) {
    if version(before) != version(field) {
        let what = format!("it was of version {} and is of version {}", version(before), version(field));
        push(Class::OnWire, field, what, "Messages that end before it are read otherwise. Leave `since` as it was.");
    } else if let (Some(before), Some(since)) = (&before.since, &field.since)
        && before.default != since.default
    {
        let what = format!("its default was `{}` and is `{}`", before.default, since.default);
        push(Class::OnWire, field, what, "Old and new programs read older messages differently.");
    }
}

/// Fields that both have, in another order.
fn order(place: &str, old: &[LockedField], new: &[LockedField], changes: &mut Vec<Change>) {
    let both = |a: &[LockedField], b: &[LockedField]| {
        let both = a.iter().filter(|field| b.iter().any(|other| other.name == field.name));
        both.map(|field| field.name.clone()).collect::<Vec<_>>()
    };
    let (before, after) = (both(old, new), both(new, old));
    if before != after {
        let what = format!("the order of the fields was {} and is {}", before.join(", "), after.join(", "));
        changes.push(Change::new(Class::OnWire, place, what, "The order is that of the bytes. Restore it."));
    }
}
