//! Two nodes, one Redis: what arrives where, and in which bytes.

use painda_tests::client::Client;
use painda_tests::cluster::Cluster;
use painda_tests::frames::{HEADER, Header, PLAYER_HIT, SCHEMA, hex, json_event, player_hit, player_move};
use painda_tests::gather::gather;
use painda_tests::process::Referee;
use rustix::process::Signal;
use serde_json::json;

/// Two clients in one room on the left node, and two on the right.
async fn clients(cluster: &Cluster, room: &str) -> [Client; 4] {
    let (left, right) = (cluster.left.ws_url(room), cluster.right.ws_url(room));
    let mut clients = [
        Client::connect(&left).await,
        Client::connect(&left).await,
        Client::connect(&right).await,
        Client::connect(&right).await,
    ];
    gather(&mut clients.each_mut()).await;
    clients
}

#[tokio::test]
async fn a_move_reaches_everybody_else_in_the_room_as_the_exact_frame() {
    let cluster = Cluster::start().await;
    let [mut sender, mut neighbour, mut far, mut farther] = clients(&cluster, "arena").await;

    sender.send_binary(player_move(1.5, 2.5)).await;
    for other in [&mut neighbour, &mut far, &mut farther] {
        assert_eq!(hex(&other.next_frame().await), "50504e440002000800000008000100003fc0000040200000");
    }

    // Whatever might have come back to the sender would have come before this answer: Redis keeps the order of one channel.
    let answer = player_move(-1.0, -1.0);
    far.send_binary(answer.clone()).await;
    sender.expect_frame(&answer).await;
    // Nor did the others get it twice.
    neighbour.expect_frame(&answer).await;
    farther.expect_frame(&answer).await;
}

