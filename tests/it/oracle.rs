//! The core compared with the naive oracle: random and hostile logs are decoded, applied, viewed, rendered and compared
//! series by series.

mod golden;
mod images;
mod logs;
mod programme;
mod targets;

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use jiff::tz::TimeZone;
use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::calendar::Period;
use pacemeter::clock::{Clock, DAY, HOUR, Millis, Timestamp};
use pacemeter::decode::{Decoder, PseudonymKey};
use pacemeter::event::{CallKind, DisbursementKind, LabelArena, MilestoneKind, Status};
use pacemeter::export::Exporter;
use pacemeter::oracle::{self, Oracle, SentBody, SentRecord, SeriesValues};
use pacemeter::record::{PerStream, RawRecord, Reason, Stream, TopicPartition};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::targets::Targets;
use pacemeter::telemetry::{Metrics, log};
use pacemeter::view::closed_periods::ClosedPeriods;
use pacemeter::view::merged::ViewMerger;
use pacemeter::view::progress::Evaluator;
use pacemeter::view::snapshot::{PartitionStatus, Phase, Publication, Snapshot, SnapshotPublisher};
use pacemeter::view::totals::PresenceLimits;
use pacemeter::view::{PartitionView, Views};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::logs::log;
pub(crate) use self::logs::{Step, Time, What};

/// Monday noon in Mexico City, in the week of the spring's clock change of 2022.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_648_490_400_000);

const PARTITIONS: usize = 2;

pub(crate) const PROGRAMMES: [&str; 4] = ["palabra", "solidario", "unlisted one", "unlisted two"];
pub(crate) const STATES: [Option<&str>; 5] = [Some("MX-JAL"), Some("MX-OAX"), Some("MX-DIF"), None, Some("nowhere")];
pub(crate) const QUEUES: [&str; 3] = ["general", "hogar", "unlisted"];
pub(crate) const SITES: [&str; 3] = ["casa", "centro", "unlisted"];
pub(crate) const NAMES: [&str; 3] = ["mercado", "reunion", "unlisted"];

fn reader() -> SettingsReader {
    reader_with(&[])
}

pub(crate) fn reader_with(more: &[&str]) -> SettingsReader {
    let overrides = [
        "streams.disbursement.horizon=35d",
        "streams.disbursement.open_horizon=50d",
        "streams.call.horizon=2d",
        "streams.milestone.horizon=3d",
        r#"labels.programmes=["palabra", "solidario"]"#,
        r#"labels.queues=["general", "hogar"]"#,
        r#"labels.sites=["casa", "centro"]"#,
        r#"labels.initiatives=["mercado", "reunion"]"#,
        r#"labels.milestones=["mercado"]"#,
        r#"labels.states=["MX-JAL", "MX-CMX"]"#,
    ];
    let overrides = overrides.iter().chain(more).map(|&set| set.to_owned()).collect();
    SettingsReader::load(&Layers { overrides, ..Layers::default() })
}

fn oracle() -> Oracle {
    Oracle::new(oracle_rules())
}

fn oracle_rules() -> oracle::OracleRules {
    let strings = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
    oracle::OracleRules {
        horizons: oracle::Horizons { disbursement: 35 * DAY, call: 2 * DAY, milestone: 3 * DAY },
        open_horizon: 50 * DAY,
        labels: oracle::OracleLabels {
            programmes: strings(&PROGRAMMES[..2]),
            queues: strings(&QUEUES[..2]),
            sites: strings(&SITES[..2]),
            initiatives: strings(&NAMES[..2]),
            milestones: strings(&NAMES[..1]),
            states: strings(&["MX-JAL", "MX-CMX"]),
        },
        ..oracle::OracleRules::default()
    }
}

fn metrics() -> Arc<Metrics> {
    static METRICS: LazyLock<Arc<Metrics>> = LazyLock::new(|| {
        let counters = log::LogCounters::new(&log::Settings::read(&mut reader()));
        Arc::new(Metrics::new(&[], &[], Arc::new(counters)))
    });
    Arc::clone(&METRICS)
}

