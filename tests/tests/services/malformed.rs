//! Clients that send what they must not: each is told so or shown out, and nobody else notices.

use painda_tests::client::Client;
use painda_tests::frames::{
    DEFLATED, HEADER, Header, JSON, PLAYER_MOVE, SCHEMA, deflated, deflated_json, json_of, player_move,
};
use painda_tests::gather::gather;
use painda_tests::process::Arena;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

/// One who misbehaves, among two who do not.
struct Scene {
    arena: Arena,
    bad: Client,
    one: Client,
    other: Client,
}

impl Scene {
    async fn start() -> Self {
        let arena = Arena::start(None).await;
        let mut bad = Client::connect(&arena.ws_url("arena")).await;
        let mut one = Client::connect(&arena.ws_url("arena")).await;
        let mut other = Client::connect(&arena.ws_url("arena")).await;
        gather(&mut [&mut bad, &mut one, &mut other]).await;
        Self { arena, bad, one, other }
    }

    /// The client that misbehaved is told what was wrong, or shown out.
    async fn refuses(mut self) {
        match self.bad.next_message().await {
            Message::Binary(frame) => is_an_error(&json_of(&frame)),
            Message::Text(text) => is_an_error(&serde_json::from_str(&text).expect("a text message is JSON")),
            Message::Close(Some(close)) => assert_ne!(u16::from(close.code), 1000, "this was not a normal end"),
            message => panic!("expected an error or a close code, and got {message:?}"),
        }
        self.others_talk_on().await;
    }

    /// The client that misbehaved is shown out with this code.
    async fn closes_with(mut self, code: u16) {
        assert_eq!(self.bad.next_close().await, code);
        self.others_talk_on().await;
    }

    /// What comes next is what is sent next: nothing of what was malformed got through.
    async fn others_talk_on(mut self) {
        let (question, answer) = (player_move(1.0, 2.0), player_move(3.0, 4.0));
        self.one.send_binary(question.clone()).await;
        self.other.expect_frame(&question).await;
        self.other.send_binary(answer.clone()).await;
        self.one.expect_frame(&answer).await;
        self.arena.assert_running();
    }
}

fn is_an_error(event: &Value) {
    assert_eq!(event["type"], "__pp_error");
    assert!(event["payload"]["code"].as_str().is_some_and(|code| !code.is_empty()), "it has a code: {event}");
    let message = event["payload"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(' '), "it has a sentence: {event}");
}

/// Sends one binary message, and expects it to be refused.
async fn refused(message: &[u8]) {
    let mut scene = Scene::start().await;
    scene.bad.send_binary(message.to_vec()).await;
    scene.refuses().await;
}

const MOVE: Header = Header::new(SCHEMA, PLAYER_MOVE);

#[tokio::test]
async fn nothing_at_all() {
    refused(&[]).await;
}

#[tokio::test]
async fn a_frame_that_ends_within_its_header() {
    refused(&player_move(1.0, 2.0)[..HEADER - 1]).await;
}

#[tokio::test]
async fn a_frame_that_ends_within_its_payload() {
    refused(&player_move(1.0, 2.0)[..HEADER + 7]).await;
}

#[tokio::test]
async fn a_wrong_magic() {
    refused(&Header { magic: *b"HTTP", ..MOVE }.frame(&[0; 8])).await;
}

#[tokio::test]
async fn a_version_that_does_not_exist() {
    refused(&Header { version: 3, ..MOVE }.frame(&[0; 8])).await;
}

#[tokio::test]
async fn a_type_id_that_nobody_knows() {
    refused(&Header { type_id: 65_000, ..MOVE }.frame(&[0; 8])).await;
}

#[tokio::test]
async fn a_length_that_promises_too_much() {
    refused(&MOVE.frame_of_length(u32::MAX, &[0; 8])).await;
}

#[tokio::test]
async fn a_length_that_promises_too_little() {
    refused(&MOVE.frame_of_length(8, &[0; 9])).await;
}

