//! The drawing of the graph in `ARCHITECTURE.md`: folders, and how many imports go from one to the other.

use std::fmt::Write;

use crate::graph::Graph;

const BEGIN: &str = "<!-- drawn by scripts/imports -->\n";
const END: &str = "<!-- end of the drawing -->\n";

/// The page with the drawing of this graph.
pub(crate) fn into(page: &str, graph: &Graph) -> String {
    let (before, rest) = page.split_once(BEGIN).expect("ARCHITECTURE.md marks where the drawing begins");
    let (_, after) = rest.split_once(END).expect("ARCHITECTURE.md marks where the drawing ends");
    format!("{before}{BEGIN}{}{END}{after}", drawing(graph))
}

fn drawing(graph: &Graph) -> String {
    let mut text = String::from("\n```mermaid\ngraph TD\n");
    for ((from, to), count) in graph.folders() {
        let id = |folder: &str| folder.replace('/', "_");
        let _ = writeln!(text, "  {}[\"{from}\"] -->|{count}| {}[\"{to}\"]", id(from), id(to));
    }
    text.push_str("```\n\n");
    text
}
