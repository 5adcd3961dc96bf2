//! Nodes that die, that only seem to, and that come and go: what is left of them in Redis.

use std::time::{Duration, Instant};

use painda_runtime::{PPAdapter, RedisAdapter, adapter::redis::RedisEvent};
use painda_tests::{
    adapter::healthy, client::Client, cluster::Cluster, gather::gather, logs::Logs, redis::RedisServer, within,
};
use redis::Value;
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};
use tracing_subscriber::filter::LevelFilter;

/// What the default settings promise.
const GONE: Duration = Duration::from_secs(15);

async fn joined(cluster: &Cluster) -> (Client, Client) {
    let mut here = Client::connect(&cluster.left.ws_url("arena")).await;
    let mut there = Client::connect(&cluster.right.ws_url("arena")).await;
    gather(&mut [&mut here, &mut there]).await;
    cluster.redis.until(&["SCARD", "pp:room:arena"], |count| count == "2").await;
    (here, there)
}

#[tokio::test]
async fn the_members_of_a_killed_node_are_gone_within_fifteen_seconds() {
    let mut cluster = Cluster::start().await;
    let (_here, _there) = joined(&cluster).await;
    cluster.left.kill9().await;
    let killed = Instant::now();
    cluster.redis.until(&["SCARD", "pp:room:arena"], |count| count == "1").await;
    cluster.redis.until(&["SCARD", "pp:room:__pp_nodes"], |count| count == "1").await;
    assert!(killed.elapsed() < GONE, "{:?}", killed.elapsed());
    cluster.redis.until(&["SCARD", "pp:nodes"], |count| count == "1").await;

    // Once the other one has closed as well, nothing is left.
    cluster.right.sigterm();
    cluster.right.wait().await;
    cluster.redis.assert_empty().await;
}

#[tokio::test]
async fn a_node_that_is_paused_for_twenty_seconds_takes_its_members_back() {
    let cluster = Cluster::start().await;
    let (mut here, mut there) = joined(&cluster).await;
    cluster.left.pause();
    let paused = Instant::now();
    cluster.redis.until(&["SCARD", "pp:room:arena"], |count| count == "1").await;
    assert!(paused.elapsed() < GONE, "{:?}", paused.elapsed());
    sleep(Duration::from_secs(20).saturating_sub(paused.elapsed())).await;
    cluster.left.resume();
    cluster.redis.until(&["SCARD", "pp:room:arena"], |count| count == "2").await;
    cluster.redis.until(&["SCARD", "pp:room:__pp_nodes"], |count| count == "2").await;
    gather(&mut [&mut here, &mut there]).await;
}

async fn connect(server: &RedisServer) -> RedisAdapter {
    connect_for(server, Duration::from_millis(600)).await
}

async fn connect_for(server: &RedisServer, lease: Duration) -> RedisAdapter {
    let builder = RedisAdapter::builder().url(server.url()).lease(lease);
    within("an adapter to connect", builder.connect()).await.expect("connects")
}

/// Adds a client to a room.
async fn add(node: &RedisAdapter, room: &str, client: &str) {
    within("a member", node.add_to_room(room, client)).await.expect("written");
}

/// How many clients are in a room.
async fn count(node: &RedisAdapter, room: &str) -> usize {
    within("the members", node.get_clients_in_room(room)).await.expect("answers").len()
}

async fn close(node: &RedisAdapter) {
    within("the close", node.close()).await.expect("closes");
}

async fn swept(events: &mut broadcast::Receiver<RedisEvent>) -> u64 {
    let sweeping = async {
        loop {
            if let RedisEvent::Swept { clients, .. } = events.recv().await.expect("the adapter lives") {
                return clients;
            }
        }
    };
    within("a dead node to be missed", sweeping).await
}

#[tokio::test]
async fn an_adapter_that_is_dropped_without_a_close_leaves_nothing_for_long() {
    let server = RedisServer::start().await;
    let stays = connect(&server).await;
    add(&stays, "arena", "stays").await;
    let mut events = stays.events();
    let goes = connect(&server).await;
    for client in 0..300 {
        drop(goes.add_to_room("arena", &format!("c{client}")));
    }
    add(&goes, "lobby", "c0").await;
    assert_eq!(count(&stays, "arena").await, 301);
    drop(goes);
    assert_eq!(swept(&mut events).await, 300);
    assert_eq!(stays.stats().swept_clients, 300);
    assert_eq!(count(&stays, "arena").await, 1);
    assert_eq!(count(&stays, "lobby").await, 0);
    close(&stays).await;
    server.assert_empty().await;
}

