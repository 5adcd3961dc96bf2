//! Processes that end with the benchmark, however it ends.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Where the programs' complaints are.
pub(crate) fn log() -> PathBuf {
    env::temp_dir().join(format!("painda-benchmark-{}.log", std::process::id()))
}

/// A running program; dropped, it is stopped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    /// Held open: a program that can't print any more may end.
    output: Option<BufReader<std::process::ChildStdout>>,
}

impl Process {
    /// Starts a program, whose log goes to a file. The kernel ends it, too, should this process be killed.
    pub(crate) fn start(program: impl AsRef<OsStr>, args: &[&str]) -> io::Result<Self> {
        let name = program.as_ref().to_string_lossy().into_owned();
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(log())?)
            .spawn()
            .map_err(|error| io::Error::other(format!("{name} does not start: {error}")))?;
        let output = child.stdout.take().map(BufReader::new);
        Ok(Self { name, child, output })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the line in which a server says where it is: `… is on http://ADDR`.
    pub(crate) fn address(&mut self) -> io::Result<SocketAddr> {
        let line = self.line()?;
        let address = line.trim().rsplit("http://").next().and_then(|address| address.parse().ok());
        address.ok_or_else(|| {
            io::Error::other(format!("{} did not say where it is, but: {line:?}; see {}", self.name, log().display()))
        })
    }

    /// Waits for a line of its output.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if let Some(output) = &mut self.output {
            output.read_line(&mut line)?;
        }
        Ok(line)
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("{}: {status}", self.name))) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
