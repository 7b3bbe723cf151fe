//! What a process has used: processor time and memory, as the kernel counts them.
//!
//! For benchmarks and for tests that promise bounded memory. It reads `/proc`, so it needs Linux, and it
//! sees a process from outside: take it before and after, and subtract. It is no profiler.

use std::time::Duration;

/// Consumption of one process since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its threads, user and system, ended threads included. Counted by the kernel
    /// in ticks of usually 10 ms.
    pub cpu: Duration,
    /// The most memory it has held at one time (resident set), in bytes.
    pub peak_memory: u64,
    /// The memory it holds now (resident set), in bytes.
    pub memory: u64,
}

/// Why the usage is unknown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The process is gone, or this is not Linux.
    #[error("process {pid} cannot be observed in /proc: {source}")]
    Gone {
        /// Which process.
        pid: u32,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The kernel writes its files otherwise than proc(5) says.
    #[error("/proc/{pid}/{file} is not as proc(5) describes it")]
    Format {
        /// Which process.
        pid: u32,
        /// Which of its files.
        file: &'static str,
    },
}

impl Usage {
    /// Of this process.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn own() -> Result<Usage, Error> {
        Usage::of(std::process::id())
    }

    /// Of another process, such as [`crate::Running::pid`].
    ///
    /// # Errors
    /// See [`Error`].
    pub fn of(pid: u32) -> Result<Usage, Error> {
        let read = |file: &str| {
            std::fs::read_to_string(format!("/proc/{pid}/{file}"))
                .map_err(|source| Error::Gone { pid, source })
        };
        let stat = read("stat")?;
        let status = read("status")?;
        let ticks = parse_ticks(&stat).ok_or(Error::Format { pid, file: "stat" })?;
        let kilobytes = |name| parse_kilobytes(&status, name).ok_or(Error::Format { pid, file: "status" });
        let nanoseconds = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        Ok(Usage {
            cpu: Duration::from_nanos(ticks * nanoseconds),
            peak_memory: kilobytes("VmHWM:")? * 1024,
            memory: kilobytes("VmRSS:")? * 1024,
        })
    }

    /// Processor time used since `earlier`, of the same process.
    #[must_use]
    pub fn cpu_since(&self, earlier: &Usage) -> Duration {
        self.cpu.saturating_sub(earlier.cpu)
    }
}

/// `utime` + `stime`, fields 14 and 15 of proc(5)'s stat. The program's name, field 2, may hold anything,
/// so fields are counted from the last parenthesis.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn parse_kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_are_seen() {
        let before = Usage::own().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let mut sum = 0_u64;
        while Usage::own().unwrap().cpu_since(&before) < Duration::from_millis(30) {
            sum = sum.wrapping_add(block.iter().map(|byte| u64::from(*byte)).sum());
        }
        std::hint::black_box(sum);
        let with = Usage::own().unwrap();
        assert!(with.peak_memory >= 64 << 20, "{with:?}");
        drop(block);
        let after = Usage::own().unwrap();
        assert!(after.peak_memory >= 64 << 20 && after.memory < with.memory, "{with:?} {after:?}");
    }

    #[test]
    fn a_strange_program_name_confuses_nobody() {
        let stat = "7 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 40 2 0 0 20 0 1 0 9";
        assert_eq!(parse_ticks(stat), Some(42));
        assert_eq!(parse_ticks("7 (a"), None);
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        let error = Usage::of(u32::MAX).unwrap_err();
        assert!(error.to_string().contains("cannot be observed"), "{error}");
    }
}
