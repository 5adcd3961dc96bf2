//! The texts of [`Change`]: what a difference is, and what to do about it.
//!
//! Their length is limited, because the schema may come from another node.

use super::change::Change;
use super::difference::{Difference, Owner, Site, What};
use super::pairs::Pairs;
use crate::excerpt::Short;
use crate::schema::model::{Body, DeliveryModel, FieldModel, Fields, SchemaModel};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Display;

/// The advice for a change of a part.
const FROZEN: &str = "What is in the middle of a message cannot change: old and new programs misread it. \
                      Make a new type, and append a field of it to the event: `#[pp(since = …, default)]`.";

/// The advice for another name.
const RENAMED: &str =
    "The bytes are the same, but JSON has the name: JSON clients have to change with it, and so has code.";

/// The advice for another path.
const MOVED: &str = "The bytes are the same; code that names the type has to change.";

/// The most bytes of a name or a type.
const MAX_SHOWN: usize = 1000;

fn short<T: Display>(value: T) -> Short<T> {
    Short(value, MAX_SHOWN)
}

/// The texts of the differences between two schemas.
pub(super) struct Texts<'a> {
    old: &'a SchemaModel,
    new: &'a SchemaModel,
    users: Option<Users>,
}

/// For each part of a schema, by its position: the parts and the events that have a field of it.
struct Users {
    parts: Vec<Vec<u32>>,
    events: Vec<Vec<usize>>,
}

impl<'a> Texts<'a> {
    pub(super) fn new(old: &'a SchemaModel, new: &'a SchemaModel) -> Self {
        Texts { old, new, users: None }
    }

    pub(super) fn change(&mut self, pairs: &Pairs<'a>, difference: &Difference<'a>) -> Change {
        let Difference { site, what } = difference;
        Change {
            class: what.class(),
            place: self.place(pairs, *site, what),
            what: self.what(*site, what),
            advice: advice(*site, what),
            is_acceptable: !matches!(what, What::Reused { .. }),
            is_conflict: what.is_conflict(),
        }
    }

    fn place(&mut self, pairs: &Pairs<'a>, site: Site<'a>, what: &What<'a>) -> String {
        let mut place = match site.owner {
            Owner::Schema => format!("schema `{}`", short(&self.new.name)),
            Owner::Event(name) => format!("event `{}`", short(name)),
            Owner::Part(pair) => {
                let Some((_, part)) = pairs.parts(pair) else { return String::new() };
                let path = short(&part.path);
                match (what, &part.body) {
                    (What::Moved { .. }, _) => format!("part `{path}`"),
                    (_, Body::Struct(_)) => format!("struct `{path}` ({})", self.events(pairs.new_part(pair))),
                    (_, Body::Enum(_)) => format!("enum `{path}` ({})", self.events(pairs.new_part(pair))),
                }
            }
        };
        if let Some(variant) = site.variant {
            place += &format!(", variant `{}`", short(variant));
        }
        if let Some(field) = site.field {
            place += &format!(", field `{}`", short(field));
        }
        place
    }

    /// The events of the new schema that contain the part, by themselves or in other parts.
    fn events(&mut self, part: u32) -> String {
        let schema = self.new;
        let users = self.users.get_or_insert_with(|| Users::of(schema));
        let (mut met, mut pending, mut events) = (BTreeSet::from([part]), vec![part], BTreeSet::<usize>::new());
        while let Some(part) = pending.pop() {
            events.extend(&users.events[part as usize]);
            pending.extend(users.parts[part as usize].iter().filter(|user| met.insert(**user)));
        }
        let mut events: Vec<_> = events.into_iter().map(|at| &schema.events[at]).collect();
        events.sort_by_key(|event| event.id);
        let names: Vec<_> = events.iter().take(16).map(|event| format!("`{}`", short(&event.name))).collect();
        let more = if events.len() > names.len() { ", …" } else { "" };
        format!("of the event{} {}{more}", if events.len() == 1 { "" } else { "s" }, names.join(", "))
    }

