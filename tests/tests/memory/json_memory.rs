//! JSON costs its length: at most four times the text, whatever becomes of it, beside the text itself.

use std::fmt::Write as _;

use painda_runtime::{
    PPEvent, PPServer, PPType, schema,
    server::{Incoming, PPServerBuilder, Socket},
};
use painda_tests::{
    frames::{HEADER, Header, SCHEMA, deflated_json},
    heap,
    raw::{BINARY, FIN, Raw, TEXT},
    server::start,
};
use serde_json::Value;
use tokio::sync::MutexGuard;

use crate::ALONE;

/// How much text a message may have.
const MAX: usize = 10 << 20;
/// How much it has, but where that was the bug.
const LEN: usize = 2 << 20;
/// What does not grow with the text.
const SLACK: usize = 1 << 20;

/// Points that somebody has drawn.
#[derive(Debug, PPEvent)]
#[pp(event = "points:drawn", id = 1)]
struct PointsDrawn {
    points: Vec<Point>,
}

/// One of them.
#[derive(Debug, PPType)]
struct Point {
    x: f32,
    y: f32,
}

/// Which points are chosen: a byte each, and a hundred as JSON.
#[derive(Debug, PPEvent)]
#[pp(event = "points:chosen", id = 2)]
struct PointsChosen {
    points: Vec<Chosen>,
}

/// Whether one of them is.
#[derive(Clone, Debug, PPType)]
struct Chosen {
    is_among_the_points_that_the_user_has_chosen_with_the_pointer_or_with_the_keyboard_a_moment_ago: bool,
}

schema! {
    /// What is drawn.
    Drawing { PointsDrawn, PointsChosen }
}

struct Scene {
    server: PPServer<Drawing>,
    sender: Raw,
    /// Asked for JSON, and does not read yet.
    member: Raw,
    _alone: MutexGuard<'static, ()>,
}

/// Everybody receives in JSON what somebody else sends.
fn builder() -> PPServerBuilder<Drawing> {
    let builder =
        PPServer::<Drawing>::builder().max_message(MAX).max_inflated(MAX).queue_limit(8 * MAX).queue_burst(8 * MAX);
    let builder = builder.max_bytes_per_second(0);
    builder.on_connect(async |socket: Socket<Drawing>, _| {
        socket.join("all").await?;
        socket.on(async |socket, drawn: PointsDrawn| socket.to("all").emit(&drawn));
        socket.on_json("note", async |socket: Socket<Drawing>, note: Value| socket.to("all").emit_json("note", &note));
        Ok(())
    })
}

impl Scene {
    async fn start(builder: PPServerBuilder<Drawing>) -> Self {
        let alone = ALONE.lock().await;
        let (server, addr) = start(builder).await;
        let sender = Raw::connect(addr).await;
        let (member, _) = Raw::handshake(addr, "Sec-WebSocket-Protocol: pp.json\r\n").await;
        Self { server, sender, member, _alone: alone }
    }

    /// Sends the text in a compressed frame: the node holds no more than four times the text, beside the text itself. Returns
    /// the errors that the sender is told.
    async fn costs_its_length(&mut self, text: String) -> Vec<Value> {
        let most = 5 * text.len() + SLACK;
        self.costs(text, most).await
    }

