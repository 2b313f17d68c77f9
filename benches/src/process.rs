//! Reads from /proc what a process and its children use.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::task::JoinHandle;

/// Ticks of /proc/<pid>/stat in a second: 100 for every program on Linux, whatever the kernel's own rate.
const TICKS: f64 = 100.0;

const SAMPLE_PAUSE: Duration = Duration::from_millis(200);

/// CPU seconds that a process has used, with those of its children that have ended.
#[expect(clippy::cast_precision_loss, reason = "ticks of one run are far below 2^52")]
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = Stat::read(pid).with_context(|| format!("cannot read the CPU time of process {pid}"))?;
    Ok(stat.ticks as f64 / TICKS)
}

/// The most physical memory that a process had at any time, in bytes, children not counted.
pub fn peak_memory(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM").with_context(|| format!("cannot read the peak memory of process {pid}"))
}

/// Physical memory that a process has now, in bytes, children not counted.
pub fn memory(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS").with_context(|| format!("cannot read the memory of process {pid}"))
}

/// Makes `peak_memory` of a process count from now on: proc(5), `clear_refs`.
pub fn forget_peak_memory(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").with_context(|| format!("cannot reset the peak of process {pid}"))
}

/// Physical memory that a process and all its descendants have now, in bytes. Pages that they share count for each, so
/// the sum is never too small.
fn tree_memory(pid: u32) -> u64 {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(other) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Some(stat) = Stat::read(other)
        {
            parents.insert(other, stat.parent);
        }
    }
    let belongs = |mut process: u32| {
        loop {
            if process == pid {
                return true;
            }
            match parents.get(&process) {
                Some(parent) if *parent != 0 => process = *parent,
                _ => return false,
            }
        }
    };
    parents.keys().filter(|process| belongs(**process)).filter_map(|process| status_bytes(*process, "VmRSS")).sum()
}

/// Looks at the memory of a process and its descendants five times a second.
pub struct MemorySampler {
    peak: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl MemorySampler {
    pub fn start(pid: u32) -> Self {
        let peak = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&peak);
        let task = tokio::spawn(async move {
            loop {
                seen.fetch_max(tree_memory(pid), Ordering::Relaxed);
                tokio::time::sleep(SAMPLE_PAUSE).await;
            }
        });
        Self { peak, task }
    }

    /// The largest sum seen, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for MemorySampler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Bytes on disk below `folder`; holes in sparse files don't count.
pub fn disk_bytes(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// The processor, the cores that this program may use, and how busy the machine is: figures mean little without.
pub fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    format!("{}, {cores} cores, load {load} before the run", model.map_or("unknown processor", |(_, name)| name))
}

fn status_bytes(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[derive(PartialEq, Eq, Debug)]
struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name of the program stands in brackets and may hold blanks and brackets itself.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Counted from the state, which is field 3 of proc(5): utime, stime, cutime, cstime are fields 14 to 17.
        let ticks = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<u64>().ok()).sum::<Option<u64>>()?;
        Some(Self { parent: fields.get(1)?.parse().ok()?, ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_line_is_read_even_with_brackets_in_the_name() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 900 0 0 0 10 20 3 4 20 0 5 0 100 1000 10 18446744073709551615";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 7, ticks: 37 }));
    }

    #[test]
    fn peak_that_is_forgotten_counts_anew() {
        let own = std::process::id();
        // So large that it goes back to the system at once.
        drop(std::hint::black_box(vec![1_u8; 100_000_000]));
        let before = peak_memory(own).unwrap();
        assert!(before > 100_000_000);
        forget_peak_memory(own).unwrap();
        assert!(peak_memory(own).unwrap() < before && memory(own).unwrap() < before);
    }
}
