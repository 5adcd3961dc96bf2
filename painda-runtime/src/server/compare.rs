//! Compares two schemas by their descriptions, as [`Registry::describe`](crate::Registry::describe) makes them.
//!
//! Who sends them, and what follows from it, is not known here. What comes from another node need not be well-formed: what can't
//! be read is passed over. However it is made, it costs no more than its length times the size of this node's own schema: names
//! are looked up, and two types are compared once, however often and however deep they are met.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::fit::SchemaFit;

/// Where two schemas contradict each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) event: String,
    pub(crate) field: Option<String>,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

/// An error shows so many bytes of what either side has.
const MAX_TEXT: usize = 200;

/// Compares our description with another node's; anything but an object stands for the same.
///
/// An event that only one side has is no conflict, nor is a variant; nor are fields at the end of an event that one side has
/// appended with a default: decoders ignore what follows the last field that they know.
pub(crate) fn compare(ours: &Value, theirs: &Value) -> Result<SchemaFit, Conflict> {
    if !theirs.is_object() {
        return Ok(SchemaFit::Same);
    }
    let mut comparison = Comparison::new(&ours["types"], &theirs["types"]);
    let (our_events, their_events) = (list(&ours["events"]), list(&theirs["events"]));
    let by_name: HashMap<&str, &Value> =
        our_events.iter().filter_map(|own| Some((own["name"].as_str()?, own))).collect();
    let by_id: HashMap<u64, &Value> = our_events.iter().filter_map(|own| Some((own["id"].as_u64()?, own))).collect();
    let mut known = HashSet::new();
    for event in their_events {
        let (name, id) = (&event["name"], &event["id"]);
        let same_name = name.as_str().and_then(|name| by_name.get(name));
        known.extend(same_name.and_then(|own| own["name"].as_str()));
        let Some(own) = same_name.or_else(|| by_id.get(&id.as_u64()?)) else {
            comparison.older = true;
            continue;
        };
        let conflict = |field: Option<String>, (ours, theirs)| {
            let event = cut(name.as_str().unwrap_or_default());
            Err(Conflict { event, field, ours: cut(ours), theirs: cut(theirs) })
        };
        if own["name"] != *name || own["id"] != *id {
            let text = |event: &Value| format!("id {} is {}", event["id"], event["name"]);
            return conflict(None, (&text(own), &text(event)));
        }
        if let Some((field, (ours, theirs))) = comparison.event(own, event) {
            return conflict(Some(cut(&field)), (&ours, &theirs));
        }
    }
    comparison.newer |= known.len() < by_name.len();
    Ok(match (comparison.newer, comparison.older) {
        (false, false) => SchemaFit::Same,
        (true, false) => SchemaFit::Newer,
        (false, true) => SchemaFit::Older,
        (true, true) => SchemaFit::Mixed,
    })
}

/// A field's path, and what both sides have there.
type Difference = (String, (String, String));

struct Comparison<'a> {
    /// The parts of events, by their paths in Rust.
    ours: &'a Value,
    theirs: &'a Value,
    /// The variants of their enums, by their tags.
    their_variants: HashMap<&'a str, HashMap<u64, &'a Value>>,
    /// Two parts that have to be the same, and the field at which they were met.
    pending: Vec<(String, &'a str, &'a str)>,
    /// All that were ever pending.
    met: HashSet<(&'a str, &'a str)>,
    newer: bool,
    older: bool,
}

