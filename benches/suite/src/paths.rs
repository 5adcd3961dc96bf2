//! Where the programs are that `benches/run` has built.

use std::{env, io, path::PathBuf};

/// The places that matter.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    /// The repository.
    pub(crate) root: PathBuf,
    /// The benchmark's own programs.
    ours: PathBuf,
    /// What the root's workspace builds.
    roots: PathBuf,
    /// Where the results go.
    pub(crate) out: PathBuf,
    /// For what nobody keeps.
    pub(crate) scratch: PathBuf,
}

impl Paths {
    /// From where this program is; `out` is where the results go.
    pub(crate) fn new(out: Option<PathBuf>, quick: bool) -> io::Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let ours = env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let roots = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("release");
        let scratch = ours.join("benchmark");
        let usual = if quick { scratch.join("quick") } else { root.join("docs/benchmarks") };
        let out = out.unwrap_or(usual);
        std::fs::create_dir_all(out.join("data"))?;
        std::fs::create_dir_all(&scratch)?;
        Ok(Self { root, ours, roots, out, scratch })
    }

    /// One of the benchmark's own programs.
    pub(crate) fn ours(&self, name: &str) -> io::Result<PathBuf> {
        existing(self.ours.join(name))
    }

    /// A program of the root's workspace.
    pub(crate) fn roots(&self, name: &str) -> io::Result<PathBuf> {
        existing(self.roots.join(name))
    }
}

fn existing(path: PathBuf) -> io::Result<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    Err(io::Error::other(format!(
        "{} is missing: start the benchmark with benches/run, which builds it",
        path.display()
    )))
}
