//! Everything that two programs must agree on, changed in Rust: what the lock file says about it, and whether nodes with the one
//! and with the other schema join each other.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "the versions of a schema are described, not used")]

use painda_runtime::adapter::MemoryAdapter;
use painda_runtime::schema::SchemaModel;
use painda_runtime::schema::lock::{self, Change, Class};
use painda_runtime::server::SchemaFit;
use painda_runtime::{Error, PPServer, Registry, Schema};
use std::any::Any;
use std::pin::Pin;

/// A row of the table.
struct Row {
    name: &'static str,
    old: Version,
    new: Version,
    /// What the lock file says.
    expected: &'static [&'static str],
}

struct Version {
    registry: &'static Registry,
    /// Starts a node with this schema.
    start: fn(MemoryAdapter) -> Starting,
}

/// The node, and how it fits those that were there.
type Starting = Pin<Box<dyn Future<Output = Result<(Box<dyn Any>, SchemaFit), Error>>>>;

impl Version {
    fn of<S: Schema>() -> Self {
        let start = |adapter| -> Starting {
            Box::pin(async move {
                let server = PPServer::<S>::builder().adapter(adapter).build().await?;
                let fit = server.schema_fit();
                Ok((Box::new(server) as Box<dyn Any>, fit))
            })
        };
        Version { registry: S::registry(), start }
    }

    fn model(&self) -> SchemaModel {
        SchemaModel::of(self.registry)
    }
}

