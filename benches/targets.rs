//! Cost of targets: `cargo bench --locked --bench targets [-- EVENTS]`.
//!
//! - *Ingestion*: the same events are applied, batch by batch in turn, to partitions without targets, with the shipped
//!   ones and with 200. Each makes its view as often as in the pipeline.
//! - *Scrapes*: of the resulting views, under a clock that advances, so that no scrape is shared.

use pacemeter::clock::{Clock, SECOND, Timestamp, thread_cpu_time};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::decode::{Decoder, PseudonymKey, Settings};
use pacemeter::event::LabelArena;
use pacemeter::export::Exporter;
use pacemeter::record::{PerStream, RawRecord, Stream, TopicPartition};
use pacemeter::settings::{Document, Layers, SettingsReader};
use pacemeter::simulate::{Emission, LABELS, Load, PartitionCounts};
use pacemeter::source;
use pacemeter::targets::Targets;
use pacemeter::targets::read::{PeriodBounds, read};
use pacemeter::telemetry::Metrics;
use pacemeter::telemetry::log;
use pacemeter::view::PartitionView;
use pacemeter::view::merged::MergedView;
use pacemeter::view::progress::Evaluator;
use pacemeter::view::snapshot::{PartitionStatus, Phase, Publication, Snapshot, SnapshotPublisher};
use pacemeter::view::totals::PresenceLimits;

const BATCH: usize = 2_000;
/// Events between two views: at half a million events a second the pipeline publishes about this often.
const EVENTS_A_VIEW: u64 = 100_000;
const SCRAPES: usize = 2_000;
const CALENDARS: [&str; 2] =
    [include_str!("../config/calendars/payments.toml"), include_str!("../config/calendars/calls.toml")];

/// Partitions with one set of targets.
struct Variant {
    name: &'static str,
    targets: Arc<Targets>,
    partitions: Vec<PartitionState>,
    offsets: [i64; 6],
    cpu: Duration,
}

fn main() {
    let events = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(2_000_000);
    let now = Clock::wall().now();
    let labels = format!("labels.programmes={}", serde_json::to_string(LABELS.programmes).expect("names are JSON"));
    let mut reader = SettingsReader::load(&Layers { overrides: vec![labels], ..Layers::default() });
    let decoder =
        Decoder::new(Settings::read(&mut reader), PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits"));
    let (rules, allowlists) = (Rules::read(&mut reader), Arc::new(Allowlists::read(&mut reader)));
    let variant = |(name, text): (&'static str, String)| {
        let targets = Arc::new(targets(&text, &allowlists));
        let view_config = ViewConfig { allowlists: Arc::clone(&allowlists), targets: Arc::clone(&targets) };
        let partitions =
            (0..6).map(|_| PartitionState::new(Stream::Disbursement, 0, rules, &view_config, now)).collect();
        Variant { name, targets, partitions, offsets: [0; 6], cpu: Duration::ZERO }
    };
    let files =
        [("none", String::new()), ("shipped", include_str!("../config/targets.toml").to_owned()), ("200", many(200))];
    let mut variants = files.map(variant);
    ingest(&mut variants, &decoder, events, now);
    let without = variants[0].cpu.as_secs_f64();
    for variant in &variants {
        let (cpu, count) = (variant.cpu.as_secs_f64(), variant.targets.targets.len());
        println!(
            "{:>8} ({count:>3}) targets: {:>6.0} ns an event, {:.3} x of none",
            variant.name,
            cpu * 1e9 / events as f64,
            cpu / without
        );
    }
    for variant in &mut variants {
        scrape(variant, &allowlists, rules, now, &mut reader);
    }
}

fn ingest(variants: &mut [Variant], decoder: &Decoder, events: u64, now: Timestamp) {
    let load = Load::of(events, 2020, PartitionCounts::each(6), now);
    let (mut arena, mut seen, mut turn) = (LabelArena::default(), 0, 0);
    let mut batch: Vec<Emission> = Vec::with_capacity(BATCH);
    for emission in load.emissions().filter(|emission| emission.stream == Stream::Disbursement) {
        batch.push(emission);
        if batch.len() < BATCH {
            continue;
        }
        arena.clear();
        let decoded: Vec<_> = batch.iter().map(|emission| decode(decoder, emission, &mut arena)).collect();
        seen += BATCH as u64;
        // The first variant finds the caches as decoding left them, so each is first in turn.
        turn += 1;
        for index in 0..variants.len() {
            let variant = &mut variants[(index + turn) % 3];
            let started = thread_cpu_time();
            for (emission, event) in batch.iter().zip(&decoded) {
                let index = emission.partition as usize;
                variant.partitions[index].step(variant.offsets[index], event, &arena);
                variant.offsets[index] += 1;
            }
            if seen.is_multiple_of(EVENTS_A_VIEW) {
                variant.partitions.iter_mut().for_each(|partition| drop(std::hint::black_box(partition.view(now))));
            }
            variant.cpu += thread_cpu_time() - started;
        }
        batch.clear();
    }
}

fn scrape(
    variant: &mut Variant,
    allowlists: &Arc<Allowlists>,
    rules: Rules,
    now: Timestamp,
    reader: &mut SettingsReader,
) {
    let clock = Clock::manual(now);
    let publisher = Arc::new(SnapshotPublisher::new(now, Arc::clone(&variant.targets), Instant::now()));
    let topics = source::Settings::read(reader).topics;
    let counters = Arc::new(log::LogCounters::new(&log::Settings::read(reader)));
    let exporter = Exporter::new(
        Arc::clone(&publisher),
        Arc::clone(allowlists),
        PresenceLimits { wait: rules.max_wait, agent: rules.agent_timeout },
        Arc::new(Evaluator::new(allowlists.zone.clone())),
        clock.clone(),
        Arc::new(Metrics::new(topics.as_array(), &[], counters)),
        1_000_000,
    );
    let views: Vec<Arc<PartitionView>> =
        variant.partitions.iter_mut().map(|partition| Arc::new(partition.view(now))).collect();
    let (mut took, mut cpu, mut series) = (Vec::new(), Duration::ZERO, 0);
    for _ in 0..SCRAPES {
        clock.advance(SECOND, 0);
        publisher.publish(snapshot(&views, &variant.targets, now));
        let (started, started_cpu) = (Instant::now(), thread_cpu_time());
        let text = exporter.render().plain();
        took.push(started.elapsed());
        cpu += thread_cpu_time() - started_cpu;
        series = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count();
    }
    took.sort_unstable();
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "{:>8} targets, {series} series: p50 {:.2} ms, p99 {:.2} ms, {:.2} ms of CPU a scrape",
        variant.name,
        millis(took[SCRAPES / 2]),
        millis(took[SCRAPES * 99 / 100]),
        millis(cpu) / SCRAPES as f64
    );
}

