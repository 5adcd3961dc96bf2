//! The Redis adapter against real Redis servers, which the tests start, and break.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use painda_runtime::{
    Message, PPAdapter, RedisAdapter,
    adapter::{
        AdapterError, Callback,
        redis::{RedisBuilder, WhenFull},
    },
};
use painda_tests::{
    adapter::{Subscriber, number, number_of},
    redis::RedisServer,
    within,
};

async fn node(server: &RedisServer) -> Arc<RedisAdapter> {
    Arc::new(server.adapter().await)
}

async fn subscribe(node: &RedisAdapter, room: &str, callback: Callback) {
    within("a subscription", node.subscribe(room, callback)).await.expect("subscribes");
}

async fn close(node: &RedisAdapter) {
    within("the close", node.close()).await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_receive_from_each_other_in_order_and_never_from_themselves() {
    let server = RedisServer::start().await;
    let (a, b) = (node(&server).await, node(&server).await);
    let ((mut received_a, callback_a), (mut received_b, callback_b)) = (Subscriber::new(), Subscriber::new());
    subscribe(&a, "room", callback_a).await;
    subscribe(&b, "room", callback_b).await;
    let burst = 5000;
    for count in 0..burst {
        // Every third message is the same on both nodes, byte for byte.
        let same = count % 3 == 0;
        a.publish("room", &number(if same { 9 } else { 1 }, count), None).expect("queued");
        b.publish("room", &number(if same { 9 } else { 2 }, count), None).expect("queued");
    }
    for (other, received) in [(2, &mut received_a), (1, &mut received_b)] {
        let (mut own_order, mut same) = (Vec::new(), Vec::new());
        for _ in 0..burst {
            match received.next_number().await {
                (9, count) => same.push(count),
                (id, count) if id == other => own_order.push(count),
                (id, count) => panic!("its own message {id}:{count}"),
            }
        }
        // Which of two equal messages is dropped can't be told, so their place is that of either.
        same.sort_unstable();
        let (third, rest): (Vec<u64>, Vec<u64>) = (0..burst).partition(|count| count % 3 == 0);
        assert_eq!((own_order, same), (rest, third));
    }
    for node in [&a, &b] {
        close(node).await;
        let stats = node.stats();
        // A node counts what it hands to subscriptions, and after its close it hands over nothing.
        assert_eq!((stats.published, stats.received, stats.lost_in_flight), (burst, burst, 0));
    }
    assert!(received_a.rest().is_empty() && received_b.rest().is_empty(), "nothing is received twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_and_goes_never_receives_its_own() {
    let server = RedisServer::start().await;
    let (steady, fickle) = (node(&server).await, node(&server).await);
    let (mut received_steady, callback_steady) = Subscriber::new();
    let (mut received_fickle, callback_fickle) = Subscriber::new();
    subscribe(&steady, "room", callback_steady).await;

    let toggles = Arc::new(AtomicU64::new(0));
    let toggling = tokio::spawn({
        let (fickle, toggles) = (fickle.clone(), toggles.clone());
        async move {
            loop {
                let count = toggles.fetch_add(1, Relaxed);
                let subscribed = fickle.subscribe("room", callback_fickle.clone());
                // At times the confirmation is not waited for.
                if !count.is_multiple_of(3) {
                    within("a subscription", subscribed).await.expect("subscribes");
                }
                if !count.is_multiple_of(5) {
                    tokio::task::yield_now().await;
                }
                drop(fickle.unsubscribe("room"));
            }
        }
    });
    let mut total = 0;
    while toggles.load(Relaxed) < 500 {
        assert!(!toggling.is_finished(), "a subscription failed");
        for count in total..total + 50 {
            steady.publish("room", &number(1, count), None).expect("queued");
            fickle.publish("room", &number(2, count), None).expect("queued");
        }
        // All of the other's, once, in order; which also keeps the queues short.
        for count in total..total + 50 {
            assert_eq!(received_steady.next_number().await, (2, count));
        }
        total += 50;
    }
    toggling.abort();
    close(&fickle).await;
    let mut last = None;
    for (id, count) in received_fickle.rest().iter().map(number_of) {
        assert_eq!(id, 1, "its own message");
        assert!(last < Some(count), "{count} after {last:?}");
        last = Some(count);
    }
}

#[tokio::test]
async fn an_event_is_eleven_bytes_on_redis() {
    let server = RedisServer::start().await;
    let node = node(&server).await;
    let mut tap = server.tap().await;
    let moved = Message::event(1, Bytes::from_static(&[0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]));
    node.publish("arena", &moved, None).expect("queued");
    node.publish("arena", &moved, Some("0123456789abcdef")).expect("queued");
    assert_eq!(tap.next_on("pp:ch:arena").await, [0, 0, 1, 0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]);
    assert_eq!(tap.next_on("pp:ch:arena").await.len(), 27);
}

#[tokio::test]
async fn rooms_are_sets_and_a_close_empties_them() {
    let server = RedisServer::start().await;
    let (a, b) = (node(&server).await, node(&server).await);
    for (node, room, client) in [(&a, "arena", "c1"), (&a, "lobby", "c1"), (&b, "arena", "c2")] {
        within("a member", node.add_to_room(room, client)).await.expect("written");
    }
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<HashSet<String>>();
    let members = async |node: &RedisAdapter| within("the members", node.get_clients_in_room("arena")).await;
    assert_eq!(members(&b).await, Ok(set(&["c1", "c2"])));
    assert_eq!(within("the rooms", b.get_client_rooms("c1")).await, Ok(set(&["arena", "lobby"])));
    let stored = server.command(&[b"SMEMBERS", b"pp:room:arena"]).await;
    assert_eq!(redis::from_redis_value::<HashSet<String>>(stored).expect("names"), set(&["c1", "c2"]));
    drop(a.remove_from_room("arena", "c1"));
    assert_eq!(members(&a).await, Ok(set(&["c2"])), "own calls are seen at once");
    close(&a).await;
    close(&b).await;
    server.assert_empty().await;
    assert_eq!(a.publish("arena", &number(1, 1), None), Err(AdapterError::Closed));
    assert_eq!(within("a refusal", a.add_to_room("arena", "c1")).await, Err(AdapterError::Closed));
}

#[tokio::test]
async fn errors_name_the_setting() {
    let server = RedisServer::start_with(&["--requirepass", "right"]).await;
    let refused = |builder: RedisBuilder| async move {
        match within("a refusal", builder.host("127.0.0.1").connect()).await {
            Ok(_) => panic!("connected"),
            Err(error) => error,
        }
    };
    let builder = || RedisAdapter::builder().port(server.port());
    for (builder, setting) in [
        (builder(), "password"),
        (builder().password("wrong"), "password"),
        (builder().username("who").password("right"), "password"),
        (builder().password("right").db(99), "db"),
    ] {
        match refused(builder).await {
            AdapterError::Config { setting: named, .. } => assert_eq!(named, setting),
            other => panic!("{other:?}"),
        }
    }
    let right = builder().host("127.0.0.1").password("right").db(3).connect();
    within("an adapter to connect", right).await.expect("connects");
    // Nobody listens on port 1.
    let nobody = refused(RedisAdapter::builder().port(1)).await;
    assert!(matches!(&nobody, AdapterError::Unavailable(why) if why.contains("redis://127.0.0.1:1")), "{nobody:?}");
}

#[tokio::test]
async fn a_full_queue_refuses_or_drops_and_counts() {
    let server = RedisServer::start().await;
    let builder = || RedisAdapter::builder().url(server.url()).queue_bytes(100_000);
    let connect =
        async |builder: RedisBuilder| within("an adapter to connect", builder.connect()).await.expect("connects");
    let (refusing, dropping) = (connect(builder()).await, connect(builder().when_full(WhenFull::DropOldest)).await);
    server.pause();
    let total = 10_000_u64;
    let mut accepted = 0;
    for count in 0..total {
        dropping.publish("room", &number(1, count), None).expect("takes the place of the oldest");
        match refusing.publish("room", &number(1, count), None) {
            Ok(()) => accepted += 1,
            Err(AdapterError::QueueFull { limit }) => assert_eq!(limit, 100_000),
            Err(other) => panic!("{other}"),
        }
    }
    let stats = refusing.stats();
    assert!(accepted >= 1000 && stats.queued_bytes <= 100_000, "{accepted} accepted, {stats:?}");
    assert_eq!((stats.refused, stats.dropped), (total - accepted, 0));
    let stats = dropping.stats();
    assert!(stats.dropped > 0 && stats.refused == 0 && stats.queued_bytes <= 100_000, "{stats:?}");
    let left = within("the close", dropping.close()).await;
    assert!(matches!(left, Err(AdapterError::Unavailable(_))), "{left:?}");
    let stats = dropping.stats();
    assert_eq!(stats.published + stats.dropped + stats.lost_in_flight, total, "every message is accounted for");
    server.resume();
    within("the close", refusing.close()).await.expect("sends what it has accepted");
    let stats = refusing.stats();
    assert_eq!(stats.published + stats.lost_in_flight, accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_in_one_go() {
    let server = RedisServer::start().await;
    let (a, b) = (node(&server).await, node(&server).await);
    let (mut received, callback) = Subscriber::new();
    subscribe(&b, "room", callback).await;
    for count in 0..50_000 {
        a.publish("room", &number(1, count), None).expect("queued");
    }
    for count in 0..50_000 {
        assert_eq!(received.next_number().await, (1, count));
    }
}
