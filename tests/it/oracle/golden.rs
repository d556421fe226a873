//! Real states as each version of the format wrote them: they must always load, with the same figures.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pacemeter::aggregate::StateLoader;
use pacemeter::checkpoint::{CheckpointChain, CheckpointStart, CheckpointStore, Head, PartitionDir};
use pacemeter::clock::{DAY, HOUR, Timestamp};
use pacemeter::disk::MemoryDisk;
use pacemeter::oracle::SeriesValues;
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};

use super::{Core, START, Stream, assert_equal};

/// Format that is written today.
const VERSION: &str = "state-v1";
const NOW: Timestamp = Timestamp::from_millis(START.as_millis() + 9 * DAY + 3 * HOUR);

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A few days of everything, some of it closed and settled.
fn state() -> Core {
    let usual = LiveOptions::of(2020, 0.0005, PartitionCounts::each(1), START);
    let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, ..usual });
    let mut core = Core::new(START);
    for emission in live.advance_to(NOW) {
        core.apply(emission.stream, 0, &String::from_utf8_lossy(&emission.value), emission.timestamp);
    }
    core
}

fn dir(stream: Stream) -> PartitionDir {
    PartitionDir { stream, partition: 0 }
}

fn head(stream: Stream, next_offset: i64) -> Head {
    Head {
        written_by: "golden".to_owned(),
        sequence: 0,
        cluster_id: None,
        stream,
        topic: "golden".to_owned(),
        partition: 0,
        partition_count: 1,
        semantic_settings: [].into(),
        key_id: String::new(),
        labels: [0; 16],
        first_offset: 0,
        next_offset,
        last_record: None,
        built: START,
        written: NOW,
        records: 0,
        pending_cuts: Vec::new(),
        first_timestamp: None,
        pending_until: Vec::new(),
        last_cut: None,
        topic_id: None,
        passed: None,
        provisional: Vec::new(),
    }
}

/// Writes the state of each stream into a disk.
fn write(core: &mut Core) -> MemoryDisk {
    let disk = MemoryDisk::default();
    let store = CheckpointStore::new(Arc::new(disk.clone()));
    for (stream, partition) in &mut core.partitions[..3] {
        let image = partition.begin_image(&(Arc::new(|_| {}) as _));
        let begin = CheckpointStart { head: head(*stream, partition.next_offset()), image };
        let mut writer = store.begin(&mut CheckpointChain::default(), begin).expect("memory does not fail");
        while let Some(chunk) = partition.copy(1 << 20) {
            writer.write_chunk(&chunk).expect("memory does not fail");
        }
        partition.end_image();
        writer.finish().expect("memory does not fail");
    }
    disk
}

/// A core with the states that a disk holds.
fn read(disk: &MemoryDisk) -> Core {
    let mut core = Core::new(START);
    let store = CheckpointStore::new(Arc::new(disk.clone()));
    for (stream, partition) in &mut core.partitions[..3] {
        let opened = store.newest(dir(*stream)).expect("a listing").reader.expect("a whole checkpoint");
        let mut restoring = StateLoader::new(*stream, opened.body(), opened.days()).expect("a state of this format");
        assert_eq!(restoring.shapes(), opened.layouts());
        opened.fill(&mut restoring.pages(), 1, &|_| {}).expect("whole pages");
        *partition = restoring.finish(core.rules, &core.view_config, NOW);
    }
    core
}

/// With `PACEMETER_BLESS=1` missing files are written. Existing ones are never overwritten.
#[test]
fn states_of_version_1_load_with_their_figures() {
    let figures = golden(&format!("{VERSION}.figures"));
    if std::env::var_os("PACEMETER_BLESS").is_some() && !figures.exists() {
        let mut core = state();
        let disk = write(&mut core);
        for path in disk.paths() {
            let (file, content) = (golden(VERSION).join(&path), disk.read(&path).expect("it is there"));
            fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
            fs::write(file, content).expect("a file");
        }
        let text: Vec<String> =
            core.figures(NOW).0.iter().map(|(series, value)| format!("{series} {value}\n")).collect();
        fs::write(&figures, text.concat()).expect("a file");
    }
    let expected: SeriesValues = SeriesValues(
        fs::read_to_string(&figures)
            .expect("a golden file; PACEMETER_BLESS=1 makes it")
            .lines()
            .map(|line| line.rsplit_once(' ').expect("a series and its value"))
            .map(|(series, value)| (series.to_owned(), value.parse().expect("a number")))
            .collect(),
    );
    let disk = MemoryDisk::default();
    for stream in Stream::ALL {
        let directory = format!("checkpoints/{}", dir(stream));
        for file in fs::read_dir(golden(VERSION).join(&directory)).expect("golden files") {
            let file = file.expect("a golden file");
            disk.put(
                &format!("{directory}/{}", file.file_name().to_string_lossy()),
                fs::read(file.path()).expect("a golden file"),
            );
        }
    }
    assert_equal(&expected, &read(&disk).figures(NOW)).expect("the figures are those that it was written with");
}
