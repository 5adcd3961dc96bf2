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
        sources.retain(|module, _| !tests.contains(module));
        let files = sources.iter().map(|(module, source)| {
            let to = source.uses.iter().filter_map(|path| definition(&sources, path, 0)).filter(|to| to != module);
            (name(module), to.map(|to| name(&to)).collect())
        });
        Self { files: files.collect() }
    }

    pub(crate) fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().flat_map(|(from, all)| all.iter().map(move |to| (from.as_str(), to.as_str())))
    }

    /// Whether there are files below this one.
    pub(crate) fn is_folder(&self, file: &str) -> bool {
        self.files.keys().any(|other| other.strip_prefix(file).is_some_and(|rest| rest.starts_with('/')))
    }

    /// A line for each group of files that import from each other.
    pub(crate) fn circles(&self) -> Vec<String> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.files.keys().map(|from| (from.as_str(), self.reached(from))).collect();
        let mut circles = BTreeSet::new();
        for (file, below) in &reached {
            if below.contains(file) {
                let circle: Vec<&str> = below.iter().filter(|other| reached[**other].contains(file)).copied().collect();
                circles.insert(format!("a circle of {} files: {}", circle.len(), circle.join(", ")));
            }
        }
        circles.into_iter().collect()
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

    /// All files that a file imports from, and those that these import from.
    fn reached(&self, from: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(file) = next.pop() {
            for to in &self.files[file] {
                if reached.insert(to.as_str()) {
                    next.push(to);
                }
            }
        }
        reached
    }
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
