//! Cuts recomputed from the log with `pacemeter cut verify ID --recompute`.

use std::fs;
use std::sync::Arc;

use pacemeter::clock::{Clock, DAY, HOUR, Timestamp};
use pacemeter::cuts::{Cut, CutKey, CutStore, cut_id};
use pacemeter::decode::KeyFile;
use pacemeter::disk::RealDisk;
use pacemeter::record::Stream;
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};
use tempfile::TempDir;

use super::figures::test_record;
use super::kills::await_death;
use super::test_log::TestLog;
use crate::program::{ExitedProcess, Pacemeter, run_in};
use crate::shared_kafka;

const PARTITIONS: i32 = 2;
const TARGETS: &str = "[target.daily]\nmeasure = \"dispersals\"\nperiod = \"day\"\ngoal = 100\n\n\
                       [target.answered]\nmeasure = \"service_level\"\nperiod = \"week\"\ngoal = 0.8\n";

/// A state directory with the cuts of a few midnights, and the log that they were taken from.
struct StoredCuts {
    test_log: TestLog<'static>,
    state: TempDir,
    ids: Vec<String>,
}

/// Last midnight of the programme whose cut is due. Topics of producers' timestamps may take two hours.
fn last_midnight() -> Timestamp {
    let midnight = 6 * HOUR;
    (Clock::wall().now() - midnight - 3 * HOUR).floor(DAY) + midnight
}

impl StoredCuts {
    /// Writes a log of four days.
    fn log() -> Self {
        let now = Clock::wall().now();
        let usual = LiveOptions::of(2020, 0.004, PartitionCounts::each(PARTITIONS), now - 4 * DAY);
        let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, ..usual });
        let mut test_log = TestLog::new(shared_kafka(), PARTITIONS);
        test_log.write(live.advance_to(now).into_iter().map(test_record).collect());
        let stored = Self { test_log, state: tempfile::tempdir().expect("a temporary directory"), ids: Vec::new() };
        stored.write_targets(TARGETS);
        stored
    }

    /// Writes a log, and lets the program take its cuts.
    fn new() -> Self {
        let mut stored = Self::log();
        let mut pacemeter = Pacemeter::start(&stored.state, &stored.settings(&[]));
        pacemeter.wait_ready();
        stored.test_log.wait_complete(&mut pacemeter);
        let last = cut_id(last_midnight());
        pacemeter.until("the cut of the last midnight is stored", |pacemeter| {
            pacemeter.events("pacemeter.cut.taken").iter().any(|event| event["cut"] == *last).then_some(())
        });
        let after_last = (last_midnight() + DAY).as_seconds();
        pacemeter.until("the next cut is due", |pacemeter| {
            let due = pacemeter.scrape().value("pacemeter_cut_due_timestamp_seconds", &[]);
            due.filter(|due| *due >= after_last)
        });
        assert_eq!(pacemeter.stop().code, Some(0));
        let cuts = fs::read_dir(stored.state.path().join("cuts")).expect("a directory");
        let names = cuts.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        stored.ids = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        stored.ids.sort();
        stored
    }

    fn write_targets(&self, text: &str) {
        fs::write(self.state.path().join("targets.toml"), text).expect("a file");
    }

    fn settings(&self, more: &[&str]) -> Vec<String> {
        let mut settings = self.test_log.settings();
        settings.push(format!("targets.files=[{:?}]", self.state.path().join("targets.toml")));
        settings.extend(more.iter().map(|&setting| setting.to_owned()));
        settings
    }

    /// Id of the last cut, which has the most figures.
    fn last(&self) -> &str {
        self.ids.last().expect("there are cuts")
    }

    fn recompute(&self, id: &str, more: &[&str]) -> ExitedProcess {
        run_in(&self.state, &["cut", "verify", id, "--recompute"], &self.settings(more))
    }

    fn assert_recomputed(&self, more: &[&str], code: i32, said: &[&str]) {
        assert_says(&self.recompute(self.last(), more), code, said);
    }

    /// Edits a cut as somebody with the key can: seals it, and every other cut, in a new directory of cuts. Removes the
    /// checkpoints, which name the original.
    fn forge(&self, id: &str, edit: impl FnOnce(&mut Cut)) {
        let KeyFile { key, .. } =
            KeyFile::load(&self.state.path().join("pseudonym.key")).expect("a key").expect("a key");
        let store = |directory: &TempDir| {
            let disk = RealDisk::open(directory.path(), &[]).expect("a disk");
            CutStore::new(Arc::new(disk), CutKey::new(key.derive(CutKey::CONTEXT)))
        };
        let (original, forged) = (store(&self.state), tempfile::tempdir().expect("a temporary directory"));
        let mut edit = Some(edit);
        for other in &self.ids {
            let (mut cut, _) = original.get(other).expect("a whole cut").expect("a cut");
            if other == id {
                edit.take().expect("one cut has this id")(&mut cut);
            }
            store(&forged).put(&cut).expect("the cut is stored");
        }
        let cuts = self.state.path().join("cuts");
        fs::remove_dir_all(&cuts).expect("removed");
        fs::rename(forged.path().join("cuts"), cuts).expect("renamed");
        let checkpoints = self.state.path().join("checkpoints");
        if checkpoints.exists() {
            fs::remove_dir_all(checkpoints).expect("removed");
        }
    }
}

