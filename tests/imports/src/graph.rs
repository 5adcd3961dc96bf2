//! The graph of files: their imports, the circles in it, and the imports from higher layers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::source::{Segments, Source};

pub(crate) struct Graph {
    /// Each file by its module's path, such as `server/hub`, with the files that it imports from.
    files: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Reads all files below a crate's root.
    pub(crate) fn of(root: &Path) -> Self {
        let mut sources = BTreeMap::new();
        read(root, &mut Vec::new(), &mut sources);
        let tests: Vec<Segments> = sources
            .iter()
            .flat_map(|(module, source)| {
                source.tests.iter().map(|test| [&module[..], std::slice::from_ref(test)].concat())
            })
            .collect();
        sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let files = sources.iter().map(|(module, source)| {
            let to = source.uses.iter().filter_map(|path| definition(&sources, path, 0)).filter(|to| to != module);
            (name(module), to.map(|to| name(&to)).collect())
        });
        Self { files: files.collect() }
    }

    pub(crate) fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().flat_map(|(from, all)| all.iter().map(move |to| (from.as_str(), to.as_str())))
    }

    /// The folder that a file is in. The file of a module that has a folder is in it.
    fn folder<'a>(&self, file: &'a str) -> &'a str {
        let is_folder =
            || self.files.keys().any(|other| other.strip_prefix(file).is_some_and(|rest| rest.starts_with('/')));
        match file.rsplit_once('/') {
            Some((folder, _)) if !is_folder() => folder,
            _ => file,
        }
    }

    /// How many imports go from one folder to another.
    pub(crate) fn folders(&self) -> BTreeMap<(&str, &str), usize> {
        let mut arrows = BTreeMap::new();
        for (from, to) in self.edges() {
            let (from, to) = (self.folder(from), self.folder(to));
            if from != to {
                *arrows.entry((from, to)).or_default() += 1;
            }
        }
        arrows
    }

    /// A line for each group of files, or of folders, that import from each other.
    pub(crate) fn circles(&self) -> Vec<String> {
        let mut circles = self::circles("files", self.edges());
        circles.extend(self::circles("folders", self.folders().into_keys()));
        circles
    }

    /// A line for each import from a higher layer.
    pub(crate) fn upwards(&self, layers: &[&str], shared: &[&str]) -> Vec<String> {
        let layer = |file: &str| {
            let top = file.split('/').next().unwrap_or_default();
            if shared.contains(&top) {
                return layers.len();
            }
            layers.iter().position(|layer| *layer == top).unwrap_or_else(|| panic!("`{top}` is in no layer"))
        };
        let up = self.edges().filter(|(from, to)| layer(from) > layer(to));
        up.map(|(from, to)| format!("an import from a higher layer: {from} imports from {to}")).collect()
    }
}

/// A line for each group among these that can be reached from each other.
fn circles<'a>(what: &str, edges: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(from).or_default().insert(to);
        next.entry(to).or_default();
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|from| (*from, reached(&next, from))).collect();
    let mut circles = BTreeSet::new();
    for (one, below) in &reached {
        if below.contains(one) {
            let circle: Vec<&str> = below.iter().filter(|other| reached[**other].contains(one)).copied().collect();
            circles.insert(format!("a circle of {} {what}: {}", circle.len(), circle.join(", ")));
        }
    }
    circles.into_iter().collect()
}

/// All that can be reached from one.
fn reached<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(one) = open.pop() {
        for to in &next[one] {
            if reached.insert(*to) {
                open.push(to);
            }
        }
    }
    reached
}

fn name(module: &Segments) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("/") }
}

fn read(folder: &Path, module: &mut Segments, sources: &mut BTreeMap<Segments, Source>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            module.push(stem);
            read(&path, module, sources);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") && !stem.ends_with("tests") {
            let own = if ["mod", "lib"].contains(&stem.as_str()) { None } else { Some(stem) };
            let module: Segments = module.iter().cloned().chain(own).collect();
            sources.insert(module.clone(), Source::read(&path, &module));
        }
    }
}

/// The file that defines the item of a path.
fn definition(sources: &BTreeMap<Segments, Source>, path: &[String], depth: usize) -> Option<Segments> {
    assert!(depth < 20, "re-exports in a circle: {path:?}");
    let (module, rest) =
        (0..=path.len()).rev().map(|at| path.split_at(at)).find(|(module, _)| sources.contains_key(*module))?;
    let source = &sources[module];
    let Some(first) = rest.first() else { return Some(module.to_vec()) };
    if source.defined.contains(first) {
        return Some(module.to_vec());
    }
    if let Some(other) = source.renamed.get(first) {
        let other: Segments = other.iter().chain(&rest[1..]).cloned().collect();
        return definition(sources, &other, depth + 1);
    }
    let by_glob = source.globs.iter().find_map(|glob| {
        let glob: Segments = glob.iter().chain(rest).cloned().collect();
        definition(sources, &glob, depth + 1).filter(|found| sources[found].defined.contains(first))
    });
    Some(by_glob.unwrap_or_else(|| module.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_and_imports_from_higher_layers_are_found_where_items_are_defined() {
        let root = tempfile::tempdir().expect("a folder can be made");
        let files = [
            ("lib.rs", "pub mod server; mod adapter; mod wire; mod codec;"),
            ("server.rs", "pub use crate::codec::Reader as Renamed; pub fn start() {}"),
            ("adapter/mod.rs", "mod one; mod two;"),
            ("adapter/one.rs", "use super::two::Two; pub struct One(Two);"),
            ("adapter/two.rs", "pub struct Two; fn of() -> Vec<super::one::One> { Vec::new() }"),
            ("wire.rs", "use crate::server::Renamed; #[cfg(test)] mod tests { use crate::server::start; }"),
            ("codec.rs", "pub struct Reader; fn up() { crate::server::start(); }"),
        ];
        fs::create_dir(root.path().join("adapter")).expect("a folder can be made");
        for (name, text) in files {
            fs::write(root.path().join(name), text).expect("a file can be written");
        }
        let graph = Graph::of(root.path());
        let edges: Vec<_> = graph.edges().collect();
        let expected =
            [("adapter/one", "adapter/two"), ("adapter/two", "adapter/one"), ("codec", "server"), ("wire", "codec")];
        assert_eq!(edges, expected);
        assert_eq!(graph.circles(), ["a circle of 2 files: adapter/one, adapter/two"]);
        assert_eq!(
            graph.upwards(&["lib", "server", "adapter", "wire", "codec"], &[]),
            ["an import from a higher layer: codec imports from server"]
        );
    }
}
