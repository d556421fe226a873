//! Memory of the state of disbursements by kind, without Kafka: `cargo bench --locked --bench memory [-- SUPPORTS SUPPORTS]`.
//!
//! Applies the load of `scripts/bench sizes` for two numbers of supports, each in a process of its own, and prints the bytes
//! that are alive at the end. An allocator counts these by size. Pages of tables have a size for each table, so they tell
//! themselves apart; everything else is grouped by magnitude.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::clock::Timestamp;
use pacemeter::decode::{DecodeMemory, Decoder, PseudonymKey, Settings};
use pacemeter::event::LabelArena;
use pacemeter::record::{RawRecord, Stream};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::simulate::{Emission, Load, PartitionCounts};

/// Numbers of supports that are compared.
const SUPPORTS: [u64; 2] = [1_000_000, 5_000_000];
const PARTITIONS: i32 = 6;
const BATCH: usize = 2_000;
/// Number of records between two views, which share panes and slots with state.
const RECORDS_A_VIEW: u64 = 200_000;
/// End of the simulated programme. The same at each run, so that counts are equal.
const END: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// Number of entries in a page of a table.
const PAGE: usize = 256;
/// Tables by the size of their entries ([`pacemeter::aggregate`]).
const TABLES: [(&str, usize); 5] =
    [("identifiers", 25), ("supports", 45), ("dispersals", 32), ("people", 31), ("further programmes", 19)];
/// Upper bounds of the sizes of other allocations.
const MAGNITUDES: [usize; 6] = [64, 1 << 10, 4 << 10, 64 << 10, 1 << 20, usize::MAX];
const KINDS: usize = TABLES.len() + MAGNITUDES.len();

static ALIVE: [AtomicUsize; KINDS] = [const { AtomicUsize::new(0) }; KINDS];

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

struct CountingAllocator;

/// Index of the kind of allocation.
fn kind(size: usize) -> usize {
    let table = TABLES.iter().position(|(_, entry)| entry * PAGE == size);
    table.unwrap_or_else(|| TABLES.len() + MAGNITUDES.iter().position(|&bound| size <= bound).unwrap_or(0))
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALIVE[kind(layout.size())].fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the trait's contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALIVE[kind(layout.size())].fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the trait's contract of this very function.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALIVE[kind(layout.size())].fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the trait's contract of this very function.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALIVE[kind(layout.size())].fetch_sub(layout.size(), Ordering::Relaxed);
        ALIVE[kind(size)].fetch_add(size, Ordering::Relaxed);
        // SAFETY: the caller keeps the trait's contract of this very function.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if let &[supports] = numbers.as_slice() {
        return measure(supports);
    }
    let sizes = <[u64; 2]>::try_from(numbers).unwrap_or(SUPPORTS);
    let program = std::env::current_exe().expect("this program");
    let [few, many] = sizes.map(|supports| {
        let child = Command::new(&program).arg(supports.to_string()).output().expect("this program runs");
        let text = String::from_utf8(child.stdout).expect("text");
        text.split_whitespace().map(|bytes| bytes.parse().expect("a number")).collect::<Vec<f64>>()
    });
    let tables = TABLES.iter().map(|(name, entry)| format!("{name}, {entry} bytes each"));
    let others = MAGNITUDES.iter().map(|&bound| match bound {
        usize::MAX => "allocations beyond".to_owned(),
        bound => format!("allocations up to {bound} bytes"),
    });
    let names = tables.chain(others).chain(["all".to_owned(), "in use, by malloc".to_owned()]);
    let names = names.chain(["free, by malloc".to_owned(), "resident".to_owned()]);
    println!("MB with {} supports, with {}, and bytes a support more", sizes[0], sizes[1]);
    for ((name, few), many) in names.zip(few).zip(many) {
        let more = (many - few) / (sizes[1] - sizes[0]) as f64;
        println!("{name:>32}: {:>8.1} {:>8.1} {more:>7.1}", few / 1e6, many / 1e6);
    }
}

/// Applies the load, and prints the bytes alive of each kind, their sum, what malloc says, and resident memory.
fn measure(supports: u64) {
    let mut reader = SettingsReader::load(&Layers::default());
    let key = PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits");
    let decoder = Decoder::new(Settings::read(&mut reader), key);
    let (rules, allowlists) = (Rules::read(&mut reader), Arc::new(Allowlists::read(&mut reader)));
    let view_config = ViewConfig { allowlists, ..ViewConfig::default() };
    let partition = |_| PartitionState::new(Stream::Disbursement, 0, rules, &view_config, END);
    let mut partitions: Vec<PartitionState> = (0..PARTITIONS).map(partition).collect();
    let usual = Load::of(0, 2020, PartitionCounts::each(PARTITIONS), END);
    let load = Load { supports, people: supports * 2 / 5, ..usual };
    let (mut memory, mut arena, mut offsets) = (DecodeMemory::default(), LabelArena::default(), 0_i64);
    let mut views = Vec::new();
    let mut emissions = load.emissions().filter(|emission| emission.stream == Stream::Disbursement);
    loop {
        let batch: Vec<Emission> = emissions.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        arena.clear();
        for emission in &batch {
            let headers: Vec<_> =
                emission.headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
            let record = RawRecord {
                value: Some(&emission.value),
                timestamp: Some(emission.timestamp),
                headers: &headers,
                ..RawRecord::default()
            };
            let mut event = decoder.begin(Stream::Disbursement, &record, &mut arena, &mut memory);
            decoder.finish(&mut memory, event.iter_mut());
            partitions[emission.partition as usize].step(offsets, &event, &arena);
            offsets += 1;
        }
        if (offsets as u64 / RECORDS_A_VIEW) != ((offsets as u64 - batch.len() as u64) / RECORDS_A_VIEW) {
            views = partitions.iter_mut().map(|partition| partition.view(END)).collect();
        }
    }
    drop((emissions, arena, memory));
    let alive: Vec<usize> = ALIVE.iter().map(|bytes| bytes.load(Ordering::Relaxed)).collect();
    // SAFETY: reads statistics, and takes no arguments.
    let malloc = unsafe { libc::mallinfo2() };
    let resident = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = resident.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
    let line = alive.iter().copied().chain([
        alive.iter().sum(),
        malloc.uordblks + malloc.hblkhd,
        malloc.fordblks,
        pages * 4096,
    ]);
    println!("{}", line.map(|bytes| bytes.to_string()).collect::<Vec<_>>().join(" "));
    drop((partitions, views));
}