fn snapshot(views: &[Arc<PartitionView>], targets: &Arc<Targets>, now: Timestamp) -> Snapshot {
    let status = |(number, view): (usize, &Arc<PartitionView>)| PartitionStatus {
        partition: TopicPartition {
            stream: Stream::Disbursement,
            topic: "benchmark".to_owned(),
            partition: number as i32,
        },
        position: view.next_offset,
        end: None,
        lag: None,
        stalled: false,
        missing: false,
        view: Arc::clone(view),
    };
    Snapshot {
        phase: Phase::Live,
        partitions: views.iter().enumerate().map(status).collect(),
        merged: MergedView::of(views),
        outgrown: Vec::new(),
        outage: None,
        complete_until: PerStream::from_fn(|_| Some(now)),
        built: now,
        targets: Arc::clone(targets),
        closed_periods: Arc::default(),
        due_cut: None,
        due: Instant::now(),
        publication: Publication::first(now),
    }
}

fn targets(text: &str, allowlists: &Allowlists) -> Targets {
    let documents: Vec<Document> = [CALENDARS[0], CALENDARS[1], text]
        .iter()
        .enumerate()
        .map(|(number, text)| Document::parse(&number.to_string(), text))
        .collect();
    let bounds = PeriodBounds { disbursement_horizon: i64::MAX, counts: (i64::MAX, "") };
    read(&documents, &allowlists.zone, &bounds).expect("targets without fault")
}

/// Targets by programme and state, of people, money and payments, by day, week and month.
fn many(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let (measure, period) =
            (["beneficiaries", "net_pesos", "dispersals"][number % 3], ["day", "week", "month"][number / 3 % 3]);
        let programme = LABELS.programmes[number / 9 % LABELS.programmes.len()];
        let state = display_state(number);
        let _ = writeln!(
            text,
            "[target.number_{number}]\ndescription = \"one of many\"\nmeasure = \"{measure}\"\nprogrammes = [\"{programme}\"]\n{state}period = \
             \"{period}\"\ngoal = 10000\ncalendar = \"payments\""
        );
    }
    text
}

/// Every other target is of one state.
fn display_state(number: usize) -> String {
    let state = pacemeter::event::FederalState::CODES[number % 32];
    if number.is_multiple_of(2) { format!("states = [\"{state}\"]\n") } else { String::new() }
}

fn decode(
    decoder: &Decoder,
    emission: &Emission,
    arena: &mut LabelArena,
) -> Result<pacemeter::event::Event, pacemeter::record::Rejection> {
    let headers: Vec<_> = emission.headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
    let record = RawRecord {
        value: Some(&emission.value),
        timestamp: Some(emission.timestamp),
        headers: &headers,
        ..RawRecord::default()
    };
    decoder.decode(emission.stream, &record, arena)
}
