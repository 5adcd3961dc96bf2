//! The lock file and the hex dump, with every type that a field can have.

use painda_runtime::schema::diff::Class;
use painda_runtime::schema::{SchemaModel, lock};
use painda_runtime::{PPEvent, Schema};
use painda_tests_schema::zoo::{
    Circles, Either, Expr, Id, Kind, Link, Maps, Nested, Pair, Point, Shape, State, StateV1, Tree, Zoo,
};
use std::collections::BTreeMap;

#[test]
fn the_lock_file_of_a_schema_says_that_nothing_has_changed() {
    let text = lock::text(Zoo::registry());
    assert_eq!(lock::changes(Zoo::registry(), &text), Ok(vec![]), "{text}");
    for line in [
        "event 9 \"zoo:state\" painda_tests_schema::zoo::State",
        "  map: String, since 2 = \"lobby\"",
        "  speed: f32 as u16 in 0.0..=1.0, since 2 = 0.5000076",
        "  limits: Map<u8, u16>, since 5 = [[1,2]]",
        "  link: painda_tests_schema::zoo::Link<u8>",
        "struct painda_tests_schema::zoo::Pair<Option<painda_tests_schema::zoo::Id>>",
        "  5 Rock",
        "    centre: painda_tests_schema::zoo::Point",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}

/// The code, the lock file and JSON say the same of a schema: each is made from each.
#[test]
fn a_schema_is_the_same_in_each_of_its_forms() {
    let code = SchemaModel::of(Zoo::registry());
    let value = |model: &SchemaModel| serde_json::from_str::<serde_json::Value>(&model.to_json()).expect("it is JSON");
    let json = SchemaModel::from_json(&code.to_json()).expect("it describes a schema");
    assert_eq!((value(&json), value(&code)), (Zoo::registry().describe(), Zoo::registry().describe()));
    // As somebody else may write it.
    let pretty = serde_json::to_string_pretty(&value(&code)).expect("it is JSON");
    assert_eq!(SchemaModel::from_json(&pretty).expect("it describes a schema").diff(&code), []);

    let text = lock::write(&json);
    assert_eq!(text, lock::text(Zoo::registry()));
    let locked = lock::read(&text).expect("it is a lock file");
    assert_eq!((locked.diff(&code), code.diff(&locked)), (vec![], vec![]));
    assert_eq!(lock::write(&locked), text);
    let again = SchemaModel::from_json(&locked.to_json()).expect("it describes a schema");
    assert_eq!(lock::write(&again), text);
    for other in [&json, &locked, &again] {
        assert_eq!(other.fingerprint(), code.fingerprint());
        assert_eq!(other.conflict_with(&code), None);
    }

    // What only a lock file knows.
    let reserved = lock::read(&format!("{text}\nreserved 99 \"zoo:gone\"\n")).expect("it is a lock file");
    let again = SchemaModel::from_json(&reserved.to_json()).expect("it describes a schema");
    assert!(lock::write(&again).ends_with("reserved 99 \"zoo:gone\"\n"));
}

#[test]
fn a_change_deep_in_a_part_names_the_events_that_contain_it() {
    let old = lock::text(Zoo::registry()).replacen("    radius: f32\n", "    radius: f64\n", 1);
    let changes = lock::changes(Zoo::registry(), &old).expect("it is a lock file");
    let changes: Vec<_> = changes.iter().map(|change| format!("{}: {}", change.place(), change.what())).collect();
    assert_eq!(
        changes,
        ["enum `painda_tests_schema::zoo::Shape` (of the event `zoo:nested`), variant `Circle`, field `radius`: \
          the type was `f64` and is `f32`"]
    );
}

fn nested() -> Nested {
    Nested {
        id: Id(7),
        kind: Kind::Lake,
        point: Point { x: 0.5, y: -1.0 },
        shapes: vec![
            Shape::Point,
            Shape::Circle { centre: Point { x: 1.0, y: 2.0 }, radius: 3.0 },
            Shape::Label("no".into(), 9),
        ],
        pair: Pair { a: None, b: Some(Id(8)) },
        either: Either::Right(Box::new(Either::Right("yes".into()))),
        square: [Point { x: 0.0, y: 0.0 }; 4],
    }
}

#[test]
fn a_dump_shows_every_value_at_its_place() {
    let dump = Nested::DESCRIPTOR.dump(&nested().to_bytes());
    let (head, _) = dump.split_once("square[1]").expect("it is the last field");
    let head = head.rsplit_once('\n').map_or(head, |(head, _)| head);
    assert_eq!(
        head,
        "\
event `zoo:nested`, id 5, 77 bytes
0000  00 00 00 07  id.0                       u32                                   7
0004  06           kind                       Kind                                  Lake
0005  3f 00 00 00  point.x                    f32                                   0.5
0009  bf 80 00 00  point.y                    f32                                   -1.0
000d  03           shapes                     Vec<Shape>                            3 items
000e  00           shapes[0]                  Shape                                 Point
000f  01           shapes[1]                  Shape                                 Circle
0010  3f 80 00 00  shapes[1].Circle.centre.x  f32                                   1.0
0014  40 00 00 00  shapes[1].Circle.centre.y  f32                                   2.0
0018  40 40 00 00  shapes[1].Circle.radius    f32                                   3.0
001c  03           shapes[2]                  Shape                                 Label
001d  02 6e 6f     shapes[2].Label.0          String                                \"no\"
0020  09           shapes[2].Label.1          u8                                    9
0021  00           pair.a                     Option<Id>                            none
0022  01           pair.b                     Option<Id>                            some
0023  00 00 00 08  pair.b.0                   u32                                   8
0027  01           either                     Either<Pair<u8>, Either<(), String>>  Right
0028  01           either.Right.0             Either<(), String>                    Right
0029  03 79 65 73  either.Right.0.Right.0     String                                \"yes\"
002d  00 00 00 00  square[0].x                f32                                   0.0
0031  00 00 00 00  square[0].y                f32                                   0.0"
    );
}

#[test]
fn a_dump_shows_what_a_version_has_brought() {
    let old = StateV1 { tick: 5, names: vec!["x".into()] }.to_bytes();
    let dump = State::DESCRIPTOR.dump(&old);
    assert!(dump.contains("0007               map       String"), "{dump}");
    assert!(dump.ends_with("[\"Rock\"], the default: the message is older than version 5\n"), "{dump}");

    let new = State::decode(&old).expect("it is an older version").to_bytes();
    let dump = StateV1::DESCRIPTOR.dump(&new);
    assert!(dump.ends_with("  ignored: fields of a newer version of the event\n"), "{dump}");
}

#[test]
fn a_dump_ends_with_the_error() {
    let end = |dump: String| dump.lines().last().map(str::to_owned).expect("there are lines");
    let bytes = nested().to_bytes();
    for len in 0..bytes.len() {
        let (dump, error) = (Nested::DESCRIPTOR.dump(&bytes[..len]), Nested::decode(&bytes[..len]));
        assert!(error.is_err() && end(dump.clone()).contains("  error"), "{dump}");
    }

    let maps = Maps {
        scores: BTreeMap::from([("a".into(), 1), ("b".into(), 2)]),
        grid: BTreeMap::new(),
        online: [].into(),
        names: [].into(),
        seen: [].into(),
        deep: BTreeMap::new(),
    };
    let mut bytes = maps.to_bytes().to_vec();
    assert_eq!(&bytes[..3], &[2, 1, b'a']);
    bytes[2] = b'c';
    let error = end(Maps::DESCRIPTOR.dump(&bytes));
    assert_eq!(error.split_whitespace().take(3).collect::<Vec<_>>(), ["0007", "01", "62"]);
    assert!(error.ends_with("error: the encoding does not come after the one before it"), "{error}");

    let deep = (0..100).fold(Tree::default(), |tree, _| Tree { name: String::new(), children: vec![tree] });
    let link = Link { value: 1, next: None };
    let bytes = Circles { tree: deep, expr: Expr::Number(1.0), link, boxed: Box::default() }.to_bytes();
    assert!(end(Circles::DESCRIPTOR.dump(&bytes)).contains("error: the value is nested deeper than 64 "));
}

/// Owners of text and items can be exchanged: neither the lock file nor another node sees a difference.
#[test]
fn another_owner_is_no_change() {
    mod owned {
        #[derive(painda_runtime::PPEvent)]
        #[pp(event = "chat:line", id = 1)]
        #[allow(dead_code)]
        pub(super) struct Line(String, Vec<u16>, u32, Vec<String>, super::Either<u8, String>);
        painda_runtime::schema! { pub(super) Chat { Line } }
    }
    mod shared {
        use std::borrow::Cow;
        use std::collections::VecDeque;
        use std::num::Wrapping;
        use std::sync::Arc;

        #[derive(painda_runtime::PPEvent)]
        #[pp(event = "chat:line", id = 1)]
        #[allow(dead_code)]
        pub(super) struct Line(
            Arc<str>,
            Box<[u16]>,
            Wrapping<u32>,
            VecDeque<Cow<'static, str>>,
            Arc<super::Either<u8, Box<str>>>,
        );
        painda_runtime::schema! { pub(super) Chat { Line } }
    }
    let owned = SchemaModel::of(owned::Chat::registry());
    // As if both were in one place.
    let shared = SchemaModel::of(shared::Chat::registry()).to_json().replace("::shared::", "::owned::");
    let shared = SchemaModel::from_json(&shared).expect("it describes a schema");
    assert_eq!((owned.diff(&shared), shared.diff(&owned)), (vec![], vec![]));
    assert_eq!(owned.fingerprint(), shared.fingerprint());
    assert_eq!(owned::Line::LAYOUT_FINGERPRINT, shared::Line::LAYOUT_FINGERPRINT);
    assert_eq!(owned::Line::NAMES_FINGERPRINT, shared::Line::NAMES_FINGERPRINT);
}

/// Types that look alike are different ones on the wire: the change is refused, whichever way it goes.
#[test]
fn a_limit_a_unit_or_a_width_is_a_change_of_the_wire() {
    let model = |ty: &str| {
        let text = lock::text(Zoo::registry()).replacen("  took: Duration\n", &format!("  took: {ty}\n"), 1);
        lock::read(&text).unwrap_or_else(|error| panic!("{ty}: {error}"))
    };
    let types = [
        "Duration",
        "Timestamp",
        "u64",
        "NonZero<u64>",
        "NonZero<i64>",
        "u128",
        "i128",
        "char",
        "u32",
        "String",
        "Ipv4Addr",
        "Ipv6Addr",
        "IpAddr",
        "[u8; 16]",
    ];
    for old in types {
        for new in types {
            let changes = model(old).diff(&model(new));
            let said: Vec<_> = changes.iter().map(|change| (change.class(), change.what().to_owned())).collect();
            let expected = (Class::OnWire, format!("the type was `{old}` and is `{new}`"));
            assert_eq!(said, if old == new { vec![] } else { vec![expected] }, "{old}, {new}");
            // The text is that of the type, and the type that of the text.
            assert_eq!(SchemaModel::from_json(&model(new).to_json()).expect("a schema").diff(&model(new)), []);
        }
    }
}

/// A row for each value, with its type, also where a value is wrong.
#[test]
fn a_dump_shows_times_addresses_and_characters() {
    #[derive(PPEvent)]
    #[pp(event = "seen", id = 1)]
    struct Seen {
        took: std::time::Duration,
        at: std::time::SystemTime,
        from: std::net::IpAddr,
        letter: char,
        count: std::num::NonZeroU16,
    }
    let bytes = Seen {
        took: std::time::Duration::from_micros(1500),
        at: std::time::UNIX_EPOCH,
        from: [10, 0, 0, 1].into(),
        letter: 'ö',
        count: std::num::NonZeroU16::MIN,
    }
    .to_bytes();
    assert_eq!(
        Seen::DESCRIPTOR.dump(&bytes),
        "\
event `seen`, id 1, 35 bytes
0000  00 00 00 00 00 00 00 00 00 16 e3 60  took    Duration      1.5
000c  00 00 00 00 00 00 00 00 00 00 00 00  at      Timestamp     \"1970-01-01T00:00:00.000Z\"
0018  04 0a 00 00 01                       from    IpAddr        \"10.0.0.1\"
001d  00 00 00 f6                          letter  char          \"ö\"
0021  00 01                                count   NonZero<u16>  1
"
    );
    let wrong = [&bytes[..34], &[0]].concat();
    assert!(Seen::DESCRIPTOR.dump(&wrong).ends_with("NonZero<u16>  error: the number must not be 0\n"));
}

/// The test runs itself in processes of their own, because the environment belongs to a process and what a test that
/// passes prints is shown only in part.
#[test]
fn an_accepted_change_is_shown_and_another_value_is_refused() {
    const LOCK_FILE: &str = "PAINDA_TESTS_LOCK_FILE";
    if let Some(path) = std::env::var_os(LOCK_FILE) {
        return lock::check::<Zoo>(path);
    }
    let folder = std::env::temp_dir().join(format!("painda-accept-{}", std::process::id()));
    let path = folder.join("schema.lock");
    let run = |accept: &str| {
        let this = std::env::current_exe().expect("this test runs");
        let output = std::process::Command::new(this)
            .args(["--exact", "an_accepted_change_is_shown_and_another_value_is_refused"])
            .env(LOCK_FILE, &path)
            .env("CI", "true")
            .env("PAINDA_ACCEPT", accept)
            .output()
            .expect("this test can be run again");
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("it is text")).concat();
        (output.status.success(), said)
    };
    let check = |accept: &str, succeeds: bool, expected: &str| {
        let (success, said) = run(accept);
        assert_eq!(success, succeeds, "PAINDA_ACCEPT={accept}: {said}");
        assert!(said.contains(expected), "{expected}\n{said}");
    };
    let code = lock::text(Zoo::registry());
    let file = || std::fs::read_to_string(&path).expect("the file is there");

    check("", false, "schema.lock is missing");
    check("everything", false, "PAINDA_ACCEPT is \"everything\", which is not known. Its values are 1 (");
    check("1", true, "schema.lock is new: commit it.");
    assert_eq!(file(), code);

    let old = code.replacen("    radius: f32\n", "    radius: f64\n", 1);
    std::fs::write(&path, &old).expect("the file can be written");
    for value in ["", "0", "1", "source", "json"] {
        check(value, false, ":\nPAINDA_ACCEPT=wire cargo test --package painda-tests-schema\n");
        assert_eq!(file(), old, "PAINDA_ACCEPT={value}");
    }
    check("wire", true, ", field `radius`: the type was `f64` and is `f32`\n");
    assert_eq!(file(), code);
    std::fs::remove_dir_all(folder).expect("the folder is there");
}
