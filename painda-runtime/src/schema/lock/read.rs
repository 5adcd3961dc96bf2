//! The lock file's text, as it is read: this format and the one before.
//!
//! Owns what can be wrong with it: a line that cannot be read, two lines that say the same or contradict each other,
//! and lines that are missing. A merge can do all of that. Knows nothing about what a change means.

use super::model::{
    Body, FORMAT, Lock, LockedDelivery, LockedEvent, LockedField, LockedLayout, LockedPart, LockedVariant, Since,
};
use super::types;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::{CharIndices, Lines};

/// The depth where the file does not say it.
const DEPTH_BEFORE: u8 = 64;

/// What is wrong with a lock file, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError {
    line: usize,
    problem: String,
}

impl std::error::Error for LockError {}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

type Result<T> = std::result::Result<T, LockError>;

fn error<T>(line: usize, problem: impl Into<String>) -> Result<T> {
    Err(LockError { line, problem: problem.into() })
}

/// Reads a lock file.
pub(super) fn read(text: &str) -> Result<Lock> {
    let mut reader = Reader::new(text);
    let mut lock = Lock { format: reader.format()?, ..Lock::default() };
    lock.schema = reader.expect("`schema` and its name", |line| line.strip_prefix("schema ").map(str::to_owned))?;
    lock.depth = match lock.format {
        1 => DEPTH_BEFORE,
        _ => reader.expect("`depth` and a number", |line| line.strip_prefix("depth ")?.parse().ok())?,
    };
    while !reader.current.is_empty() {
        match reader.current.split(' ').next() {
            Some("event") => lock.events.push(reader.event()?),
            Some("struct") => lock.parts.push(reader.structure()?),
            Some("enum") => lock.parts.push(reader.enumeration()?),
            _ => lock.reserved.push(reader.reserved()?),
        }
    }
    reader.finish(&lock)?;
    // Whoever has edited the file need not have kept the order.
    lock.events.sort_by_key(|event| event.id);
    lock.parts.sort_by(|a, b| a.path.cmp(&b.path));
    lock.reserved.sort();
    Ok(lock)
}

/// The lines that say something, one after another, and what they have said so far.
struct Reader<'a> {
    lines: Lines<'a>,
    /// The number of the current line.
    at: usize,
    /// Empty at the end.
    current: &'a str,
    format: u32,
    once: Once,
    /// The structs and enums, and the lines of their blocks.
    parts: BTreeMap<&'a str, usize>,
    /// Which part, or none for an event, consists of which other one, and in which line.
    uses: Vec<(Option<&'a str>, &'a str, usize)>,
}

/// What may be there once, and the line where it has been.
#[derive(Default)]
struct Once(BTreeMap<String, usize>);

impl Once {
    fn add(&mut self, what: String, line: usize) -> Result<()> {
        match self.0.get(&what) {
            Some(first) => error(
                line,
                format!(
                    "{what} is there a second time, first in line {first}; where a merge has kept both, remove one: \
                     the test says whether the other one is as in the code"
                ),
            ),
            None => {
                self.0.insert(what, line);
                Ok(())
            }
        }
    }
}

