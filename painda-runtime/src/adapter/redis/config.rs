//! The Redis adapter's settings: their defaults, and errors that name the setting that is wrong.
//!
//! Opens no connection.

#[cfg(feature = "redis-tls")]
use std::path::PathBuf;
use std::{fmt::Display, future::Future, sync::Arc, time::Duration};

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

#[cfg(feature = "redis-tls")]
use super::tls::Pem;
use super::{
    RedisAdapter,
    access::{Access, Credentials, Whose},
    endpoint::{Endpoint, Sentinels, address},
    settings::Settings,
};
use crate::adapter::AdapterError;

/// Connecting, with the handshake, may take this long.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A provider of credentials that takes longer is not waited for.
pub(super) const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection whose answer takes longer is given up.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A server of a cluster that takes longer to say how it sees the cluster is not waited for: others know as well.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// A connection is tried this often, and its server, and the sentinels, are asked whether it is the master.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// A subscription that does not hear our own probe for this long, nor anything else, is deaf.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// It is deaf as well if it hears other things for so many times as long, but not the probe.
pub(super) const PROBE_PATIENCE: usize = 5;
/// The delay before the first attempt to reconnect, and the most that it grows to.
pub(super) const FIRST_DELAY: Duration = Duration::from_millis(50);
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// After an outage, what is queued waits at most this long for the other nodes to subscribe again.
pub(super) const CROWD_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long the futures of `subscribe` and of the room operations wait for Redis.
pub(super) const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a close may take.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 6379;
const DEFAULT_PREFIX: &str = "pp:";
const DEFAULT_QUEUE_BYTES: usize = 16 << 20;
const DEFAULT_LEASE: Duration = Duration::from_secs(10);
const SHORTEST_LEASE: Duration = Duration::from_millis(200);

/// What happens to a publish when the queue has reached its bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is refused with [`AdapterError::QueueFull`] and counted as refused. The default.
    #[default]
    RefuseNewest,
    /// The oldest in the queue are dropped for it, and counted as dropped.
    DropOldest,
}

