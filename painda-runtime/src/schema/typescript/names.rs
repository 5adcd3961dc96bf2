//! The names of Rust's types in TypeScript.
//!
//! Chooses the names: a type's own name if it is free, otherwise with as many of its modules in front as needed. Does not
//! know what a type consists of.

use super::binary::{self, Place};
use crate::codec::TypeRef;
use crate::schema::Registry;
use crate::schema::parts::{Kind, Part};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Words that are no names, or not everywhere: those of the language, TypeScript's own among them, and those that the
/// form of a module takes.
const WORDS: &str = "
    abstract accessor any arguments as assert asserts async await bigint boolean break case catch class const constructor
    continue debugger declare default defer delete do else enum eval export exports extends false finally for from
    function get global globalThis if implements import in infer instanceof interface intrinsic is keyof let module
    namespace never new null number object of out override package private protected public readonly require return
    satisfies set static string super switch symbol this throw true try type typeof undefined unique unknown using var
    void while with yield __esModule Object
";

/// What the module declares for itself, the parameters of functions that use events, and what it uses of JavaScript and
/// TypeScript.
const TAKEN: &str = "
    Bytes DecodeError EncodeError EventCodec MAX_DEPTH OwnBytes Reader TBytes TOP Walk Writer compare decode encode
    fromUtf8 plain toUtf8 unknownEvent
    bytes event id
    Array ArrayBuffer BigInt DataView Error Iterable JSON Map Math Number ReadonlyMap ReadonlySet Record ReturnType Set
    String TextDecoder TextEncoder Uint8Array
";

/// The name of a type, and whether it is generic because there are bytes in it. It prints as the name alone, which
/// stands for any bytes.
#[derive(Debug)]
pub(super) struct Name {
    name: String,
    has_bytes: bool,
}

impl Name {
    pub(super) fn has_bytes(&self) -> bool {
        self.has_bytes
    }

    /// The name behind `type` or `interface`.
    pub(super) fn declared(&self) -> String {
        match self.has_bytes {
            true => format!("{}<{} extends Uint8Array = Uint8Array>", self.name, Place::Declaration.bytes()),
            false => self.name.clone(),
        }
    }

    /// The type in this place.
    pub(super) fn at(&self, place: Place) -> String {
        match self.has_bytes {
            true => format!("{}<{}>", self.name, place.bytes()),
            false => self.name.clone(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The names of a schema's events and parts.
pub(super) struct Names {
    schema: Name,
    events: BTreeMap<u16, Name>,
    parts: BTreeMap<String, Name>,
}

impl Names {
    pub(super) fn new(registry: &Registry, parts: &[Part]) -> Names {
        let schema = format!("{}Event", registry.name());
        let own = [format!("encode{schema}"), format!("decode{schema}"), schema.clone()];
        let taken = reserved().chain(own).collect();

        let events = registry.events().iter().map(|event| Candidate::new(event.rust_path(), &[]));
        let parts_of_events = parts.iter().map(|part| match part.kind {
            Kind::Struct(ty) => Candidate::new(ty.rust_path(), ty.args()),
            Kind::Enum(ty) => Candidate::new(ty.rust_path(), ty.args()),
        });
        let mut names = choose(events.chain(parts_of_events).collect(), taken).into_iter();

        let with_bytes = binary::parts(parts);
        let mut events = BTreeMap::new();
        for (event, name) in registry.events().iter().zip(&mut names) {
            let has_bytes = binary::is_in(event.layout(), &with_bytes);
            events.insert(event.id(), Name { name, has_bytes });
        }
        let parts = parts.iter().zip(names).map(|(part, name)| {
            let has_bytes = with_bytes.contains(&part.path);
            (part.path.clone(), Name { name, has_bytes })
        });
        let schema = Name { name: schema, has_bytes: events.values().any(Name::has_bytes) };
        Names { schema, events, parts: parts.collect() }
    }

    /// The union of all events.
    pub(super) fn schema(&self) -> &Name {
        &self.schema
    }

    /// The event with this id, which is in the schema.
    pub(super) fn event(&self, id: u16) -> &Name {
        &self.events[&id]
    }

    /// The part with this path, which is in the schema.
    pub(super) fn part(&self, path: &str) -> &Name {
        &self.parts[path]
    }
}

/// A type whose name is being chosen.
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

/// What the module declares for a type of this name.
fn declared(name: &str) -> [String; 3] {
    [name.to_owned(), format!("read{name}"), format!("write{name}")]
}

/// The names that no type gets.
fn reserved() -> impl Iterator<Item = String> {
    WORDS.split_whitespace().chain(TAKEN.split_whitespace()).map(str::to_owned)
}

fn choose(mut candidates: Vec<Candidate>, mut taken: BTreeSet<String>) -> Vec<String> {
    // Types that share a name each get one more module in front, until the names differ or no modules are left.
    loop {
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for name in candidates.iter().flat_map(|candidate| declared(&candidate.name())) {
            *uses.entry(name).or_default() += 1;
        }
        let mut changed = false;
        for candidate in &mut candidates {
            let is_shared = declared(&candidate.name()).iter().any(|name| uses[name] > 1 || taken.contains(name));
            if is_shared && candidate.used < candidate.segments.len() {
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
        let is_free = |name: &String| declared(name).iter().all(|name| !taken.contains(name));
        let free = std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name);
        taken.extend(declared(&free));
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
        let taken = reserved().collect();
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
    fn reserved_words_are_not_used() {
        assert_eq!(names(&["schemas::Map", "Set", "game::r#type"]), ["SchemasMap", "Set2", "Gametype"]);
        assert_eq!(names(&["game::keyof", "infer", "Promise"]), ["Gamekeyof", "infer2", "Promise"]);
    }

    #[test]
    fn a_name_is_not_that_of_another_types_functions() {
        assert_eq!(names(&["a::Move", "a::readMove"]), ["AMove", "AreadMove"]);
        assert_eq!(names(&["Move", "writeMove", "Move2"]), ["Move", "writeMove2", "Move22"]);
    }

    #[test]
    fn arguments_become_words() {
        assert_eq!(pascal("Vec<(u8, other_schema::Élan)>"), "VecU8OtherSchemaÉlan");
    }
}
