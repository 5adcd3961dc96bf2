//! Which structs and enums have only moved to another path in Rust, and which events use one.
//!
//! Owns what there is to know about the text of types. Knows nothing about what a change means.

use super::model::{Body, Lock, LockedField, LockedLayout, LockedPart};

/// The old schema with the new paths of those parts that are called otherwise now, and these paths:
/// old and new.
pub(super) fn moves(old: &Lock, new: &Lock) -> (Lock, Vec<(String, String)>) {
    let mut old = old.clone();
    let mut moves = Vec::new();
    // A move may bring to light another one, of a type that contains the first.
    while let Some((from, to)) = one_move(&old, new) {
        rename(&mut old, &from, &to);
        moves.push((from, to));
    }
    (old, moves)
}

fn one_move(old: &Lock, new: &Lock) -> Option<(String, String)> {
    let gone: Vec<_> = old.parts.iter().filter(|part| !has(new, &part.path)).collect();
    let added: Vec<_> = new.parts.iter().filter(|part| !has(old, &part.path)).collect();
    // The same name in another module, or another name and the same content.
    let same_name = |a: &LockedPart, b: &LockedPart| name(&a.path) == name(&b.path);
    let same_body = |a: &LockedPart, b: &LockedPart| a.body == b.body && !is_empty(&a.body);
    only_pair(&gone, &added, same_name).or_else(|| only_pair(&gone, &added, same_body))
}

/// The paths of two parts that are the same, if either is the same as no other.
fn only_pair(
    gone: &[&LockedPart],
    added: &[&LockedPart],
    is_same: impl Fn(&LockedPart, &LockedPart) -> bool,
) -> Option<(String, String)> {
    gone.iter().find_map(|from| {
        let mut to = added.iter().filter(|to| is_same(from, to));
        let (to, None) = (to.next()?, to.next()) else { return None };
        let unique = gone.iter().filter(|other| is_same(other, to)).count() == 1;
        unique.then(|| (from.path.clone(), to.path.clone()))
    })
}

fn has(lock: &Lock, path: &str) -> bool {
    lock.parts.iter().any(|part| part.path == path)
}

/// What is empty is the same as everything else that is.
fn is_empty(body: &Body) -> bool {
    match body {
        Body::Struct(layout) => layout.fields.is_empty(),
        Body::Enum(variants) => variants.is_empty(),
    }
}

/// The path without its modules, with its type arguments.
fn name(path: &str) -> &str {
    let end = path.find('<').unwrap_or(path.len());
    let start = path[..end].rfind("::").map_or(0, |at| at + 2);
    &path[start..]
}

fn rename(lock: &mut Lock, from: &str, to: &str) {
    for event in &mut lock.events {
        rename_in(&mut event.layout, from, to);
    }
    for part in &mut lock.parts {
        part.path = replace(&part.path, from, to);
        match &mut part.body {
            Body::Struct(layout) => rename_in(layout, from, to),
            Body::Enum(variants) => variants.iter_mut().for_each(|variant| rename_in(&mut variant.layout, from, to)),
        }
    }
}

fn rename_in(layout: &mut LockedLayout, from: &str, to: &str) {
    for field in &mut layout.fields {
        field.ty = replace(&field.ty, from, to);
    }
}

/// The names of the events that contain the part, by themselves or in other parts.
pub(super) fn users<'a>(path: &str, lock: &'a Lock) -> Vec<&'a str> {
    let mut paths = vec![path];
    let mut at = 0;
    while let Some(path) = paths.get(at).copied() {
        let users = lock.parts.iter().filter(|part| fields(&part.body).any(|field| mentions(&field.ty, path)));
        let users: Vec<_> = users.map(|part| part.path.as_str()).filter(|user| !paths.contains(user)).collect();
        paths.extend(users);
        at += 1;
    }
    let uses = |field: &LockedField| paths.iter().any(|path| mentions(&field.ty, path));
    lock.events.iter().filter(|event| event.layout.fields.iter().any(uses)).map(|event| event.name.as_str()).collect()
}

fn fields(body: &Body) -> impl Iterator<Item = &LockedField> {
    let (fields, variants) = match body {
        Body::Struct(layout) => (layout.fields.as_slice(), [].as_slice()),
        Body::Enum(variants) => ([].as_slice(), variants.as_slice()),
    };
    fields.iter().chain(variants.iter().flat_map(|variant| &variant.layout.fields))
}

fn mentions(ty: &str, path: &str) -> bool {
    find(ty, path).is_some()
}

fn replace(ty: &str, from: &str, to: &str) -> String {
    match find(ty, from) {
        Some(at) => format!("{}{to}{}", &ty[..at], replace(&ty[at + from.len()..], from, to)),
        None => ty.to_owned(),
    }
}

/// Where a path stands in a type, and not merely as a piece of a longer one.
fn find(ty: &str, path: &str) -> Option<usize> {
    let belongs = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut places = ty.match_indices(path).map(|(at, _)| at);
    places.find(|&at| {
        !ty[..at].ends_with(belongs) && !ty[at + path.len()..].starts_with(|next| belongs(next) || next == '<')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_as_a_whole_only() {
        assert_eq!(replace("Map<a::B, Vec<a::B>>", "a::B", "c::D"), "Map<c::D, Vec<c::D>>");
        for other in ["a::Bc", "aa::B", "x::a::B", "a::B::c", "a::B<u8>"] {
            assert_eq!(find(&format!("Vec<{other}>"), "a::B"), None, "{other}");
        }
        assert_eq!(find("(a::B<u8>,)", "a::B<u8>"), Some(1));
    }

    #[test]
    fn a_name_has_no_modules_but_arguments() {
        assert_eq!(name("a::b::Pair<u8, c::D>"), "Pair<u8, c::D>");
        assert_eq!(name("Alone"), "Alone");
    }
}
