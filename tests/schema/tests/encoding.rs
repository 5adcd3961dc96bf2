//! The bytes of every kind of field, written out by hand, and the way back.

use bytes::Bytes;
use painda_runtime::codec::{MAX_DEPTH, Reader, Reason, Wire};
use painda_runtime::{PPEvent, SchemaEvent};
use painda_tests_schema::zoo::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZero, Wrapping};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn bytes_of(value: &impl Wire) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.write(&mut bytes);
    assert_eq!(bytes.len(), value.size());
    bytes
}

/// The value has these bytes, and they have this value.
#[track_caller]
fn is<T: Wire + PartialEq + Debug>(value: T, bytes: &[u8]) {
    assert_eq!(bytes_of(&value), bytes);
    let mut reader = Reader::new(bytes);
    assert_eq!(T::read(&mut reader), Ok(value));
    assert!(reader.is_empty());
    assert!(T::MIN_SIZE <= bytes.len());
    assert!(T::FIXED_SIZE.is_none_or(|size| size == bytes.len()));
    assert_eq!((T::TYPE.min_size(), T::TYPE.fixed_size()), (T::MIN_SIZE, T::FIXED_SIZE));
    for end in 0..bytes.len() {
        assert!(T::read(&mut Reader::new(&bytes[..end])).is_err(), "{end} bytes");
    }
}

#[track_caller]
fn fails<T: Wire + Debug>(bytes: &[u8], message: &str) {
    assert_eq!(T::read(&mut Reader::new(bytes)).unwrap_err().to_string(), message);
}

#[test]
fn text_and_bytes() {
    is("ö!".to_owned(), &[3, 0xc3, 0xb6, b'!']);
    is(Bytes::from_static(&[1, 2]), &[2, 1, 2]);
    is("x".repeat(300), &[&[0xac, 2][..], &[b'x'; 300]].concat());
    fails::<String>(&[3, b'a', 0xff, b'b'], "byte 2: the text is not UTF-8");
    fails::<String>(&[2, b'a', 0xc3], "byte 2: the text is not UTF-8");
    fails::<String>(&[0x83, 0, 1, 2, 3], "byte 0: the count is not the shortest form of a u32");
    fails::<Bytes>(&[4, 1, 2], "byte 1: 4 bytes are needed, 2 are left");
}

#[test]
fn lists_and_options() {
    is(vec![1_u8, 2], &[2, 1, 2]);
    is(vec![1_u16, 0xabcd], &[2, 0, 1, 0xab, 0xcd]);
    is(
        (0..100).collect::<Vec<i32>>(),
        &[&[100][..], &(0..100).flat_map(i32::to_be_bytes).collect::<Vec<_>>()].concat(),
    );
    is(vec![true, false], &[2, 1, 0]);
    is(vec![vec!["a".to_owned()], vec![]], &[2, 1, 1, b'a', 0]);
    is(None::<u16>, &[0]);
    is(Some(Some(7_u16)), &[1, 1, 0, 7]);
    is(Box::new(5_u8), &[5]);
    fails::<Option<u8>>(&[2, 0], "byte 0: an option begins with 0 or 1, not 2");
    fails::<Vec<u64>>(&[2, 0, 0, 0, 0, 0, 0, 0, 0], "byte 1: 16 bytes are needed, 8 are left");
    fails::<Vec<Vec<bool>>>(&[2, 0, 1, 9], "field `[1][0]`, byte 3: a bool is 0 or 1, not 9");
}

