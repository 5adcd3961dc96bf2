//! What a handler may return.

use crate::server::error::Error;

/// What a handler may return: nothing, or a `Result` whose error is logged.
pub trait HandlerResult: sealed::Sealed {
    /// The result, for the log.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), Error>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for Result<(), super::Error> {}
}

impl HandlerResult for () {
    fn into_result(self) -> Result<(), Error> {
        Ok(())
    }
}

impl HandlerResult for Result<(), Error> {
    fn into_result(self) -> Result<(), Error> {
        self
    }
}
