//! Why a backend failed: a text, and the error behind it.

use alloc::{string::String, sync::Arc};
use core::{error::Error, fmt, ops::Deref};

/// Why a backend could not do something: a text for people, which it derefs to, and the error of the backend's client library, where
/// there is one. Two causes with the same text are equal.
///
/// ```
/// use painda_runtime::adapter::{AdapterError, Cause};
///
/// let broken = std::io::Error::other("connection reset");
/// let error = AdapterError::Unavailable(Cause::new("redis://here: connection reset", broken));
/// assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>()));
/// assert!(matches!(error, AdapterError::Unavailable(cause) if cause.starts_with("redis://here")));
/// ```
#[derive(Clone)]
pub struct Cause {
    text: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Cause {
    /// A cause with the error behind it. Without one, `"text".into()` makes a cause.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>, source: impl Error + Send + Sync + 'static) -> Self {
        Self { text: text.into(), source: Some(Arc::new(source)) }
    }

    /// The error behind it.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<&str> for Cause {
    fn from(text: &str) -> Self {
        Self { text: text.into(), source: None }
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self { text: text.into(), source: None }
    }
}

impl Deref for Cause {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cause {}
