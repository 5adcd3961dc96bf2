//! Events that have grown: new decoders and old messages, old decoders and new messages.

use painda_runtime::PPEvent;
use painda_tests_schema::zoo::*;
use std::collections::BTreeMap;

fn state() -> State {
    State {
        tick: 7,
        names: vec!["a".to_owned()],
        paused: true,
        map: "desert".to_owned(),
        speed: 1.0,
        limits: BTreeMap::from([(9, 8)]),
        kinds: vec![],
    }
}

fn old() -> StateV1 {
    StateV1 { tick: 7, names: vec!["a".to_owned()] }
}

#[test]
fn a_new_decoder_reads_an_old_message() {
    let decoded = State::decode(&old().to_bytes()).expect("it is valid");
    let defaults = State {
        paused: false,
        map: "lobby".to_owned(),
        speed: 0.5,
        limits: BTreeMap::from([(1, 2)]),
        kinds: vec![Kind::Rock],
        ..state()
    };
    assert_eq!(decoded, defaults);
}

#[test]
fn a_new_decoder_reads_a_message_of_the_version_between() {
    let mut bytes = old().to_bytes().to_vec();
    bytes.extend_from_slice(&[1, 1, b'x', 0xff, 0xff]);
    let decoded = State::decode(&bytes).expect("it is valid");
    assert_eq!((decoded.paused, decoded.map.as_str(), decoded.speed), (true, "x", 1.0));
    assert_eq!((decoded.limits, decoded.kinds), (BTreeMap::from([(1, 2)]), vec![Kind::Rock]));
}

#[test]
fn an_old_decoder_ignores_the_tail() {
    assert_eq!(StateV1::decode(&state().to_bytes()), Ok(old()));
    assert_eq!(State::decode(&state().to_bytes()), Ok(state()));
}

#[test]
fn a_message_that_ends_within_a_version_is_an_error() {
    let whole = state().to_bytes();
    let versions = [old().to_bytes().len(), old().to_bytes().len() + 1 + 7 + 2];
    for end in 0..whole.len() {
        assert_eq!(State::decode(&whole[..end]).is_ok(), versions.contains(&end), "{end} bytes");
        assert_eq!(State::DESCRIPTOR.to_json(&whole[..end]).is_ok(), versions.contains(&end), "{end} bytes");
    }
}

#[test]
fn json_has_the_defaults_as_well() {
    let event = State::DESCRIPTOR;
    let from_bytes = event.to_json(&old().to_bytes()).expect("it is valid");
    let old_json = serde_json::json!({ "tick": 7, "names": ["a"] });
    let bytes = event.from_json(&old_json).expect("it is valid");
    assert_eq!(event.to_json(&bytes).expect("it is valid"), from_bytes);
    let decoded = State::decode(&old().to_bytes()).expect("it is valid");
    assert_eq!(bytes.as_slice(), decoded.to_bytes());

    let tuple = Tuple::DESCRIPTOR;
    assert_eq!(tuple.from_json(&serde_json::json!([1, "a"])).expect("it is valid"), [1, 1, b'a', 0]);
    assert_eq!(tuple.from_json(&serde_json::json!([1, "a", 2, "later"])).expect("it is valid").len(), 8);
    assert_eq!(tuple.to_json(&[1, 0]).expect("it is valid"), serde_json::json!([1, "", null]));
}

#[test]
fn the_description_knows_the_versions() {
    let fields = State::DESCRIPTOR.fields().iter();
    let described: Vec<_> = fields.map(|field| (field.name(), field.since(), field.default_bytes())).collect();
    assert_eq!(described[0], ("tick", 1, None));
    assert_eq!(described[2], ("paused", 2, Some(vec![0])));
    assert_eq!(described[4], ("speed", 2, Some(vec![0x80, 0])));
    assert_eq!(described[6], ("kinds", 5, Some(vec![1, 5])));
}
