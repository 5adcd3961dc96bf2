//! The start of an adapter: its settings are checked, with errors that name the one that is wrong; then it connects.

use std::{sync::Arc, time::Duration};

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

use super::{
    access::{Access, ServerKind},
    adapter::RedisAdapter,
    builder::RedisBuilder,
    endpoint::{Endpoint, Sentinels, address},
    settings::Settings,
};
use crate::adapter::AdapterError;

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 6379;
const SHORTEST_LEASE: Duration = Duration::from_millis(200);

impl RedisAdapter {
    /// Connects to the Redis at `redis://[user][:password@]host[:port][/db]`, with the default settings.
    ///
    /// # Errors
    /// As [`RedisBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, AdapterError> {
        Self::builder().url(url).connect().await
    }
}

impl RedisBuilder {
    /// Connects, and checks that Redis answers and accepts the credentials.
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
            AdapterError::setting("url", format_args!("{why}; expected redis://[user][:password@]host[:port][/db]"))
        })?;
        if cfg!(not(feature = "redis-tls")) && matches!(given.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(AdapterError::setting("url", "rediss:// needs the feature `redis-tls`"));
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
            return Err(AdapterError::setting("credentials", "set these, or a username and a password, but not both"));
        }
        if login.username().is_some() && login.password().is_none() {
            return Err(AdapterError::setting("password", "a username is set, but no password"));
        }
        let access = Access {
            kind: ServerKind::Server,
            credentials: self.credentials,
            #[cfg(feature = "redis-tls")]
            certificates: self.tls,
        };
        login = login.set_db(self.db.map_or(given.redis_settings().db(), i64::from));
        if self.queue_bytes == 0 {
            return Err(AdapterError::setting("queue_bytes", "must be at least 1"));
        }
        if self.lease < SHORTEST_LEASE {
            return Err(AdapterError::setting("lease", format_args!("must be at least {SHORTEST_LEASE:?}")));
        }
        let tcp = given.tcp_settings().clone().set_nodelay(true);
        let server = given.set_addr(addr).set_redis_settings(login).set_tcp_settings(tcp);
        let sentinels = match self.sentinel {
            None => None,
            Some(_) if !self.cluster.is_empty() => {
                return Err(AdapterError::setting(
                    "sentinel",
                    "a cluster does its failovers itself; set one of the two",
                ));
            }
            Some((master, addresses)) => {
                let mut login = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
                if let Some(password) = self.sentinel_password {
                    if self.sentinel_credentials.is_some() {
                        return Err(AdapterError::setting(
                            "sentinel_credentials",
                            "set these, or a password, but not both",
                        ));
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
                    return Err(AdapterError::setting("sentinel", "needs the address of at least one sentinel"));
                }
                let like = server.clone().set_redis_settings(login);
                Some(Arc::new(Sentinels::new(master, addresses, like, access)))
            }
        };
        if !self.cluster.is_empty() && server.redis_settings().db() != 0 {
            return Err(AdapterError::setting("db", "a cluster has only database 0"));
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
            random: self.random,
        })
    }
}

fn host_and_port(setting: &'static str, address: &str) -> Result<(String, u16), AdapterError> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() && port > 0 => {
            Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
        }
        _ => Err(AdapterError::setting(setting, format_args!("{address:?} is no host:port"))),
    }
}

fn overridden(given: &ConnectionAddr, host: Option<String>, port: Option<u16>) -> Result<ConnectionAddr, AdapterError> {
    if host.as_deref().is_some_and(|host| host.trim().is_empty()) {
        return Err(AdapterError::setting("host", "is empty"));
    }
    if port == Some(0) {
        return Err(AdapterError::setting("port", "must be 1 to 65535"));
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
        other if host.is_some() || port.is_some() => Err(AdapterError::setting(
            if host.is_some() { "host" } else { "port" },
            format_args!("the url says {other}, which has none"),
        )),
        other => Ok(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(builder: RedisBuilder) -> String {
        builder.settings().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn setters_override_the_parts_of_the_url() {
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
    fn errors_name_the_setting_and_hide_the_password() {
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
