//! A partition, and states to write there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::aggregate::image::{ClosedDay, Encode, PageChunk, PageRange, StateImage, TableLayout};
use crate::checkpoint::{
    CheckpointCandidates, CheckpointChain, CheckpointReader, CheckpointStart, CheckpointStore, Head, LastRecord,
    PartitionDir, WriteError, WrittenCheckpoint,
};
use crate::clock::{DAY, Timestamp};
use crate::disk::Disk;
use crate::record::Stream;

pub(super) const DIR: PartitionDir = PartitionDir { stream: Stream::Disbursement, partition: 3 };

pub(super) fn head(next_offset: i64) -> Head {
    Head {
        written_by: "0.1.0".into(),
        sequence: 0,
        cluster_id: Some("cluster".into()),
        stream: DIR.stream,
        topic: "disbursements".into(),
        partition: DIR.partition,
        partition_count: 6,
        semantic_settings: BTreeMap::from([("streams.disbursement.horizon".into(), "92d".into())]),
        key_id: "0011223344556677".into(),
        labels: [7; 16],
        first_offset: 5,
        next_offset,
        last_record: Some(LastRecord {
            offset: next_offset - 1,
            timestamp: Some(Timestamp::from_millis(1_600_000_000_000)),
            hash: [9; 16],
        }),
        built: Timestamp::from_millis(1_600_000_000_000),
        written: Timestamp::from_millis(1_600_000_100_000),
        records: next_offset.unsigned_abs(),
        pending_cuts: Vec::new(),
        first_timestamp: None,
        pending_until: Vec::new(),
        last_cut: None,
        topic_id: Some("qP0sT3bWQ0mX5y7zA1c2dg".into()),
        passed: None,
        provisional: Vec::new(),
    }
}

/// A partition state as checkpoints see it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct State {
    pub next_offset: i64,
    pub body: Vec<u8>,
    /// Page size and pages of each table.
    pub tables: Vec<(u32, Vec<Vec<u8>>)>,
    /// Content of each day, and whether it is closed.
    pub days: BTreeMap<Timestamp, (Vec<u8>, bool)>,
}

/// Short, since the seed identifies the content.
impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages: Vec<usize> = self.tables.iter().map(|(_, pages)| pages.len()).collect();
        write!(
            formatter,
            "state up to {}, {} bytes of body, pages {pages:?}, {} days",
            self.next_offset,
            self.body.len(),
            self.days.len()
        )
    }
}

struct Content(Vec<u8>);

impl Encode for Content {
    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// Returns a page of random bytes: dense like hashes, or mostly zero.
pub(super) fn page(random: &mut fastrand::Rng, bytes: u32, is_dense: bool) -> Vec<u8> {
    (0..bytes).map(|_| if is_dense || random.u8(..) < 20 { random.u8(..) } else { 0 }).collect()
}

impl State {
    /// Tables of dense and of sparse pages and an empty one; `closed` closed days and two open ones.
    pub(super) fn made_up(seed: u64, pages: u32, closed: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut table = |page_bytes, pages, is_dense| {
            (page_bytes, (0..pages).map(|_| page(&mut random, page_bytes, is_dense)).collect())
        };
        let tables = vec![table(100, pages, true), table(1, 0, true), table(300, pages / 2, false), table(17, 1, true)];
        let content = |start: i64| format!("day {start} of {}", "some history ".repeat(20)).into_bytes();
        let days =
            (0..closed + 2).map(|day| (Timestamp::from_millis(day * DAY), (content(day), day < closed))).collect();
        Self { next_offset: seed as i64 + 10, body: b"body ".repeat(30), tables, days }
    }

    pub(super) fn layouts(&self) -> Vec<TableLayout> {
        self.tables
            .iter()
            .map(|(page_bytes, pages)| TableLayout { page_bytes: *page_bytes, pages: pages.len() as u32 })
            .collect()
    }

    pub(super) fn begin(&self) -> CheckpointStart {
        let day = |(start, (content, is_closed)): (&Timestamp, &(Vec<u8>, bool))| ClosedDay {
            start: *start,
            is_closed: *is_closed,
            content: Arc::new(Content(content.clone())),
        };
        let image =
            StateImage { body: self.body.clone(), shapes: self.layouts(), days: self.days.iter().map(day).collect() };
        CheckpointStart { head: head(self.next_offset), image }
    }

