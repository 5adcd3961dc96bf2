//! Who is the master: a Redis that is demoted in place takes publishes without an error, and its connections stay. What a node does
//! when it talks to the wrong server, and when the right one takes no writes for now.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::steady::{Steady, counted_each_other};
use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::{
        AdapterError, Published,
        redis::{RedisBuilder, RedisEvent},
    },
};
use painda_tests::{
    adapter::{degraded, healthy, number},
    eventually,
    redis::RedisServer,
    relay::Relay,
    within,
};

/// What a server that dies at that moment has answered and not yet passed on, as in `redis_outages`.
const ANSWERED: u64 = 20;

fn builder(url: String) -> RedisBuilder {
    RedisAdapter::builder().url(url).lease(Duration::from_secs(2))
}

async fn node(url: String) -> Arc<RedisAdapter> {
    Arc::new(within("a node", builder(url).connect()).await.expect("connects"))
}

/// Makes a server a replica of a port where nobody may be.
async fn demote(server: &RedisServer, port: u16) {
    server.ask(&["REPLICAOF", "127.0.0.1", &port.to_string()]).await;
}

async fn promote(server: &RedisServer) {
    server.ask(&["REPLICAOF", "NO", "ONE"]).await;
}

/// Counts what a node receives in a room.
async fn count(node: &RedisAdapter, room: &str) -> Arc<AtomicU64> {
    let received = Arc::new(AtomicU64::new(0));
    let counter = received.clone();
    let callback = move |_: Published<'_>| {
        counter.fetch_add(1, Relaxed);
    };
    within("a subscription", node.subscribe(room, Arc::new(callback))).await.expect("subscribes");
    received
}

async fn reaches(what: &str, wanted: u64, now: impl Fn() -> u64) {
    eventually(what, async || now() >= wanted).await;
    assert_eq!(now(), wanted, "{what}");
}