/// The pipeline's synchronous part, without Kafka: one partition of each stream for each partition of the log.
struct Core {
    decoder: Decoder,
    view_config: ViewConfig,
    closed_periods: Arc<ClosedPeriods>,
    rules: Rules,
    partitions: Vec<(Stream, PartitionState)>,
    merger: ViewMerger,
    offset: i64,
}

impl Core {
    fn new(now: Timestamp) -> Self {
        Self::with(reader(), now)
    }

    fn with(reader: SettingsReader, now: Timestamp) -> Self {
        Self::showing(Arc::default(), reader, now)
    }

    fn showing(targets: Arc<Targets>, mut reader: SettingsReader, now: Timestamp) -> Self {
        let view_config = ViewConfig { allowlists: Arc::new(Allowlists::read(&mut reader)), targets };
        let rules = Rules::read(&mut reader);
        let decoder = Decoder::new(
            pacemeter::decode::Settings::read(&mut reader),
            PseudonymKey::from_hex(&"5a".repeat(32)).expect("32 bytes in hexadecimal"),
        );
        let partition = |index: usize| {
            let stream = Stream::ALL[index % Stream::ALL.len()];
            (stream, PartitionState::new(stream, 0, rules, &view_config, now))
        };
        let partitions = (0..PARTITIONS * Stream::ALL.len()).map(partition).collect();
        Self {
            decoder,
            view_config,
            closed_periods: Arc::default(),
            rules,
            partitions,
            merger: ViewMerger::default(),
            offset: 0,
        }
    }

    fn apply(&mut self, stream: Stream, partition: usize, value: &str, timestamp: Timestamp) {
        let mut arena = LabelArena::default();
        let raw = RawRecord { value: Some(value.as_bytes()), timestamp: Some(timestamp), ..RawRecord::default() };
        let decoded = self.decoder.decode(stream, &raw, &mut arena);
        let (_, state) = &mut self.partitions[partition * Stream::ALL.len() + stream as usize];
        state.step(self.offset, &decoded, &arena);
        self.offset += 1;
    }

    fn views(&mut self, now: Timestamp) -> Views {
        self.partitions.iter_mut().map(|(_, state)| Arc::new(state.view(now))).collect()
    }

    fn figures(&mut self, now: Timestamp) -> SeriesValues {
        let publisher = Arc::new(SnapshotPublisher::new(now, Arc::default(), Instant::now()));
        let views = self.views(now);
        let status = |(index, view): (usize, &Arc<PartitionView>)| PartitionStatus {
            partition: TopicPartition {
                stream: view.stream,
                topic: view.stream.name().to_owned(),
                partition: index as i32,
            },
            position: 0,
            end: None,
            lag: None,
            stalled: false,
            missing: false,
            view: Arc::clone(view),
        };
        publisher.publish(Snapshot {
            phase: Phase::Live,
            partitions: views.iter().enumerate().map(status).collect(),
            merged: self.merger.merge(views.clone()),
            outgrown: Vec::new(),
            outage: None,
            complete_until: PerStream::default(),
            built: now,
            targets: Arc::clone(&self.view_config.targets),
            closed_periods: Arc::clone(&self.closed_periods),
            due_cut: None,
            due: Instant::now(),
            publication: Publication::first(now),
        });
        let exporter = Exporter::new(
            publisher,
            Arc::clone(&self.view_config.allowlists),
            PresenceLimits { wait: self.rules.max_wait, agent: self.rules.agent_timeout },
            Arc::new(Evaluator::new(self.view_config.allowlists.zone.clone())),
            Clock::accelerated(now, 0.0),
            metrics(),
            100_000,
        );
        let text = exporter.render().plain();
        SeriesValues::parse_exposition(std::str::from_utf8(&text).expect("an exposition is UTF-8"))
            .expect("the exposition is well-formed")
    }

