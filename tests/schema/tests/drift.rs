//! Everything that two programs must agree on, changed in Rust, and what the lock file says about it.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "the versions of a schema are described, not used")]

use painda_runtime::schema::lock::{self, Class};
use painda_runtime::{Registry, Schema};

/// Makes two versions of a schema for each row of the table. A version is an event's attribute and fields, and the
/// parts that it needs, or all of it.
macro_rules! table {
    ($($name:ident $old:tt => $new:tt $expected:expr;)*) => {
        $(mod $name {
            pub(super) mod old { version! $old }
            pub(super) mod new { version! $new }
        })*

        fn rows() -> Vec<(&'static str, &'static Registry, &'static Registry, &'static [&'static str])> {
            vec![$((stringify!($name), $name::old::S::registry(), $name::new::S::registry(), &$expected)),*]
        }
    };
}

macro_rules! version {
    ($event:literal $(, $arg:ident $(= $value:literal)?)*; $fields:tt $($parts:item)*) => {
        version! {
            event! { [#[pp(event = $event $(, $arg $(= $value)?)*)]] $fields }
            $($parts)*
            schema! { pub S { E } }
        }
    };
    ($($items:item)*) => {
        use painda_runtime::{Bytes, PPEvent, PPType, schema};
        use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
        $($items)*
    };
}

macro_rules! event {
    ([$attribute:tt $pp:tt] { $($fields:tt)* }) => {
        #[derive(PPEvent)] $attribute $pp pub struct E { $($fields)* }
    };
    ([$attribute:tt $pp:tt] ( $($fields:tt)* )) => {
        #[derive(PPEvent)] $attribute $pp pub struct E($($fields)*);
    };
}

table! {
    // --- What nobody has to agree on.
    documentation { "e", id = 1; { x: u8 } } => {
        "e", id = 1; {
            /// Documented.
            #[deprecated] x: u8
        }
    } [];
    order_of_the_list {
        #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct E;
        #[derive(PPEvent)] #[pp(event = "f", id = 2)] pub struct F;
        schema! { pub S { E, F } }
    } => {
        #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct E;
        #[derive(PPEvent)] #[pp(event = "f", id = 2)] pub struct F;
        schema! { pub S { F, E } }
    } [];
    order_of_the_variants { "e", id = 1; (T) #[derive(PPType)] pub enum T { A = 0, B = 1 } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { B = 1, A = 0 } } [];
    variants_without_fields { "e", id = 1; (T) #[derive(PPType)] pub enum T { A, B(u8) } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A(), B(u8) } } [];
    types_of_the_same_bytes {
        "e", id = 1; { a: BTreeMap<u8, u8>, b: BTreeSet<u8>, c: u8, #[pp(since = 2, default)] d: Vec<String> }
    } => {
        "e", id = 1;
        { a: HashMap<u8, u8>, b: HashSet<u8>, c: Box<Number>, #[pp(since = 2, default = vec![])] d: Vec<String> }
        type Number = u8;
    } [];
    types_of_another_name { "e", id = 1; (T) #[derive(PPType)] pub struct T { x: u8 } } => {
        pub mod module { #[derive(painda_runtime::PPType)] pub struct T { pub x: u8 } }
        #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct F(module::T);
        schema! { pub S { F } }
    } [];

    // --- What is safe.
    new_event { #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct E; schema! { pub S { E } } } => {
        #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct E;
        #[derive(PPEvent)] #[pp(event = "f", id = 2)] pub struct F;
        schema! { pub S { E, F } }
    } ["safe event `f`: it is new, with the id 2"];
    appended_field { "e", id = 1; { x: u8 } } => { "e", id = 1; { x: u8, #[pp(since = 2, default)] y: u8 } }
        ["safe event `e`, field `y`: it is new in version 2"];

    // --- What concerns the source.
    volatile { "e", id = 1; { x: u8 } } => { "e", id = 1, volatile; { x: u8 } }
        ["source event `e`: its delivery was `reliable` and is `volatile`"];
    reliable_again { "e", id = 1, latest; { x: u8 } } => { "e", id = 1; { x: u8 } }
        ["source event `e`: its delivery was `latest` and is `reliable`"];
    key_of_the_latest { "e", id = 1, latest = "a"; { a: u8, b: u8 } } => { "e", id = 1, latest = "b"; { a: u8, b: u8 } }
        ["source event `e`: its delivery was `latest = \"a\"` and is `latest = \"b\"`"];
    no_key_of_the_latest { "e", id = 1, latest = "1"; (u8, u8) } => { "e", id = 1, latest; (u8, u8) }
        ["source event `e`: its delivery was `latest = \"1\"` and is `latest`"];
    new_variant { "e", id = 1; (T) #[derive(PPType)] pub enum T { A } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A, B } }
        ["source enum `T` (of the event `e`), variant `B`: it is new, with the tag 1"];

    // --- What concerns JSON and TypeScript.
    name_of_the_event { "e", id = 1; { x: u8 } } => { "f", id = 1; { x: u8 } } ["json event `e`: its name is `f` now"];
    name_of_a_field { "e", id = 1; { x: u8 } } => { "e", id = 1; { y: u8 } }
        ["json event `e`, field `x`: its name is `y` now"];
    name_of_a_key { "e", id = 1, latest = "x"; { x: u8 } } => { "e", id = 1, latest = "y"; { y: u8 } }
        ["json event `e`, field `x`: its name is `y` now"];
    name_of_a_variant { "e", id = 1; (T) #[derive(PPType)] pub enum T { A } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { B } }
        ["json enum `T` (of the event `e`), variant `A`: its name is `B` now"];
    newtype { "e", id = 1; (T) #[derive(PPType)] pub struct T { x: u8 } }
        => { "e", id = 1; (T) #[derive(PPType)] pub struct T(u8); }
        ["json struct `T` (of the event `e`): its fields had names and are told apart by position"];
    nothing_at_all { "e", id = 1; { x: T } #[derive(PPType)] pub struct T; }
        => { "e", id = 1; { x: T } #[derive(PPType)] pub struct T(); }
        ["json struct `T` (of the event `e`): its fields had names and are told apart by position"];
    tuple_event { "e", id = 1; (u8, u8) } => { "e", id = 1; { x: u8, y: u8 } }
        ["json event `e`: its fields were told apart by position and have names"];
    first_variant_with_fields { "e", id = 1; (T) #[derive(PPType)] pub enum T { A } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A, B(u8) } }
        [
            "json enum `T` (of the event `e`): it has its first variant with fields",
            "source enum `T` (of the event `e`), variant `B`: it is new, with the tag 1",
        ];

    // --- What is on the wire.
    id { "e", id = 1; { x: u8 } } => { "e"; { x: u8 } } ["wire event `e`: its id was 1 and is 750"];
    gone {
        #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct E;
        #[derive(PPEvent)] #[pp(event = "f", id = 2)] pub struct F;
        schema! { pub S { E, F } }
    } => { #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct E; schema! { pub S { E } } }
        ["wire event `f`: it is gone"];
    order { "e", id = 1; { x: u8, y: u8 } } => { "e", id = 1; { y: u8, x: u8 } }
        ["wire event `e`: the order of the fields was x, y and is y, x"];
    number { "e", id = 1; { x: u8 } } => { "e", id = 1; { x: i8 } }
        ["wire event `e`, field `x`: the type was `u8` and is `i8`"];
    set { "e", id = 1; { x: Vec<u8> } } => { "e", id = 1; { x: BTreeSet<u8> } }
        ["wire event `e`, field `x`: the type was `Vec<u8>` and is `Set<u8>`"];
    map { "e", id = 1; { x: BTreeMap<u8, u8> } } => { "e", id = 1; { x: Vec<(u8, u8)> } }
        ["wire event `e`, field `x`: the type was `Map<u8, u8>` and is `Vec<(u8, u8)>`"];
    bytes { "e", id = 1; { x: Vec<u8> } } => { "e", id = 1; { x: Bytes } }
        ["wire event `e`, field `x`: the type was `Vec<u8>` and is `Bytes`"];
    length { "e", id = 1; { x: [u8; 3] } } => { "e", id = 1; { x: [u8; 4] } }
        ["wire event `e`, field `x`: the type was `[u8; 3]` and is `[u8; 4]`"];
    option { "e", id = 1; { x: Option<u8> } } => { "e", id = 1; { x: Option<Option<u8>> } }
        ["wire event `e`, field `x`: the type was `Option<u8>` and is `Option<Option<u8>>`"];
    quantised { "e", id = 1; { x: f32 } } => { "e", id = 1; { #[pp(as = u8, range = 0..=1)] x: f32 } }
        ["wire event `e`, field `x`: the type was `f32` and is `f32 as u8 in 0.0..=1.0`"];
    range { "e", id = 1; { #[pp(as = u8, range = 0..=1)] x: f32 } }
        => { "e", id = 1; { #[pp(as = u8, range = 0..=1.5)] x: f32 } }
        ["wire event `e`, field `x`: the type was `f32 as u8 in 0.0..=1.0` and is `f32 as u8 in 0.0..=1.5`"];
    integer { "e", id = 1; { #[pp(as = u8, range = 0..=1)] x: f64 } }
        => { "e", id = 1; { #[pp(as = u16, range = 0..=1)] x: f64 } }
        ["wire event `e`, field `x`: the type was `f64 as u8 in 0.0..=1.0` and is `f64 as u16 in 0.0..=1.0`"];
    since { "e", id = 1; { #[pp(since = 2, default)] x: u8 } } => { "e", id = 1; { #[pp(since = 3, default)] x: u8 } }
        ["wire event `e`, field `x`: it was of version 2 and is of version 3"];
    default { "e", id = 1; { #[pp(since = 2, default)] x: u8 } }
        => { "e", id = 1; { #[pp(since = 2, default = 1)] x: u8 } }
        ["wire event `e`, field `x`: its default was `0` and is `1`"];
    closed_version { "e", id = 1; { #[pp(since = 2, default)] x: u8 } }
        => { "e", id = 1; { #[pp(since = 2, default)] x: u8, #[pp(since = 2, default)] y: u8 } }
        ["wire event `e`, field `y`: it is new"];
    tag { "e", id = 1; (T) #[derive(PPType)] pub enum T { A } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A = 1 } }
        ["wire enum `T` (of the event `e`), variant `A`: its tag was 0 and is 1"];
    field_of_a_part { "e", id = 1; (T<u8>) #[derive(PPType)] pub struct T<P> { x: P } }
        => { "e", id = 1; (T<u8>) #[derive(PPType)] pub struct T<P> { x: P, y: u8 } }
        ["wire struct `T<u8>` (of the event `e`), field `y`: it is new"];
    field_of_a_variant { "e", id = 1; (T) #[derive(PPType)] pub enum T { A { x: u8 } } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A { x: u16 } } }
        ["wire enum `T` (of the event `e`), variant `A`, field `x`: the type was `u8` and is `u16`"];
    struct_to_enum { "e", id = 1; (T) #[derive(PPType)] pub struct T { x: u8 } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A } }
        ["wire enum `T` (of the event `e`): it was a struct"];
}

/// The paths in Rust differ in each row, and are not what it is about.
fn changes(name: &str, old: &Registry, new: &Registry) -> Vec<String> {
    let changes = lock::changes(new, &lock::text(old)).expect("it is a lock file");
    let changes = changes.iter().filter(|change| !change.what().starts_with("its path in Rust was"));
    let modules = format!("{}::{name}::new::", module_path!());
    changes
        .map(|change| format!("{} {}: {}", change.class(), change.place().replace(&modules, ""), change.what()))
        .collect()
}

#[test]
fn every_change_has_its_class() {
    for (name, old, new, expected) in rows() {
        assert_eq!(changes(name, old, new), expected, "{name}");
    }
}

/// Nodes compare fingerprints: where these differ, the file has to say so, too.
#[test]
fn what_the_fingerprints_see_the_file_sees() {
    // A fingerprint has the order of an enum's variants in it as well, which nobody has to agree on.
    for (name, old, new, _) in rows().into_iter().filter(|(name, ..)| *name != "order_of_the_variants") {
        let changes = lock::changes(new, &lock::text(old)).expect("it is a lock file");
        let worst = changes.iter().map(lock::Change::class).max();
        for event in old.events() {
            let Some(other) = new.by_name(event.name()) else { continue };
            if event.layout_fingerprint() != other.layout_fingerprint() {
                let is_new = changes.iter().any(|change| change.what().starts_with("it is new"));
                assert!(worst == Some(Class::OnWire) || is_new, "{name}");
            }
            if event.names_fingerprint() != other.names_fingerprint() {
                assert!(worst.is_some(), "{name}");
            }
        }
    }
}

#[test]
fn a_file_that_the_first_release_has_written_is_read() {
    let old = include_str!("../../data/schema-format-1.lock");
    let changes = lock::changes(schemas::Arena::registry(), old).expect("it is a lock file");
    let changes: Vec<_> = changes.iter().map(|change| (change.class(), change.place(), change.what())).collect();
    assert_eq!(changes, [(Class::Safe, "lock file", "its format was 1 and is 2")]);
}
