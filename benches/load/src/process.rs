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

/// Raises the number of files that this process, and what it starts, may have open.
///
/// # Errors
/// Where that is not allowed; the text says what to do.
pub fn allow_files(wanted: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let maximum = now.maximum.map(|maximum| maximum.max(wanted));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).map_err(|error| {
        let allowed = now.maximum.unwrap_or_default();
        io::Error::other(format!("{wanted} open files are needed and {allowed} allowed ({error}): raise `ulimit -Hn`"))
    })
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
