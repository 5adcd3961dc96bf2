//! Golden files: files beside the code that a test compares with it, and writes on request.
//!
//! Owns the environment variables, the reading and writing, and how a test ends; does not know what is in a file.

mod accept;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[cfg(test)]
pub(super) use accept::accept;
pub(super) use accept::{Accept, command};

/// What a test may do to a file, by the environment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    /// `PAINDA_ACCEPT`: which changes are written to the file.
    pub(super) accept: Accept,
    /// `CI`: a file that is missing has not been committed.
    pub(super) ci: bool,
}

impl Mode {
    fn of_environment() -> Result<Mode, String> {
        let is_set = |value: &OsString| !value.is_empty() && value != "0" && value != "false";
        Ok(Mode {
            accept: Accept::parse(env::var_os("PAINDA_ACCEPT").as_deref())?,
            ci: env::var_os("CI").as_ref().is_some_and(is_set),
        })
    }
}

/// What was written, in words; `None` for a file that was right.
pub(super) type Outcome = Result<Option<String>, String>;

/// Runs a test of a file, and prints what was written.
///
/// # Panics
/// With the message, when the file is not as it should be.
#[track_caller]
pub(super) fn check(outcome: impl FnOnce(Mode) -> Outcome) {
    match Mode::of_environment().and_then(outcome) {
        // Not `eprintln!`: a test that passes does not show what that prints.
        Ok(Some(written)) => drop(writeln!(io::stderr(), "\n{written}")),
        Ok(None) => {}
        Err(message) => panic!("{message}"),
    }
}

/// A file, and its text if it is there.
pub(super) struct Golden {
    path: PathBuf,
    text: Option<String>,
    mode: Mode,
}

impl Golden {
    pub(super) fn open(path: &Path, mode: Mode) -> Result<Golden, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        };
        Ok(Golden { path: path.to_owned(), text, mode })
    }

    /// The text, if the file is there.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Writes a file that is missing.
    pub(super) fn create(&self, text: &str) -> Outcome {
        if self.mode.ci && !self.mode.accept.takes_any() {
            return Err(format!(
                "{} is missing: run the test on your machine and commit the file",
                self.path.display()
            ));
        }
        self.write(text, format!("{} is new: commit it.", self.path.display()))
    }

    /// Writes the file, and says so.
    pub(super) fn write(&self, text: &str, written: String) -> Outcome {
        let write = || {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&self.path, text)
        };
        match write() {
            Ok(()) => Ok(Some(written)),
            Err(error) => Err(format!("{} cannot be written: {error}", self.path.display())),
        }
    }
}
