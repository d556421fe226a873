//! What a checkpoint takes of a partition's state: an image of it as it is at one record boundary, copied while it goes on changing.
//!
//! State is in three forms. *Regions* are long sequences of pages of equal entries, written as they lie in memory: before a page changes
//! for the first time after the image was begun, it is copied out; the others are copied a few at a time. *Days* are the history that needs
//! no identity, shared by pointer. All the rest is small and encoded at once: the *body*.

use std::sync::Arc;

use crate::clock::Millis;

/// Takes the pages that are copied.
pub type PageSink = Arc<dyn Fn(PageChunk) + Send + Sync>;

/// Copied pages, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageChunk {
    pub runs: Vec<PageRange>,
    pub bytes: Vec<u8>,
}

/// Consecutive pages of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRange {
    pub region: u16,
    pub first: u32,
    pub count: u32,
}

/// How much a region holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLayout {
    pub page_bytes: u32,
    pub pages: u32,
}

impl TableLayout {
    pub fn bytes(&self) -> u64 {
        u64::from(self.page_bytes) * u64::from(self.pages)
    }
}

/// What an image holds at its begin; the pages of its regions follow through the [`PageSink`], each once, in any order.
pub struct StateImage {
    pub body: Vec<u8>,
    /// By region.
    pub shapes: Vec<TableLayout>,
    /// By their start.
    pub days: Vec<ClosedDay>,
}

/// The history of one day (UTC).
#[derive(Clone)]
pub struct ClosedDay {
    pub start: Millis,
    /// Nothing of it will change any more, but for its being forgotten.
    pub is_closed: bool,
    pub content: Arc<dyn Encode>,
}

pub trait Encode: Send + Sync {
    /// Equal content gives equal bytes.
    fn encode(&self) -> Vec<u8>;
}
