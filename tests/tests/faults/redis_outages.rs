//! Three nodes talk all the time, and Redis goes away in every way that it can: nothing is received twice, what was queued is
//! delivered, what was lost is counted, and everybody receives from everybody within two seconds of Redis' return.

use std::{sync::Arc, time::Duration};

use crate::steady::Steady;
use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::{
        AdapterError,
        redis::{RedisConnection, RedisEvent, RedisStats},
    },
};
use painda_tests::{
    adapter::{Subscriber, degraded, healthy, number},
    eventually,
    redis::RedisServer,
    relay::Relay,
    within,
};
use tokio::time::sleep;

/// What remote delivery may take after Redis is back.
const BACK: Duration = Duration::from_secs(2);

async fn node(server: &RedisServer) -> Arc<RedisAdapter> {
    Arc::new(server.adapter().await)
}

async fn three(server: &RedisServer) -> Steady {
    let mut steady = Steady::start(vec![node(server).await, node(server).await, node(server).await], "room").await;
    steady.count_each_other(server).await;
    steady
}

/// What Redis has answered, but not yet passed on to everybody, when it is stopped or killed: one batch of each node, of a
/// number every two milliseconds.
const ANSWERED: u64 = 20;

/// All that was said is published, or counted as lost; what others have missed is no more than that, and what was answered last.
async fn all_is_accounted_for(steady: &mut Steady) {
    let missed = steady.stop().await;
    for (speaker, node) in steady.nodes.iter().enumerate() {
        let RedisStats { published, dropped, lost_in_flight, refused, rejected, .. } = node.stats();
        assert_eq!(steady.said(speaker), published + lost_in_flight, "node {speaker}");
        assert_eq!((dropped, refused, rejected), (0, 0, 0));
        for (listener, missed) in missed.iter().enumerate() {
            let missed = missed[speaker];
            let most = lost_in_flight + ANSWERED;
            assert!(missed <= most, "{listener} missed {missed} of {speaker}, who lost {lost_in_flight}");
        }
    }
}

async fn pause(length: Duration) {
    let server = RedisServer::start().await;
    let mut steady = three(&server).await;
    steady.receive_from_each_other().await;
    server.pause();
    sleep(length).await;
    for node in &steady.nodes {
        healthy(node, false).await;
    }
    server.resume();
    let back = steady.receive_more(1).await;
    assert!(back < BACK, "{back:?}");
    all_is_accounted_for(&mut steady).await;
    assert!(steady.nodes.iter().all(|node| node.stats().lost_in_flight > 0), "what was in flight got no answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_paused_for_five_seconds() {
    pause(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_away_for_thirty_seconds() {
    pause(Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_comes_back_empty() {
    let mut server = RedisServer::start().await;
    let mut steady = three(&server).await;
    for name in ["c1", "c2"] {
        within("a member", steady.nodes[0].add_to_room("arena", name)).await.expect("written");
    }
    let mut events = steady.nodes[0].events();
    server.kill().await;
    for node in &steady.nodes {
        healthy(node, false).await;
    }
    let late = steady.nodes[0].add_to_room("arena", "c3");
    assert!(
        matches!(within("a refusal", late).await, Err(AdapterError::Unavailable(_))),
        "known to be down: said at once"
    );
    let late = steady.nodes[0].subscribe("late", Arc::new(|_| {}));
    assert!(
        matches!(within("a refusal", late).await, Err(AdapterError::Unavailable(_))),
        "known to be down: said at once"
    );

    server.restart().await;
    let back = steady.receive_more(1).await;
    assert!(back < BACK, "{back:?}");
    for node in &steady.nodes {
        healthy(node, true).await;
        assert!(node.stats().reconnects >= 2);
        assert!(node.stats().subscription_down > Duration::ZERO);
    }
    // What was asked for during the outage followed by itself: this waits for it.
    steady.nodes[0].add_to_room("arena", "c4").await.expect("written");
    assert_eq!(
        server.ask(&["SCARD", "pp:room:arena"]).await,
        redis::Value::Int(4),
        "an empty Redis has got everybody back"
    );
    all_is_accounted_for(&mut steady).await;
    use RedisConnection::{Publishing, Subscribing};
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event {
            RedisEvent::Lost { connection, .. } => told.push(("lost", connection)),
            RedisEvent::Restored { connection, .. } => told.push(("restored", connection)),
            _ => {}
        }
    }
    for expected in ["lost", "restored"].into_iter().flat_map(|what| [(what, Publishing), (what, Subscribing)]) {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_cut() {
    let server = RedisServer::start().await;
    let mut steady = three(&server).await;
    for kind in ["pubsub", "normal", "pubsub", "normal"] {
        steady.receive_from_each_other().await;
        let before = steady.nodes[0].stats().reconnects;
        server.ask(&["CLIENT", "KILL", "TYPE", kind]).await;
        let back = steady.receive_from_each_other().await;
        assert!(back < BACK, "{kind}: {back:?}");
        eventually("a reconnect", async || steady.nodes[0].stats().reconnects > before).await;
        steady.check();
    }
    steady.stop().await;
    for node in &steady.nodes {
        let stats = node.stats();
        assert!(stats.subscription_down > Duration::ZERO, "the time in which nothing could be received is known");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_acl_refuses_is_told_counted_and_tried_again() {
    let server = RedisServer::start().await;
    server
        .ask(&[
            "ACL",
            "SETUSER",
            "node",
            "on",
            ">secret",
            "+@all",
            "~pp:*",
            "resetchannels",
            "&pp:probe:*",
            "&pp:ch:open",
        ])
        .await;
    let url = format!("redis://node:secret@127.0.0.1:{}", server.port());
    let node = within("a node", RedisAdapter::connect(url)).await.expect("connects");
    let (mut subscriber, callback) = Subscriber::new();
    let closed = within("a refusal", node.subscribe("closed", callback)).await;
    assert!(
        matches!(&closed, Err(AdapterError::Backend(why)) if why.contains("NOPERM") || why.contains("permissions")),
        "{closed:?}"
    );
    within("a subscription", node.subscribe("open", Arc::new(|_| {}))).await.expect("this one is allowed");
    node.publish("closed", &number(1, 1), None).expect("queued");
    node.publish("open", &number(1, 2), None).expect("queued");
    let counted = async || (node.stats().published, node.stats().rejected) == (1, 1);
    eventually("one to be published and one to be rejected", counted).await;
    assert!(node.stats().last_error.is_some_and(|error| error.contains("NOPERM") || error.contains("permissions")));
    // Once it is allowed, the subscription follows by itself.
    server.ask(&["ACL", "SETUSER", "node", "allchannels"]).await;
    server.until(&["PUBSUB", "NUMSUB", "pp:ch:closed"], |subscribed| subscribed.ends_with('1')).await;
    let other = self::node(&server).await;
    other.publish("closed", &number(2, 1), None).expect("queued");
    assert_eq!(subscriber.next_number().await, (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_receives_nothing_is_found_and_made_again() {
    let server = RedisServer::start().await;
    let relay = Relay::to(server.port()).await;
    let cut_off = within("a node", RedisAdapter::connect(relay.url())).await.expect("connects");
    let mut steady = Steady::start(vec![Arc::new(cut_off), node(&server).await], "room").await;
    steady.receive_from_each_other().await;
    relay.lose_messages(true);
    degraded(&steady.nodes[0], &["own probe"]).await;
    assert_eq!(steady.nodes[0].stats().probe_timeouts, 1);
    relay.lose_messages(false);
    steady.receive_from_each_other().await;
    healthy(&steady.nodes[0], true).await;
    steady.stop().await;
}
