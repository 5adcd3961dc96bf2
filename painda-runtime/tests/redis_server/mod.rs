//! A real redis-server on a free port, and the damage that can be done to it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

pub(crate) struct RedisServer {
    process: Child,
    port: u16,
    options: Vec<String>,
}

impl RedisServer {
    pub(crate) fn start(options: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        Self { process: spawn(port, &options), port, options }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// `kill -9`: nothing is written, nobody is told.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts again on the same port, with nothing in it.
    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.port, &self.options);
    }

    /// Freezes the process; its connections stay open.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Runs a command, as an operator would.
    pub(crate) fn command(&self, words: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.url()).expect("a right URL");
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5)).expect("Redis answers");
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query(&mut connection).expect("Redis takes the command")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, options: &[String]) -> Child {
    let mut process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(options)
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server is installed");
    let log = BufReader::new(process.stdout.take().expect("piped"));
    let (ready, is_ready) = mpsc::channel();
    // Reads on for as long as Redis writes, so that it never waits for us.
    std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in log.lines().map_while(Result::ok) {
            if line.contains("Ready to accept connections") {
                let _ = ready.send(Ok(()));
            }
            lines.push(line);
        }
        let _ = ready.send(Err(lines.join("\n")));
    });
    if let Err(log) = is_ready.recv_timeout(Duration::from_secs(20)).expect("redis-server starts in time") {
        panic!("redis-server ended: {log}");
    }
    process
}
