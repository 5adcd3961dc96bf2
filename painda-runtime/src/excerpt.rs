//! What an error repeats of the text that it is about: its beginning, so that no error is longer than a few lines.

#[cfg(feature = "json")]
use alloc::string::String;
#[cfg(feature = "_adapter")]
use core::fmt;

/// The most bytes of foreign text that an error repeats.
pub(crate) const EXCERPT: usize = 64;

/// The most bytes of a message that tells a client what was wrong.
#[cfg(feature = "server")]
pub(crate) const MESSAGE: usize = 512;

/// The text, cut at the end of a character to at most `max` bytes with the `…` that stands for what is missing.
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

/// Prints text in quotes and escaped, as `{:?}` does, but at most [`EXCERPT`] bytes of it, counted as they are printed: an
/// escape may be longer than what it stands for.
#[cfg(feature = "_adapter")]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

#[cfg(feature = "_adapter")]
impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = |char: char| match char {
            // Between double quotes it stands for itself.
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
