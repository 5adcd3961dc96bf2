//! The names that generated code uses, so that it works without the prelude, without `alloc` in
//! scope and where a name of the standard library is taken. Not for anybody else.

pub use crate::codec::compound::sum;
pub use crate::codec::fingerprint::{Depth, Described, Fingerprint, Named, NamedPrint, Print, Top};
pub use crate::codec::generated::{
    check, in_variant, key, nested, run_length, struct_fields, unknown_tag, variant_fields,
};
pub use crate::codec::quantised::{Quantised, Quantiser};
pub use crate::codec::{
    DecodeError, EnumType, Field, Layout, Number, Quantisation, Reader, Shape, Sink, StructType, TypeRef, Variant,
    Window, Wire, WireType,
};
pub use crate::schema::{Delivery, Index, Member, slots, unknown_event};
pub use alloc::vec::Vec;
pub use core::clone::Clone;
pub use core::convert::From;
pub use core::default::Default;
pub use core::fmt::Debug;
pub use core::marker::Copy;
pub use core::option::Option::{self, None, Some};
pub use core::primitive::{bool, str, u8, u16, u64, usize};
pub use core::result::Result::{self, Err, Ok};
pub use core::{concat, module_path};
pub use painda_derive::schema;
