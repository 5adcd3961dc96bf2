//! Compilers, a bundler and Node: what runs the TypeScript side.

use painda_runtime::Schema;
use painda_tests_schema::zoo::Zoo;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::{fs, thread};

/// The sources of the TypeScript side.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/typescript");
/// Where this test puts what it makes.
pub(crate) const OUT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/typescript");

/// The compilers that the module promises to work with, from the oldest to the newest, and how each finds modules.
const COMPILERS: [(&str, &[&str]); 3] = [
    ("typescript-4.3", &["--module", "commonjs", "--moduleResolution", "node"]),
    ("typescript-5.9", &["--module", "nodenext", "--moduleResolution", "nodenext", "--erasableSyntaxOnly"]),
    ("typescript", &["--module", "es2020", "--moduleResolution", "bundler", "--ignoreConfig"]),
];

/// Checks the types in these files, in the folder of the sources, with every compiler.
pub(crate) fn compile(files: &[&str]) {
    assert_installed();
    for (compiler, options) in COMPILERS {
        let mut tsc = tsc(compiler);
        tsc.args(["--noEmit", "--strict", "--target", "es2020", "--lib", "es2020,dom", "--noImplicitOverride"]);
        tsc.args(["--noUnusedLocals", "--noUnusedParameters", "--noImplicitReturns", "--noUncheckedIndexedAccess"]);
        run(tsc.args(options).args(files), "");
    }
}

/// The lines that the driver answers with; the description of the schema is beside the module.
pub(crate) fn driver(module: &Path, arguments: &[&str], input: &str) -> Vec<Value> {
    let description = module.with_extension("json");
    let mut node = node();
    node.arg(Path::new(FOLDER).join("driver.mjs")).args([module, &description]).args(arguments);
    let answers = run(&mut node, input);
    answers.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

/// The folder with the compiled module, its use, and the schema's description.
pub(crate) fn compiled() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let folder = PathBuf::from(OUT);
        fs::create_dir_all(&folder).expect("the folder can be made");
        fs::write(folder.join("package.json"), r#"{"type":"module"}"#).expect("it can be written");
        fs::write(folder.join("zoo.json"), Zoo::registry().describe().to_string()).expect("it can be written");
        assert_installed();
        run(tsc("typescript").args(["--project", FOLDER, "--outDir"]).arg(&folder), "");
        folder
    })
}

/// A compiler, among the packages.
pub(crate) fn tsc(package: &str) -> Command {
    let mut tsc = node();
    tsc.arg(Path::new(FOLDER).join("node_modules").join(package).join("bin/tsc")).current_dir(FOLDER);
    tsc
}

/// Fails where the compilers and the bundler are not those that the lock file names.
fn assert_installed() {
    let changed = |file: &str| fs::metadata(Path::new(FOLDER).join(file)).and_then(|data| data.modified()).ok();
    let up_to_date = changed("node_modules/.package-lock.json") >= changed("package-lock.json");
    assert!(
        up_to_date,
        "the npm packages of {FOLDER} are missing or older than its package-lock.json: run scripts/setup"
    );
}

pub(crate) fn tool(name: &str) -> PathBuf {
    Path::new(FOLDER).join("node_modules/.bin").join(name)
}

pub(crate) fn node() -> Command {
    Command::new("node")
}

/// Runs a program to its end, and fails with what it says where it does.
pub(crate) fn run(command: &mut Command, input: &str) -> String {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}. scripts/setup installs Node.js"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let Output { status, stdout, stderr } = thread::scope(|scope| {
        // A program that has failed does not read; then its output says why.
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output().expect("it ends")
    });
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?} failed: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}