/// Whose fields they are: only those of events may have been appended.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Event,
    Part(&'a str),
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let (once, parts, uses) = (Once::default(), BTreeMap::new(), Vec::new());
        let mut reader = Reader { lines: text.lines(), at: 0, current: "", format: FORMAT, once, parts, uses };
        reader.next();
        reader
    }

    /// Goes on to the next line that is neither empty nor a comment.
    fn next(&mut self) {
        self.current = "";
        for line in self.lines.by_ref() {
            self.at += 1;
            let line = line.trim_end();
            if !line.is_empty() && !line.starts_with('#') {
                self.current = line;
                return;
            }
        }
        self.at += 1;
    }

    /// Takes the current line apart and goes to the next.
    fn expect<T>(&mut self, expected: &str, parse: impl FnOnce(&'a str) -> Option<T>) -> Result<T> {
        let line = self.current;
        match parse(line) {
            Some(value) => {
                self.next();
                Ok(value)
            }
            None if ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|mark| line.starts_with(mark)) => error(
                self.at,
                format!("`{line}` is a mark that git has left; keep the lines that belong to the code, without marks"),
            ),
            None => error(self.at, format!("{expected} is expected, not `{line}`")),
        }
    }

    fn format(&mut self) -> Result<u32> {
        let line = self.at;
        let format = self.expect(&format!("painda-lock {FORMAT}"), |line| {
            line.strip_prefix("painda-lock ")?.parse().ok().filter(|format| *format > 0)
        })?;
        if format > FORMAT {
            return error(
                line,
                format!("the file has the format {format}, and this painda-runtime knows {FORMAT}; update it"),
            );
        }
        self.format = format;
        Ok(format)
    }

    fn event(&mut self) -> Result<LockedEvent> {
        let line = self.at;
        let (id, name, rest) = self.expect("`event`, an id, a name in quotes and a path", |line| {
            let (id, name, rest) = id_and_name(line.strip_prefix("event ")?)?;
            Some((id, name, rest.strip_prefix(' ')?))
        })?;
        let mut rest = rest.split(", ");
        let path = rest.next().unwrap_or_default();
        self.once.add(format!("the id {id}"), line)?;
        self.once.add(format!("the event {name:?}"), line)?;
        self.once.add(format!("the event's type `{path}`"), line)?;

        let (mut is_tuple, mut delivery) = (false, None);
        for option in rest {
            let of = option.strip_prefix("latest = ").and_then(in_quotes).filter(|(_, rest)| rest.is_empty());
            let given = match (option, of) {
                _ if self.format == 1 => {
                    return error(line, format!("`{option}` is not known in the format 1 of this file"));
                }
                ("tuple", _) if !is_tuple => {
                    is_tuple = true;
                    continue;
                }
                ("volatile", _) => Some(LockedDelivery::Volatile),
                ("latest", _) => Some(LockedDelivery::Latest),
                (_, Some((field, _))) => Some(LockedDelivery::LatestOf(field)),
                _ => None,
            };
            match (given, &delivery) {
                (Some(_), Some(before)) => {
                    return error(line, format!("the event is `{before}` and `{option}`; keep one"));
                }
                (Some(given), None) => delivery = Some(given),
                (None, _) => return unknown(line, option, "`tuple`, `volatile`, `latest` and `latest = \"field\"`"),
            }
        }
        let layout = self.layout("  ", is_tuple, Owner::Event)?;
        let delivery = delivery.unwrap_or_default();
        match &delivery {
            LockedDelivery::LatestOf(field) if layout.position(field).is_none() => {
                error(line, format!("the event is `{delivery}` and has no such field"))
            }
            _ => Ok(LockedEvent { id, name, path: path.to_owned(), delivery, layout }),
        }
    }

    fn structure(&mut self) -> Result<LockedPart> {
        let (path, is_tuple) = self.part("`struct` and a path", "struct ")?;
        let layout = self.layout("  ", is_tuple, Owner::Part(path))?;
        Ok(LockedPart { path: path.to_owned(), body: Body::Struct(layout) })
    }

    fn enumeration(&mut self) -> Result<LockedPart> {
        let line = self.at;
        let (path, is_tuple) = self.part("`enum` and a path", "enum ")?;
        if is_tuple {
            return unknown(line, "tuple", "nothing");
        }
        let mut variants = Vec::new();
        let mut once = Once::default();
        while self.current.starts_with("  ") {
            let line = self.at;
            let (tag, rest): (u8, _) = self.expect("a tag and a variant's name", |line| {
                let (tag, rest) = line.trim_start().split_once(' ')?;
                Some((tag.parse().ok()?, rest))
            })?;
            let (name, is_tuple) = self.tuple(rest);
            if let Some((_, option)) = name.split_once(", ") {
                return unknown(line, option, "`tuple`");
            }
            once.add(format!("the tag {tag} of `{path}`"), line)?;
            once.add(format!("the variant `{name}` of `{path}`"), line)?;
            let layout = self.layout("    ", is_tuple, Owner::Part(path))?;
            if is_tuple && layout.fields.is_empty() {
                return unknown(line, "tuple", "nothing without fields");
            }
            variants.push(LockedVariant { tag, name: name.to_owned(), layout });
        }
        if variants.is_empty() {
            return error(line, format!("`{path}` has no variants; take its lines from an older version of the file"));
        }
        variants.sort_by_key(|variant| variant.tag);
        Ok(LockedPart { path: path.to_owned(), body: Body::Enum(variants) })
    }

    /// The first line of a struct or an enum.
    fn part(&mut self, expected: &str, word: &str) -> Result<(&'a str, bool)> {
        let line = self.at;
        let (path, options) = self.expect(expected, |line| {
            let text = line.strip_prefix(word)?;
            let (rest, parts) = types::take(text)?;
            let path = &text[..text.len() - rest.len()];
            (parts == [path]).then_some((path, rest))
        })?;
        let (options, is_tuple) = self.tuple(options);
        if !options.is_empty() {
            return unknown(line, options.trim_start_matches(", "), "`tuple`");
        }
        self.once.add(format!("`{path}`"), line)?;
        self.parts.insert(path, line);
        Ok((path, is_tuple))
    }

    /// The text without the mark of a tuple, and whether it had it.
    fn tuple(&self, text: &'a str) -> (&'a str, bool) {
        match text.strip_suffix(", tuple") {
            Some(text) if self.format > 1 => (text, true),
            _ => (text, false),
        }
    }

    /// The fields in the lines that begin with the indentation.
    fn layout(&mut self, indent: &str, mut is_tuple: bool, owner: Owner<'a>) -> Result<LockedLayout> {
        let mut fields: Vec<LockedField> = Vec::new();
        let mut once = Once::default();
        let mut newest = 1;
        while self.current.starts_with(indent) {
            let line = self.at;
            let (name, text, rest, parts) = self.expect("a field's name and type", |line| {
                let (name, text) = line.trim_start().split_once(": ")?;
                let (rest, parts) = types::take(text)?;
                (!name.contains(' ')).then_some((name, text, rest, parts))
            })?;
            let ty = text[..text.len() - rest.len()].to_owned();
            once.add(format!("the field `{name}`"), line)?;

            // The first format has no mark.
            is_tuple |= self.format == 1 && fields.is_empty() && name == "0";
            let is_position = name.bytes().all(|letter| letter.is_ascii_digit());
            if is_tuple && name != fields.len().to_string() {
                return error(line, format!("`{}` is the next field of a tuple, not `{name}`", fields.len()));
            }
            if !is_tuple && is_position {
                return error(
                    line,
                    format!("`{name}` is a field's position; what it is in needs `, tuple` behind its name"),
                );
            }
            let since = since(rest, line)?;
            let version = since.as_ref().map_or(1, |since| since.version);
            match owner {
                Owner::Part(_) if since.is_some() => return unknown(line, rest.trim_start_matches(", "), "nothing"),
                Owner::Event if version < newest => {
                    return error(
                        line,
                        format!("a field of version {version} is behind one of version {newest}; restore the order"),
                    );
                }
                Owner::Event | Owner::Part(_) => newest = version,
            }
            let user = match owner {
                Owner::Event => None,
                Owner::Part(path) => Some(path),
            };
            self.uses.extend(parts.into_iter().map(|part| (user, part, line)));
            fields.push(LockedField { name: name.to_owned(), ty, since });
        }
        Ok(LockedLayout { is_tuple, fields })
    }

    fn reserved(&mut self) -> Result<(u16, String)> {
        let line = self.at;
        let (id, name) = self.expect("`event`, `struct`, `enum` or `reserved`", |line| {
            let (id, name, rest) = id_and_name(line.strip_prefix("reserved ")?)?;
            rest.is_empty().then_some((id, name))
        })?;
        self.once.add(format!("`reserved {id} {name:?}`"), line)?;
        Ok((id, name))
    }

    /// What only the whole file can say.
    fn finish(&self, lock: &Lock) -> Result<()> {
        let line = |what: String| self.once.0.get(&what).copied().unwrap_or_default();
        for LockedEvent { id, name, .. } in &lock.events {
            if lock.reserved.iter().any(|reserved| *reserved == (*id, name.clone())) {
                return error(
                    line(format!("`reserved {id} {name:?}`")),
                    format!(
                        "the event is in the file, too, in line {}; remove this line where the code has the event, \
                         and the event's lines where it is gone",
                        line(format!("the id {id}"))
                    ),
                );
            }
        }
        for (_, part, line) in &self.uses {
            if !self.parts.contains_key(part) {
                let problem =
                    "is no type, and no struct or enum of this file; take its lines from an older version of the file";
                return error(*line, format!("`{part}` {problem}"));
            }
        }
        let mut used: BTreeSet<Option<&str>> = BTreeSet::from([None]);
        while let Some((_, part, _)) =
            self.uses.iter().find(|(user, part, _)| used.contains(user) && !used.contains(&Some(part)))
        {
            used.insert(Some(part));
        }
        for (part, line) in &self.parts {
            if !used.contains(&Some(part)) {
                return error(*line, format!("no event of this file contains `{part}`; remove its lines"));
            }
        }
        Ok(())
    }
}

