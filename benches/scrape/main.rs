//! Cost of publications and scrapes by the number of partitions, without Kafka: `cargo bench --locked --bench scrape`. With
//! the argument `viewers` it measures scrapes beside viewers instead ([`viewers`]), with `curves` memory and time of curves
//! ([`curves`]).
//!
//! Two sets of partitions hold a simulated programme of some 10,000 series: 6 of each stream, and 60. In turn, each
//! applies a few more events, makes the views of its partitions, adds them up, and renders the result, as `/metrics` and as
//! `/api/v1/now` with fourteen targets and every state. CPU is that of the thread, medians over the rounds. The goals for
//! `now` are 2 ms to render and 12 kB compressed.

mod curves;
mod viewers;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::api::Api;
use pacemeter::calendar::{Period, WorkingCalendar};
use pacemeter::clock::{Clock, DAY, SECOND, Timestamp, thread_cpu_time};
use pacemeter::cuts::{CutKey, CutStore};
use pacemeter::decode::{Decoder, PseudonymKey, Settings};
use pacemeter::disk::MemoryDisk;
use pacemeter::event::LabelArena;
use pacemeter::export::Exporter;
use pacemeter::http::{ApiContent, ApiRequest};
use pacemeter::record::{PerStream, RawRecord, Stream, TopicPartition};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::simulate::{Emission, LABELS, Load, PartitionCounts};
use pacemeter::targets::{Filter, Measure, Quantity, Target, Targets};
use pacemeter::telemetry::{Metrics, log};
use pacemeter::view::merged::{MergedView, ViewMerger};
use pacemeter::view::progress::Evaluator;
use pacemeter::view::snapshot::{PartitionStatus, Phase, Publication, Snapshot, SnapshotPublisher};
use pacemeter::view::totals::PresenceLimits;
use pacemeter::view::{PartitionView, Views};

/// Number of events of each set before the first round.
const EVENTS: u64 = 300_000;
/// Number of events between two publications.
const EVENTS_A_ROUND: usize = 600;
const ROUNDS: usize = 200;
/// Number of programmes, most of them unused; with their states they have some 10,000 series.
const PROGRAMMES: usize = 50;
const STEPS: [&str; 7] = [
    "views",
    "adding up what changed",
    "adding up all",
    "rendering",
    "compressing",
    "rendering now",
    "compressing now",
];

/// Partitions of every stream, and what publishes and renders their figures.
struct Variant {
    partitions: usize,
    states: Vec<PartitionState>,
    offsets: Vec<i64>,
    emissions: Box<dyn Iterator<Item = Emission>>,
    merger: ViewMerger,
    publisher: Arc<SnapshotPublisher>,
    service: Arc<BenchService>,
    /// Number of publications.
    revision: u64,
    /// Bytes of the last answer of `now`, plain and compressed.
    now_bytes: [usize; 2],
    clock: Clock,
    targets: Arc<Targets>,
    series: usize,
    costs: [Vec<Duration>; STEPS.len()],
}

/// Renderers of the figures.
struct BenchService {
    exporter: Exporter,
    api: Api,
}

fn main() {
    if std::env::args().any(|argument| argument == "viewers") {
        return viewers::measure();
    }
    if std::env::args().any(|argument| argument == "curves") {
        return curves::measure();
    }
    // Cargo passes --bench.
    let rounds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(ROUNDS);
    let now = Clock::wall().now();
    let mut variants = [6, 60].map(|partitions| Variant::new(partitions, now));
    for round in 0..rounds {
        for index in 0..variants.len() {
            variants[(index + round) % variants.len()].round();
        }
    }
    let [few, many] = &mut variants;
    println!("medians of {rounds} rounds, ms of CPU; {} series with 6 partitions, {} with 60", few.series, many.series);
    for (step, name) in STEPS.into_iter().enumerate() {
        let [few, many] = [&mut *few, &mut *many].map(|variant| {
            variant.costs[step].sort_unstable();
            variant.costs[step][rounds / 2].as_secs_f64() * 1e3
        });
        println!("{name:>24}: {few:>7.3} with 6, {many:>7.3} with 60: {:.2} x", many / few);
    }
    println!("bytes of now, plain and compressed: {:?} with 6, {:?} with 60", few.now_bytes, many.now_bytes);
}

