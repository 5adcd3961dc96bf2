//! What the fields of events are in JSON, and what is said about JSON that is wrong.

use bytes::Bytes;
use painda_runtime::schema::JsonReason;
use painda_runtime::{EventDescriptor, PPEvent};
use painda_tests_schema::zoo::*;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::time::{Duration, UNIX_EPOCH};

/// The event has this JSON, and the JSON has this event.
#[track_caller]
fn is<E: PPEvent>(event: &E, value: Value) {
    assert_eq!(E::DESCRIPTOR.to_json(&event.to_bytes()).expect("it is valid"), value);
    assert_eq!(E::DESCRIPTOR.from_json(&value).expect("it is valid"), event.to_bytes());
}

/// The JSON with one part replaced is refused with this message.
#[track_caller]
fn fails(event: &EventDescriptor, valid: &Value, pointer: &str, wrong: Value, message: &str) {
    let mut value = valid.clone();
    *value.pointer_mut(pointer).expect("it is there") = wrong;
    let error = event.from_json(&value).unwrap_err().to_string();
    assert_eq!(error, format!("event `{}`, {message}", event.name()));
}

fn lists() -> Lists {
    Lists {
        text: "ö".to_owned(),
        blob: Bytes::from_static(&[0xfb, 0xff]),
        bytes: vec![1, 2],
        numbers: vec![-1],
        flags: vec![true],
        texts: vec![String::new()],
        nested: vec![vec![], vec![1, 2]],
        maybe: None,
        perhaps: Some(None),
    }
}

fn lists_json() -> Value {
    json!({
        "text": "ö", "blob": "+/8=", "bytes": [1, 2], "numbers": [-1], "flags": [true], "texts": [""],
        "nested": [[], [1, 2]], "maybe": null, "perhaps": [null],
    })
}

#[test]
fn lists_options_and_bytes() {
    is(&lists(), lists_json());
    is(&Lists { perhaps: None, maybe: Some("x".to_owned()), ..lists() }, {
        let mut value = lists_json();
        value["perhaps"] = json!(null);
        value["maybe"] = json!("x");
        value
    });
    let fails = |pointer, wrong, message| fails(Lists::DESCRIPTOR, &lists_json(), pointer, wrong, message);
    fails("/text", json!(1), "field `text`: a string is needed, not a number");
    fails("/blob", json!("+/8"), "field `blob`: the string is not standard base64");
    fails("/nested/1/1", json!(65536), "field `nested[1][1]`: 65536 does not fit a u16");
    fails("/perhaps", json!([1, 2]), "field `perhaps`: an array of 1 is needed, not of 2");
}

#[test]
fn an_option_may_be_missing() {
    let mut value = lists_json();
    value.as_object_mut().expect("an object").remove("maybe");
    assert_eq!(Lists::DESCRIPTOR.from_json(&value).expect("it is valid"), lists().to_bytes());
    value.as_object_mut().expect("an object").remove("text");
    let error = Lists::DESCRIPTOR.from_json(&value).unwrap_err();
    assert_eq!(error.to_string(), "event `zoo:lists`, field `text`: it is missing");
}

#[test]
fn maps_and_sets() {
    let maps = Maps {
        scores: [("b".to_owned(), 2), ("aa".to_owned(), 1)].into(),
        grid: [((-1, 0), Some(Kind::Lake))].into(),
        online: [-1, 1].into(),
        names: [(7, "x".to_owned())].into(),
        seen: ["y".to_owned()].into(),
        deep: [(1, [(2, [vec![3]].into())].into())].into(),
    };
    let value = json!({
        "scores": { "aa": 1, "b": 2 }, "grid": [[[-1, 0], "Lake"]], "online": [1, -1],
        "names": [[7, "x"]], "seen": ["y"], "deep": [[1, [[2, [[3]]]]]],
    });
    is(&maps, value.clone());
    let fails = |pointer, wrong, message| fails(Maps::DESCRIPTOR, &value, pointer, wrong, message);
    fails("/online/1", json!(1), "field `online[1]`: the same item or key is there a second time");
    fails("/grid/0/1", json!("Sea"), "field `grid[0].value`: no variant is called `Sea`");
    fails("/grid/0/0/1", json!(128), "field `grid[0].key.1`: 128 does not fit an i8");
    fails("/names/0", json!([7]), "field `names[0]`: an array of 2 is needed, not of 1");
}

