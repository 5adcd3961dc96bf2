//! Compares two versions of a schema: which events, structs and enums are the same, and which are new
//! or gone.
//!
//! Owns the rules about events and parts; those about fields are in `fields`, those about variants in
//! `variants`.

use super::change::{Change, Class};
use super::model::{Body, FORMAT, Lock, LockedDelivery, LockedEvent, LockedPart};
use super::{fields, paths, variants};

/// All changes from the one to the other, the gravest first.
pub(super) fn changes(old: &Lock, new: &Lock) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut old, moves) = paths::moves(old, new);
    if old.format < FORMAT {
        old.complete_from(new);
        changes.push(Change::new(
            Class::Safe,
            "lock file",
            format!("its format was {} and is {FORMAT}", old.format),
            "An older painda-runtime has written it, without the events' delivery. From now on a change of that is \
             seen, too.",
        ));
    }
    let old = &old;
    for (from, to) in moves {
        changes.push(Change::new(
            Class::InSource,
            format!("part `{to}`"),
            format!("its path in Rust was `{from}`"),
            "The bytes are the same; code that names the type has to change.",
        ));
    }
    if old.schema != new.schema {
        changes.push(Change::new(
            Class::InSource,
            format!("schema `{}`", new.schema),
            format!("its name was `{}`", old.schema),
            "The bytes are the same; code that names the schema has to change.",
        ));
    }
    if old.depth != new.depth {
        changes.push(Change::new(
            Class::OnWire,
            format!("schema `{}`", new.schema),
            format!("structs and enums could be nested {} deep in a message, and can be {}", old.depth, new.depth),
            "Programs with the smaller depth refuse what is nested deeper. The depth is painda-runtime's: use the same \
             version everywhere.",
        ));
    }
    events(old, new, &mut changes);
    for part in &new.parts {
        if let Some(before) = old.parts.iter().find(|before| before.path == part.path) {
            body(before, part, new, &mut changes);
        }
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.class));
    changes
}

/// The old schema's reserved ids and names, and those that its events no longer have.
pub(super) fn reserved(old: &Lock, new: &Lock) -> Vec<(u16, String)> {
    let ids = |lock: &Lock| lock.events.iter().map(|event| (event.id, event.name.clone())).collect::<Vec<_>>();
    let used = ids(new);
    let mut reserved: Vec<_> = old.reserved.iter().cloned().chain(ids(old)).filter(|id| !used.contains(id)).collect();
    reserved.sort();
    reserved.dedup();
    reserved
}

/// The event of the new schema that an old one has become.
fn successor<'a>(old: &LockedEvent, before: &Lock, new: &'a Lock) -> Option<&'a LockedEvent> {
    let by_name = new.events.iter().find(|event| event.name == old.name);
    // A new name: then the Rust type is the same, or else the id and all types of the fields. What has
    // kept its name is not to be taken for another.
    let is_new = |event: &&LockedEvent| before.events.iter().all(|other| other.name != event.name);
    let by_path = || new.events.iter().filter(is_new).find(|event| event.path == old.path);
    let types = |event: &LockedEvent| event.layout.fields.iter().map(|field| field.ty.clone()).collect::<Vec<_>>();
    let by_id = || new.events.iter().filter(is_new).find(|event| event.id == old.id && types(event) == types(old));
    by_name.or_else(by_path).or_else(by_id)
}

fn events(old: &Lock, new: &Lock, changes: &mut Vec<Change>) {
    let mut successors = Vec::new();
    for before in &old.events {
        let place = format!("event `{}`", before.name);
        let Some(event) = successor(before, old, new) else {
            changes.push(Change::new(
                Class::OnWire,
                place,
                "it is gone",
                format!(
                    "Programs that still send it are not understood. Its id {} and its name stay reserved.",
                    before.id
                ),
            ));
            continue;
        };
        successors.push(event.name.as_str());
        pair(before, event, &place, changes);
    }
    for event in &new.events {
        if !successors.contains(&event.name.as_str()) {
            added(event, old, changes);
        } else if let Some(before) = id_taken_from(event, old, new) {
            changes.push(reuse(event, event.id, &before));
        }
    }
}

fn pair(before: &LockedEvent, event: &LockedEvent, place: &str, changes: &mut Vec<Change>) {
    if before.name != event.name {
        changes.push(Change::new(
            Class::InJson,
            place,
            format!("its name is `{}` now", event.name),
            "The binary form is the same, but JSON clients know it by its old name, and a node with the one does not \
             join a cluster that has the other: keep `event = …` and rename the struct alone.",
        ));
    }
    if before.id != event.id {
        changes.push(Change::new(
            Class::OnWire,
            place,
            format!("its id was {} and is {}", before.id, event.id),
            format!("Old and new programs take it for another event. Keep it: `id = {}`.", before.id),
        ));
    }
    if before.path != event.path {
        changes.push(Change::new(
            Class::InSource,
            place,
            format!("its path in Rust was `{}` and is `{}`", before.path, event.path),
            "The bytes are the same; code that names the type has to change.",
        ));
    }
    delivery(before, event, place, changes);
    fields::of_event(place, &before.layout, &event.layout, changes);
}

