//! Compares the variants of an enum.
//!
//! Owns the rules about them: a new one is a matter of source, another name one of JSON, another tag or other fields
//! change the meaning of bytes. And whether any has fields decides what all of them are in TypeScript.

use super::difference::{Site, What};
use super::fields;
use super::walk::Walk;
use crate::schema::model::VariantModel;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Compares the variants of an enum.
pub(super) fn of_enum<'a>(walk: &mut Walk<'a, '_>, site: Site<'a>, old: &'a [VariantModel], new: &'a [VariantModel]) {
    data(walk, site, old, new);
    let (before, after) = (Variants::new(old), Variants::new(new));
    for variant in &before.list {
        let place = site.variant(&variant.name);
        match (after.by_tag.get(&variant.tag), after.by_name.get(&*variant.name)) {
            (_, Some(same)) => {
                if variant.tag != same.tag {
                    walk.emit(place, What::VariantTag { old: variant.tag, new: same.tag });
                }
                fields::of_part(walk, place, &variant.fields, &same.fields);
            }
            (Some(renamed), None) if !before.by_name.contains_key(&*renamed.name) => {
                walk.emit(place, What::VariantRenamed { new: &renamed.name });
                fields::of_part(walk, place, &variant.fields, &renamed.fields);
            }
            _ => walk.emit(place, What::VariantGone),
        }
    }
    for variant in &after.list {
        if !before.by_name.contains_key(&*variant.name) && !before.by_tag.contains_key(&variant.tag) {
            walk.emit(site.variant(&variant.name), What::VariantNew { tag: variant.tag });
        }
    }
}

/// There are 256 of them at most: a tag is one byte, and no two have the same.
struct Variants<'a> {
    /// In the order of their tags.
    list: Vec<&'a VariantModel>,
    by_tag: BTreeMap<u8, &'a VariantModel>,
    by_name: BTreeMap<&'a str, &'a VariantModel>,
}

impl<'a> Variants<'a> {
    fn new(variants: &'a [VariantModel]) -> Self {
        let by_tag: BTreeMap<_, _> = variants.iter().map(|variant| (variant.tag, variant)).collect();
        Variants {
            list: by_tag.values().copied().collect(),
            by_name: variants.iter().map(|variant| (&*variant.name, variant)).collect(),
            by_tag,
        }
    }
}

/// Compares whether there are variants with fields: where there are none, TypeScript has a string for each.
fn data<'a>(walk: &mut Walk<'a, '_>, site: Site<'a>, old: &'a [VariantModel], new: &'a [VariantModel]) {
    let has_data = |variants: &[VariantModel]| variants.iter().any(|variant| !variant.fields.list.is_empty());
    let first = old.iter().min_by_key(|variant| variant.tag);
    if has_data(old) != has_data(new) {
        let variant = first.map_or("", |variant| &variant.name);
        walk.emit(site, What::Data { has_data: has_data(new), variant });
    }
}