impl Variant {
    fn new(partitions: usize, now: Timestamp) -> Self {
        let mut programmes: Vec<String> = LABELS.programmes.iter().map(|&name| name.to_owned()).collect();
        programmes.extend((programmes.len()..PROGRAMMES).map(|number| format!("programme-{number}")));
        let overrides = vec![format!("labels.programmes={programmes:?}"), format!("labels.queues={:?}", LABELS.queues)];
        let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
        let (rules, allowlists) = (Rules::read(&mut reader), Arc::new(Allowlists::read(&mut reader)));
        let view_config = ViewConfig { allowlists: Arc::clone(&allowlists), targets: fourteen_targets(&allowlists) };
        let streams = Stream::ALL.into_iter().flat_map(|stream| std::iter::repeat_n(stream, partitions));
        let states: Vec<_> = streams.map(|stream| PartitionState::new(stream, 0, rules, &view_config, now)).collect();
        let clock = Clock::manual(now - 30 * DAY);
        let publisher = Arc::new(SnapshotPublisher::new(now, Arc::default(), Instant::now()));
        let counters = Arc::new(log::LogCounters::new(&log::Settings::read(&mut reader)));
        let exporter = Exporter::new(
            Arc::clone(&publisher),
            Arc::clone(&allowlists),
            PresenceLimits { wait: rules.max_wait, agent: rules.agent_timeout },
            Arc::new(Evaluator::new(allowlists.zone.clone())),
            clock.clone(),
            Arc::new(Metrics::new(&[], &[], counters)),
            1_000_000,
        );
        let api = Api::new(
            Arc::clone(&publisher),
            Arc::clone(&allowlists),
            PresenceLimits { wait: rules.max_wait, agent: rules.agent_timeout },
            Arc::new(Evaluator::new(allowlists.zone.clone())),
            clock.clone(),
            CutStore::new(Arc::new(MemoryDisk::default()), CutKey::new([7; 32])),
            Arc::default(),
        );
        let count = i32::try_from(partitions).expect("few partitions");
        let usual = Load::of(2 * EVENTS, 2020, PartitionCounts::each(count), now);
        let emissions = Box::new(Load { calls: 0.1, milestones: 0.001, ..usual }.emissions());
        let (offsets, targets) = (vec![0; states.len()], view_config.targets);
        let (merger, costs) = (ViewMerger::default(), Default::default());
        let mut variant = Self {
            partitions,
            states,
            offsets,
            emissions,
            merger,
            publisher,
            service: Arc::new(BenchService { exporter, api }),
            revision: 0,
            now_bytes: [0; 2],
            clock,
            targets,
            series: 0,
            costs,
        };
        variant.apply(EVENTS as usize);
        variant.round();
        variant.costs = Default::default();
        variant
    }

    fn apply(&mut self, events: usize) {
        let key = PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits");
        let decoder = Decoder::new(Settings::read(&mut SettingsReader::load(&Layers::default())), key);
        let mut arena = LabelArena::default();
        for emission in self.emissions.by_ref().take(events) {
            arena.clear();
            let headers: Vec<_> =
                emission.headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
            let record = RawRecord {
                value: Some(&emission.value),
                timestamp: Some(emission.timestamp),
                headers: &headers,
                ..RawRecord::default()
            };
            let event = decoder.decode(emission.stream, &record, &mut arena);
            let index = emission.stream as usize * self.partitions + emission.partition as usize;
            self.states[index].step(self.offsets[index], &event, &arena);
            self.offsets[index] += 1;
            self.clock.advance((emission.timestamp - self.clock.now()).max(0), 0);
        }
    }

