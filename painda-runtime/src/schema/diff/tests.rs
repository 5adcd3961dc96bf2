//! Schemas of other nodes, as JSON: those that fit, those that contradict, and the cost of the comparison.

use super::*;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use peers::Comparison;
use serde_json::{Map, Value, json};

fn schema(fields: Value, types: Value) -> SchemaModel {
    events(json!([{ "name": "player:move", "id": 1, "fields": fields }]), types)
}

fn events(events: Value, types: Value) -> SchemaModel {
    model(&json!({ "painda": 1, "events": events, "types": types }))
}

fn model(description: &Value) -> SchemaModel {
    SchemaModel::from_json(&description.to_string()).expect("it describes a schema")
}

/// Which of both has more, or the contradiction: what our schema has and theirs.
fn compare(ours: &SchemaModel, theirs: &SchemaModel) -> Result<&'static str, Conflict> {
    let (found, reverse) = (Comparison::new(ours, theirs), Comparison::new(theirs, ours));
    assert_eq!(found.conflict.is_some(), reverse.conflict.is_some(), "{found:?}, {reverse:?}");
    for (from, to) in [(ours, theirs), (theirs, ours)] {
        assert_eq!(from.diff(to).iter().any(Change::is_conflict), found.conflict.is_some());
    }
    match found.conflict {
        Some(conflict) => Err(conflict),
        None => {
            assert_eq!((found.is_newer, found.is_older), (reverse.is_older, reverse.is_newer));
            Ok(match (found.is_newer, found.is_older) {
                (false, false) => "same",
                (true, false) => "newer",
                (false, true) => "older",
                (true, true) => "mixed",
            })
        }
    }
}

fn fields(ours: Value, theirs: Value) -> Result<&'static str, Conflict> {
    compare(&schema(ours, json!({})), &schema(theirs, json!({})))
}

fn conflict(field: &str, ours: &str, theirs: &str) -> Result<&'static str, Conflict> {
    let (ours, theirs) = (ours.to_owned(), theirs.to_owned());
    Err(Conflict { event: Some("player:move".to_owned()), field: Some(field.to_owned()), ours, theirs })
}

fn with(path: &str, part: Value) -> SchemaModel {
    let types: Map<_, _> = [(path.to_owned(), part)].into_iter().collect();
    schema(json!([{ "name": "at", "type": { "option": { "ref": path } } }]), types.into())
}

#[test]
fn appended_fields_with_a_default_are_readable() {
    let x = json!({ "name": "x", "type": "f32" });
    let z = |since: u32| json!({ "name": "z", "type": "u8", "since": since, "default": 0 });
    let (short, long) = (json!([x]), json!([x, z(2)]));
    assert_eq!(fields(short.clone(), short.clone()), Ok("same"));
    assert_eq!(fields(long.clone(), short.clone()), Ok("newer"));
    assert_eq!(fields(short, long.clone()), Ok("older"));
    let bare = json!([x, { "name": "z", "type": "u8" }]);
    assert_eq!(fields(bare, json!([x])), conflict("z", "z: u8", "nothing"));
    // A version that is there already is closed: its messages would end in the middle of it.
    let more = json!([x, z(2), { "name": "a", "type": "u8", "since": 2, "default": 1 }]);
    assert_eq!(fields(long, more), conflict("a", "nothing", "a: u8, since 2 = 1"));
}

#[test]
fn contradictions_name_the_field_and_both_versions() {
    let one = |name: &str, ty: Value| json!([{ "name": name, "type": ty }]);
    assert_eq!(fields(one("x", json!("f32")), one("x", json!("f64"))), conflict("x", "x: f32", "x: f64"));
    let lists = fields(one("x", json!({ "list": "u8" })), one("x", json!({ "list": "u16" })));
    assert_eq!(lists, conflict("x", "x: Vec<u8>", "x: Vec<u16>"));
    // Another name alone is a matter of JSON.
    assert_eq!(fields(one("x", json!("f32")), one("y", json!("f32"))), Ok("same"));
}