fn assert_says(ended: &ExitedProcess, code: i32, said: &[&str]) {
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{text}");
    for part in said {
        assert!(text.contains(part), "{part:?} is not in the output: {text}");
    }
}

#[test]
fn whole_cuts_hold_and_changed_settings_are_named() {
    let stored = StoredCuts::new();
    for id in &stored.ids {
        assert_says(&stored.recompute(id, &[]), 0, &["whole, ", "holds: "]);
    }
    stored.assert_recomputed(&["streams.call.horizon=9d"], 78, &["streams.call.horizon was 7d, is 9d"]);
    stored.assert_recomputed(&["labels.programmes=['other-one']"], 78, &["labels.programmes was a list"]);
    stored.assert_recomputed(&["programme.time_zone=UTC"], 78, &["programme.time_zone was", "is UTC"]);

    // Another goal, another measure and a further target are changed settings, not a forgery.
    stored.write_targets(&TARGETS.replace("goal = 100", "goal = 101"));
    stored.assert_recomputed(&[], 78, &["not compared: target daily had goal 100", "give goal 101"]);
    stored.write_targets(&TARGETS.replace("dispersals", "approvals"));
    stored.assert_recomputed(&[], 78, &["target daily counted something else"]);
    stored.write_targets(&format!("{TARGETS}\n{}", TARGETS.replace("daily", "more").replace("answered", "also")));
    stored.assert_recomputed(&[], 0, &["holds: "]);
}

#[test]
fn a_cut_forged_with_the_key_does_not_hold() {
    let stored = StoredCuts::new();
    let id = stored.last().to_owned();
    let mut figures = (0, 0);
    stored.forge(&id, |cut| {
        let cell = &mut cut.periods[2].cells[0];
        figures = (cell.beneficiaries, cell.beneficiaries + 88_999);
        cell.beneficiaries = figures.1;
    });
    assert_says(&run_in(&stored.state, &["cut", "verify", &id], &stored.settings(&[])), 0, &["whole, "]);
    let said = format!("beneficiaries: {} in the cut, {} by the log", figures.1, figures.0);
    stored.assert_recomputed(&[], 65, &["does not hold: 1 of ", &said]);

    // Records that are left out together with their figures are seen at the end of the cut.
    stored.forge(&id, |cut| {
        cut.periods[2].cells[0].beneficiaries = figures.0;
        let call = cut.offsets.iter_mut().find(|offset| offset.stream == "call").expect("the stream");
        call.next_offset -= 1;
    });
    stored.assert_recomputed(&[], 65, &["does not hold", "behind the end of the cut, belongs to it by its timestamp"]);
    stored.forge(&id, |cut| cut.offsets[0].next_offset += 100_000);
    stored.assert_recomputed(&[], 65, &["the cut ends at offset", "forged"]);
    stored.forge(&id, |cut| drop(cut.offsets.remove(0)));
    stored.assert_recomputed(&[], 65, &["does not hold", "of a partition not in the cut"]);
}

#[test]
fn a_log_that_no_longer_reaches_back_is_no_verdict() {
    let stored = StoredCuts::new();
    let away = ["kafka.bootstrap_servers=127.0.0.1:1", "kafka.request_timeout=2s"];
    stored.assert_recomputed(&away, 75, &["nothing listens at 127.0.0.1:1 "]);
    stored.test_log.topics.delete_records(Stream::Call, 1);
    let topic = stored.test_log.topics.input(Stream::Call);
    let lacking = format!("topic {topic}, partition 1: offsets 0 to ");
    stored.assert_recomputed(&[], 75, &["no longer reaches back", &lacking]);
    assert_says(&run_in(&stored.state, &["cut", "verify"], &stored.settings(&[])), 0, &["whole, "]);
    let without_id = run_in(&stored.state, &["cut", "verify", "--recompute"], &stored.settings(&[]));
    assert_eq!(without_id.code, Some(64), "{}", without_id.stderr);
}

