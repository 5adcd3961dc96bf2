//! Redis as more than one server: a cluster whose slots move and whose masters die, and a master that sentinels replace.

use std::{collections::HashSet, sync::Arc, time::Duration};

use crate::steady::Steady;
use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::{AdapterError, Published, redis::RedisEvent},
};
use painda_tests::{
    adapter::{healthy, number, reconnected},
    eventually,
    redis::{RedisServer, info_number, text},
    topology::{RedisCluster, Watched, watching},
    within,
};
use tokio::sync::{broadcast, watch};

async fn in_cluster(cluster: &RedisCluster) -> Arc<RedisAdapter> {
    // One seed is enough.
    let seed = cluster.addresses().remove(0);
    let builder = RedisAdapter::builder().cluster([seed]).lease(Duration::from_secs(2));
    Arc::new(within("an adapter to connect", builder.connect()).await.expect("the cluster is there"))
}

/// A node that asks the sentinel.
async fn watched_by(watched: &Watched) -> Arc<RedisAdapter> {
    let builder = RedisAdapter::builder().sentinel(Watched::NAME, [watched.sentinel()]);
    Arc::new(within("an adapter to connect", builder.connect()).await.expect("the sentinel knows the master"))
}

async fn three(cluster: &RedisCluster) -> Vec<Arc<RedisAdapter>> {
    vec![in_cluster(cluster).await, in_cluster(cluster).await, in_cluster(cluster).await]
}

async fn join_rooms(nodes: &[Arc<RedisAdapter>], rooms: u16) {
    for room in 0..rooms {
        for (at, node) in nodes.iter().enumerate() {
            within("a member", node.add_to_room(&format!("r{room}"), &format!("c{at}"))).await.expect("written");
        }
    }
}

async fn all_are_in_rooms(node: &RedisAdapter, rooms: u16) {
    let expected: HashSet<String> = (0..3).map(|at| format!("c{at}")).collect();
    for room in 0..rooms {
        let room = format!("r{room}");
        let complete = async || node.get_clients_in_room(&room).await.is_ok_and(|members| members == expected);
        eventually("everybody to be in a room", complete).await;
    }
}

/// Waits until this many are in a room.
async fn are_in_room(node: &RedisAdapter, room: &str, count: usize) {
    let counted = async || node.get_clients_in_room(room).await.is_ok_and(|members| members.len() == count);
    eventually("a room to have its members", counted).await;
}