    fn digests(&mut self) -> Vec<[u8; 32]> {
        self.partitions.iter_mut().map(|(_, state)| state.digest()).collect()
    }
}

/// A record as sent, with its meaning.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub stream: Stream,
    pub partition: usize,
    pub value: String,
    pub timestamp: Timestamp,
    pub sent: SentRecord,
}

/// Beginning of the local day.
pub(crate) fn turn(at: Timestamp, zone: &TimeZone) -> Timestamp {
    Period::Day.at(at, zone).expect("there are days at all times").start
}

/// The zone of the settings.
pub(crate) fn zone() -> TimeZone {
    TimeZone::get("America/Mexico_City").expect("a zone")
}

fn records(log: &[Step]) -> Vec<Record> {
    records_in(log, &zone())
}

fn records_in(log: &[Step], zone: &TimeZone) -> Vec<Record> {
    let mut at = START;
    let mut records = Vec::new();
    let mut last = START;
    for (number, step) in log.iter().enumerate() {
        let time = match step.time {
            Time::Ahead(by) => {
                at += by;
                at
            }
            Time::Behind(by) => at - by,
            Time::Same => last,
            Time::Turn(after) => turn(at, zone) + after,
        };
        last = time;
        let id =
            step.id.map_or_else(|| format!("event-{number}"), |id| format!("event-{}", usize::from(id) % (number + 1)));
        records.push(record(step, id, time));
    }
    records
}

pub(crate) fn record(step: &Step, id: String, time: Timestamp) -> Record {
    let pesos = |amount: u64| amount * 1_000_050;
    let (stream, kind, mut value, body) = match &step.what {
        What::Disbursement { kind, programme, state, person, credit, amount } => {
            let kind = DisbursementKind::ALL[*kind];
            let (beneficiary, credit) = (format!("person-{person}"), format!("credit-{credit}"));
            let amount = kind.has_amount().then(|| pesos(*amount));
            let text = amount.map(|amount| format!("{}.{:02}", amount / 100, amount % 100));
            let (programme, state) = (PROGRAMMES[*programme].to_owned(), STATES[*state].map(str::to_owned));
            let value = json!({ "programme": programme, "state": state, "beneficiary": beneficiary, "credit": credit, "amount": text });
            let amount = amount.map(Into::into);
            let body = oracle::SentDisbursement { kind, programme, state, beneficiary, credit, amount, currency: None };
            (Stream::Disbursement, kind.name(), value, SentBody::Disbursement(body))
        }
        What::Call { kind, call, queue, seconds } => {
            let kind = CallKind::ALL[*kind];
            let (call, queue) = (format!("call-{call}"), QUEUES[*queue].to_owned());
            let seconds = seconds.filter(|_| kind == CallKind::Completed);
            let value = json!({ "call": call, "queue": queue, "talk_seconds": seconds });
            let talk = seconds.map(|seconds| Millis::from(seconds) * 1_000);
            (
                Stream::Call,
                kind.name(),
                value,
                SentBody::Call(oracle::SentCall { kind, call, queue, talk, hold: None, wrap_up: None }),
            )
        }
        What::Agent { agent, site, status } => {
            let (agent, site, status) =
                (format!("agent-{agent}"), site.map(|site| SITES[site].to_owned()), Status::ALL[*status]);
            let value = json!({ "agent": agent, "site": site, "status": status.name() });
            (Stream::Call, "agent_status", value, SentBody::Agent(oracle::SentAgent { agent, site, status }))
        }
        What::Milestone { kind, initiative, milestone, quantity } => {
            let kind = MilestoneKind::ALL[*kind];
            let (initiative, milestone) = (NAMES[*initiative].to_owned(), NAMES[*milestone].to_owned());
            let value = json!({ "initiative": initiative, "milestone": milestone, "quantity": quantity });
            (
                Stream::Milestone,
                kind.name(),
                value,
                SentBody::Milestone(oracle::SentMilestone { kind, initiative, milestone, quantity: *quantity }),
            )
        }
        What::Malformed => {
            let (stream, sent) = (Stream::Disbursement, SentRecord::Rejected(Reason::NotJson));
            return Record { stream, partition: step.partition, value: "{".to_owned(), timestamp: time, sent };
        }
    };
    let fields = value.as_object_mut().expect("an object");
    fields.insert("id".to_owned(), Value::from(id.clone()));
    fields.insert("type".to_owned(), Value::from(format!("{}.{kind}", stream.name())));
    fields.insert("time".to_owned(), Value::from(time.to_string()));
    let sent = SentRecord::Event(oracle::SentEvent { id, source: None, time, body });
    Record { stream, partition: step.partition, value: value.to_string(), timestamp: time, sent }
}