#[test]
fn an_id_that_is_somebody_elses() {
    let event = |name: &str, id: u16, ty: &str| {
        events(json!([{ "name": name, "id": id, "fields": [{ "name": "x", "type": ty }] }]), json!({}))
    };
    for (name, id, ty) in [("a", 2, "u8"), ("b", 1, "u16")] {
        let error = compare(&event("a", 1, "u8"), &event(name, id, ty)).expect_err("a contradiction");
        assert_eq!(error.field, None);
        assert!(error.theirs.starts_with(&format!("id {id} is {name:?}")), "{error:?}");
    }
    assert_eq!(compare(&event("a", 1, "u8"), &event("b", 1, "u8")), Ok("same"));
    assert_eq!(compare(&event("a", 1, "u8"), &event("b", 2, "u8")), Ok("mixed"));
}

#[test]
fn parts_are_compared_wherever_they_are_defined() {
    let point = |ty: &str| json!({ "fields": [{ "name": "x", "type": ty }] });
    assert_eq!(compare(&with("a::P", point("f32")), &with("b::P", point("f32"))), Ok("same"));
    assert_eq!(compare(&with("a::P", point("f32")), &with("a::Q", point("f32"))), Ok("same"));
    assert_eq!(compare(&with("a::P", point("f32")), &with("b::P", point("u8"))), conflict("at.x", "x: f32", "x: u8"));
    // Of another name it is another type.
    let other = compare(&with("a::P", point("f32")), &with("a::Q", point("u8")));
    assert_eq!(other, conflict("at", "at: Option<a::P>", "at: Option<a::Q>"));

    let stances = |names: &[&str]| {
        let variants = names.iter().enumerate();
        let variants = variants.map(|(tag, name)| json!({ "name": name, "tag": tag, "fields": [] }));
        json!({ "variants": variants.collect::<Value>() })
    };
    let two = with("a::S", stances(&["Standing", "Running"]));
    assert_eq!(compare(&two, &with("a::S", stances(&["Standing"]))), Ok("newer"));
    assert_eq!(compare(&two, &with("a::S", stances(&["Standing", "Lying"]))), Ok("same"));
    let swapped = compare(&two, &with("a::S", stances(&["Running", "Standing"])));
    assert!(swapped.is_err_and(|error| error.field.is_some_and(|field| field.starts_with("at."))));
}

/// One type becomes two, of which both have the same bytes; and in another version one has changed.
#[test]
fn a_type_may_be_split() {
    let point = |ty: &str| json!({ "fields": [{ "name": "x", "type": ty }] });
    let two = |a: &str, b: &str| json!([{ "name": "a", "type": { "ref": a } }, { "name": "b", "type": { "ref": b } }]);
    let one = schema(two("P", "P"), json!({ "P": point("u8") }));
    let split = schema(two("P", "Q"), json!({ "P": point("u8"), "Q": point("u8") }));
    assert_eq!(compare(&one, &split), Ok("same"));
    let texts = |old: &SchemaModel, new: &SchemaModel| -> Vec<String> {
        let changes = old.diff(new);
        changes.iter().map(|change| format!("{} {}: {}", change.class(), change.place(), change.what())).collect()
    };
    assert_eq!(texts(&one, &split), ["source part `Q`: its path in Rust was `P`"]);
    let changed = schema(two("P", "Q"), json!({ "P": point("u8"), "Q": point("u16") }));
    assert_eq!(texts(&one, &changed), ["wire event `player:move`, field `b`: the type was `P` and is `Q`"]);
    // The conflict is in a type of another name, which is in a type of another name.
    let outer = |inner: &str| json!({ "fields": [{ "name": "inner", "type": { "ref": inner } }] });
    let deep = |outer_name: &str, inner: &str, ty: &str| {
        let types: Map<_, _> =
            [(outer_name.to_owned(), outer(inner)), (inner.to_owned(), point(ty))].into_iter().collect();
        schema(json!([{ "name": "o", "type": { "ref": outer_name } }]), types.into())
    };
    let old = deep("Outer", "Inner", "u8");
    assert_eq!(
        texts(&old, &deep("Other", "Else", "u16")),
        ["wire event `player:move`, field `o`: the type was `Outer` and is `Other`"]
    );
    assert_eq!(
        texts(&old, &deep("Outer", "Else", "u16")),
        ["wire struct `Outer` (of the event `player:move`), field `inner`: the type was `Inner` and is `Else`"]
    );
    assert_eq!(
        texts(&old, &deep("Other", "Inner", "u16")),
        [
            "wire struct `Inner` (of the event `player:move`), field `x`: the type was `u8` and is `u16`",
            "source part `Other`: its path in Rust was `Outer`",
        ]
    );
}

