//! The methods of the structs and enums that are parts of events: their names, documentation and variants.

use super::notes::{Notes, noted};
use super::types::{EnumType, Item, Layout, StructType, TypeRef, Variant};

impl Item {
    const fn new(name: &'static str, rust_path: &'static str) -> Self {
        Item { name, rust_path, args: &[], notes: Notes::NONE }
    }
}

macro_rules! item {
    ($ty:ident) => {
        impl $ty {
            /// The same type with its type arguments, in the order of its parameters; for generated code.
            #[doc(hidden)]
            #[must_use]
            pub const fn with_args(mut self, args: &'static [TypeRef]) -> Self {
                self.item.args = args;
                self
            }

            /// The name in Rust, without type arguments: `Position`.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                self.item.name
            }

            /// The path in Rust, without type arguments: `schemas::Position`.
            #[must_use]
            pub const fn rust_path(&self) -> &'static str {
                self.item.rust_path
            }

            /// The type arguments; none where the type is not generic.
            #[must_use]
            pub const fn args(&self) -> &'static [TypeRef] {
                self.item.args
            }
        }

        noted!("type", $ty, item.notes);
    };
}

item!(StructType);
item!(EnumType);

impl StructType {
    /// A struct without documentation and type arguments; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, rust_path: &'static str, layout: Layout) -> Self {
        StructType { item: Item::new(name, rust_path), layout }
    }

    /// The fields, and whether they have names or positions.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }
}

impl EnumType {
    /// An enum without documentation and type arguments; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, rust_path: &'static str, variants: &'static [Variant]) -> Self {
        EnumType { item: Item::new(name, rust_path), variants }
    }

    /// The variants, in the order of the enum.
    #[must_use]
    pub const fn variants(&self) -> &'static [Variant] {
        self.variants
    }

    /// The variant with this tag.
    #[must_use]
    pub fn variant(&self, tag: u8) -> Option<&'static Variant> {
        self.variants.iter().find(|variant| variant.tag == tag)
    }

    /// The encoded length in bytes, where every value has the same: 1 if no variant has fields.
    #[must_use]
    pub const fn fixed_size(&self) -> Option<usize> {
        let mut at = 0;
        while at < self.variants.len() {
            if !self.variants[at].layout.fields().is_empty() {
                return None;
            }
            at += 1;
        }
        Some(1)
    }
}

impl Variant {
    /// A variant without documentation; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, tag: u8, layout: Layout) -> Self {
        Variant { name, tag, notes: Notes::NONE, layout }
    }

    /// The name in Rust.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The byte on the wire: the variant's discriminant, which counts up from 0 where none is written.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// The fields, and whether they have names or positions; none in a unit variant.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }
}

noted!("variant", Variant, notes);