/// Supports, calls and agents whose events come at most once of each kind, at instants of their own, all within the
/// horizons.
fn orderly() -> impl Strategy<Value = Vec<Record>> {
    let support = (0..6_u8, 0..4_usize, 0..5_usize, 1..5_u64, prop::collection::vec(0..HOUR / 1_000, 5), 1..32_u8);
    let call = (0..3_usize, prop::option::of(0..4_000_u32), prop::collection::vec(0..HOUR / 1_000, 4), 1..16_u8);
    let (supports, calls) = (prop::collection::vec(support, 0..12), prop::collection::vec(call, 0..8));
    let statuses = prop::collection::vec((0..4_u8, prop::option::of(0..3_usize), 0..5_usize), 0..12);
    let milestones = prop::collection::vec((0..2_usize, 0..3_usize, 0..3_usize, prop::option::of(1..9_u32)), 0..8);
    (supports, calls, statuses, milestones).prop_map(|(supports, calls, statuses, milestones)| {
        let mut steps = Vec::new();
        for (number, (person, programme, state, amount, times, kinds)) in supports.into_iter().enumerate() {
            for (kind, time) in times.into_iter().enumerate().filter(|(kind, _)| kinds & 1 << kind != 0) {
                steps.push((What::Disbursement { kind, programme, state, person, credit: number as u8, amount }, time));
            }
        }
        for (number, (queue, seconds, times, kinds)) in calls.into_iter().enumerate() {
            for (kind, time) in times.into_iter().enumerate().filter(|(kind, _)| kinds & 1 << kind != 0) {
                steps.push((What::Call { kind, call: number as u8, queue, seconds }, time));
            }
        }
        steps.extend(statuses.into_iter().map(|(agent, site, status)| (What::Agent { agent, site, status }, 0)));
        let milestone =
            |(kind, initiative, milestone, quantity)| (What::Milestone { kind, initiative, milestone, quantity }, 0);
        steps.extend(milestones.into_iter().map(milestone));
        let record_of = |(number, (what, time)): (usize, (What, Millis))| {
            let step = Step { partition: 0, what, id: None, time: Time::Same };
            // No two events are at one instant, so the order of the log decides nothing.
            record(&step, format!("event-{number}"), START + time * 1_000 + number as Millis)
        };
        steps.into_iter().enumerate().map(record_of).collect()
    })
}

fn figures_of<'a>(records: impl Iterator<Item = &'a Record>, now: Timestamp) -> SeriesValues {
    let mut core = Core::new(now);
    records.for_each(|record| core.apply(record.stream, record.partition, &record.value, record.timestamp));
    core.figures(now)
}

fn assert_equal(expected: &SeriesValues, actual: &SeriesValues) -> Result<(), TestCaseError> {
    let differences = expected.differences(actual);
    prop_assert!(
        differences.is_empty(),
        "{} series differ, such as {:#?}",
        differences.len(),
        &differences[..differences.len().min(5)]
    );
    Ok(())
}

