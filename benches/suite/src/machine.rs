//! On what was measured.

use std::{env, fs, process::Command};

use crate::paths::Paths;

/// A sentence on the machine and one on the versions.
pub(crate) fn describe(paths: &Paths) -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let versions = [
        output("rustc", &["--version"]),
        output("redis-server", &["--version"]).split(" sha").next().unwrap_or_default().to_owned(),
        format!("Node {}", output("node", &["--version"])),
        format!("painda at {}", commit(paths)),
    ];
    let peers = locked_versions(paths);
    format!(
        "Machine: {}, {cores} cores, {:.0} GiB, Linux {}; load average before: {}. Everything, clients included, ran on it. \
         Versions: {}; {peers}. {}, UTC.\n",
        model.unwrap_or(env::consts::ARCH),
        kib.unwrap_or_default() / 1_048_576.0,
        kernel.trim(),
        load.split(' ').next().unwrap_or_default(),
        versions.join("; "),
        output("date", &["-u", "+%Y-%m-%d %H:%M"]),
    )
}

/// What was checked out, and whether anything differs from it. The pages do not count: the cases before this one wrote theirs.
fn commit(paths: &Paths) -> String {
    let root = paths.root.to_string_lossy();
    let commit = output("git", &["-C", &root, "describe", "--always"]);
    let changed = output("git", &["-C", &root, "diff", "--name-only", "HEAD", "--", ".", ":!docs"]);
    if changed.is_empty() { commit } else { commit + "-dirty" }
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// From the lock files, that is, what was built.
fn locked_versions(paths: &Paths) -> String {
    const CRATES: [&str; 2] = ["socketioxide", "socketioxide-redis"];
    const PACKAGES: [&str; 4] = ["socket.io", "@socket.io/redis-adapter", "redis", "ws"];
    let cargo = fs::read_to_string(paths.root.join("benches/Cargo.lock")).unwrap_or_default();
    let npm = fs::read_to_string(paths.root.join("benches/peers/socketio-node/package-lock.json")).unwrap_or_default();
    let quoted = |text: &str, after: &str| {
        let rest = text.split_once(after)?.1;
        rest.split_once('"').map(|(version, _)| version.to_owned())
    };
    let crates = CRATES.iter().map(|name| (name, quoted(&cargo, &format!("name = \"{name}\"\nversion = \""))));
    let packages = PACKAGES.iter().map(|name| {
        let entry = npm.split_once(&format!("\"node_modules/{name}\": {{")).map_or("", |(_, entry)| entry);
        (name, quoted(entry, "\"version\": \""))
    });
    let all =
        crates.chain(packages).map(|(name, version)| format!("{name} {}", version.unwrap_or_else(|| "?".to_owned())));
    all.collect::<Vec<_>>().join(", ")
}