/// The settings of a [`RedisAdapter`], made by [`RedisAdapter::builder`]. Everything has a default.
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
    url: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    username: Option<String>,
    password: Option<String>,
    credentials: Option<Credentials>,
    db: Option<u32>,
    key_prefix: String,
    queue_bytes: usize,
    when_full: WhenFull,
    lease: Duration,
    linger: Duration,
    cluster: Vec<String>,
    sentinel: Option<(String, Vec<String>)>,
    sentinel_password: Option<String>,
    sentinel_credentials: Option<Credentials>,
    #[cfg(feature = "redis-tls")]
    tls: super::tls::Certificates,
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
            cluster: Vec::new(),
            sentinel: None,
            sentinel_password: None,
            sentinel_credentials: None,
            #[cfg(feature = "redis-tls")]
            tls: super::tls::Certificates::default(),
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
    /// `CLIENT INFO` and `CLIENT KILL`, from Redis 6.2 on, make sure that nothing is heard twice after a connection broke.
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

    /// Says which user and password to connect with: asked each time that a connection is made, for passwords that change and tokens
    /// that expire. Takes the place of [`username`](Self::username) and [`password`](Self::password); Redis' own user without a
    /// name is `default`.
    ///
    /// While Redis can't be reached it is asked about once a second for each connection, of which there are two for each server:
    /// what is dear to find out, it should keep for a while. An error, a panic, or no answer within 5 seconds counts as a
    /// failed attempt: health says why, and the next attempt asks again. Connections that Redis has let in stay as they are.
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

    /// How long this node may be silent before the others take it for dead and remove its members from their rooms: these
    /// are gone within one and a half times as long. It comes back by itself if it was only paused. The same on all nodes of
    /// a cluster, at least 200 ms. Default: 10 s.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Connects to a Redis Cluster (7 or newer) by some of its servers, each as `host:port`; the others are found by themselves,
    /// and followed when slots move or a master fails. Channels are sharded. User, password and TLS come from the
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

    /// Connects, and makes sure that Redis answers and lets us in.
    ///
    /// # Errors
    /// [`AdapterError::Config`] names a setting that is wrong or that Redis does not accept, [`AdapterError::Unavailable`]
    /// says why Redis can't be reached within 2 seconds.
    pub async fn connect(self) -> Result<RedisAdapter, AdapterError> {
        RedisAdapter::start(self.settings()?).await
    }

    pub(super) fn settings(self) -> Result<Settings, AdapterError> {
        let url = self.url.unwrap_or_else(|| format!("redis://{DEFAULT_HOST}:{DEFAULT_PORT}"));
        // The error must not repeat the URL, which may hold a password.
        let given = url.as_str().into_connection_info().map_err(|error| {
            let why = error.detail().map_or_else(|| error.to_string(), ToOwned::to_owned);
            wrong("url", format_args!("{why}; expected redis://[user][:password@]host[:port][/db]"))
        })?;
        if cfg!(not(feature = "redis-tls")) && matches!(given.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(wrong("url", "rediss:// needs the feature `redis-tls`"));
        }
        let addr = overridden(given.addr(), self.host, self.port)?;
        #[cfg(feature = "redis-tls")]
        self.tls.check(&addr)?;
        let mut login = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        if let Some(username) = self.username.as_deref().or(given.redis_settings().username()) {
            login = login.set_username(username);
        }
        if let Some(password) = self.password.as_deref().or(given.redis_settings().password()) {
            login = login.set_password(password);
        }
        if self.credentials.is_some() && (login.username().is_some() || login.password().is_some()) {
            return Err(wrong("credentials", "set these, or a username and a password, but not both"));
        }
        if login.username().is_some() && login.password().is_none() {
            return Err(wrong("password", "a username is set, but no password"));
        }
        let access = Access {
            whose: Whose::Server,
            credentials: self.credentials,
            #[cfg(feature = "redis-tls")]
            certificates: self.tls,
        };
        login = login.set_db(self.db.map_or(given.redis_settings().db(), i64::from));
        if self.queue_bytes == 0 {
            return Err(wrong("queue_bytes", "must be at least 1"));
        }
        if self.lease < SHORTEST_LEASE {
            return Err(wrong("lease", format_args!("must be at least {SHORTEST_LEASE:?}")));
        }
        let tcp = given.tcp_settings().clone().set_nodelay(true);
        let server = given.set_addr(addr).set_redis_settings(login).set_tcp_settings(tcp);
        let sentinels = match self.sentinel {
            None => None,
            Some(_) if !self.cluster.is_empty() => {
                return Err(wrong("sentinel", "a cluster does its failovers itself; set one of the two"));
            }
            Some((master, addresses)) => {
                let mut login = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
                if let Some(password) = self.sentinel_password {
                    if self.sentinel_credentials.is_some() {
                        return Err(wrong("sentinel_credentials", "set these, or a password, but not both"));
                    }
                    login = login.set_password(password);
                }
                let access = access.of_sentinels(self.sentinel_credentials);
                let addresses = addresses.iter().map(|given| {
                    let (host, port) = host_and_port("sentinel", given)?;
                    Ok(address(server.addr(), &host, port))
                });
                let addresses: Vec<_> = addresses.collect::<Result<_, AdapterError>>()?;
                if addresses.is_empty() {
                    return Err(wrong("sentinel", "needs the address of at least one sentinel"));
                }
                let like = server.clone().set_redis_settings(login);
                Some(Arc::new(Sentinels::new(master, addresses, like, access)))
            }
        };
        if !self.cluster.is_empty() && server.redis_settings().db() != 0 {
            return Err(wrong("db", "a cluster has only database 0"));
        }
        let server = Endpoint::new(server, Arc::new(access), sentinels);
        let seeds = self.cluster.iter().map(|seed| {
            let (host, port) = host_and_port("cluster", seed)?;
            Ok(server.at(&host, port))
        });
        Ok(Settings {
            seeds: seeds.collect::<Result<_, AdapterError>>()?,
            server,
            prefix: self.key_prefix.into(),
            queue_bytes: self.queue_bytes,
            linger: self.linger,
            when_full: self.when_full,
            lease: self.lease,
        })
    }
}

