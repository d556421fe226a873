//! A place, and states to write there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::aggregate::image::{ClosedDay, Encode, PageChunk, PageRange, StateImage, TableLayout};
use crate::checkpoint::{
    CheckpointCandidates, CheckpointChain, CheckpointReader, CheckpointStart, CheckpointStore, Head, LastRecord,
    PartitionDir, WriteError, WrittenCheckpoint,
};
use crate::clock::{DAY, Millis};
use crate::disk::Disk;
use crate::record::Stream;
use crate::view::cut::PartitionCut;

pub const PLACE: PartitionDir = PartitionDir { stream: Stream::Disbursement, partition: 3 };

pub fn head(next_offset: i64) -> Head {
    Head {
        written_by: "0.1.0".into(),
        sequence: 0,
        cluster_id: Some("cluster".into()),
        stream: PLACE.stream,
        topic: "disbursements".into(),
        partition: PLACE.partition,
        partition_count: 6,
        semantic_settings: BTreeMap::from([("streams.disbursement.horizon".into(), "92d".into())]),
        key_id: "0011223344556677".into(),
        labels: [7; 16],
        first_offset: 5,
        next_offset,
        last_record: Some(LastRecord { offset: next_offset - 1, timestamp: Some(1_600_000_000_000), hash: [9; 16] }),
        built: 1_600_000_000_000,
        written: 1_600_000_100_000,
        records: next_offset.unsigned_abs(),
        parts: Vec::new(),
    }
}

/// All that is to come back.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    pub next_offset: i64,
    pub body: Vec<u8>,
    /// Page size and pages.
    pub regions: Vec<(u32, Vec<Vec<u8>>)>,
    /// Content, and whether it is closed.
    pub days: BTreeMap<Millis, (Vec<u8>, bool)>,
}

/// Short: what differs is found by its seed.
impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages: Vec<usize> = self.regions.iter().map(|(_, pages)| pages.len()).collect();
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

/// Dense: like hashes. Sparse: mostly zero.
pub fn page(random: &mut fastrand::Rng, bytes: u32, is_dense: bool) -> Vec<u8> {
    (0..bytes).map(|_| if is_dense || random.u8(..) < 20 { random.u8(..) } else { 0 }).collect()
}

impl State {
    /// Regions of dense and of sparse pages and an empty one; `closed` closed days and two open ones.
    pub fn made_up(seed: u64, pages: u32, closed: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut region = |page_bytes, pages, is_dense| {
            (page_bytes, (0..pages).map(|_| page(&mut random, page_bytes, is_dense)).collect())
        };
        let regions =
            vec![region(100, pages, true), region(1, 0, true), region(300, pages / 2, false), region(17, 1, true)];
        let content = |start: i64| format!("day {start} of {}", "some history ".repeat(20)).into_bytes();
        let days = (0..closed + 2).map(|day| (day * DAY, (content(day), day < closed))).collect();
        Self { next_offset: seed as i64 + 10, body: b"body ".repeat(30), regions, days }
    }

    pub fn shapes(&self) -> Vec<TableLayout> {
        self.regions
            .iter()
            .map(|(page_bytes, pages)| TableLayout { page_bytes: *page_bytes, pages: pages.len() as u32 })
            .collect()
    }

    pub fn begin(&self) -> CheckpointStart {
        let day = |(start, (content, is_closed)): (&Millis, &(Vec<u8>, bool))| ClosedDay {
            start: *start,
            is_closed: *is_closed,
            content: Arc::new(Content(content.clone())),
        };
        let image =
            StateImage { body: self.body.clone(), shapes: self.shapes(), days: self.days.iter().map(day).collect() };
        CheckpointStart { head: head(self.next_offset), image }
    }

