//! Those who are compared, and clusters of them.

use std::{io, net::SocketAddr};

use load::Dialect;

use crate::{paths::Paths, process::Process, redis::Redis};

/// One of those who are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The limit.
    Relay,
    /// Ours, with default settings.
    Arena,
    /// Ours, with a flush interval of one 60 Hz tick.
    ArenaTick,
    /// socketioxide, one thread to a node and without Nagle's algorithm, like ours.
    Socketioxide,
    /// socketioxide as in its own examples: a thread per core, and Nagle's algorithm.
    SocketioxideExample,
    /// Socket.IO on Node.
    SocketIoNode,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Relay, Self::Arena, Self::ArenaTick, Self::Socketioxide, Self::SocketioxideExample, Self::SocketIoNode];
    /// One of each library, and the limit.
    pub(crate) const LIBRARIES: [Self; 4] = [Self::Relay, Self::Arena, Self::Socketioxide, Self::SocketIoNode];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "bare relay",
            Self::Arena => "painda",
            Self::ArenaTick => "painda, 16 ms",
            Self::Socketioxide => "socketioxide",
            Self::SocketioxideExample => "socketioxide, as in its examples",
            Self::SocketIoNode => "Socket.IO on Node",
        }
    }

    /// As it is called in file names.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Arena => "painda",
            Self::ArenaTick => "painda-16ms",
            Self::Socketioxide => "socketioxide",
            Self::SocketioxideExample => "socketioxide-example",
            Self::SocketIoNode => "socketio-node",
        }
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Relay | Self::Arena | Self::ArenaTick => Dialect::Painda,
            Self::Socketioxide | Self::SocketioxideExample | Self::SocketIoNode => Dialect::SocketIo,
        }
    }

    fn start(self, paths: &Paths, args: &[&str]) -> io::Result<Process> {
        match self {
            Self::Relay => Process::start(paths.ours("relay")?, args),
            Self::Arena => Process::start(paths.roots("arena")?, args),
            Self::ArenaTick => Process::start(paths.roots("arena")?, &[args, &["--flush-interval", "16"]].concat()),
            Self::Socketioxide => Process::start(paths.ours("peer-socketioxide")?, args),
            Self::SocketioxideExample => {
                Process::start(paths.ours("peer-socketioxide")?, &[args, &["--as-in-examples"]].concat())
            }
            Self::SocketIoNode => {
                let script = paths.root.join("benches/peers/socketio-node/server.js");
                Process::start("node", &[&[&*script.to_string_lossy()], args].concat())
            }
        }
    }

    /// Starts a service that emits `count` events from the server and ends; the relay has none.
    pub(crate) fn publish(self, paths: &Paths, redis: &Redis, count: usize) -> io::Result<Process> {
        let (url, count) = (redis.url(), count.to_string());
        let args = ["--redis", &url, "--publish", &count];
        match self {
            Self::Arena => Process::start(paths.ours("peer-painda")?, &args),
            _ => self.start(paths, &args),
        }
    }
}

/// Some nodes over one Redis. Dropped, all of it is stopped, the nodes first.
#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: Vec<Process>,
    pub(crate) addrs: Vec<SocketAddr>,
    pub(crate) redis: Redis,
}

impl Cluster {
    /// Starts the nodes on free ports of `host`.
    pub(crate) fn start(kind: Kind, paths: &Paths, count: usize, host: &str) -> io::Result<Self> {
        Self::over(Redis::start(&paths.scratch)?, kind, paths, count, host)
    }

    /// The same over a Redis that runs already.
    pub(crate) fn over(redis: Redis, kind: Kind, paths: &Paths, count: usize, host: &str) -> io::Result<Self> {
        let (listen, url) = (format!("{host}:0"), redis.url());
        let mut nodes = Vec::new();
        let mut addrs = Vec::new();
        for _ in 0..count {
            let mut node = kind.start(paths, &["--listen", &listen, "--redis", &url])?;
            addrs.push(node.address()?);
            nodes.push(node);
        }
        Ok(Self { nodes, addrs, redis })
    }

    /// The processes of all nodes, and then Redis.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.nodes.iter().map(Process::id).chain([self.redis.id()]).collect()
    }
}
