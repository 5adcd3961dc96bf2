//! What concerns the whole cluster: emits of every audience, questions and orders, schemas that must agree, TypeScript nodes.

use std::{collections::HashSet, time::Duration};

use painda_runtime::{
    Emitter, Error, PPEvent, PPServer, Schema, Socket,
    adapter::MemoryAdapter,
    schema,
    server::{OnConflict, PPServerBuilder, SchemaFit},
};
use painda_tests::{
    client::Client,
    frames::{player_hit, player_move},
    redis::RedisServer,
    server::{build, close, start},
    within,
};
use schemas::{Arena, PlayerHit, PlayerMove};
use serde_json::json;

/// Clients name the rooms they are in: `?rooms=a,b`.
fn rooms<S: Schema>() -> PPServerBuilder<S> {
    PPServer::<S>::builder().on_connect(async |socket: Socket<S>, handshake| {
        for room in handshake.query("rooms").unwrap_or_default().split(',').filter(|room| !room.is_empty()) {
            socket.join(room).await?;
        }
        Ok(())
    })
}

async fn node(redis: &RedisServer) -> PPServer<Arena> {
    start(rooms().adapter(redis.adapter().await)).await.0
}

async fn client(server: &PPServer<Arena>, rooms: &str) -> Client {
    Client::connect(&format!("ws://{}/?rooms={rooms}", server.local_addr().expect("it listens"))).await
}

fn moved(x: f32) -> PlayerMove {
    PlayerMove { x, y: 0.0 }
}

#[tokio::test]
async fn every_aim_reaches_each_matching_socket_once_on_every_node() {
    let redis = RedisServer::start().await;
    let (left, right) = (node(&redis).await, node(&redis).await);
    let names = ["a", "b", "a,b", "b,c", "", "c"];
    let mut clients = Vec::new();
    for server in [&left, &right] {
        for rooms in names {
            clients.push(client(server, rooms).await);
        }
    }
    let ids = |answer: painda_runtime::server::Answer<Vec<painda_runtime::server::RemoteSocket>>| answer.value;
    let in_a = ids(within("an answer", left.to("a").sockets()).await.expect("right names"));
    assert_eq!(in_a.len(), 4);
    let first_in_a_only = in_a.iter().find(|socket| socket.node == left.node_id() && socket.rooms == ["a"]);
    let first_in_a_only = &first_in_a_only.expect("the first client").id;

    // What each audience reaches, as positions in `names`; the excluded client is the first one of the left node.
    left.to("a").to("b").emit(&moved(1.0)).expect("emitted");
    left.to("a").to("b").except("c").emit(&moved(2.0)).expect("emitted");
    left.everybody().except("b").emit(&moved(3.0)).expect("emitted");
    left.to("a").to("c").except_socket(first_in_a_only).emit(&moved(4.0)).expect("emitted");
    left.everybody().except_socket(first_in_a_only).emit(&moved(5.0)).expect("emitted");
    left.client(first_in_a_only).emit(&moved(6.0)).expect("emitted");
    right.client(first_in_a_only).emit(&moved(7.0)).expect("emitted");
    left.to("a").local().emit(&moved(8.0)).expect("emitted");
    let emitter = Emitter::<Arena>::new(redis.adapter().await);
    emitter.to("a").to("c").except("b").emit(&moved(9.0)).expect("emitted");
    within("the emitter to close", emitter.close()).await.expect("all is sent");
    // Everything before them has come when these have: one Redis hands on what one node publishes in its order, whatever the channel,
    // and the emitter's publishes were answered before these.
    for (server, last) in [(&left, 20.0), (&right, 21.0)] {
        server.broadcast(&moved(last)).expect("emitted");
        server.everybody().except("nobody").emit(&moved(last + 10.0)).expect("emitted");
    }
    let reached: [&[usize]; 10] =
        [&[], &[0, 1, 2, 3], &[0, 1, 2], &[0, 4, 5], &[0, 2, 3, 5], &[0, 1, 2, 3, 4, 5], &[0], &[0], &[0, 2], &[0, 5]];
    for (at, client) in clients.iter_mut().enumerate() {
        let (left_node, place) = (at < names.len(), at % names.len());
        let mut got = Vec::new();
        while ![20.0, 21.0, 30.0, 31.0].iter().all(|last| got.contains(last)) {
            let frame = client.next_frame().await;
            got.push(f32::from_be_bytes(frame[16..20].try_into().expect("an x")));
        }
        got.sort_by(f32::total_cmp);
        let mut expected: Vec<f32> = (1..=9_u8)
            .filter(|emit| match emit {
                4 | 5 if at == 0 => false,
                6..=8 if !left_node => false,
                emit => reached[usize::from(*emit)].contains(&place),
            })
            .map(f32::from)
            .collect();
        expected.extend([20.0, 21.0, 30.0, 31.0]);
        assert_eq!(got, expected, "client {at} in {:?}", names[place]);
    }
    assert!(matches!(left.to("a").to("__pp_x").emit(&moved(0.0)), Err(Error::InvalidName { .. })));
    assert_eq!((left.stats().unreadable, right.stats().unreadable), (0, 0));
}

