//! Place of a packed batch: in an answer, or within a batch that was unpacked before.
//!
//! A message of version 0 or 1 may contain packed messages, which may contain others: librdkafka goes down by recursion,
//! until the stack of its thread is used up. The address of a packed batch tells how deep it is. Each thread parses one
//! partition at a time, so what it has unpacked meanwhile contains whatever is deeper.

use super::contents::Contents;
use std::cell::Cell;
use std::ffi::c_void;

/// Maximum number of times that a record is packed. Producers pack once, and an old broker's log once more.
const MAX_DEPTH: usize = 2;
/// Size of the part of a header of version 2 from its length to its end, in bytes.
const HEADER: usize = 53;
/// Place of the distance of the last offset from the first in such a part.
const LAST_DELTA: usize = 4 + 4 + 1 + 4 + 2;
/// Bytes that the length in a header of version 2 counts besides the packed records.
const HEADER_IN_LENGTH: usize = 49;

/// An unpacked batch.
#[derive(Debug, Clone, Copy)]
struct Unpacked {
    start: usize,
    size: usize,
    cost: u64,
}

/// Batches that the thread has unpacked of the partition that it parses, each within the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nesting {
    is_parsing: bool,
    depth: usize,
    batches: [Unpacked; MAX_DEPTH],
}

const NONE: Nesting =
    Nesting { is_parsing: false, depth: 0, batches: [Unpacked { start: 0, size: 0, cost: 0 }; MAX_DEPTH] };

thread_local! {
    static NESTING: Cell<Nesting> = const { Cell::new(NONE) };
}

/// Notes that this thread parses batches of an answer from now on.
pub(super) fn begin() {
    NESTING.set(Nesting { is_parsing: true, ..NONE });
}

/// Notes that this thread parses no batches any more.
pub(super) fn end() {
    NESTING.set(NONE);
}

/// Returns true if what this thread unpacks is a batch.
pub(super) fn is_parsing() -> bool {
    NESTING.get().is_parsing
}

/// Notes that this thread unpacks parts of a batch until [`resume`].
pub(super) fn suspend() -> Nesting {
    NESTING.replace(NONE)
}

pub(super) fn resume(suspended: Nesting) {
    NESTING.set(suspended);
}

/// Form of what a packed batch contains; `None` if it is empty or too deep.
///
/// # Safety
///
/// While this thread parses, `packed` is the content of a batch, in place: its header comes before it, and stands in an
/// answer of a broker or in a batch that was unpacked.
pub(super) unsafe fn contents_of(packed: &[u8]) -> Option<Contents> {
    let mut nesting = NESTING.get();
    if packed.is_empty() {
        // librdkafka has no address for it.
        return None;
    }
    if !nesting.is_parsing {
        return Some(Contents::Other);
    }
    let address = packed.as_ptr().addr();
    while let Some(around) = nesting.depth.checked_sub(1).map(|last| nesting.batches[last]) {
        if (around.start..around.start + around.size).contains(&address) {
            break;
        }
        nesting.depth -= 1;
    }
    NESTING.set(nesting);
    // At least as much comes before any batch of an answer: what the answer tells of the partition, and the header.
    let before = match nesting.depth {
        0 => HEADER,
        MAX_DEPTH => return None,
        depth => (address - nesting.batches[depth - 1].start).min(HEADER),
    };
    // SAFETY: the caller's promise; within an unpacked batch, the range does not begin before it.
    let header = unsafe { std::slice::from_raw_parts(packed.as_ptr().sub(before), before) };
    Some(stated_contents(header, packed.len()))
}

/// Contents of a packed batch as the bytes before it state them. The length tells a header of version 2 from messages,
/// where these bytes are a key or belong to something else.
fn stated_contents(header: &[u8], packed_size: usize) -> Contents {
    let number = |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
    let length = number(0).and_then(|length| usize::try_from(length).ok());
    match number(HEADER - 4) {
        Some(records) if length == Some(packed_size + HEADER_IN_LENGTH) && header[8] == 2 => {
            Contents::Records { count: records, last_delta: number(LAST_DELTA).unwrap_or(-1) }
        }
        _ => Contents::Messages,
    }
}

/// Notes that a batch was unpacked to this address.
pub(super) fn enter(start: *const c_void, size: usize, cost: u64) {
    let mut nesting = NESTING.get();
    if let (true, Some(batch)) = (nesting.is_parsing, nesting.batches.get_mut(nesting.depth)) {
        *batch = Unpacked { start: start.addr(), size, cost };
        nesting.depth += 1;
        NESTING.set(nesting);
    }
}

/// Bytes that the batch counts for that was unpacked last; `None` if it is another.
pub(super) fn cost_of(start: *const c_void) -> Option<u64> {
    let nesting = NESTING.get();
    let last = nesting.batches[..nesting.depth].last()?;
    (last.start == start.addr()).then_some(last.cost)
}