fn unknown<T>(line: usize, option: &str, known: &str) -> Result<T> {
    error(line, format!("`{option}` is not known here; {known} can be there, once"))
}

/// `, since 2 = 0` behind a type. A default may contain anything.
fn since(text: &str, line: usize) -> Result<Option<Since>> {
    if text.is_empty() {
        return Ok(None);
    }
    let parse = |text: &str| {
        let (version, default) = text.strip_prefix(", since ")?.split_once(" = ")?;
        let version = version.parse().ok().filter(|version| *version > 1)?;
        Some(Since { version, default: default.to_owned() })
    };
    match parse(text) {
        Some(since) => Ok(Some(since)),
        None => unknown(line, text.trim_start_matches(", "), "`since 2 = …` with the version and the default"),
    }
}

/// `7 "player:move"`, and what follows.
fn id_and_name(text: &str) -> Option<(u16, String, &str)> {
    let (id, rest) = text.split_once(' ')?;
    let (name, rest) = in_quotes(rest)?;
    Some((id.parse().ok().filter(|id| *id > 0)?, name, rest))
}

/// Text as Rust prints it in quotes, and what follows.
fn in_quotes(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix('"')?;
    let mut found = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((found, &rest[at + 1..])),
            '\\' => found.push(escaped(&mut letters)?),
            letter => found.push(letter),
        }
    }
    None
}

/// What stands for the character after a backslash where Rust prints text in quotes.
fn escaped(letters: &mut CharIndices<'_>) -> Option<char> {
    Some(match letters.next()?.1 {
        't' => '\t',
        'r' => '\r',
        'n' => '\n',
        '0' => '\0',
        'u' => {
            let digits = letters.map(|(_, letter)| letter).skip_while(|&letter| letter == '{');
            let digits: String = digits.take_while(|&letter| letter != '}').collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
        }
        letter => letter,
    })
}