/// Newest time of the log; `now` is usually close to it.
fn end_of(records: &[Record]) -> Timestamp {
    records.iter().map(|record| record.timestamp).max().unwrap_or(START)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_figure_is_the_oracles(log in log(), after in -2 * HOUR..3 * DAY, looks in prop::collection::vec(prop::bool::weighted(0.1), 160)) {
        let records = records(&log);
        let now = end_of(&records) + after;
        let mut core = Core::new(START);
        let mut unobserved = Core::new(now);
        let mut oracle = oracle();
        let mut seen_until = START;
        for (record, look) in records.iter().zip(looks) {
            core.apply(record.stream, record.partition, &record.value, record.timestamp);
            unobserved.apply(record.stream, record.partition, &record.value, record.timestamp);
            oracle.record(record.stream, record.partition as i32, record.sent.clone());
            seen_until = seen_until.max(record.timestamp);
            if look {
                // A reader on the way sees right figures, too, and changes nothing.
                assert_equal(&oracle.figures(seen_until), &core.figures(seen_until))?;
            }
        }
        let expected = oracle.figures(now);
        assert_equal(&expected, &core.figures(now))?;
        assert_equal(&expected, &unobserved.figures(now))?;
        prop_assert_eq!(core.digests(), unobserved.digests(), "state depends on the log alone, no matter when it is viewed");
    }

    #[test]
    fn any_order_gives_equal_figures_where_order_is_irrelevant(
        (records, shuffled) in orderly().prop_flat_map(|records| {
            let order: Vec<usize> = (0..records.len()).collect();
            (Just(records), Just(order).prop_shuffle())
        }),
        after in 0..2 * DAY,
    ) {
        let now = end_of(&records) + after;
        let in_order = figures_of(records.iter(), now);
        assert_equal(&in_order, &figures_of(shuffled.iter().map(|&index| &records[index]), now))?;
    }

    #[test]
    fn outcomes_add_up_to_the_records_read(log in log()) {
        let records = records(&log);
        let mut core = Core::new(START);
        records.iter().for_each(|record| core.apply(record.stream, record.partition, &record.value, record.timestamp));
        let counted: i128 = core
            .figures(end_of(&records))
            .0
            .iter()
            .filter(|(series, _)| series.starts_with("pacemeter_records_total"))
            .map(|(_, value)| value)
            .sum();
        prop_assert_eq!(counted, records.len() as i128 * 1_000);
    }
}

#[test]
fn too_many_people_leave_only_people_of_all_time_absent() {
    let dispersal = |number: u8, time: Timestamp| {
        let what = What::Disbursement { kind: 3, programme: 0, state: 0, person: number, credit: number, amount: 1 };
        record(&Step { partition: 0, what, id: None, time: Time::Same }, format!("event-{number}"), time)
    };
    let mut paid = vec![dispersal(1, START), dispersal(2, START + HOUR), dispersal(3, START + 60 * DAY)];
    // A person is paid again under another support, and returns that payment long after the first was forgotten.
    let again = |kind, time: Timestamp, event: u32| {
        let what = What::Disbursement { kind, programme: 0, state: 2, person: 1, credit: 9, amount: 1 };
        record(&Step { partition: 0, what, id: None, time: Time::Same }, format!("again-{event}"), time)
    };
    paid.insert(2, again(3, START + 2 * HOUR, 0));
    paid.extend((1..60).map(|day| again(0, START + 30 * DAY + Millis::from(day) * DAY / 2, day)).chain([again(
        4,
        START + 60 * DAY,
        99,
    )]));
    let now = START + 60 * DAY;
    for (max_people, is_there) in [("state.max_people=2", false), ("state.max_people=3", true)] {
        let mut core = Core::with(reader_with(&[max_people]), now);
        paid.iter().for_each(|record| core.apply(record.stream, record.partition, &record.value, record.timestamp));
        let figures = core.figures(now);
        let value =
            |family: &str| figures.0.get(&format!("{family}{{programme=\"palabra\",state=\"MX-JAL\"}}")).copied();
        assert_eq!(value("pacemeter_beneficiaries"), is_there.then_some(3_000), "{max_people}");
        assert_eq!(value("pacemeter_day_beneficiaries"), Some(1_000));
    }
}
