//! The Redis adapter's settings as they are given, and their defaults. Nothing is checked here.

#[cfg(feature = "redis-tls")]
use std::path::PathBuf;
use std::{fmt::Display, future::Future, time::Duration};

#[cfg(feature = "redis-tls")]
use super::tls::{Certificates, Pem};
use super::{access::Credentials, traffic::WhenFull};
use crate::random::Random;

const DEFAULT_PREFIX: &str = "pp:";
const DEFAULT_QUEUE_BYTES: usize = 16 << 20;
const DEFAULT_LEASE: Duration = Duration::from_secs(10);

/// The settings of a [`RedisAdapter`](super::RedisAdapter), made by [`RedisAdapter::builder`](super::RedisAdapter::builder). Everything has a default.
///
/// ```no_run
/// # async fn example() -> Result<(), painda_runtime::adapter::AdapterError> {
/// use painda_runtime::RedisAdapter;
///
/// let adapter = RedisAdapter::builder().host("redis").password("secret").connect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisBuilder {
    pub(super) url: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) credentials: Option<Credentials>,
    pub(super) db: Option<u32>,
    pub(super) key_prefix: String,
    pub(super) queue_bytes: usize,
    pub(super) when_full: WhenFull,
    pub(super) lease: Duration,
    pub(super) linger: Duration,
    pub(super) random: Random,
    pub(super) cluster: Vec<String>,
    pub(super) sentinel: Option<(String, Vec<String>)>,
    pub(super) sentinel_password: Option<String>,
    pub(super) sentinel_credentials: Option<Credentials>,
    #[cfg(feature = "redis-tls")]
    pub(super) tls: Certificates,
}

impl Default for RedisBuilder {
    fn default() -> Self {
        Self {
            url: None,
            host: None,
            port: None,
            username: None,
            password: None,
            credentials: None,
            db: None,
            key_prefix: DEFAULT_PREFIX.to_owned(),
            queue_bytes: DEFAULT_QUEUE_BYTES,
            when_full: WhenFull::default(),
            lease: DEFAULT_LEASE,
            linger: Duration::ZERO,
            random: Random::default(),
            cluster: Vec::new(),
            sentinel: None,
            sentinel_password: None,
            sentinel_credentials: None,
            #[cfg(feature = "redis-tls")]
            tls: Certificates::default(),
        }
    }
}

/// Without the password, so that settings can be logged.
impl std::fmt::Debug for RedisBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBuilder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("db", &self.db)
            .field("key_prefix", &self.key_prefix)
            .field("queue_bytes", &self.queue_bytes)
            .field("when_full", &self.when_full)
            .field("lease", &self.lease)
            .field("linger", &self.linger)
            .field("cluster", &self.cluster)
            .field("sentinel", &self.sentinel)
            .finish_non_exhaustive()
    }
}

