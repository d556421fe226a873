//! Cost of ingestion on a real Kafka: bare drains of the same records, the whole program, and the ratios between them.
//!
//! ```text
//! cargo bench --bench ingest -- [ingest|sizes|scrapes|checkpoints|hold]... [--events N] [--rounds N] [--codec NAME] [--against PROGRAM]
//! ```
//!
//! - `ingest`: wall time, CPU and memory of two bare drains and of `pacemeter run` over the same records (`--codec`: lz4,
//!   zstd or none), and with `--against` of another build of it, in turn;
//! - `sizes`: CPU and memory for logs of 331,000 to 5 million supports; cost per event and bytes per support must not
//!   grow;
//! - `scrapes`: cost of a scrape of 10,000 series, and cost of a scrape a second for ingestion;
//! - `checkpoints`: ingestion with and without them, their cost at 10,000 events a second, and a restart after `kill
//!   -9`;
//! - `hold`: writes a log and keeps it until standard input ends, for a profiler; measures nothing and does not run by
//!   default.
//!
//! Each measured part is a process of its own. Its CPU is the user and system time of all its threads. The report is
//! Markdown on standard output; progress goes to standard error. The broker runs on the same cores.

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/certificates.rs"]
mod certificates;
mod checkpoints;
mod comparison;
mod drain;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/kafka/mod.rs"]
mod kafka;
mod load;
mod process;
mod report;
mod scrapes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kafka::Kafka;
use load::Log;
use process::{Pacemeter, Usage};
use report::Table;

struct Options {
    parts: Vec<String>,
    events: u64,
    rounds: usize,
    /// Codec of the records of `ingest`: `lz4`, `zstd`, `none`, ...
    codec: String,
    /// Another build of the program.
    against: Option<PathBuf>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == drain::CHILD) {
        return drain::child(&arguments[1..]);
    }
    let options = options(&arguments);
    report::heading(&arguments);
    let kafka = Kafka::reserve();
    kafka.start();
    for part in &options.parts {
        match part.as_str() {
            "ingest" => comparison::measure(&kafka, &options),
            "sizes" => sizes(&kafka),
            "scrapes" => scrapes::measure(&kafka, options.events),
            "checkpoints" => checkpoints::measure(&kafka, options.events, options.rounds),
            "hold" => hold(&kafka, options.events),
            unknown => usage(unknown),
        }
    }
}

fn options(arguments: &[String]) -> Options {
    let mut options =
        Options { parts: Vec::new(), events: 3_000_000, rounds: 3, codec: load::CODEC.to_owned(), against: None };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| usage(argument));
        let number = |text: &String| text.parse().unwrap_or_else(|_| usage(text));
        match argument.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--events" => options.events = number(value()),
            "--rounds" => options.rounds = number(value()) as usize,
            "--codec" => options.codec.clone_from(value()),
            "--against" => options.against = Some(value().into()),
            part => options.parts.push(part.to_owned()),
        }
    }
    if options.parts.is_empty() {
        options.parts = ["ingest", "sizes", "scrapes", "checkpoints"].map(str::to_owned).to_vec();
    }
    options
}

fn usage(fault: &str) -> ! {
    eprintln!(
        "unknown argument: {fault}
usage: ingest [ingest|sizes|scrapes|checkpoints|hold]... [--events N] [--rounds N] [--codec NAME] [--against PROGRAM]"
    );
    std::process::exit(64)
}

/// Keeps a log for profiling, and prints how to read it.
fn hold(kafka: &Kafka, events: u64) {
    let log = Log::write(kafka, "hold", load::mixed(events), load::CODEC);
    let settings: Vec<String> = log.settings().iter().map(|setting| format!("--set '{setting}'")).collect();
    println!("\n    pacemeter run {}\n\n{} records; ends with standard input", settings.join(" "), log.records);
    // The result does not matter: any end of the input ends the program.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// Starts the program on the log and measures it from its start until its figures are complete.
fn run_to_the_end(log: &Log, settings: &[String]) -> (Usage, f64) {
    run_program(Path::new(process::OWN), log, settings)
}

/// Starts a build of the program, as [`run_to_the_end`] does with this one.
fn run_program(program: &Path, log: &Log, settings: &[String]) -> (Usage, f64) {
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start_program(program, state, &[log.settings(), settings.to_vec()].concat());
    let measured = pacemeter.measure_until_ready();
    let records: f64 = pacemeter.value("pacemeter_records_total");
    assert_eq!(records, log.records as f64, "the program has read what was written");
    let jump = pacemeter.largest_jump_megabytes();
    pacemeter.stop();
    (measured, jump)
}

fn sizes(kafka: &Kafka) {
    println!("\n## Memory and cost by size, without calls\n");
    println!(
        "Each size in a fresh process. `bytes/support`: the growth of resident memory over that of 1,000,000 supports, by support.\n"
    );
    let columns = [
        "supports",
        "events",
        "CPU us/event",
        "x of the smallest",
        "RSS MB",
        "peak RSS MB",
        "bytes/support",
        "largest rise in 100 ms, MB",
    ];
    let mut table = Table::new(&columns);
    let empty = Log::write(kafka, "empty", load::disbursements(0), load::CODEC);
    let (base, _) = run_to_the_end(&empty, &[]);
    let row = |supports: u64, megabytes: &Usage| {
        let [resident, peak] =
            [megabytes.resident_megabytes(), megabytes.peak_megabytes()].map(|megabytes| format!("{megabytes:.0}"));
        (supports.to_string(), resident, peak)
    };
    let (supports, resident, peak) = row(0, &base);
    table.row(&[supports, "0".to_owned(), String::new(), String::new(), resident, peak, String::new(), String::new()]);
    let mut smallest = None;
    let mut million = None;
    for count in [331_000, 1_000_000, 3_310_000, 5_000_000] {
        let log = Log::write(kafka, &format!("supports-{count}"), load::disbursements(count), load::CODEC);
        let (measured, jump) = run_to_the_end(&log, &[]);
        let cost = measured.cpu_seconds() / log.records as f64 * 1e6;
        let bytes = measured.resident_megabytes() * 1e6;
        if count == 1_000_000 {
            million = Some(bytes);
        }
        let slope = million.filter(|_| count > 1_000_000).map(|million| (bytes - million) / (count - 1_000_000) as f64);
        let (supports, resident, peak) = row(count, &measured);
        let smallest = *smallest.get_or_insert(cost);
        table.row(&[
            supports,
            log.records.to_string(),
            format!("{cost:.2}"),
            format!("{:.2}", cost / smallest),
            resident,
            peak,
            slope.map_or(String::new(), |slope| format!("{slope:.0}")),
            format!("{jump:.1}"),
        ]);
        log.delete();
        std::thread::sleep(Duration::from_secs(1));
    }
    table.print();
}