#[test]
fn types_that_contain_themselves_are_compared_once() {
    let tree = |path: &str, leaf: &str| {
        let child = |name: &str| json!({ "name": name, "type": { "option": { "ref": path } } });
        let fields = json!([child("left"), child("right"), { "name": "leaf", "type": leaf }]);
        let types: Map<_, _> = [(path.to_owned(), json!({ "fields": fields }))].into_iter().collect();
        schema(json!([{ "name": "root", "type": { "ref": path } }]), types.into())
    };
    assert_eq!(compare(&tree("a::Tree", "u8"), &tree("b::Tree", "u8")), Ok("same"));
    let other = compare(&tree("a::Tree", "u8"), &tree("b::Tree", "u16"));
    assert_eq!(other, conflict("root.leaf", "leaf: u8", "leaf: u16"));
}

#[test]
fn types_of_a_newer_version_are_accepted() {
    let known = json!([{ "name": "x", "type": "u8" }]);
    let decimal = json!({ "name": "y", "type": { "decimal": 38 }, "since": 2, "default": "0" });
    assert_eq!(fields(known, json!([{ "name": "x", "type": "u8" }, decimal])), Ok("older"));
    for ty in [json!("u256"), json!({ "decimal": 38 }), json!({ "map": ["u8"] }), json!({})] {
        // They may be equal for a newer version; here they count as different.
        let one = schema(json!([{ "name": "x", "type": ty }]), json!({}));
        assert!(compare(&one, &one).is_err(), "{ty}");
    }
    let event = |delivery: Value| json!([{ "name": "e", "id": 1, "fields": [], "delivery": delivery, "colour": [1] }]);
    let reliable = events(event(json!("reliable")), json!({}));
    for delivery in [json!("durable"), json!({ "durable": 3 })] {
        let theirs = events(event(delivery), json!({}));
        assert_eq!(compare(&reliable, &theirs), Ok("same"));
        assert_eq!(reliable.diff(&theirs)[0].class(), Class::InSource);
    }
}

