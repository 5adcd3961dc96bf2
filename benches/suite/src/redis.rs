//! A Redis of the benchmark's own, and what it says about itself.

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use wire::resp;

use crate::{callgrind, process::Process};

/// Callgrind's words about it, in the scratch folder.
const COUNTED: &str = "redis.callgrind";

/// A server on a free port, which keeps nothing.
#[derive(Debug)]
pub(crate) struct Redis {
    process: Process,
    pub(crate) addr: SocketAddr,
    /// Where callgrind writes, if it counts.
    counted: PathBuf,
}

impl Redis {
    pub(crate) fn start(scratch: &Path) -> io::Result<Self> {
        Self::run(scratch, &["redis-server"])
    }

    /// Starts one whose instructions are counted. It is many times slower.
    pub(crate) fn start_counted(scratch: &Path) -> io::Result<Self> {
        let to = format!("--log-file={}", scratch.join(COUNTED).display());
        Self::run(scratch, &[&callgrind::COMMAND[..], &[&to, "redis-server"]].concat())
    }

    fn run(scratch: &Path, command: &[&str]) -> io::Result<Self> {
        // Free now, and with some luck still when Redis takes it.
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (port, dir) = (addr.port().to_string(), scratch.to_string_lossy());
        // A subscriber that falls behind is the benchmark's business, not Redis'.
        let unbounded = "pubsub 0 0 0";
        let args = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir", &dir, "--loglevel", "warning"];
        let limits = ["--client-output-buffer-limit", unbounded, "--maxclients", "1000"];
        let process = Process::start(command[0], &[&command[1..], &args, &limits].concat())?;
        let patience = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(addr).is_err() {
            if Instant::now() > patience {
                return Err(io::Error::other("redis-server does not answer: is it installed?"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { process, addr, counted: scratch.join(COUNTED) })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops it, and says how many instructions it took if these were counted.
    pub(crate) fn instructions(&mut self) -> io::Result<f64> {
        Connection::open(self.addr)?.send(&[b"SHUTDOWN", b"NOSAVE"])?;
        self.process.wait()?;
        callgrind::collected(&fs::read_to_string(&self.counted)?)
    }

    /// A figure of `INFO`.
    pub(crate) fn figure(&self, section: &str, name: &str) -> io::Result<u64> {
        let mut connection = Connection::open(self.addr)?;
        let info = connection.text(&[b"INFO", section.as_bytes()])?;
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        // As in `cmdstat_publish:calls=5,usec=…`.
        let digits = line.map(|rest| rest.trim_start_matches("calls=").split(',').next().unwrap_or_default());
        Ok(digits.and_then(|digits| digits.trim().parse().ok()).unwrap_or_default())
    }
}

/// A connection that waits for its answers.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        Ok(Self { stream, input: Vec::new() })
    }

    fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut command = Vec::new();
        resp::push_command(&mut command, parts);
        self.stream.write_all(&command)
    }

    /// Sends what is encoded already, and waits for nothing.
    pub(crate) fn send_raw(&mut self, commands: &[u8]) -> io::Result<()> {
        self.stream.write_all(commands)
    }

    fn text(&mut self, parts: &[&[u8]]) -> io::Result<String> {
        self.send(parts)?;
        loop {
            if let Some((resp::Value::Text(text), _)) = resp::parse(&self.input)? {
                let text = String::from_utf8_lossy(text).into_owned();
                self.input.clear();
                return Ok(text);
            }
            self.read()?;
        }
    }

    /// Reads what is there, or waits a little.
    fn read(&mut self) -> io::Result<()> {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(io::Error::other("Redis closed the connection")),
            Ok(read) => {
                self.input.extend_from_slice(&chunk[..read]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A message that was received on Redis.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) channel: Vec<u8>,
    pub(crate) content: Vec<u8>,
}

/// Receives everything that is published.
#[derive(Debug)]
pub(crate) struct Tap {
    stop: Arc<AtomicBool>,
    listener: thread::JoinHandle<io::Result<Vec<Received>>>,
}

impl Tap {
    pub(crate) fn open(redis: &Redis) -> io::Result<Self> {
        let mut connection = Connection::open(redis.addr)?;
        connection.send(&[b"PSUBSCRIBE", b"*"])?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let listener = thread::spawn(move || {
            let mut received = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                connection.read()?;
                let mut used = 0;
                while let Some((value, length)) = resp::parse(&connection.input[used..])? {
                    if let Some((channel, content)) = resp::message(&value) {
                        received.push(Received { channel: channel.to_vec(), content: content.to_vec() });
                    }
                    used += length;
                }
                connection.input.drain(..used);
            }
            Ok(received)
        });
        thread::sleep(Duration::from_millis(50));
        Ok(Self { stop, listener })
    }

    /// Everything that was received until now.
    pub(crate) fn close(self) -> io::Result<Vec<Received>> {
        thread::sleep(Duration::from_millis(200));
        self.stop.store(true, Ordering::Relaxed);
        self.listener.join().map_err(|_| io::Error::other("the tap panicked"))?
    }
}
