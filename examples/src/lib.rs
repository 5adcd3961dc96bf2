//! What the example services share: their options, and when to stop.

use std::io;

/// The command line of an example service.
#[derive(Debug)]
pub struct Options {
    /// Where to listen. Default: `127.0.0.1:3000`.
    pub listen: String,
    /// The Redis of the cluster. Default: none, this node is alone.
    pub redis: Option<String>,
}

impl Options {
    /// Reads `--listen ADDR` and `--redis URL`.
    ///
    /// # Errors
    /// An option that does not exist, or one without its value; the text says how to call the service.
    pub fn from_args(service: &str) -> Result<Self, String> {
        use lexopt::{Arg::Long, ValueExt};
        let usage = |error: lexopt::Error| {
            format!("{error}\nusage: {service} [--listen ADDR=127.0.0.1:3000] [--redis redis://HOST:PORT]")
        };
        let mut options = Self { listen: "127.0.0.1:3000".to_owned(), redis: None };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next().map_err(usage)? {
            let value = match &arg {
                Long("listen") => &mut options.listen,
                Long("redis") => options.redis.insert(String::new()),
                _ => return Err(usage(arg.unexpected())),
            };
            *value = parser.value().and_then(|value| value.string()).map_err(usage)?;
        }
        Ok(options)
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
