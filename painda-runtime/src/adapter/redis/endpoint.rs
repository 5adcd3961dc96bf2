//! Where a server is: at a fixed address, or at the one that the sentinels name as the master's.
//!
//! The operating system resolves a host's name at each connect; the result is not kept. Opens connections to sentinels only,
//! and keeps none.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, RedisError, Value, cmd};

use super::{
    access::Access,
    answer::command_error,
    dial::{connect, timeouts},
};
use crate::adapter::{AdapterError, Cause};

/// The most sentinels that are remembered, unless more are in the settings.
const MOST_SENTINELS: usize = 32;

#[derive(Clone)]
pub(super) struct Endpoint {
    /// The server, or, with sentinels, everything about it but its address.
    server: ConnectionInfo,
    label: Arc<str>,
    access: Arc<Access>,
    sentinels: Option<Arc<Sentinels>>,
}

impl Endpoint {
    pub(super) fn new(server: ConnectionInfo, access: Arc<Access>, sentinels: Option<Arc<Sentinels>>) -> Self {
        let label = match (&sentinels, server.addr()) {
            (Some(sentinels), _) => format!("the master `{}`", sentinels.master),
            (None, ConnectionAddr::Unix(path)) => format!("redis+unix://{}", path.display()),
            (None, addr @ ConnectionAddr::TcpTls { .. }) => format!("rediss://{addr}"),
            (None, addr) => format!("redis://{addr}"),
        };
        Self { server, label: label.into(), access, sentinels }
    }

    /// The server as errors and events show it: without user and password.
    pub(super) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// The same server's settings at another address.
    pub(super) fn at(&self, host: &str, port: u16) -> Self {
        let server = self.server.clone().set_addr(address(self.server.addr(), host, port));
        Self::new(server, self.access.clone(), None)
    }

    pub(super) fn addr(&self) -> &ConnectionAddr {
        self.server.addr()
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// What to connect to now.
    pub(super) async fn locate(&self) -> Result<Located, AdapterError> {
        let Some(sentinels) = &self.sentinels else {
            return Ok(Located { server: self.server.clone(), sentinel: None });
        };
        let ((host, port), sentinel) = sentinels.master_address().await?;
        let server = self.server.clone().set_addr(address(self.server.addr(), &host, port));
        Ok(Located { server, sentinel: Some(sentinel) })
    }

    /// The located server can't be reached or is no master: what another sentinel names, if there is one.
    pub(super) async fn instead_of(&self, located: &Located) -> Option<Located> {
        let (sentinels, sentinel) = (self.sentinels.as_ref()?, located.sentinel.as_ref()?);
        sentinels.doubt(sentinel);
        self.locate().await.ok()
    }

    /// Do sentinels name the server, so that it may become another one?
    pub(super) fn is_watched(&self) -> bool {
        self.sentinels.is_some()
    }
}

/// What to connect to, and the sentinel that has named it.
pub(super) struct Located {
    pub(super) server: ConnectionInfo,
    sentinel: Option<ConnectionAddr>,
}

/// An address of the same kind, with TLS or without.
pub(super) fn address(like: &ConnectionAddr, host: &str, port: u16) -> ConnectionAddr {
    let host = host.to_owned();
    match like {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host, port),
    }
}

/// The sentinels, and the name that they know the master by.
pub(super) struct Sentinels {
    master: String,
    /// Those of the settings, which stay.
    configured: Vec<ConnectionAddr>,
    /// Everything about a sentinel but its address.
    like: ConnectionInfo,
    access: Access,
    /// All that are known, in the order in which they are asked.
    known: Mutex<VecDeque<ConnectionAddr>>,
}

impl Sentinels {
    /// At least one must be configured.
    pub(super) fn new(master: String, configured: Vec<ConnectionAddr>, like: ConnectionInfo, access: Access) -> Self {
        let known = configured.iter().cloned().collect();
        Self { master, configured, like, access, known: Mutex::new(known) }
    }

