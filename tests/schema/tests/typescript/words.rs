//! Types, fields and variants that are called as anything that means something already.

use crate::node::{FOLDER, OUT, compile, compiled, driver, node, run, tsc};
use painda_runtime::codec::{EnumType, Field, Layout, Number, Shape, StructType, Variant, WireType};
use painda_runtime::schema::{Index, typescript};
use painda_runtime::{EventDescriptor, Registry};
use std::fs;
use std::path::Path;

const NUMBER: &WireType = &WireType::Number(Number::U8);

/// Every word of TypeScript, every global, and every name in a generated module.
fn words() -> Vec<&'static str> {
    compiled();
    let words = run(node().current_dir(FOLDER).args(["words.mjs", "zoo.ts"]), "");
    let mut words: Vec<_> = words.leak().lines().collect();
    words.extend(["größe", "名前"]);
    for word in ["keyof", "infer", "type", "any", "Promise", "Uint8Array", "DataView", "readNumbers", "unknownEvent"] {
        assert!(words.contains(&word), "{word}");
    }
    words
}

/// Descriptions are static.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn path(word: &str) -> &'static str {
    leak(format!("words::{word}"))
}

fn layout(fields: impl IntoIterator<Item = Field>) -> Layout {
    Layout::new(Shape::Named, Vec::leak(fields.into_iter().collect()))
}

/// A schema that is called as the zoo: so the words have the names of its functions among them.
fn registry(events: Vec<EventDescriptor>) -> &'static Registry {
    let events: Vec<&'static EventDescriptor> = events.into_iter().map(|event| leak(event)).collect();
    let events = events.leak();
    leak(Registry::new("Zoo", events, leak(Index::<4096>::new(events))))
}

/// Events with these names.
fn events(words: &[&'static str]) -> &'static Registry {
    let event = |(word, id): (&&'static str, u16)| {
        EventDescriptor::new(word, id, path(word), layout([Field::new(word, NUMBER)]))
    };
    registry(words.iter().zip(1..).map(event).collect())
}

/// An event with a field for each of these types, which is called as the type.
fn parts(words: &[&'static str], part: impl Fn(&'static str) -> WireType) -> &'static Registry {
    let fields = words.iter().map(|word| Field::new(word, leak(part(word))));
    registry(vec![EventDescriptor::new("all", 1, "words::TheEvent", layout(fields))])
}

/// Structs.
fn structs(words: &[&'static str]) -> &'static Registry {
    parts(words, |word| WireType::Struct(StructType::new(word, path(word), layout([Field::new(word, NUMBER)]))))
}

/// Enums whose only variant has the type's name, with a field of that name or without one.
fn enums(words: &[&'static str], has_data: bool) -> &'static Registry {
    parts(words, |word| {
        let field = has_data.then(|| Field::new(word, NUMBER));
        WireType::Enum(EnumType::new(word, path(word), leak([Variant::new(word, 0, layout(field))])))
    })
}

/// Structs with bytes, which are generic in TypeScript.
fn generics(words: &[&'static str]) -> &'static Registry {
    let fields = |word| layout([Field::new(word, NUMBER), Field::new("bytes_", &WireType::Bytes)]);
    parts(words, |word| WireType::Struct(StructType::new(word, path(word), fields(word))))
}

#[test]
fn words_that_mean_something_already_can_be_names() {
    let words = words();
    let folder = Path::new(OUT).join("words");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let modules = [
        ("events", events(&words)),
        ("structs", structs(&words)),
        ("unit_enums", enums(&words, false)),
        ("enums", enums(&words, true)),
        ("generics", generics(&words)),
    ];
    let files = modules.map(|(name, registry)| {
        let file = folder.join(name).with_extension("ts");
        fs::write(&file, typescript::generate(registry)).expect("it can be written");
        fs::write(file.with_extension("json"), registry.describe().to_string()).expect("it can be written");
        file.to_str().expect("it is text").to_owned()
    });
    let files = files.each_ref().map(String::as_str);
    compile(&files);

    // It runs as well, and does what it should.
    let mut tsc = tsc("typescript");
    tsc.args(["--target", "es2020", "--lib", "es2020,dom", "--module", "es2020", "--ignoreConfig"]);
    run(tsc.args(["--moduleResolution", "bundler", "--outDir"]).arg(&folder).args(files), "");
    for (name, registry) in modules {
        let made = driver(&folder.join(name).with_extension("js"), &["make", &registry.events().len().to_string()], "");
        for event in made {
            let id = event["id"].as_u64().and_then(|id| u16::try_from(id).ok()).expect("an id");
            let descriptor = registry.by_id(id).expect("it is in the schema");
            let json = serde_json::from_str(event["json"].as_str().expect("a string")).expect("it is JSON");
            let bytes = descriptor.from_json(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(event["hex"], hex, "{name}: {json}");
        }
    }
}
