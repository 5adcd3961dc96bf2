//! Redis Cluster: asks which server has which slots, at the start, at intervals, and whenever a reply shows that this has changed.
//!
//! Moves no channels and keys itself: the [router](super::router) does.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, Value, aio::MultiplexedConnection};
use tokio::time::{sleep, timeout};

use super::{
    answer::{command_error, refusal},
    dial::{connect, timeouts},
    endpoint::Endpoint,
    mastership::cluster_is_up,
    router::{Links, OnFailure, Router},
    slots::{self, SLOTS},
    stats::RedisEvent,
    timings::ASK_TIMEOUT,
};
use crate::adapter::AdapterError;

/// How often the slots are asked for if nothing shows that they have changed.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// The least time between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// The masters, and which of them has each slot, as one server sees it.
struct Topology {
    endpoints: Vec<Endpoint>,
    owners: Vec<u16>,
    /// All servers, replicas among them.
    servers: Vec<Endpoint>,
    /// The server reports that the cluster is up. One that is cut off from the others knows only an old state.
    sound: bool,
}

/// Connects to all masters of the Redis Cluster that one of the seeds belongs to. Returns all its servers, which are asked later on.
pub(super) async fn start(router: &Router, seeds: &[Endpoint]) -> Result<Vec<Endpoint>, AdapterError> {
    let mut last = AdapterError::Unavailable("there are no seeds".into());
    for seed in seeds {
        match ask_at(seed).await {
            Ok(topology) => {
                let mut links = Links::default();
                for endpoint in topology.endpoints {
                    links.all.push(router.connect(endpoint, OnFailure::Return).await?);
                }
                links.slots = topology.owners;
                router.begin(links);
                return Ok(topology.servers);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Runs until it is aborted. `seeds` are those of the settings, `servers` the cluster's at the start.
pub(super) async fn run(router: Arc<Router>, seeds: Vec<Endpoint>, mut servers: Vec<Endpoint>) {
    loop {
        let _ = timeout(REFRESH_INTERVAL, router.reroute.notified()).await;
        if let Some(topology) = refresh(&router, servers.iter().chain(&seeds)).await {
            follow(&router, &topology).await;
            servers = topology.servers;
        }
        sleep(PAUSE).await;
    }
}

/// Has channels and keys handed over to the servers that have their slots now.
async fn follow(router: &Router, topology: &Topology) {
    let before: Vec<String> = labels(&router.endpoints());
    router.reassign(&topology.endpoints, &topology.owners).await;
    let after = router.endpoints();
    if before != labels(&after) {
        let servers = after.iter().map(|endpoint| endpoint.label().clone()).collect();
        tracing::info!(target: "painda::redis", ?servers, "the cluster is served by other masters");
        router.observed.send(RedisEvent::Rerouted { servers });
    }
}

fn labels(endpoints: &[Endpoint]) -> Vec<String> {
    endpoints.iter().map(|endpoint| endpoint.label().to_string()).collect()
}

/// Asks the connected servers first, then all known ones. The answer of a server that is cut off is used only if there is no better one.
async fn refresh(router: &Router, known: impl Iterator<Item = &Endpoint>) -> Option<Topology> {
    let mut unsound = None;
    for shared in router.all() {
        let commands = shared.commands.lock().clone();
        if let Some(mut commands) = commands
            && let Ok(Ok(topology)) = timeout(ASK_TIMEOUT, ask(&mut commands, &shared.endpoint)).await
        {
            if topology.sound {
                return Some(topology);
            }
            unsound = Some(topology);
        }
    }
    for endpoint in known {
        if let Ok(topology) = ask_at(endpoint).await {
            if topology.sound {
                return Some(topology);
            }
            unsound.get_or_insert(topology);
        }
    }
    unsound
}

async fn ask_at(endpoint: &Endpoint) -> Result<Topology, AdapterError> {
    let server = endpoint.locate().await?.server;
    let config = timeouts(AsyncConnectionConfig::new());
    let mut commands = connect(endpoint.label(), endpoint.access(), server, &config).await?;
    ask(&mut commands, endpoint).await
}

async fn ask(commands: &mut MultiplexedConnection, asked: &Endpoint) -> Result<Topology, AdapterError> {
    let mut pipe = redis::pipe();
    pipe.cmd("CLUSTER").arg("SLOTS").cmd("CLUSTER").arg("INFO");
    let replies = commands.send_packed_commands(&pipe, 0, pipe.len()).await;
    let mut replies = replies.map_err(|error| command_error(&error))?.into_iter();
    let (slots, info) = (replies.next().unwrap_or(Value::Nil), replies.next().unwrap_or(Value::Nil));
    if let Some(AdapterError::Backend(why)) = refusal(slots.clone()) {
        return Err(AdapterError::setting("cluster", format_args!("{} is no cluster: {why}", asked.label())));
    }
    let host = match asked.addr() {
        redis::ConnectionAddr::Tcp(host, _) => host.as_str(),
        redis::ConnectionAddr::TcpTls { host, .. } => host.as_str(),
        _ => "",
    };
    let sound = cluster_is_up(&info) != Some(false);
    let mut topology = Topology { endpoints: Vec::new(), owners: vec![u16::MAX; SLOTS], servers: Vec::new(), sound };
    for range in slots::ranges(&slots, host) {
        let endpoint = asked.at(&range.host, range.port);
        let known = topology.endpoints.iter().position(|known| known.addr() == endpoint.addr());
        let at = known.unwrap_or_else(|| {
            topology.endpoints.push(endpoint);
            topology.endpoints.len() - 1
        });
        let at = u16::try_from(at).unwrap_or_default();
        topology.servers.extend(range.replicas.iter().map(|(host, port)| asked.at(host, *port)));
        topology.owners[usize::from(range.first)..=usize::from(range.last)].fill(at);
    }
    if topology.owners.contains(&u16::MAX) {
        return Err(AdapterError::Unavailable("some of the cluster's slots have no server".into()));
    }
    topology.servers.extend(topology.endpoints.iter().cloned());
    topology.servers.sort_by_key(|server| server.addr().to_string());
    topology.servers.dedup_by_key(|server| server.addr().to_string());
    Ok(topology)
}
