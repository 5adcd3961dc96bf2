//! Reads the lock file's text: this format and the one before.
//!
//! Owns the errors: a line that cannot be read, two lines that repeat or contradict each other, and missing lines. A merge
//! can cause all of these. The meaning of a change is not known here.

use super::FORMAT;
use super::line::{Once, Result, error, id_and_name, in_quotes, since, unknown};
use super::types;
use crate::schema::model::{
    Body, DEFAULT_DEPTH, DeliveryModel, EventModel, FieldModel, Fields, Notes, PartModel, SchemaModel, TypeModel,
    VariantModel,
};
use std::collections::{BTreeMap, BTreeSet};
use std::str::Lines;

/// Reads a lock file. The model has no documentation, and knows which ids and names are reserved.
///
/// # Errors
/// When this is not the text of a lock file, or it contradicts itself: with the line, and what to do.
pub fn read(text: &str) -> Result<SchemaModel> {
    let mut reader = Reader::new(text);
    let format = reader.format()?;
    let name = reader.expect("`schema` and its name", |line| line.strip_prefix("schema ").map(Box::from))?;
    let depth = match format {
        1 => DEFAULT_DEPTH,
        _ => reader.expect("`depth` and a number", |line| line.strip_prefix("depth ")?.parse().ok())?,
    };
    let (events, parts, reserved) = (Vec::new(), Vec::new(), Vec::new());
    let mut schema = SchemaModel { name, depth, events, parts, reserved, is_complete: format > 1 };
    while !reader.current.is_empty() {
        match reader.current.split(' ').next() {
            Some("event") => schema.events.push(reader.event()?),
            Some("struct") => reader.structure()?,
            Some("enum") => reader.enumeration()?,
            _ => schema.reserved.push(reader.reserved()?),
        }
    }
    reader.finish(&schema)?;
    schema.parts = reader.parts.list.into_iter().filter_map(|(part, _)| part).collect();
    Ok(schema)
}

/// Reads the lines one after another, without empty lines and comments, and collects what they contain.
struct Reader<'a> {
    lines: Lines<'a>,
    /// The number of the current line.
    at: usize,
    /// Empty at the end.
    current: &'a str,
    format: u32,
    once: Once,
    parts: Parts<'a>,
    /// The uses of parts: by which part, or `None` for an event, and in which line.
    uses: Vec<(Option<u32>, u32, usize)>,
}

/// The structs and enums that were met, each with the line of its block, or 0 while that was not met.
#[derive(Default)]
struct Parts<'a> {
    numbers: BTreeMap<&'a str, u32>,
    list: Vec<(Option<PartModel>, usize)>,
}

impl<'a> Parts<'a> {
    fn number(&mut self, path: &'a str) -> u32 {
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(path).or_insert(next);
        if number == next {
            self.list.push((None, 0));
        }
        number
    }
}

/// The owner of some fields: only an event's may have a version.
#[derive(Clone, Copy)]
enum Owner {
    Event,
    Part(u32),
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let (once, parts, uses) = (Once::default(), Parts::default(), Vec::new());
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

    /// Parses the current line and goes to the next.
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

    fn event(&mut self) -> Result<EventModel> {
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
                ("volatile", _) => Some(DeliveryModel::Volatile),
                ("latest", _) => Some(DeliveryModel::Latest),
                (_, Some((field, _))) => Some(DeliveryModel::LatestOf(field.into())),
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
        let fields = self.fields("  ", is_tuple, Owner::Event)?;
        let delivery = delivery.unwrap_or_default();
        match &delivery {
            DeliveryModel::LatestOf(field) if fields.position(field).is_none() => {
                error(line, format!("the event is `{delivery}` and has no such field"))
            }
            _ => Ok(EventModel { id, name: name.into(), path: path.into(), delivery, fields, notes: Notes::default() }),
        }
    }

    fn structure(&mut self) -> Result<()> {
        let (number, path, is_tuple) = self.part("`struct` and a path", "struct ")?;
        let body = Body::Struct(self.fields("  ", is_tuple, Owner::Part(number))?);
        self.add_part(number, path, body);
        Ok(())
    }

    fn add_part(&mut self, number: u32, path: &str, body: Body) {
        self.parts.list[number as usize].0 = Some(PartModel { path: path.into(), body, notes: Notes::default() });
    }

