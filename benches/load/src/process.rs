//! What a process has used, from `/proc`.

use std::{fs, io, time::Duration};

/// CPU time of a process, user and system, of all its threads that still live; to the nanosecond.
///
/// # Errors
/// Where there is no such process, or a kernel without scheduler statistics.
pub fn cpu(pid: u32) -> io::Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(stat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let on_cpu = stat.split(' ').next().and_then(|text| text.parse::<u64>().ok());
        nanos += on_cpu.ok_or_else(|| io::Error::other("/proc/PID/task/TID/schedstat has no times"))?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Resident memory of a process in bytes: its pages, not the kernel's socket buffers.
///
/// # Errors
/// Where there is no such process.
pub fn resident(pid: u32) -> io::Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("/proc/PID/smaps_rollup has no Rss"))
}

/// Lets this process, and what it starts, have as many files open as is allowed, and says how many that are.
///
/// # Errors
/// Where the kernel refuses.
pub fn allow_files() -> io::Result<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(20) {}
        let pid = std::process::id();
        assert!(cpu(pid).expect("schedstat") >= Duration::from_millis(5));
        assert!(resident(pid).expect("smaps") > 100_000);
    }
}
