//! Image of a partition's state at one record boundary, copied for a checkpoint while the state goes on changing.
//!
//! State has three parts:
//!
//! - *Regions* are tables of pages, stored byte for byte. A page is copied before its first change after the image
//!   began; the others are copied a few at a time.
//! - *Days* are the history that needs no identity, shared by pointer.
//! - The *body* is everything else: small, and encoded at once.

use std::sync::Arc;

use crate::clock::Timestamp;

/// Receives pages that are copied because they are about to change.
pub type PageSink = Arc<dyn Fn(PageChunk) + Send + Sync>;

/// Copied pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageChunk {
    /// Pages in the order of `bytes`.
    pub runs: Vec<PageRange>,
    /// Contents of the pages, end to end.
    pub bytes: Vec<u8>,
}

/// Consecutive pages of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRange {
    /// Number of the region.
    pub region: u16,
    /// First page.
    pub first: u32,
    /// Number of pages.
    pub count: u32,
}

/// Size of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLayout {
    /// Bytes in a page.
    pub page_bytes: u32,
    /// Number of pages.
    pub pages: u32,
}

impl TableLayout {
    /// Bytes of all pages.
    pub fn bytes(&self) -> u64 {
        u64::from(self.page_bytes) * u64::from(self.pages)
    }
}

/// An image at its beginning. The pages of its regions follow, each once, in any order.
pub struct StateImage {
    /// Encoded state without pages and days.
    pub body: Vec<u8>,
    /// Size of each region.
    pub shapes: Vec<TableLayout>,
    /// Days in the order of time.
    pub days: Vec<ClosedDay>,
}

/// History of one UTC day.
#[derive(Clone)]
pub struct ClosedDay {
    /// Beginning of the day.
    pub start: Timestamp,
    /// True if the day will not change any more, except by being forgotten.
    pub is_closed: bool,
    /// Counts of the day.
    pub content: Arc<dyn Encode>,
}

/// Content that is encoded when a checkpoint is written.
pub trait Encode: Send + Sync {
    /// Encodes the content; equal content gives equal bytes.
    fn encode(&self) -> Vec<u8>;
}