    fn enumeration(&mut self) -> Result<()> {
        let line = self.at;
        let (number, path, is_tuple) = self.part("`enum` and a path", "enum ")?;
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
            let fields = self.fields("    ", is_tuple, Owner::Part(number))?;
            if is_tuple && fields.list.is_empty() {
                return unknown(line, "tuple", "nothing without fields");
            }
            variants.push(VariantModel { tag, name: name.into(), fields, notes: Notes::default() });
        }
        if variants.is_empty() {
            return error(line, format!("`{path}` has no variants; take its lines from an older version of the file"));
        }
        self.add_part(number, path, Body::Enum(variants));
        Ok(())
    }

    /// The first line of a struct or an enum.
    fn part(&mut self, expected: &str, word: &str) -> Result<(u32, &'a str, bool)> {
        let line = self.at;
        let (path, options) = self.expect(expected, |line| {
            let text = line.strip_prefix(word)?;
            let (rest, ty) = types::take(text, &mut |_| 0)?;
            let path = &text[..text.len() - rest.len()];
            matches!(ty, TypeModel::Part(_)).then_some((path, rest))
        })?;
        let (options, is_tuple) = self.tuple(options);
        if !options.is_empty() {
            return unknown(line, options.trim_start_matches(", "), "`tuple`");
        }
        self.once.add(format!("`{path}`"), line)?;
        let number = self.parts.number(path);
        self.parts.list[number as usize].1 = line;
        Ok((number, path, is_tuple))
    }

    /// The text without `, tuple`, and whether it was there.
    fn tuple(&self, text: &'a str) -> (&'a str, bool) {
        match text.strip_suffix(", tuple") {
            Some(text) if self.format > 1 => (text, true),
            _ => (text, false),
        }
    }

    /// The fields in the lines that begin with the indentation.
    fn fields(&mut self, indent: &str, mut is_tuple: bool, owner: Owner) -> Result<Fields> {
        let mut fields: Vec<FieldModel> = Vec::new();
        let mut once = Once::default();
        let mut newest = 1;
        while self.current.starts_with(indent) {
            let line = self.at;
            let mut parts = std::mem::take(&mut self.parts);
            let (name, ty, rest) = self.expect("a field's name and type", |line| {
                let (name, text) = line.trim_start().split_once(": ")?;
                let (rest, ty) = types::take(text, &mut |path| parts.number(path))?;
                (!name.contains(' ')).then_some((name, ty, rest))
            })?;
            self.parts = parts;
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
                Owner::Part(part) => Some(part),
            };
            ty.each_part(&mut |part| self.uses.push((user, part, line)));
            fields.push(FieldModel { name: name.into(), ty, since, notes: None });
        }
        // A repeated name was an error of its line.
        Ok(Fields::new(is_tuple, fields).unwrap_or_default())
    }

    fn reserved(&mut self) -> Result<(u16, Box<str>)> {
        let line = self.at;
        let (id, name) = self.expect("`event`, `struct`, `enum` or `reserved`", |line| {
            let (id, name, rest) = id_and_name(line.strip_prefix("reserved ")?)?;
            rest.is_empty().then_some((id, name))
        })?;
        self.once.add(format!("`reserved {id} {name:?}`"), line)?;
        Ok((id, name.into()))
    }

    /// The checks that need the whole file.
    fn finish(&self, schema: &SchemaModel) -> Result<()> {
        let reserved: BTreeSet<_> = schema.reserved.iter().map(|(id, name)| (*id, &**name)).collect();
        for EventModel { id, name, .. } in &schema.events {
            if reserved.contains(&(*id, &**name)) {
                return error(
                    self.once.line(&format!("`reserved {id} {name:?}`")),
                    format!(
                        "the event is in the file, too, in line {}; remove this line where the code has the event, \
                         and the event's lines where it is gone",
                        self.once.line(&format!("the id {id}"))
                    ),
                );
            }
        }
        let path =
            |number: u32| self.parts.numbers.iter().find(|(_, other)| **other == number).map_or("", |(path, _)| path);
        for (_, part, line) in &self.uses {
            if self.parts.list[*part as usize].0.is_none() {
                let problem =
                    "is no type, and no struct or enum of this file; take its lines from an older version of the file";
                return error(*line, format!("`{}` {problem}", path(*part)));
            }
        }
        let mut users: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
        self.uses.iter().for_each(|(user, part, _)| users.entry(*user).or_default().push(*part));
        let (mut used, mut pending) = (BTreeSet::new(), vec![None]);
        while let Some(user) = pending.pop() {
            let parts = users.get(&user).into_iter().flatten().copied();
            pending.extend(parts.filter(|part| used.insert(*part)).map(Some));
        }
        for (part, number) in &self.parts.numbers {
            if !used.contains(number) {
                let line = self.parts.list[*number as usize].1;
                return error(line, format!("no event of this file contains `{part}`; remove its lines"));
            }
        }
        Ok(())
    }
}
