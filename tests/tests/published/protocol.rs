//! The protocol in the documentation, mostly in `docs/protocol.md`: what it says about bytes, codes and limits is what the code does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use painda_runtime::{
    PPEvent, Schema,
    codec::Wire,
    wire::{close_code, control, dump, error_code::ErrorCode, frame::DEFAULT_MAX_INFLATED},
};
use painda_tests::frames::hex;
use schemas::Arena;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// What stands in a fenced block of text.
fn blocks() -> impl Iterator<Item = &'static str> {
    PAGE.split("```text\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0))
}

/// The bytes that the rows of a dump show.
fn bytes_of(dump: &str) -> Vec<u8> {
    let column = |line: &str| line.get(6..).unwrap_or_default().split("  ").next().unwrap_or_default().to_owned();
    let pairs: Vec<String> = dump.lines().skip(1).map(column).collect();
    let pairs = pairs.iter().flat_map(|row| row.split(' '));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two hex digits")).collect()
}

/// The cells of the rows of the next table, the head left out.
fn table_after(start: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = PAGE.split_once(start).expect("it is there");
    let table = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    table_after(&format!("\n{heading}\n"))
}

fn code(cell: &str) -> String {
    format!("`{cell}`")
}

#[test]
fn every_dump_is_what_its_bytes_say() {
    let reference: Value = serde_json::from_str(include_str!("../../data/reference.json")).expect("JSON");
    let cases = |kind: &str| reference[kind].as_array().expect("a list").clone();
    let known: BTreeSet<String> = [cases("envelope"), cases("frame")]
        .concat()
        .iter()
        .filter_map(|case| Some(case["hex"].as_str()?.to_owned()))
        .collect();
    let (mut dumps, mut of_the_reference) = (0, 0);
    for block in blocks() {
        let bytes = bytes_of(block);
        of_the_reference += usize::from(known.contains(&hex(&bytes)));
        let bytes = Bytes::from(bytes);
        let again = match block.starts_with("client frame") {
            true => dump::frame(Arena::registry(), &bytes, DEFAULT_MAX_INFLATED),
            false => dump::envelope(Arena::registry(), &bytes),
        };
        assert_eq!(block, again);
        assert!(!block.contains("error"), "{block}");
        dumps += 1;
    }
    // All but those of our own: version 1, an audience, a question, an answer.
    assert_eq!((dumps, of_the_reference), (9, 5));
}

/// The types of the examples.
#[derive(PPEvent)]
#[pp(event = "examples", id = 1)]
struct Examples {
    u16: u16,
    i32: i32,
    f32: f32,
    bool: bool,
    string: String,
    list: Vec<u16>,
    wide: i128,
    letter: char,
    took: Duration,
    at: SystemTime,
    from: IpAddr,
    none: Option<u8>,
    some: Option<u8>,
    map: BTreeMap<u8, bool>,
}

#[test]
fn the_examples_of_values_are_encoded_so() {
    let examples: Vec<_> = table_after("Examples:\n\n").into_iter().filter(|row| !row[1].is_empty()).collect();
    let fields = Examples::DESCRIPTOR.fields();
    assert_eq!(examples.len(), fields.len());
    let (mut payload, mut expected) = (serde_json::Map::new(), Vec::new());
    for (row, field) in examples.iter().zip(fields) {
        assert_eq!(row[0], code(&field.ty().to_string()), "the type of {}", field.name());
        payload.insert(field.name().to_owned(), serde_json::from_str(row[1].trim_matches('`')).expect("JSON"));
        expected.extend(row[2].trim_matches('`').split(' ').map(|pair| u8::from_str_radix(pair, 16).expect("hex")));
    }
    let encoded = Examples::DESCRIPTOR.from_json(&Value::Object(payload)).expect("values of these types");
    assert_eq!(hex(&encoded), hex(&expected));

    let mut long = Vec::new();
    Bytes::from(vec![0; 300]).write(&mut long);
    assert_eq!(long[..3], [0xac, 0x02, 0]);
}

#[test]
fn the_json_of_types_is_that_of_the_reflection() {
    let reflection = include_str!("../../../painda-runtime/src/schema/reflect/mod.rs");
    let rows: Vec<&str> = reflection.lines().filter_map(|line| line.strip_prefix("//! |")).skip(2).collect();
    assert!(rows.len() > 5, "the table is there");
    for row in rows {
        assert!(PAGE.contains(&format!("\n|{row}\n")), "{row}");
    }
}