impl RedisBuilder {
    /// For simulations: everything that is chosen by chance is the same for the same seed.
    #[doc(hidden)]
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = Random::seeded(seed);
        self
    }

    /// Where Redis is, as `redis://[user][:password@]host[:port][/db]` or `redis+unix:///path?db=0`; with the feature
    /// `redis-tls` also as `rediss://…`. The other setters win over its parts. Default: `redis://localhost:6379`.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The host's name or address. Default: `localhost`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The TCP port. Default: 6379.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The ACL user. Default: Redis' `default` user. It needs the commands `PUBLISH`, `SUBSCRIBE`, `UNSUBSCRIBE`, `PUBSUB`, `SADD`,
    /// `SREM`, `SMEMBERS`, `SRANDMEMBER`, `SET`, `EXISTS` and `DEL` on the keys and channels with the prefix (in a cluster also
    /// `SPUBLISH`, `SSUBSCRIBE`, `SUNSUBSCRIBE`, `CLUSTER SLOTS` and `CLUSTER INFO`; with a [db](Self::db) other than 0 also `SELECT`);
    /// `CLIENT INFO` and `CLIENT KILL`, from Redis 6.2 on, make sure that nothing is received twice after a connection broke.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password, where it stays the same for as long as the node runs. Default: none.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// A provider of the user and the password, for passwords that change and tokens that expire. It is asked at each connect. Takes
    /// the place of [`username`](Self::username) and [`password`](Self::password); Redis' own user without a name is `default`.
    ///
    /// While Redis can't be reached it is asked about once a second for each connection, of which there are two for each server:
    /// a provider that is slow or costly should cache its answer. An error, a panic, or no answer within 5 seconds counts as a
    /// failed attempt: health says why, and the next attempt asks again. Open connections stay as they are.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), painda_runtime::adapter::AdapterError> {
    /// use painda_runtime::RedisAdapter;
    ///
    /// let adapter = RedisAdapter::builder()
    ///     .host("redis")
    ///     .credentials(async || {
    ///         let password = std::fs::read_to_string("/run/secrets/redis")?;
    ///         Ok::<_, std::io::Error>(("painda".to_owned(), password.trim_end().to_owned()))
    ///     })
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn credentials<F, Asked, E>(mut self, provider: F) -> Self
    where
        F: Fn() -> Asked + Send + Sync + 'static,
        Asked: Future<Output = Result<(String, String), E>> + Send + 'static,
        E: Display,
    {
        self.credentials = Some(Credentials::new(provider));
        self
    }

    /// The number of the database that the rooms' members are in; pub/sub knows no databases. Default: 0.
    #[must_use]
    pub fn db(mut self, db: u32) -> Self {
        self.db = Some(db);
        self
    }

    /// What all keys and channels begin with; the same on all nodes of a cluster. Default: `pp:`.
    #[must_use]
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// The bound of the queue of publishes, in bytes: each counts its envelope, its channel's name and 64 more. As much again may
    /// be remembered of what has been sent, to recognise this node's own copies; in a Redis Cluster both are for each server.
    /// At least 1. Default: 16 MiB.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How long publishes are collected before they are written. 0, the default, writes at once, and together what has been queued
    /// while the last write was answered; a server with a flush interval saves as much again by lingering as long.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// What happens at the bound of [`queue_bytes`](Self::queue_bytes). Default: the newest is refused.
    #[must_use]
    pub fn when_full(mut self, policy: WhenFull) -> Self {
        self.when_full = policy;
        self
    }

    /// How long this node may be without contact to Redis before the others take it for dead and remove its members from their rooms,
    /// which they do within one and a half times as long. A node that was only paused writes its members again. The same on all nodes of
    /// a cluster, at least 200 ms. Default: 10 s.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Connects to a Redis Cluster (7 or newer) by some of its servers, each as `host:port`; the adapter finds the others,
    /// and follows slots that move and masters that fail. Channels are sharded. User, password and TLS come from the
    /// [url](Self::url) or the setters, and are the same for all servers. Default: no cluster.
    #[must_use]
    pub fn cluster(mut self, seeds: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.cluster = seeds.into_iter().map(Into::into).collect();
        self
    }

    /// Connects to whatever server the sentinels, each as `host:port`, name as the master of this name, and follows a
    /// failover. Sentinels that come later are learned from those that are there. User, password, db and TLS come from the
    /// [url](Self::url) or the setters. Default: no sentinels.
    #[must_use]
    pub fn sentinel(
        mut self,
        master: impl Into<String>,
        sentinels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.sentinel = Some((master.into(), sentinels.into_iter().map(Into::into).collect()));
        self
    }

    /// The password of the sentinels themselves, where it stays the same. Default: none.
    #[must_use]
    pub fn sentinel_password(mut self, password: impl Into<String>) -> Self {
        self.sentinel_password = Some(password.into());
        self
    }

    /// The same as [`credentials`](Self::credentials) for the sentinels themselves, which are asked once a second.
    #[must_use]
    pub fn sentinel_credentials<F, Asked, E>(mut self, provider: F) -> Self
    where
        F: Fn() -> Asked + Send + Sync + 'static,
        Asked: Future<Output = Result<(String, String), E>> + Send + 'static,
        E: Display,
    {
        self.sentinel_credentials = Some(Credentials::new(provider));
        self
    }

    /// The certificates, in PEM, of the authorities that may have signed the servers' certificates, instead of the
    /// system's. Needs the feature `redis-tls` and a `rediss://` [url](Self::url).
    #[cfg(feature = "redis-tls")]
    #[must_use]
    pub fn tls_authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.authorities = Some(("tls_authorities", Pem::Given(pem.into())));
        self
    }

    /// The same as a file, which is read each time that a connection is made: so it may be replaced.
    #[cfg(feature = "redis-tls")]
    #[must_use]
    pub fn tls_authorities_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.authorities = Some(("tls_authorities_file", Pem::File(path.into())));
        self
    }

    /// This client's own certificate and its key, both in PEM, for servers that ask for one. Needs the feature `redis-tls`.
    #[cfg(feature = "redis-tls")]
    #[must_use]
    pub fn tls_identity(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls.identity = Some(("tls_identity", (Pem::Given(certificate.into()), Pem::Given(key.into()))));
        self
    }

    /// The same as files, which are read each time that a connection is made: so they may be replaced.
    #[cfg(feature = "redis-tls")]
    #[must_use]
    pub fn tls_identity_files(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.identity = Some(("tls_identity_files", (Pem::File(certificate.into()), Pem::File(key.into()))));
        self
    }
}