    /// What has changed at a place.
    pub(super) fn what(&self, site: Site<'a>, what: &What<'a>) -> String {
        let (old_type, new_type) = (|ty| short(self.old.text(ty)), |ty| short(self.new.text(ty)));
        match what {
            What::SchemaRenamed { old } => format!("its name was `{}`", short(old)),
            What::Depth { old, new } => {
                format!("structs and enums could be nested {old} deep in a message, and can be {new}")
            }
            What::TooManyPairs => "its types refer to each other in too many other ways to be compared".into(),
            What::EventGone { .. } | What::VariantGone | What::FieldGone { .. } => "it is gone".into(),
            What::EventNew { id } => format!("it is new, with the id {id}"),
            What::EventBack { id } => format!("it is back, with the id {id}"),
            What::Reused { event, id, name } if event.id == *id => format!("its id {id} belonged to `{}`", short(name)),
            What::Reused { id, .. } => format!("an event of this name was there before, with the id {id}"),
            What::EventId { old, new } => format!("its id was {} and is {}", old.id, new.id),
            // A part's place is its new path.
            What::Moved { old, .. } if matches!(site.owner, Owner::Part(_)) => {
                format!("its path in Rust was `{}`", short(old))
            }
            What::Moved { old, new } => format!("its path in Rust was `{}` and is `{}`", short(old), short(new)),
            What::Delivery { old, new } => format!("its delivery was `{}` and is `{}`", short(old), short(new)),
            What::StructOrEnum { is_enum: true } => "it was a struct".into(),
            What::StructOrEnum { is_enum: false } => "it was an enum".into(),
            What::Data { has_data: true, .. } => "it has its first variant with fields".into(),
            What::Data { has_data: false, .. } => "none of its variants has fields any more".into(),
            What::VariantTag { old, new } => format!("its tag was {old} and is {new}"),
            What::EventRenamed { new } | What::VariantRenamed { new } | What::FieldRenamed { new } => {
                format!("its name is `{}` now", short(new))
            }
            What::VariantNew { tag } => format!("it is new, with the tag {tag}"),
            What::Shape { is_tuple: true } => "its fields had names and have positions".into(),
            What::Shape { is_tuple: false } => "its fields had positions and have names".into(),
            What::Order { old, new } => {
                let (before, after) = (order(old, new), order(new, old));
                format!("the order of the fields was {before} and is {after}")
            }
            What::FieldNew { field, at_end: true, .. } => format!("it is new in version {}", field.version()),
            What::FieldNew { .. } => "it is new".into(),
            What::FieldType { old, new, .. } => {
                format!("the type was `{}` and is `{}`", old_type(&old.ty), new_type(&new.ty))
            }
            What::FieldSince { old, new } => {
                format!("it was of version {} and is of version {}", old.version(), new.version())
            }
            What::FieldDefault { old, new } => {
                let default =
                    |field: &FieldModel| short(field.since.as_ref().map_or("", |since| &since.default)).to_string();
                format!("its default was `{}` and is `{}`", default(old), default(new))
            }
        }
    }
}

/// The names of the fields that the other list has, too.
pub(super) fn order(fields: &Fields, others: &Fields) -> String {
    let names = fields.list.iter().filter(|field| others.position(&field.name).is_some());
    let names: Vec<_> = names.take(64).map(|field| short(&field.name).to_string()).collect();
    short(names.join(", ")).to_string()
}