#[test]
fn arrays_and_tuples() {
    is([1_u16, 2], &[0, 1, 0, 2]);
    is([true, false], &[1, 0]);
    is(["a".to_owned(), String::new()], &[1, b'a', 0]);
    is([[1_u8; 2]; 2], &[1; 4]);
    is((), &[]);
    is((1_u8, true, ("a".to_owned(),)), &[1, 1, 1, b'a']);
    let twelve = (1_u8, 2_u8, 3_u8, 4_u8, 5_u8, 6_u8, 7_u8, 8_u8, 9_u8, 10_u8, 11_u8, 12_u8);
    is(twelve, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    fails::<(u8, [bool; 2])>(&[1, 1, 7], "field `1[1]`, byte 2: a bool is 0 or 1, not 7");
}

#[test]
fn sets_and_maps_are_in_the_order_of_their_encodings() {
    // Negative numbers come after positive ones there.
    is(BTreeSet::from([-1_i8, 2, 0]), &[3, 0, 2, 0xff]);
    // And short texts before long ones.
    is(BTreeSet::from(["b".to_owned(), "aa".to_owned()]), &[2, 1, b'b', 2, b'a', b'a']);
    is(BTreeMap::from([(-1_i8, 1_u8), (1, 2)]), &[2, 1, 2, 0xff, 1]);
    is(HashMap::<u8, bool>::from([(9, true), (3, false), (7, true)]), &[3, 3, 0, 7, 1, 9, 1]);
    let order = "the encoding does not come after the one before it";
    fails::<BTreeSet<u8>>(&[2, 5, 5], &format!("field `[1]`, byte 2: {order}"));
    fails::<HashMap<u8, u8>>(&[2, 5, 0, 4, 0], &format!("field `[1].key`, byte 3: {order}"));
    fails::<BTreeMap<u8, bool>>(&[1, 5, 3], "field `[0].value`, byte 2: a bool is 0 or 1, not 3");
}

#[test]
fn keys_that_are_equal_in_rust_are_refused() {
    /// Texts that differ only in case.
    #[derive(Debug, painda_runtime::PPType)]
    struct Name(String);
    impl PartialEq for Name {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Name {}
    impl PartialOrd for Name {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Name {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.to_lowercase().cmp(&other.0.to_lowercase())
        }
    }
    fails::<BTreeSet<Name>>(&[2, 1, b'A', 1, b'a'], "field `[1]`, byte 3: an equal item or key came before");
}

#[test]
fn structs_and_enums() {
    is(Point { x: 1.5, y: 2.5 }, &[0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]);
    is(Id(7), &[0, 0, 0, 7]);
    is(Pair { a: Some(1_u8), b: None }, &[1, 1, 0]);
    is([Kind::Tree, Kind::Rock, Kind::Lake], &[0, 5, 6]);
    is(Shape::Point, &[0]);
    is(Shape::Circle { centre: Point { x: 0.0, y: 0.0 }, radius: 1.5 }, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0xc0, 0, 0]);
    is(Shape::Label("a".to_owned(), 9), &[3, 1, b'a', 9]);
    is(Shape::Empty {}, &[4]);
    is(Either::<u8, Vec<u8>>::Right(vec![1]), &[1, 1, 1]);
    fails::<Kind>(&[1], "byte 0: no variant has the tag 1");
    fails::<Shape>(&[3, 1, b'a'], "field `Label.1`, byte 3: 1 byte is needed, 0 are left");
    fails::<Point>(&[0; 6], "field `y`, byte 4: 4 bytes are needed, 2 are left");
    fails::<Shape>(&[2, 1, 0, 0], "field `Polygon.0`, byte 2: 8 bytes are needed, 2 are left");
}

#[test]
fn types_that_contain_themselves() {
    let leaf = |name: &str| Tree { name: name.to_owned(), children: Vec::new() };
    let tree = Tree { name: "a".to_owned(), children: vec![leaf("b"), leaf("")] };
    is(tree, &[1, b'a', 2, 1, b'b', 0, 0, 0]);
    let call = Expr::Call { name: String::new(), block: Block { lines: vec![Expr::Number(0.0)] } };
    is(Expr::Not(Box::new(call)), &[1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    is(Link { value: 1_u8, next: Some(Box::new(Link { value: 2, next: None })) }, &[1, 1, 2, 0]);
    assert_eq!(format!("{:#}", Link::<u8>::TYPE), "painda_tests_schema::zoo::Link<u8>");
}

#[test]
fn the_depth_is_limited() {
    let nots = |depth: usize| [vec![1; depth], vec![0; 9]].concat();
    let limit = usize::from(MAX_DEPTH);
    // The number itself is the deepest.
    assert!(Expr::read(&mut Reader::new(&nots(limit - 1))).is_ok());
    let error = Expr::read(&mut Reader::new(&nots(limit))).unwrap_err();
    assert_eq!((error.reason(), error.offset()), (Reason::Depth, limit));
    assert!(error.to_string().starts_with("field `Not.0.Not.0."));
}

#[test]
fn a_path_leads_to_the_part() {
    let mut bytes = Nested {
        id: Id(1),
        kind: Kind::Lake,
        point: Point { x: 0.0, y: 0.0 },
        shapes: vec![Shape::Point, Shape::Label("a".to_owned(), 9)],
        pair: Pair { a: None, b: Some(Id(4)) },
        either: Either::Right(Box::new(Either::Right("no".to_owned()))),
        square: [Point { x: 0.0, y: 0.0 }; 4],
    }
    .to_bytes()
    .to_vec();
    let text = bytes.windows(2).position(|bytes| bytes == b"no").expect("it is there");
    bytes[text] = 0xff;
    assert_eq!(
        Nested::decode(&bytes).unwrap_err().to_string(),
        format!("event `zoo:nested`, field `either.Right.0.Right.0`, byte {text}: the text is not UTF-8"),
    );
    bytes.truncate(16);
    assert_eq!(
        Nested::decode(&bytes).unwrap_err().to_string(),
        "event `zoo:nested`, field `shapes[1].Label.0`, byte 16: 1 byte is needed, 0 are left",
    );
}

#[test]
fn bytes_are_shared_with_the_message() {
    let lists = Lists {
        text: "a".to_owned(),
        blob: Bytes::from_static(&[1, 2, 3]),
        bytes: vec![4],
        numbers: vec![-1],
        flags: vec![],
        texts: vec![],
        nested: vec![vec![], vec![1]],
        maybe: None,
        perhaps: Some(None),
    };
    let message = lists.to_bytes();
    let decoded = Lists::decode_bytes(message.clone()).expect("it is valid");
    assert_eq!(decoded, lists);
    assert_eq!(decoded.blob.as_ptr(), message[3..].as_ptr());
    let ZooEvent::Lists(decoded) = ZooEvent::decode_bytes(2, message.clone()).expect("it is valid") else {
        panic!("another event");
    };
    assert_eq!(decoded.blob.as_ptr(), message[3..].as_ptr());
    let copied = Lists::decode(&message).expect("it is valid");
    assert_ne!(copied.blob.as_ptr(), message[3..].as_ptr());
}

#[test]
fn quantised_floats() {
    let event = Quantised { x: 100.0, between: 7, y: 0.5, z: -180.0, turn: Turn::By(180.0) };
    let bytes = event.to_bytes();
    assert_eq!(bytes, [0xff, 0xff, 7, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff].as_slice());
    let decoded = Quantised::decode(&bytes).expect("it is valid");
    assert_eq!(decoded.y, 128.0 / 255.0);
    assert_eq!((decoded.x, decoded.z, &decoded.turn), (100.0, -180.0, &Turn::By(180.0)));
    assert_eq!(decoded.to_bytes(), bytes);
}

/// Whoever changes `String` to `Arc<str>` changes nothing for anybody else.
#[test]
fn owners_are_encoded_as_what_they_own() {
    #[track_caller]
    fn same<A: Wire + PartialEq + Debug, B: Wire + PartialEq + Debug>(a: A, b: B) {
        assert_eq!(A::TYPE.to_string(), B::TYPE.to_string());
        let bytes = bytes_of(&a);
        is(a, &bytes);
        is(b, &bytes);
    }
    let text = "gr\u{fc}n";
    same(text.to_owned(), Box::<str>::from(text));
    same(text.to_owned(), Arc::<str>::from(text));
    same(text.to_owned(), Cow::Borrowed(text));
    same(vec![1_u16, 2], Box::<[u16]>::from([1, 2]));
    same(vec![text.to_owned()], Arc::<[Arc<str>]>::from([text.into()]));
    same(7_u8, Arc::new(7_u8));
    same(u16::MAX, Wrapping(u16::MAX));
    // One that goes on at the beginning of its memory, so that it is two slices.
    let mut queue = VecDeque::from([3_u32, 4, 5, 6]);
    queue.rotate_left(3);
    queue.push_front(7);
    same(queue.iter().copied().collect::<Vec<_>>(), queue);
    fails::<Arc<str>>(&[1, 0xff], "byte 1: the text is not UTF-8");
    fails::<VecDeque<u16>>(&[2, 0, 1], "byte 1: 4 bytes are needed, 2 are left");
}

#[test]
fn a_result_is_an_enum() {
    is(Ok::<u16, String>(258), &[0, 1, 2]);
    is(Err::<u16, _>("no".to_owned()), &[1, 2, b'n', b'o']);
    is(Ok::<(), ()>(()), &[0]);
    fails::<Result<u16, String>>(&[2], "byte 0: no variant has the tag 2");
    fails::<Result<u16, String>>(&[1, 3, b'a'], "field `Err.0`, byte 2: 3 bytes are needed, 1 is left");
}

#[test]
fn wide_numbers_and_those_that_are_not_0() {
    is(u128::MAX - 1, &[&[0xff; 15][..], &[0xfe]].concat());
    is(-2_i128, &[&[0xff; 15][..], &[0xfe]].concat());
    is(vec![1_u128; 40], &[&[40][..], &[&[0; 15][..], &[1]].concat().repeat(40)].concat());
    is(NonZero::<u16>::MIN, &[0, 1]);
    is(NonZero::<i8>::MIN, &[0x80]);
    is([NonZero::<u128>::MAX], &[0xff; 16]);
    // A zero is an error that names the field.
    fails::<Pair<NonZero<u16>>>(&[0, 1, 0, 0], "field `b`, byte 2: the number must not be 0");
    fails::<Vec<NonZero<i64>>>(&[&[1][..], &[0; 8]].concat(), "field `[0]`, byte 1: the number must not be 0");
}

#[test]
fn characters() {
    is('a', &[0, 0, 0, b'a']);
    is(['\0', char::MAX], &[0, 0, 0, 0, 0, 0x10, 0xff, 0xff]);
    fails::<Pair<char>>(&[0, 0, 0, 0, 0, 0, 0xd8, 0], "field `b`, byte 4: 55296 is no character");
    fails::<char>(&[0, 0x11, 0, 0], "byte 0: 1114112 is no character");
}

#[test]
fn durations_and_times() {
    let second = |seconds: u64, nanos: u32| [&seconds.to_be_bytes()[..], &nanos.to_be_bytes()].concat();
    is(Duration::new(258, 3), &second(258, 3));
    is(Duration::MAX, &second(u64::MAX, 999_999_999));
    is(UNIX_EPOCH, &[0; 12]);
    is(UNIX_EPOCH + Duration::new(1, 1), &second(1, 1));
    // Before 1970 the nanoseconds still count upwards.
    is(UNIX_EPOCH - Duration::new(1, 1), &second(-2_i64 as u64, 999_999_999));
    is(UNIX_EPOCH - Duration::from_secs(8_640_000_000_000), &second(-8_640_000_000_000_i64 as u64, 0));
    is(UNIX_EPOCH + Duration::new(8_639_999_999_999, 999_999_999), &second(8_639_999_999_999, 999_999_999));

    fails::<Pair<Duration>>(
        &[second(0, 0), second(0, 1_000_000_000)].concat(),
        "field `b`, byte 20: a second has less than 1000000000 nanoseconds, not 1000000000",
    );
    fails::<SystemTime>(&second(0, u32::MAX), "byte 8: a second has less than 1000000000 nanoseconds, not 4294967295");
    // What is out of range is sent, so that nothing panics, and refused.
    for time in [
        UNIX_EPOCH + Duration::from_secs(8_640_000_000_000),
        UNIX_EPOCH - Duration::new(8_640_000_000_000, 1),
        UNIX_EPOCH + Duration::from_secs(i64::MAX as u64),
        UNIX_EPOCH - Duration::from_secs(i64::MAX as u64),
    ] {
        fails::<SystemTime>(&bytes_of(&time), "byte 0: the time is out of range");
    }
}

#[test]
fn addresses() {
    is(Ipv4Addr::new(1, 2, 3, 4), &[1, 2, 3, 4]);
    is(Ipv6Addr::LOCALHOST, &[&[0; 15][..], &[1]].concat());
    is(IpAddr::from([1, 2, 3, 4]), &[4, 1, 2, 3, 4]);
    is(IpAddr::from(Ipv6Addr::LOCALHOST), &[&[6][..], &[0; 15], &[1]].concat());
    fails::<Pair<IpAddr>>(&[4, 0, 0, 0, 0, 5, 0, 0, 0, 0], "field `b`, byte 5: an address begins with 4 or 6, not 5");
    fails::<IpAddr>(&[6, 0, 0, 0, 0], "byte 1: 16 bytes are needed, 4 are left");
}