    /// Where the master is, by the first sentinel that answers.
    async fn master_address(&self) -> Result<((String, u16), ConnectionAddr), AdapterError> {
        let mut last = AdapterError::Unavailable("there are no sentinels".into());
        let known = self.known.lock().clone();
        for addr in known {
            match self.ask(&addr).await {
                Ok((Some(master), others)) => {
                    self.learn(&addr, others);
                    return Ok((master, addr));
                }
                Ok((None, _)) => {
                    last = AdapterError::setting("sentinel", format_args!("{addr} knows no master `{}`", self.master));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The server that this one named was wrong: the others are asked before it.
    fn doubt(&self, sentinel: &ConnectionAddr) {
        let mut known = self.known.lock();
        if let Some(doubted) = known.iter().position(|addr| addr == sentinel).and_then(|at| known.remove(at)) {
            known.push_back(doubted);
        }
    }

    /// A sentinel has answered, and is asked first from now on; `others` are those that it knows. Those of the settings are never
    /// forgotten.
    fn learn(&self, answered: &ConnectionAddr, others: Vec<(String, u16)>) {
        let others = others.into_iter().map(|(host, port)| address(self.like.addr(), &host, port));
        let there: Vec<ConnectionAddr> = self.configured.iter().cloned().chain(others).collect();
        let mut known = self.known.lock();
        let mut now = VecDeque::from([answered.clone()]);
        // In the order in which they were known, so that each of them comes first once those before it are doubted.
        for addr in known.iter().filter(|addr| there.contains(addr)).chain(&there) {
            if !now.contains(addr) && (now.len() < MOST_SENTINELS || self.configured.contains(addr)) {
                now.push_back(addr.clone());
            }
        }
        *known = now;
    }

    /// Asks one sentinel where the master is, and which other sentinels there are.
    async fn ask(&self, addr: &ConnectionAddr) -> Result<(Option<(String, u16)>, Vec<(String, u16)>), AdapterError> {
        let label = format!("the sentinel {addr}");
        let sentinel = self.like.clone().set_addr(addr.clone());
        let mut connection = connect(&label, &self.access, sentinel, &timeouts(AsyncConnectionConfig::new())).await?;
        let failed = |error: RedisError| {
            AdapterError::Unavailable(Cause::new(format!("{label}: {}", command_error(&error)), error))
        };
        let mut where_is = cmd("SENTINEL");
        where_is.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        let master = where_is.query_async(&mut connection).await.map_err(failed)?;
        let mut who_else = cmd("SENTINEL");
        who_else.arg("SENTINELS").arg(&self.master);
        // Without the permission to ask this, those of the settings are used.
        let others: Result<Vec<HashMap<String, Value>>, _> = who_else.query_async(&mut connection).await;
        Ok((master, others.unwrap_or_default().iter().filter_map(host_and_port).collect()))
    }
}

/// Where a sentinel is, as another one reports.
fn host_and_port(sentinel: &HashMap<String, Value>) -> Option<(String, u16)> {
    let host = redis::from_redis_value_ref(sentinel.get("ip")?).ok()?;
    Some((host, redis::from_redis_value_ref(sentinel.get("port")?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::redis::RedisBuilder;

    fn sentinels(addresses: &[&str]) -> Sentinels {
        let settings = RedisBuilder::default().settings().expect("right");
        let access = settings.server.access().of_sentinels(None);
        let at = |host: &&str| address(settings.server.addr(), host, 26379);
        let like = settings.server.server.clone();
        Sentinels::new("arena".to_owned(), addresses.iter().map(at).collect(), like, access)
    }

    fn known(sentinels: &Sentinels) -> Vec<String> {
        sentinels.known.lock().iter().map(ToString::to_string).collect()
    }

    fn others(names: &[&str]) -> Vec<(String, u16)> {
        names.iter().map(|name| ((*name).to_owned(), 26379)).collect()
    }

    #[test]
    fn sentinels_are_learned_and_forgotten_but_for_those_of_the_settings() {
        let sentinels = sentinels(&["a", "b"]);
        let at = |index: usize| sentinels.known.lock()[index].clone();
        sentinels.learn(&at(0), others(&["c", "d"]));
        assert_eq!(known(&sentinels), ["a:26379", "b:26379", "c:26379", "d:26379"]);
        sentinels.learn(&at(2), others(&["a", "e"]));
        assert_eq!(known(&sentinels), ["c:26379", "a:26379", "b:26379", "e:26379"]);
        let many: Vec<String> = (0..100).map(|number| format!("x{number}")).collect();
        sentinels.learn(&at(0), others(&many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(known(&sentinels).len(), MOST_SENTINELS);
        assert!(["a:26379", "b:26379"].iter().all(|own| known(&sentinels).contains(&(*own).to_owned())));
    }

    #[test]
    fn each_sentinel_is_asked_first_in_turn_when_they_name_wrong_servers() {
        let sentinels = sentinels(&["a", "b", "c"]);
        let mut first = Vec::new();
        for _ in 0..4 {
            // It answers, and is learned from, before it turns out to be wrong.
            let addr = sentinels.known.lock()[0].clone();
            sentinels.learn(&addr, others(&["a", "b", "c"]));
            first.push(addr.to_string());
            // Both connections report it.
            sentinels.doubt(&addr);
            sentinels.doubt(&addr);
        }
        assert_eq!(first, ["a:26379", "b:26379", "c:26379", "a:26379"]);
    }
}
