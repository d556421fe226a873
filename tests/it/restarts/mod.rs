//! What a start makes of what it finds: checkpoints, logs and settings that fit, and those that do not. On a real Kafka.

mod commands;
mod damage;
mod disk;
mod other_logs;
mod other_settings;

use std::fs;
use std::path::PathBuf;

use pacemeter::clock::{Clock, DAY};
use pacemeter::oracle::SentRecord;
use pacemeter::record::{Reason, Stream};
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};
use tempfile::TempDir;

use crate::end_to_end::figures::line;
use crate::end_to_end::story::Line;
use crate::end_to_end::world::World;
use crate::kafka::Kafka;
use crate::program::{Ended, Pacemeter, run_in};
use crate::topics::Record;

const PARTITIONS: i32 = 2;

/// Topics with records, more records to come, and a state directory.
struct Stored<'a> {
    world: World<'a>,
    state: TempDir,
    more: std::vec::IntoIter<Line>,
}

impl<'a> Stored<'a> {
    /// Everything written is in checkpoints.
    fn of(kafka: &'a Kafka) -> Self {
        let now = Clock::wall().now();
        let usual = LiveOptions::of(2020, 0.004, PartitionCounts::each(PARTITIONS), now - 4 * DAY);
        let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, ..usual });
        let lines: Vec<Line> = live.advance_to(now).into_iter().map(line).collect();
        let half = lines.len() / 2;
        let mut stored = Self {
            world: World::new(kafka, PARTITIONS),
            state: tempfile::tempdir().expect("a temporary directory"),
            more: lines.into_iter(),
        };
        // Of each stream something in each partition; then the programme, in its order.
        let poison = |partition| Record { partition, ..Record::of("{") };
        let poisoned = |stream| {
            (0..PARTITIONS).map(move |partition| Line {
                stream,
                record: poison(partition),
                sent: SentRecord::Rejected(Reason::NotJson),
            })
        };
        stored.world.write(Stream::ALL.into_iter().flat_map(poisoned).collect());
        stored.write(half);
        let mut pacemeter = stored.start(&[]);
        stored.assert_exact(&mut pacemeter);
        assert_eq!(pacemeter.stop().code, Some(0));
        stored
    }

    fn write(&mut self, lines: usize) {
        let lines = self.more.by_ref().take(lines).collect();
        self.world.write(lines);
    }

    fn settings(&self, more: &[&str]) -> Vec<String> {
        self.world.settings().into_iter().chain(more.iter().map(|&setting| setting.to_owned())).collect()
    }

    /// Runs with these settings besides the usual ones.
    fn start(&self, more: &[&str]) -> Pacemeter {
        Pacemeter::start(&self.state, &self.settings(more))
    }

    fn assert_exact(&self, pacemeter: &mut Pacemeter) {
        pacemeter.wait_ready();
        self.world.wait_complete(pacemeter);
        self.world.assert_figures(pacemeter);
    }

    /// Asserts that it ends by itself with this code, having said all of this.
    fn assert_refused(&self, more: &[&str], code: i32, said: &[&str]) {
        assert_says(&run_in(&self.state, &["run"], &self.settings(more)), code, said);
    }

    /// Asserts that it starts from where the metrics say, with every figure exact, and ends well.
    fn assert_starts(&self, more: &[&str], source: &str, partitions: i32) {
        let mut pacemeter = self.start(more);
        self.assert_exact(&mut pacemeter);
        assert_eq!(restores(&pacemeter, source), f64::from(partitions), "partitions whose state is {source}");
        assert_eq!(pacemeter.stop().code, Some(0));
    }

    /// The files of checkpoints of a partition, the newest first.
    fn checkpoints(&self, place: &str) -> Vec<PathBuf> {
        let directory = self.state.path().join("checkpoints").join(place);
        let files = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|extension| extension == "checkpoint")).collect();
        files.sort_by(|one, other| other.cmp(one));
        files
    }
}

fn restores(pacemeter: &Pacemeter, source: &str) -> f64 {
    pacemeter.scrape().value("pacemeter_restores_total", &[("source", source)]).expect("every source is there")
}

fn built(pacemeter: &Pacemeter) -> f64 {
    pacemeter.scrape().value("pacemeter_state_built_timestamp_seconds", &[]).expect("it is ready")
}

fn assert_says(ended: &Ended, code: i32, said: &[&str]) {
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{text}");
    for part in said {
        assert!(text.contains(part), "it does not say {part:?}: {text}");
    }
}
