//! Programs under test, as real processes: started, paused, told to stop, killed.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::within;

/// A child process. It is killed when it is dropped; if that is because a test failed, what it printed is shown.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    /// Lines from stdout that nobody has read yet.
    lines: UnboundedReceiver<String>,
    /// All it printed.
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Self {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let log = Arc::default();
        let (sender, lines) = unbounded_channel();
        // Both pipes are read to their end, so that the process never waits for somebody to read them.
        tokio::spawn(read_lines(child.stdout.take(), Arc::clone(&log), Some(sender)));
        tokio::spawn(read_lines(child.stderr.take(), Arc::clone(&log), None));
        Self { name, child, lines, log }
    }

    /// Reads stdout until a line has what the caller looks for.
    pub async fn find_line<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let search = async {
            while let Some(line) = self.lines.recv().await {
                if let Some(found) = find(&line) {
                    return found;
                }
            }
            panic!("{} ended, and never printed {what}", self.name);
        };
        within(what, search).await
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = self.child.id().unwrap_or_else(|| panic!("{} has ended, and gets no signal", self.name));
        let id = i32::try_from(id).ok().and_then(Pid::from_raw).expect("a process id is a positive i32");
        kill_process(id, signal).unwrap_or_else(|error| panic!("{} does not take {signal:?}: {error}", self.name));
    }

    /// Stops the process in its tracks (SIGSTOP): its connections stay open, and nobody answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused process go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end, as a service manager does (SIGTERM).
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to end, as Ctrl-C does (SIGINT).
    pub fn sigint(&self) {
        self.signal(Signal::INT);
    }

    /// Ends it without asking (SIGKILL), and returns when it is gone.
    pub async fn kill9(&mut self) {
        self.signal(Signal::KILL);
        self.wait().await;
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> ExitStatus {
        let what = format!("{} to end", self.name);
        within(&what, self.child.wait()).await.expect("our own child can be waited for")
    }

    /// Fails unless it is still the process that was started.
    pub fn assert_running(&mut self) {
        let status = self.child.try_wait().expect("our own child can be asked");
        assert!(status.is_none(), "{} has ended: {status:?}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            eprintln!("--- what {} printed ---\n{log}---", self.name);
        }
    }
}

async fn read_lines(
    pipe: Option<impl AsyncRead + Unpin>,
    log: Arc<Mutex<String>>,
    found: Option<UnboundedSender<String>>,
) {
    let mut lines = BufReader::new(pipe.expect("the pipe was asked for")).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
        // Nobody may be listening any more, which is fine.
        let _ = found.as_ref().map(|found| found.send(line));
    }
}

/// The example service, on a port of its own.
#[derive(Debug)]
pub struct Arena {
    process: Process,
    addr: SocketAddr,
}

impl Arena {
    /// Starts a node and waits until it serves; without a Redis it is a cluster of one.
    pub async fn start(redis: Option<&str>) -> Self {
        let mut command = example("arena");
        if let Some(url) = redis {
            command.args(["--redis", url]);
        }
        Self::serving(command).await
    }

    /// Starts a node that can't have more files and connections open than `count`.
    pub async fn with_file_descriptors(count: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n $0 && exec \"$@\"", &count.to_string()]);
        command.arg(example("arena").as_std().get_program());
        Self::serving(command).await
    }

    async fn serving(mut command: Command) -> Self {
        let mut process = Process::start(command.args(["--listen", "127.0.0.1:0"]));
        let addr = process.find_line("the address it serves", address_in).await;
        Self { process, addr }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its page is.
    pub fn http_url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Where clients of a room connect.
    pub fn ws_url(&self, room: &str) -> String {
        format!("ws://{}/?room={room}", self.addr)
    }
}

impl Deref for Arena {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Arena {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The example service without sockets.
#[derive(Debug)]
pub struct Referee {
    process: Process,
}

impl Referee {
    /// Starts it; it is at work when its first hit arrives.
    pub fn start(redis: &str) -> Self {
        Self { process: Process::start(example("referee").args(["--redis", redis])) }
    }
}

impl Deref for Referee {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Referee {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Finds `http://<address>` in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The command of an example's binary.
///
/// Cargo tells only a package's own tests where its binaries are, so they are built here, once per test process, and
/// cargo says where they went.
fn example(name: &str) -> Command {
    static BUILT: LazyLock<Vec<PathBuf>> = LazyLock::new(build_examples);
    let path = BUILT.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    Command::new(path.unwrap_or_else(|| panic!("painda-examples has no binary {name}; it has {:?}", *BUILT)))
}

fn build_examples() -> Vec<PathBuf> {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["build", "--package", "painda-examples", "--bins", "--profile", profile])
        .args(["--message-format", "json-render-diagnostics"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")])
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "the examples do not build:\n{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let artifacts = messages.lines().map(|line| serde_json::from_str(line).expect("cargo writes JSON"));
    artifacts.filter_map(|artifact: Value| artifact["executable"].as_str().map(PathBuf::from)).collect()
}