async fn nothing_is_left(cluster: &RedisCluster) {
    for server in &cluster.servers {
        // A replica may lag behind.
        if text(&server.ask(&["INFO", "replication"]).await).contains("role:master") {
            server.assert_empty().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_while_messages_flow() {
    let cluster = RedisCluster::start().await;
    let nodes = three(&cluster).await;
    join_rooms(&nodes, 20).await;
    let mut steady = Steady::start(nodes, "room").await;
    let mut rerouted = 0;
    for _ in 0..3 {
        steady.receive_from_each_other().await;
        let owner = cluster.owner_of("pp:ch:room").await;
        cluster.migrate("pp:ch:room", (owner + 1) % 3).await;
        let back = steady.receive_from_each_other().await;
        assert!(back < Duration::from_secs(3), "{back:?}");
        steady.check();
        rerouted += 1;
    }
    // Members move with their slots, and go on changing.
    for room in 0..5 {
        let key = format!("pp:room:r{room}");
        let owner = cluster.owner_of(&key).await;
        cluster.migrate(&key, (owner + 1) % 3).await;
    }
    all_are_in_rooms(&steady.nodes[0], 20).await;
    for room in 0..20 {
        drop(steady.nodes[0].remove_from_room(&format!("r{room}"), "c0"));
    }
    for room in 0..20 {
        are_in_room(&steady.nodes[1], &format!("r{room}"), 2).await;
    }
    // What a moved slot refused was sent again where it belongs: nothing that Redis took is unaccounted for.
    steady.stop().await;
    for node in &steady.nodes {
        let stats = node.stats();
        assert!(stats.redirected > 0, "after {rerouted} moves: {stats:?}");
    }
    for node in &steady.nodes {
        within("the close", node.close()).await.expect("closes");
    }
    nothing_is_left(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_closes_right_after_a_slot_has_moved_leaves_nobody_behind() {
    let cluster = RedisCluster::start().await;
    let node = in_cluster(&cluster).await;
    within("a member", node.add_to_room("r", "c")).await.expect("written");
    let owner = cluster.owner_of("pp:room:r").await;
    cluster.migrate("pp:room:r", (owner + 1) % 3).await;
    within("the close", node.close()).await.expect("closes");
    nothing_is_left(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_closes_right_after_a_server_was_replaced_leaves_nobody_behind() {
    let cluster = RedisCluster::start().await;
    let node = in_cluster(&cluster).await;
    join_rooms(std::slice::from_ref(&node), 20).await;
    cluster.replace(0).await;
    within("the close", node.close()).await.expect("closes");
    nothing_is_left(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_moves_while_a_node_closes() {
    let cluster = RedisCluster::start().await;
    let node = in_cluster(&cluster).await;
    within("a member", node.add_to_room("r", "c")).await.expect("written");
    let owner = cluster.owner_of("pp:room:r").await;
    let migration = cluster.begin_migration("pp:room:r", (owner + 1) % 3).await;
    let closing = node.close();
    // It has been sent on more than once, and has found out that the slot is still where it was.
    let sent_on = |errors: &str| info_number(errors, "errorstat_ASK:count=") >= 3;
    migration.from.until(&["INFO", "errorstats"], sent_on).await;
    migration.end().await;
    within("the close", closing).await.expect("closes");
    nothing_is_left(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_without_one_of_the_masters_leaves_nobody_for_long() {
    let mut cluster = RedisCluster::start().await;
    let (stays, goes) = (in_cluster(&cluster).await, in_cluster(&cluster).await);
    let list = cluster.owner_of("pp:nodes").await;
    let mut room = 0;
    while cluster.owner_of(&format!("pp:room:r{room}")).await == list {
        room += 1;
    }
    let (room, key) = (format!("r{room}"), format!("pp:room:r{room}"));
    within("a member", goes.add_to_room(&room, "c")).await.expect("written");
    let owner = cluster.owner_of(&key).await;
    cluster.servers[owner].kill().await;
    // Well, if the replica was fast: the test does not mind.
    let _ = within("the close", goes.close()).await;
    are_in_room(&stays, &room, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_takes_effect_when_it_is_called() {
    let cluster = RedisCluster::start().await;
    let node = in_cluster(&cluster).await;
    within("a member", node.add_to_room("r", "c")).await.expect("written");
    drop(node.close());
    assert_eq!(node.publish("r", &number(1, 1), None), Err(AdapterError::Closed));
    assert_eq!(node.add_to_room("r", "d").await, Err(AdapterError::Closed));
    within("the close", node.close()).await.expect("closes");
    nothing_is_left(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_fails_over() {
    let mut cluster = RedisCluster::start().await;
    let nodes = three(&cluster).await;
    join_rooms(&nodes, 20).await;
    let mut events = nodes[0].events();
    let mut steady = Steady::start(nodes, "room").await;
    steady.receive_from_each_other().await;
    let owner = cluster.owner_of("pp:ch:room").await;
    cluster.servers[owner].kill().await;
    let rerouted = async { while !matches!(events.recv().await, Ok(RedisEvent::Rerouted { .. })) {} };
    within("the replica to take over", rerouted).await;
    steady.receive_from_each_other().await;
    for node in &steady.nodes {
        healthy(node, true).await;
    }
    all_are_in_rooms(&steady.nodes[0], 20).await;
    steady.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_is_missed_in_a_cluster_as_well() {
    let cluster = RedisCluster::start().await;
    let stays = in_cluster(&cluster).await;
    let mut events = stays.events();
    let dies = in_cluster(&cluster).await;
    for room in 0..20 {
        within("a member", dies.add_to_room(&format!("r{room}"), &format!("c{}", room % 3))).await.expect("written");
    }
    drop(dies);
    let swept = async { while !matches!(events.recv().await, Ok(RedisEvent::Swept { clients: 3, .. })) {} };
    within("the dead node's clients to be removed", swept).await;
    within("the close", stays.close()).await.expect("closes");
    nothing_is_left(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_by_sentinels_is_followed() {
    let mut watched = Watched::start().await;
    let nodes = vec![watched_by(&watched).await, watched_by(&watched).await];
    within("a member", nodes[0].add_to_room("arena", "c0")).await.expect("written");
    let mut steady = Steady::start(nodes, "room").await;
    steady.receive_from_each_other().await;
    steady.count_each_other(&watched.master).await;
    watched.master.kill().await;
    watched.failed_over().await;
    let back = steady.receive_from_each_other().await;
    assert!(back < Duration::from_secs(4), "{back:?}");
    for node in &steady.nodes {
        healthy(node, true).await;
    }
    watched.replica.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c0").await;
    let missed = steady.stop().await;
    for (speaker, node) in steady.nodes.iter().enumerate() {
        let stats = node.stats();
        assert!(stats.possibly_lost > 0, "nobody knows since when it was not the master any more");
        for missed in missed.iter().map(|missed| missed[speaker]) {
            assert!(missed <= stats.possibly_lost + stats.lost_in_flight, "{missed} of {speaker}: {stats:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_paused_and_replaced_is_left() {
    let watched = Watched::start().await;
    let mut steady = Steady::start(vec![watched_by(&watched).await, watched_by(&watched).await], "room").await;
    steady.receive_from_each_other().await;
    watched.master.pause();
    watched.failed_over().await;
    steady.receive_from_each_other().await;
    // The old one comes back and believes for a moment that it is still the master.
    watched.master.resume();
    steady.receive_from_each_other().await;
    for node in &steady.nodes {
        healthy(node, true).await;
    }
    steady.stop().await;
}

/// Waits until something is refused, or no longer.
async fn is_told(events: &mut broadcast::Receiver<RedisEvent>, what: &str, refused: bool) {
    let waiting = async {
        loop {
            match events.recv().await.expect("the adapter lives") {
                RedisEvent::Refused { what: now, .. } if refused && now == what => return,
                RedisEvent::Accepted { what: now, .. } if !refused && now == what => return,
                _ => {}
            }
        }
    };
    within(&format!("{what} to be told"), waiting).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_its_cluster_has_forgotten_is_left() {
    let cluster = RedisCluster::start().await;
    let mut steady = Steady::start(three(&cluster).await, "room").await;
    steady.receive_from_each_other().await;
    let mut events = steady.nodes[0].events();
    let owner = cluster.owner_of("pp:ch:room").await;
    cluster.forget(owner).await;
    is_told(&mut events, "cluster state", true).await;
    let left = async {
        loop {
            if let RedisEvent::Rerouted { servers } = events.recv().await.expect("the adapter lives") {
                return servers;
            }
        }
    };
    let servers = within("the server to be left", left).await;
    let forgotten = cluster.servers[owner].address();
    assert!(!servers.iter().any(|server| server.ends_with(&forgotten)), "{servers:?}");
    steady.receive_from_each_other().await;
    for node in &steady.nodes {
        healthy(node, true).await;
    }
    let missed = steady.stop().await;
    for (speaker, node) in steady.nodes.iter().enumerate() {
        let stats = node.stats();
        for missed in missed.iter().map(|missed| missed[speaker]) {
            assert!(missed <= stats.possibly_lost + stats.lost_in_flight, "{missed} of {speaker}: {stats:?}");
        }
    }
    let counted: u64 = steady.nodes.iter().map(|node| node.stats().possibly_lost).sum();
    assert!(counted > 0, "somebody spoke to it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_down_is_told_until_it_is_back() {
    let cluster = RedisCluster::start().await;
    let node = in_cluster(&cluster).await;
    let mut number = 0;
    while cluster.owner_of(&format!("pp:room:r{number}")).await != 0 {
        number += 1;
    }
    let room = format!("r{number}");
    let mut events = node.events();
    cluster.servers[1..].iter().for_each(RedisServer::pause);
    is_told(&mut events, "cluster state", true).await;
    let says = |error: AdapterError| error.to_string().contains("CLUSTERDOWN");
    let refused = async || node.add_to_room(&room, "c").await.is_err_and(says);
    eventually("the room's server to refuse members", refused).await;
    healthy(&node, false).await;
    cluster.servers[1..].iter().for_each(RedisServer::resume);
    is_told(&mut events, "cluster state", false).await;
    healthy(&node, true).await;
    cluster.servers[0].until(&["SMEMBERS", &format!("pp:room:{room}")], |members| members == "c").await;
    assert_eq!(node.stats().possibly_lost, 0);
}

#[tokio::test]
async fn a_master_that_is_replaced_and_does_not_know_it_is_left() {
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let sentinel = watching(old.port(), 1).await;
    let speaker =
        RedisAdapter::builder().sentinel(Watched::NAME, [sentinel.address()]).connect().await.expect("connects");
    let listener = new.adapter().await;
    let (sender, mut received) = watch::channel(0);
    let callback = move |_: Published<'_>| sender.send_modify(|count| *count += 1);
    within("a subscription", listener.subscribe("room", Arc::new(callback))).await.expect("subscribes");

    sentinel.ask(&["SENTINEL", "REMOVE", Watched::NAME]).await;
    sentinel.ask(&["SENTINEL", "MONITOR", Watched::NAME, "127.0.0.1", &new.port().to_string(), "1"]).await;
    for said in 1..=40 {
        speaker.publish("room", &number(1, said), None).expect("queued");
    }
    reconnected(&speaker, 2).await;
    let counted = speaker.stats().possibly_lost;
    let rest = received.wait_for(|count| count + counted == 40);
    within("all to be received or counted", rest).await.expect("the adapter lives");
    speaker.publish("room", &number(1, 41), None).expect("queued");
    let last = received.wait_for(|count| count + counted == 41);
    within("the last to be received", last).await.expect("the adapter lives");
}

#[tokio::test]
async fn a_sentinel_that_names_a_replica_is_not_believed() {
    let watched = Watched::start().await;
    let mistaken = watched.mistaken_sentinel().await;
    let sentinels = [mistaken.address(), watched.sentinel()];
    let node = RedisAdapter::builder().sentinel(Watched::NAME, sentinels).connect().await.expect("one knows better");
    within("a member", node.add_to_room("arena", "c")).await.expect("written");
    // Nor later on.
    watched.master.ask(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    watched.master.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    reconnected(&node, 2).await;
    within("a member", node.add_to_room("arena", "d")).await.expect("written");
}

#[tokio::test]
async fn sentinels_that_are_not_in_the_settings_are_learned() {
    let mut watched = Watched::start().await;
    let second = watched.another_sentinel(0).await;
    let third = watched.another_sentinel(1).await;
    let node = watched_by(&watched).await;
    // It asks for the others each time that it asks for the master.
    watched.sentinel.kill().await;
    watched.master.kill().await;
    for sentinel in [&second, &third] {
        let port = watched.replica.port().to_string();
        let words = ["SENTINEL", "get-master-addr-by-name", Watched::NAME];
        sentinel.until(&words, |address| address.contains(&port)).await;
    }
    drop(node.add_to_room("arena", "c"));
    watched.replica.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c").await;
    healthy(&node, true).await;
}

#[tokio::test]
async fn settings_that_do_not_fit_are_named() {
    let server = RedisServer::start().await;
    let address = format!("127.0.0.1:{}", server.port());
    let error = |result: Result<RedisAdapter, painda_runtime::adapter::AdapterError>| match result {
        Ok(_) => panic!("connected"),
        Err(error) => error.to_string(),
    };
    let no_cluster = error(RedisAdapter::builder().cluster([&address]).connect().await);
    assert!(no_cluster.contains("cluster: "), "{no_cluster}");
    let no_sentinel = error(RedisAdapter::builder().sentinel("arena", [&address]).connect().await);
    assert!(no_sentinel.contains("sentinel"), "{no_sentinel}");
    let watched = Watched::start().await;
    let other_name = error(RedisAdapter::builder().sentinel("other", [watched.sentinel()]).connect().await);
    assert!(other_name.contains("sentinel: ") && other_name.contains("other"), "{other_name}");
}