#[test]
fn a_kill_between_cut_and_list_is_no_sign_of_tampering() {
    let stored = StoredCuts::log();
    let settings = stored.settings(&[]);
    for place in ["cut.written:2", "cut.written:1"] {
        let pacemeter = Pacemeter::start_with(&stored.state, &settings, &[("PACEMETER_TEST_FAILPOINT", place)]);
        await_death(pacemeter, place, || {});
        assert_says(&run_in(&stored.state, &["cut", "verify"], &settings), 0, &["whole, "]);
    }
    let mut pacemeter = Pacemeter::start(&stored.state, &settings);
    pacemeter.wait_ready();
    stored.test_log.wait_complete(&mut pacemeter);
    pacemeter.until("the last cut is stored", |pacemeter| {
        (!pacemeter.events("pacemeter.cut.taken").is_empty()).then_some(())
    });
    assert_eq!(pacemeter.events("pacemeter.cut.damaged").len(), 0);
    assert_eq!(pacemeter.scrape().value("pacemeter_cuts_lost", &[]), Some(0.0));
    assert_eq!(pacemeter.stop().code, Some(0));
    assert_says(&run_in(&stored.state, &["cut", "verify"], &settings), 0, &["whole, "]);
}

#[test]
fn a_lost_cut_is_accepted_with_a_reason() {
    let stored = StoredCuts::new();
    let (id, settings) = (stored.last(), stored.settings(&[]));
    let command = |arguments: &[&str]| run_in(&stored.state, arguments, &settings);
    assert_says(&command(&["cut", "accept", "--reason", "test"]), 64, &["nothing to accept"]);
    assert_eq!(command(&["cut", "accept"]).code, Some(64), "a reason is needed");
    fs::remove_file(stored.state.path().join(format!("cuts/{id}.json"))).expect("removed");
    assert_says(&command(&["cut", "verify"]), 65, &[id, "was removed"]);
    assert_says(&command(&["cut", "verify", id, "--recompute"]), 65, &["damaged or missing"]);
    let mut pacemeter = Pacemeter::start(&stored.state, &settings);
    pacemeter.wait_ready();
    assert_says(&command(&["cut", "accept", "--reason", "the disk failed"]), 73, &["state.directory"]);
    assert_eq!(pacemeter.scrape().value("pacemeter_cuts_lost", &[]), Some(1.0));
    assert_eq!(pacemeter.stop().code, Some(0));
    assert_says(&command(&["cut", "accept", id, "--reason", "the disk failed"]), 0, &["accepted 2", id]);
    // The cut itself may have been taken again.
    assert_says(&command(&["state", "verify"]), 0, &[&format!("{id} was damaged or removed: the disk failed")]);
}

#[test]
fn a_rebuild_does_not_forget_the_last_cut() {
    let stored = StoredCuts::new();
    let settings = stored.settings(&[]);
    let command = |arguments: &[&str]| run_in(&stored.state, arguments, &settings);
    assert_says(&command(&["state", "rebuild", "--force"]), 0, &["at the next start"]);
    let mut pacemeter = Pacemeter::start(&stored.state, &settings);
    pacemeter.wait_ready();
    assert_eq!(pacemeter.events("pacemeter.cut.taken").len(), 0, "no cut is stored that would be named");
    assert_eq!(pacemeter.stop().code, Some(0));
    fs::remove_dir_all(stored.state.path().join("cuts")).expect("removed");
    fs::remove_file(stored.state.path().join("checkpoints/cuts-begun")).expect("removed");
    assert_says(&command(&["cut", "verify"]), 65, &[stored.last(), "as a checkpoint shows"]);
}

#[test]
fn cuts_removed_with_their_mark_are_missed_by_checkpoints() {
    let stored = StoredCuts::new();
    let settings = stored.settings(&[]);
    let last = stored.last();
    let command = |arguments: &[&str]| run_in(&stored.state, arguments, &settings);
    assert_says(&command(&["state", "verify"]), 0, &["whole, "]);
    fs::remove_dir_all(stored.state.path().join("cuts")).expect("removed");
    fs::remove_file(stored.state.path().join("checkpoints/cuts-begun")).expect("removed");
    for verify in ["state", "cut"] {
        assert_says(&command(&[verify, "verify"]), 65, &[last, "as a checkpoint shows"]);
    }
    let mut pacemeter = Pacemeter::start(&stored.state, &settings);
    pacemeter.wait_ready();
    pacemeter.until("the loss is counted", |pacemeter| {
        (pacemeter.scrape().value("pacemeter_cuts_lost", &[]) >= Some(2.0)).then_some(())
    });
    assert!(!pacemeter.events("pacemeter.cut.damaged").is_empty());
    assert_eq!(pacemeter.stop().code, Some(0));
    assert_says(&command(&["cut", "accept", "--reason", "a trial"]), 0, &[last, "chain"]);
    assert_says(&command(&["state", "verify"]), 0, &[&format!("{last} was damaged or removed: a trial")]);
}