    /// Publishes and renders once after events of every partition, which are minutes apart by their own time.
    fn round(&mut self) {
        let mut steps = [Duration::ZERO; STEPS.len()];
        let views = self.publish(&mut steps);
        let BenchService { exporter, api } = &*self.service;
        let body = timed(&mut steps[3], || exporter.render());
        timed(&mut steps[4], || body.gzip());
        let answer = timed(&mut steps[5], || api.answer(&ApiRequest::Now, ""));
        let ApiContent::Shared(shared, _) = answer.content else { panic!("now is shared") };
        let compressed = timed(&mut steps[6], || shared.gzip());
        // Last, because it drives everything else out of the caches, and no publication does it.
        drop(timed(&mut steps[2], || black_box(MergedView::of(&views))));
        self.now_bytes = [shared.plain().len(), compressed.len()];
        self.costs.iter_mut().zip(steps).for_each(|(costs, step)| costs.push(step));
        let text = body.plain();
        self.series = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count();
    }
}

impl Variant {
    /// Publishes after more events, and returns the views.
    fn publish(&mut self, steps: &mut [Duration; STEPS.len()]) -> Views {
        self.apply(EVENTS_A_ROUND);
        self.clock.advance(SECOND, 0);
        let now = self.clock.now();
        let views: Views =
            timed(&mut steps[0], || self.states.iter_mut().map(|state| Arc::new(state.view(now))).collect());
        let merged = timed(&mut steps[1], || self.merger.merge(views.clone()));
        self.revision += 1;
        let publication = Publication { revision: self.revision, ..Publication::first(now) };
        self.publisher.publish(Snapshot { publication, ..snapshot(&views, merged, &self.targets, now) });
        views
    }
}

/// Targets of every measure, by week and month.
fn fourteen_targets(allowlists: &Allowlists) -> Arc<Targets> {
    let calendar = Arc::new(WorkingCalendar::always(allowlists.zone.clone()));
    let target = |number: usize| {
        let (measure, name) = Measure::ALL[number % Measure::ALL.len()];
        let goal = match measure {
            Measure::NetPesos => Quantity::Centavos(1_000_000_000_000),
            Measure::ServiceLevel => Quantity::Ratio(0.8),
            _ => Quantity::Count(100_000),
        };
        Target {
            name: format!("{name}_{number}"),
            description: "a sentence that says what is counted here, and for whom".to_owned(),
            title: None,
            group: None,
            measure,
            filter: Filter::default(),
            period: if number.is_multiple_of(2) { Period::WEEK } else { Period::Month },
            goals: vec![(jiff::civil::Date::MIN, goal)],
            calendar: Arc::clone(&calendar),
            profile: None,
            prorate: false,
            tolerance: 0.02,
            pesos_each: None,
        }
    };
    let targets = (0..14).map(target).collect();
    Arc::new(Targets { targets, calendars: vec![calendar], ..Targets::default() })
}

fn timed<T>(cpu: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = thread_cpu_time();
    let result = work();
    *cpu = thread_cpu_time() - started;
    result
}

fn snapshot(views: &[Arc<PartitionView>], merged: MergedView, targets: &Arc<Targets>, now: Timestamp) -> Snapshot {
    let status = |(number, view): (usize, &Arc<PartitionView>)| PartitionStatus {
        partition: TopicPartition { stream: view.stream, topic: "benchmark".to_owned(), partition: number as i32 },
        position: view.next_offset,
        end: None,
        lag: None,
        stalled: false,
        missing: false,
        view: Arc::clone(view),
    };
    Snapshot {
        due_cut: None,
        outage: None,
        phase: Phase::Live,
        partitions: views.iter().enumerate().map(status).collect(),
        merged,
        outgrown: Vec::new(),
        complete_until: PerStream::from_fn(|_| Some(now)),
        built: now,
        targets: Arc::clone(targets),
        closed_periods: Arc::default(),
        due: Instant::now(),
        publication: Publication::first(now),
    }
}
