//! More than one Redis: a cluster of three shards, and a master with a replica and a sentinel. Real processes, as in
//! [`redis`](crate::redis), and the damage that can be done to them.

use tempfile::TempDir;
use tokio::process::Command;

use crate::eventually;
use crate::process::Process;
use crate::redis::{Port, RedisServer, text};

/// A Redis Cluster: three masters, and a replica of each.
#[derive(Debug)]
pub struct RedisCluster {
    /// The masters first, as they were at the start.
    pub servers: Vec<RedisServer>,
    _buses: Vec<Port>,
}

impl RedisCluster {
    /// Starts the servers, makes them a cluster, and waits until all of them know that.
    pub async fn start() -> Self {
        let (mut servers, mut buses) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let bus = Port::reserve();
            let port = bus.number().to_string();
            let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &port];
            let more = ["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"];
            servers.push(RedisServer::start_with(&[&options[..], &more].concat()).await);
            buses.push(bus);
        }
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(servers.iter().map(|server| format!("127.0.0.1:{}", server.port())));
        create.args(["--cluster-replicas", "1", "--cluster-yes"]);
        let created = crate::within("the cluster to be made", create.output()).await.expect("redis-cli is installed");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        let cluster = Self { servers, _buses: buses };
        for server in &cluster.servers {
            server.until(&["CLUSTER", "INFO"], |info| info.contains("cluster_state:ok")).await;
            // All three shards, each with its replica.
            let complete = |nodes: &str| nodes.matches("slave").count() == 3 && nodes.matches("master").count() == 3;
            server.until(&["CLUSTER", "NODES"], complete).await;
        }
        // A replica that has not yet copied anything is not promoted.
        for replica in &cluster.servers[3..] {
            replica.until(&["INFO", "replication"], |info| info.contains("master_link_status:up")).await;
        }
        cluster
    }

    /// The addresses of all servers, as settings take them.
    pub fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect()
    }

    /// The master that has a slot, by its position, as the first server that answers sees it.
    pub async fn owner_of(&self, key: &str) -> usize {
        let slot: u16 = text(&self.servers[0].ask(&["CLUSTER", "KEYSLOT", key]).await).parse().expect("a slot");
        for (at, server) in self.servers.iter().enumerate() {
            let nodes = text(&server.ask(&["CLUSTER", "NODES"]).await);
            let own = nodes.lines().find(|line| line.contains("myself")).expect("a server knows itself");
            let has = own.split(' ').skip(8).filter_map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                Some((first.parse::<u16>().ok()?, last.parse::<u16>().ok()?))
            });
            if own.contains("master") && has.into_iter().any(|(first, last)| (first..=last).contains(&slot)) {
                return at;
            }
        }
        panic!("nobody has slot {slot}")
    }

    /// Moves the slot of a key from one master to another, with the keys in it, as operators do.
    pub async fn migrate(&self, key: &str, to: usize) {
        self.begin_migration(key, to).await.end().await;
    }

    /// The same, but for its end: the keys have moved, and the slot is still the old master's, who sends others on for each of them.
    pub async fn begin_migration(&self, key: &str, to: usize) -> Migration<'_> {
        let from = &self.servers[self.owner_of(key).await];
        let to = &self.servers[to];
        let slot = text(&from.ask(&["CLUSTER", "KEYSLOT", key]).await);
        let (from_id, to_id) = (from.cluster_id().await, to.cluster_id().await);
        to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await;
        from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await;
        loop {
            let keys = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await;
            let keys: Vec<String> = ::redis::from_redis_value(keys).expect("names of keys");
            if keys.is_empty() {
                break;
            }
            let port = to.port().to_string();
            let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            command.extend(keys.iter().map(String::as_str));
            from.ask(&command).await;
        }
        Migration { from, to, slot, to_id }
    }

    /// Has the replica of a master take over from it, as operators do before they stop a server.
    pub async fn replace(&self, master: usize) {
        let replica = self.replica_of(master).await;
        replica.ask(&["CLUSTER", "FAILOVER"]).await;
        replica.until(&["INFO", "replication"], |info| info.contains("role:master")).await;
        self.servers[master].until(&["INFO", "replication"], |info| info.contains("role:slave")).await;
    }

    /// Cuts a master off from the others, who forget it, and has its replica take over from it: it does not learn of that, goes on as
    /// the master of its slots, and takes what clients publish.
    pub async fn forget(&self, master: usize) {
        let forgotten = &self.servers[master];
        let own = forgotten.cluster_id().await;
        for other in &self.servers {
            let id = other.cluster_id().await;
            if id != own {
                forgotten.ask(&["CLUSTER", "FORGET", &id]).await;
            }
        }
        let replica = self.replica_of(master).await;
        replica.ask(&["CLUSTER", "FAILOVER", "TAKEOVER"]).await;
        replica.until(&["INFO", "replication"], |info| info.contains("role:master")).await;
        for other in &self.servers {
            if other.cluster_id().await != own {
                other.ask(&["CLUSTER", "FORGET", &own]).await;
            }
        }
    }

    async fn replica_of(&self, master: usize) -> &RedisServer {
        let port = format!("master_port:{}\r", self.servers[master].port());
        for replica in &self.servers[3..] {
            if text(&replica.ask(&["INFO", "replication"]).await).contains(&port) {
                return replica;
            }
        }
        panic!("nobody is a replica of {port}")
    }
}

