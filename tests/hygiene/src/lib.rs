//! The macros where nothing is as usual: the runtime is called otherwise, there is no prelude and no
//! `std`, names of the standard library mean something else, and every lint is an error.

#![no_std]
#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    single_use_lifetimes,
    clippy::all,
    clippy::pedantic
)]

extern crate alloc;

pub mod constants;
pub mod shadows;

use ::core::clone::Clone;
use ::core::cmp::PartialEq;
use ::core::fmt::Debug;
use ::core::marker::Copy;

/// Every kind of field.
#[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
#[pp(event = "hygiene:all", id = 1, latest = "id", crate = "::renamed")]
pub struct All {
    /// A number.
    pub id: u16,
    /// An array.
    pub position: [f32; 3],
    /// Text.
    pub name: ::alloc::string::String,
    /// A part.
    pub part: Part<u8>,
    /// A list.
    pub list: ::alloc::vec::Vec<Choice>,
    /// A map.
    pub map: ::alloc::collections::BTreeMap<u8, Wrapper>,
    /// Quantised.
    #[pp(as = u16, range = -1.0..=1.0)]
    pub angle: f32,
    /// Later.
    #[pp(since = 2, default)]
    pub later: ::core::option::Option<::alloc::boxed::Box<Tree>>,
    /// Later, with a value.
    #[pp(since = 3, default = 7)]
    pub last: u32,
}

/// A generic part.
#[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
pub struct Part<T>
where
    T: Copy,
{
    /// A value.
    pub value: T,
}

/// An enum.
#[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
pub enum Choice {
    /// Nothing.
    Nothing,
    /// One field.
    One(u8),
    /// Two fields, one of them quantised.
    Two {
        /// A number.
        number: i64,
        /// An angle.
        #[pp(as = u8, range = 0..=360)]
        angle: f64,
    },
}

/// A newtype.
#[derive(Debug, Clone, Copy, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
pub struct Wrapper(pub u8);

/// Contains itself.
#[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
pub struct Tree {
    /// Below.
    pub children: ::alloc::vec::Vec<Self>,
}

/// Raw identifiers.
#[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
#[pp(event = "hygiene:raw", id = 2, latest = "type", crate = "::renamed")]
pub struct r#Raw {
    /// A keyword.
    pub r#type: u8,
    /// Another.
    pub r#match: r#Enum,
}

/// Raw identifiers of variants.
#[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
#[allow(non_camel_case_types)]
pub enum r#Enum {
    /// A keyword.
    r#fn {
        /// Another.
        r#loop: u8,
    },
}

/// Fields that are there and fields that are not.
#[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
#[pp(event = "hygiene:cfg", id = 3, crate = "::renamed")]
pub struct Configured {
    /// There.
    #[cfg(not(any()))]
    pub there: u8,
    /// Not there.
    #[cfg(any())]
    pub not_there: Unknown,
    /// With an attribute that is not there.
    #[cfg_attr(any(), pp(unknown))]
    #[cfg_attr(not(any()), pp(as = u8, range = 0..=1))]
    pub float: f32,
    /// There as well.
    pub after: ConfiguredEnum,
}

/// Variants that are there and variants that are not.
#[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
pub enum ConfiguredEnum {
    /// Not there.
    #[cfg(any())]
    NotThere(Unknown),
    /// There, with the tag 0.
    There {
        /// Not there.
        #[cfg(any())]
        not_there: Unknown,
        /// There.
        there: u8,
    },
}

/// An event that nobody should use.
#[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
#[pp(event = "hygiene:deprecated", id = 4, crate = "::renamed")]
#[deprecated = "use another"]
pub struct Deprecated {
    /// A field that nobody should use.
    #[deprecated]
    pub field: u8,
    /// A part that nobody should use.
    #[allow(deprecated)]
    pub part: DeprecatedPart,
}

/// A part that nobody should use.
#[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
#[pp(crate = "::renamed")]
#[deprecated]
pub enum DeprecatedPart {
    /// A variant that nobody should use.
    #[deprecated]
    Variant {
        /// Nor its field.
        #[deprecated]
        field: u8,
    },
}

/// Makes events out of fragments, which the compiler puts into invisible groups.
macro_rules! events {
    ($($(#[$meta:meta])* $vis:vis $name:ident = $event:literal $id:literal {
        $($field:ident: $ty:ty = $since:literal $default:expr, $number:ident $min:literal..=$max:expr;)*
    })*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
        #[pp(event = $event, id = $id, crate = "::renamed")]
        $vis struct $name {
            $(
                /// A field.
                #[pp(since = $since, default = $default, as = $number, range = $min..=$max)]
                pub $field: $ty,
            )*
        }
    )* };
}

events! {
    /// Made by a macro.
    pub Made = "hygiene:made" 5 { a: f32 = 2 0.5 + 0.25, u8 -1..=1; b: f64 = 3 f64::MIN_POSITIVE, u16 0..=10.5; }
}

/// Nothing to send.
#[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
#[pp(event = "hygiene:unit", id = 6, volatile, crate = "::renamed")]
pub struct Unit;

::renamed::schema! {
    /// All of them.
    #[derive(Debug, Clone, PartialEq)]
    pub Hygiene { All, Raw, Configured, Deprecated, Made, shadows::Shadows, Unit }
}

::renamed::schema! {
    /// None at all.
    pub Empty {}
}
