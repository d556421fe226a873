//! The log of one test: records written to its topics, their meaning, and the comparison of the program with it.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use pacemeter::clock::{Clock, Millis, SECOND, Timestamp};
use pacemeter::oracle::{Oracle, OracleLabels, OracleRules, SentRecord, SeriesValues, decimal};
use pacemeter::record::{Outcome, Reason, Stream};
use pacemeter::simulate::LABELS;

use super::handwritten::TestRecord;
use crate::kafka::Kafka;
use crate::program::{LIMIT, Pacemeter};
use crate::topics::{CREATE_TIME, Record, Topics};

/// Partition and offsets that are rejected as `excluded` in each topic.
const EXCLUDED: (i32, std::ops::RangeInclusive<i64>) = (1, 5..=7);

/// Maximum age of what a scrape shows: scrapes at about the same time share one rendering.
const STALENESS: Millis = 2 * SECOND;

pub struct TestLog<'a> {
    pub topics: Topics<'a>,
    oracle: Oracle,
    /// Every record written, by topic, partition and offset, and the reason for which it is rejected.
    written: BTreeMap<(String, i32, i64), (Record, Option<Reason>)>,
}

impl<'a> TestLog<'a> {
    /// Creates empty topics with this many partitions each.
    pub fn new(kafka: &'a Kafka, partitions: i32) -> Self {
        Self::with_rules(kafka, partitions, OracleRules::default())
    }

