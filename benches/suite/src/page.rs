//! A page of results in Markdown, with its raw data beside it.

use std::{fmt::Write, fs, io};

use crate::{machine, paths::Paths};

/// What one case has to say.
#[derive(Debug)]
pub(crate) struct Page {
    case: &'static str,
    text: String,
    data: String,
}

impl Page {
    /// Begins with the title and what was measured how.
    pub(crate) fn new(paths: &Paths, case: &'static str, title: &str, method: &str) -> Self {
        let machine = machine::describe(paths);
        let text = format!("# {title}\n\n<!-- written by `benches/run {case}` -->\n\n{method}\n\n{machine}");
        Self { case, text, data: String::new() }
    }

    pub(crate) fn section(&mut self, title: &str) {
        let _ = write!(self.text, "\n## {title}\n");
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        let _ = write!(self.text, "\n{text}\n");
    }

    pub(crate) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let _ = write!(self.text, "\n| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
        for row in rows {
            let _ = writeln!(self.text, "| {} |", row.join(" | "));
        }
    }

    /// Writes a plot beside the page and shows it there.
    pub(crate) fn plot(&mut self, paths: &Paths, name: &str, title: &str, svg: &str) -> io::Result<()> {
        fs::write(paths.out.join(format!("{name}.svg")), svg)?;
        let _ = write!(self.text, "\n![{title}]({name}.svg)\n");
        Ok(())
    }

    /// Adds a line to the raw data, which is a CSV file.
    pub(crate) fn data(&mut self, fields: &[String]) {
        let _ = writeln!(self.data, "{}", fields.join(","));
    }

    pub(crate) fn save(self, paths: &Paths) -> io::Result<()> {
        let Self { case, mut text, data } = self;
        if !data.is_empty() {
            let _ = write!(text, "\nEvery round: [data/{case}.csv](data/{case}.csv).\n");
            fs::write(paths.out.join(format!("data/{case}.csv")), data)?;
        }
        let page = paths.out.join(format!("{case}.md"));
        fs::write(&page, text)?;
        println!("{case}: see {}", page.display());
        Ok(())
    }
}
