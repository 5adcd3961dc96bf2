//! What a process has used, from `/proc`.

use std::{fs, io, time::Duration};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

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
    kib(&format!("/proc/{pid}/smaps_rollup"), "Rss:")
}

/// The most resident memory that a process has had, in bytes, since [`forget_peak`].
///
/// # Errors
/// Where there is no such process.
pub fn peak(pid: u32) -> io::Result<u64> {
    kib(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// Lets a process's [`peak`] begin anew.
///
/// # Errors
/// Where there is no such process, or it is somebody else's.
pub fn forget_peak(pid: u32) -> io::Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
}

/// A line of a file that names a number of KiB, in bytes.
fn kib(path: &str, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other(format!("{path} has no {name}")))
}

/// Keeps this thread, and what it starts, on some cores until it is dropped.
#[derive(Debug)]
pub struct Pinned(CpuSet);

impl Pinned {
    /// Leaves the first core to others.
    ///
    /// # Errors
    /// Where there is no other.
    pub fn behind_the_first() -> io::Result<Self> {
        let usual = sched_getaffinity(None)?;
        let mut cores = usual;
        cores.unset(0);
        if !usual.is_set(0) || cores.count() == 0 {
            return Err(io::Error::other("core 0 and a second one are needed"));
        }
        sched_setaffinity(None, &cores)?;
        Ok(Self(usual))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // They were allowed before.
        let _ = sched_setaffinity(None, &self.0);
    }
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

    #[test]
    fn a_peak_is_remembered_until_it_is_forgotten() {
        const LARGE: usize = 64 << 20;
        let pid = std::process::id();
        let before = peak(pid).expect("status");
        drop(std::hint::black_box(vec![1u8; LARGE]));
        let after = peak(pid).expect("status");
        assert!(after >= before + LARGE as u64 / 2, "{before} {after}");
        forget_peak(pid).expect("it is this process");
        assert!(peak(pid).expect("status") < after);
    }
}