#[tokio::test]
async fn what_a_close_could_not_remove_is_gone_soon() {
    let server = RedisServer::start().await;
    let mut monitor = server.monitor().await;
    let goes = connect(&server).await;
    // Everything is written again after the second beat; by the third one that is over.
    for _ in 0..3 {
        monitor.next_with(&["SADD", "pp:nodes"]).await;
    }
    let stays = connect(&server).await;
    let mut events = stays.events();
    // More than Redis is told in one write.
    for client in 0..1000 {
        drop(goes.add_to_room("arena", &format!("c{client}")));
    }
    add(&goes, "lobby", "c0").await;
    server.pause();
    let left = within("the close", goes.close()).await.expect_err("Redis does not answer");
    assert!(left.to_string().contains("members"), "{left}");
    server.resume();
    assert_eq!(swept(&mut events).await, 1000);
    assert_eq!(count(&stays, "arena").await, 0);
    close(&stays).await;
    server.assert_empty().await;
}

#[tokio::test]
async fn a_close_waits_for_a_server_that_takes_no_writes_for_now() {
    let server = RedisServer::start().await;
    let node = connect(&server).await;
    add(&node, "arena", "c").await;
    server.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    server.ask(&["CONFIG", "RESETSTAT"]).await;
    let closing = node.close();
    server.until(&["INFO", "errorstats"], |errors| errors.contains("errorstat_NOREPLICAS")).await;
    server.ask(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    within("the close", closing).await.expect("closes");
    server.assert_empty().await;
}

#[tokio::test]
async fn a_close_waits_for_a_replica_to_be_promoted() {
    let server = RedisServer::start().await;
    let node = connect(&server).await;
    add(&node, "arena", "c").await;
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
    healthy(&node, false).await;
    let closing = node.close();
    server.ask(&["REPLICAOF", "NO", "ONE"]).await;
    within("the close", closing).await.expect("closes");
    server.assert_empty().await;
}

#[tokio::test]
async fn the_next_node_after_a_whole_cluster_has_died_cleans_up() {
    let server = RedisServer::start().await;
    for client in ["a", "b"] {
        let dies = connect(&server).await;
        add(&dies, "arena", client).await;
    }
    let comes = connect(&server).await;
    let mut events = comes.events();
    assert_eq!(swept(&mut events).await, 1);
    assert_eq!(swept(&mut events).await, 1);
    assert_eq!(server.ask(&["EXISTS", "pp:room:arena"]).await, Value::Int(0));
}

/// Waits for an event that nothing may come before, but for what happens to connections.
async fn first_of(events: &mut broadcast::Receiver<RedisEvent>, expected: RedisEvent) {
    let waiting = async {
        loop {
            match events.recv().await.expect("the adapter lives") {
                RedisEvent::Lost { .. } | RedisEvent::Restored { .. } => {}
                event => return event,
            }
        }
    };
    assert_eq!(within("the node to notice", waiting).await, expected);
}

async fn is_written(server: &RedisServer) {
    server.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c1").await;
    server.until(&["SMEMBERS", "pp:client:c1:rooms"], |rooms| rooms == "arena").await;
}

#[tokio::test]
async fn what_redis_has_forgotten_is_written_again() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    let node = connect_for(&server, Duration::from_secs(2)).await;
    add(&node, "arena", "c1").await;
    let mut events = node.events();
    let mut monitor = server.monitor().await;
    for times in 1..=2 {
        // It has found everything as it should be.
        for _ in 0..3 {
            monitor.next_with(&["SADD", "pp:nodes"]).await;
        }
        server.ask(&["FLUSHALL"]).await;
        first_of(&mut events, RedisEvent::Forgotten).await;
        is_written(&server).await;
        assert_eq!((node.stats().forgotten, node.stats().leases_lost), (times, 0));
    }
    assert_eq!(log.with(&["Redis has forgotten this node"]).len(), 2);
    assert!(log.with(&["no contact"]).is_empty(), "it was Redis, not the node");
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_within_the_lease_is_not_taken_for_an_absence() {
    let mut server = RedisServer::start().await;
    let node = connect_for(&server, Duration::from_secs(20)).await;
    add(&node, "arena", "c1").await;
    let mut events = node.events();
    server.kill().await;
    server.restart().await;
    first_of(&mut events, RedisEvent::Forgotten).await;
    is_written(&server).await;
    assert_eq!(node.stats().leases_lost, 0);
}

#[tokio::test]
async fn a_node_without_contact_for_longer_than_its_lease_says_so() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    let node = connect(&server).await;
    add(&node, "arena", "c1").await;
    let mut events = node.events();
    let lost = async {
        // What has been sent to it a paused Redis finds when it goes on; if that renews the lease, nothing was lost.
        loop {
            server.pause();
            sleep(Duration::from_secs(1)).await;
            server.resume();
            match timeout(Duration::from_secs(1), events.recv()).await {
                Ok(event) => return event.expect("the adapter lives"),
                Err(_) => continue,
            }
        }
    };
    assert_eq!(within("the node to notice", lost).await, RedisEvent::LeaseLost);
    is_written(&server).await;
    assert_eq!((node.stats().forgotten, node.stats().leases_lost), (0, 1));
    assert_eq!(log.with(&["no contact with Redis"]).len(), 1);
}
