//! The example services' common code: options, the signal to stop, and errors.

pub mod metrics;

use std::{fmt, io, time::Duration};

/// The command line of an example service.
#[derive(Debug)]
pub struct Options {
    /// Where to listen. Default: `127.0.0.1:3000`.
    pub listen: String,
    /// The Redis of the cluster. Default: none, this node is alone.
    pub redis: Option<String>,
    /// How long frames are collected before they are written. Default: not at all.
    pub flush_interval: Duration,
}

impl Options {
    /// Reads `--listen ADDR`, `--redis URL` and `--flush-interval MS`. `--help` ends the process.
    ///
    /// # Errors
    /// An option that does not exist, or one without its value; the text has the usage.
    pub fn from_args(service: &str) -> Result<Self, String> {
        use lexopt::{Arg::Long, ValueExt};
        let how = format!(
            "usage: {service} [--listen ADDR=127.0.0.1:3000] [--redis redis://HOST:PORT] [--flush-interval MS=0]"
        );
        let usage = |error: lexopt::Error| format!("{error}\n{how}");
        let mut options = Self { listen: "127.0.0.1:3000".to_owned(), redis: None, flush_interval: Duration::ZERO };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next().map_err(usage)? {
            match arg {
                Long("listen") => options.listen = parser.value().and_then(|value| value.string()).map_err(usage)?,
                Long("redis") => options.redis = Some(parser.value().and_then(|value| value.string()).map_err(usage)?),
                Long("flush-interval") => {
                    let millis = parser.value().and_then(|value| value.parse()).map_err(usage)?;
                    options.flush_interval = Duration::from_millis(millis);
                }
                Long("help") => {
                    println!("{how}");
                    std::process::exit(0);
                }
                other => return Err(usage(other.unexpected())),
            }
        }
        Ok(options)
    }
}

/// The error with which a service ends. `main` prints its text, not its debug form.
pub struct Failure(String);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Ends when the process is asked to stop: Ctrl-C, or SIGTERM as service managers send it.
///
/// # Errors
/// Where the signals can't be listened for.
pub async fn stop_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
