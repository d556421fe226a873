//! Fuzzing of checkpoints, with and without a footer that matches the change.

use pacemeter::clock::Timestamp;
use std::fs;
use std::sync::Arc;

use pacemeter::aggregate::image::{PageChunk, PageRange, StateImage, TableLayout};
use pacemeter::checkpoint::{CheckpointChain, CheckpointStart, CheckpointStore, Damage, Head, PartitionDir};
use pacemeter::disk::MemoryDisk;
use pacemeter::record::Stream;
use proptest::{prop_assert, prop_assert_eq};

use super::{corpus, fuzz};
use crate::tidy::root;

const PATH: &str = "checkpoints/disbursement-3/00000000000000000001.checkpoint";
const DIR: PartitionDir = PartitionDir { stream: Stream::Disbursement, partition: 3 };
/// Layout of a table and the bytes of all its pages.
type PagedTable = (TableLayout, Vec<u8>);

const PREAMBLE: usize = 25;
const FOOTER: usize = 96;

/// Recomputes the checksums of preamble and footer (`src/checkpoint/container.rs`). `None` if the footer's index offset
/// is out of range.
fn with_checksums(bytes: &[u8]) -> Option<Vec<u8>> {
    let index_end = bytes.len().checked_sub(FOOTER).filter(|end| *end >= PREAMBLE + 7)?;
    let index_offset = u64::from_le_bytes(*bytes[index_end..].first_chunk()?);
    let index_at = usize::try_from(index_offset).ok().filter(|at| (PREAMBLE + 7..=index_end).contains(at))?;
    let root = blake3::hash(&bytes[index_at..index_end]);
    let numbers = [index_at, index_end - index_at].map(|number| (number as u64).to_le_bytes()).concat();
    let footer = [&numbers[..], root.as_bytes(), &(bytes.len() as u64).to_le_bytes()].concat();
    let sections = &bytes[PREAMBLE + 7..index_end];
    let check = blake3::hash(&bytes[..PREAMBLE]);
    Some(
        [&bytes[..PREAMBLE], &check.as_bytes()[..7], sections, &footer, blake3::hash(&footer).as_bytes(), b"PACE END"]
            .concat(),
    )
}

/// Reads a whole checkpoint and returns the total size of its pages in bytes.
fn read(bytes: &[u8]) -> Result<u64, Damage> {
    let disk = MemoryDisk::default();
    disk.put(PATH, bytes.to_vec());
    let reader = CheckpointStore::new(Arc::new(disk)).open(DIR, 1)?;
    reader.verify()?;
    let size = reader.layouts().iter().map(TableLayout::bytes).sum();
    if size < 1 << 22 {
        let page = |layout: TableLayout| vec![0; layout.page_bytes as usize];
        let mut tables: Vec<Vec<Vec<u8>>> =
            reader.layouts().iter().map(|layout| (0..layout.pages).map(|_| page(*layout)).collect()).collect();
        let mut slices: Vec<Vec<&mut [u8]>> =
            tables.iter_mut().map(|pages| pages.iter_mut().map(|page| &mut page[..]).collect()).collect();
        reader.fill(&mut slices, 2, &|_| ())?;
    }
    Ok(size)
}

#[test]
fn changed_checkpoints_are_refused() {
    let intact = corpus("checkpoint");
    fuzz("checkpoint", 10_000, &["PACEMETER CHECKPOINT\n", "PACE END", "\x28\u{b5}\x2f\u{fd}"], |bytes| {
        prop_assert_eq!(read(bytes).is_ok(), intact.iter().any(|other| other == bytes));
        if let Some(bytes) = with_checksums(bytes)
            && let Ok(size) = read(&bytes)
        {
            prop_assert!(size <= bytes.len() as u64 * 32 * 1_024);
        }
        Ok(())
    });
}

/// `PACEMETER_BLESS=1` creates missing files of the corpus.
#[test]
fn the_corpus_of_checkpoints_is_intact() {
    let dense = |bytes: u32| (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as u8).collect::<Vec<u8>>();
    let sparse = |bytes: u32| (0..bytes).map(|at| if at % 9 == 0 { 7 } else { 0 }).collect::<Vec<u8>>();
    let corpus: [(&str, Vec<PagedTable>); 4] = [
        ("empty", Vec::new()),
        ("dense", vec![(TableLayout { page_bytes: 32, pages: 4 }, dense(128))]),
        ("sparse", vec![(TableLayout { page_bytes: 64, pages: 8 }, sparse(512))]),
        (
            "mixed",
            vec![
                (TableLayout { page_bytes: 9, pages: 3 }, dense(27)),
                (TableLayout { page_bytes: 50, pages: 4 }, sparse(200)),
            ],
        ),
    ];
    for (name, tables) in corpus {
        let path = root().join("tests/corpus/checkpoint").join(name);
        if std::env::var_os("PACEMETER_BLESS").is_some() && !path.exists() {
            fs::write(&path, written(&tables)).expect("a file of the corpus");
        }
        let size: u64 = tables.iter().map(|(layout, _)| layout.bytes()).sum();
        assert_eq!(
            read(&fs::read(path).expect("a file of the corpus; PACEMETER_BLESS=1 creates it"))
                .expect("an intact checkpoint"),
            size
        );
    }
}

fn written(tables: &[PagedTable]) -> Vec<u8> {
    let head = Head {
        written_by: "0.1.0".into(),
        sequence: 0,
        cluster_id: None,
        stream: DIR.stream,
        topic: "t".into(),
        partition: DIR.partition,
        partition_count: 4,
        semantic_settings: [("k".to_owned(), "v".to_owned())].into(),
        key_id: "k".into(),
        labels: [1; 16],
        first_offset: 0,
        next_offset: 9,
        last_record: None,
        built: Timestamp::from_millis(1),
        written: Timestamp::from_millis(2),
        records: 9,
        pending_cuts: Vec::new(),
        first_timestamp: None,
        pending_until: Vec::new(),
        last_cut: None,
        topic_id: None,
        passed: None,
        provisional: Vec::new(),
    };
    let disk = MemoryDisk::default();
    let image = StateImage {
        body: b"body".to_vec(),
        shapes: tables.iter().map(|(layout, _)| *layout).collect(),
        days: Vec::new(),
    };
    let store = CheckpointStore::new(Arc::new(disk.clone()));
    let mut writer =
        store.begin(&mut CheckpointChain::default(), CheckpointStart { head, image }).expect("a checkpoint");
    for (table, (layout, bytes)) in tables.iter().enumerate() {
        let (half, rest) = (layout.pages / 2, layout.pages - layout.pages / 2);
        let (first, second) = bytes.split_at((half * layout.page_bytes) as usize);
        for (first, count, bytes) in [(half, rest, second), (0, half, first)] {
            let runs = vec![PageRange { region: table as u16, first, count }];
            writer.write_chunk(&PageChunk { runs, bytes: bytes.to_vec() }).expect("a chunk");
        }
    }
    writer.finish().expect("a checkpoint");
    disk.read(PATH).expect("its file")
}
