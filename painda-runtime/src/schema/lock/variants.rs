//! Compares the variants of an enum.
//!
//! Owns the rules about them: a new one is a matter of source, another name one of JSON, another tag or other fields
//! change the meaning of bytes. And whether any has fields decides what all of them are in TypeScript.

use super::change::{Change, Class};
use super::fields::{self, RENAMED};
use super::model::LockedVariant;

/// Compares the variants of an enum.
pub(super) fn of_enum(place: &str, old: &[LockedVariant], new: &[LockedVariant], changes: &mut Vec<Change>) {
    data(place, old, new, changes);
    for before in old {
        let place = format!("{place}, variant `{}`", before.name);
        let with_tag = new.iter().find(|variant| variant.tag == before.tag);
        let with_name = new.iter().find(|variant| variant.name == before.name);
        match (with_tag, with_name) {
            (_, Some(variant)) => {
                if variant.tag != before.tag {
                    changes.push(Change::new(
                        Class::OnWire,
                        &place,
                        format!("its tag was {} and is {}", before.tag, variant.tag),
                        format!(
                            "Old and new programs take it for another variant. Keep it: `{} = {}`.",
                            before.name, before.tag
                        ),
                    ));
                }
                fields::of_part(&place, &before.layout, &variant.layout, changes);
            }
            (Some(variant), None) if old.iter().all(|other| other.name != variant.name) => {
                changes.push(Change::new(
                    Class::InJson,
                    &place,
                    format!("its name is `{}` now", variant.name),
                    RENAMED,
                ));
                fields::of_part(&place, &before.layout, &variant.layout, changes);
            }
            _ => changes.push(Change::new(
                Class::OnWire,
                &place,
                "it is gone",
                "Programs that still send it are not understood. Leave it, and mark it as `#[deprecated]`.",
            )),
        }
    }
    for variant in new {
        if old.iter().all(|before| before.name != variant.name && before.tag != variant.tag) {
            changes.push(Change::new(
                Class::InSource,
                format!("{place}, variant `{}`", variant.name),
                format!("it is new, with the tag {}", variant.tag),
                "The bytes of the others are the same. Code that matches has to handle it; programs that do not know \
                 it refuse messages with it, so update those that receive it first.",
            ));
        }
    }
}

/// Compares whether there are variants with fields: where there are none, TypeScript has a string for each.
fn data(place: &str, old: &[LockedVariant], new: &[LockedVariant], changes: &mut Vec<Change>) {
    let has_data = |variants: &[LockedVariant]| variants.iter().any(|variant| !variant.layout.fields.is_empty());
    let name = old.first().map_or("", |variant| &variant.name);
    let (string, object) = (format!("`\"{name}\"`"), format!("`{{ kind: \"{name}\" }}`"));
    let (what, from, to) = match (has_data(old), has_data(new)) {
        (false, true) => ("it has its first variant with fields", string, object),
        (true, false) => ("none of its variants has fields any more", object, string),
        _ => return,
    };
    let advice = format!(
        "In TypeScript all its values are others: {from} becomes {to}, where the module is made anew. The bytes and \
         the JSON of a variant that stays are the same. To keep the values, leave the enum as it is, and append a \
         field of a new one to the event: `#[pp(since = …, default)]`."
    );
    changes.push(Change::new(Class::InJson, place, what, advice));
}
