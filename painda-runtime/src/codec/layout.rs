//! The methods of [`Layout`] and [`Field`]. Types are known by reference only; no message is read or written here.

use super::notes::{Notes, noted};
use super::types::{Field, Layout, Shape, TypeRef, WireType};
use alloc::vec::Vec;
use core::fmt;

impl Layout {
    /// The layout of a struct with these fields; for generated code and tests.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(shape: Shape, fields: &'static [Field]) -> Self {
        Layout { shape, fields }
    }

    /// Whether the fields have names or positions.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The fields, in the order of the wire.
    #[must_use]
    pub const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// The encoded length in bytes, where every value has the same.
    #[must_use]
    pub const fn fixed_size(&self) -> Option<usize> {
        let mut total = 0;
        let mut at = 0;
        while at < self.fields.len() {
            match self.fields[at].ty.fixed_size() {
                Some(size) => total += size,
                None => return None,
            }
            at += 1;
        }
        Some(total)
    }

    /// A lower bound of the encoded length in bytes.
    #[must_use]
    pub const fn min_size(&self) -> usize {
        let mut total = 0;
        let mut at = 0;
        while at < self.fields.len() {
            total += self.fields[at].ty.min_size();
            at += 1;
        }
        total
    }
}

impl Field {
    /// A field of a known type, for tests.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, ty: &'static WireType) -> Self {
        Field::with_type(name, TypeRef::to(ty))
    }

    /// A field of a type by reference; for generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_type(name: &'static str, ty: TypeRef) -> Self {
        Field { name, ty, notes: Notes::NONE, since: 1, default: None, layout_fingerprint: 0, names_fingerprint: 0 }
    }

    /// The same field as one that version `since` of the event has added; `default` makes the
    /// encoding of the value that it has in older messages. For generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_since(mut self, since: u32, default: fn() -> Vec<u8>) -> Self {
        self.since = since;
        self.default = Some(default);
        self
    }

    /// The same field with the fingerprints of its type.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_fingerprints(mut self, layout: u64, names: u64) -> Self {
        self.layout_fingerprint = layout;
        self.names_fingerprint = names;
        self
    }

    /// The name; of a tuple's or tuple struct's field its position, `"0"`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The type on the wire.
    #[must_use]
    pub fn ty(&self) -> &'static WireType {
        self.ty.get()
    }

    /// The type on the wire, with its sizes at compile time.
    #[must_use]
    pub const fn type_ref(&self) -> TypeRef {
        self.ty
    }

    /// The version of the event that has added the field: 1, or the value of `#[pp(since = …)]`.
    #[must_use]
    pub const fn since(&self) -> u32 {
        self.since
    }

    /// 64 bits that change when the meaning of the field's bytes does. Only fields of events have it; it is
    /// 0 in other places.
    #[must_use]
    pub const fn layout_fingerprint(&self) -> u64 {
        self.layout_fingerprint
    }

    /// 64 bits that change when the layout does, or the name of a field or variant inside the field. Only
    /// fields of events have it; it is 0 in other places.
    #[must_use]
    pub const fn names_fingerprint(&self) -> u64 {
        self.names_fingerprint
    }

    /// The encoding of the value that the field has where a message is older than it. There is one
    /// exactly if [`since`](Field::since) is above 1.
    #[must_use]
    pub fn default_bytes(&self) -> Option<Vec<u8>> {
        self.default.map(|default| default())
    }
}

noted!("field", Field, notes);

// The function behind the default has no name worth printing.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("name", &self.name)
            .field("ty", &self.ty)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
