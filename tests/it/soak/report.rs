//! The report of a soak test.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::faults::Fault;

/// Allowed growth of a process for each record (bytes): docs/benchmarks.md measures 200 bytes a support, of three
/// records.
const GROWTH_A_RECORD: f64 = 100.0;
/// Allowed growth besides: allocators keep memory for later.
const GROWTH_SHARE: f64 = 0.05;
/// Allowed growth of descriptors: scrapes, connections to the broker and files of checkpoints come and go.
const FILES_MORE: f64 = 5.0;

pub struct Sample {
    /// Number of the process.
    pub life: usize,
    /// Seconds since the beginning.
    pub at: f64,
    /// Resident memory (bytes).
    pub resident: f64,
    pub files: f64,
    /// Number of records written so far.
    pub written: u64,
}

pub struct Report {
    began: Instant,
    /// Number of processes started, without those that die at a failpoint.
    pub lives: usize,
    pub samples: Vec<Sample>,
    /// Total time of comparing every figure.
    pub comparing: Duration,
    comparisons: usize,
    slowest_comparison: Duration,
    fault_began: (f64, usize),
    faults: BTreeMap<String, Kind>,
    restores: BTreeMap<String, f64>,
}

#[derive(Default)]
struct Kind {
    /// Seconds from the fault's end to exact figures.
    back_after: Vec<f64>,
    compared: usize,
}

impl Report {
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            lives: 0,
            samples: Vec::new(),
            comparing: Duration::ZERO,
            comparisons: 0,
            slowest_comparison: Duration::ZERO,
            fault_began: (0.0, 0),
            faults: BTreeMap::new(),
            restores: BTreeMap::new(),
        }
    }

    /// Seconds since the beginning.
    pub fn elapsed(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    pub fn compared(&mut self, took: Duration) {
        self.comparing += took;
        self.comparisons += 1;
        self.slowest_comparison = self.slowest_comparison.max(took);
    }

    pub fn restored(&mut self, sources: impl Iterator<Item = (String, f64)>) {
        for (source, count) in sources {
            *self.restores.entry(source).or_default() += count;
        }
    }

    pub fn fault_began(&mut self) {
        self.fault_began = (self.elapsed(), self.comparisons);
    }

    /// Records the end of a fault. `back_after` is the time from it to figures that were found exact.
    pub fn fault_ended(&mut self, number: usize, fault: Fault, back_after: Duration) {
        let (at, comparisons) = self.fault_began;
        let compared = self.comparisons - comparisons;
        let sample = self.samples.last().expect("a look was taken");
        let (resident, files, written) = (sample.resident / 1e6, sample.files, sample.written);
        let detail = if let Fault::Failpoint(place, pass) = fault { format!(" {place}:{pass}") } else { String::new() };
        let back_after = back_after.as_secs_f64();
        let how = if compared > 0 { "every figure exact" } else { "counts exact" };
        println!(
            "{at:7.1} s  {number:3}  {}{detail}: {how} after {back_after:.2} s; {written} records, {resident:.0} MB, {files} files",
            fault.name()
        );
        let kind = self.faults.entry(fault.name()).or_default();
        kind.back_after.push(back_after);
        kind.compared += compared;
    }

    pub fn print(&mut self) {
        println!(
            "\n| fault | times | of these every figure compared | back: median s | most s |\n|---|---:|---:|---:|---:|"
        );
        for (name, kind) in &mut self.faults {
            let (times, most) = (kind.back_after.len(), kind.back_after.iter().copied().fold(0.0, f64::max));
            println!("| {name} | {times} | {} | {:.2} | {most:.2} |", kind.compared, median(&mut kind.back_after));
        }
        println!("\n{} processes; partitions restored: {:?}", self.lives, self.restores);
        let (count, all, most) =
            (self.comparisons, self.comparing.as_secs_f64(), self.slowest_comparison.as_secs_f64());
        println!("every figure compared {count} times, in {all:.0} s; at most {most:.1} s each");
    }

    /// Asserts that no process that lived for `long` seconds had more memory or descriptors in its last third than in
    /// its second.
    pub fn assert_flat(&self, long: f64) {
        println!(
            "\n| process | lived s | MB, second third | MB, last third | records between | files, second | files, last |"
        );
        println!("|---:|---:|---:|---:|---:|---:|---:|");
        let mut grown = Vec::new();
        let mut judged = 0;
        for life in 1..=self.lives {
            let samples: Vec<&Sample> = self.samples.iter().filter(|sample| sample.life == life).collect();
            let lived = samples.last().map_or(0.0, |last| last.at - samples[0].at);
            if lived < long {
                continue;
            }
            judged += 1;
            let third = |number: f64| {
                let from = samples[0].at + lived * number / 3.0;
                samples.iter().filter(move |sample| (from..=from + lived / 3.0).contains(&sample.at))
            };
            let of = |number, value: fn(&Sample) -> f64| {
                median(&mut third(number).map(|sample| value(sample)).collect::<Vec<_>>())
            };
            let [resident, files, written]: [fn(&Sample) -> f64; 3] =
                [|it| it.resident, |it| it.files, |it| it.written as f64];
            let (before, after) = (of(1.0, resident), of(2.0, resident));
            let (files_before, files_after) = (of(1.0, files), of(2.0, files));
            let records = of(2.0, written) - of(1.0, written);
            println!(
                "| {life} | {lived:.0} | {:.1} | {:.1} | {records} | {files_before} | {files_after} |",
                before / 1e6,
                after / 1e6
            );
            let allowed = before * (1.0 + GROWTH_SHARE) + records * GROWTH_A_RECORD;
            if after > allowed || files_after > files_before + FILES_MORE {
                grown.push(life);
            }
        }
        assert!(judged > 0, "no process lived for {long} s");
        assert!(grown.is_empty(), "processes {grown:?} grew");
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
