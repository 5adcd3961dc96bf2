//! `PAINDA_ACCEPT`: which changes a test takes into a golden file.
//!
//! Owns the rule, the values and the command that a failing test tells. Knows no files.

use crate::schema::diff::Class;
use std::env;
use std::ffi::OsStr;

/// The values and the most serious class that each takes.
const VALUES: [(&str, Class); 4] =
    [("1", Class::Safe), ("source", Class::InSource), ("json", Class::InJson), ("wire", Class::OnWire)];

/// The most serious class of changes that is taken, if any is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schema) struct Accept(Option<Class>);

impl Accept {
    /// Unset, empty and `0` take nothing.
    pub(super) fn parse(value: Option<&OsStr>) -> Result<Accept, String> {
        let Some(value) = value.filter(|value| !value.is_empty() && *value != "0") else { return Ok(Accept(None)) };
        match VALUES.iter().find(|(known, _)| value == *known) {
            Some((_, class)) => Ok(Accept(Some(*class))),
            None => Err(format!(
                "PAINDA_ACCEPT is {value:?}, which is not known. Its values are 1 (takes changes that are safe), source, \
                 json and wire (each takes changes up to that class), and 0 (takes none)."
            )),
        }
    }

    /// Whether a file that follows from the code alone is written anew.
    pub(in crate::schema) fn takes_any(self) -> bool {
        self.0.is_some()
    }

    pub(in crate::schema) fn takes(self, class: Class) -> bool {
        self.0.is_some_and(|most| class <= most)
    }
}

/// What to type so that changes up to a class are taken. Cargo tells a test its package.
pub(in crate::schema) fn command(class: Class) -> String {
    // Each class has a value.
    let value = VALUES.iter().find(|(_, most)| class <= *most).map_or("wire", |(value, _)| value);
    let package = env::var("CARGO_PKG_NAME").map(|package| format!(" --package {package}")).unwrap_or_default();
    format!("PAINDA_ACCEPT={value} cargo test{package}")
}

#[cfg(test)]
pub(in crate::schema) fn accept(value: &str) -> Accept {
    Accept::parse(Some(OsStr::new(value))).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_takes_the_classes_up_to_its_own() {
        const CLASSES: [Class; 4] = [Class::Safe, Class::InSource, Class::InJson, Class::OnWire];
        let taken = |value| CLASSES.map(|class| accept(value).takes(class));
        assert_eq!(taken("1"), [true, false, false, false]);
        assert_eq!(taken("source"), [true, true, false, false]);
        assert_eq!(taken("json"), [true, true, true, false]);
        assert_eq!(taken("wire"), [true, true, true, true]);
        assert_eq!((taken("0"), taken("")), ([false; 4], [false; 4]));
        assert_eq!(Accept::parse(None), Ok(Accept(None)));
        for class in CLASSES {
            let command = command(class);
            let value = command["PAINDA_ACCEPT=".len()..].split(' ').next().unwrap();
            let most = CLASSES.into_iter().filter(|class| accept(value).takes(*class)).max();
            assert_eq!(most, Some(class), "{command}");
        }
    }

    #[test]
    fn another_value_is_an_error_with_the_values() {
        for value in ["2", "true", "safe", "WIRE", "wire ", "source,json"] {
            let error = Accept::parse(Some(OsStr::new(value))).unwrap_err();
            assert!(error.starts_with(&format!("PAINDA_ACCEPT is {value:?}, which is not known.")), "{error}");
            for (known, _) in VALUES {
                assert!(error.contains(&format!(" {known} ")) || error.contains(&format!(" {known},")), "{error}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_text_is_an_error() {
        use std::os::unix::ffi::OsStrExt;
        let error = Accept::parse(Some(OsStr::from_bytes(b"wire\xff"))).unwrap_err();
        assert!(error.starts_with(r#"PAINDA_ACCEPT is "wire\xFF""#), "{error}");
    }
}
