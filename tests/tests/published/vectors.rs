//! The published contract, byte for byte: cases that an independent implementation of it has produced.

use bytes::Bytes;
use painda_runtime::{
    Message, PPEvent, Schema, schema,
    wire::{
        envelope,
        frame::{self, Body, Mode},
    },
};
use serde_json::Value;

/// The schema-encoded events of the cases whose encoding is a struct's.
#[derive(PPEvent)]
#[pp(event = "player:move", id = 1)]
struct PlayerMove {
    x: f32,
    y: f32,
}

/// See above.
#[derive(PPEvent)]
#[pp(event = "player:hit", id = 2)]
struct PlayerHit {
    attacker: u32,
    target: u32,
    damage: i16,
}

/// See above.
#[derive(PPEvent)]
#[pp(event = "max:id", id = 65535)]
struct MaxId {
    v: u8,
}

schema! {
    /// What the cases and we both know.
    Cases { PlayerMove, PlayerHit, MaxId }
}

fn cases(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../data/reference.json")).expect("the cases are JSON");
    let cases = all[kind].as_array().expect("a list").clone();
    assert!(cases.len() > 10, "the {kind} cases are there");
    cases
}

fn hex(case: &Value) -> Bytes {
    let text = case["hex"].as_str().expect("hex");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("a hex digit")).collect()
}

/// Checks an event's payload against the case: by our own codec where we have the event, as it came where the case has a
/// serializer of its own.
fn check_event(id: u16, payload: &Bytes, message: &Value) {
    let Some(event) = Cases::registry().by_id(id) else { return };
    assert_eq!(event.name(), message["type"], "the id's event");
    assert_eq!(event.from_json(&message["payload"]).expect("the payload fits"), &payload[..], "{message}");
    assert_eq!(event.to_json(payload).expect("decodes"), message["payload"], "{message}");
}

#[test]
fn redis_messages() {
    let mut known = 0;
    for case in cases("envelope") {
        let bytes = hex(&case);
        let envelope = envelope::decode(&bytes).expect("a case decodes");
        assert_eq!(envelope.exclude, case["exclude"].as_str(), "{case}");
        match &envelope.message {
            Message::Event { id, payload } => {
                known += usize::from(Cases::registry().by_id(*id).is_some());
                check_event(*id, payload, &case["message"]);
            }
            Message::Named { name, payload } => {
                assert_eq!(**name, case["message"]["type"], "{case}");
                let payload: Value = serde_json::from_slice(payload).expect("JSON");
                assert_eq!(payload, case["message"]["payload"], "{case}");
            }
        }
        assert_eq!(envelope::encode(&envelope.message, envelope.exclude), Ok(bytes.clone()), "{case}");
    }
    assert_eq!(known, 4, "our own codec was compared");
}

#[test]
fn client_frames() {
    let (mut known, mut compressed) = (0, 0);
    for case in cases("frame") {
        let bytes = hex(&case);
        let frame = frame::decode(&bytes, frame::DEFAULT_MAX_INFLATED).expect("a case decodes");
        let mode = match case["mode"].as_str() {
            Some("chat") => Mode::Chat,
            Some("media") => Mode::Media,
            Some("gaming") => Mode::Gaming,
            Some("voice") => Mode::Voice,
            other => panic!("an unknown mode: {other:?}"),
        };
        assert_eq!((frame.version, frame.mode), (2, mode), "{case}");
        let (id, payload) = match &frame.body {
            Body::Event { id, payload } => {
                known += usize::from(Cases::registry().by_id(*id).is_some());
                check_event(*id, payload, &case["message"]);
                (*id, payload)
            }
            Body::Json(text) => {
                let message: Value = serde_json::from_slice(text).expect("JSON");
                assert_eq!(message, case["message"], "{case}");
                (0, text)
            }
        };
        // Deflate leaves its encoder a choice; everything else is fixed to the byte.
        if case["compressed"] == true {
            compressed += 1;
        } else {
            let header =
                frame::header(mode, id, frame::Compression::None, u32::try_from(payload.len()).expect("short"));
            assert_eq!([&header[..], payload].concat(), bytes, "{case}");
        }
    }
    assert_eq!((known, compressed > 0), (16, true), "our own codec and the inflater were used");
}