fn host_and_port(setting: &str, address: &str) -> Result<(String, u16), AdapterError> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() && port > 0 => {
            Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
        }
        _ => Err(wrong(setting, format_args!("{address:?} is no host:port"))),
    }
}

fn overridden(given: &ConnectionAddr, host: Option<String>, port: Option<u16>) -> Result<ConnectionAddr, AdapterError> {
    if host.as_deref().is_some_and(|host| host.trim().is_empty()) {
        return Err(wrong("host", "is empty"));
    }
    if port == Some(0) {
        return Err(wrong("port", "must be 1 to 65535"));
    }
    match given {
        ConnectionAddr::Tcp(given_host, given_port) => {
            Ok(ConnectionAddr::Tcp(host.unwrap_or_else(|| given_host.clone()), port.unwrap_or(*given_port)))
        }
        ConnectionAddr::TcpTls { host: given_host, port: given_port, insecure, tls_params } => {
            Ok(ConnectionAddr::TcpTls {
                host: host.unwrap_or_else(|| given_host.clone()),
                port: port.unwrap_or(*given_port),
                insecure: *insecure,
                tls_params: tls_params.clone(),
            })
        }
        other if host.is_some() || port.is_some() => Err(wrong(
            if host.is_some() { "host" } else { "port" },
            format_args!("the url says {other}, which has none"),
        )),
        other => Ok(other.clone()),
    }
}

/// The error of a setting that can't be used.
pub(super) fn wrong(setting: &str, why: impl std::fmt::Display) -> AdapterError {
    AdapterError::Config(format!("{setting}: {why}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(builder: RedisBuilder) -> String {
        builder.settings().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn setters_win_over_the_urls_parts() {
        let settings = RedisBuilder::default().url("redis://me:pw@here:1/2").port(7).db(3).settings().expect("right");
        assert_eq!(&**settings.server.label(), "redis://here:7");
        let server = settings.server.locate().await.expect("it stays where it is").server;
        assert_eq!(server.redis_settings().db(), 3);
        assert_eq!(server.redis_settings().username(), Some("me"));
    }

    fn provided() -> RedisBuilder {
        let provider = async || Ok::<_, std::convert::Infallible>(("me".to_owned(), "hush".to_owned()));
        RedisBuilder::default().credentials(provider).sentinel_credentials(provider)
    }

    #[test]
    fn errors_name_the_setting_and_keep_the_password() {
        for (builder, name) in [
            (RedisBuilder::default().url("http://:hush@x"), "url: "),
            (RedisBuilder::default().url("redis://:hush@x/y"), "url: "),
            (RedisBuilder::default().host(" "), "host: "),
            (RedisBuilder::default().port(0), "port: "),
            (RedisBuilder::default().username("me"), "password: "),
            (provided().password("hush"), "credentials: "),
            (provided().url("redis://me:hush@here"), "credentials: "),
            (provided().sentinel("m", ["here:1"]).sentinel_password("hush"), "sentinel_credentials: "),
            (RedisBuilder::default().queue_bytes(0), "queue_bytes: "),
            (RedisBuilder::default().lease(Duration::ZERO), "lease: "),
            (RedisBuilder::default().cluster(["here"]), "cluster: "),
            (RedisBuilder::default().cluster(["here:1"]).db(3), "db: "),
            (RedisBuilder::default().sentinel("m", ["here:x"]), "sentinel: "),
            (RedisBuilder::default().sentinel("m", Vec::<String>::new()), "sentinel: "),
            (RedisBuilder::default().sentinel("m", ["here:1"]).cluster(["here:1"]), "sentinel: "),
        ] {
            let error = error(builder);
            assert!(error.contains(name), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
