//! Restarts on a real Kafka: checkpoints, logs and settings that fit the state, and those that do not.

mod commands;
mod damage;
mod disk;
mod forged;
mod other_logs;
mod other_settings;
mod shared_causes;

use std::fs;
use std::path::PathBuf;

use pacemeter::clock::{Clock, DAY};
use pacemeter::oracle::SentRecord;
use pacemeter::record::{Reason, Stream};
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};
use tempfile::TempDir;

use crate::end_to_end::figures::test_record;
use crate::end_to_end::handwritten::TestRecord;
use crate::end_to_end::test_log::TestLog;
use crate::kafka::Kafka;
use crate::program::{ExitedProcess, Pacemeter, run_in};
use crate::topics::Record;

const PARTITIONS: i32 = 2;

/// A state directory whose checkpoints cover a log, and more records to write.
struct StoredState<'a> {
    test_log: TestLog<'a>,
    state: TempDir,
    more: std::vec::IntoIter<TestRecord>,
}

impl<'a> StoredState<'a> {
    /// Writes half of a log and lets the program save all of it in checkpoints.
    fn of(kafka: &'a Kafka) -> Self {
        let now = Clock::wall().now();
        let usual = LiveOptions::of(2020, 0.004, PartitionCounts::each(PARTITIONS), now - 4 * DAY);
        let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, ..usual });
        let records: Vec<TestRecord> = live.advance_to(now).into_iter().map(test_record).collect();
        let half = records.len() / 2;
        let mut stored = Self {
            test_log: TestLog::new(kafka, PARTITIONS),
            state: tempfile::tempdir().expect("a temporary directory"),
            more: records.into_iter(),
        };
        // First a record in each partition of each stream, then the programme in order.
        let poison = |partition| Record { partition, ..Record::of("{") };
        let poisoned = |stream| {
            (0..PARTITIONS).map(move |partition| TestRecord {
                stream,
                record: poison(partition),
                sent: SentRecord::Rejected(Reason::NotJson),
            })
        };
        stored.test_log.write(Stream::ALL.into_iter().flat_map(poisoned).collect());
        stored.write(half);
        let mut pacemeter = stored.start(&[]);
        stored.assert_exact(&mut pacemeter);
        assert_eq!(pacemeter.stop().code, Some(0));
        stored
    }

    fn write(&mut self, records: usize) {
        let records = self.more.by_ref().take(records).collect();
        self.test_log.write(records);
    }

    fn settings(&self, more: &[&str]) -> Vec<String> {
        self.test_log.settings().into_iter().chain(more.iter().map(|&setting| setting.to_owned())).collect()
    }

    /// Starts the program with these settings besides the usual ones.
    fn start(&self, more: &[&str]) -> Pacemeter {
        Pacemeter::start(&self.state, &self.settings(more))
    }

    fn assert_exact(&self, pacemeter: &mut Pacemeter) {
        pacemeter.wait_ready();
        self.test_log.wait_complete(pacemeter);
        self.test_log.assert_figures(pacemeter);
    }

    /// Asserts that the program ends by itself with this code and prints all of these texts.
    fn assert_refused(&self, more: &[&str], code: i32, said: &[&str]) {
        assert_says(&run_in(&self.state, &["run"], &self.settings(more)), code, said);
    }

    /// Asserts that it starts with so many partitions restored from this source and every figure exact, and stops in
    /// order.
    fn assert_starts(&self, more: &[&str], source: &str, partitions: i32) {
        let mut pacemeter = self.start(more);
        self.assert_exact(&mut pacemeter);
        assert_eq!(restores(&pacemeter, source), f64::from(partitions), "partitions whose state is {source}");
        assert_eq!(pacemeter.stop().code, Some(0));
    }

    /// Checkpoint files of a partition, the newest first.
    fn checkpoints(&self, partition: &str) -> Vec<PathBuf> {
        let directory = self.state.path().join("checkpoints").join(partition);
        let files = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|extension| extension == "checkpoint")).collect();
        files.sort_by(|one, other| other.cmp(one));
        files
    }
}

fn restores(pacemeter: &Pacemeter, source: &str) -> f64 {
    pacemeter.scrape().value("pacemeter_restores_total", &[("source", source)]).expect("every source has a series")
}

fn built(pacemeter: &Pacemeter) -> f64 {
    pacemeter.scrape().value("pacemeter_state_built_timestamp_seconds", &[]).expect("it is ready")
}

fn assert_says(ended: &ExitedProcess, code: i32, said: &[&str]) {
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{text}");
    for part in said {
        assert!(text.contains(part), "{part:?} is not in the output: {text}");
    }
}
