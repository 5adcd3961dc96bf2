//! Compares two schemas by their descriptions, as [`Registry::describe`](crate::Registry::describe) makes them.
//!
//! Who sends them, and what follows from it, is not known here. What comes from another node need not be well-formed: what can't
//! be read is passed over.

use serde_json::Value;

use super::agreement::SchemaFit;

/// Where two schemas contradict each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) event: String,
    pub(crate) field: Option<String>,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

/// How deep types may nest; the derive allows less.
const MAX_DEPTH: usize = 64;

/// Compares our description with another node's; anything but an object stands for the same.
///
/// An event that only one side has is no conflict, nor is a variant; nor are fields at the end of an event that one side has
/// appended with a default: decoders ignore what follows the last field that they know.
pub(crate) fn compare(ours: &Value, theirs: &Value) -> Result<SchemaFit, Conflict> {
    if !theirs.is_object() {
        return Ok(SchemaFit::Same);
    }
    let mut comparison = Comparison { ours: &ours["types"], theirs: &theirs["types"], newer: false, older: false };
    let (our_events, their_events) = (list(&ours["events"]), list(&theirs["events"]));
    for event in their_events {
        let (name, id) = (&event["name"], &event["id"]);
        let same_name = our_events.iter().find(|ours| ours["name"] == *name);
        let Some(own) = same_name.or_else(|| our_events.iter().find(|ours| ours["id"] == *id)) else {
            comparison.older = true;
            continue;
        };
        let conflict = |field: Option<String>, (ours, theirs)| {
            Err(Conflict { event: name.as_str().unwrap_or_default().to_owned(), field, ours, theirs })
        };
        if own["name"] != *name || own["id"] != *id {
            let text = |event: &Value| format!("id {} is {}", event["id"], event["name"]);
            return conflict(None, (text(own), text(event)));
        }
        if let Some((field, both)) = comparison.fields(list(&own["fields"]), list(&event["fields"]), true, MAX_DEPTH) {
            return conflict(Some(field), both);
        }
    }
    let unknown = |ours: &&Value| their_events.iter().all(|theirs| theirs["name"] != ours["name"]);
    comparison.newer |= our_events.iter().any(|ours| unknown(&ours));
    Ok(match (comparison.newer, comparison.older) {
        (false, false) => SchemaFit::Same,
        (true, false) => SchemaFit::Newer,
        (false, true) => SchemaFit::Older,
        (true, true) => SchemaFit::Mixed,
    })
}

/// A field's name, and what both sides have there.
type Difference = (String, (String, String));

struct Comparison<'a> {
    /// The parts of events, by their paths.
    ours: &'a Value,
    theirs: &'a Value,
    newer: bool,
    older: bool,
}

impl Comparison<'_> {
    /// The first contradiction between two lists of fields; `at_end` where nothing follows them on the wire.
    fn fields(&mut self, ours: &[Value], theirs: &[Value], at_end: bool, depth: usize) -> Option<Difference> {
        for (own, other) in ours.iter().zip(theirs) {
            let name = || own["name"].as_str().unwrap_or_default().to_owned();
            if own["name"] != other["name"] {
                return Some((name(), (text(own), text(other))));
            }
            if let Some((inside, both)) = self.types(&own["type"], &other["type"], depth) {
                let path = if inside.is_empty() { name() } else { format!("{}.{inside}", name()) };
                let both = if inside.is_empty() { (text(own), text(other)) } else { both };
                return Some((path, both));
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
        let name = bad["name"].as_str().unwrap_or_default().to_owned();
        Some((name, if here { (has, lacks) } else { (lacks, has) }))
    }

    /// The first contradiction between two types; without a name where it is the types themselves.
    fn types(&mut self, ours: &Value, theirs: &Value, depth: usize) -> Option<Difference> {
        let differ = || Some((String::new(), (ours.to_string(), theirs.to_string())));
        let depth = depth.checked_sub(1)?;
        match (ours, theirs) {
            (Value::Object(own), Value::Object(other)) if own.contains_key("ref") && other.contains_key("ref") => {
                let part = |types: &Value, ty: &Value| ty["ref"].as_str().map(|path| types[path].clone());
                match (part(self.ours, ours), part(self.theirs, theirs)) {
                    (Some(own), Some(other)) => self.parts(&own, &other, depth),
                    _ => differ(),
                }
            }
            (Value::Object(own), Value::Object(other)) if own.len() == other.len() => {
                own.iter().find_map(|(key, own)| match other.get(key) {
                    Some(other) => self.types(own, other, depth),
                    None => differ(),
                })
            }
            (Value::Array(own), Value::Array(other)) if own.len() == other.len() => {
                own.iter().zip(other).find_map(|(own, other)| self.types(own, other, depth))
            }
            _ if ours == theirs => None,
            _ => differ(),
        }
    }

    /// The same for structs and enums, whose paths in Rust may differ.
    fn parts(&mut self, ours: &Value, theirs: &Value, depth: usize) -> Option<Difference> {
        if ours["variants"].is_null() || theirs["variants"].is_null() {
            if ours["variants"] != theirs["variants"] {
                return Some((String::new(), (ours.to_string(), theirs.to_string())));
            }
            return self.fields(list(&ours["fields"]), list(&theirs["fields"]), false, depth);
        }
        let (own, other) = (list(&ours["variants"]), list(&theirs["variants"]));
        for variant in own {
            let Some(there) = other.iter().find(|there| there["tag"] == variant["tag"]) else {
                self.newer = true;
                continue;
            };
            let name = variant["name"].as_str().unwrap_or_default();
            if variant["name"] != there["name"] {
                let text = |variant: &Value| format!("tag {} is {}", variant["tag"], variant["name"]);
                return Some((name.to_owned(), (text(variant), text(there))));
            }
            let fields = self.fields(list(&variant["fields"]), list(&there["fields"]), false, depth);
            if let Some((field, both)) = fields {
                return Some((format!("{name}.{field}"), both));
            }
        }
        self.older |= other.iter().any(|there| own.iter().all(|variant| variant["tag"] != there["tag"]));
        None
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A field as an error shows it: `x: f32`.
fn text(field: &Value) -> String {
    let ty = match &field["type"] {
        Value::String(name) => name.clone(),
        other => other.to_string(),
    };
    format!("{}: {ty}", field["name"].as_str().unwrap_or_default())
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
    fn nonsense_from_another_node_does_no_harm() {
        let ours = schema(json!([]), json!({}));
        for theirs in [json!(null), json!(true), json!({}), json!({ "events": [7, null, { "name": [] }] })] {
            assert!(compare(&ours, &theirs).is_ok(), "{theirs}");
        }
    }
}
