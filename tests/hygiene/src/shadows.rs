//! Names of the standard library that mean something else here.

#![allow(missing_docs, missing_debug_implementations, non_camel_case_types, dead_code, clippy::upper_case_acronyms)]

use ::core::clone::Clone;
use ::core::cmp::PartialEq;
use ::core::fmt::Debug;

pub struct Vec;
pub struct Option;
pub struct Some;
pub struct None;
pub struct Result;
pub struct Ok;
pub struct Err;
pub struct Default;
pub struct String;
pub struct str;
pub struct usize;
pub trait Wire {}
pub trait Print {}
pub mod core {}
pub mod std {}
pub mod alloc {}
pub mod painda_runtime {}

#[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
#[pp(event = "hygiene:shadows", id = 7, crate = "::renamed")]
pub struct Shadows {
    pub number: u32,
    pub list: ::alloc::vec::Vec<Inner>,
    #[pp(since = 2, default)]
    pub later: ::core::option::Option<bool>,
}

#[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
pub enum Inner {
    // The names of the variables in the generated code.
    Fields { run: u8, out: ::alloc::string::String, reader: u16, window: u8, field_0: u32, tag: u8, put: u8 },
}
