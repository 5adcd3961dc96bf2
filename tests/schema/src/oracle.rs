//! What must hold for every sequence of bytes, with reflection as the second opinion.

use crate::allocations;
use crate::zoo::{Zoo, ZooEvent};
use bytes::Bytes;
use painda_runtime::codec::Reason;
use painda_runtime::schema::JsonReason;
use painda_runtime::{EventDescriptor, Schema, SchemaEvent};
use serde_json::Value;

/// What a decoder may hold for each byte of the message. The most is for nested B-trees, whose nodes have room for eleven
/// entries where one has come.
const PER_BYTE: usize = 300;

/// And for lists that have claimed more than came.
const AT_ALL: usize = 64 * 1024;

/// The events of the zoo.
pub fn events() -> &'static [&'static EventDescriptor] {
    Zoo::registry().events()
}

/// Checks all that must hold for bytes that claim to be this event. Whether they are.
///
/// # Panics
/// Where something does not hold.
pub fn check(event: &EventDescriptor, bytes: &[u8]) -> bool {
    let (decoded, peak) = allocations::peak(|| ZooEvent::decode(event.id(), bytes));
    assert!(peak <= AT_ALL + PER_BYTE * bytes.len(), "{peak} bytes for {}", bytes.len());
    let (decoded, json) = match (decoded, event.to_json(bytes)) {
        (Ok(decoded), Ok(json)) => (decoded, json),
        (Err(ours), Err(theirs)) => {
            // A run of numbers is found to be cut off before its bools are looked at.
            let cut = |reason| matches!(reason, Reason::Truncated { .. });
            assert!(cut(ours.reason()) || cut(theirs.reason()) || ours == theirs, "{ours}, but {theirs}");
            return false;
        }
        (ours, theirs) => panic!("{ours:?}, but {theirs:?}"),
    };

    // What has been decoded is encoded to the same bytes, except for a longer tail or the defaults of an older message.
    let encoded = encode(&decoded);
    let common = bytes.len().min(encoded.len());
    assert_eq!(bytes[..common], encoded[..common]);
    assert!(bytes.len() >= encoded.len() || event.fields().iter().any(|field| field.since() > 1));
    let again = ZooEvent::decode(event.id(), &encoded).expect("it is valid");
    assert_eq!(encode(&again), encoded);
    let shared = ZooEvent::decode_bytes(event.id(), Bytes::copy_from_slice(bytes)).expect("it is valid");
    assert_eq!(encode(&shared), encoded);

    // JSON has one NaN only.
    if !json.to_string().contains("NaN") {
        assert_eq!(event.from_json(&json).expect("it is valid"), encoded, "{json}");
    }
    true
}

/// What a decoder of JSON text may hold for each byte of it, the encoded event included.
const PER_BYTE_OF_TEXT: usize = 4;

/// Checks that text is read as the tree of its values is; `in_order` where the text has its keys in the tree's order. Whether it
/// is this event.
///
/// # Panics
/// Where something does not hold.
pub fn check_text(event: &EventDescriptor, text: &str, in_order: bool) -> bool {
    let (ours, peak) = allocations::peak(|| event.from_json_text(text, 4 * text.len() + 1024));
    assert!(peak <= AT_ALL + PER_BYTE_OF_TEXT * text.len(), "{peak} bytes for {}", text.len());
    let theirs = match serde_json::from_str::<Value>(text) {
        Ok(value) => event.from_json(&value),
        Err(syntax) => {
            let error = ours.expect_err("it is no JSON");
            assert_eq!(error.reason(), &JsonReason::Syntax(syntax.to_string()), "{text}");
            return false;
        }
    };
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{text}");
            let mut written = b"before ".to_vec();
            event.write_json_text(&ours, &mut written).expect("it is valid");
            let written = written.strip_prefix(b"before ").expect("it is there");
            // Both as text: `serde_json` reads some floats as their neighbours.
            let expected = event.to_json(&ours).expect("it is valid").to_string();
            let parse = |text| serde_json::from_slice::<Value>(text).expect("it is JSON");
            assert_eq!(parse(written), parse(expected.as_bytes()));
            true
        }
        (Err(ours), Err(theirs)) => {
            assert!(!in_order || ours == theirs, "{ours}, but {theirs}: {text}");
            false
        }
        (ours, theirs) => panic!("{ours:?}, but {theirs:?}: {text}"),
    }
}

/// Checks all that must hold for a JSON value that claims to be this event. Whether it is.
///
/// # Panics
/// Where something does not hold.
pub fn check_json(event: &EventDescriptor, value: &Value) -> bool {
    let text = value.to_string();
    let fits = check_text(event, &text, true);
    let Ok(bytes) = event.from_json(value) else {
        assert!(!fits, "{text}");
        return false;
    };
    let decoded = ZooEvent::decode(event.id(), &bytes).expect("it is valid");
    assert_eq!(encode(&decoded), bytes, "{value}");
    let json = event.to_json(&bytes).expect("it is valid");
    assert_eq!(event.from_json(&json).expect("it is valid"), bytes, "{value}");
    true
}

fn encode(event: &ZooEvent) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    bytes
}
