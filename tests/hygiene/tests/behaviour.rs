//! What the macros make of unusual items.

use painda_tests_hygiene::constants::{self, constants as of_constants, lengths::Lengths, unit_structs};
use painda_tests_hygiene::{All, Choice, Configured, Empty, Hygiene, Made, Part, Raw, Wrapper};
use renamed::schema::Delivery;
use renamed::{PPEvent, Schema, SchemaEvent};

#[test]
fn raw_identifiers_have_plain_names() {
    assert_eq!(Raw::DESCRIPTOR.rust_path(), "painda_tests_hygiene::Raw");
    assert_eq!(Raw::DESCRIPTOR.delivery(), &Delivery::Latest { key: Some(0..1) });
    let fields: Vec<_> = Raw::DESCRIPTOR.fields().iter().map(|field| field.name()).collect();
    assert_eq!(fields, ["type", "match"]);
    let error = Raw::decode(&[1, 0]).unwrap_err();
    assert_eq!(error.to_string(), "event `hygiene:raw`, field `match.fn.loop`, byte 2: 1 byte is needed, 0 are left");
    assert_eq!(Raw::DESCRIPTOR.fields()[1].ty().to_string(), "Enum");
}

#[test]
fn fields_that_are_not_there_are_not_there() {
    let fields: Vec<_> = Configured::DESCRIPTOR.fields().iter().map(|field| field.name()).collect();
    assert_eq!(fields, ["there", "float", "after"]);
    assert_eq!(Configured::decode(&[1, 255, 0, 2]).expect("it is valid").float, 1.0);
}

#[test]
fn marks_of_deprecation_are_described() {
    let event = Hygiene::registry().by_id(4).expect("it is in the list");
    assert!(event.is_deprecated());
    assert!(event.fields()[0].is_deprecated());
    assert!(!Raw::DESCRIPTOR.is_deprecated());
}

#[test]
fn fragments_of_macros_are_understood() {
    let made = Made::decode(&[]).expect("it has defaults only");
    assert_eq!((made.a, made.b), (0.75, f64::MIN_POSITIVE));
    assert_eq!(Made::decode(&Made { a: -1.0, b: 10.5 }.to_bytes()), Ok(Made { a: -1.0, b: 10.5 }));
    assert!(Empty::registry().events().is_empty());
}

#[test]
fn it_works_all_the_same() {
    let all = All {
        id: 1,
        position: [0.0; 3],
        name: "x".to_owned(),
        part: Part { value: 3 },
        list: vec![Choice::Nothing, Choice::One(4), Choice::Two { number: -1, angle: 360.0 }],
        map: [(1, Wrapper(2))].into(),
        angle: -1.0,
        later: None,
        last: 9,
    };
    assert_eq!(All::decode(&all.to_bytes()), Ok(all));
}

/// A constant called `out` made a variable of that name a comparison with it.
#[test]
fn constants_in_scope_are_nobodys_variables() {
    let all = of_constants::All {
        out: 1,
        reader: [0.5; 3],
        tag: "x".to_owned(),
        run: vec![
            of_constants::Choice::Neither,
            of_constants::Choice::One(4),
            of_constants::Choice::Two { out: -1, reader: 360.0, tag: "y".to_owned() },
        ],
        window: 1.0,
        generic: of_constants::Pair(of_constants::Unit {}, 3),
        event: 9,
        id: 0.0,
        name: Some(Box::new(of_constants::Tree { children: vec![] })),
    };
    assert_eq!(of_constants::All::DESCRIPTOR.delivery(), &Delivery::Latest { key: Some(0..2) });
    let bytes = all.to_bytes();
    assert_eq!(of_constants::ConstantsEvent::decode(1, &bytes), Ok(all.into()));
    // The same bytes, where the names are those of structs.
    assert_eq!(unit_structs::All::decode(&bytes).expect("it is valid").to_bytes(), bytes);

    let lengths = Lengths { first: [1, 2], second: [[3; 4]; 3], third: 0 };
    assert_eq!(Lengths::decode(&lengths.to_bytes()[..26]), Ok(Lengths { third: constants::lengths::run, ..lengths }));
}

#[test]
fn a_type_may_have_constants_of_its_own() {
    use painda_tests_hygiene::constants::associated::{Choice, Event, Part, SchemaEvent};
    let event = Event {
        part: Part { text: "a".to_owned() },
        choice: Choice::Print { read: "b".to_owned() },
        text: "c".to_owned(),
        float: 1.0,
    };
    assert_eq!(<Event as PPEvent>::DESCRIPTOR.name(), "associated");
    let id = <Event as PPEvent>::ID;
    let bytes = event.to_bytes();
    assert_eq!(<SchemaEvent as renamed::SchemaEvent>::decode(id, &bytes), Ok(event.into()));
}
