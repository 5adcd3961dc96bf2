//! Notes for people about an item: its doc comment, and whether it is deprecated.

/// The notes of an item in the code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notes {
    pub(crate) doc: &'static str,
    pub(crate) is_deprecated: bool,
}

impl Notes {
    pub(crate) const NONE: Notes = Notes { doc: "", is_deprecated: false };
}

/// The methods of an item that has notes: to read them, and, for the derive, to set them.
macro_rules! noted {
    ($what:literal, $ty:ident, $($notes:ident).+) => {
        impl $ty {
            #[doc = concat!("The same ", $what, " with its doc comment.")]
            #[doc(hidden)]
            #[must_use]
            pub const fn with_doc(mut self, doc: &'static str) -> Self {
                self.$($notes).+.doc = doc;
                self
            }

            #[doc = concat!("The same ", $what, ", marked as deprecated.")]
            #[doc(hidden)]
            #[must_use]
            pub const fn with_deprecated(mut self) -> Self {
                self.$($notes).+.is_deprecated = true;
                self
            }

            /// The doc comment, a line per line, empty where there is none.
            #[must_use]
            pub const fn doc(&self) -> &'static str {
                self.$($notes).+.doc
            }

            /// Whether it has the attribute `#[deprecated]`.
            #[must_use]
            pub const fn is_deprecated(&self) -> bool {
                self.$($notes).+.is_deprecated
            }
        }
    };
}

pub(crate) use noted;
