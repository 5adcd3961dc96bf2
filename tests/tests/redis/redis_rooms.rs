//! Rooms on Redis: a message goes only where it is wanted, and rooms that come and go leave nothing behind.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use painda_runtime::{PPAdapter, PPServer, RedisAdapter, Socket, server::Handshake};
use painda_tests::{
    client::Client,
    frames::player_move,
    redis::{RedisServer, text},
    server::{close, start},
    within,
};
use schemas::{Arena, PlayerMove};
use tokio::task::JoinSet;

async fn node(redis: &RedisServer) -> (PPServer<Arena>, Arc<RedisAdapter>) {
    let adapter = Arc::new(redis.adapter().await);
    let builder = PPServer::<Arena>::builder().room_linger(Duration::from_millis(200)).adapter(adapter.clone());
    let builder = builder.on_connect(async |socket: Socket<Arena>, handshake: Handshake| {
        socket.join(&handshake.query("room").unwrap_or_default()).await
    });
    (start(builder).await.0, adapter)
}

async fn client(server: &PPServer<Arena>, room: &str) -> Client {
    Client::connect(&format!("ws://{}/?room={room}", server.local_addr().expect("it listens"))).await
}

#[tokio::test]
async fn a_rooms_messages_reach_only_nodes_with_members() {
    let redis = RedisServer::start().await;
    let ((one, _), (two, received_by_two), (three, received_by_three)) =
        (node(&redis).await, node(&redis).await, node(&redis).await);
    let (_here, mut there, mut elsewhere) =
        (client(&one, "red").await, client(&two, "red").await, client(&three, "blue").await);
    let mut monitor = redis.monitor().await;
    let before = [&received_by_two, &received_by_three].map(|adapter| adapter.stats().received);

    for x in 0..100_u8 {
        one.to("red").emit(&PlayerMove { x: f32::from(x), y: 0.0 }).expect("emitted");
        there.expect_frame(&player_move(f32::from(x), 0.0)).await;
    }
    one.to("blue").emit(&PlayerMove { x: 1.0, y: 0.0 }).expect("emitted");
    elsewhere.expect_frame(&player_move(1.0, 0.0)).await;
    let after = [&received_by_two, &received_by_three].map(|adapter| adapter.stats().received);
    assert_eq!([after[0] - before[0], after[1] - before[1]], [100, 1], "each node receives what it has members for");

    // One command each, of the room's channel and 11 bytes: 3 and two floats.
    for _ in 0..100 {
        let line = monitor.next_with(&["PUBLISH", "pp:ch:"]).await;
        assert!(line.contains(r#""pp:ch:red" "\x00\x00\x01"#), "{line}");
    }
    assert!(monitor.next_with(&["PUBLISH", "pp:ch:"]).await.contains(r#""pp:ch:blue""#));
    assert_eq!(text(&redis.ask(&["PUBSUB", "NUMSUB", "pp:ch:red", "pp:ch:blue"]).await), "pp:ch:red 2 pp:ch:blue 1");
}

/// Five thousand rooms, joined and left at random, for `PAINDA_CHURN_SECONDS` (by default 6; a minute is what is asked for before
/// a release).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_rooms_that_come_and_go_leave_nothing() {
    let seconds = std::env::var("PAINDA_CHURN_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let redis = RedisServer::start().await;
    let nodes = [node(&redis).await, node(&redis).await];
    let set = |names: &str| names.split(' ').map(str::to_owned).collect::<HashSet<String>>();
    let keys = text(&redis.ask(&["DBSIZE"]).await);
    let channels = set(&text(&redis.ask(&["PUBSUB", "CHANNELS"]).await));

    let end = Instant::now() + Duration::from_secs(seconds);
    let mut clients = JoinSet::new();
    for at in 0..8_u64 {
        let adapter = nodes[(at % 2) as usize].1.clone();
        clients.spawn(async move {
            // The same in every run.
            let mut dice = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(at + 1);
            let mut roll = move |sides: u64| {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                dice % sides
            };
            let (client, mut inside) = (format!("client-{at}"), HashSet::new());
            let mut changes = 0_u64;
            while Instant::now() < end {
                let room = roll(5000);
                let name = format!("room-{room}");
                if inside.remove(&room) {
                    let _ = within("an unsubscription", adapter.unsubscribe(&name)).await;
                    drop(adapter.remove_from_room(&name, &client));
                } else {
                    inside.insert(room);
                    drop(adapter.subscribe(&name, Arc::new(|_| {})));
                    within("a member", adapter.add_to_room(&name, &client)).await.expect("written");
                }
                changes += 1;
            }
            for room in inside {
                let name = format!("room-{room}");
                drop(adapter.unsubscribe(&name));
                drop(adapter.remove_from_room(&name, &client));
            }
            changes
        });
    }
    let changes: u64 = clients.join_all().await.into_iter().sum();
    assert!(changes > 1000, "only {changes} changes");
    redis.until(&["DBSIZE"], |now| now == keys).await;
    redis.until(&["PUBSUB", "CHANNELS"], |now| set(now) == channels).await;
    for (server, adapter) in &nodes {
        assert_eq!(adapter.stats().last_error, None);
        close(server).await;
    }
    redis.assert_empty().await;
}
