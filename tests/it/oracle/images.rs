//! An image shows the instant at which it began, no matter what happens until it is complete. A partition restored from
//! it resumes exactly like the original.

use pacemeter::clock::{HOUR, Timestamp};
use std::sync::{Arc, Mutex};

use pacemeter::aggregate::image::{PageChunk, PageSink, StateImage};
use pacemeter::aggregate::{PartitionState, StateLoader};
use proptest::prelude::*;

use super::{Core, Record, START, Step, Stream, Time, What, assert_equal, log, reader_with, records};

type Chunks = Arc<Mutex<Vec<PageChunk>>>;

/// An image in progress, with the pages copied so far.
pub(super) struct ImageInProgress {
    image: StateImage,
    chunks: Chunks,
}

impl ImageInProgress {
    pub(super) fn begin(partition: &mut PartitionState) -> Self {
        let chunks = Chunks::default();
        let sink = Arc::clone(&chunks);
        let sink: PageSink = Arc::new(move |chunk| sink.lock().expect("no test panicked").push(chunk));
        Self { image: partition.begin_image(&sink), chunks }
    }

    /// Copies the remaining pages and restores a partition.
    pub(super) fn restore(
        self,
        partition: &mut PartitionState,
        stream: Stream,
        core: &Core,
        now: Timestamp,
    ) -> PartitionState {
        while let Some(chunk) = partition.copy(20_000) {
            self.chunks.lock().expect("no test panicked").push(chunk);
        }
        partition.end_image();
        let days: Vec<_> = self.image.days.iter().map(|day| (day.start, day.content.encode())).collect();
        let mut restoring = StateLoader::new(stream, &self.image.body, &days).expect("an image is well-formed");
        assert_eq!(restoring.shapes(), self.image.shapes);
        let mut pages = restoring.pages();
        let mut missing: usize = pages.iter().map(Vec::len).sum();
        for chunk in self.chunks.lock().expect("no test panicked").iter() {
            let mut bytes = &chunk.bytes[..];
            for run in &chunk.runs {
                for page in run.first..run.first + run.count {
                    let page = &mut pages[usize::from(run.region)][page as usize];
                    let (content, rest) = bytes.split_at(page.len());
                    page.copy_from_slice(content);
                    bytes = rest;
                    missing -= 1;
                }
            }
            assert!(bytes.is_empty());
        }
        assert_eq!(missing, 0, "every page comes once");
        drop(pages);
        restoring.finish(core.rules, &core.view_config, now)
    }
}

pub(super) fn apply<'a>(core: &mut Core, records: impl Iterator<Item = &'a Record>) {
    records.for_each(|record| core.apply(record.stream, record.partition, &record.value, record.timestamp));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_partition_resumes_as_the_original(log in log(), begun in 0..160_usize, copied in 0..160_usize, ended in 0..160_usize) {
        let records = records(&log);
        let now = records.last().expect("there is a record").timestamp;
        let [begun, copied, ended] = {
            let mut instants = [begun, copied, ended].map(|instant| instant.min(records.len()));
            instants.sort_unstable();
            instants
        };
        let (mut core, mut undisturbed) = (Core::new(START), Core::new(START));
        apply(&mut core, records[..begun].iter());
        apply(&mut undisturbed, records[..begun].iter());
        let mut making: Vec<ImageInProgress> = core.partitions.iter_mut().map(|(_, partition)| ImageInProgress::begin(partition)).collect();
        apply(&mut core, records[begun..copied].iter());
        for (making, (_, partition)) in making.iter_mut().zip(&mut core.partitions) {
            let chunk = partition.copy(10_000);
            making.chunks.lock().unwrap().extend(chunk);
        }
        apply(&mut core, records[copied..ended].iter());
        let mut partitions = std::mem::take(&mut core.partitions);
        for (making, (stream, partition)) in making.into_iter().zip(&mut partitions) {
            *partition = making.restore(partition, *stream, &core, now);
        }
        core.partitions = partitions;
        core.offset = begun as i64;
        prop_assert_eq!(core.digests(), undisturbed.digests());
        apply(&mut core, records[begun..].iter());
        apply(&mut undisturbed, records[begun..].iter());
        prop_assert_eq!(core.digests(), undisturbed.digests());
        assert_equal(&undisturbed.figures(now), &core.figures(now))?;
    }
}

/// `calls.max_wait` is applied when figures are shown: no state depends on it, so a restored partition takes it from
/// the settings.
#[test]
fn rules_that_change_no_state_are_those_of_the_settings() {
    let now = START + 8 * HOUR;
    let call = Step {
        partition: 0,
        what: What::Call { kind: 0, call: 1, queue: 0, seconds: None },
        id: None,
        time: Time::Same,
    };
    let records = records(&[call]);
    let longer = || Core::with(reader_with(&["calls.max_wait=12h"]), now);
    let (mut core, mut restored, mut expected) = (Core::new(START), longer(), longer());
    apply(&mut core, records.iter());
    apply(&mut expected, records.iter());
    let mut partitions = std::mem::take(&mut core.partitions);
    for (stream, partition) in &mut partitions {
        *partition = ImageInProgress::begin(partition).restore(partition, *stream, &restored, now);
    }
    restored.partitions = partitions;
    let figures = restored.figures(now);
    assert_eq!(figures.0["pacemeter_calls_waiting{queue=\"general\"}"], 1_000);
    assert_equal(&expected.figures(now), &figures).expect("they show the same");
}
