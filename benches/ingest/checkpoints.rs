//! Cost of checkpoints, and the time that they save at a restart.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::kafka::Kafka;
use super::load::{self, Log};
use super::process::{Pacemeter, Usage};
use super::report::{Table, median};
use super::run_to_the_end;

/// Duration of the measurement under the steady load.
const STEADY: Duration = Duration::from_secs(150);
const RATE: u64 = 10_000;

pub fn measure(kafka: &Kafka, events: u64, rounds: usize) {
    let log = Log::write(kafka, "checkpoints", load::mixed(events), load::CODEC);
    ratio(&log, rounds);
    restart(&log);
    steady(&log);
}

/// Measures the same log with and without checkpoints, in turn.
fn ratio(log: &Log, rounds: usize) {
    let off = ["checkpoint.max_replay_records=1000000000", "checkpoint.max_interval=1d"].map(str::to_owned);
    let mut measured: [Vec<Usage>; 2] = Default::default();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        measured[0].push(run_to_the_end(log, &off).0);
        measured[1].push(run_to_the_end(log, &[]).0);
    }
    let of = |what: fn(&Usage) -> f64, runs: &[Usage]| median(runs.iter().map(what));
    let mut table = Table::new(&["", "wall s", "throughput, x of without", "CPU s", "peak RSS MB", "rounds, wall s"]);
    let wall = of(Usage::wall_seconds, &measured[0]);
    for (name, runs) in ["without checkpoints", "with checkpoints"].iter().zip(&measured) {
        let each: Vec<String> = runs.iter().map(|run| format!("{:.2}", run.wall_seconds())).collect();
        table.row(&[
            (*name).to_owned(),
            format!("{:.2}", of(Usage::wall_seconds, runs)),
            format!("{:.2}", wall / of(Usage::wall_seconds, runs)),
            format!("{:.2}", of(Usage::cpu_seconds, runs)),
            format!("{:.0}", of(Usage::peak_megabytes, runs)),
            each.join(" "),
        ]);
    }
    println!("\n## {} events with and without checkpoints\n", log.records);
    table.print();
}

/// Measures the time from a start to the figures, after `kill -9` once everything is saved.
fn restart(log: &Log) {
    println!("\n## Restart after kill -9\n");
    let settings =
        [log.settings(), vec!["checkpoint.max_interval=1s".to_owned(), "checkpoint.max_cpu_percent=100".to_owned()]]
            .concat();
    let mut pacemeter = Pacemeter::start(&settings);
    pacemeter.measure_until_ready();
    while pacemeter.value("pacemeter_checkpoint_age_seconds") > 0.0 {
        thread::sleep(Duration::from_millis(100));
    }
    let people: f64 = pacemeter.value("pacemeter_beneficiaries");
    let mut state = pacemeter.kill();
    let mut table =
        Table::new(&["people", "checkpoints MB", "from start to ready s", "of which reading checkpoints s"]);
    for _ in 0..3 {
        let mut pacemeter = Pacemeter::start_in(state, &log.settings());
        let measured = pacemeter.measure_until_ready();
        assert_eq!(
            pacemeter.value("pacemeter_records_total"),
            log.records as f64,
            "no record is missing or counted twice"
        );
        table.row(&[
            format!("{people:.0}"),
            format!("{:.1}", directory_bytes(&state_of(&pacemeter)) / 1e6),
            format!("{:.2}", measured.wall_seconds()),
            format!("{:.2}", pacemeter.value("pacemeter_restore_duration_seconds")),
        ]);
        state = pacemeter.kill();
    }
    table.print();
}

fn state_of(pacemeter: &Pacemeter) -> std::path::PathBuf {
    pacemeter.state_directory().join("checkpoints")
}

/// Bytes of the newest checkpoint of each partition.
fn directory_bytes(checkpoints: &std::path::Path) -> f64 {
    let partitions =
        std::fs::read_dir(checkpoints).expect("partitions").map(|partition| partition.expect("a directory").path());
    let newest = partitions.filter_map(|partition| {
        let files = std::fs::read_dir(partition).expect("files").map(|file| file.expect("a file").path());
        files.filter(|file| file.extension().is_some_and(|extension| extension == "checkpoint")).max()
    });
    newest.map(|file| file.metadata().expect("a file").len() as f64).sum()
}

/// Measures the cost of checkpoints under a steady load.
fn steady(log: &Log) {
    println!("\n## {RATE} events a second for {} s\n", STEADY.as_secs());
    let mut pacemeter = Pacemeter::start(&log.settings());
    pacemeter.measure_until_ready();
    let mut produce = Command::new(env!("CARGO_BIN_EXE_pacemeter"));
    produce.arg("produce").args(["--rate", &RATE.to_string(), "--events", &(RATE * 2 * STEADY.as_secs()).to_string()]);
    produce.args(["--span", "5d", "--into-topics-with-records"]);
    for setting in log.settings() {
        produce.arg("--set").arg(setting);
    }
    let mut produce = produce.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the load starts");
    let (bytes, cpu, records) = (written(&pacemeter), pacemeter.cpu_of_thread("checkpoint"), records(&pacemeter));
    let started = Instant::now();
    let mut hold = 0.0_f64;
    while started.elapsed() < STEADY {
        thread::sleep(Duration::from_millis(500));
        hold = hold.max(pacemeter.value("pacemeter_checkpoint_hold_seconds"));
    }
    let seconds = started.elapsed().as_secs_f64();
    produce.kill().and_then(|()| produce.wait()).expect("it is our child");
    let mut table = Table::new(&[
        "events/s",
        "CPU of the checkpoint thread, % of one core",
        "longest hold ms",
        "MB written a minute",
        "checkpoints MB",
        "peak RSS MB",
    ]);
    table.row(&[
        format!("{:.0}", (self::records(&pacemeter) - records) / seconds),
        format!("{:.2}", (pacemeter.cpu_of_thread("checkpoint") - cpu).as_secs_f64() / seconds * 100.0),
        format!("{:.1}", hold * 1e3),
        format!("{:.1}", (written(&pacemeter) - bytes) / 1e6 / seconds * 60.0),
        format!("{:.1}", pacemeter.value("pacemeter_checkpoint_size_bytes") / 1e6),
        format!("{:.0}", pacemeter.measure().peak_megabytes()),
    ]);
    table.print();
    pacemeter.stop();
}

fn written(pacemeter: &Pacemeter) -> f64 {
    pacemeter.value("pacemeter_checkpoint_written_bytes_total")
}

fn records(pacemeter: &Pacemeter) -> f64 {
    pacemeter.value("pacemeter_records_total")
}