    /// Returns all pages in random order, in chunks of random length, some with several ranges.
    pub(super) fn chunks(&self, random: &mut fastrand::Rng) -> Vec<PageChunk> {
        let mut ranges = Vec::new();
        for (table, (_, pages)) in self.tables.iter().enumerate() {
            let mut first = 0;
            while first < pages.len() as u32 {
                let count = random.u32(1..=4).min(pages.len() as u32 - first);
                ranges.push(PageRange { region: table as u16, first, count });
                first += count;
            }
        }
        random.shuffle(&mut ranges);
        let mut chunks = Vec::new();
        while !ranges.is_empty() {
            let ranges = ranges.split_off(ranges.len().saturating_sub(random.usize(1..=3)));
            let pages = |range: &PageRange| {
                &self.tables[range.region as usize].1[range.first as usize..(range.first + range.count) as usize]
            };
            chunks.push(PageChunk { bytes: ranges.iter().flat_map(pages).flatten().copied().collect(), runs: ranges });
        }
        chunks
    }

    pub(super) fn write(
        &self,
        store: &CheckpointStore,
        chain: &mut CheckpointChain,
    ) -> Result<WrittenCheckpoint, WriteError> {
        self.write_with(|head| head, store, chain)
    }

    /// Writes a checkpoint with a changed head.
    pub(super) fn write_with(
        &self,
        change: impl FnOnce(Head) -> Head,
        store: &CheckpointStore,
        chain: &mut CheckpointChain,
    ) -> Result<WrittenCheckpoint, WriteError> {
        let mut random = fastrand::Rng::with_seed(self.next_offset as u64);
        let CheckpointStart { head, image } = self.begin();
        let mut writer = store.begin(chain, CheckpointStart { head: change(head), image })?;
        for chunk in self.chunks(&mut random) {
            writer.write_chunk(&chunk)?;
        }
        let written = writer.finish()?;
        chain.append(&written);
        while store.prune_one(DIR, chain)? {}
        Ok(written)
    }

    /// Reads the state of a checkpoint; its days files tell which days are closed.
    pub(super) fn read(reader: &CheckpointReader, threads: usize) -> Result<Self, crate::checkpoint::Damage> {
        let layouts = reader.layouts();
        let pages = |layout: &TableLayout| (0..layout.pages).map(|_| vec![0xee; layout.page_bytes as usize]).collect();
        let mut tables: Vec<(u32, Vec<Vec<u8>>)> =
            layouts.iter().map(|layout| (layout.page_bytes, pages(layout))).collect();
        let mut slices: Vec<Vec<&mut [u8]>> =
            tables.iter_mut().map(|(_, pages)| pages.iter_mut().map(Vec::as_mut_slice).collect()).collect();
        reader.fill(&mut slices, threads, &|_| ())?;
        let closed: Vec<Timestamp> = reader.days_files().iter().flat_map(|file| file.starts.clone()).collect();
        let days =
            reader.days().iter().map(|(start, content)| (*start, (content.clone(), closed.contains(start)))).collect();
        Ok(Self { next_offset: reader.head().next_offset, body: reader.body().to_vec(), tables, days })
    }
}

pub(super) fn store(disk: &(impl Disk + Clone + 'static)) -> CheckpointStore {
    CheckpointStore::new(Arc::new(disk.clone()))
}

pub(super) fn newest(store: &CheckpointStore) -> CheckpointCandidates {
    store.newest(DIR).expect("a disk that can be listed")
}

/// Returns the state that a process would resume; no checkpoint may be damaged.
pub(super) fn restored(store: &CheckpointStore) -> Option<State> {
    let found = newest(store);
    assert!(found.damaged.is_empty(), "{:?}", found.damaged);
    found.reader.map(|reader| State::read(&reader, 1).expect("an intact checkpoint"))
}

/// Returns the state that a process would resume, trying older checkpoints if the pages of newer ones are damaged.
pub(super) fn survivor(store: &CheckpointStore) -> Option<State> {
    let mut found = newest(store);
    loop {
        let reader = found.reader?;
        if let Ok(state) = State::read(&reader, 1) {
            return Some(state);
        }
        found = store.newest_before(DIR, Some(reader.head().sequence)).expect("a disk that can be listed");
    }
}
