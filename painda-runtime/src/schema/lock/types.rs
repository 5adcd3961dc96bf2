//! The text of a type: what is one, and which structs and enums it names.
//!
//! Owns the grammar, which is what [`WireType`](crate::codec::WireType) prints. Knows nothing of files.

/// Takes a type from the front of the text: the rest, and the structs and enums that the type consists of; those in
/// their type arguments are their affair.
pub(super) fn take(text: &str) -> Option<(&str, Vec<&str>)> {
    let mut parts = Vec::new();
    let rest = ty(text, &mut parts)?;
    Some((rest, parts))
}

fn ty<'a>(text: &'a str, parts: &mut Vec<&'a str>) -> Option<&'a str> {
    if let Some(item) = text.strip_prefix('[') {
        let length = ty(item, parts)?.strip_prefix("; ")?;
        let (length, rest) = length.split_once(']')?;
        return length.parse::<usize>().ok().map(|_| rest);
    }
    if let Some(items) = text.strip_prefix('(') {
        return items.strip_prefix(')').or_else(|| list(items, ")", parts).map(|(_, rest)| rest));
    }
    let (name, mut rest) = text.split_at(text.find(is_delimiter).unwrap_or(text.len()));
    let (mut count, mut arguments) = (0, Vec::new());
    if let Some(items) = rest.strip_prefix('<') {
        (count, rest) = list(items, ">", &mut arguments)?;
    }
    match (name, count) {
        ("", _) => return None,
        ("f32" | "f64", 0) => return Some(quantised(rest).unwrap_or(rest)),
        ("u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "u64" | "i64" | "bool" | "String" | "Bytes", 0) => {}
        ("Vec" | "Set" | "Option", 1) | ("Map", 2) => parts.extend(arguments),
        _ => parts.push(&text[..text.len() - rest.len()]),
    }
    Some(rest)
}

/// Types up to the end: how many there are, and what follows.
fn list<'a>(mut text: &'a str, end: &str, parts: &mut Vec<&'a str>) -> Option<(usize, &'a str)> {
    let mut count = 0;
    loop {
        text = ty(text, parts)?;
        count += 1;
        // A tuple of one has a comma behind it.
        let last = if count == 1 && end == ")" { text.strip_prefix(',') } else { Some(text) };
        if let Some(rest) = last.and_then(|text| text.strip_prefix(end)) {
            return Some((count, rest));
        }
        text = text.strip_prefix(", ")?;
    }
}

/// ` as u16 in -1.0..=1.0` behind a float.
fn quantised(text: &str) -> Option<&str> {
    let (number, range) = text.strip_prefix(" as ")?.split_once(" in ")?;
    let (range, rest) = range.split_at(range.find([',', ')', '>', ']']).unwrap_or(range.len()));
    let (min, max) = range.split_once("..=")?;
    let is_right = matches!(number, "u8" | "u16" | "u32") && min.parse::<f64>().is_ok() && max.parse::<f64>().is_ok();
    is_right.then_some(rest)
}

fn is_delimiter(letter: char) -> bool {
    "<>()[],; ".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(take(text), Some(("", parts)), "{text}");
        }
        assert_eq!(take("Vec<a::B>, since 2 = [1, 2]"), Some((", since 2 = [1, 2]", vec!["a::B"])));
    }

    #[test]
    fn other_text_is_no_type() {
        for text in
            ["", " u8", "Vec<", "Vec<u8", "Map<u8,u8>", "[u8]", "[u8; x]", "(u8", "(u8, )", "(u8)", "Vec<>", ">"]
        {
            assert_eq!(take(text), None, "{text}");
        }
        for text in ["u8 u8", "f32 as u64 in 0.0..=1.0", "f64 as u8 in a..=b", "Vec<u8>>"] {
            assert!(take(text).is_some_and(|(rest, _)| !rest.is_empty()), "{text}");
        }
    }
}
