//! Names in scope that are patterns: where one of them is called as a variable of the generated code, it is no
//! variable any more.
//!
//! The lists hold what the macros' variables, items and type parameters are, or have been, called without their prefix.

#![allow(non_camel_case_types, non_upper_case_globals, non_snake_case, missing_docs, missing_debug_implementations)]
#![allow(dead_code, clippy::all, clippy::pedantic)]

use ::core::clone::Clone;
use ::core::cmp::PartialEq;
use ::core::fmt::Debug;

/// Makes a module in which every one of these names is what the pattern says: a constant, a static, or a struct that is
/// also a value.
macro_rules! modules {
    ($($module:ident = $name:ident => { $($item:tt)* })*) => { $(modules! {
        @ $module ($) $name { $($item)* }
        out reader tag run window event id field field_0 field_1 field_2 field_3 name value bytes put default size
        default_0 default_bytes_0 FIELDS KEY RUN_0 RUN_1_0 EVENTS INDEX REGISTRY SLOTS
        __FIELDS __KEY __RUN_0 __RUN_1_0 __default_0 __default_bytes_0 __Quantiser_0 __Quantiser_1_0
    })* };
    (@ $module:ident ($dollar:tt) $name:ident { $($item:tt)* } $($names:ident)*) => {
        pub mod $module {
            macro_rules! item { ($dollar $name:ident) => { $($item)* }; }
            $(item! { $names })*
            events! {}
        }
    };
}

/// Events and parts with every kind of generated code.
macro_rules! events {
    () => {
        #[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
        #[pp(event = "constants:all", id = 1, latest = "out", crate = "::renamed")]
        pub struct All {
            pub out: u16,
            pub reader: [f32; 3],
            pub tag: ::alloc::string::String,
            pub run: ::alloc::vec::Vec<Choice>,
            #[pp(as = u8, range = 0..=1)]
            pub window: f32,
            pub generic: Pair<Unit, u8>,
            #[pp(since = 2, default = 7)]
            pub event: u32,
            #[pp(since = 2, default, as = u16, range = 0..=1)]
            pub id: f64,
            #[pp(since = 3, default)]
            pub name: ::core::option::Option<::alloc::boxed::Box<Tree>>,
        }

        #[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
        #[pp(event = "constants:tuple", crate = "::renamed")]
        pub struct Tuple(pub u8, pub bool, pub ::alloc::string::String, #[pp(since = 2, default)] pub u8);

        #[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
        #[pp(event = "constants:nothing", crate = "::renamed")]
        pub struct Nothing;

        #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
        #[pp(crate = "::renamed")]
        pub enum Choice {
            Neither,
            One(u8),
            Two {
                out: i64,
                #[pp(as = u8, range = 0..=360)]
                reader: f64,
                tag: ::alloc::string::String,
            },
        }

        #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
        #[pp(crate = "::renamed")]
        pub struct Pair<A, B>(pub A, pub B);

        #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
        #[pp(crate = "::renamed")]
        pub struct Unit {}

        #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
        #[pp(crate = "::renamed")]
        pub struct Tree {
            pub children: ::alloc::vec::Vec<Self>,
        }

        ::renamed::schema! {
            #[derive(Debug, Clone, PartialEq)]
            pub Constants { All, Tuple, Nothing }
        }
    };
}

modules! {
    constants = name => { pub const $name: u8 = 1; }
    statics = name => { pub static $name: u8 = 1; }
    unit_structs = name => { pub struct $name; }
    tuple_structs = name => { pub struct $name(pub u8); }
    functions = name => { pub fn $name() {} }
}

/// Constants that users need are not hidden by variables of the same name.
pub mod lengths {
    use super::{Clone, Debug, PartialEq};

    pub const out: usize = 2;
    pub const reader: usize = 3;
    pub const field_0: usize = 4;
    pub const run: u8 = 5;

    #[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
    #[pp(event = "lengths", id = 1, crate = "::renamed")]
    pub struct Lengths {
        pub first: [u8; out],
        pub second: [[i16; field_0]; reader],
        #[pp(since = 2, default = run)]
        pub third: u8,
    }
}

/// Type parameters and types that are called as those of the generated code.
pub mod parameters {
    use super::{Clone, Debug, PartialEq};

    #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
    #[pp(crate = "::renamed")]
    pub struct Parameters<S, D, __S, __D, Sink, Depth, Wire, Vec> {
        pub s: S,
        pub d: D,
        pub both: (__S, __D),
        pub sink: ::alloc::vec::Vec<Sink>,
        pub depth: Depth,
        pub wire: Wire,
        pub vec: Vec,
    }

    #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
    #[pp(crate = "::renamed")]
    pub struct __S(pub u8);

    #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
    #[pp(crate = "::renamed")]
    pub enum __D {
        One(__S),
        Many(::alloc::vec::Vec<__D>),
    }

    #[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
    #[pp(event = "parameters", id = 1, crate = "::renamed")]
    pub struct Event {
        pub all: Parameters<u8, u16, __S, __D, u32, u64, i8, i16>,
    }
}

/// Constants and functions of the types themselves that are called as those of the traits; and a trait whose methods
/// everything has.
pub mod associated {
    use super::{Clone, Debug, PartialEq};

    #[derive(Debug, Clone, PartialEq, ::renamed::PPEvent)]
    #[pp(event = "associated", crate = "::renamed")]
    pub struct Event {
        pub part: Part,
        pub choice: Choice,
        pub text: ::alloc::string::String,
        #[pp(as = u8, range = 0..=1)]
        pub float: f32,
    }

    #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
    #[pp(crate = "::renamed")]
    pub struct Part {
        pub text: ::alloc::string::String,
    }

    #[derive(Debug, Clone, PartialEq, ::renamed::PPType)]
    #[pp(crate = "::renamed")]
    pub enum Choice {
        TYPE,
        FIXED_SIZE(u8),
        Print { read: ::alloc::string::String },
    }

    ::renamed::schema! {
        #[derive(Debug, Clone, PartialEq)]
        pub Schema { Event }
    }

    macro_rules! inherent {
        ($($ty:ident)*) => { $(
            impl $ty {
                pub const NAME: bool = true;
                pub const ID: bool = true;
                pub const DESCRIPTOR: bool = true;
                pub const TYPE_REF: bool = true;
                pub const MIN_SIZE: bool = true;
                pub const PROBLEM: bool = true;
                pub fn size() {}
                pub fn encoded_size() {}
                pub fn write() {}
                pub fn read() {}
                pub fn read_field() {}
                pub fn read_named() {}
                pub fn encode() {}
                pub fn descriptor() {}
                pub fn registry() {}
                pub fn from() {}
            }
        )* };
    }
    inherent! { Event Part Choice Schema SchemaEvent }

    pub trait Everything: ::core::marker::Sized {
        fn size(self) {}
        fn write(self) {}
        fn read(self) {}
        fn get(self) {}
        fn position(self) {}
        fn check(self) {}
        fn map(self) {}
        fn put(self) {}
        fn is_empty(self) {}
        fn with_args(self) {}
        fn with_doc(self) {}
        fn with_delivery(self) {}
        fn with_fingerprints(self) {}
        fn with_since(self) {}
        fn number(self) {}
        fn name(self) {}
        fn len(self) {}
    }
    impl<T> Everything for T {}
}

/// Nothing in scope at all.
pub mod bare {
    #[derive(::renamed::PPEvent)]
    #[pp(event = "bare", crate = "::renamed")]
    pub struct Bare;

    ::renamed::schema! { pub r#type { Bare } }
}
