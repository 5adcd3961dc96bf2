//! The pieces of a line of the lock file, and its errors.
//!
//! Owns [`LockError`]. Knows no schema.

use crate::pieces::{Pieces, compact};
use crate::schema::model::Since;
use std::collections::BTreeMap;
use std::fmt;
use std::str::CharIndices;

/// What is wrong with a lock file, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError {
    line: usize,
    problem: String,
}

impl LockError {
    /// The number of the line, from 1 on.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

impl std::error::Error for LockError {}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

pub(super) type Result<T> = std::result::Result<T, LockError>;

pub(super) fn error<T>(line: usize, problem: impl Into<String>) -> Result<T> {
    Err(LockError { line, problem: problem.into() })
}

/// Things that may be there once, with the line of each.
#[derive(Default)]
pub(super) struct Once(BTreeMap<String, usize>);

impl Once {
    pub(super) fn add(&mut self, what: String, line: usize) -> Result<()> {
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

    /// The line of what is there.
    pub(super) fn line(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or_default()
    }
}

pub(super) fn unknown<T>(line: usize, option: &str, known: &str) -> Result<T> {
    error(line, format!("`{option}` is not known here; {known} can be there, once"))
}

/// `, since 2 = 0` behind a type.
pub(super) fn since(text: &str, line: usize) -> Result<Option<Box<Since>>> {
    if text.is_empty() {
        return Ok(None);
    }
    let parse = |text: &str| {
        let (version, default) = text.strip_prefix(", since ")?.split_once(" = ")?;
        let version = version.parse().ok().filter(|version| *version > 1)?;
        let mut json = Pieces::new(default);
        let default = compact(&mut json).ok()?.into();
        json.end().ok()?;
        Some(Box::new(Since { version, default }))
    };
    match parse(text) {
        Some(since) => Ok(Some(since)),
        None => unknown(line, text.trim_start_matches(", "), "`since 2 = …` with the version and the default"),
    }
}

/// `7 "player:move"`, and what follows.
pub(super) fn id_and_name(text: &str) -> Option<(u16, String, &str)> {
    let (id, rest) = text.split_once(' ')?;
    let (name, rest) = in_quotes(rest)?;
    Some((id.parse().ok().filter(|id| *id > 0)?, name, rest))
}

/// Text as Rust prints it in quotes, and what follows.
pub(super) fn in_quotes(text: &str) -> Option<(String, &str)> {
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