    /// Its pages in random order, in pieces of random length, some with several runs.
    pub fn chunks(&self, random: &mut fastrand::Rng) -> Vec<PageChunk> {
        let mut runs = Vec::new();
        for (region, (_, pages)) in self.regions.iter().enumerate() {
            let mut first = 0;
            while first < pages.len() as u32 {
                let count = random.u32(1..=4).min(pages.len() as u32 - first);
                runs.push(PageRange { region: region as u16, first, count });
                first += count;
            }
        }
        random.shuffle(&mut runs);
        let mut chunks = Vec::new();
        while !runs.is_empty() {
            let runs = runs.split_off(runs.len().saturating_sub(random.usize(1..=3)));
            let pages = |run: &PageRange| {
                &self.regions[run.region as usize].1[run.first as usize..(run.first + run.count) as usize]
            };
            chunks.push(PageChunk { bytes: runs.iter().flat_map(pages).flatten().copied().collect(), runs });
        }
        chunks
    }

    pub fn write(
        &self,
        store: &CheckpointStore,
        lineage: &mut CheckpointChain,
    ) -> Result<WrittenCheckpoint, WriteError> {
        self.write_with(Vec::new(), store, lineage)
    }

    /// With parts of cuts.
    pub fn write_with(
        &self,
        parts: Vec<(Millis, PartitionCut)>,
        store: &CheckpointStore,
        lineage: &mut CheckpointChain,
    ) -> Result<WrittenCheckpoint, WriteError> {
        let mut random = fastrand::Rng::with_seed(self.next_offset as u64);
        let CheckpointStart { head, image } = self.begin();
        let mut writer = store.begin(lineage, CheckpointStart { head: Head { parts, ..head }, image })?;
        for chunk in self.chunks(&mut random) {
            writer.chunk(&chunk)?;
        }
        let written = writer.finish()?;
        store.add(lineage, &written);
        while store.prune_one(PLACE, lineage)? {}
        Ok(written)
    }

    /// What an opened checkpoint holds, with `closed` telling which days are.
    pub fn read(opened: &CheckpointReader, threads: usize) -> Result<Self, crate::checkpoint::Damage> {
        let shapes = opened.shapes();
        let pages = |shape: &TableLayout| (0..shape.pages).map(|_| vec![0xee; shape.page_bytes as usize]).collect();
        let mut regions: Vec<(u32, Vec<Vec<u8>>)> =
            shapes.iter().map(|shape| (shape.page_bytes, pages(shape))).collect();
        let mut slices: Vec<Vec<&mut [u8]>> =
            regions.iter_mut().map(|(_, pages)| pages.iter_mut().map(Vec::as_mut_slice).collect()).collect();
        opened.fill(&mut slices, threads, &|_| ())?;
        let closed: Vec<Millis> = opened.closed().iter().flat_map(|file| file.starts.clone()).collect();
        let days =
            opened.days().iter().map(|(start, content)| (*start, (content.clone(), closed.contains(start)))).collect();
        Ok(Self { next_offset: opened.head().next_offset, body: opened.body().to_vec(), regions, days })
    }
}

pub fn store(disk: &(impl Disk + Clone + 'static)) -> CheckpointStore {
    CheckpointStore::new(Arc::new(disk.clone()))
}

pub fn newest(store: &CheckpointStore) -> CheckpointCandidates {
    store.newest(PLACE).expect("a disk that can be listed")
}

/// What a process that starts now would go on from.
pub fn restored(store: &CheckpointStore) -> Option<State> {
    let found = newest(store);
    assert!(found.damaged.is_empty(), "{:?}", found.damaged);
    found.opened.map(|opened| State::read(&opened, 1).expect("a whole checkpoint"))
}

/// What a process that starts now would go on from, older checkpoints tried where newer ones turn out damaged only in their pages.
pub fn survivor(store: &CheckpointStore) -> Option<State> {
    let mut found = newest(store);
    loop {
        let opened = found.opened?;
        if let Ok(state) = State::read(&opened, 1) {
            return Some(state);
        }
        found = store.newest_before(PLACE, Some(opened.head().sequence)).expect("a disk that can be listed");
    }
}
