//! Compares two schemas.
//!
//! It walks through both twice: first to find the structs and enums that contradict each other, then to report. One walk is not
//! enough, because types may contain themselves.

use super::difference::{Difference, Site, What};
use super::events::Events;
use super::pairs::Pairs;
use super::walk::Walk;
use super::{fields, variants};
use crate::schema::model::{Body, SchemaModel};

/// Calls with each difference.
pub(super) fn compare<'a>(
    old: &'a SchemaModel,
    new: &'a SchemaModel,
    found: &mut dyn FnMut(&Pairs<'a>, Difference<'a>),
) {
    let mut walk = Walk::new(old, new, found);
    let events = Events::new(old, new);
    events.compare(&mut walk);
    let mut at = 0;
    while walk.pairs.parts(at).is_some() {
        pair(&mut walk, at);
        at += 1;
    }
    walk.pairs.report();
    schemas(&mut walk, old, new);
    events.compare(&mut walk);
    let mut at = 0;
    while let Some(pair) = walk.pairs.reached(at) {
        self::pair(&mut walk, pair);
        at += 1;
    }
    if walk.pairs.is_tangled {
        walk.emit(Site::SCHEMA, What::TooManyPairs);
    }
}

fn schemas<'a>(walk: &mut Walk<'a, '_>, old: &'a SchemaModel, new: &'a SchemaModel) {
    if old.name != new.name {
        walk.emit(Site::SCHEMA, What::SchemaRenamed { old: &old.name });
    }
    if old.depth != new.depth && walk.is_complete {
        walk.emit(Site::SCHEMA, What::Depth { old: old.depth, new: new.depth });
    }
}

fn pair(walk: &mut Walk<'_, '_>, at: usize) {
    let Some((old, new)) = walk.pairs.parts(at) else { return };
    let site = Site::part(at);
    if old.path != new.path {
        walk.emit(site, What::Moved { old: &old.path, new: &new.path });
    }
    match (&old.body, &new.body) {
        (Body::Struct(old), Body::Struct(new)) => fields::of_part(walk, site, old, new),
        (Body::Enum(old), Body::Enum(new)) => variants::of_enum(walk, site, old, new),
        (Body::Struct(_), Body::Enum(_)) => walk.emit(site, What::StructOrEnum { is_enum: true }),
        (Body::Enum(_), Body::Struct(_)) => walk.emit(site, What::StructOrEnum { is_enum: false }),
    }
}