    /// The same: the node holds no more than this many bytes until it has dealt with it.
    async fn costs(&mut self, text: String, most: usize) -> Vec<Value> {
        let len = text.len();
        let frame = deflated_json(&text);
        drop(text);
        let (errors, peak) = heap::peak(async {
            self.sender.frame(FIN | BINARY, &frame).await;
            // Messages are handled one after another: once this one is refused, that one has been dealt with.
            self.sender.frame(FIN | TEXT, br#"{"type":"__pp_over"}"#).await;
            let mut errors = Vec::new();
            loop {
                let (_, frame) = self.sender.next().await.expect("it stays open");
                let error: Value = serde_json::from_slice(&frame[HEADER..]).expect("JSON");
                if error["payload"]["code"] == "RESERVED_NAME" {
                    return errors;
                }
                errors.push(error);
            }
        })
        .await;
        assert!(peak <= most, "{peak} bytes for {len} of text");
        errors
    }

    /// The same, and the sender is told this.
    async fn is_refused(&mut self, text: String, code: &str, message: &str) {
        let errors = self.costs_its_length(text).await;
        let [error] = &errors[..] else { panic!("it is told one thing, not {errors:?}") };
        assert_eq!(
            (error["payload"]["code"].as_str(), error["payload"]["message"].as_str()),
            (Some(code), Some(message))
        );
    }

    /// The same, and the member receives the event.
    async fn arrives(&mut self, text: String) {
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(self.costs_its_length(text).await, [] as [Value; 0]);
        let (_, received) = self.member.next().await.expect("it stays open");
        assert!(serde_json::from_slice::<Value>(&received).expect("JSON") == expected, "another event is received");
    }
}

/// `{"type", "payload"}` of just `len` bytes: the pieces with commas in between, and what stands before and behind them.
fn message(len: usize, name: &str, before: &str, piece: &str, behind: &str) -> String {
    let mut text = format!("{{\"type\":\"{name}\",\"payload\":{before}{piece}");
    text.reserve(len);
    while text.len() + piece.len() + behind.len() + 2 <= len {
        write!(text, ",{piece}").expect("a string grows");
    }
    text.push_str(behind);
    text.push('}');
    text
}

/// The smallest objects, of which 10 MiB are 15 kB when compressed.
#[tokio::test]
async fn small_objects_for_a_type_that_nobody_handles() {
    let mut scene = Scene::start(builder()).await;
    let told = scene.costs_its_length(message(MAX, "nobody", "[", "{\"a\":0}", "]")).await;
    assert_eq!((told.len(), scene.server.stats().unhandled), (0, 1));
}

#[tokio::test]
async fn small_objects_for_a_typed_event() {
    let mut scene = Scene::start(builder()).await;
    scene.arrives(message(LEN, "points:drawn", "{\"points\":[", "{\"x\":0.5,\"y\":1.5}", "]}")).await;
}

#[tokio::test]
async fn small_objects_in_a_field_that_nobody_knows() {
    let mut scene = Scene::start(builder()).await;
    let text = message(LEN, "points:drawn", "{\"points\":[],\"unknown\":[", "{\"a\":0}", "]}");
    assert_eq!(scene.costs_its_length(text).await, [] as [Value; 0]);
    let (_, received) = scene.member.next().await.expect("it stays open");
    assert_eq!(received, br#"{"type":"points:drawn","payload":{"points":[]}}"#);
}

#[tokio::test]
async fn small_objects_that_do_not_fit_their_event() {
    let mut scene = Scene::start(builder()).await;
    let text = message(LEN, "points:drawn", "{\"points\":[", "{\"x\":\"\",\"y\":\"\"}", "]}");
    let why = "the payload does not fit the event \"points:drawn\": event `points:drawn`, field `points[0].x`: a number is needed, not a string";
    scene.is_refused(text, "BAD_PAYLOAD", why).await;
}

#[tokio::test]
async fn small_objects_for_a_json_handler() {
    let mut scene = Scene::start(builder()).await;
    let why = "the payload has more than the allowed 10000 JSON values";
    scene.is_refused(message(LEN, "note", "[", "{\"a\":0}", "]"), "BAD_JSON", why).await;
    scene.is_refused(message(LEN, "note", "[", "0", "]"), "BAD_JSON", why).await;
}

/// A value takes far more memory than text, and so there may not be many: 4 MiB is what is allowed by default.
#[tokio::test]
async fn as_many_values_as_a_json_handler_is_given() {
    let mut scene = Scene::start(builder()).await;
    let text = message(34_900, "note", "[", "{\"\":0}", "]");
    assert_eq!(scene.costs(text, 4 << 20).await, [] as [Value; 0]);
    assert!(scene.member.next().await.is_some_and(|(_, received)| received.len() > 34_800), "it has been handled");
}

#[tokio::test]
async fn long_text_for_a_json_handler() {
    let mut scene = Scene::start(builder()).await;
    scene.arrives(message(LEN, "note", "\"", "abcdefgh", "\"")).await;
    scene.arrives(message(LEN, "note", "\"", "\\n", "\"")).await;
}

#[tokio::test]
async fn brackets_without_an_end() {
    let mut scene = Scene::start(builder()).await;
    let errors = scene.costs_its_length("[".repeat(LEN)).await;
    assert_eq!(errors[0]["payload"]["code"], "BAD_JSON");
    let errors = scene.costs_its_length(format!("{{\"payload\":{}", "[".repeat(LEN))).await;
    assert_eq!(errors[0]["payload"]["code"], "BAD_JSON");
}

/// A name of two-byte characters, each of which is escaped with eight.
#[tokio::test]
async fn a_long_name_that_a_refusal_repeats() {
    let mut scene = Scene::start(builder()).await;
    let name = format!("__pp_{}", "\u{80}".repeat(5_000_000));
    let errors = scene.costs_its_length(format!("{{\"type\":\"{name}\"}}")).await;
    assert_eq!(errors, [] as [Value; 0], "it is the one error that ends the list");
}

/// The payload is a part of the message for middleware too, and no tree is made for it.
#[tokio::test]
async fn small_objects_that_middleware_passes_on() {
    let builder = builder().middleware(async |_, message: Incoming| {
        assert!(matches!(&message, Incoming::Named { payload, .. } if payload.as_str().len() > LEN - 100));
        Ok(message)
    });
    let mut scene = Scene::start(builder).await;
    scene.costs_its_length(message(LEN, "nobody", "[", "{\"a\":0}", "]")).await;
    assert_eq!((scene.server.stats().unhandled, scene.server.stats().failed_handlers), (1, 0));
}

/// As JSON it is longer than any queue takes: only its beginning may be made, in a buffer that doubles up to twice the burst.
#[tokio::test]
async fn an_event_whose_json_no_queue_takes() {
    const BURST: usize = 8 << 20;
    let builder = builder().queue_limit(1 << 20).queue_burst(BURST).on(async |socket: Socket<Drawing>, chosen| {
        let chosen: PointsChosen = chosen;
        socket.to("all").emit(&chosen)?;
        socket.to("all").emit(&PointsDrawn { points: Vec::new() })
    });
    let mut scene = Scene::start(builder).await;
    let mut other = Raw::connect(scene.server.local_addr().expect("it listens")).await;
    let points = vec![
        Chosen {
            is_among_the_points_that_the_user_has_chosen_with_the_pointer_or_with_the_keyboard_a_moment_ago: true
        };
        900_000
    ];
    let event = PointsChosen { points }.to_bytes();
    let frame = Header::new(SCHEMA, 2).frame(&event);
    let (received, peak) = heap::peak(async {
        scene.sender.frame(FIN | BINARY, &frame).await;
        scene.member.next().await.expect("it stays open").1
    })
    .await;
    // The member did without the one that is too large for it; who receives bytes has both.
    assert_eq!(received, br#"{"type":"points:drawn","payload":{"points":[]}}"#);
    assert_eq!(other.next().await.expect("it stays open").1[HEADER..], event);
    assert_eq!(scene.server.stats().dropped_full, 1);
    assert!(peak <= 3 * BURST + 8 * event.len(), "{peak} bytes");
}
