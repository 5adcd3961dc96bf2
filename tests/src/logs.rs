//! What an operator reads: the lines of the log, as text.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Notify;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// All that is logged on this thread while this is kept; so a test needs a runtime of one thread.
#[derive(Debug)]
pub struct Logs {
    written: Written,
    _guard: DefaultGuard,
}

#[derive(Clone, Debug, Default)]
struct Written {
    text: Arc<Mutex<String>>,
    more: Arc<Notify>,
}

impl Logs {
    /// Begins to read along, from this level on.
    pub fn capture(level: LevelFilter) -> Self {
        // Where there is one subscriber alone, `tracing` asks only the thread that comes to a line of code first whether anybody wants
        // it; and that may be another test's.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(NoSubscriber::new()));
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt().with_writer(written.clone()).with_ansi(false).without_time();
        Self { written, _guard: set_default(subscriber.with_max_level(level).finish()) }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        let text = self.written.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.lines().map(str::to_owned).collect()
    }

    /// The lines so far that have all of these parts.
    pub fn with(&self, parts: &[&str]) -> Vec<String> {
        self.lines().into_iter().filter(|line| parts.iter().all(|part| line.contains(part))).collect()
    }

    /// Waits for the first line that has all of these parts.
    pub async fn find(&self, parts: &[&str]) -> String {
        let finding = async {
            loop {
                let more = self.written.more.notified();
                if let Some(line) = self.with(parts).into_iter().next() {
                    return line;
                }
                more.await;
            }
        };
        match tokio::time::timeout(crate::PATIENCE, finding).await {
            Ok(line) => line,
            Err(_) => panic!("no line of the log has {parts:?}:\n{}", self.lines().join("\n")),
        }
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(bytes));
        self.more.notify_waiters();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
