//! The table of a hex dump: offset, bytes, and what they mean.
//!
//! Owns the columns and their widths. Knows no types.

use std::fmt::Write;

/// How many bytes stand in one line.
pub(super) const WIDTH: usize = 16;

/// The lines so far.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
}

enum Line {
    Title(String),
    Row { offset: usize, bytes: Vec<u8>, path: String, ty: String, meaning: String },
}

impl Table {
    /// A line without columns.
    pub(crate) fn title(&mut self, title: String) {
        self.lines.push(Line::Title(title));
    }

    /// A value.
    pub(crate) fn row(
        &mut self,
        offset: usize,
        bytes: &[u8],
        path: impl Into<String>,
        ty: impl Into<String>,
        meaning: impl Into<String>,
    ) {
        let (path, ty, meaning) = (path.into(), ty.into(), meaning.into());
        self.lines.push(Line::Row { offset, bytes: bytes.to_owned(), path, ty, meaning });
    }

    /// The finished dump; every line ends with a line feed.
    pub(crate) fn text(&self) -> String {
        let mut widths = [0; 3];
        for line in &self.lines {
            if let Line::Row { bytes, path, ty, .. } = line {
                let columns =
                    [(bytes.len().min(WIDTH) * 3).saturating_sub(1), path.chars().count(), ty.chars().count()];
                widths.iter_mut().zip(columns).for_each(|(width, column)| *width = column.max(*width));
            }
        }
        let [hex_width, path_width, ty_width] = widths;
        let mut out = String::new();
        for line in &self.lines {
            match line {
                Line::Title(title) => out += title,
                Line::Row { offset, bytes, path, ty, meaning } => {
                    let (first, rest) = bytes.split_at(bytes.len().min(WIDTH));
                    // Writing to a string cannot fail.
                    let _ = write!(
                        out,
                        "{offset:04x}  {:hex_width$}  {path:path_width$}  {ty:ty_width$}  {meaning}",
                        hex(first)
                    );
                    for (chunk, at) in rest.chunks(WIDTH).zip(1..) {
                        let _ = write!(out, "\n{:04x}  {}", offset + at * WIDTH, hex(chunk));
                    }
                }
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        out
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
