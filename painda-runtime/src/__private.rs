//! The names that generated code uses, so that it works without the prelude, without `alloc` in
//! scope and where a name of the standard library is taken. Not for anybody else.

pub use crate::codec::{DecodeError, Field, Layout, Reader, Shape, Window, Wire, run_length};
pub use crate::schema::{Index, slots, unknown_event};
pub use alloc::vec::Vec;
pub use core::convert::From;
pub use core::primitive::{str, u8, u16, usize};
pub use core::result::Result::{self, Err, Ok};
pub use core::{concat, module_path, stringify};
pub use painda_derive::schema;
