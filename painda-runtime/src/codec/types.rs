//! Types as data: what a field is, for code that does not have the Rust type at hand.
//!
//! Owns [`WireType`] and the fields of a struct. Reflection, the lock file and the generators read
//! it; nothing here reads or writes a message.

/// The type of a value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireType {
    /// A number of fixed width, big-endian.
    Number(Number),
    /// One byte, 0 or 1.
    Bool,
}

/// The numbers of the wire contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// 8 bits, unsigned.
    U8,
    /// 8 bits, signed.
    I8,
    /// 16 bits, unsigned.
    U16,
    /// 16 bits, signed.
    I16,
    /// 32 bits, unsigned.
    U32,
    /// 32 bits, signed.
    I32,
    /// 64 bits, unsigned.
    U64,
    /// 64 bits, signed.
    I64,
    /// IEEE 754, 32 bits.
    F32,
    /// IEEE 754, 64 bits.
    F64,
}

impl Number {
    /// The width in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
        }
    }

    /// The type's name in Rust: `u16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Number::U8 => "u8",
            Number::I8 => "i8",
            Number::U16 => "u16",
            Number::I16 => "i16",
            Number::U32 => "u32",
            Number::I32 => "i32",
            Number::U64 => "u64",
            Number::I64 => "i64",
            Number::F32 => "f32",
            Number::F64 => "f64",
        }
    }
}

impl WireType {
    /// The encoded length in bytes, where every value has the same.
    #[must_use]
    pub const fn fixed_size(&self) -> Option<usize> {
        match self {
            WireType::Number(number) => Some(number.size()),
            WireType::Bool => Some(1),
        }
    }
}

/// How the fields of a struct are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// By name: `struct Move { x: f32 }`. A unit struct is one without fields.
    Named,
    /// By position: `struct Move(f32);`
    Tuple,
}

/// The fields of a struct, in the order of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    shape: Shape,
    fields: &'static [Field],
}

impl Layout {
    /// The layout of a struct with these fields.
    #[must_use]
    pub const fn new(shape: Shape, fields: &'static [Field]) -> Self {
        Layout { shape, fields }
    }

    /// How the fields are told apart.
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
}

/// One field of a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    ty: &'static WireType,
    doc: &'static str,
}

impl Field {
    /// A field without documentation.
    #[must_use]
    pub const fn new(name: &'static str, ty: &'static WireType) -> Self {
        Field { name, ty, doc: "" }
    }

    /// The same field with its doc comment.
    #[must_use]
    pub const fn with_doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// The name; of a tuple struct's field its position, `"0"`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The type on the wire.
    #[must_use]
    pub const fn ty(&self) -> &'static WireType {
        self.ty
    }

    /// The doc comment, a line per line, empty where there is none.
    #[must_use]
    pub const fn doc(&self) -> &'static str {
        self.doc
    }
}
