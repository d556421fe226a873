//! The program beside bare drains of the same records, and beside another build of itself, in interleaved rounds.

use std::path::Path;

use crate::kafka::Kafka;
use crate::load::{self, Log};
use crate::process::{self, Usage};
use crate::report::{Table, median};
use crate::{Options, drain, run_program};

/// CPU of a poll drain on cores that are quiet, in microseconds a record. It costs less when its two threads take turns
/// on one busy core, and everything that is compared with it seems dearer.
const QUIET_DRAIN: f64 = 1.1;
/// Maximum of a round of the poll drain, as a multiple of its median.
const MAX_SPREAD: f64 = 1.3;

/// Measures all in turn, so that changing conditions of the machine affect all of them.
pub fn measure(kafka: &Kafka, options: &Options) {
    let log = Log::write(kafka, "ingest", load::mixed(options.events), &options.codec);
    eprintln!("warming up the broker");
    drain::run(drain::POLL, &log);
    let mut rows: Vec<(String, Vec<Usage>)> =
        ["bare drain, poll", "bare drain, batch"].map(|name| (name.to_owned(), Vec::new())).into();
    let mut programs = vec![Path::new(process::OWN)];
    programs.extend(options.against.as_deref());
    for program in programs.iter().rev() {
        let name = if *program == Path::new(process::OWN) { "pacemeter run" } else { "pacemeter run, the other" };
        rows.push((name.to_owned(), Vec::new()));
    }
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        rows[0].1.push(drain::run(drain::POLL, &log));
        rows[1].1.push(drain::run(drain::BATCH, &log));
        for (row, program) in programs.iter().rev().enumerate() {
            rows[2 + row].1.push(run_program(program, &log, &[]).0);
        }
    }
    println!("\n## {} events: bare drains and the whole program\n", log.records);
    println!("Medians of {} rounds, in turn. {}\n", options.rounds, log.description);
    let records = log.records as f64;
    table(&rows, records).print();
    println!("\n{}", validity(&rows[0].1, records));
    if let [_, _, (_, other), (_, own)] = &rows[..] {
        let ratio = |value: fn(&Usage) -> f64| {
            let rounds: Vec<f64> = own.iter().zip(other).map(|(own, other)| value(own) / value(other)).collect();
            let each: Vec<String> = rounds.iter().map(|ratio| format!("{ratio:.2}")).collect();
            let medians = [own, other].map(|runs| median(runs.iter().map(value)));
            format!("{:.2} (rounds: {})", medians[0] / medians[1], each.join(" "))
        };
        println!("\nThis build, x the other: CPU {}, wall {}.", ratio(Usage::cpu_seconds), ratio(Usage::wall_seconds));
    }
}

fn table(rows: &[(String, Vec<Usage>)], records: f64) -> Table {
    let of = |what: fn(&Usage) -> f64, runs: &[Usage]| median(runs.iter().map(what));
    let [poll_cpu, poll_wall] = [Usage::cpu_seconds, Usage::wall_seconds].map(|what| of(what, &rows[0].1));
    let mut table = Table::new(&[
        "",
        "wall s",
        "events/s",
        "CPU us/event",
        "CPU, x poll drain",
        "throughput, x poll drain",
        "RSS MB",
        "peak RSS MB",
        "rounds, CPU us/event",
    ]);
    for (name, runs) in rows {
        let (wall, cpu) = (of(Usage::wall_seconds, runs), of(Usage::cpu_seconds, runs));
        let each: Vec<String> = runs.iter().map(|run| format!("{:.2}", run.cpu_seconds() / records * 1e6)).collect();
        table.row(&[
            name.clone(),
            format!("{wall:.2}"),
            format!("{:.0}", records / wall),
            format!("{:.2}", cpu / records * 1e6),
            format!("{:.2}", cpu / poll_cpu),
            format!("{:.2}", poll_wall / wall),
            format!("{:.0}", of(Usage::resident_megabytes, runs)),
            format!("{:.0}", of(Usage::peak_megabytes, runs)),
            each.join(" "),
        ]);
    }
    table
}

/// Says whether the rounds of the poll drain were even and at its quiet cost, so that ratios to it count.
fn validity(poll: &[Usage], records: f64) -> String {
    let costs = || poll.iter().map(|run| run.cpu_seconds() / records * 1e6);
    let (middle, most) = (median(costs()), costs().fold(0.0, f64::max));
    let verdict = match middle >= QUIET_DRAIN && most <= MAX_SPREAD * middle {
        true => "The ratios to the poll drain count",
        false => "**The ratios to the poll drain do not count**",
    };
    format!(
        "{verdict}: its median is {middle:.2} us an event (at least {QUIET_DRAIN}), and its dearest round {:.2} x that (at most {MAX_SPREAD}).",
        most / middle
    )
}
