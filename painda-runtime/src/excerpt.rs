//! Excerpts of foreign text for errors, so that no error is longer than a few lines.

#[cfg(feature = "json")]
use alloc::string::String;
use core::fmt;

/// The most bytes of foreign text that an error repeats.
pub(crate) const EXCERPT: usize = 64;

/// The most bytes of an error message to a client.
#[cfg(feature = "server")]
pub(crate) const MESSAGE: usize = 512;

/// The text, cut at the end of a character to at most `max` bytes including the `…` for the rest.
#[cfg(feature = "json")]
pub(crate) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.into();
    }
    let mut end = max - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut cut = String::with_capacity(max);
    cut.push_str(&text[..end]);
    cut.push('…');
    cut
}

/// Prints a value, but at most so many bytes of it, and `…` for the rest. The rest is not formatted.
#[cfg(feature = "json")]
pub(crate) struct Short<T>(pub(crate) T, pub(crate) usize);

#[cfg(feature = "json")]
impl<T: fmt::Display> fmt::Display for Short<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Fails once it is full, which ends the printing.
        struct Limited<'f, 'w> {
            out: &'f mut fmt::Formatter<'w>,
            left: Option<usize>,
        }

        impl fmt::Write for Limited<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                let left = self.left.ok_or(fmt::Error)?;
                self.left = left.checked_sub(text.len());
                match self.left {
                    Some(_) => self.out.write_str(text),
                    None => {
                        let end = (0..=left).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
                        self.out.write_str(&text[..end])?;
                        self.out.write_str("…")?;
                        Err(fmt::Error)
                    }
                }
            }
        }

        let mut limited = Limited { out: f, left: Some(self.1) };
        match fmt::Write::write_fmt(&mut limited, format_args!("{}", self.0)) {
            Err(_) if limited.left.is_none() => Ok(()),
            done => done,
        }
    }
}

/// Prints text in quotes and escaped, as `{:?}` does, but at most [`EXCERPT`] bytes of it, counted as they are printed: an
/// escape may be longer than what it stands for.
#[cfg(feature = "_adapter")]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

#[cfg(feature = "_adapter")]
impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = |char: char| match char {
            // Not escaped between double quotes.
            '\'' => 1,
            char => char.escape_debug().map(char::len_utf8).sum(),
        };
        let mut left = EXCERPT;
        let beyond = |char: char| match left.checked_sub(printed(char)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        };
        match self.0.find(beyond) {
            None => fmt::Debug::fmt(self.0, f),
            Some(end) => write!(f, "{:?}…", &self.0[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "json")]
    #[test]
    fn text_is_cut_at_the_end_of_a_character() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "lo…");
        assert_eq!(cut("aééé", 6), "aé…");
        assert_eq!(cut("日本日本", 5), "…");
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_value_is_cut_while_it_is_printed() {
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("abé")?;
                }
            }
        }
        assert_eq!(alloc::format!("<{}>", Short(Endless, 7)), "<abéab…>");
        assert_eq!(alloc::format!("<{}>", Short("abc", 3)), "<abc>");
        assert_eq!(alloc::format!("<{}>", Short("abcd", 3)), "<abc…>");
    }

    #[cfg(feature = "_adapter")]
    #[test]
    fn quoted_text_is_cut_as_it_is_printed() {
        assert_eq!(Quoted("it's \"a\"\n").to_string(), format!("{:?}", "it's \"a\"\n"));
        assert_eq!(Quoted(&"'".repeat(64)).to_string(), format!("{:?}", "'".repeat(64)));
        assert_eq!(Quoted(&"x".repeat(65)).to_string(), format!("{:?}…", "x".repeat(64)));
        // `\u{80}` has six characters.
        assert_eq!(Quoted(&"\u{80}".repeat(5_000_000)).to_string(), format!("{:?}…", "\u{80}".repeat(10)));
        assert_eq!(Quoted(&"é".repeat(33)).to_string(), format!("{:?}…", "é".repeat(32)));
    }
}
