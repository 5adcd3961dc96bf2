//! The possible differences between two schemas, and the class of each.
//!
//! Owns the rules: [`What::class`] and [`What::side`] say what each difference means, for the lock file and for nodes alike.

use super::change::Class;
use crate::schema::model::{DeliveryModel, EventModel, FieldModel, Fields};

/// One difference, in terms of the two schemas.
pub(crate) struct Difference<'a> {
    pub(crate) site: Site<'a>,
    pub(crate) what: What<'a>,
}

/// Where a difference is.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) owner: Owner<'a>,
    pub(crate) variant: Option<&'a str>,
    pub(crate) field: Option<&'a str>,
}

/// What has the difference.
#[derive(Clone, Copy)]
pub(crate) enum Owner<'a> {
    Schema,
    /// An event by its name; by the old one, where it has two.
    Event(&'a str),
    /// A struct or enum, by its place among the pairs.
    Part(usize),
}

/// Which of the two schemas has what the other one lacks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Old,
    New,
    /// Both have it, and differ.
    Both,
}

/// What the difference is.
pub(crate) enum What<'a> {
    SchemaRenamed {
        old: &'a str,
    },
    Depth {
        old: u8,
        new: u8,
    },
    /// The types lead to more pairs than can be compared.
    TooManyPairs,
    /// `became`: the event that its type is now, if it is another one.
    EventGone {
        id: u16,
        became: Option<&'a EventModel>,
    },
    EventNew {
        id: u16,
    },
    /// A lock file has reserved it.
    EventBack {
        id: u16,
    },
    /// Its id or name belonged to the event with this id and name.
    Reused {
        event: &'a EventModel,
        id: u16,
        name: &'a str,
    },
    EventRenamed {
        new: &'a str,
    },
    EventId {
        old: &'a EventModel,
        new: &'a EventModel,
    },
    /// An event's type or a part is at another path in Rust.
    Moved {
        old: &'a str,
        new: &'a str,
    },
    Delivery {
        old: &'a DeliveryModel,
        new: &'a DeliveryModel,
    },
    /// It was an enum and is a struct, or the other way around.
    StructOrEnum {
        is_enum: bool,
    },
    /// The first variant has fields, or none has any more: the name of a variant.
    Data {
        has_data: bool,
        variant: &'a str,
    },
    VariantTag {
        old: u8,
        new: u8,
    },
    VariantRenamed {
        new: &'a str,
    },
    VariantGone,
    VariantNew {
        tag: u8,
    },
    /// Fields that had names now have positions, or the other way around.
    Shape {
        is_tuple: bool,
    },
    Order {
        old: &'a Fields,
        new: &'a Fields,
    },
    FieldRenamed {
        new: &'a str,
    },
    /// `at_end`: older programs may leave it out.
    FieldGone {
        field: &'a FieldModel,
        at_end: bool,
    },
    /// `grow`: the next version of the event; a part has none.
    FieldNew {
        field: &'a FieldModel,
        at_end: bool,
        grow: Option<u32>,
    },
    FieldType {
        old: &'a FieldModel,
        new: &'a FieldModel,
        is_part: bool,
    },
    FieldSince {
        old: &'a FieldModel,
        new: &'a FieldModel,
    },
    FieldDefault {
        old: &'a FieldModel,
        new: &'a FieldModel,
    },
}

impl<'a> Site<'a> {
    pub(crate) const SCHEMA: Site<'static> = Site { owner: Owner::Schema, variant: None, field: None };

    pub(crate) fn event(name: &'a str) -> Self {
        Site { owner: Owner::Event(name), variant: None, field: None }
    }

    pub(crate) fn part(pair: usize) -> Self {
        Site { owner: Owner::Part(pair), variant: None, field: None }
    }

    pub(crate) fn variant(self, name: &'a str) -> Self {
        Site { variant: Some(name), ..self }
    }

    pub(crate) fn field(self, name: &'a str) -> Self {
        Site { field: Some(name), ..self }
    }
}

impl What<'_> {
    /// Who is affected by the change from the old schema to the new one.
    pub(crate) fn class(&self) -> Class {
        match self {
            What::EventNew { .. } | What::FieldNew { at_end: true, .. } => Class::Safe,
            What::SchemaRenamed { .. } | What::Moved { .. } | What::Delivery { .. } | What::VariantNew { .. } => {
                Class::InSource
            }
            What::EventRenamed { .. }
            | What::FieldRenamed { .. }
            | What::VariantRenamed { .. }
            | What::Shape { .. }
            | What::Data { .. } => Class::InJson,
            What::Depth { .. }
            | What::TooManyPairs
            | What::EventGone { .. }
            | What::EventBack { .. }
            | What::Reused { .. }
            | What::EventId { .. }
            | What::StructOrEnum { .. }
            | What::VariantTag { .. }
            | What::VariantGone
            | What::Order { .. }
            | What::FieldGone { .. }
            | What::FieldNew { at_end: false, .. }
            | What::FieldType { .. }
            | What::FieldSince { .. }
            | What::FieldDefault { .. } => Class::OnWire,
        }
    }

    /// Which of the two schemas has more, if programs with the other one work without it.
    pub(crate) fn side(&self) -> Side {
        match self {
            What::EventNew { .. } | What::VariantNew { .. } | What::FieldNew { at_end: true, .. } => Side::New,
            What::EventGone { .. } | What::VariantGone | What::FieldGone { at_end: true, .. } => Side::Old,
            _ => Side::Both,
        }
    }

    /// Whether programs with the one and with the other schema can't talk, whichever is the older one.
    pub(crate) fn is_conflict(&self) -> bool {
        self.class() == Class::OnWire && self.side() == Side::Both
    }
}
