//! JSON values without parts.

use super::JsonError;

/// A JSON value without parts, as it was read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    /// Below 0.
    Signed(i64),
    /// Written with a fraction or an exponent, or beyond 64 bits.
    Float(f64),
    Text(&'a str),
}

impl Scalar<'_> {
    /// The error that another kind of value is expected.
    #[cold]
    pub(super) fn instead_of(&self, expected: &'static str) -> JsonError {
        let found = match self {
            Scalar::Null => "null",
            Scalar::Bool(_) => "a bool",
            Scalar::Unsigned(_) | Scalar::Signed(_) => "a number",
            Scalar::Float(_) => "a fraction",
            Scalar::Text(_) => "a string",
        };
        JsonError::expected(expected, found)
    }
}
