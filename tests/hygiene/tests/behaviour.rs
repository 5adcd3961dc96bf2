//! What the macros make of unusual items.

use painda_tests_hygiene::{All, Choice, Configured, Empty, Hygiene, Made, Part, Raw, Wrapper};
use renamed::schema::Delivery;
use renamed::{PPEvent, Schema};

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