#[test]
fn structs_and_enums() {
    let point = Point { x: 0.1, y: f32::INFINITY };
    let nested = Nested {
        id: Id(7),
        kind: Kind::Rock,
        point,
        shapes: vec![Shape::Point, Shape::Polygon(vec![point]), Shape::Label("a".to_owned(), 1), Shape::Empty {}],
        pair: Pair { a: None, b: Some(Id(1)) },
        either: Either::Right(Box::new(Either::Left(()))),
        square: [point; 4],
    };
    let corner = json!({ "x": 0.1, "y": "Infinity" });
    let value = json!({
        "id": 7, "kind": "Rock", "point": corner, "pair": { "a": null, "b": 1 },
        "shapes": ["Point", { "Polygon": [corner] }, { "Label": ["a", 1] }, "Empty"],
        "either": { "Right": { "Left": [] } }, "square": [corner, corner, corner, corner],
    });
    is(&nested, value.clone());
    let fails = |pointer, wrong, message| fails(Nested::DESCRIPTOR, &value, pointer, wrong, message);
    fails("/shapes/0", json!("Square"), "field `shapes[0]`: no variant is called `Square`");
    fails(
        "/shapes/0",
        json!({}),
        "field `shapes[0]`: an object of the variant's name and fields is needed, not an empty one",
    );
    fails("/shapes/1/Polygon/0/x", json!("1"), "field `shapes[1].Polygon.0[0].x`: a number is needed, not a string");
    fails(
        "/either",
        json!("Left"),
        "field `either`: an object of the variant's name and fields is needed, not a string",
    );
    fails("/square", json!([corner]), "field `square`: an array of 4 is needed, not of 1");
}

#[test]
fn the_depth_is_limited() {
    let deep = |depth| (0..depth).fold(json!({ "Number": 1 }), |inner, _| json!({ "Not": inner }));
    let event = |depth| {
        let tree = json!({ "name": "", "children": [] });
        json!({ "tree": tree, "boxed": tree, "link": { "value": 1, "next": null }, "expr": deep(depth) })
    };
    let bytes = Circles::DESCRIPTOR.from_json(&event(63)).expect("it is valid");
    assert!(Circles::decode(&bytes).is_ok());
    let error = Circles::DESCRIPTOR.from_json(&event(64)).unwrap_err().to_string();
    assert!(error.ends_with("the value is nested deeper than 64 structs and enums"), "{error}");
}

#[test]
fn quantised_floats_are_brought_into_their_range() {
    let value = json!({ "x": 1e9, "between": 1, "y": "NaN", "z": 0, "turn": { "By": -1000 } });
    let bytes = Quantised::DESCRIPTOR.from_json(&value).expect("it is valid");
    let event = Quantised { x: 1e9, between: 1, y: f32::NAN, z: 0.0, turn: Turn::By(-1000.0) };
    assert_eq!(bytes, event.to_bytes());
    let value = Quantised::DESCRIPTOR.to_json(&bytes).expect("it is valid");
    assert_eq!((&value["x"], &value["turn"]), (&json!(100.0), &json!({ "By": -180.0 })));
}

/// The text is this event.
#[track_caller]
fn reads(event: &EventDescriptor, text: &str, value: Value) {
    let bytes = event.from_json_text(text, 1000).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(bytes, event.from_json(&value).expect("it is valid"), "{text}");
}

/// The text is refused with this message.
#[track_caller]
fn refuses(event: &EventDescriptor, text: &str, message: &str) {
    let error = event.from_json_text(text, 1000).unwrap_err().to_string();
    assert_eq!(error, format!("event `{}`{message}", event.name()), "{text}");
}

