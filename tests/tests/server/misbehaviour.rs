//! Every way to misbehave on the WebSocket itself: the client is shown out with the right code, and nobody else notices.

use std::{net::SocketAddr, time::Duration};

use painda_runtime::{PPServer, server::PPServerBuilder};
use painda_tests::{
    client::Client,
    frames::player_move,
    raw::{BINARY, CLOSE, CONTINUE, FIN, PING, PONG, Raw, TEXT, masked},
    server::{connect, room, start, until},
};
use schemas::Arena;

struct Scene {
    server: PPServer<Arena>,
    addr: SocketAddr,
    one: Client,
    other: Client,
}

impl Scene {
    async fn start(builder: PPServerBuilder<Arena>) -> Self {
        let (server, addr) = start(builder).await;
        Self { server, addr, one: connect(addr).await, other: connect(addr).await }
    }

    /// Those who behave still receive from each other, and nothing else: what reached them before would come first, as emits of one node do.
    async fn others_talk_on(&mut self) {
        let (question, answer) = (player_move(1.0, 2.0), player_move(3.0, 4.0));
        self.one.send_binary(question.clone()).await;
        self.other.expect_frame(&question).await;
        self.other.send_binary(answer.clone()).await;
        self.one.expect_frame(&answer).await;
    }
}

/// Somebody sends these bytes after its handshake, and is closed with this code.
async fn closed_with(code: u16, bytes: Vec<u8>) {
    let mut scene = Scene::start(room()).await;
    let mut bad = Raw::connect(scene.addr).await;
    bad.write(&bytes).await;
    assert_eq!(bad.close_code().await, code);
    scene.others_talk_on().await;
}

#[tokio::test]
async fn reserved_bits() {
    for bit in [0x40, 0x20, 0x10] {
        closed_with(1002, masked(FIN | bit | TEXT, b"{}")).await;
    }
}

#[tokio::test]
async fn reserved_opcodes() {
    for opcode in [3, 7, 11, 15] {
        closed_with(1002, masked(FIN | opcode, b"")).await;
    }
}

#[tokio::test]
async fn a_frame_without_a_mask() {
    closed_with(1002, vec![FIN | TEXT, 2, b'{', b'}']).await;
}

#[tokio::test]
async fn a_control_frame_over_125_bytes() {
    closed_with(1002, masked(FIN | PING, &[0; 126])).await;
}

#[tokio::test]
async fn a_fragmented_control_frame() {
    closed_with(1002, masked(PING, b"half")).await;
}

#[tokio::test]
async fn a_continuation_of_nothing() {
    closed_with(1002, masked(FIN | CONTINUE, b"")).await;
}

#[tokio::test]
async fn a_message_inside_a_fragmented_one() {
    closed_with(1002, [masked(TEXT, b"{"), masked(FIN | TEXT, b"}")].concat()).await;
}

#[tokio::test]
async fn a_frame_of_2_to_the_63_bytes() {
    closed_with(1009, [&[FIN | BINARY, 0xff][..], &(1u64 << 63).to_be_bytes(), &[0; 4]].concat()).await;
}

#[tokio::test]
async fn fragments_that_are_too_large_together() {
    let half = vec![b' '; 600 << 10];
    closed_with(1009, [masked(TEXT, &half), masked(FIN | CONTINUE, &half)].concat()).await;
}

#[tokio::test]
async fn text_that_is_not_utf8() {
    closed_with(1007, masked(FIN | TEXT, &[0xc3, 0x28])).await;
    // Cut within a character, over two fragments.
    closed_with(1007, [masked(TEXT, &[b'"', 0xc3]), masked(FIN | CONTINUE, b"\"")].concat()).await;
}

#[tokio::test]
async fn a_close_frame_with_half_a_code() {
    closed_with(1002, masked(FIN | CLOSE, &[3])).await;
}

#[tokio::test]
async fn fragments_with_a_ping_in_between_are_well_behaved() {
    let mut scene = Scene::start(room()).await;
    let mut good = Raw::connect(scene.addr).await;
    let moved = player_move(5.0, 6.0);
    good.frame(BINARY, &moved[..3]).await;
    good.frame(FIN | PING, b"still there?").await;
    good.frame(CONTINUE, &moved[3..20]).await;
    good.frame(FIN | CONTINUE, &moved[20..]).await;
    assert_eq!(good.next().await, Some((FIN | PONG, b"still there?".to_vec())));
    scene.one.expect_frame(&moved).await;
    scene.other.expect_frame(&moved).await;
    scene.others_talk_on().await;
}

#[tokio::test]
async fn a_flood_of_pings() {
    let mut scene = Scene::start(room().max_messages_per_second(100).max_messages_per_minute(0)).await;
    let mut bad = Raw::connect(scene.addr).await;
    let ping = masked(FIN | PING, b"");
    bad.write(&ping.repeat(1000)).await;
    assert_eq!(bad.close_code().await, 1008);
    scene.others_talk_on().await;
}

#[tokio::test]
async fn a_client_that_sends_too_much_may_still_answer_pings() {
    let scene = Scene::start(room().max_messages_per_second(5).max_messages_per_minute(0)).await;
    let mut busy = Raw::connect(scene.addr).await;
    busy.write(&masked(FIN | BINARY, &player_move(0.0, 0.0)).repeat(50)).await;
    busy.frame(FIN | PING, b"here").await;
    assert!(matches!(busy.next().await, Some((first, _)) if first == FIN | BINARY), "the rate's error");
    assert_eq!(busy.next().await, Some((FIN | PONG, b"here".to_vec())));
}

#[tokio::test]
async fn no_handshake_at_all() {
    let mut scene = Scene::start(room().handshake_timeout(Duration::from_millis(200))).await;
    let mut silent = Raw::open(scene.addr).await;
    let mut halfway = Raw::open(scene.addr).await;
    halfway.write(b"GET / HTTP/1.1\r\nHost:").await;
    silent.ended().await;
    halfway.ended().await;
    scene.others_talk_on().await;
}

#[tokio::test]
async fn half_a_frame_for_ever() {
    let mut scene = Scene::start(
        room().heartbeat(Duration::from_millis(300)).max_messages_per_second(0).max_messages_per_minute(0),
    )
    .await;
    let mut bad = Raw::connect(scene.addr).await;
    bad.write(&masked(FIN | BINARY, &[0; 100])[..50]).await;
    let ended = tokio::spawn(async move { bad.ended().await });
    // The others answer their pings meanwhile.
    while !ended.is_finished() {
        scene.others_talk_on().await;
    }
    scene.others_talk_on().await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings() {
    let scene = Scene::start(room().heartbeat(Duration::from_millis(100))).await;
    let mut dead = Raw::connect(scene.addr).await;
    assert_eq!(dead.next().await, Some((FIN | PING, Vec::new())));
    dead.ended().await;
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let mut scene = Scene::start(room()).await;
    let mut leaver = Raw::connect(scene.addr).await;
    leaver.frame(FIN | CLOSE, &[&4321u16.to_be_bytes()[..], b"bye"].concat()).await;
    assert_eq!(leaver.close_code().await, 4321);
    leaver.ended().await;
    scene.others_talk_on().await;
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_nothing_behind() {
    let mut scene = Scene::start(room()).await;
    let vanishing = Raw::connect(scene.addr).await;
    assert_eq!(scene.server.stats().connections, 3);
    drop(vanishing);
    until(&scene.server, "it to be gone", |server| server.stats().connections == 2).await;
    scene.others_talk_on().await;
}