#[tokio::test]
async fn questions_and_orders_reach_every_node() {
    let redis = RedisServer::start().await;
    let (left, right) = (node(&redis).await, node(&redis).await);
    let (mut here, mut there) = (client(&left, "a").await, client(&right, "a,b").await);

    let mut nodes: Vec<_> =
        within("an answer", left.nodes()).await.value.into_iter().map(|node| (node.id, node.connections)).collect();
    nodes.sort();
    let mut expected = vec![(left.node_id().to_owned(), 1), (right.node_id().to_owned(), 1)];
    expected.sort();
    assert_eq!(nodes, expected);

    let answer = within("an answer", left.to("b").sockets()).await.expect("a right name");
    assert_eq!((answer.unanswered.len(), answer.truncated.len(), answer.value.len()), (0, 0, 1));
    let far = &answer.value[0];
    assert_eq!(far.node, right.node_id());
    assert_eq!(far.rooms, ["a", "b"]);
    assert!(within("an answer", left.members("b")).await.expect("Redis answers").contains(&far.id));
    assert_eq!(within("an answer", left.rooms_of(&far.id)).await.expect("Redis answers").len(), 2);

    assert_eq!(within("an answer", left.to("a").join("c")).await.expect("a right name").value, 2);
    right.to("c").emit(&moved(1.0)).expect("emitted");
    here.expect_frame(&player_move(1.0, 0.0)).await;
    there.expect_frame(&player_move(1.0, 0.0)).await;
    assert_eq!(within("an answer", left.client(&far.id).leave("c")).await.expect("a right name").value, 1);
    right.to("c").emit(&moved(2.0)).expect("emitted");
    here.expect_frame(&player_move(2.0, 0.0)).await;
    // Its own node would have queued the one before for it at once, and so before this.
    left.broadcast(&moved(3.0)).expect("emitted");
    there.expect_frame(&player_move(3.0, 0.0)).await;

    assert_eq!(within("an answer", left.to("b").disconnect(4321, "go")).await.expect("a right name").value, 1);
    assert_eq!(there.next_close().await, 4321);
    assert_eq!(
        within("an answer", left.to("a").local().disconnect(4322, "you too")).await.expect("a right name").value,
        1
    );
    here.expect_frame(&player_move(3.0, 0.0)).await;
    assert_eq!(here.next_close().await, 4322);
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_named() {
    let redis = RedisServer::start().await;
    // Listed among the nodes, and nobody is there.
    redis.ask(&["SADD", "pp:room:__pp_nodes", "ghost"]).await;
    let builder = rooms::<Arena>().ask_timeout(Duration::from_millis(300));
    let (server, _) = start(builder.adapter(redis.adapter().await)).await;
    let _client = client(&server, "a").await;
    let answer = within("an answer", server.to("a").sockets()).await.expect("a right name");
    assert_eq!((answer.value.len(), answer.unanswered), (1, vec!["ghost".to_owned()]));
    // Redis is gone: the nodes that were known are named, and the answer is as quick.
    redis.pause();
    let answer = within("an answer", server.nodes()).await;
    assert_eq!((answer.value.len(), answer.unanswered), (1, vec!["ghost".to_owned()]));
    redis.resume();
}

/// The same, and longer.
#[derive(PPEvent)]
#[pp(event = "player:move", id = 1)]
struct Longer {
    x: f32,
    y: f32,
    #[pp(since = 2, default)]
    z: f32,
}

/// Not the same.
#[derive(PPEvent)]
#[pp(event = "player:move", id = 1)]
struct Different {
    x: f32,
    y: f64,
}

schema! { Newer { Longer } }
schema! { Wrong { Different } }

#[tokio::test]
async fn a_schema_that_contradicts_the_clusters_does_not_start() {
    let bus = MemoryAdapter::new();
    let first = build(rooms::<Arena>().adapter(bus.node())).await;
    assert_eq!(first.schema_fit(), SchemaFit::Alone);
    let same = build(rooms::<Arena>().adapter(bus.node())).await;
    assert_eq!(same.schema_fit(), SchemaFit::Same);
    let newer = build(rooms::<Newer>().adapter(bus.node())).await;
    assert_eq!(newer.schema_fit(), SchemaFit::Mixed, "longer, and without player:hit");
    close(&newer).await;

    let wrong = || rooms::<Wrong>().adapter(bus.node());
    let Err(Error::SchemaConflict { event, field, ours, theirs, .. }) = within("a refusal", wrong().build()).await
    else {
        panic!("a contradiction must be refused");
    };
    assert_eq!((event.as_deref(), field.as_deref()), (Some("player:move"), Some("y")));
    assert_eq!((ours.as_str(), theirs.as_str()), ("y: f64", "y: f32"));
    let warned = build(wrong().on_schema_conflict(OnConflict::Warn)).await;
    assert_eq!(warned.schema_fit(), SchemaFit::Conflicting);

    let emitter = Emitter::<Arena>::new(bus.node());
    let others = within("an answer", emitter.nodes_with_another_schema()).await.expect("the nodes can be listed");
    assert_eq!(others, HashSet::from([warned.node_id().to_owned()]));
    let emitter = Emitter::<Wrong>::new(bus.node());
    let others = within("an answer", emitter.nodes_with_another_schema()).await.expect("the nodes can be listed");
    assert_eq!(others, HashSet::from([first.node_id().to_owned(), same.node_id().to_owned()]));
    assert_eq!(within("an answer", first.nodes()).await.value.len(), 3, "the refused one has left");
}

#[tokio::test]
async fn an_event_that_a_nodes_schema_lacks_is_passed_over_and_counted() {
    let redis = RedisServer::start().await;
    let first = node(&redis).await;
    let (second, addr) = start(rooms::<Newer>().adapter(redis.adapter().await)).await;
    let mut member = Client::connect(&format!("ws://{addr}/?rooms=a")).await;

    first.to("a").emit(&PlayerHit { attacker: 1, target: 2, damage: 3 }).expect("emitted");
    first.to("a").emit(&moved(1.0)).expect("emitted");
    member.expect_frame(&player_move(1.0, 0.0)).await;
    assert_eq!(second.stats().unknown_events, 1);
}

#[tokio::test]
async fn what_another_node_says_is_json_before_clients_receive_it() {
    let redis = RedisServer::start().await;
    let server = node(&redis).await;
    let mut member = client(&server, "a").await;
    let named = |payload: &[u8]| [b"\0\0\0\0\x08chat:say", payload].concat();
    let emit_to = |payload: &[u8]| [b"\0\0\0\0\x07__pp_to\0\x01\x01a\0\0\0\0\0\0", &named(payload)[..]].concat();
    let remote = |payload: &[u8]| {
        let before = br#"{"rooms":["a"],"type":"chat:say","emitPayload":"#;
        [b"\0\0\0\0\x10__pp_remote_emit", &before[..], payload, b"}"].concat()
    };
    let wrong: [&[u8]; 5] = [b"", b"{\"a\":", b"nul", b"1 2", b"\"\xff\""];
    for payload in wrong {
        redis.publish("pp:ch:a", &named(payload)).await;
        redis.publish("pp:ch:__pp_cluster", &emit_to(payload)).await;
        redis.publish("pp:ch:__pp_broadcast", &remote(payload)).await;
    }
    redis.publish("pp:ch:a", &named(b"1")).await;
    redis.publish("pp:ch:__pp_cluster", &emit_to(b"{\"two\": 2}")).await;
    redis.publish("pp:ch:__pp_broadcast", &remote(b"[3]")).await;
    for payload in [json!(1), json!({ "two": 2 }), json!([3])] {
        assert_eq!(member.next_json().await, json!({ "type": "chat:say", "payload": payload }));
    }
    assert_eq!(server.stats().unreadable, 3 * wrong.len() as u64);
}

#[tokio::test]
async fn nodes_of_the_typescript_implementation_take_part() {
    let redis = RedisServer::start().await;
    let builder = |present| rooms::<Arena>().typescript_nodes(present);
    let (left, _) = start(builder(true).adapter(redis.adapter().await)).await;
    let (right, _) = start(builder(false).adapter(redis.adapter().await)).await;
    let (mut in_a, mut in_both) = (client(&left, "a").await, client(&right, "a,b").await);

    let remote_emit = |payload: serde_json::Value| {
        let mut message = b"\0\0\0\0\x10__pp_remote_emit".to_vec();
        message.extend_from_slice(payload.to_string().as_bytes());
        message
    };
    let said = |rooms: serde_json::Value, except: &[&str], exclude: serde_json::Value, x: f32| {
        remote_emit(json!({
            "rooms": rooms, "exceptRooms": except, "excludeId": exclude, "type": "player:move", "emitPayload": { "x": x, "y": 0 }
        }))
    };
    let far = within("an answer", left.to("b").sockets()).await.expect("a right name").value.remove(0).id;
    for message in [
        said(json!(["a", "b"]), &[], json!(null), 1.0),
        said(json!(["a"]), &["b"], json!(null), 2.0),
        said(json!(["a"]), &[], json!(far), 3.0),
        said(json!(null), &[], json!(null), 4.0),
        remote_emit(
            json!({ "rooms": null, "exceptRooms": [], "excludeId": null, "type": "player:move", "emitPayload": 7 }),
        ),
        said(json!([]), &[], json!(null), 5.0),
        said(json!(null), &[], json!(null), 6.0),
    ] {
        redis.publish("pp:ch:__pp_broadcast", &message).await;
    }
    for x in [1.0, 2.0, 3.0, 4.0, 6.0] {
        in_a.expect_frame(&player_move(x, 0.0)).await;
    }
    for x in [1.0, 4.0, 6.0] {
        in_both.expect_frame(&player_move(x, 0.0)).await;
    }
    assert_eq!(right.stats().unreadable, 1, "what does not fit the event is counted and passed over");

    let mut tap = redis.tap().await;
    left.to("a").to("b").except("c").emit(&PlayerHit { attacker: 1, target: 2, damage: -3 }).expect("emitted");
    let message = tap.next_on("pp:ch:__pp_broadcast").await;
    let head = remote_emit(json!(""));
    let emit: serde_json::Value =
        serde_json::from_slice(message.strip_prefix(&head[..head.len() - 2]).expect("their message")).expect("JSON");
    assert_eq!(emit["rooms"], json!(["a", "b"]));
    assert_eq!(emit["exceptRooms"], json!(["c"]));
    assert_eq!(emit["excludeId"], json!(null));
    assert_eq!(emit["type"], "player:hit");
    assert_eq!(emit["emitPayload"], json!({ "attacker": 1, "target": 2, "damage": -3 }));
    // Our own nodes received both messages, and delivered one. The marker is the same node's, so that it comes after them everywhere.
    left.broadcast(&moved(9.0)).expect("emitted");
    for client in [&mut in_a, &mut in_both] {
        client.expect_frame(&player_hit(1, 2, -3)).await;
        client.expect_frame(&player_move(9.0, 0.0)).await;
    }
}
