//! Credentials and certificates. Both may change while the node runs, so they are read again at each connect.
//!
//! Opens no connection.

use std::{fmt, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use redis::{ConnectionInfo, ErrorKind, RedisError};
use tokio::time::timeout;

use super::{answer::words, timings::CREDENTIALS_TIMEOUT};
use crate::adapter::{AdapterError, BoxFuture, Cause};

/// A user and a password, or why there are none.
type Answer = Result<(String, String), String>;

/// The application's provider of a user and a password.
#[derive(Clone)]
pub(super) struct Credentials(Arc<dyn Fn() -> BoxFuture<Answer> + Send + Sync>);

impl Credentials {
    pub(super) fn new<F, Asked, E>(provider: F) -> Self
    where
        F: Fn() -> Asked + Send + Sync + 'static,
        Asked: Future<Output = Result<(String, String), E>> + Send + 'static,
        E: fmt::Display,
    {
        Self(Arc::new(move || {
            let answer = provider();
            Box::pin(async move { answer.await.map_err(|error| error.to_string()) })
        }))
    }

    /// Asks the provider. If it panics or never answers, that is an error, and the connection's task goes on.
    async fn ask(&self) -> Answer {
        let asking = AssertUnwindSafe(async { (self.0)().await }).catch_unwind();
        match timeout(CREDENTIALS_TIMEOUT, asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("it panicked".to_owned()),
            Err(_) => Err(format!("no answer within {CREDENTIALS_TIMEOUT:?}")),
        }
    }
}

/// ServerKind settings are meant: errors name them.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerKind {
    Server,
    Sentinel,
}

impl ServerKind {
    fn password(self) -> &'static str {
        match self {
            Self::Server => "password",
            Self::Sentinel => "sentinel_password",
        }
    }

    fn credentials(self) -> &'static str {
        match self {
            Self::Server => "credentials",
            Self::Sentinel => "sentinel_credentials",
        }
    }
}

#[derive(Clone)]
pub(super) struct Access {
    pub(super) kind: ServerKind,
    /// `None` where user and password are settings that stay.
    pub(super) credentials: Option<Credentials>,
    #[cfg(feature = "redis-tls")]
    pub(super) certificates: super::tls::Certificates,
}

impl Access {
    /// The same certificates, for the sentinels.
    pub(super) fn of_sentinels(&self, credentials: Option<Credentials>) -> Self {
        let mut access = self.clone();
        access.kind = ServerKind::Sentinel;
        access.credentials = credentials;
        access
    }

    /// The server's settings with the current credentials and certificates.
    pub(super) async fn read(&self, server: ConnectionInfo) -> Result<ConnectionInfo, AdapterError> {
        #[cfg(feature = "redis-tls")]
        let server = self.certificates.read(server).await?;
        let Some(credentials) = &self.credentials else { return Ok(server) };
        let (user, password) = credentials.ask().await.map_err(|why| {
            let setting = self.kind.credentials();
            AdapterError::Unavailable(format!("{setting}: the provider gives none: {why}").into())
        })?;
        let login = server.redis_settings().clone().set_username(user).set_password(password);
        Ok(server.set_redis_settings(login))
    }

    /// Why a connection could not be opened, and what to do about it. `user` is the user that was sent.
    pub(super) fn error(&self, label: &str, user: Option<&str>, error: &RedisError) -> AdapterError {
        let words = words(error);
        let code = words.split(' ').next().unwrap_or_default();
        if code == "NOAUTH" {
            return AdapterError::setting(
                self.kind.password(),
                format_args!("{label} asks for one, but none is set ({words})"),
            );
        }
        if code == "WRONGPASS" || error.kind() == ErrorKind::AuthenticationFailed {
            let user = user.unwrap_or("default");
            return match (&self.credentials, self.kind.credentials()) {
                (Some(_), setting) => {
                    let hint = "the provider is asked again at each attempt: it has to say what is valid now";
                    AdapterError::setting(
                        setting,
                        format_args!("{label} does not accept what they are for `{user}`: {words}; {hint}"),
                    )
                }
                (None, setting) => {
                    let hint = format_args!("set the new one and start again, or set `{setting}`, which may change");
                    let setting = self.kind.password();
                    AdapterError::setting(
                        setting,
                        format_args!("{label} does not accept the one of `{user}`: {words}; {hint}"),
                    )
                }
            };
        }
        match error.kind() {
            ErrorKind::RESP3NotSupported => {
                AdapterError::setting("host", format_args!("{label} is older than Redis 6"))
            }
            ErrorKind::InvalidClientConfig => AdapterError::setting("url", format_args!("{label}: {words}")),
            _ => AdapterError::Unavailable(Cause::new(format!("{label}: {words}"), error.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn asked<F, Asked, E>(provider: F) -> Answer
    where
        F: Fn() -> Asked + Send + Sync + 'static,
        Asked: Future<Output = Result<(String, String), E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        Credentials::new(provider).ask().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_fails_hangs_or_panics_is_an_error() {
        let pair = || ("me".to_owned(), "secret".to_owned());
        assert_eq!(asked(move || async move { Ok::<_, Infallible>(pair()) }).await, Ok(pair()));
        assert_eq!(asked(|| async { Err("the vault is sealed") }).await, Err("the vault is sealed".to_owned()));
        let hangs = asked(std::future::pending::<Result<_, Infallible>>).await;
        assert_eq!(hangs, Err(format!("no answer within {CREDENTIALS_TIMEOUT:?}")));
        let empty: Vec<String> = Vec::new();
        let panics = asked(move || std::future::ready(Err(empty[0].clone())));
        assert_eq!(panics.await, Err("it panicked".to_owned()));
    }
}
