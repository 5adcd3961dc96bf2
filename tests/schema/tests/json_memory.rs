//! JSON text becomes an event, and an event JSON text, in at most four times the memory of the text. A schema's description takes
//! a small multiple of its text.

use painda_runtime::schema::{JsonReason, SchemaModel};
use painda_runtime::{PPEvent, PPType, Schema, schema};
use painda_tests_schema::allocations::{Counting, peak};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What does not grow with the text.
const SLACK: usize = 16 * 1024;
/// The length of the texts.
const LEN: usize = 1 << 20;

/// One event with a field for each kind of text; those that are missing are `null`.
#[derive(PPEvent)]
#[pp(event = "memory:all", id = 1)]
struct All {
    numbers: Option<Vec<u64>>,
    floats: Option<Vec<f64>>,
    bytes: Option<Vec<u8>>,
    points: Option<Vec<Point>>,
    names: Option<BTreeMap<String, String>>,
    scores: Option<HashMap<u32, u8>>,
    set: Option<BTreeSet<String>>,
    small: Option<BTreeSet<Option<u8>>>,
    nested: Option<Vec<Option<Option<Option<u8>>>>>,
    text: Option<String>,
    blob: Option<bytes::Bytes>,
    tree: Option<Tree>,
    kinds: Option<Vec<Kind>>,
}

#[derive(PPType)]
struct Point {
    x: f32,
    y: f32,
}

#[derive(PPType)]
struct Tree {
    children: Vec<Tree>,
}

#[derive(PPType)]
enum Kind {
    Off,
    On(u8),
}

/// An event of defaults.
#[derive(PPEvent)]
#[pp(event = "memory:defaults", id = 2)]
struct Defaults {
    items: Vec<Options>,
}

#[derive(PPType)]
struct Options {
    a: Option<u8>,
    b: Option<u8>,
    c: Option<u8>,
    d: Option<u8>,
    e: Option<u8>,
    f: Option<u8>,
    g: Option<u8>,
    h: Option<u8>,
    i: Option<u8>,
    j: Option<u8>,
}

schema! { Memory { All, Defaults } }

/// Text of about [`LEN`] bytes: the pieces with commas in between, and what stands before and behind them.
fn text(before: &str, piece: impl Fn(usize, &mut String) -> std::fmt::Result, behind: &str) -> String {
    let mut text = String::with_capacity(LEN + 1024);
    text.push_str(before);
    let mut at = 0;
    while text.len() < LEN {
        text.push_str(if at == 0 { "" } else { "," });
        piece(at, &mut text).expect("a string grows");
        at += 1;
    }
    text.push_str(behind);
    text
}

/// The same piece again and again.
fn same(piece: &str) -> impl Fn(usize, &mut String) -> std::fmt::Result {
    move |_, text| text.write_str(piece)
}

/// Different numbers, not in their order.
fn mixed(at: usize) -> usize {
    at ^ 0x5a5a5
}

/// The text becomes an event, and that text again.
#[track_caller]
fn is_cheap(text: &str) {
    let (bytes, held) = peak(|| All::DESCRIPTOR.from_json_text(text, usize::MAX));
    assert!(held <= 4 * text.len() + SLACK, "{held} bytes for {} of text", text.len());
    let bytes = bytes.expect("it is valid");
    let mut again = Vec::new();
    let (written, held) = peak(|| All::DESCRIPTOR.write_json_text(&bytes, &mut again));
    written.expect("it is valid");
    assert!(held <= 4 * again.len() + SLACK, "{held} bytes for {} of text", again.len());
}

/// The text is refused.
#[track_caller]
fn is_refused(text: &str) -> JsonReason {
    let (bytes, held) = peak(|| All::DESCRIPTOR.from_json_text(text, usize::MAX));
    assert!(held <= 4 * text.len() + SLACK, "{held} bytes for {} of text", text.len());
    bytes.expect_err("it is wrong").reason().clone()
}

#[test]
fn lists_of_numbers() {
    // Eight bytes for two: nothing takes more.
    is_cheap(&text("{\"numbers\":[", same("0"), "]}"));
    is_cheap(&text("{\"floats\":[", same("0"), "]}"));
    is_cheap(&text("{\"bytes\":[", same("0"), "]}"));
}

#[test]
fn lists_of_small_objects() {
    is_cheap(&text("{\"points\":[", same("{\"x\":0,\"y\":1}"), "]}"));
    is_cheap(&text("{\"points\":[", same("{\"y\":1,\"x\":0,\"x\":2}"), "]}"));
    is_cheap(&text("{\"kinds\":[", same("{\"On\":1}"), "]}"));
    is_cheap(&text("{\"kinds\":[", same("\"Off\""), "]}"));
}

#[test]
fn fields_in_another_order() {
    is_cheap(&text("{\"text\":\"x\",\"numbers\":[", same("0"), "],\"bytes\":[1]}"));
    is_cheap(&text("{\"text\":\"", same("abcdefgh"), "\",\"numbers\":[1]}"));
    is_cheap(&text("{", same("\"numbers\":[1]"), "}"));
}

#[test]
fn maps() {
    is_cheap(&text("{\"names\":{", |at, text| write!(text, "\"{:x}\":\"\"", mixed(at)), "}}"));
    is_cheap(&text("{\"names\":{", same("\"\":\"\""), "}}"));
    is_cheap(&text("{\"scores\":[", |at, text| write!(text, "[{},0]", mixed(at)), "]}"));
    assert_eq!(is_refused(&text("{\"scores\":[", same("[0,0]"), "]}")), JsonReason::Duplicate);
}