#[test]
fn every_error_code_is_listed() {
    let listed: Vec<&str> = rows("### Error codes").iter().map(|row| row[0]).collect();
    assert_eq!(listed, ErrorCode::ALL.iter().map(|known| code(known.as_str())).collect::<Vec<_>>());
}

#[test]
fn every_control_message_is_listed() {
    let listed: Vec<&str> = rows("### Control messages").iter().map(|row| row[0]).collect();
    let known =
        [control::AUTH, control::ERROR, control::SHUTDOWN, control::SESSION, control::RECOVERY, control::ACK].map(code);
    assert_eq!(listed, known);
    for other in [control::NAMESPACE, control::ACK_ID] {
        assert!(PAGE.contains(&code(other)));
    }
}

#[test]
fn every_close_code_is_listed_and_terminal_where_it_is() {
    let constants = include_str!("../../../painda-runtime/src/wire/close_code.rs");
    let constants = constants.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(": u16 = "));
    let constants: BTreeSet<u16> =
        constants.map(|(_, code)| code.trim_end_matches(';').parse().expect("a number")).collect();
    let mut listed = BTreeSet::new();
    for row in rows("### Close codes") {
        let Ok(code) = row[0].parse() else { continue };
        listed.insert(code);
        assert_eq!(row[2], if close_code::is_terminal(code) { "yes" } else { "no" }, "{code}");
    }
    assert_eq!(listed, constants);
    assert!(!close_code::is_terminal(1006) && !close_code::is_terminal(1005) && close_code::is_terminal(4321));
}

/// What the builder's documentation says of a method's default.
fn default_of(method: &str) -> String {
    let builder = [
        include_str!("../../../painda-runtime/src/server/builder/limits.rs"),
        include_str!("../../../painda-runtime/src/server/builder/mod.rs"),
    ];
    let head = format!("pub fn {method}(");
    let (before, _) = builder.iter().find_map(|file| file.split_once(&head)).expect("a method of the builder");
    let lines: Vec<&str> = before.lines().rev().map(str::trim).skip_while(|line| !line.starts_with("///")).collect();
    let lines = lines.iter().take_while(|line| line.starts_with("///")).map(|line| line.trim_start_matches('/').trim());
    let mut lines: Vec<&str> = lines.collect();
    lines.reverse();
    lines.join(" ")
}

/// The codes after which the module of the chapter Clients connects again are those after which it is worth while.
#[test]
fn the_module_of_the_chapter_clients_knows_which_close_codes_are_terminal() {
    let (_, list) =
        include_str!("../../../docs/clients.md").split_once("const PASSING = [").expect("the module has a list");
    let (list, _) = list.split_once(']').expect("it ends");
    let passing: Vec<u16> = list.split(", ").map(|code| code.parse().expect("a number")).collect();
    let expected: Vec<u16> = (1000..5000).filter(|&code| !close_code::is_terminal(code)).collect();
    assert_eq!(passing, expected);
}

#[test]
fn the_limits_are_those_of_the_builder() {
    let rows = rows("### Limits");
    assert!(rows.len() > 10);
    for row in rows {
        let documentation = default_of(row[0].trim_matches('`'));
        let (_, default) = documentation.split_once("efault: ").unwrap_or(("", &documentation));
        // Links are text here.
        let default: String = default.split("](").next().unwrap_or_default().replace('[', "");
        assert!(default.contains(row[1]), "{}: {default}", row[0]);
    }
}

#[test]
fn the_payloads_of_control_messages_have_these_members() {
    let members = |message: painda_runtime::Message| {
        let payload: Value = serde_json::from_slice(message.payload()).expect("JSON");
        let names: Vec<String> = payload.as_object().expect("an object").keys().cloned().collect();
        format!("`{{{}}}`", names.join(", "))
    };
    let rows = rows("### Control messages");
    let said = control::ToClient::Error { code: ErrorCode::BadJson, message: "" };
    assert_eq!(rows[1][2], members(said.message()));
    let said = control::ToClient::Shutdown { reason: "", timeout_ms: 1 };
    assert_eq!(rows[2][2], members(said.message()));
    let auth = json!({ "token": "x" }).to_string();
    let read = control::FromClient::read(control::AUTH, Some(&auth));
    assert_eq!((rows[0][2], read), ("`{token}`", Some(control::FromClient::Auth { token: Some("x".into()) })));
}
