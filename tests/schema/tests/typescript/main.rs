//! The generated TypeScript: compilers at their strictest accept it, and Node agrees with Rust on every message, good or
//! bad.

mod needed;
mod node;
mod words;

use node::{FOLDER, compile, compiled, driver, node, run, tool};

use painda_runtime::schema::typescript;
use painda_runtime::{PPEvent, Schema, SchemaEvent};
use painda_tests_schema::zoo;
use painda_tests_schema::zoo::{Tree, Zoo, ZooEvent};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn the_module_of_the_zoo_is_up_to_date() {
    typescript::check::<Zoo>("typescript/zoo.ts");
}

#[test]
fn programs_use_it_under_the_strictest_compiler() {
    run(node().arg(compiled().join("usage.js")), "");
}

/// `socket.send(Numbers.encode(…))` and the like: what bytes the browser's functions take differs from version to
/// version.
#[test]
fn the_calls_of_the_browser_take_its_bytes_under_every_compiler() {
    compile(&["zoo.ts", "usage.ts", "dom.ts"]);
}

/// What is not imported does not end up in a bundle.
#[test]
fn bundlers_drop_what_is_not_used() {
    compiled();
    let bundle = |source: &str| {
        let mut esbuild = Command::new(tool("esbuild"));
        esbuild.args(["--bundle", "--format=esm", "--sourcefile=main.ts", "--loader=ts"]).current_dir(FOLDER);
        run(&mut esbuild, source)
    };
    assert_eq!(bundle("import { Numbers } from './zoo'; export {};").trim(), "");
    let numbers = bundle("import { Numbers } from './zoo'; console.log(Numbers.id);");
    assert!(numbers.contains("zoo:numbers") && !numbers.contains("zoo:lists"), "{numbers}");
}

/// Node makes events of every kind; Rust reads the same values from them, and writes the same bytes.
#[test]
fn rust_understands_typescript() {
    for made in made() {
        let bytes = bytes_of(&made);
        let event = descriptor(&made);
        let json = event.to_json(&bytes).unwrap_or_else(|error| panic!("{error}\n{}", event.dump(&bytes)));
        assert!(agrees(&made, &json), "{}\n{json}\n{}", made["json"], event.dump(&bytes));
        let decoded = ZooEvent::decode(event.id(), &bytes).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(encoded(&decoded), bytes, "{}", event.dump(&bytes));
    }
}

/// Node reads what Rust writes, and each of its truncations, and mutations of it: it accepts the same messages, reads
/// the same values, and complains about the same.
#[test]
fn typescript_understands_rust() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut messages = extremes();
    for made in made() {
        let (id, bytes) = (descriptor(&made).id(), bytes_of(&made));
        // Most errors are at the ends of short messages; long ones are cut at some places only.
        let step = 1 + bytes.len() / 40;
        messages.extend((0..bytes.len()).step_by(step).map(|end| (id, bytes[..end].to_vec())));
        messages.extend((0..20).map(|_| (id, random.mutated(&bytes))));
        messages.push((id, bytes));
    }
    let questions: String =
        messages.iter().map(|(id, bytes)| json!({ "id": id, "hex": hex(bytes) }).to_string() + "\n").collect();
    let answers = driver(&compiled().join("zoo.js"), &["decode"], &questions);
    assert_eq!(answers.len(), messages.len());

    let (mut good, mut bad) = (0, 0);
    for ((id, bytes), answer) in messages.iter().zip(answers) {
        let event = Zoo::registry().by_id(*id).expect("it is in the schema");
        match ZooEvent::decode(*id, bytes) {
            Ok(decoded) => {
                good += 1;
                let json = event.to_json(bytes).expect("it has been decoded");
                assert!(agrees(&answer, &json), "{answer}\n{json}\n{}", event.dump(bytes));
                // JavaScript does not keep the bits of a NaN.
                if !json.to_string().contains("\"NaN\"") && !is_finer_than_javascript(&json) {
                    assert_eq!(answer["hex"], hex(&encoded(&decoded)), "{}", event.dump(bytes));
                }
            }
            Err(error) => {
                bad += 1;
                let (rust, node) = (error.to_string(), answer["error"].as_str().unwrap_or("no error"));
                assert!(same_error(&rust, node), "{rust}\n{answer}\n{}", event.dump(bytes));
            }
        }
    }
    // That there are many of both shows that the mutations are not too wild, and not too tame.
    assert!(good > 1000 && bad > 1000, "{good} good messages, {bad} bad ones");
}