#[tokio::test]
async fn forty_messages_to_a_demoted_primary_arrive_or_are_counted() {
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let name = Relay::to(old.port()).await;
    let speaker = node(name.url()).await;
    let listener = node(new.url()).await;
    let received = count(&listener, "room").await;
    let mut events = speaker.events();

    demote(&old, new.port()).await;
    name.point_to(new.port());
    for said in 1..=40 {
        speaker.publish("room", &number(1, said), None).expect("queued");
    }
    degraded(&speaker, &["not the master"]).await;
    healthy(&speaker, true).await;
    reaches("all to be received or counted", 40, || received.load(Relaxed) + speaker.stats().possibly_lost).await;
    let counted = speaker.stats().possibly_lost;
    while let Ok(event) = events.try_recv() {
        if let RedisEvent::PossiblyLost { count, server } = event {
            assert_eq!((count, server), (counted, name.url().into()));
        }
    }

    for said in 41..=80 {
        speaker.publish("room", &number(1, said), None).expect("queued");
    }
    reaches("all to be received", 80 - counted, || received.load(Relaxed)).await;
    assert_eq!(speaker.stats().possibly_lost, counted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_by_name_is_followed_while_everybody_talks() {
    let old = RedisServer::start().await;
    let port = old.port().to_string();
    let new = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]).await;
    new.until(&["INFO", "replication"], |info| info.contains("master_link_status:up")).await;
    let name = Relay::to(old.port()).await;
    let nodes = vec![node(name.url()).await, node(name.url()).await, node(name.url()).await];
    within("a member", nodes[0].add_to_room("arena", "c")).await.expect("written");
    let mut steady = Steady::start(nodes, "room").await;
    steady.receive_from_each_other().await;
    steady.count_each_other(&old).await;

    promote(&new).await;
    demote(&old, new.port()).await;
    name.point_to(new.port());
    new.until(&["PUBSUB", "NUMSUB", "pp:present"], |present| present.ends_with('3')).await;
    steady.receive_from_each_other().await;
    for node in &steady.nodes {
        healthy(node, true).await;
        assert_eq!(node.stats().reconnects, 2, "both connections, once");
    }
    new.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c").await;
    let missed = steady.stop().await;
    for (speaker, node) in steady.nodes.iter().enumerate() {
        let stats = node.stats();
        for (listener, missed) in missed.iter().enumerate() {
            let most = stats.possibly_lost + stats.lost_in_flight + ANSWERED;
            assert!(missed[speaker] <= most, "{listener} missed {} of {speaker}: {stats:?}", missed[speaker]);
        }
    }
    let counted: u64 = steady.nodes.iter().map(|node| node.stats().possibly_lost).sum();
    assert!(counted > 0, "somebody spoke to the old one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_have_come_to_different_servers_find_together() {
    // The name is pointed elsewhere while the old server is still a master, as when one moves to another Redis.
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let name = Relay::to(old.port()).await;
    let mut steady = Steady::start(vec![node(name.url()).await, node(name.url()).await], "room").await;
    steady.receive_from_each_other().await;
    name.point_to(new.port());
    old.ask(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    new.until(&["PUBSUB", "NUMSUB", "pp:present"], |present| present.ends_with('2')).await;
    steady.receive_from_each_other().await;
    for node in &steady.nodes {
        healthy(node, true).await;
    }
    steady.check();
}

#[tokio::test]
async fn a_replica_in_place_is_degraded_until_it_is_promoted() {
    let server = RedisServer::start().await;
    let (speaker, listener) = (node(server.url()).await, node(server.url()).await);
    let received = count(&listener, "room").await;
    // They wait for each other.
    counted_each_other(&server, 2).await;
    demote(&server, 1).await;
    for node in [&speaker, &listener] {
        degraded(node, &["not the master"]).await;
    }
    // Now that it is known, what is said waits.
    for said in 1..=40 {
        speaker.publish("room", &number(1, said), None).expect("queued");
    }
    let late = within("a refusal", speaker.add_to_room("arena", "c")).await;
    assert!(matches!(&late, Err(AdapterError::Unavailable(why)) if why.contains("not the master")), "{late:?}");
    let refused = within("a refusal", builder(server.url()).connect()).await.expect_err("it is a replica");
    assert!(matches!(&refused, AdapterError::Unavailable(why) if why.contains("replica")), "{refused}");

    promote(&server).await;
    for node in [&speaker, &listener] {
        healthy(node, true).await;
    }
    reaches("all to be received", 40, || received.load(Relaxed)).await;
    server.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c").await;
    assert_eq!(speaker.stats().possibly_lost, 0, "nothing was said in between");
}

#[tokio::test]
async fn a_server_that_hides_its_role_is_known_by_what_it_refuses() {
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let name = Relay::to(old.port()).await;
    name.hide_roles();
    let speaker = node(name.url()).await;
    let listener = node(new.url()).await;
    let received = count(&listener, "room").await;
    demote(&old, new.port()).await;
    name.point_to(new.port());
    for said in 1..=40 {
        speaker.publish("room", &number(1, said), None).expect("queued");
    }
    degraded(&speaker, &["not the master", "READONLY"]).await;
    healthy(&speaker, true).await;
    reaches("all to be received or counted", 40, || received.load(Relaxed) + speaker.stats().possibly_lost).await;
}

#[tokio::test]
async fn a_server_that_takes_no_writes_for_now_is_kept_and_the_reason_shown() {
    let server = RedisServer::start_with(&["--repl-diskless-sync-delay", "0"]).await;
    let node = node(server.url()).await;
    let mut events = node.events();
    // Redis can't save any more.
    std::fs::remove_dir_all(server.directory()).expect("a directory of ours");
    let ask = async |words: &str| drop(server.ask(&words.split(' ').collect::<Vec<_>>()).await);
    for (code, begin, end) in [
        ("NOREPLICAS", &["CONFIG SET min-replicas-to-write 1"][..], "CONFIG SET min-replicas-to-write 0"),
        ("OOM", &["CONFIG SET maxmemory 1"], "CONFIG SET maxmemory 0"),
        ("MISCONF", &["CONFIG SET save 3600|1", "BGSAVE"], "CONFIG SET stop-writes-on-bgsave-error no"),
    ] {
        for command in begin {
            let words: Vec<String> = command.split(' ').map(|word| word.replace('|', " ")).collect();
            server.ask(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        let reason = degraded(&node, &[code]).await;
        assert!(reason.starts_with("writes: "), "{reason}");
        let client = format!("c{code}");
        let late = within("a refusal", node.add_to_room("arena", &client)).await;
        assert!(matches!(&late, Err(AdapterError::Unavailable(why)) if why.contains(code)), "{late:?}");
        // It goes on carrying messages.
        let published = node.stats().published;
        node.publish("room", &number(1, 1), None).expect("queued");
        reaches("a publish to be taken", published + 1, || node.stats().published).await;

        ask(end).await;
        healthy(&node, true).await;
        server.until(&["SMEMBERS", "pp:room:arena"], |members| members.contains(&client)).await;
    }
    let stats = node.stats();
    assert_eq!((stats.reconnects, stats.possibly_lost, stats.rejected), (0, 0, 0), "{stats:?}");
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event {
            RedisEvent::Refused { what, error, .. } => told.push(format!("{what}: {error}")),
            RedisEvent::Accepted { what, .. } => told.push(format!("{what} again")),
            _ => {}
        }
    }
    let codes: Vec<bool> = told.iter().map(|told| told.contains("again")).collect();
    assert_eq!(codes, [false, true, false, true, false, true], "{told:?}");
}

#[tokio::test]
async fn a_server_that_loads_its_data_takes_messages_and_later_the_rest() {
    // So slowly that somebody sees it.
    let slow =
        ["--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no"];
    let mut server = RedisServer::start_with(&slow).await;
    let node = node(server.url()).await;
    let fill = "for i = 1, 300 do redis.call('SET', 'filler:' .. i, string.rep('x', 2000)) end";
    server.ask(&["EVAL", fill, "0"]).await;
    server.ask(&["SAVE"]).await;
    server.kill().await;
    let meanwhile = async {
        degraded(&node, &["writes: ", "LOADING"]).await;
        drop(node.add_to_room("arena", "c"));
        let published = node.stats().published;
        node.publish("room", &number(1, 1), None).expect("queued");
        reaches("a publish to be taken", published + 1, || node.stats().published).await;
    };
    tokio::join!(server.restart(), meanwhile);
    healthy(&node, true).await;
    server.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c").await;
}

#[tokio::test]
async fn what_a_server_does_not_take_while_a_script_runs_is_sent_again() {
    let server = RedisServer::start_with(&["--busy-reply-threshold", "50"]).await;
    let (speaker, listener) = (node(server.url()).await, node(server.url()).await);
    let received = count(&listener, "room").await;
    let client = redis::Client::open(server.url()).expect("our own address is well-formed");
    let connecting = client.get_multiplexed_async_connection();
    let mut scripts = within("a connection", connecting).await.expect("our own Redis lets us in");
    let script = tokio::spawn(async move {
        let endless = redis::cmd("EVAL").arg("while true do end").arg(0).query_async::<()>(&mut scripts).await;
        endless.expect_err("it is killed");
    });
    degraded(&speaker, &["BUSY"]).await;
    for said in 1..=40 {
        speaker.publish("room", &number(1, said), None).expect("queued");
    }
    eventually("some attempts", async || speaker.stats().refusals >= 5).await;
    server.ask(&["SCRIPT", "KILL"]).await;
    within("the script to end", script).await.expect("it ends");
    for node in [&speaker, &listener] {
        healthy(node, true).await;
    }
    reaches("all to be received", 40, || received.load(Relaxed)).await;
    let stats = speaker.stats();
    assert_eq!((stats.rejected, stats.lost_in_flight, stats.reconnects), (0, 0, 0), "{stats:?}");
}