fn delivery(before: &LockedEvent, event: &LockedEvent, place: &str, changes: &mut Vec<Change>) {
    let is_same = match (&before.delivery, &event.delivery) {
        // The field may have another name.
        (LockedDelivery::LatestOf(old), LockedDelivery::LatestOf(new)) => {
            old == new || before.layout.position(old) == event.layout.position(new)
        }
        (old, new) => old == new,
    };
    if is_same {
        return;
    }
    let of_slow_clients = match &event.delivery {
        LockedDelivery::Reliable => {
            "every client gets each of them now, and one that stays behind is closed".to_owned()
        }
        LockedDelivery::Volatile => "a client that stays behind misses some now".to_owned(),
        LockedDelivery::Latest => "a client that stays behind gets the newest one only".to_owned(),
        LockedDelivery::LatestOf(field) => {
            format!("a client that stays behind gets the newest one of each `{field}` only")
        }
    };
    changes.push(Change::new(
        Class::InSource,
        place,
        format!("its delivery was `{}` and is `{}`", before.delivery, event.delivery),
        format!(
            "The bytes are the same, but {of_slow_clients}: code that sends or handles it has to be right with that. \
             Until all nodes are new, the old ones treat their own clients as before."
        ),
    ));
}

fn added(event: &LockedEvent, old: &Lock, changes: &mut Vec<Change>) {
    if old.reserved.iter().any(|(id, name)| *id == event.id && *name == event.name) {
        changes.push(Change::new(
            Class::OnWire,
            format!("event `{}`", event.name),
            format!("it is back, with the id {}", event.id),
            "Its fields have to be those that it had: the lock file no longer knows them.",
        ));
        return;
    }
    if let Some((id, name)) = old.reserved.iter().find(|(id, name)| *id == event.id || *name == event.name) {
        changes.push(reuse(event, *id, name));
        return;
    }
    match old.events.iter().find(|before| before.id == event.id) {
        Some(before) => changes.push(reuse(event, before.id, &before.name)),
        None => changes.push(Change::new(
            Class::Safe,
            format!("event `{}`", event.name),
            format!("it is new, with the id {}", event.id),
            "Programs that do not know it yet refuse it: update those that receive it before those that send it.",
        )),
    }
}

/// The name of another event that the old schema gave this id to, where the event has changed its own.
fn id_taken_from(event: &LockedEvent, old: &Lock, new: &Lock) -> Option<String> {
    let before = old.events.iter().find(|before| before.id == event.id);
    if let Some(before) = before {
        let same = successor(before, old, new).is_some_and(|successor| successor.name == event.name);
        return (!same).then(|| before.name.clone());
    }
    let before = old.reserved.iter().find(|(id, name)| *id == event.id && *name != event.name);
    before.map(|(_, name)| name.clone())
}

fn reuse(event: &LockedEvent, id: u16, name: &str) -> Change {
    let what = match event.id == id {
        true => format!("its id {id} belonged to `{name}`"),
        false => format!("an event of this name was there before, with the id {id}"),
    };
    let advice = "Programs that still know that event would misread this one. Choose another; if no such program is \
                  left, remove the old event's lines from the lock file by hand.";
    Change::new(Class::OnWire, format!("event `{}`", event.name), what, advice).refused()
}

fn body(before: &LockedPart, part: &LockedPart, new: &Lock, changes: &mut Vec<Change>) {
    let users: Vec<_> = paths::users(&part.path, new).iter().map(|name| format!("`{name}`")).collect();
    let events = if users.len() == 1 { "event" } else { "events" };
    let place = |kind: &str| format!("{kind} `{}` (of the {events} {})", part.path, users.join(", "));
    match (&before.body, &part.body) {
        (Body::Struct(old), Body::Struct(new)) => fields::of_part(&place("struct"), old, new, changes),
        (Body::Enum(old), Body::Enum(new)) => variants::of_enum(&place("enum"), old, new, changes),
        (Body::Struct(_), Body::Enum(_)) => {
            changes.push(Change::new(Class::OnWire, place("enum"), "it was a struct", fields::FROZEN));
        }
        (Body::Enum(_), Body::Struct(_)) => {
            changes.push(Change::new(Class::OnWire, place("struct"), "it was an enum", fields::FROZEN));
        }
    }
}