/// Makes two versions of a schema for each row of the table. A version is an event's attribute and fields, and the
/// parts that it needs, or all of it.
macro_rules! table {
    ($($name:ident $old:tt => $new:tt $expected:expr;)*) => {
        $(mod $name {
            pub(super) mod old { version! $old }
            pub(super) mod new { version! $new }
        })*

        fn rows() -> Vec<Row> {
            vec![$(Row {
                name: stringify!($name),
                old: Version::of::<$name::old::S>(),
                new: Version::of::<$name::new::S>(),
                expected: &$expected,
            }),*]
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
    names_in_a_default {
        "e", id = 1;
        {
            #[pp(since = 2, default = vec![T { a: K::A, b: Some(BTreeMap::from([(3, K::B { x: 4 })])), c: D(None) }])]
            x: Vec<T>,
        }
        #[derive(PPType)] pub struct T { a: K, b: Option<BTreeMap<u8, K>>, c: D<Option<(K,)>> }
        #[derive(PPType)] pub enum K { A, B { x: u8 } }
        #[derive(PPType)] pub struct D<T>(T);
    } => {
        "e", id = 1;
        {
            #[pp(since = 2, default = vec![T { z: K::C, b: Some(BTreeMap::from([(3, K::B(4))])), c: D(None) }])]
            x: Vec<T>,
        }
        #[derive(PPType)] pub struct T { z: K, b: Option<BTreeMap<u8, K>>, c: D<Option<(K,)>> }
        #[derive(PPType)] pub enum K { C, B(u8) }
        #[derive(PPType)] pub struct D<T>(T);
    } [
        "json struct `T` (of the event `e`), field `a`: its name is `z` now",
        "json enum `K` (of the event `e`), variant `A`: its name is `C` now",
        "json enum `K` (of the event `e`), variant `B`: its fields had names and have positions",
    ];
    newtype { "e", id = 1; (T) #[derive(PPType)] pub struct T { x: u8 } }
        => { "e", id = 1; (T) #[derive(PPType)] pub struct T(u8); }
        ["json struct `T` (of the event `e`): its fields had names and have positions"];
    nothing_at_all { "e", id = 1; { x: T } #[derive(PPType)] pub struct T; }
        => { "e", id = 1; { x: T } #[derive(PPType)] pub struct T(); }
        ["json struct `T` (of the event `e`): its fields had names and have positions"];
    tuple_event { "e", id = 1; (u8, u8) } => { "e", id = 1; { x: u8, y: u8 } }
        ["json event `e`: its fields had positions and have names"];
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
    name_and_id_of_the_event { "e", id = 1; { x: u8 } } => { "f", id = 2; { x: u8 } }
        ["wire event `e`: it is gone", "safe event `f`: it is new, with the id 2"];
    another_event_with_the_id {
        #[derive(PPEvent)] #[pp(event = "e", id = 1)] pub struct E(u8);
        schema! { pub S { E } }
    } => {
        #[derive(PPEvent)] #[pp(event = "f", id = 1)] pub struct F(u16);
        schema! { pub S { F } }
    } ["wire event `e`: it is gone", "wire event `f`: its id 1 belonged to `e`"];
    appended_field_gone { "e", id = 1; { x: u8, #[pp(since = 2, default)] y: u8 } } => { "e", id = 1; { x: u8 } }
        ["wire event `e`, field `y`: it is gone"];
    variant_gone { "e", id = 1; (T) #[derive(PPType)] pub enum T { A, B } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A } }
        ["wire enum `T` (of the event `e`), variant `B`: it is gone"];
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
    default_in_a_part {
        "e", id = 1; { #[pp(since = 2, default = Some(Some(T { x: 1 })))] x: Option<Option<T>> }
        #[derive(PPType)] pub struct T { x: u8 }
    } => {
        "e", id = 1; { #[pp(since = 2, default = Some(Some(T { y: 2 })))] x: Option<Option<T>> }
        #[derive(PPType)] pub struct T { y: u8 }
    } [
        "wire event `e`, field `x`: its default was `[{\"x\":1}]` and is `[{\"y\":2}]`",
        "json struct `T` (of the event `e`), field `x`: its name is `y` now",
    ];
    variant_of_a_default {
        "e", id = 1; { #[pp(since = 2, default = [T::A])] x: [T; 1] } #[derive(PPType)] pub enum T { A, B }
    } => {
        "e", id = 1; { #[pp(since = 2, default = [T::B])] x: [T; 1] } #[derive(PPType)] pub enum T { A, B }
    } ["wire event `e`, field `x`: its default was `[\"A\"]` and is `[\"B\"]`"];
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
    another_type { "e", id = 1; (T) #[derive(PPType)] pub struct T { x: u8 } }
        => { "e", id = 1; (U) #[derive(PPType)] pub struct U { x: i8 } }
        ["wire event `e`, field `0`: the type was `T` and is `U`"];
    struct_to_enum { "e", id = 1; (T) #[derive(PPType)] pub struct T { x: u8 } }
        => { "e", id = 1; (T) #[derive(PPType)] pub enum T { A } }
        ["wire enum `T` (of the event `e`): it was a struct"];
}

/// The paths in Rust differ in each row, and are not what it is about.
fn lines(name: &str, changes: &[Change]) -> Vec<String> {
    let changes = changes.iter().filter(|change| !change.what().starts_with("its path in Rust was"));
    let modules = ["old", "new"].map(|version| format!("{}::{name}::{version}::", module_path!()));
    let short = |text: &str| text.replace(&modules[0], "").replace(&modules[1], "");
    changes.map(|change| format!("{} {}: {}", change.class(), short(change.place()), short(change.what()))).collect()
}

/// Of what is on the wire, what only one of two programs has; the other one can do without it.
const CAN_DO_WITHOUT: [&str; 4] = ["gone", "name_and_id_of_the_event", "appended_field_gone", "variant_gone"];

/// The one verdict, from a lock file, from JSON, and of nodes that really join.
#[tokio::test]
async fn every_change_has_its_class_and_nodes_join_or_not() {
    for Row { name, old, new, expected } in rows() {
        let changes = lock::changes(new.registry, &lock::text(old.registry)).expect("it is a lock file");
        assert_eq!(lines(name, &changes), expected, "{name}");
        let described = SchemaModel::from_json(&old.model().to_json()).expect("it is a schema");
        assert_eq!(described.diff(&new.model()), changes, "{name}");

        let is_wire = changes.iter().any(|change| change.class() == Class::OnWire);
        let is_conflict = is_wire && !CAN_DO_WITHOUT.contains(&name);
        assert_eq!(changes.iter().any(Change::is_conflict), is_conflict, "{name}");
        assert_eq!(old.model().conflict_with(&new.model()).is_some(), is_conflict, "{name}");
        // Whichever of them was there before.
        for (first, second, has_more) in [(&old, &new, SchemaFit::Newer), (&new, &old, SchemaFit::Older)] {
            let bus = MemoryAdapter::new();
            let (_first, _) = (first.start)(bus.node()).await.expect("the first one");
            let joined = (second.start)(bus.node()).await;
            assert_eq!(matches!(joined, Err(Error::SchemaConflict { .. })), is_conflict, "{name}");
            let Ok((_second, fit)) = joined else { continue };
            let of = |what: &str| changes.iter().any(|change| change.what().starts_with(what));
            let expected = match (of("it is new"), of("it is gone"), has_more) {
                (false, false, _) => SchemaFit::Same,
                (true, true, _) => SchemaFit::Mixed,
                (true, false, fit) => fit,
                (false, true, SchemaFit::Newer) => SchemaFit::Older,
                (false, true, _) => SchemaFit::Newer,
            };
            assert_eq!(fit, expected, "{name}");
        }
    }
}

/// Nodes with the same fingerprint ask each other nothing, so that it has to be the same exactly where nothing is different but
/// names in Rust.
#[test]
fn the_fingerprint_sees_what_the_file_sees() {
    for Row { name, old, new, expected } in rows() {
        let is_same = old.model().fingerprint() == new.model().fingerprint();
        assert_eq!(is_same, expected.is_empty(), "{name}");
        // That of an event sees no more than that of the schema.
        for event in old.registry.events() {
            let Some(other) = new.registry.by_name(event.name()) else { continue };
            let prints =
                |event: &painda_runtime::EventDescriptor| (event.layout_fingerprint(), event.names_fingerprint());
            assert!(prints(event) == prints(other) || !is_same, "{name}");
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
