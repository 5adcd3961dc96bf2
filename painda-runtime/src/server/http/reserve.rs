//! File descriptors that are kept in reserve, so that clients can't take the last ones. Without them nothing could be opened any more, no
//! connection to Redis and no file, and no client could be accepted to be answered with an error.

use std::{io, time::Duration};

use tokio::{net::TcpListener, time::Instant};

#[cfg(unix)]
type Descriptor = std::os::fd::OwnedFd;
/// Elsewhere connections are not counted together with files, and nothing is kept back.
#[cfg(not(unix))]
type Descriptor = std::convert::Infallible;

/// How many are kept back.
const KEPT: usize = 8;
/// How many more there have to be before it is believed that the shortage is over.
const MARGIN: usize = 4;

/// A shortage is logged at most so often.
const PAUSE: Duration = Duration::from_secs(10);

/// Descriptors that nobody uses, while there is no shortage.
#[derive(Debug, Default)]
pub(crate) struct Reserve {
    kept: Vec<Descriptor>,
    shortage: bool,
    /// When a shortage was last logged.
    said: Option<Instant>,
}

impl Reserve {
    /// Keeps some back, if there are enough: then a shortage is over.
    pub(crate) fn fill(&mut self, listener: &TcpListener) {
        if self.kept.is_empty()
            && let Some(mut kept) = duplicates(listener, KEPT + MARGIN)
        {
            kept.truncate(KEPT);
            self.kept = kept;
            self.shortage = false;
        }
    }

    /// Whether the last descriptors are in use, or those that were kept back.
    pub(crate) fn is_short(&self, listener: &TcpListener) -> bool {
        self.shortage && duplicates(listener, KEPT).is_none()
    }

    /// Lets go of all, because of this error; says whether there was anything to let go of.
    pub(crate) fn release(&mut self, error: &io::Error) -> bool {
        self.shortage = true;
        if self.said.is_none_or(|said| said.elapsed() > PAUSE) {
            self.said = Some(Instant::now());
            tracing::warn!(
                target: "painda::server", %error,
                "no room for further connections: raise the limit of file descriptors (`ulimit -n`), or lower max_connections"
            );
        }
        !std::mem::take(&mut self.kept).is_empty()
    }
}

/// So many further descriptors of the listener, which have to be closed with it.
fn duplicates(listener: &TcpListener, count: usize) -> Option<Vec<Descriptor>> {
    #[cfg(unix)]
    return (0..count).map(|_| std::os::fd::AsFd::as_fd(listener).try_clone_to_owned().ok()).collect();
    #[cfg(not(unix))]
    {
        let _ = (listener, count);
        Some(Vec::new())
    }
}
