//! Instructions, counted where time is too noisy.

use std::io;

/// Before a program's name and its arguments.
pub(crate) const COMMAND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// How many instructions a program has taken from its start to its end, from what callgrind says then.
pub(crate) fn collected(said: &str) -> io::Result<f64> {
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| io::Error::other(format!("callgrind counted nothing: {said}")))
}