#[test]
fn sets() {
    is_cheap(&text("{\"set\":[", |at, text| write!(text, "\"{:x}\"", mixed(at)), "]}"));
    assert_eq!(is_refused(&text("{\"set\":[", same("\"\""), "]}")), JsonReason::Duplicate);
    assert_eq!(is_refused(&text("{\"small\":[", same("1"), "]}")), JsonReason::Duplicate);
    // What is wrong with an item is said before that others are repeated.
    let wrong = is_refused(&text("{\"small\":[", same("1"), ",\"\"]}"));
    assert!(matches!(wrong, JsonReason::Expected { .. }), "{wrong:?}");
}

#[test]
fn options_in_options() {
    is_cheap(&text("{\"nested\":[", same("[[1]]"), "]}"));
    is_cheap(&text("{\"nested\":[", same("[null]"), "]}"));
}

#[test]
fn text_and_bytes() {
    is_cheap(&text("{\"text\":\"", same("abcdefgh"), "\"}"));
    is_cheap(&text("{\"text\":\"", same("\\n"), "\"}"));
    is_cheap(&format!("{{\"blob\":\"{}\"}}", "AAAA".repeat(LEN / 4)));
}

#[test]
fn fields_that_nobody_knows() {
    is_cheap(&text("{\"unknown\":[", same("{\"a\":0}"), "]}"));
    is_cheap(&text("{\"unknown\":[", same("[[[[[[[[[]]]]]]]]]"), "]}"));
}

#[test]
fn nested_deeply() {
    is_cheap(&text("{\"tree\":{\"children\":[", same("{\"children\":[]}"), "]}}"));
    assert!(matches!(is_refused(&"[".repeat(LEN)), JsonReason::Syntax(_)));
    assert!(matches!(is_refused(&format!("{{\"unknown\":{}", "[".repeat(LEN))), JsonReason::Syntax(_)));
}

#[test]
fn what_is_wrong_at_the_beginning() {
    is_refused(&text("{\"numbers\":[\"\",", same("0"), "]}"));
    is_refused(&text("{\"points\":[", same("{\"x\":\"\",\"y\":\"\"}"), "]}"));
    is_refused(&text("{\"names\":{", |at, text| write!(text, "\"{:x}\":0", mixed(at)), "}}"));
}

#[test]
fn defaults_are_limited() {
    let text = text("{\"items\":[", same("{}"), "]}");
    let (refused, held) = peak(|| Defaults::DESCRIPTOR.from_json_text(&text, text.len()));
    assert_eq!(refused.expect_err("it is larger").reason(), &JsonReason::TooLarge { limit: text.len() });
    assert!(held <= text.len() + SLACK, "{held} bytes");
}

/// A schema that another node has described is built in a small multiple of its text, whatever it says, and compared in less.
#[test]
fn descriptions_of_schemas() {
    let event = |fields: &str| format!("{{\"painda\":1,\"events\":[{{\"name\":\"e\",\"id\":1,\"fields\":[{fields}");
    let field = |ty: &str| event(&format!("{{\"name\":\"x\",\"type\":{ty}"));
    let types = "{\"painda\":1,\"events\":[],\"types\":{";
    type Piece<'a> = &'a dyn Fn(usize, &mut String) -> std::fmt::Result;
    let pieces: [(String, Piece<'_>, &str); 12] = [
        (event(""), &|at, text| write!(text, "{{\"name\":\"{at:x}\",\"type\":\"u8\"}}"), "]}]}"),
        (event(""), &|at, text| write!(text, "{{\"name\":\"{at:x}\",\"type\":\"u8\",\"doc\":\"a\"}}"), "]}]}"),
        (
            event("{\"name\":\"x\",\"type\":\"u8\"},"),
            &|at, text| write!(text, "{{\"name\":\"{at:x}\",\"type\":\"u8\",\"since\":2,\"default\":0}}"),
            "]}]}",
        ),
        (field("{\"tuple\":["), &|_, text| text.write_str("\"u8\""), "]}}]}]}"),
        (field("{\"tuple\":["), &|_, text| text.write_str("{\"tuple\":[]}"), "]}}]}]}"),
        (field("{\"tuple\":["), &|_, text| text.write_str("{\"option\":\"u8\"}"), "]}}]}]}"),
        (field("{\"tuple\":["), &|_, text| text.write_str("{}"), "]}}]}]}"),
        (field("{\"tuple\":["), &|at, text| write!(text, "{{\"ref\":\"{at:x}\"}}"), "]}}]}]}"),
        (types.to_owned(), &|at, text| write!(text, "\"{at:x}\":{{\"fields\":[]}}"), "}}"),
        (
            format!("{types}\"T\":{{\"variants\":["),
            &|_, text| text.write_str("{\"tag\":1,\"name\":\"\",\"fields\":[]}"),
            "]}}}",
        ),
        (
            "{\"painda\":1,\"events\":[".to_owned(),
            &|at, text| write!(text, "{{\"id\":{},\"name\":\"{at:x}\",\"fields\":[]}}", at % 65536),
            "]}",
        ),
        ("{\"painda\":1,\"events\":[],\"reserved\":[".to_owned(), &|_, text| text.write_str("[1,\"\"]"), "]}"),
    ];
    let ours = SchemaModel::of(Memory::registry());
    for (before, piece, behind) in pieces {
        let text = text(&before, piece, behind);
        let (model, held) = peak(|| SchemaModel::from_json(&text));
        assert!(held <= 32 * text.len() + SLACK, "{held} bytes for {} of {}…", text.len(), &text[..100]);
        let Ok(theirs) = model else { continue };
        let (_, held) = peak(|| ours.conflict_with(&theirs));
        assert!(held <= 32 * text.len() + SLACK, "{held} bytes to compare {} of {}…", text.len(), &text[..100]);
    }
}