/// Whatever another node says: looking through all of it for each part of it would take many minutes.
#[test]
fn a_comparison_costs_what_it_compares() {
    const MANY: usize = 20_000;
    // As many events, of which none is the same.
    let many = |name: &str, first: usize| -> SchemaModel {
        let list = (0..MANY).map(|at| json!({ "name": format!("{name}{at}"), "id": first + at, "fields": [] }));
        events(list.collect(), json!({}))
    };
    let ours = many("a", 1);
    assert_eq!(Comparison::new(&ours, &many("b", MANY + 1)).conflict, None);
    assert!(Comparison::new(&ours, &many("b", 1)).notes.len() < 10, "so many names");

    // As many fields in a struct that all of ours are said to be.
    let list = |count: usize, prefix: &str| -> Value {
        (0..count).map(|at| json!({ "name": format!("{prefix}{at}"), "type": "u8" })).collect()
    };
    let refs = |to: &dyn Fn(usize) -> String| -> Value {
        (0..500).map(|at| json!({ "name": at.to_string(), "type": { "ref": to(at) } })).collect()
    };
    let types: Map<_, _> = (0..500).map(|at| (format!("m{at}::T"), json!({ "fields": list(100, "f") }))).collect();
    let ours = schema(refs(&|at| format!("m{at}::T")), types.into());
    let theirs = schema(refs(&|_| "m::T".to_owned()), json!({ "m::T": { "fields": list(MANY, "g") } }));
    let error = Comparison::new(&ours, &theirs).conflict.expect("the fields are others");
    assert!(error.field.is_some_and(|field| field.ends_with(".g100")));

    // A type that contains itself, said to be a chain of as many others.
    let link = |to: String| json!({ "fields": [{ "name": "next", "type": { "option": { "ref": to } } }] });
    let field = json!([{ "name": "first", "type": { "ref": "0" } }]);
    let ours = schema(field.clone(), json!({ "0": link("0".into()) }));
    let mut types: Map<_, _> = (0..MANY).map(|at| (at.to_string(), link((at + 1).to_string()))).collect();
    types.insert(MANY.to_string(), json!({ "fields": [] }));
    let error = Comparison::new(&ours, &schema(field.clone(), types.into())).conflict.expect("the chain ends");
    // All links but the first have other names than ours, so that it is the first of them which is of another type.
    assert_eq!(error.field.as_deref(), Some("first.next"));

    // The same chain with links that are all called the same.
    let path = |at: usize| format!("m{at}::Link");
    let ours = schema(
        json!([{ "name": "first", "type": { "ref": path(0) } }]),
        [(path(0), link(path(0)))].into_iter().collect::<Map<_, _>>().into(),
    );
    let mut types: Map<_, _> = (0..MANY).map(|at| (path(at), link(path(at + 1)))).collect();
    types.insert(path(MANY), json!({ "fields": [] }));
    let theirs = schema(json!([{ "name": "first", "type": { "ref": path(0) } }]), types.into());
    let error = Comparison::new(&ours, &theirs).conflict.expect("the chain ends");
    let field = error.field.expect("the path of a field");
    assert!(field.starts_with("first.next.next.next.next") && field.len() < 210, "{field}");
}

/// Two circles of types whose lengths have no common divisor meet in as many ways as their product.
#[test]
fn more_pairs_of_types_than_types_are_a_contradiction() {
    let circle = |len: usize| {
        let path = |at: usize| format!("T{}", at % len);
        let link = |at: usize| json!({ "fields": [{ "name": "next", "type": { "list": { "ref": path(at + 1) } } }] });
        let types: Map<_, _> = (0..len).map(|at| (path(at), link(at))).collect();
        schema(json!([{ "name": "first", "type": { "ref": "T0" } }]), types.into())
    };
    assert_eq!(compare(&circle(3), &circle(4)), Ok("same"));
    let error = compare(&circle(999), &circle(1000)).expect_err("it can't be told");
    assert_eq!((error.event, error.field), (None, None));
    assert!(circle(999).diff(&circle(1000))[0].what().contains("too many"));
}

#[test]
fn excerpts_in_errors_are_cut() {
    let one = |ty: Value| json!([{ "name": "x", "type": ty }]);
    let path = "grüß".repeat(100);
    let types: Map<_, _> = [(path.clone(), json!({ "fields": [] }))].into_iter().collect();
    let huge = schema(one(json!({ "tuple": vec![json!({ "ref": path }); 10_000] })), types.into());
    let error = Comparison::new(&schema(one(json!("u8")), json!({})), &huge).conflict.expect("a contradiction");
    assert_eq!(error.ours, "x: u8");
    assert!(error.theirs.starts_with("x: (grüßgrüß") && error.theirs.len() <= 203, "{error:?}");
    let changes = schema(one(json!("u8")), json!({})).diff(&huge);
    assert!(changes[0].what().len() < 1100, "{}", changes[0].what());

    let long = events(json!([{ "name": "x".repeat(1000), "id": 1, "fields": one(json!("u8")) }]), json!({}));
    let error = Comparison::new(&schema(json!([]), json!({})), &long).conflict.expect("a contradiction");
    assert!(error.theirs.len() <= 203 && error.event.is_some_and(|event| event.len() <= 203));
}