#[tokio::test]
async fn a_payload_too_short_for_its_event() {
    refused(&MOVE.frame(&[0; 7])).await;
}

/// No mistake: a newer version of the event may have appended fields, which this node does not know.
#[tokio::test]
async fn a_payload_longer_than_its_event_is_read_without_its_tail() {
    let mut scene = Scene::start().await;
    scene.bad.send_binary(MOVE.frame(&[0; 9])).await;
    for other in [&mut scene.one, &mut scene.other] {
        other.expect_frame(&player_move(0.0, 0.0)).await;
    }
    scene.others_talk_on().await;
}

#[tokio::test]
async fn more_than_a_mebibyte() {
    let mut scene = Scene::start().await;
    scene.bad.send_binary_unconfirmed(Header::new(0, JSON).frame(&vec![b' '; 1024 * 1024 + 1])).await;
    scene.closes_with(1009).await;
}

#[tokio::test]
async fn bad_json_in_a_frame() {
    refused(&Header::new(0, JSON).frame(br#"{"type":"chat:say","payload":"#)).await;
}

#[tokio::test]
async fn bad_json_in_a_text_message() {
    let mut scene = Scene::start().await;
    scene.bad.send_text(r#"{"type":"chat:say","payload":"#).await;
    scene.refuses().await;
}

#[tokio::test]
async fn json_without_a_type() {
    refused(&Header::new(0, JSON).frame(br#"{"payload":{"text":"who?"}}"#)).await;
}

#[tokio::test]
async fn json_too_deep_to_parse() {
    refused(&Header::new(0, JSON).frame(&[b'['; 500_000])).await;
}

#[tokio::test]
async fn json_of_an_event_with_a_wrong_field() {
    refused(&Header::new(0, JSON).frame(br#"{"type":"player:move","payload":{"x":"far","y":1}}"#)).await;
}

#[tokio::test]
async fn bad_utf8_in_a_frame() {
    refused(&Header::new(0, JSON).frame(b"{\"type\":\"chat:say\",\"payload\":\"\xff\"}")).await;
}

#[tokio::test]
async fn bad_utf8_in_a_text_message() {
    let mut scene = Scene::start().await;
    scene.bad.send_text_bytes(&b"{\"type\":\"chat:say\",\"payload\":\"\xff\"}"[..]).await;
    scene.closes_with(1007).await;
}

#[tokio::test]
async fn a_compressed_payload_that_is_garbage() {
    refused(&Header::new(SCHEMA | DEFLATED, PLAYER_MOVE).frame(b"this is not zlib")).await;
}

#[tokio::test]
async fn a_compressed_payload_that_ends_too_early() {
    let whole = deflated(&[0; 8]);
    refused(&Header::new(SCHEMA | DEFLATED, PLAYER_MOVE).frame(&whole[..whole.len() / 2])).await;
}

#[tokio::test]
async fn a_compressed_payload_that_explodes() {
    // JSON that is right, and would be relayed if it were 1 MiB shorter: it is refused for its size alone.
    let text = format!(r#"{{"type":"chat:say","payload":"{}"}}"#, "a".repeat(11 * 1024 * 1024));
    let bomb = deflated_json(&text);
    assert!(bomb.len() < 64 * 1024, "a bomb is small before it explodes");
    refused(&bomb).await;
}

#[tokio::test]
async fn one_who_goes_on_misbehaving() {
    let mut scene = Scene::start().await;
    for _ in 0..100 {
        scene.bad.send_binary_unconfirmed(&b"PPNO"[..]).await;
    }
    scene.refuses().await;
}

#[tokio::test]
async fn one_who_leaves_without_a_word() {
    let Scene { arena, bad, one, other } = Scene::start().await;
    drop(bad);
    let bad = Client::connect(&arena.ws_url("arena")).await;
    Scene { arena, bad, one, other }.others_talk_on().await;
}