fn advice(site: Site<'_>, what: &What<'_>) -> String {
    match what {
        What::SchemaRenamed { .. } => "The bytes are the same; code that names the schema has to change.".into(),
        What::Depth { .. } => {
            "Programs with the smaller depth refuse what is nested deeper. The depth is painda-runtime's: use \
                               the same version everywhere."
                .into()
        }
        What::TooManyPairs => "Give each struct and each enum one name in both schemas.".into(),
        What::EventGone { id, became: None } => {
            format!("Programs that still send it are not understood. Its id {id} and its name stay reserved.")
        }
        What::EventGone { id, became: Some(new) } => format!(
            "Programs that still send it are not understood. Its id {id} and its name stay reserved. Its type is now the \
             event `{}`: to keep it, give it its name and id again.",
            short(&new.name)
        ),
        What::EventNew { .. } => {
            "Programs that do not know it yet refuse it: update those that receive it before those that send it.".into()
        }
        What::EventBack { .. } => "Its fields have to be those that it had: the lock file no longer knows them.".into(),
        What::Reused { .. } => {
            "Programs that still know that event would misread this one. Choose another; if no such program \
                                is left, remove the old event's lines from the lock file by hand."
                .into()
        }
        What::EventRenamed { .. } => {
            "The binary form is the same, but JSON clients know it by its old name: keep `event = …` \
                                      and rename the struct alone."
                .into()
        }
        What::EventId { old, .. } => {
            format!("Old and new programs take it for another event. Keep it: `id = {}`.", old.id)
        }
        What::Moved { .. } => MOVED.into(),
        What::Delivery { new, .. } => delivery(new),
        What::StructOrEnum { .. } => FROZEN.into(),
        What::Data { has_data, variant } => {
            let (string, object) =
                (format!("`\"{}\"`", short(variant)), format!("`{{ kind: \"{}\" }}`", short(variant)));
            let (from, to) = if *has_data { (string, object) } else { (object, string) };
            format!(
                "In TypeScript all its values are others: {from} becomes {to}, where the module is made anew. The bytes and \
                 the JSON of a variant that stays are the same. To keep the values, leave the enum as it is, and append a \
                 field of a new one to the event: `#[pp(since = …, default)]`."
            )
        }
        What::VariantTag { old, .. } => {
            let name = short(site.variant.unwrap_or_default());
            format!("Old and new programs take it for another variant. Keep it: `{name} = {old}`.")
        }
        What::VariantRenamed { .. } | What::FieldRenamed { .. } => RENAMED.into(),
        What::VariantGone => {
            "Programs that still send it are not understood. Leave it, and mark it as `#[deprecated]`.".into()
        }
        What::VariantNew { .. } => {
            "The bytes of the others are the same. Code that matches has to handle it; programs that do \
                                    not know it refuse messages with it, so update those that receive it first."
                .into()
        }
        What::Shape { .. } => {
            "The bytes are the same, but JSON and TypeScript have an object in the one case and an array, or a \
                              part's only field by itself, in the other. Restore it, or change all clients together."
                .into()
        }
        What::Order { .. } => "The order is that of the bytes. Restore it.".into(),
        What::FieldGone { .. } => "What follows it is misread. Leave it, and mark it as `#[deprecated]`.".into(),
        What::FieldNew { at_end: true, .. } => {
            "Older programs ignore it, newer ones read older messages with its default.".into()
        }
        What::FieldNew { grow: Some(version), .. } => {
            format!("Append it instead: put it last, with `#[pp(since = {version}, default)]`.")
        }
        What::FieldNew { grow: None, .. } | What::FieldType { is_part: true, .. } => FROZEN.into(),
        What::FieldType { is_part: false, .. } => {
            "Old and new programs misread each other. Leave it, and append another field instead.".into()
        }
        What::FieldSince { .. } => "Messages that end before it are read otherwise. Leave `since` as it was.".into(),
        What::FieldDefault { .. } => "Old and new programs read older messages differently.".into(),
    }
}

fn delivery(new: &DeliveryModel) -> String {
    let of_slow_clients = match new {
        DeliveryModel::Reliable => "every client gets each of them now, and one that stays behind is closed".into(),
        DeliveryModel::Volatile => "a client that stays behind misses some now".into(),
        DeliveryModel::Latest => "a client that stays behind gets the newest one only".into(),
        DeliveryModel::LatestOf(field) => {
            format!("a client that stays behind gets the newest one of each `{}` only", short(field))
        }
        DeliveryModel::Unknown(_) => "a client that stays behind is treated as only a newer version knows".to_string(),
    };
    format!(
        "The bytes are the same, but {of_slow_clients}: code that sends or handles it has to be right with that. \
         Until all nodes are new, the old ones treat their own clients as before."
    )
}

impl Users {
    fn of(schema: &SchemaModel) -> Users {
        let none = || schema.parts.iter().map(|_| Vec::new()).collect();
        let mut users = Users { parts: none(), events: schema.parts.iter().map(|_| Vec::new()).collect() };
        for (at, event) in schema.events.iter().enumerate() {
            for field in &event.fields.list {
                field.ty.each_part(&mut |part| users.events[part as usize].push(at));
            }
        }
        for (part, at) in schema.parts.iter().zip(0_u32..) {
            for field in part.body.fields() {
                field.ty.each_part(&mut |part| users.parts[part as usize].push(at));
            }
        }
        users
    }
}