/// A slot that is moving.
pub struct Migration<'a> {
    /// The master that had it.
    pub from: &'a RedisServer,
    to: &'a RedisServer,
    slot: String,
    to_id: String,
}

impl Migration<'_> {
    /// Gives the slot to the new master.
    pub async fn end(self) {
        for server in [self.to, self.from] {
            server.ask(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &self.to_id]).await;
        }
    }
}

impl RedisServer {
    /// Runs a command of words.
    pub async fn ask(&self, words: &[&str]) -> ::redis::Value {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.command(&words).await
    }

    /// Waits until the text that a command answers is as it should be.
    pub async fn until(&self, words: &[&str], condition: impl Fn(&str) -> bool) -> String {
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut last = String::new();
        eventually(&format!("{words:?} to be answered in another way"), async || {
            // A server whose role changes cuts off its clients.
            match self.try_command(&bytes).await {
                Ok(answer) => last = text(&answer),
                Err(_) => return false,
            }
            condition(&last)
        })
        .await;
        last
    }

    async fn cluster_id(&self) -> String {
        text(&self.ask(&["CLUSTER", "MYID"]).await)
    }
}

/// A master, its replica, and a sentinel that fails over as soon as it may.
#[derive(Debug)]
pub struct Watched {
    /// The master at the start.
    pub master: RedisServer,
    /// Its replica at the start.
    pub replica: RedisServer,
    /// The sentinel.
    pub sentinel: RedisServer,
}

impl Watched {
    /// The name of the master.
    pub const NAME: &str = "arena";

    /// Starts all three, and waits until the sentinel knows the replica.
    pub async fn start() -> Self {
        let fast = ["--repl-diskless-sync-delay", "0"];
        let master = RedisServer::start_with(&fast).await;
        let port = master.port().to_string();
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port, fast[0], fast[1]]).await;
        replica.until(&["INFO", "replication"], |info| info.contains("master_link_status:up")).await;
        let sentinel = watching(master.port(), 1).await;
        sentinel.until(&["INFO", "sentinel"], |info| info.contains("slaves=1")).await;
        Self { master, replica, sentinel }
    }

    /// Another sentinel; returns once the first one knows of it, and of `others` more.
    pub async fn another_sentinel(&self, others: usize) -> RedisServer {
        let sentinel = watching(self.master.port(), 1).await;
        let all = format!("slaves=1,sentinels={}", others + 2);
        for sentinel in [&self.sentinel, &sentinel] {
            sentinel.until(&["INFO", "sentinel"], |info| info.contains(&all)).await;
        }
        sentinel
    }

    /// A sentinel that takes the replica for the master, as one does that has missed a failover, and lets nobody fail over.
    pub async fn mistaken_sentinel(&self) -> RedisServer {
        watching(self.replica.port(), 100).await
    }

    /// Where the sentinel is.
    pub fn sentinel(&self) -> String {
        self.sentinel.address()
    }

    /// Waits until the replica has become the master.
    pub async fn failed_over(&self) {
        self.replica.until(&["INFO", "replication"], |info| info.contains("role:master")).await;
        let port = self.replica.port().to_string();
        let words = ["SENTINEL", "get-master-addr-by-name", Self::NAME];
        self.sentinel.until(&words, |address| address.contains(&port)).await;
    }
}

/// A sentinel that watches a port, as the master [`Watched::NAME`].
pub async fn watching(port: u16, quorum: u8) -> RedisServer {
    let settings = format!(
        "sentinel monitor {name} 127.0.0.1 {port} {quorum}\n\
         sentinel down-after-milliseconds {name} 1000\n\
         sentinel failover-timeout {name} 6000\n",
        name = Watched::NAME,
    );
    RedisServer::sentinel(&settings).await
}

/// Starts a sentinel with these settings.
pub(crate) async fn sentinel(port: &Port, directory: &TempDir, settings: &str) -> Process {
    let path = directory.path().join("sentinel.conf");
    std::fs::write(&path, settings).expect("a file can be written");
    let mut command = Command::new("redis-server");
    command.arg(path).args(["--sentinel", "--bind", "127.0.0.1", "--port", &port.number().to_string()]);
    let mut process = Process::start(&mut command);
    process.find_line("the sentinel to be ready", |line| line.contains("+monitor master").then_some(())).await;
    process
}