#[tokio::test]
async fn a_move_is_one_message_of_27_bytes_on_the_rooms_channel() {
    let cluster = Cluster::start().await;
    let [mut sender, mut neighbour, mut far, _] = clients(&cluster, "arena").await;
    let mut tap = cluster.redis.tap().await;
    let mut monitor = cluster.redis.monitor().await;

    sender.send_binary(player_move(1.5, 2.5)).await;
    far.next_frame().await;
    far.send_binary(player_move(-1.0, -1.0)).await;

    let message = tap.next_on("pp:ch:arena").await;
    let (exclude, rest) = message.split_at(17);
    assert_eq!(message.len(), 27);
    assert_eq!(exclude[0], 16, "the sender is excluded by an id of 16 bytes");
    assert!(exclude[1..].is_ascii(), "the excluded id is text");
    assert_eq!(hex(rest), "00013fc0000040200000");

    // The answer follows at once: the move was one message.
    let answer = tap.next_on("pp:ch:arena").await;
    assert_eq!(hex(&answer[17..]), "0001bf800000bf800000");
    assert_ne!(answer[..17], message[..17], "two senders have two ids");

    // Each was one command, too.
    for bytes in [r"?\xc0", r"\xbf\x80"] {
        let command = monitor.next_with(&["pp:ch:arena"]).await;
        assert!(command.contains(r#""PUBLISH""#) && command.contains(bytes), "this is not the PUBLISH: {command}");
    }
    neighbour.expect_frame(&player_move(1.5, 2.5)).await;
}

#[tokio::test]
async fn a_hit_reaches_everybody_on_every_node() {
    let cluster = Cluster::start().await;
    let mut everybody = clients(&cluster, "arena").await;
    let mut elsewhere = Client::connect(&cluster.right.ws_url("elsewhere")).await;
    let mut beside = Client::connect(&cluster.left.ws_url("elsewhere")).await;
    gather(&mut [&mut elsewhere, &mut beside]).await;

    // The second hit shows that the first was delivered once.
    for hit in [player_hit(7, u32::MAX, -12), player_hit(8, 0, i16::MAX)] {
        everybody[0].send_binary(hit.clone()).await;
        for client in everybody.iter_mut().chain([&mut elsewhere, &mut beside]) {
            client.expect_frame(&hit).await;
        }
    }
}

#[tokio::test]
async fn the_referees_events_reach_every_node() {
    let cluster = Cluster::start().await;
    let [mut left, _, mut right, _] = clients(&cluster, "arena").await;

    let _referee = Referee::start(&cluster.redis.url());
    let hit = left.next_frame().await;
    assert_eq!(hex(&hit[..HEADER]), hex(&Header::new(SCHEMA, PLAYER_HIT).frame(&[0; 10])[..HEADER]));
    assert_eq!(hit.len(), HEADER + 10);
    right.expect_frame(&hit).await;
}

#[tokio::test]
async fn json_is_relayed_as_json() {
    let cluster = Cluster::start().await;
    let [mut sender, mut neighbour, mut far, mut farther] = clients(&cluster, "arena").await;
    let said = json!({ "text": "grüß dich 🐼", "n": [1, 2.5, null, { "deep": true }] });
    let event = json!({ "type": "chat:say", "payload": said });

    // In a frame, and as bare JSON in a text message: the others cannot tell the difference.
    sender.send_binary(json_event("chat:say", said)).await;
    sender.send_text(&event.to_string()).await;
    for other in [&mut neighbour, &mut far, &mut farther] {
        assert_eq!(other.next_json().await, event);
        assert_eq!(other.next_json().await, event);
    }

    // Nothing came back to the sender: the answer follows on the same channel.
    let answer = player_move(-1.0, -1.0);
    far.send_binary(answer.clone()).await;
    sender.expect_frame(&answer).await;
}

#[tokio::test]
async fn a_move_sent_as_json_reaches_the_typed_handler() {
    let cluster = Cluster::start().await;
    let [mut sender, mut neighbour, mut far, _] = clients(&cluster, "arena").await;

    sender.send_text(r#"{"type":"player:move","payload":{"x":1.5,"y":2.5}}"#).await;
    neighbour.expect_frame(&player_move(1.5, 2.5)).await;
    far.expect_frame(&player_move(1.5, 2.5)).await;
}

#[tokio::test]
async fn a_room_does_not_receive_what_another_does() {
    let cluster = Cluster::start().await;
    let [mut red, mut near_red, mut far_red, _] = clients(&cluster, "red").await;
    let [mut blue, mut near_blue, mut far_blue, _] = clients(&cluster, "blue").await;

    red.send_binary(player_move(1.0, 0.0)).await;
    near_red.expect_frame(&player_move(1.0, 0.0)).await;
    far_red.expect_frame(&player_move(1.0, 0.0)).await;

    // What the same node emits later comes later, also on another channel, so that a red move would come first.
    blue.send_binary(player_move(0.0, 1.0)).await;
    near_blue.expect_frame(&player_move(0.0, 1.0)).await;
    far_blue.expect_frame(&player_move(0.0, 1.0)).await;
}

#[tokio::test]
async fn a_node_closes_its_connections_on_sigterm() {
    closes_its_connections_on(Signal::TERM).await;
}

#[tokio::test]
async fn a_node_closes_its_connections_on_sigint() {
    closes_its_connections_on(Signal::INT).await;
}

async fn closes_its_connections_on(signal: Signal) {
    let mut cluster = Cluster::start().await;
    let [mut left, mut neighbour, mut right, mut other] = clients(&cluster, "arena").await;

    cluster.left.signal(signal);
    for client in [&mut left, &mut neighbour] {
        let shutdown = client.next_json().await;
        assert_eq!(shutdown["type"], "__pp_shutdown");
        assert!(shutdown["payload"]["reason"].is_string(), "it says why: {shutdown}");
        assert!(shutdown["payload"]["timeoutMs"].is_u64(), "it says how much time is left: {shutdown}");
        assert_eq!(client.next_close().await, 1001);
    }
    let status = cluster.left.wait().await;
    assert_eq!(status.code(), Some(0), "a node that was asked to end has not failed: {status:?}");

    right.send_binary(player_move(1.0, 2.0)).await;
    other.expect_frame(&player_move(1.0, 2.0)).await;
}
