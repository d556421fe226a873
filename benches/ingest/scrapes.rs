//! Cost of scrapes: of each by itself, and of all for ingestion.

use std::time::{Duration, Instant};

use pacemeter::simulate::{LABELS, Load};

use crate::kafka::Kafka;
use crate::load::{self, Log};
use crate::process::Pacemeter;
use crate::report::{Table, quantile};

/// Number of programmes for 10,000 series: each has some 130 series of its own, and 102 for its states.
const PROGRAMMES: usize = 50;

/// Setting with a list of programmes that are mostly unused.
fn many_series() -> String {
    let mut programmes: Vec<String> = LABELS.programmes.iter().map(|&name| name.to_owned()).collect();
    programmes.extend((programmes.len()..PROGRAMMES).map(|number| format!("programme-{number}")));
    format!("labels.programmes={programmes:?}")
}

pub fn measure(kafka: &Kafka, events: u64) {
    each(kafka);
    while_ingesting(kafka, events);
}

fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

/// Measures scrapes at rest, with a record between any two, so that each needs a rendering of its own.
fn each(kafka: &Kafka) {
    const SCRAPES: u32 = 60;
    let mut log = Log::write(kafka, "scrapes", load::mixed(100_000), load::CODEC);
    let mut pacemeter = Pacemeter::start(&[log.settings(), vec![many_series()]].concat());
    pacemeter.measure_until_ready();
    let (text, _) = pacemeter.scrape(false);
    let (series, bytes) = (series(&text), text.len());
    let mut table = Table::new(&["scrape", "CPU ms", "median ms", "p99 ms"]);
    let mut baseline = Duration::ZERO;
    let mut number = 0;
    for (name, compressed) in [("none", None), ("plain", Some(false)), ("gzip", Some(true))] {
        eprintln!("{SCRAPES} scrapes: {name}");
        let mut took = Vec::new();
        let before = pacemeter.cpu();
        for _ in 0..SCRAPES {
            number += 1;
            log.append(Load { seed: number, ..load::disbursements(1) }, load::CODEC);
            // Longer than the time until a changed figure is published.
            std::thread::sleep(Duration::from_millis(350));
            took.extend(compressed.map(|compressed| pacemeter.scrape(compressed).1.as_secs_f64() * 1e3));
        }
        let cpu = pacemeter.cpu() - before;
        if compressed.is_none() {
            baseline = cpu;
            continue;
        }
        let own = cpu.as_secs_f64() - baseline.as_secs_f64();
        let of = |share| format!("{:.1}", quantile(took.iter().copied(), share));
        table.row(&[name.to_owned(), format!("{:.2}", own / f64::from(SCRAPES) * 1e3), of(0.5), of(0.99)]);
    }
    println!("\n## A scrape of {series} series, {bytes} bytes\n");
    println!(
        "{SCRAPES} scrapes at rest, one record and a new view between any two; CPU of the process minus that without scrapes.\n"
    );
    table.print();
    pacemeter.stop();
}

/// Measures the same load written while the program runs, with and without scrapes.
fn while_ingesting(kafka: &Kafka, events: u64) {
    let mut table =
        Table::new(&["scrapes", "CPU us/event", "x of none", "scrapes made", "median ms", "p99 ms", "greatest ms"]);
    let mut without = None;
    let intervals = [
        ("none", None),
        ("one a second", Some(Duration::from_secs(1))),
        ("ten a second", Some(Duration::from_millis(100))),
    ];
    for (round, (name, interval)) in intervals.into_iter().enumerate() {
        let mut log = Log::empty(kafka, &format!("live-{round}"));
        let mut pacemeter = Pacemeter::start(&[log.settings(), vec![many_series()]].concat());
        pacemeter.measure_until_ready();
        let before = pacemeter.cpu();
        let took = std::thread::scope(|scope| {
            let writing = scope.spawn(|| log.append(load::mixed(events), load::CODEC));
            let mut took = Vec::new();
            while !writing.is_finished() {
                let started = Instant::now();
                took.extend(interval.map(|_| pacemeter.scrape(true).1.as_secs_f64() * 1e3));
                std::thread::sleep(interval.unwrap_or(Duration::from_millis(100)).saturating_sub(started.elapsed()));
            }
            took
        });
        while pacemeter.value("pacemeter_records_total") < log.records as f64 {
            std::thread::sleep(Duration::from_millis(100));
        }
        let cost = (pacemeter.cpu() - before).as_secs_f64() / log.records as f64 * 1e6;
        let without = *without.get_or_insert(cost);
        let of = |share| {
            if took.is_empty() { String::new() } else { format!("{:.1}", quantile(took.iter().copied(), share)) }
        };
        let ratio = format!("{:.3}", cost / without);
        table.row(&[name.to_owned(), format!("{cost:.2}"), ratio, took.len().to_string(), of(0.5), of(0.99), of(1.0)]);
        pacemeter.stop();
        log.delete();
    }
    println!("\n## Scrapes while {events} events are written and ingested\n");
    println!("Compressed scrapes; the generator and the broker are on the same cores.\n");
    table.print();
}