    /// Like [`Self::new`], with these rules for all but the labels.
    pub fn with_rules(kafka: &'a Kafka, partitions: i32, rules: OracleRules) -> Self {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let labels = OracleLabels {
            programmes: list(LABELS.programmes),
            queues: list(LABELS.queues),
            sites: list(LABELS.sites),
            initiatives: list(LABELS.initiatives),
            milestones: list(LABELS.milestones),
            ..OracleLabels::default()
        };
        let oracle = Oracle::new(OracleRules { labels, ..rules });
        Self { topics: Topics::create(kafka, partitions, CREATE_TIME), oracle, written: BTreeMap::new() }
    }

    /// Settings with which the program's figures must equal the oracle's.
    pub fn settings(&self) -> Vec<String> {
        let mut settings = self.topics.settings();
        let lists = [
            ("programmes", LABELS.programmes),
            ("queues", LABELS.queues),
            ("sites", LABELS.sites),
            ("initiatives", LABELS.initiatives),
            ("milestones", LABELS.milestones),
        ];
        settings.extend(lists.map(|(name, values)| format!("labels.{name}={values:?}")));
        settings.extend(["checkpoint.max_interval=300ms", "checkpoint.max_cpu_percent=100"].map(str::to_owned));
        let (partition, offsets) = EXCLUDED;
        let (first, last) = (offsets.start(), offsets.end());
        settings.extend(Stream::ALL.map(|stream| {
            let range = format!("{{ partition = {partition}, first_offset = {first}, last_offset = {last} }}");
            format!("streams.{}.exclude=[{range}]", stream.name())
        }));
        settings
    }

    /// Writes the records, in order for each stream, and adds them to the oracle.
    pub fn write(&mut self, records: Vec<TestRecord>) {
        for stream in Stream::ALL {
            let (records, sent): (Vec<Record>, Vec<SentRecord>) = records
                .iter()
                .filter(|line| line.stream == stream)
                .map(|line| (line.record.clone(), line.sent.clone()))
                .unzip();
            let places = self.topics.write(stream, &records);
            for ((record, sent), (offset, _)) in records.into_iter().zip(sent).zip(places) {
                self.add(stream, record, sent, offset);
            }
        }
    }

    fn add(&mut self, stream: Stream, record: Record, sent: SentRecord, offset: i64) {
        let is_excluded = record.partition == EXCLUDED.0 && EXCLUDED.1.contains(&offset);
        let sent = if is_excluded { SentRecord::Rejected(Reason::Excluded) } else { sent };
        let reason = match &sent {
            SentRecord::Rejected(reason) => Some(*reason),
            SentRecord::Event(_) => None,
        };
        let partition = record.partition;
        self.oracle.record(stream, partition, sent);
        let place = (self.topics.input(stream), partition, offset);
        assert!(self.written.insert(place, (record, reason)).is_none(), "two records at one offset");
    }

    /// Expected number of records of this outcome, over all streams.
    pub fn expected(&self, outcome: Outcome) -> usize {
        let figures = self.oracle.figures(Clock::wall().now());
        let of = |stream: Stream| {
            format!("pacemeter_records_total{{stream=\"{}\",outcome=\"{}\"}}", stream.name(), outcome.name())
        };
        Stream::ALL.iter().map(|stream| figures.0[&of(*stream)] as usize / 1_000).sum()
    }

    /// Asserts that everything that can happen does so in this log, so that no comparison is of zeros only.
    pub fn assert_hostile(&self) {
        let figures = self.oracle.figures(Clock::wall().now());
        let total = |start: &str, label: &str| -> i128 {
            figures
                .0
                .iter()
                .filter(|(series, _)| series.starts_with(start) && series.contains(label))
                .map(|(_, value)| value)
                .sum()
        };
        for outcome in Outcome::ALL {
            assert!(self.expected(outcome) >= 50, "only {} records are {}", self.expected(outcome), outcome.name());
        }
        for reason in Reason::ALL {
            assert!(
                total("pacemeter_rejected_records_total", reason.name()) > 0,
                "nothing is rejected as {}",
                reason.name()
            );
        }
        for event in ["returned", "approved", "answered", "abandoned", "completed"] {
            assert!(total("pacemeter_unmatched_events_total", event) > 0, "nothing {event} is unmatched");
        }
        for (family, ..) in super::catalogue::BUSINESS {
            let others = ["pacemeter_history_start_offset", "pacemeter_state_built_timestamp_seconds"];
            assert!(others.contains(family) || total(family, "") > 0, "{family} is 0 everywhere");
        }
    }

    /// Waits until the program has everything written before this call.
    pub fn wait_complete(&self, pacemeter: &mut Pacemeter) {
        let now = Clock::wall().now();
        pacemeter.until("everything written is in the figures", |pacemeter| {
            let scrape = pacemeter.scrape();
            let until = |stream: &Stream| {
                scrape.value("pacemeter_complete_until_timestamp_seconds", &[("stream", stream.name())])
            };
            let is_complete =
                |stream: &Stream| until(stream).is_some_and(|seconds| Timestamp::from_seconds(seconds) >= now);
            Stream::ALL.iter().all(is_complete).then_some(())
        });
    }

    /// Asserts that every business figure equals the oracle's.
    ///
    /// Some figures depend on now. They are compared at a moment at which the oracle's figures have not changed for two
    /// seconds.
    pub fn assert_figures(&self, pacemeter: &Pacemeter) {
        let clock = Clock::wall();
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            let before = clock.now();
            let scrape = pacemeter.get("/metrics").body;
            let after = clock.now();
            let expected = self.oracle.figures(before - STALENESS);
            if expected != self.oracle.figures(after) {
                thread::sleep(Duration::from_millis(200));
                continue;
            }
            let actual = SeriesValues::parse_exposition(&scrape).unwrap_or_else(|error| panic!("{error}"));
            return assert_same(&expected, &actual);
        }
        panic!("the figures did not stay unchanged for a moment within {LIMIT:?}");
    }

    /// Waits for the dead letters of all rejected and expired records, asserts that each is there once with its
    /// original bytes, and returns their number.
    pub fn assert_dead_letters(&self) -> usize {
        let expected = self.expected(Outcome::Rejected) + self.expected(Outcome::Expired);
        let started = Instant::now();
        let mut letters = self.topics.read(&self.topics.dead_letter());
        while letters.len() < expected && started.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(200));
            letters = self.topics.read(&self.topics.dead_letter());
        }
        let mut seen = std::collections::BTreeSet::new();
        for letter in &letters {
            let number = |name: &str| letter.header(name).parse::<i64>().expect("a number");
            let place = (
                letter.header("pacemeter-topic").to_owned(),
                number("pacemeter-partition") as i32,
                number("pacemeter-offset"),
            );
            let (record, reason) =
                self.written.get(&place).unwrap_or_else(|| panic!("no record was written at {place:?}"));
            assert_eq!(
                (&letter.key, &letter.value),
                (&record.key, &record.value),
                "the letter of {place:?} is not the record"
            );
            let expected = reason.map_or(Outcome::Expired.name(), Reason::name);
            assert_eq!(letter.header("pacemeter-reason"), expected, "the record at {place:?}: {record:?}");
            let has_detail = letter.headers.iter().any(|(name, _)| name == "pacemeter-detail");
            assert_eq!(has_detail, *reason == Some(Reason::NotJson), "the detail of {place:?}");
            assert!(seen.insert(place.clone()), "two letters for {place:?}");
        }
        let missing = self.written.iter().filter(|(place, (_, reason))| reason.is_some() && !seen.contains(*place));
        let missing: Vec<_> = missing.map(|(place, (_, reason))| (place, reason)).take(10).collect();
        assert!(missing.is_empty(), "no letter for {missing:?}");
        assert_eq!(letters.len(), expected, "one letter for each rejected and each expired record");
        letters.len()
    }

    /// Waits until the consumer group has committed the end of every partition.
    pub fn assert_committed(&self, pacemeter: &mut Pacemeter) {
        for stream in Stream::ALL {
            // A partition that never had a record may have no committed offset.
            let ends = self.topics.ends(&self.topics.input(stream));
            pacemeter.until("every offset is committed", |_| {
                let committed = self.topics.committed(stream).into_iter().map(Option::unwrap_or_default);
                committed.eq(ends.iter().copied()).then_some(())
            });
        }
    }
}

fn assert_same(expected: &SeriesValues, actual: &SeriesValues) {
    let differences = expected.differences(actual);
    let value = |value: Option<i128>| value.map_or("absent".to_owned(), decimal);
    let lines = differences.iter().take(60).map(|difference| {
        format!("{}: expected {}, shown {}", difference.series, value(difference.expected), value(difference.actual))
    });
    let lines: Vec<String> = lines.collect();
    let (all, wrong) = (expected.0.len(), differences.len());
    assert!(lines.is_empty(), "{wrong} of {all} figures differ from the oracle's:\n{}", lines.join("\n"));
}
