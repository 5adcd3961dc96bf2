//! Golden files: files beside the code that a test compares with it, and writes on request.
//!
//! Owns the environment variables and the reading and writing; does not know what is in a file.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a test may do to a file, by the environment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    /// `PAINDA_ACCEPT=1`: write the changes to the file.
    pub(super) accept: bool,
    /// `CI`: a file that is missing has not been committed.
    pub(super) ci: bool,
}

impl Mode {
    pub(super) fn of_environment() -> Mode {
        let is_set =
            |name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
        Mode { accept: is_set("PAINDA_ACCEPT"), ci: is_set("CI") }
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

    /// The text; a file that is missing is written first, and then there is none.
    pub(super) fn text_or_write(&self, new: impl FnOnce() -> String) -> Result<Option<&str>, String> {
        match &self.text {
            Some(text) => Ok(Some(text)),
            None if self.mode.ci && !self.mode.accept => {
                Err(format!("{} is missing: run the test on your machine and commit the file", self.path.display()))
            }
            None => self.write(&new()).map(|()| None),
        }
    }

    pub(super) fn write(&self, text: &str) -> Result<(), String> {
        let write = || {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&self.path, text)
        };
        write().map_err(|error| format!("{} cannot be written: {error}", self.path.display()))
    }
}
