//! What must hold for every sequence of bytes, with reflection as the second opinion.

use crate::allocations;
use crate::zoo::{Zoo, ZooEvent};
use bytes::Bytes;
use painda_runtime::codec::Reason;
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

/// Checks all that must hold for a JSON value that claims to be this event. Whether it is.
///
/// # Panics
/// Where something does not hold.
pub fn check_json(event: &EventDescriptor, value: &Value) -> bool {
    let Ok(bytes) = event.from_json(value) else { return false };
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