#[test]
fn json_that_describes_no_schema_is_refused() {
    let problem = |text: &str| SchemaModel::from_json(text).expect_err(text).to_string();
    let described = |value: Value| problem(&value.to_string());
    let events = |events: Value| described(json!({ "painda": 1, "events": events, "types": {} }));
    assert!(problem("").contains("EOF"));
    assert!(problem("{} {}").contains("trailing"));
    for value in [json!(null), json!(true), json!([]), json!("x")] {
        assert!(described(value.clone()).contains("expected an object"), "{value}");
    }
    assert!(described(json!({})).ends_with("`painda`, the format's version, is missing"));
    assert!(described(json!({ "painda": 2 })).ends_with("it has the format 2, and this painda-runtime knows 1"));
    assert!(described(json!({ "painda": 1 })).ends_with("`events` is missing"));
    assert!(events(json!([7, null])).contains("expected an object"));
    assert!(events(json!([{ "name": "e", "id": 65536, "fields": [] }])).contains("65536"));
    assert!(events(json!([{ "name": "e", "fields": [] }])).contains("missing field `id`"));
    let event = |name: &str, id: u16| json!({ "name": name, "id": id, "fields": [] });
    assert!(events(json!([event("a", 1), event("b", 1)])).ends_with("the id 1 is there twice"));
    assert!(events(json!([event("a", 1), event("a", 2)])).ends_with("the event \"a\" is there twice"));
    let field =
        |field: Value| events(json!([{ "name": "e", "id": 1, "fields": [{ "name": "x", "type": "u8" }, field] }]));
    assert!(field(json!({ "name": "x", "type": "u8" })).contains("the field \"x\" is there twice"));
    assert!(field(json!({ "name": "y", "type": { "ref": "T" } })).ends_with("the type \"T\" is not among the types"));
    assert!(field(json!({ "name": "y", "type": 7 })).contains("expected a word or an object"));
    for since in [json!({ "since": 2 }), json!({ "default": 0 }), json!({ "since": 1, "default": 0 })] {
        let mut with = json!({ "name": "y", "type": "u8" });
        with.as_object_mut().unwrap().extend(since.as_object().unwrap().clone());
        assert!(field(with).contains("the field \"y\" needs `since`"), "{since}");
    }
    let types = |types: Value| described(json!({ "painda": 1, "events": [], "types": types }));
    assert!(types(json!({ "T": {} })).contains("must have either `fields` or `variants`"));
    let variant = |name: &str, tag: u8| json!({ "name": name, "tag": tag, "fields": [] });
    for two in [[variant("A", 0), variant("B", 0)], [variant("A", 0), variant("A", 1)]] {
        assert!(types(json!({ "T": { "variants": two } })).ends_with("of \"T\" is there twice"));
    }
    assert!(
        problem(r#"{"painda":1,"types":{"T":{"fields":[]},"T":{"fields":[]}},"events":[]}"#)
            .ends_with("is there twice")
    );
    // Nested so deep that walking through it would end the program.
    let deep = format!("{}\"u8\"{}", "{\"list\":".repeat(100_000), "}".repeat(100_000));
    let deep = format!(r#"{{"painda":1,"events":[{{"name":"e","id":1,"fields":[{{"name":"x","type":{deep}}}]}}]}}"#);
    assert!(problem(&deep).contains("recursion limit"));
    assert!(problem(&json!({ "painda": "x".repeat(10_000) }).to_string()).len() < 300);
}
