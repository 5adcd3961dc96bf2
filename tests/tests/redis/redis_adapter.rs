//! The Redis adapter against real Redis servers, which the tests start, and break.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use painda_runtime::{
    Message, PPAdapter, RedisAdapter,
    adapter::{AdapterError, Callback, redis::WhenFull},
};
use painda_tests::redis::RedisServer;
use tokio::{sync::mpsc, time::timeout};

/// Longer than anything here takes, so that a test that waits in vain ends.
const PATIENCE: Duration = Duration::from_secs(20);

async fn node(server: &RedisServer) -> Arc<RedisAdapter> {
    Arc::new(RedisAdapter::connect(server.url()).await.expect("connects"))
}

fn number(id: u16, number: u64) -> Message {
    Message::event(id, Bytes::copy_from_slice(&number.to_be_bytes()))
}

/// A callback, and what it hears: an event's id and number.
fn ear() -> (Callback, mpsc::UnboundedReceiver<(u16, u64)>) {
    let (sender, heard) = mpsc::unbounded_channel();
    let callback = move |delivery: painda_runtime::adapter::Delivery<'_>| {
        if let Message::Event { id, payload } = &delivery.message {
            let number = u64::from_be_bytes(payload[..].try_into().expect("eight bytes"));
            let _ = sender.send((*id, number));
        }
    };
    (Arc::new(callback), heard)
}