impl<'a> Comparison<'a> {
    fn new(ours: &'a Value, theirs: &'a Value) -> Self {
        let by_tag = |part: &'a Value| {
            let variants = list(&part["variants"]).iter();
            variants.filter_map(|variant| Some((variant["tag"].as_u64()?, variant))).collect()
        };
        let parts = theirs.as_object().into_iter().flatten();
        Self {
            ours,
            theirs,
            their_variants: parts.map(|(path, part)| (path.as_str(), by_tag(part))).collect(),
            pending: Vec::new(),
            met: HashSet::new(),
            newer: false,
            older: false,
        }
    }

    /// The first contradiction between two events of the same name and id, or between the parts that they lead to.
    fn event(&mut self, own: &'a Value, other: &'a Value) -> Option<Difference> {
        let mut found = self.fields("", list(&own["fields"]), list(&other["fields"]), true);
        while found.is_none()
            && let Some((path, own, other)) = self.pending.pop()
        {
            found = self.parts(&path, own, other);
        }
        found
    }

    /// The first contradiction between two lists of fields; `at_end` where nothing follows them on the wire.
    fn fields(&mut self, path: &str, ours: &'a [Value], theirs: &'a [Value], at_end: bool) -> Option<Difference> {
        for (own, other) in ours.iter().zip(theirs) {
            let path = join(path, own["name"].as_str().unwrap_or_default());
            if own["name"] != other["name"] || !self.types(&path, &own["type"], &other["type"]) {
                return Some((path, (text(own), text(other))));
            }
        }
        let (more, here) = match ours.len().checked_sub(theirs.len()) {
            Some(0) => return None,
            Some(_) => (&ours[theirs.len()..], true),
            None => (&theirs[ours.len()..], false),
        };
        if here {
            self.newer = true;
        } else {
            self.older = true;
        }
        // What the shorter side sends has to be read by the longer one.
        let bad = more.iter().find(|field| !at_end || field["since"].is_null())?;
        let (has, lacks) = (format!("{}, without a default", text(bad)), "nothing".to_owned());
        let path = join(path, bad["name"].as_str().unwrap_or_default());
        Some((path, if here { (has, lacks) } else { (lacks, has) }))
    }

    /// Whether two types are the same, but for the parts that they lead to: these are compared later.
    fn types(&mut self, path: &str, ours: &'a Value, theirs: &'a Value) -> bool {
        match (ours, theirs) {
            (Value::Object(own), Value::Object(other)) if own.contains_key("ref") && other.contains_key("ref") => {
                let (Some(own), Some(other)) = (ours["ref"].as_str(), theirs["ref"].as_str()) else { return false };
                if self.met.insert((own, other)) {
                    self.pending.push((path.to_owned(), own, other));
                }
                true
            }
            (Value::Object(own), Value::Object(other)) => {
                let mut both = own.iter().map(|(key, own)| (own, other.get(key)));
                own.len() == other.len()
                    && both.all(|(own, other)| other.is_some_and(|other| self.types(path, own, other)))
            }
            (Value::Array(own), Value::Array(other)) => {
                let mut both = own.iter().zip(other);
                own.len() == other.len() && both.all(|(own, other)| self.types(path, own, other))
            }
            _ => ours == theirs,
        }
    }

    /// The first contradiction between two structs or two enums, whose paths in Rust may differ.
    fn parts(&mut self, path: &str, own: &str, other: &str) -> Option<Difference> {
        let (ours, theirs, variants) = (&self.ours[own], &self.theirs[other], self.their_variants.get(other));
        if ours["variants"].is_null() || theirs["variants"].is_null() {
            if ours["variants"] != theirs["variants"] {
                return Some((path.to_owned(), (ours.to_string(), theirs.to_string())));
            }
            return self.fields(path, list(&ours["fields"]), list(&theirs["fields"]), false);
        }
        let of = |variant: &Value| variants.and_then(|variants| variants.get(&variant["tag"].as_u64()?).copied());
        let own = list(&ours["variants"]);
        let both: Vec<(&Value, &Value)> = own.iter().filter_map(|variant| Some((variant, of(variant)?))).collect();
        self.newer |= both.len() < own.len();
        self.older |= variants.is_some_and(|variants| both.len() < variants.len());
        both.into_iter().find_map(|(variant, there)| {
            let path = join(path, variant["name"].as_str().unwrap_or_default());
            if variant["name"] != there["name"] {
                let text = |variant: &Value| format!("tag {} is {}", variant["tag"], variant["name"]);
                return Some((path, (text(variant), text(there))));
            }
            self.fields(&path, list(&variant["fields"]), list(&there["fields"]), false)
        })
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A path one level deeper; one that is too long to be shown stays as it is.
fn join(path: &str, name: &str) -> String {
    match path.len() {
        0 => name.to_owned(),
        1..MAX_TEXT => format!("{path}.{name}"),
        _ => path.to_owned(),
    }
}

/// A field as an error shows it: `x: f32`.
fn text(field: &Value) -> String {
    let ty = match &field["type"] {
        Value::String(name) => name.clone(),
        other => other.to_string(),
    };
    format!("{}: {ty}", field["name"].as_str().unwrap_or_default())
}

/// As much of a text as an error shows.
fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(fields: Value, types: Value) -> Value {
        json!({ "events": [{ "name": "player:move", "id": 1, "fields": fields }], "types": types })
    }

    fn fields(ours: Value, theirs: Value) -> Result<SchemaFit, Conflict> {
        compare(&schema(ours, json!({})), &schema(theirs, json!({})))
    }

    fn conflict(field: &str, ours: &str, theirs: &str) -> Result<SchemaFit, Conflict> {
        let (ours, theirs) = (ours.to_owned(), theirs.to_owned());
        Err(Conflict { event: "player:move".to_owned(), field: Some(field.to_owned()), ours, theirs })
    }

    #[test]
    fn appended_fields_with_a_default_are_readable() {
        let short = json!([{ "name": "x", "type": "f32" }]);
        let long = json!([{ "name": "x", "type": "f32" }, { "name": "z", "type": "u8", "since": 2, "default": 0 }]);
        assert_eq!(fields(short.clone(), short.clone()), Ok(SchemaFit::Same));
        assert_eq!(fields(long.clone(), short.clone()), Ok(SchemaFit::Newer));
        assert_eq!(fields(short.clone(), long), Ok(SchemaFit::Older));
        let bare = json!([{ "name": "x", "type": "f32" }, { "name": "z", "type": "u8" }]);
        assert_eq!(fields(bare, short), conflict("z", "z: u8, without a default", "nothing"));
    }

    #[test]
    fn contradictions_name_the_field_and_both_versions() {
        let one = |name: &str, ty: Value| json!([{ "name": name, "type": ty }]);
        assert_eq!(fields(one("x", json!("f32")), one("x", json!("f64"))), conflict("x", "x: f32", "x: f64"));
        assert_eq!(fields(one("x", json!("f32")), one("y", json!("f32"))), conflict("x", "x: f32", "y: f32"));
        let lists = fields(one("x", json!({ "list": "u8" })), one("x", json!({ "list": "u16" })));
        assert_eq!(lists, conflict("x", r#"x: {"list":"u8"}"#, r#"x: {"list":"u16"}"#));
    }

    #[test]
    fn an_id_or_a_name_that_is_somebody_elses() {
        let event = |name: &str, id: u16| json!({ "events": [{ "name": name, "id": id, "fields": [] }], "types": {} });
        for (name, id) in [("a", 2), ("b", 1)] {
            let error = compare(&event("a", 1), &event(name, id)).expect_err("a contradiction");
            assert_eq!((error.event.as_str(), error.field), (name, None));
        }
        assert_eq!(compare(&event("a", 1), &event("b", 2)), Ok(SchemaFit::Mixed));
    }

    #[test]
    fn parts_are_compared_wherever_they_are_defined() {
        let with = |path: &str, part: Value| {
            let mut types = json!({});
            types[path] = part;
            schema(json!([{ "name": "at", "type": { "option": { "ref": path } } }]), types)
        };
        let point = |ty: &str| json!({ "fields": [{ "name": "x", "type": ty }] });
        assert_eq!(compare(&with("a::P", point("f32")), &with("b::P", point("f32"))), Ok(SchemaFit::Same));
        assert_eq!(
            compare(&with("a::P", point("f32")), &with("a::P", point("u8"))),
            conflict("at.x", "x: f32", "x: u8")
        );
        let stances = |names: &[&str]| {
            let variants = names.iter().enumerate();
            let variants = variants.map(|(tag, name)| json!({ "name": name, "tag": tag, "fields": [] }));
            json!({ "variants": variants.collect::<Value>() })
        };
        let two = with("a::S", stances(&["Standing", "Running"]));
        assert_eq!(compare(&two, &with("a::S", stances(&["Standing"]))), Ok(SchemaFit::Newer));
        let other = compare(&two, &with("a::S", stances(&["Standing", "Lying"])));
        assert_eq!(other, conflict("at.Running", r#"tag 1 is "Running""#, r#"tag 1 is "Lying""#));
    }

    #[test]
    fn types_that_contain_themselves_are_compared_once() {
        let tree = |path: &str, leaf: &str| {
            let child = |name: &str| json!({ "name": name, "type": { "option": { "ref": path } } });
            let fields = json!([child("left"), child("right"), { "name": "leaf", "type": leaf }]);
            let mut types = json!({});
            types[path] = json!({ "fields": fields });
            schema(json!([{ "name": "root", "type": { "ref": path } }]), types)
        };
        assert_eq!(compare(&tree("a::Tree", "u8"), &tree("b::Tree", "u8")), Ok(SchemaFit::Same));
        let other = compare(&tree("a::Tree", "u8"), &tree("b::Tree", "u16"));
        assert_eq!(other, conflict("root.leaf", "leaf: u8", "leaf: u16"));
    }

    /// Whatever another node says: looking through all of it for each part of it would take many minutes.
    #[test]
    fn a_comparison_costs_what_it_compares() {
        const MANY: usize = 20_000;
        let enums = |count: usize, tags: std::ops::Range<usize>| {
            let variants: Value = tags.map(|tag| json!({ "name": "V", "tag": tag, "fields": [] })).collect();
            let fields: Value =
                (0..count).map(|at| json!({ "name": at.to_string(), "type": { "ref": at.to_string() } })).collect();
            (fields, variants)
        };
        // As many events, of which none is the same; and as many variants in an enum that all of ours are said to be.
        let many = |name: &str, first: usize| -> Value {
            (0..MANY).map(|at| json!({ "name": format!("{name}{at}"), "id": first + at, "fields": [] })).collect()
        };
        let ours = json!({ "events": many("a", 0), "types": {} });
        assert_eq!(compare(&ours, &json!({ "events": many("b", MANY), "types": {} })), Ok(SchemaFit::Mixed));

        let (fields, variants) = enums(500, 0..100);
        let types: serde_json::Map<_, _> =
            (0..500).map(|at| (at.to_string(), json!({ "variants": variants }))).collect();
        let ours = schema(fields, types.into());
        let (_, variants) = enums(0, 256..256 + MANY);
        let fields: Value = (0..500).map(|at| json!({ "name": at.to_string(), "type": { "ref": "all" } })).collect();
        let theirs = schema(fields, json!({ "all": { "variants": variants } }));
        assert_eq!(compare(&ours, &theirs), Ok(SchemaFit::Mixed));

        // A type that contains itself, said to be a chain of as many others.
        let link = |to: String| json!({ "fields": [{ "name": "next", "type": { "option": { "ref": to } } }] });
        let field = json!([{ "name": "first", "type": { "ref": "0" } }]);
        let ours = schema(field.clone(), json!({ "0": link("0".into()) }));
        let types: serde_json::Map<_, _> = (0..MANY).map(|at| (at.to_string(), link((at + 1).to_string()))).collect();
        let error = compare(&ours, &schema(field, types.into())).expect_err("the chain ends");
        let path = error.field.expect("the path of a field");
        assert!(path.starts_with("first.next.next.next.next") && path.len() < 2 * MAX_TEXT, "{path}");
    }

    #[test]
    fn what_an_error_repeats_is_cut() {
        let one = |ty: Value| json!([{ "name": "x", "type": ty }]);
        let huge = one(json!({ "tuple": vec!["grüß"; 100_000] }));
        let Err(Conflict { ours, theirs, .. }) = fields(one(json!("u8")), huge) else { panic!("a contradiction") };
        assert_eq!(ours, "x: u8");
        assert!(theirs.starts_with(r#"x: {"tuple":["grüß","#) && theirs.len() <= MAX_TEXT + 3, "{theirs}");
        let event = json!({ "events": [{ "name": "x".repeat(1000), "id": 1, "fields": [] }], "types": {} });
        let Err(Conflict { event, .. }) = compare(&schema(json!([]), json!({})), &event) else {
            panic!("a contradiction")
        };
        assert_eq!(event.len(), MAX_TEXT + 3);
    }

    #[test]
    fn nonsense_from_another_node_does_no_harm() {
        let ours = schema(json!([]), json!({}));
        for theirs in [json!(null), json!(true), json!({}), json!({ "events": [7, null, { "name": [] }] })] {
            assert!(compare(&ours, &theirs).is_ok(), "{theirs}");
        }
    }
}
