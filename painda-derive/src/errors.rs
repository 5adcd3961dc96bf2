//! Collects the errors of an item, so that all of them are reported at once.

use proc_macro2::TokenStream;
use quote::ToTokens;
use std::fmt::Display;
use syn::Error;

/// The errors so far, each at its token.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    /// Adds an error at these tokens.
    pub(crate) fn push(&mut self, at: impl ToTokens, message: impl Display) {
        self.add(Error::new_spanned(at, message));
    }

    /// Adds an error of the parser.
    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Whether there is no error so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value, if there was no error.
    pub(crate) fn none_or<T>(self, value: Option<T>) -> Result<T, Errors> {
        match (self.0, value) {
            (None, Some(value)) => Ok(value),
            (errors, _) => Err(Errors(errors)),
        }
    }

    /// A `compile_error!` per error.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0.map(Error::into_compile_error).unwrap_or_default()
    }
}