/// Whether there is a time with more than milliseconds, or a duration that is no number, in the JSON of [`zoo::Times`].
fn is_finer_than_javascript(json: &Value) -> bool {
    let is_finer = |value: &Value| match value.as_str() {
        Some(time) if time.ends_with('Z') => time.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 4),
        Some(_) => true,
        None => false,
    };
    ["took", "at", "ended"].iter().any(|name| json.get(name).is_some_and(is_finer))
        || ["waits", "days"]
            .iter()
            .any(|name| json.get(name).and_then(Value::as_array).is_some_and(|items| items.iter().any(is_finer)))
}

/// The same error, with two liberties: Node does not know where in a text the wrong byte is, and Rust, which reads
/// neighbours of fixed size together, names no part of the one that is cut off.
fn same_error(rust: &str, node: &str) -> bool {
    let place = |message: &str| message.split(", byte").next().unwrap_or_default().to_owned();
    let both_end = |end| rust.ends_with(end) && node.ends_with(end);
    let both_end_early = both_end(" left") && place(node).starts_with(place(rust).trim_end_matches('`'));
    rust == node || (both_end("not UTF-8") && place(rust) == place(node)) || both_end_early
}

/// Messages that chance would not find.
fn extremes() -> Vec<(u16, Vec<u8>)> {
    let tree = |depth: usize| {
        let tree = (0..depth).fold(Tree::default(), |tree, _| Tree { name: String::new(), children: vec![tree] });
        let circles = zoo::Circles {
            tree,
            expr: zoo::Expr::Number(f64::MIN_POSITIVE),
            link: zoo::Link { value: 1, next: None },
            boxed: Box::default(),
        };
        (zoo::Circles::ID, circles.to_bytes().to_vec())
    };
    let list = |count: &[u8]| (zoo::StateV1::ID, [&[0, 0, 0, 1], count].concat());
    let mut messages = vec![tree(0), tree(62), tree(63), tree(64), tree(200)];
    for count in
        [&[0][..], &[0x80, 0], &[0x80, 0x80, 0], &[0xff; 4], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff; 5], &[0x80; 9]]
    {
        messages.push(list(count));
    }
    // The greatest counts of items with and without bytes.
    messages.push((zoo::Lists::ID, [&[0, 0, 0, 0, 0, 0], &[0xff, 0xff, 0xff, 0xff, 0x0f][..]].concat()));
    messages
}

// --- Messages and values.

/// A few hundred events that Node has made, the same in every run.
fn made() -> Vec<Value> {
    driver(&compiled().join("zoo.js"), &["make", "660"], "")
}

fn descriptor(made: &Value) -> &'static painda_runtime::EventDescriptor {
    let id = made["id"].as_u64().and_then(|id| u16::try_from(id).ok()).expect("an id");
    Zoo::registry().by_id(id).expect("it is in the schema")
}

/// Whether the JSON of an answer is that of Rust. What is nested too deep for the parser counts as such: its bytes are
/// compared anyway.
fn agrees(answer: &Value, json: &Value) -> bool {
    match serde_json::from_str(answer["json"].as_str().unwrap_or("null")) {
        Ok(parsed) => same(&parsed, json),
        Err(error) => error.to_string().starts_with("recursion limit exceeded"),
    }
}

fn bytes_of(made: &Value) -> Vec<u8> {
    let hex = made["hex"].as_str().expect("a string").as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
    hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encoded(event: &ZooEvent) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    bytes
}

/// The same JSON, where a number may be written in several ways; that the bytes are the same shows that it is exact.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || a as f32 == b as f32
        }
        // Durations, and times, for which JavaScript has no exact value.
        (Value::Number(_), Value::String(b)) => b.parse::<f64>().is_ok_and(|b| same(a, &b.into())),
        (Value::String(a), Value::String(b)) => a == b || (a.ends_with('Z') && b.starts_with(a.trim_end_matches('Z'))),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A generator of numbers that are the same in every run: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    /// The message with one to three bytes changed, added or gone.
    fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let byte = [0, 1, 2, 0x7f, 0x80, 0xff, self.below(256) as u8][self.below(7)];
            match self.below(4) {
                0 => bytes.insert(at, byte),
                1 if !bytes.is_empty() => {
                    bytes.remove(at);
                }
                _ => match bytes.get_mut(at) {
                    Some(old) => *old = byte,
                    None => bytes.push(byte),
                },
            }
        }
        bytes
    }
}
