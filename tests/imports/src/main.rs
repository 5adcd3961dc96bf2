//! Which file of the runtime imports which: the rules that `ARCHITECTURE.md` states, and the drawing there.
//!
//! `scripts/imports` checks both, and `scripts/imports --write` draws anew. An import counts where the item is defined, through all
//! re-exports; what tests import does not count.

mod draw;
mod graph;
mod source;

use std::{env, fs, path::Path, process::ExitCode};

/// The layers of the runtime, from the top. A file imports from its own layer and from those below it.
const LAYERS: [&str; 9] = ["lib", "server", "emitter", "target", "adapter", "wire", "message", "schema", "codec"];
/// Small helpers that every layer may use.
const SHARED: [&str; 4] = ["excerpt", "pieces", "random", "__private"];

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let graph = graph::Graph::of(&root.join("painda-runtime/src"));
    let mut wrong = graph.circles();
    wrong.extend(graph.upwards(&LAYERS, &SHARED));
    for line in &wrong {
        eprintln!("{line}");
    }
    if env::args().any(|argument| argument == "--edges") {
        for (from, to) in graph.edges() {
            println!("{from} -> {to}");
        }
    }
    let page = root.join("ARCHITECTURE.md");
    let text = fs::read_to_string(&page).expect("ARCHITECTURE.md is there");
    let drawn = draw::into(&text, &graph);
    if env::args().any(|argument| argument == "--write") {
        fs::write(&page, drawn).expect("ARCHITECTURE.md can be written");
    } else if drawn != text {
        eprintln!("the drawing in ARCHITECTURE.md is out of date: run scripts/imports --write");
        return ExitCode::FAILURE;
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