async fn next<T>(heard: &mut mpsc::UnboundedReceiver<T>) -> T {
    timeout(PATIENCE, heard.recv()).await.expect("heard in time").expect("the adapter lives")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_hear_each_other_in_order_and_never_themselves() {
    let server = RedisServer::start().await;
    let (a, b) = (node(&server).await, node(&server).await);
    let ((ear_a, mut heard_a), (ear_b, mut heard_b)) = (ear(), ear());
    a.subscribe("room", ear_a).await.expect("subscribes");
    b.subscribe("room", ear_b).await.expect("subscribes");
    let burst = 5000;
    for count in 0..burst {
        // Every third message is the same on both nodes, byte for byte.
        let same = count % 3 == 0;
        a.publish("room", &number(if same { 9 } else { 1 }, count), None).expect("queued");
        b.publish("room", &number(if same { 9 } else { 2 }, count), None).expect("queued");
    }
    for (other, heard) in [(2, &mut heard_a), (1, &mut heard_b)] {
        let (mut own_order, mut same) = (Vec::new(), Vec::new());
        for _ in 0..burst {
            match next(heard).await {
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
        node.close().await.expect("closes");
        let stats = node.stats();
        assert_eq!((stats.published, stats.received, stats.lost_in_flight), (burst, burst, 0));
    }
    assert!(heard_a.try_recv().is_err() && heard_b.try_recv().is_err(), "nothing is heard twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_and_goes_never_hears_itself() {
    let server = RedisServer::start().await;
    let (steady, fickle) = (node(&server).await, node(&server).await);
    let (ear_steady, mut heard_steady) = ear();
    let (ear_fickle, mut heard_fickle) = ear();
    steady.subscribe("room", ear_steady).await.expect("subscribes");

    let toggles = Arc::new(AtomicU64::new(0));
    let toggling = tokio::spawn({
        let (fickle, toggles) = (fickle.clone(), toggles.clone());
        async move {
            loop {
                let count = toggles.fetch_add(1, Relaxed);
                let subscribed = fickle.subscribe("room", ear_fickle.clone());
                // At times the confirmation is not waited for.
                if !count.is_multiple_of(3) {
                    subscribed.await.expect("subscribes");
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
        for count in total..total + 50 {
            steady.publish("room", &number(1, count), None).expect("queued");
            fickle.publish("room", &number(2, count), None).expect("queued");
        }
        // All of the other's, once, in order; which also keeps the queues short.
        for count in total..total + 50 {
            assert_eq!(next(&mut heard_steady).await, (2, count));
        }
        total += 50;
    }
    toggling.abort();
    fickle.close().await.expect("closes");
    let mut last = None;
    while let Ok((id, count)) = heard_fickle.try_recv() {
        assert_eq!(id, 1, "its own message");
        assert!(last < Some(count), "{count} after {last:?}");
        last = Some(count);
    }
}

#[tokio::test]
async fn an_event_is_eleven_bytes_on_redis() {
    let server = RedisServer::start().await;
    let node = node(&server).await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let client = redis::Client::open(format!("{}/?protocol=resp3", server.url())).expect("a right URL");
    let config = redis::AsyncConnectionConfig::new().set_push_sender(sender);
    let mut raw = client.get_multiplexed_async_connection_with_config(&config).await.expect("connects");
    raw.subscribe("pp:ch:arena").await.expect("subscribes");

    let moved = Message::event(1, Bytes::from_static(&[0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]));
    node.publish("arena", &moved, None).expect("queued");
    node.publish("arena", &moved, Some("0123456789abcdef")).expect("queued");
    let mut payloads = Vec::new();
    while payloads.len() < 2 {
        let push = next(&mut heard).await;
        if push.kind == redis::PushKind::Message {
            payloads.push(redis::from_redis_value::<Vec<u8>>(push.data[1].clone()).expect("bytes"));
        }
    }
    assert_eq!(payloads[0], [0, 0, 1, 0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]);
    assert_eq!(payloads[1].len(), 27);
}

#[tokio::test]
async fn rooms_are_sets_and_a_close_empties_them() {
    let server = RedisServer::start().await;
    let (a, b) = (node(&server).await, node(&server).await);
    a.add_to_room("arena", "c1").await.expect("written");
    a.add_to_room("lobby", "c1").await.expect("written");
    b.add_to_room("arena", "c2").await.expect("written");
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<HashSet<String>>();
    assert_eq!(b.get_clients_in_room("arena").await.expect("answers"), set(&["c1", "c2"]));
    assert_eq!(b.get_client_rooms("c1").await.expect("answers"), set(&["arena", "lobby"]));
    let members: HashSet<String> =
        redis::from_redis_value(server.command(&[b"SMEMBERS", b"pp:room:arena"]).await).expect("names");
    assert_eq!(members, set(&["c1", "c2"]));
    drop(a.remove_from_room("arena", "c1"));
    assert_eq!(a.get_clients_in_room("arena").await.expect("answers"), set(&["c2"]), "own calls are seen at once");
    a.close().await.expect("closes");
    b.close().await.expect("closes");
    assert_eq!(server.command(&[b"DBSIZE"]).await, redis::Value::Int(0));
    assert_eq!(a.publish("arena", &number(1, 1), None), Err(AdapterError::Closed));
    assert_eq!(a.add_to_room("arena", "c1").await, Err(AdapterError::Closed));
}

#[tokio::test]
async fn errors_name_the_setting() {
    let server = RedisServer::start_with(&["--requirepass", "right"]).await;
    let refused = |builder: painda_runtime::adapter::redis::RedisBuilder| async move {
        match builder.host("127.0.0.1").connect().await {
            Ok(_) => panic!("connected"),
            Err(error) => error,
        }
    };
    let builder = || RedisAdapter::builder().port(server.port());
    for (builder, setting) in [
        (builder(), "password: "),
        (builder().password("wrong"), "password: "),
        (builder().username("who").password("right"), "password: "),
        (builder().password("right").db(99), "db: "),
    ] {
        match refused(builder).await {
            AdapterError::Config(what) => assert!(what.starts_with(setting), "{what}"),
            other => panic!("{other:?}"),
        }
    }
    builder().host("127.0.0.1").password("right").db(3).connect().await.expect("connects");
    // Nobody listens on port 1.
    let nobody = refused(RedisAdapter::builder().port(1)).await;
    assert!(matches!(&nobody, AdapterError::Unavailable(why) if why.contains("redis://127.0.0.1:1")), "{nobody:?}");
}

#[tokio::test]
async fn a_full_queue_refuses_or_drops_and_counts() {
    let server = RedisServer::start().await;
    let builder = || RedisAdapter::builder().url(server.url()).queue_bytes(100_000);
    let refusing = builder().connect().await.expect("connects");
    let dropping = builder().when_full(WhenFull::DropOldest).connect().await.expect("connects");
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
    let left = dropping.close().await;
    assert!(matches!(left, Err(AdapterError::Unavailable(_))), "{left:?}");
    let stats = dropping.stats();
    assert_eq!(stats.published + stats.dropped + stats.lost_in_flight, total, "every message is accounted for");
    server.resume();
    refusing.close().await.expect("sends what it has accepted");
    let stats = refusing.stats();
    assert_eq!(stats.published + stats.lost_in_flight, accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_in_one_go() {
    let server = RedisServer::start().await;
    let (a, b) = (node(&server).await, node(&server).await);
    let (ear, mut heard) = ear();
    b.subscribe("room", ear).await.expect("subscribes");
    for count in 0..50_000 {
        a.publish("room", &number(1, count), None).expect("queued");
    }
    for count in 0..50_000 {
        assert_eq!(next(&mut heard).await, (1, count));
    }
}
