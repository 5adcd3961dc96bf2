//! What Rust's types are called in TypeScript.
//!
//! Owns the choice of names: the type's own where that is free, otherwise with as many of its modules in front as
//! it takes. Knows nothing about what a type consists of.

use crate::codec::TypeRef;
use crate::schema::Registry;
use crate::schema::parts::{Kind, Part};
use std::collections::{BTreeMap, BTreeSet};

/// Names that the generated module uses itself, or that TypeScript keeps.
const TAKEN: &[&str] = &[
    // The module.
    "Bytes",
    "DecodeError",
    "EncodeError",
    "EventCodec",
    "MAX_DEPTH",
    "Reader",
    "TOP",
    "Walk",
    "Writer",
    "compare",
    "decode",
    "encode",
    "fromUtf8",
    "plain",
    "toUtf8",
    "unknownEvent", // What it uses.
    "Array",
    "ArrayBuffer",
    "BigInt",
    "DataView",
    "Error",
    "Iterable",
    "JSON",
    "Map",
    "Math",
    "Number",
    "ReadonlyMap",
    "ReadonlySet",
    "Record",
    "Set",
    "String",
    "TextDecoder",
    "TextEncoder",
    "Uint8Array",
    "undefined",
    // Words of the language.
    "any",
    "arguments",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "never",
    "new",
    "null",
    "number",
    "object",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "unknown",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// The names of a schema's events and parts.
pub(super) struct Names {
    events: BTreeMap<u16, String>,
    parts: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn new(registry: &Registry, parts: &[Part]) -> Names {
        let schema = registry.name();
        let own = [format!("{schema}Event"), format!("encode{schema}Event"), format!("decode{schema}Event")];
        let taken: BTreeSet<String> = TAKEN.iter().map(|name| (*name).to_owned()).chain(own).collect();

        let events = registry.events().iter().map(|event| Candidate::new(event.rust_path(), &[]));
        let parts_of_events = parts.iter().map(|part| match part.kind {
            Kind::Struct(ty) => Candidate::new(ty.rust_path(), ty.args()),
            Kind::Enum(ty) => Candidate::new(ty.rust_path(), ty.args()),
        });
        let names = choose(events.chain(parts_of_events).collect(), taken);
        let (event_names, part_names) = names.split_at(registry.events().len());
        Names {
            events: registry.events().iter().map(|event| event.id()).zip(event_names.iter().cloned()).collect(),
            parts: parts.iter().map(|part| part.path.clone()).zip(part_names.iter().cloned()).collect(),
        }
    }

    /// The event with this id.
    pub(super) fn event(&self, id: u16) -> &str {
        self.events.get(&id).map_or("", String::as_str)
    }

    /// The part with this path.
    pub(super) fn part(&self, path: &str) -> &str {
        self.parts.get(path).map_or("", String::as_str)
    }
}

/// A type on the way to its name.
struct Candidate {
    /// The path's segments and type arguments, as they would be written in a name.
    segments: Vec<String>,
    /// How many of the last segments are in the name.
    used: usize,
}

impl Candidate {
    fn new(path: &str, args: &[TypeRef]) -> Candidate {
        let mut segments: Vec<String> = path.split("::").map(pascal).collect();
        // The type's own name stays as it is written.
        if let (Some(last), Some(name)) = (segments.last_mut(), path.rsplit("::").next()) {
            *last = name.trim_start_matches("r#").to_owned();
            last.extend(args.iter().map(|arg| pascal(&arg.to_string())));
        }
        Candidate { segments, used: 1 }
    }

    fn name(&self) -> String {
        self.segments[self.segments.len() - self.used..].concat()
    }
}

fn choose(mut candidates: Vec<Candidate>, mut taken: BTreeSet<String>) -> Vec<String> {
    // Whoever shares a name takes another module into it, until nobody has one left to take.
    loop {
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for candidate in &candidates {
            *uses.entry(candidate.name()).or_default() += 1;
        }
        let mut changed = false;
        for candidate in &mut candidates {
            let name = candidate.name();
            if (uses[&name] > 1 || taken.contains(&name)) && candidate.used < candidate.segments.len() {
                candidate.used += 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let names = candidates.iter().map(|candidate| {
        let name = candidate.name();
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        let free = free.unwrap_or(name);
        taken.insert(free.clone());
        free
    });
    names.collect()
}

/// `other_schema` as `OtherSchema`, `Vec<(u8, f32)>` as `VecU8F32`.
fn pascal(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words
        .flat_map(|word| {
            word[..first(word)].to_uppercase().chars().chain(word[first(word)..].chars()).collect::<Vec<_>>()
        })
        .collect()
}

/// The length of the first character.
fn first(word: &str) -> usize {
    word.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<String> {
        let taken = TAKEN.iter().map(|name| (*name).to_owned()).collect();
        choose(paths.iter().map(|path| Candidate::new(path, &[])).collect(), taken)
    }

    #[test]
    fn a_name_gets_as_long_as_it_has_to() {
        assert_eq!(names(&["a::Move", "b::Hit"]), ["Move", "Hit"]);
        assert_eq!(names(&["my_crate::a::Move", "other::b::Move", "Hit"]), ["AMove", "BMove", "Hit"]);
        assert_eq!(names(&["x::m::Move", "y::m::Move"]), ["XMMove", "YMMove"]);
        assert_eq!(names(&["a::Move", "a::Move"]), ["AMove", "AMove2"]);
    }

    #[test]
    fn the_words_of_the_language_are_left_alone() {
        assert_eq!(names(&["schemas::Map", "Set", "game::r#type"]), ["SchemasMap", "Set2", "Gametype"]);
    }

    #[test]
    fn arguments_become_words() {
        assert_eq!(pascal("Vec<(u8, other_schema::Élan)>"), "VecU8OtherSchemaÉlan");
    }
}
