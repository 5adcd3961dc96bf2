//! Where a server is: at an address, or wherever the sentinels say that the master is now.
//!
//! Opens connections to sentinels only, and keeps none.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisError, cmd};
use tokio::time::sleep;

use super::config::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, wrong};
use crate::adapter::AdapterError;

/// The sentinels are asked this often whether the master is still the same.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Endpoint {
    /// The server, or, with sentinels, everything about it but its address.
    server: ConnectionInfo,
    label: Arc<str>,
    sentinels: Option<Arc<Sentinels>>,
}

/// The sentinels, and the name that they know the master by.
pub(super) struct Sentinels {
    pub(super) master: String,
    pub(super) addresses: Vec<ConnectionInfo>,
}

impl Endpoint {
    pub(super) fn new(server: ConnectionInfo, sentinels: Option<Arc<Sentinels>>) -> Self {
        let label = match (&sentinels, server.addr()) {
            (Some(sentinels), _) => format!("the master `{}`", sentinels.master),
            (None, ConnectionAddr::Unix(path)) => format!("redis+unix://{}", path.display()),
            (None, addr @ ConnectionAddr::TcpTls { .. }) => format!("rediss://{addr}"),
            (None, addr) => format!("redis://{addr}"),
        };
        Self { server, label: label.into(), sentinels }
    }

    /// The server as errors and events show it: without user and password.
    pub(super) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// The same server's settings at another address.
    pub(super) fn at(&self, host: &str, port: u16) -> Self {
        Self::new(self.server.clone().set_addr(address(self.server.addr(), host, port)), None)
    }

    /// The server's settings as they are, wherever it is.
    pub(super) fn info(&self) -> ConnectionInfo {
        self.server.clone()
    }

    pub(super) fn addr(&self) -> &ConnectionAddr {
        self.server.addr()
    }

    /// What to connect to now.
    pub(super) async fn resolve(&self) -> Result<ConnectionInfo, AdapterError> {
        let Some(sentinels) = &self.sentinels else { return Ok(self.server.clone()) };
        let mut last = AdapterError::Unavailable("there are no sentinels".into());
        for sentinel in &sentinels.addresses {
            match ask(sentinel, &sentinels.master).await {
                Ok(Some((host, port))) => {
                    return Ok(self.server.clone().set_addr(address(self.server.addr(), &host, port)));
                }
                Ok(None) => {
                    let name = &sentinels.master;
                    last = wrong("sentinel", format_args!("{} knows no master `{name}`", sentinel.addr()));
                }
                Err(error) => {
                    let text = error.to_string();
                    last = if text.contains("NOAUTH") || text.contains("WRONGPASS") {
                        wrong("sentinel_password", format_args!("{}: {text}", sentinel.addr()))
                    } else {
                        AdapterError::Unavailable(format!("the sentinel {}: {text}", sentinel.addr()).into())
                    };
                }
            }
        }
        Err(last)
    }

    /// Ends when the sentinels name another server than `current`; never for a fixed address.
    pub(super) async fn replaced(&self, current: ConnectionAddr) -> AdapterError {
        if self.sentinels.is_none() {
            return std::future::pending().await;
        }
        loop {
            sleep(ASK_INTERVAL).await;
            // Sentinels that are away say nothing against the master.
            if let Ok(server) = self.resolve().await
                && *server.addr() != current
            {
                let why = format!("the sentinels have made {} the master", server.addr());
                return AdapterError::Unavailable(why.into());
            }
        }
    }
}

/// An address of the same kind, with TLS or without.
fn address(like: &ConnectionAddr, host: &str, port: u16) -> ConnectionAddr {
    let host = host.to_owned();
    match like {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host, port),
    }
}

/// Asks one sentinel where the master is.
async fn ask(sentinel: &ConnectionInfo, master: &str) -> Result<Option<(String, u16)>, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let client = Client::open(sentinel.clone())?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    cmd("SENTINEL").arg("get-master-addr-by-name").arg(master).query_async(&mut connection).await
}
