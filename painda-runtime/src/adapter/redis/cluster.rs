//! Redis Cluster: learns which server has which slots, at the start and whenever something looks as if that had changed.
//!
//! Decides nothing about channels and keys: the [router](super::router) moves them.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, Client, Value, aio::MultiplexedConnection, cmd};
use tokio::time::{sleep, timeout};

use super::{
    config::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, wrong},
    connection::{command_error, open_error},
    endpoint::Endpoint,
    router::{Lanes, Router},
    slots::{self, SLOTS},
    stats::RedisEvent,
};
use crate::adapter::AdapterError;

/// The slots are asked for this often even if nothing seems to have changed.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// A server that takes longer to say who has which slots is not waited for: others know as well.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// Between two attempts, while things are changing.
const PAUSE: Duration = Duration::from_millis(50);

/// The masters, and which of them has each slot.
struct Topology {
    endpoints: Vec<Endpoint>,
    owners: Vec<u16>,
}

/// Connects to all masters of the cluster that one of the seeds belongs to.
pub(super) async fn start(router: &Router, seeds: &[Endpoint]) -> Result<(), AdapterError> {
    let mut last = AdapterError::Unavailable("there are no seeds".into());
    for seed in seeds {
        let asked = match connect(seed).await {
            Ok(mut connection) => ask(&mut connection, seed).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(topology) => {
                let mut lanes = Lanes::default();
                for endpoint in topology.endpoints {
                    lanes.all.push(router.connect(endpoint, true).await?);
                }
                lanes.slots = topology.owners;
                router.begin(lanes);
                return Ok(());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Runs until it is aborted.
pub(super) async fn run(router: Arc<Router>, seeds: Vec<Endpoint>) {
    loop {
        let _ = timeout(REFRESH_INTERVAL, router.reroute.notified()).await;
        follow(&router, &seeds).await;
        sleep(PAUSE).await;
    }
}

/// Learns which server has which slots now, and has everything moved that is affected.
async fn follow(router: &Router, seeds: &[Endpoint]) {
    let Some(topology) = refresh(router, seeds).await else { return };
    let before: Vec<String> = labels(&router.endpoints());
    router.reassign(&topology.endpoints, &topology.owners).await;
    let after = router.endpoints();
    if before != labels(&after) {
        let servers = after.iter().map(|endpoint| endpoint.label().clone()).collect();
        tracing::info!(target: "painda::redis", ?servers, "the cluster is served by other masters");
        router.observed.tell(RedisEvent::Rerouted { servers });
    }
}

fn labels(endpoints: &[Endpoint]) -> Vec<String> {
    endpoints.iter().map(|endpoint| endpoint.label().to_string()).collect()
}

/// Asks those who are connected first, then everybody who is or was known.
async fn refresh(router: &Router, seeds: &[Endpoint]) -> Option<Topology> {
    for shared in router.all() {
        let commands = shared.commands.lock().clone();
        if let Some(mut commands) = commands
            && let Ok(Ok(topology)) = timeout(ASK_TIMEOUT, ask(&mut commands, &shared.endpoint)).await
        {
            return Some(topology);
        }
    }
    for endpoint in router.endpoints().iter().chain(seeds) {
        if let Ok(mut connection) = connect(endpoint).await
            && let Ok(topology) = ask(&mut connection, endpoint).await
        {
            return Some(topology);
        }
    }
    None
}

async fn connect(endpoint: &Endpoint) -> Result<MultiplexedConnection, AdapterError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let failed = |error| open_error(endpoint.label(), 0, &error);
    let client = Client::open(endpoint.resolve().await?).map_err(failed)?;
    client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)
}

async fn ask(commands: &mut MultiplexedConnection, asked: &Endpoint) -> Result<Topology, AdapterError> {
    let reply = commands.send_packed_command(cmd("CLUSTER").arg("SLOTS")).await;
    let reply = reply.and_then(Value::extract_error).map_err(|error| match command_error(&error) {
        AdapterError::Backend(why) => wrong("cluster", format_args!("{} is no cluster: {why}", asked.label())),
        other => other,
    })?;
    let host = match asked.addr() {
        redis::ConnectionAddr::Tcp(host, _) => host.as_str(),
        redis::ConnectionAddr::TcpTls { host, .. } => host.as_str(),
        _ => "",
    };
    let mut topology = Topology { endpoints: Vec::new(), owners: vec![u16::MAX; SLOTS] };
    for range in slots::ranges(&reply, host) {
        let endpoint = asked.at(&range.host, range.port);
        let known = topology.endpoints.iter().position(|known| known.addr() == endpoint.addr());
        let at = known.unwrap_or_else(|| {
            topology.endpoints.push(endpoint);
            topology.endpoints.len() - 1
        });
        let at = u16::try_from(at).unwrap_or_default();
        topology.owners[usize::from(range.first)..=usize::from(range.last)].fill(at);
    }
    if topology.owners.contains(&u16::MAX) {
        return Err(AdapterError::Unavailable("some of the cluster's slots have no server".into()));
    }
    Ok(topology)
}
