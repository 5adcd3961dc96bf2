//! Parses the text of a type.
//!
//! Owns the grammar, which is that of the text that [`WireType`](crate::codec::WireType) prints. Knows no files.

use crate::codec::{Number, Quantisation};
use crate::schema::model::TypeModel;

/// The deepest nesting of types, because the parser recurses.
const MAX_DEPTH: usize = 128;

/// Gives numbers to the structs and enums that a type consists of.
type Numbering<'n, 'a> = &'n mut dyn FnMut(&'a str) -> u32;

/// Takes a type from the front of the text: the rest, and the type. The type arguments of a struct or enum are part of its path.
pub(super) fn take<'a>(text: &'a str, number: Numbering<'_, 'a>) -> Option<(&'a str, TypeModel)> {
    ty(text, number, 0)
}

fn ty<'a>(text: &'a str, number: Numbering<'_, 'a>, depth: usize) -> Option<(&'a str, TypeModel)> {
    if depth > MAX_DEPTH {
        return None;
    }
    if let Some(item) = text.strip_prefix('[') {
        let (rest, item) = ty(item, number, depth + 1)?;
        let (length, rest) = rest.strip_prefix("; ")?.split_once(']')?;
        return Some((rest, TypeModel::Array(Box::new((item, length.parse().ok()?)))));
    }
    if let Some(items) = text.strip_prefix('(') {
        return match items.strip_prefix(')') {
            Some(rest) => Some((rest, TypeModel::Tuple(Vec::new()))),
            None => list(items, ")", number, depth).map(|(rest, items)| (rest, TypeModel::Tuple(items))),
        };
    }
    let (name, rest) = text.split_at(text.find(is_delimiter).unwrap_or(text.len()));
    if let Some(items) = rest.strip_prefix('<') {
        if !matches!(name, "Vec" | "Set" | "Option" | "Map") {
            let (rest, _) = list(items, ">", &mut |_| 0, depth)?;
            return Some((rest, TypeModel::Part(number(&text[..text.len() - rest.len()]))));
        }
        let (rest, mut items) = list(items, ">", number, depth)?;
        let (last, first) = (items.pop()?, items.pop());
        return Some((
            rest,
            match (name, first) {
                ("Vec", None) => TypeModel::List(Box::new(last)),
                ("Set", None) => TypeModel::Set(Box::new(last)),
                ("Option", None) => TypeModel::Option(Box::new(last)),
                ("Map", Some(key)) if items.is_empty() => TypeModel::Map(Box::new((key, last))),
                _ => return None,
            },
        ));
    }
    Some(match (name, TypeModel::number(name)) {
        ("", _) => return None,
        ("bool", _) => (rest, TypeModel::Bool),
        ("String", _) => (rest, TypeModel::String),
        ("Bytes", _) => (rest, TypeModel::Bytes),
        (_, Some(float @ (Number::F32 | Number::F64))) => match quantised(float, rest) {
            Some((rest, quantisation)) => (rest, TypeModel::Quantised(Box::new(quantisation))),
            None => (rest, TypeModel::Number(float)),
        },
        (_, Some(number)) => (rest, TypeModel::Number(number)),
        (path, None) => (rest, TypeModel::Part(number(path))),
    })
}

/// Types up to the end, and what follows.
fn list<'a>(
    mut text: &'a str,
    end: &str,
    number: Numbering<'_, 'a>,
    depth: usize,
) -> Option<(&'a str, Vec<TypeModel>)> {
    let mut items = Vec::new();
    loop {
        let (rest, item) = ty(text, number, depth + 1)?;
        items.push(item);
        // A tuple of one has a comma behind it.
        let last = if items.len() == 1 && end == ")" { rest.strip_prefix(',') } else { Some(rest) };
        if let Some(rest) = last.and_then(|text| text.strip_prefix(end)) {
            return Some((rest, items));
        }
        text = rest.strip_prefix(", ")?;
    }
}

/// ` as u16 in -1.0..=1.0` behind a float.
fn quantised(float: Number, text: &str) -> Option<(&str, Quantisation)> {
    let (number, range) = text.strip_prefix(" as ")?.split_once(" in ")?;
    let (range, rest) = range.split_at(range.find([',', ')', '>', ']']).unwrap_or(range.len()));
    let (min, max) = range.split_once("..=")?;
    let number = TypeModel::number(number)?;
    let quantisation = Quantisation { float, number, min: min.parse().ok()?, max: max.parse().ok()? };
    matches!(number, Number::U8 | Number::U16 | Number::U32).then_some((rest, quantisation))
}

fn is_delimiter(letter: char) -> bool {
    "<>()[],; ".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(text: &str) -> Option<(&str, Vec<&str>)> {
        let mut parts = Vec::new();
        let (rest, _) = take(text, &mut |path| {
            parts.push(path);
            0
        })?;
        Some((rest, parts))
    }

    #[test]
    fn the_parts_of_a_type_are_found() {
        for (text, parts) in [
            ("u8", vec![]),
            ("Vec<(u8, [Option<String>; 3])>", vec![]),
            ("()", vec![]),
            ("(Bytes,)", vec![]),
            ("f32 as u16 in -1.5..=1e300", vec![]),
            ("a::B", vec!["a::B"]),
            ("Map<a::B, Vec<c::D<u8, a::E>>>", vec!["a::B", "c::D<u8, a::E>"]),
            ("([a::B; 3], Set<c::D>)", vec!["a::B", "c::D"]),
            ("Alone", vec!["Alone"]),
        ] {
            assert_eq!(parts_of(text), Some(("", parts)), "{text}");
        }
        assert_eq!(parts_of("Vec<a::B>, since 2 = [1, 2]"), Some((", since 2 = [1, 2]", vec!["a::B"])));
    }

    #[test]
    fn other_text_is_no_type() {
        for text in [
            "",
            " u8",
            &"Vec<".repeat(100_000),
            "Vec<",
            "Vec<u8",
            "Map<u8,u8>",
            "[u8]",
            "[u8; x]",
            "(u8",
            "(u8, )",
            "(u8)",
            "Vec<>",
            ">",
        ] {
            assert_eq!(parts_of(text), None, "{text}");
        }
        for text in ["u8 u8", "f32 as u64 in 0.0..=1.0", "f64 as u8 in a..=b", "Vec<u8>>"] {
            assert!(parts_of(text).is_some_and(|(rest, _)| !rest.is_empty()), "{text}");
        }
    }
}