#[test]
fn fields_come_in_any_order_and_the_last_one_counts() {
    let value = json!({ "tick": 1, "names": ["a"], "map": "x" });
    let state = State::DESCRIPTOR;
    reads(state, r#"{"tick":1,"names":["a"],"map":"x"}"#, value.clone());
    reads(state, r#" { "map" : "x", "names" : [ "a" ], "unknown": [{"x": null}], "tick" : 1 } "#, value.clone());
    reads(state, r#"{"tick":"no","names":["b","c"],"map":"x","names":["a"],"tick":2,"tick":1}"#, value);
    refuses(state, r#"{"tick":1,"names":["a"],"tick":"no"}"#, ", field `tick`: an integer is needed, not a string");
    // Of several the one that is declared first.
    refuses(state, r#"{"map":1,"names":["a"]}"#, ", field `tick`: it is missing");
    let maps = json!({ "scores": { "a": 1, "b": 2 }, "grid": [], "online": [], "names": [], "seen": [], "deep": [] });
    let text = maps.to_string().replace(r#"{"a":1,"b":2}"#, r#"{"b":1,"a":1,"b":2}"#);
    reads(Maps::DESCRIPTOR, &text, maps);
}

#[test]
fn text_that_is_no_json() {
    let refuses = |text, message| refuses(Unit::DESCRIPTOR, text, message);
    refuses("", ": this is no JSON: EOF while parsing a value at line 1 column 0");
    refuses("{} {}", ": this is no JSON: trailing characters at line 1 column 4");
    refuses(r#"{"x":1e999}"#, ": this is no JSON: number out of range at line 1 column 10");
    refuses(r#"{"x":"\ud800"}"#, ": this is no JSON: unexpected end of hex escape at line 1 column 13");
    let deep = |depth| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    reads(Unit::DESCRIPTOR, &deep(126), json!({}));
    refuses(&deep(127), ": this is no JSON: recursion limit exceeded at line 1 column 132");
    // Whatever else is wrong.
    self::refuses(
        StateV1::DESCRIPTOR,
        r#"{"tick":"no""#,
        ": this is no JSON: EOF while parsing an object at line 1 column 12",
    );
}

#[test]
fn an_event_is_as_large_as_it_may_be() {
    let event = Lists::DESCRIPTOR;
    let text = lists_json().to_string();
    let len = lists().to_bytes().len();
    for limit in 0..len {
        let error = event.from_json_text(&text, limit).unwrap_err();
        assert_eq!(error.reason(), &JsonReason::TooLarge { limit });
        let message = format!("event `zoo:lists`: its encoding is larger than the allowed {limit} bytes");
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(event.from_json_text(&text, len).expect("it fits"), lists().to_bytes());
}

#[test]
fn an_error_repeats_no_more_than_64_bytes() {
    let long = "é".repeat(100);
    let cut = format!("{}…", "é".repeat(30));
    let mut value = Nested::DESCRIPTOR.to_json(&[0; 100]).expect("it is valid");
    value["kind"] = json!(long);
    let error = Nested::DESCRIPTOR.from_json(&value).unwrap_err();
    assert_eq!(error.reason(), &JsonReason::Variant(cut.clone()));
    let text = value.to_string();
    assert_eq!(Nested::DESCRIPTOR.from_json_text(&text, 1000).unwrap_err(), error);
    value["kind"] = json!({ long: 1 });
    assert_eq!(Nested::DESCRIPTOR.from_json(&value).unwrap_err().reason(), &JsonReason::Variant(cut));

    let digits = format!("1{}", "0".repeat(30));
    let text = format!(r#"{{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":"{digits}"}}"#);
    let message = format!(", field `g`: {digits} does not fit a u64");
    refuses(Numbers::DESCRIPTOR, &text, &message);
    let text = text.replace(&digits, &format!("{}{digits}", "0".repeat(100)));
    refuses(Numbers::DESCRIPTOR, &text, &format!(", field `g`: {}… does not fit a u64", "0".repeat(61)));
}

#[test]
fn an_event_is_written_as_text() {
    let mut text = b"is ".to_vec();
    let event = Lists { text: "a\"\\\n\u{1}ö\u{7f}".to_owned(), ..lists() };
    Lists::DESCRIPTOR.write_json_text(&event.to_bytes(), &mut text).expect("it is valid");
    let expected = r#"is {"text":"a\"\\\n\u0001ö","blob":"+/8=","bytes":[1,2],"numbers":[-1],"flags":[true],"texts":[""],"nested":[[],[1,2]],"maybe":null,"perhaps":[null]}"#;
    assert_eq!(String::from_utf8(text).expect("it is text"), expected.replace('ö', "ö\u{7f}"));

    let mut text = b"before".to_vec();
    let error = Lists::DESCRIPTOR.write_json_text(&[1, b'a', 9], &mut text).unwrap_err();
    assert_eq!(error.to_string(), "event `zoo:lists`, field `blob`, byte 3: 9 bytes are needed, 0 are left");
    assert_eq!(text, b"before");
}

#[test]
fn wide_numbers_characters_and_those_that_are_not_0() {
    let event = SpecialNumbers {
        a: u128::MAX,
        b: -3,
        c: '🦀',
        d: 0,
        e: NonZero::<u8>::MIN,
        f: NonZero::<i16>::MIN,
        g: NonZero::<u32>::MAX,
        h: NonZero::<i64>::MIN,
        i: NonZero::<u128>::MIN,
        letters: ['"', '\0'],
        wide: vec![i128::MIN, 0, i128::MAX],
        some: vec![NonZero::<u16>::MAX],
        maybe: None,
        by_letter: [('b', NonZero::<i8>::MAX), ('a', NonZero::<i8>::MIN)].into(),
        set: [1 << 100, 5].into(),
    };
    let value = json!({
        "a": "340282366920938463463374607431768211455", "b": -3, "c": "🦀", "d": 0, "e": 1, "f": -32768,
        "g": 4294967295_u32, "h": "-9223372036854775808", "i": 1, "letters": ["\"", "\0"],
        "wide": ["-170141183460469231731687303715884105728", 0, "170141183460469231731687303715884105727"],
        "some": [65535], "maybe": null, "by_letter": [["a", -128], ["b", 127]],
        "set": [5, "1267650600228229401496703205376"],
    });
    is(&event, value.clone());
    let fails = |pointer: &str, wrong, message: &str| {
        fails(SpecialNumbers::DESCRIPTOR, &value, pointer, wrong, message);
    };
    let above = "340282366920938463463374607431768211456";
    let message = format!("field `a`: {above} does not fit a u128");
    fails("/a", json!(above), &message);
    fails("/a", json!("-1"), "field `a`: -1 does not fit a u128");
    fails("/a", json!(-1), "field `a`: -1 does not fit a u128");
    fails("/a", json!("1.5"), "field `a`: an integer is needed, not a string");
    fails("/a", json!("-"), "field `a`: an integer is needed, not a string");
    let message = format!("field `b`: {above} does not fit an i128");
    fails("/b", json!(above), &message);
    fails("/b", json!(1e30), "field `b`: an integer is needed, not a fraction");
    fails("/c", json!("ab"), "field `c`: the string is not one character");
    fails("/c", json!(""), "field `c`: the string is not one character");
    fails("/c", json!(97), "field `c`: a string of one character is needed, not a number");
    fails("/c", json!(["a"]), "field `c`: a string of one character is needed, not an array");
    fails("/e", json!(0), "field `e`: the number must not be 0");
    fails("/e", json!(256), "field `e`: 256 does not fit a u8");
    fails("/e", json!({}), "field `e`: an integer is needed, not an object");
    fails("/h", json!("0"), "field `h`: the number must not be 0");
    fails("/i", json!("-0"), "field `i`: the number must not be 0");
    fails("/by_letter/0/1", json!(0), "field `by_letter[0].value`: the number must not be 0");
}

#[test]
fn times_and_addresses() {
    let millis = Duration::from_millis;
    let nano = Duration::from_nanos(1);
    let event = Times {
        took: millis(1500),
        at: UNIX_EPOCH + millis(1_764_073_800_000),
        waits: vec![
            Duration::ZERO,
            nano,
            millis(999_999_999) + Duration::from_nanos(999_999),
            millis(1_000_000_000),
            millis(1_000_000_000) + 10 * nano,
            millis((1 << 53) - 1),
            millis(1 << 53),
            Duration::MAX,
        ],
        days: [UNIX_EPOCH - nano, UNIX_EPOCH + millis(253_402_300_800_000)],
        ended: Some(UNIX_EPOCH + Duration::from_micros(1)),
        v4: [127, 0, 0, 1].into(),
        v6: Ipv6Addr::LOCALHOST,
        any: [1, 2, 3, 4].into(),
        known: [Ipv6Addr::UNSPECIFIED.into(), [0, 0, 0, 0].into()].into(),
        names: [(Ipv4Addr::LOCALHOST.to_ipv6_mapped(), "me".to_owned())].into(),
    };
    let value = json!({
        "took": 1500, "at": "2025-11-25T12:30:00.000Z",
        "waits": [
            0, 0.000001, 999_999_999.999_999, 1_000_000_000, "1000000000.00001", 9_007_199_254_740_991_u64,
            "9007199254740992", "18446744073709551615999.999999",
        ],
        "days": ["1969-12-31T23:59:59.999999999Z", "+010000-01-01T00:00:00.000Z"],
        "ended": "1970-01-01T00:00:00.000001Z", "v4": "127.0.0.1", "v6": "::1", "any": "1.2.3.4",
        "known": ["0.0.0.0", "::"], "names": [["::ffff:127.0.0.1", "me"]],
    });
    is(&event, value.clone());

    // Other forms of the same.
    let mut other = value.clone();
    for (pointer, form) in [
        ("/took", json!("1500")),
        ("/at", json!("2025-11-25T13:30:00+01:00")),
        ("/waits/1", json!("0.000001")),
        ("/waits/3", json!(1e9)),
        ("/v6", json!("0:0:0:0::0001")),
    ] {
        *other.pointer_mut(pointer).expect("it is there") = form;
    }
    assert_eq!(Times::DESCRIPTOR.from_json(&other).expect("it is valid"), event.to_bytes());

    let fails = |pointer, wrong, message| fails(Times::DESCRIPTOR, &value, pointer, wrong, message);
    fails("/took", json!(-1), "field `took`: -1 does not fit a Duration");
    fails("/took", json!(-0.5), "field `took`: -0.5 does not fit a Duration");
    fails("/took", json!("18446744073709551616000"), "field `took`: 18446744073709551616000 does not fit a Duration");
    fails("/took", json!(1.9e22), "field `took`: 1.9e+22 does not fit a Duration");
    for wrong in ["", "-1", "1.", ".5", "1.0000001", "1e3", "Infinity"] {
        fails("/took", json!(wrong), "field `took`: the string is no number of milliseconds");
    }
    fails("/took", json!(null), "field `took`: a number of milliseconds is needed, not null");
    fails("/took", json!({}), "field `took`: a number of milliseconds is needed, not an object");
    fails("/at", json!(0), "field `at`: a string with a time is needed, not a number");
    fails("/at", json!("today"), "field `at`: the string is no time like 2026-11-25T12:30:00Z");
    fails("/at", json!("+275760-09-13T00:00:00Z"), "field `at`: +275760-09-13T00:00:00Z does not fit a Timestamp");
    fails("/v4", json!("1.2.3"), "field `v4`: the string is no IPv4 address");
    fails("/v6", json!("1.2.3.4"), "field `v6`: the string is no IPv6 address");
    fails("/any", json!("::1%eth0"), "field `any`: the string is no IP address");
    fails("/any", json!(4), "field `any`: a string with an address is needed, not a number");
}
