//! A schema of events from two crates: its registry, its enum, and the JSON of its events.

use other_schema::PlayerHit as OtherHit;
use painda_runtime::{PPEvent, Schema, SchemaEvent, schema};
use schemas::{PlayerHit, PlayerMove};

/// Its id is made from its name.
#[derive(Debug, PartialEq, PPEvent)]
#[pp(event = "chat:typing")]
struct Typing;

#[derive(Debug, PartialEq, PPEvent)]
#[pp(event = "chat:colour", id = 65535)]
struct Colour(u8, u8, u8);

schema! {
    #[derive(Debug, PartialEq)]
    Mixed {
        PlayerMove,
        PlayerHit,
        other_schema::PlayerHit as OtherHit,
        Typing,
        Colour,
    }
}

#[test]
fn events_are_found_by_id_and_by_name() {
    let registry = Mixed::registry();
    assert_eq!(registry.name(), "Mixed");
    assert_eq!(registry.events().len(), 5);
    for event in registry.events() {
        assert_eq!(registry.by_id(event.id()), Some(*event));
        assert_eq!(registry.by_name(event.name()), Some(*event));
    }
    let known: Vec<u16> = (0..=u16::MAX).filter(|id| registry.by_id(*id).is_some()).collect();
    assert_eq!(known, [1, 2, 101, Typing::ID, 65535]);
    assert!(registry.by_name("player").is_none());
    assert!(registry.by_name("").is_none());
}

#[test]
fn the_registry_is_there_before_the_program_runs() {
    const ID: u16 = match schemas::PlayerMove::DESCRIPTOR.fixed_size() {
        Some(8) => PlayerMove::ID,
        _ => 0,
    };
    assert_eq!(ID, 1);
    assert_eq!(Typing::ID, painda_runtime::schema::hashed_id("chat:typing"));
}

#[test]
fn the_enum_holds_every_event() {
    let events: [MixedEvent; 5] = [
        PlayerMove { x: 1.5, y: 2.5 }.into(),
        PlayerHit { attacker: 1, target: 2, damage: -3 }.into(),
        OtherHit { value: 7 }.into(),
        Typing.into(),
        Colour(1, 2, 3).into(),
    ];
    for event in events {
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let id = event.descriptor().id();
        assert_eq!(MixedEvent::decode(id, &bytes), Ok(event));
    }
    let error = MixedEvent::decode(3, &[]).unwrap_err();
    assert_eq!(error.to_string(), "no event of the schema has the id 3");
}

#[test]
fn json_needs_only_the_descriptor() {
    let hit = PlayerHit { attacker: 1, target: u32::MAX, damage: -3 };
    let event = Mixed::registry().by_name("player:hit").expect("it is in the list");
    let json = event.to_json(&hit.to_bytes()).expect("it is valid");
    assert_eq!(json.to_string(), r#"{"attacker":1,"damage":-3,"target":4294967295}"#);
    assert_eq!(event.from_json(&json).expect("it is valid"), hit.to_bytes());

    let colour = Colour::DESCRIPTOR;
    assert_eq!(colour.to_json(&[1, 2, 3]).expect("it is valid"), serde_json::json!([1, 2, 3]));
    assert_eq!(colour.from_json(&serde_json::json!([1, 2, 3])).expect("it is valid"), [1, 2, 3]);
    let error = colour.from_json(&serde_json::json!([1, 2, 256])).unwrap_err();
    assert_eq!(error.to_string(), "event `chat:colour`, field `2`: 256 does not fit a u8");
}
