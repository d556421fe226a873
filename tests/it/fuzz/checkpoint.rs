//! Checkpoints, changed with and without their footer made right again.

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
const PLACE: PartitionDir = PartitionDir { stream: Stream::Disbursement, partition: 3 };
/// A region, and all its pages.
type PagedTable = (TableLayout, Vec<u8>);

const PREAMBLE: usize = 25;
const FOOTER: usize = 96;

/// Makes what stands before the parts and after them right; see `src/checkpoint/container.rs`.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let index_end = bytes.len().checked_sub(FOOTER).filter(|end| *end >= PREAMBLE + 7)?;
    let told = u64::from_le_bytes(*bytes[index_end..].first_chunk()?);
    let index_at = usize::try_from(told).ok().filter(|at| (PREAMBLE + 7..=index_end).contains(at))?;
    let root = blake3::hash(&bytes[index_at..index_end]);
    let numbers = [index_at, index_end - index_at].map(|number| (number as u64).to_le_bytes()).concat();
    let footer = [&numbers[..], root.as_bytes(), &(bytes.len() as u64).to_le_bytes()].concat();
    let parts = &bytes[PREAMBLE + 7..index_end];
    let check = blake3::hash(&bytes[..PREAMBLE]);
    Some(
        [&bytes[..PREAMBLE], &check.as_bytes()[..7], parts, &footer, blake3::hash(&footer).as_bytes(), b"PACE END"]
            .concat(),
    )
}

/// Reads everything, and gives the room that the pages take (bytes).
fn read(bytes: &[u8]) -> Result<u64, Damage> {
    let disk = MemoryDisk::default();
    disk.put(PATH, bytes.to_vec());
    let opened = CheckpointStore::new(Arc::new(disk)).open(PLACE, 1)?;
    opened.verify()?;
    let room = opened.shapes().iter().map(TableLayout::bytes).sum();
    if room < 1 << 22 {
        let page = |shape: TableLayout| vec![0; shape.page_bytes as usize];
        let mut regions: Vec<Vec<Vec<u8>>> =
            opened.shapes().iter().map(|shape| (0..shape.pages).map(|_| page(*shape)).collect()).collect();
        let mut slices: Vec<Vec<&mut [u8]>> =
            regions.iter_mut().map(|pages| pages.iter_mut().map(|page| &mut page[..]).collect()).collect();
        opened.fill(&mut slices, 2, &|_| ())?;
    }
    Ok(room)
}

#[test]
fn checkpoints_are_as_they_were_written_or_refused() {
    let whole = corpus("checkpoint");
    fuzz("checkpoint", 10_000, &["PACEMETER CHECKPOINT\n", "PACE END", "\x28\u{b5}\x2f\u{fd}"], |bytes| {
        prop_assert_eq!(read(bytes).is_ok(), whole.iter().any(|other| other == bytes));
        if let Some(bytes) = sealed(bytes)
            && let Ok(room) = read(&bytes)
        {
            prop_assert!(room <= bytes.len() as u64 * 32 * 1_024);
        }
        Ok(())
    });
}

/// Some checkpoints of made-up pages. With `PACEMETER_BLESS=1` those that are not there are made.
#[test]
fn the_corpus_of_checkpoints_is_there() {
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
    for (name, regions) in corpus {
        let path = root().join("tests/corpus/checkpoint").join(name);
        if std::env::var_os("PACEMETER_BLESS").is_some() && !path.exists() {
            fs::write(&path, written(&regions)).expect("a file of the corpus");
        }
        let room: u64 = regions.iter().map(|(shape, _)| shape.bytes()).sum();
        assert_eq!(
            read(&fs::read(path).expect("a file of the corpus; PACEMETER_BLESS=1 makes it"))
                .expect("a whole checkpoint"),
            room
        );
    }
}

fn written(regions: &[PagedTable]) -> Vec<u8> {
    let head = Head {
        written_by: "0.1.0".into(),
        sequence: 0,
        cluster_id: None,
        stream: PLACE.stream,
        topic: "t".into(),
        partition: PLACE.partition,
        partition_count: 4,
        semantic_settings: [("k".to_owned(), "v".to_owned())].into(),
        key_id: "k".into(),
        labels: [1; 16],
        first_offset: 0,
        next_offset: 9,
        last_record: None,
        built: 1,
        written: 2,
        records: 9,
        parts: Vec::new(),
    };
    let disk = MemoryDisk::default();
    let image = StateImage {
        body: b"body".to_vec(),
        shapes: regions.iter().map(|(shape, _)| *shape).collect(),
        days: Vec::new(),
    };
    let store = CheckpointStore::new(Arc::new(disk.clone()));
    let mut writer =
        store.begin(&mut CheckpointChain::default(), CheckpointStart { head, image }).expect("a checkpoint");
    for (region, (shape, bytes)) in regions.iter().enumerate() {
        let (half, rest) = (shape.pages / 2, shape.pages - shape.pages / 2);
        let (first, second) = bytes.split_at((half * shape.page_bytes) as usize);
        for (first, count, bytes) in [(half, rest, second), (0, half, first)] {
            let runs = vec![PageRange { region: region as u16, first, count }];
            writer.chunk(&PageChunk { runs, bytes: bytes.to_vec() }).expect("a piece");
        }
    }
    writer.finish().expect("a checkpoint");
    disk.read(PATH).expect("its file")
}
