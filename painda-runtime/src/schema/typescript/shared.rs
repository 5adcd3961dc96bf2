//! What the modules share: the code that takes messages apart and puts them together, as much of it as a module needs.
//!
//! The files are cut into pieces at their empty lines: a declaration, the beginning of a class, or a member of one. A page
//! does not load what none of its events needs; a bundler leaves out functions, but no methods. Compilers complain about
//! private members and functions that nothing uses, so these are there only where something does.

use crate::codec::MAX_DEPTH;

/// What a module's own declarations call, beside methods.
const CALLED: [&str; 3] = ["encode", "decode", "unknownEvent"];

/// The members that are there whenever their class is. Every message is made of bytes.
const ALWAYS: [&str; 4] = ["constructor", "fail", "u8", END];

/// The end of a class.
const END: &str = "}";

struct Piece<'a> {
    text: &'a str,
    /// The text without its comments.
    code: String,
    name: &'a str,
    /// The class that it begins, or is a member of.
    class: Option<&'a str>,
    /// Whether it is a member of the class.
    is_member: bool,
}

/// The pieces that these declarations need.
pub(super) fn needed_by(items: &str) -> String {
    let depth =
        format!("/** How deep structs and enums may be nested in an event. */\nconst MAX_DEPTH = {MAX_DEPTH};\n");
    let files = [&depth, include_str!("common.ts"), include_str!("reader.ts"), include_str!("writer.ts")];
    let called = |piece: &Piece<'_>| match piece.is_member {
        true => piece.is_public() && calls_method(items, piece.name),
        false => piece.code.starts_with("export ") || CALLED.contains(&piece.name),
    };
    let (mut kept, mut rest): (Vec<_>, Vec<_>) =
        files.into_iter().flat_map(pieces).enumerate().partition(|(_, piece)| called(piece));
    // Each of those that are kept may need others.
    let mut seen = 0;
    while let Some((_, by)) = kept.get(seen) {
        let (needed, others) = rest.into_iter().partition(|(_, piece)| by.needs(piece));
        rest = others;
        kept.extend::<Vec<_>>(needed);
        seen += 1;
    }
    kept.sort_by_key(|(at, _)| *at);
    let mut out = String::new();
    for (_, piece) in kept {
        out += if piece.name == END { "" } else { "\n" };
        out += piece.text;
        out += "\n";
    }
    out
}

impl<'a> Piece<'a> {
    fn new(text: &'a str, class: Option<&'a str>) -> Self {
        let code = text.lines().filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n");
        Piece { text, code, name: declared(text), class, is_member: class.is_some() }
    }

    fn is_public(&self) -> bool {
        !self.code.trim_start().starts_with("private ")
    }

    /// Whether the code of this piece needs that one.
    fn needs(&self, piece: &Piece<'_>) -> bool {
        match piece.is_member {
            true if ALWAYS.contains(&piece.name) => self.class == piece.class,
            true => (piece.is_public() || self.class == piece.class) && calls_method(&self.code, piece.name),
            // The beginning of its class.
            false => self.class == piece.class && piece.class.is_some() || mentions(&self.code, "", piece.name),
        }
    }
}

/// Whether the code calls a method of this name, or uses a property, of itself, a reader or a writer.
fn calls_method(code: &str, name: &str) -> bool {
    let is_called = ["this.", "r.", "w.", ")."].iter().any(|before| mentions(code, before, name));
    // The quantised floats choose their integer by its name.
    is_called || code.contains(&format!("\"{name}\""))
}

/// Whether the name is somewhere in the code, right behind `before`.
fn mentions(code: &str, before: &str, name: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(name).any(|(at, _)| {
        let (front, behind) = (&code[..at], &code[at + name.len()..]);
        front.ends_with(before) && !front.ends_with(is_word) && !behind.starts_with(is_word)
    })
}

fn pieces(file: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut class = None;
    for text in file.trim_end().split("\n\n") {
        // The last member of a class has the end of the class behind it.
        let (text, ends) = match text.strip_suffix("\n}") {
            Some(member) if class.is_some() => (member, true),
            _ => (text, false),
        };
        let mut piece = Piece::new(text, class);
        if !piece.is_member && piece.code.contains("class ") && !text.ends_with("\n}") {
            class = Some(piece.name);
            piece.class = class;
        }
        pieces.push(piece);
        if ends {
            pieces.push(Piece::new(END, class));
            class = None;
        }
    }
    pieces
}

/// What a piece declares.
fn declared(text: &str) -> &str {
    const BEFORE: &str = "export abstract class function const type interface private protected readonly";
    let line = text.lines().find(|line| !is_comment(line)).unwrap_or_default();
    let mut words =
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty());
    words.find(|word| BEFORE.split(' ').all(|before| before != *word)).unwrap_or(text)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(['/', '*'])
}
