//! The core: exact state of one partition's log, and the figures derived from it.
//!
//! Synchronous and clockless: a partition's state is a pure function of its log from `first_offset` to `next_offset`
//! and of [`Rules`]. `now` reaches only views and derived figures.
//!
//! Each record takes the steps of `spec/figures.md#steps` ([`PartitionState::step`]): decoded or rejected, expired,
//! duplicate, watermark, forgetting, applied. Exactly one outcome is counted for each record.
//!
//! # State, derived, view
//!
//! | stream | state | derived | view |
//! |---|---|---|---|
//! | all | offsets, watermark, outcomes, ids | | counts of records |
//! | disbursement | labels, supports, people, returns, totals, panes | backlog, people, slots, panes | totals, slots |
//! | call | labels, calls, agents, totals, panes | calls waiting, agents, slots | totals, slots |
//! | milestone | labels, totals, panes | slots | totals, slots |
//!
//! - *State* is what the log says, with labels as given. [`PartitionState::digest`] hashes every byte of it; a
//!   checkpoint stores it ([`image`], [`StateLoader`]).
//! - *Derived* figures depend on state, on [`ViewConfig`] (allowlists and targets) and, for which rolling panes are
//!   kept, on `now`. They can be rebuilt from state at any moment. Indexes (people by hash, labels by name) and timers
//!   follow from state as well: no checkpoint stores them.
//! - A *view* ([`crate::view`]) is small, in the order of the allowlists, and merges by sum, minimum (oldest approval)
//!   or maximum (watermark). It holds panes with bounds, not evaluated figures, so a scrape evaluates every span at one
//!   instant, its own.
//! - [`UnlistedCounts`] belong to the process and are neither.
//!
//! # Where to look
//!
//! | question | module |
//! |---|---|
//! | where a week begins, which slots there are | `slots`, [`Period::at`](crate::calendar::Period::at) |
//! | supports, returns (also without a dispersal), backlog | `disbursement` |
//! | distinct people, without sets | `disbursement::people`, `disbursement::days` |
//! | one person with very many dispersals | `disbursement::crowds` |
//! | calls and agents; how to add a call measure | `call` |
//! | curves and targets without identity | `panes`, `counts` |
//! | labels as numbers; those shown as `other` | `labels`, `unlisted` |
//! | keys that an audit follows over partitions | `key_sample` |
//! | memory: hash table, slab, pages, unaligned integers, timers | `table`, `slab`, `pages`, `packed`, `timers` |
//!
//! # Memory
//!
//! | entry | bytes | where |
//! |---|---|---|
//! | remembered id: hash, 42 bits of time, 30 bits of fingerprint | 25 | `Table` in `ids` |
//! | support | 45 | `Table` in `disbursement::support` |
//! | dispersal | 32 | `Slab` in `disbursement::people` |
//! | person, with the first settled dispersal | 31, and an index entry | `Slab`, `hashbrown` in 256 shards |
//! | further programme of a person | 19, and an index entry | `Slab` in `disbursement::further_programmes` |
//! | waiting return | 11, and 24 for each support | `Slab` and `Table` in `disbursement::waiting` |
//! | call | 55 | `Table` in `call` |
//! | agent | 25 | `Table` in `call::agents` |

mod call;
mod counts;
mod disbursement;
mod double_buffer;
mod effort;
mod ids;
pub mod image;
mod key_sample;
mod labels;
mod milestone;
mod packed;
mod pages;
mod panes;
mod restore;
mod rules;
mod selection;
mod slab;
mod slots;
mod table;
#[cfg(test)]
mod tests;
mod timers;
mod unlisted;

use std::ops::Add;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::call::Calls;
use self::disbursement::Disbursements;
use self::ids::{IdLookup, Ids};
use self::image::{ClosedDay, PageChunk, PageSink, StateImage};
use self::key_sample::KeySample;
pub use self::key_sample::{KeyKind, SampledKey};
use self::milestone::Milestones;
use self::pages::PagedTable;
pub use self::restore::{MalformedState, StateLoader};
pub use self::rules::{Rules, unnamed_setting};
use self::selection::Selection;
use self::table::RECORDS_A_SWEEP;
pub use self::unlisted::{UnlistedCounts, UnlistedValue};
use crate::allowlists::Allowlists;
use crate::clock::{Millis, Timestamp};
use crate::event::{Body, Event, LabelArena};
use crate::record::{Outcome, Reason, Rejection, Stream};
use crate::targets::Targets;
use crate::view::slots::Slots;
use crate::view::{PartitionView, RecordCounts, StreamFigures};

/// One partition of a stream: its state and the figures derived from it.
#[derive(Debug)]
pub struct PartitionState {
    stream: Stream,
    rules: Rules,
    log: Log,
    ids: Ids,
    body: StreamBody,
    key_sample: KeySample,
}

/// Progress through the log, and the outcomes of its records.
#[derive(Debug, Serialize, Deserialize)]
struct Log {
    first_offset: i64,
    next_offset: i64,
    watermark: Option<Timestamp>,
    counts: RecordCounts,
}

/// Settings that decide how state is shown. Changing them changes no state.
#[derive(Debug, Clone, Default)]
pub struct ViewConfig {
    /// Label values that are shown under their own name, and the time zone of periods.
    pub allowlists: Arc<Allowlists>,
    /// Targets that figures are kept for.
    pub targets: Arc<Targets>,
}

impl ViewConfig {
    fn selection(&self, stream: Stream, horizon: Millis, history: [Millis; 2]) -> Selection {
        Selection::new(&self.targets, stream, self.targets.cut_times(&self.allowlists.zone), horizon, history)
    }
}

#[derive(Debug)]
enum StreamBody {
    Disbursement(Box<Disbursements>),
    Call(Box<Calls>),
    Milestone(Box<Milestones>),
}

/// Number of keys in state, of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Number of remembered event identifiers.
    pub ids: u64,
    /// Number of supports.
    pub supports: u64,
    /// Number of people.
    pub people: u64,
    /// Number of dispersals.
    pub dispersals: u64,
    /// Number of calls.
    pub calls: u64,
    /// Number of agents.
    pub agents: u64,
}

impl KeyCounts {
    /// Counts with the values of the label `kind` in the process' metrics.
    pub fn by_name(&self) -> [(&'static str, u64); 6] {
        [
            ("ids", self.ids),
            ("supports", self.supports),
            ("people", self.people),
            ("dispersals", self.dispersals),
            ("calls", self.calls),
            ("agents", self.agents),
        ]
    }
}

impl Add for KeyCounts {
    type Output = KeyCounts;

    fn add(self, other: KeyCounts) -> KeyCounts {
        KeyCounts {
            ids: self.ids + other.ids,
            supports: self.supports + other.supports,
            people: self.people + other.people,
            dispersals: self.dispersals + other.dispersals,
            calls: self.calls + other.calls,
            agents: self.agents + other.agents,
        }
    }
}

impl PartitionState {
    /// Creates an empty partition whose log is read from `first_offset` on.
    pub fn new(stream: Stream, first_offset: i64, rules: Rules, view_config: &ViewConfig, now: Timestamp) -> Self {
        let body = match stream {
            Stream::Disbursement => StreamBody::Disbursement(Box::new(Disbursements::new(rules, view_config, now))),
            Stream::Call => StreamBody::Call(Box::new(Calls::new(rules, view_config))),
            Stream::Milestone => StreamBody::Milestone(Box::new(Milestones::new(rules, view_config))),
        };
        let log = Log { first_offset, next_offset: first_offset, watermark: None, counts: RecordCounts::default() };
        Self { stream, rules, log, ids: Ids::new(), body, key_sample: KeySample::default() }
    }

    /// Offset after the last record that was applied or refused.
    pub fn next_offset(&self) -> i64 {
        self.log.next_offset
    }

    /// Offset at which the state began: it knows nothing before.
    pub fn first_offset(&self) -> i64 {
        self.log.first_offset
    }

    /// Number of records stepped through.
    pub fn records(&self) -> u64 {
        self.log.counts.outcomes.iter().sum()
    }

    /// Newest event time applied; `None` before the first event.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.log.watermark
    }

    /// Applies or refuses the record at `offset`, and returns its outcome. There are no batches here, so none can
    /// matter.
    ///
    /// # Panics
    /// Panics if the offset is below [`Self::next_offset`]: a record counts once.
    pub fn step(&mut self, offset: i64, decoded: &Result<Event, Rejection>, arena: &LabelArena) -> Outcome {
        assert!(offset >= self.log.next_offset, "offset {offset} was applied before: {} is next", self.log.next_offset);
        self.log.next_offset = offset + 1;
        let outcome = match decoded {
            Ok(event) => self.apply(event, arena),
            Err(rejection) => {
                self.log.counts.rejected[rejection.reason as usize] += 1;
                Outcome::Rejected
            }
        };
        let count = &mut self.log.counts.outcomes[outcome as usize];
        *count += 1;
        if outcome == Outcome::Applied && count.is_multiple_of(RECORDS_A_SWEEP) {
            self.sweep();
        }
        outcome
    }

    /// Rejects the excluded offsets from `first` to `last`, whose records cannot be read; those below
    /// [`Self::next_offset`] counted before. Returns their number.
    pub fn pass_excluded(&mut self, first: i64, last: i64) -> u64 {
        let first = first.max(self.log.next_offset);
        if last < first {
            return 0;
        }
        let passed = last.abs_diff(first) + 1;
        self.log.next_offset = last + 1;
        self.log.counts.rejected[Reason::Excluded as usize] += passed;
        self.log.counts.outcomes[Outcome::Rejected as usize] += passed;
        passed
    }

    /// Reads the memory that an event will need, so that it is in the cache when the event is applied. Called for
    /// several events in a row, their waits for memory overlap. Changes nothing; the returned byte keeps the compiler
    /// from removing the reads.
    pub fn touch(&self, event: &Event) -> u8 {
        let body = match (&self.body, &event.body) {
            (StreamBody::Disbursement(partition), Body::Disbursement(body)) => partition.touch(body),
            _ => 0,
        };
        self.ids.touch(event) ^ body
    }

    /// Removes some of what is older than the horizon and changes no figure by being removed. The turns follow from the
    /// number of applied records, so no counter of their own is in state.
    #[cold]
    fn sweep(&mut self) {
        let Some(watermark) = self.log.watermark else { return };
        self.ids.sweep(watermark - self.rules.horizon(self.stream));
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.sweep(watermark),
            StreamBody::Call(partition) => partition.sweep(watermark),
            StreamBody::Milestone(_) => {}
        }
    }

    fn apply(&mut self, event: &Event, arena: &LabelArena) -> Outcome {
        let horizon = self.rules.horizon(self.stream);
        let oldest = self.log.watermark.map_or(Timestamp::MIN, |watermark| watermark - horizon);
        if event.time < oldest {
            return Outcome::Expired;
        }
        let place = match self.ids.look_up(event, oldest) {
            IdLookup::New(place) => place,
            IdLookup::Repeated => return Outcome::Duplicate,
            IdLookup::Contradicted => {
                self.log.counts.conflicts += 1;
                return Outcome::Duplicate;
            }
        };
        let watermark = self.log.watermark.map_or(event.time, |watermark| watermark.max(event.time));
        self.log.watermark = Some(watermark);
        self.ids.remember(event, place);
        self.key_sample.note(event);
        match (&mut self.body, &event.body) {
            (StreamBody::Disbursement(partition), Body::Disbursement(body)) => {
                partition.forget(watermark);
                partition.apply(event, body, arena, watermark);
            }
            (StreamBody::Call(partition), Body::Call(body)) => {
                partition.forget(watermark);
                partition.apply_call(event, body, arena, watermark);
            }
            (StreamBody::Call(partition), Body::Agent(body)) => {
                partition.forget(watermark);
                partition.apply_agent(event, body, arena);
            }
            (StreamBody::Milestone(partition), Body::Milestone(body)) => {
                partition.forget(watermark);
                if partition.apply(event, body, arena) {
                    self.key_sample.note_initiative(arena.get(body.initiative));
                }
            }
            _ => panic!("an event of another stream is rejected at decode"),
        }
        Outcome::Applied
    }

    /// Returns the partition's view for readers whose clock is about `now`.
    pub fn view(&mut self, now: Timestamp) -> PartitionView {
        let figures = match &mut self.body {
            StreamBody::Disbursement(partition) => {
                StreamFigures::Disbursement(Box::new(partition.view(now, self.log.watermark)))
            }
            StreamBody::Call(partition) => StreamFigures::Call(Box::new(partition.view(now, self.log.watermark))),
            StreamBody::Milestone(partition) => StreamFigures::Milestone(partition.view(self.log.watermark)),
        };
        PartitionView {
            stream: self.stream,
            first_offset: self.log.first_offset,
            next_offset: self.log.next_offset,
            watermark: self.log.watermark,
            counts: self.log.counts.clone(),
            figures,
        }
    }

    /// Returns the current figures by slot, from which cuts are made.
    pub fn slots(&mut self) -> Slots {
        let watermark = self.log.watermark;
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.slots(watermark),
            StreamBody::Call(partition) => partition.slots(watermark),
            StreamBody::Milestone(partition) => partition.slots(watermark),
        }
    }

    /// Begins to keep figures for another set of targets beside those that are shown. Readers see them after
    /// [`Self::promote`].
    pub fn stage_targets(&mut self, view_config: &ViewConfig) {
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.stage_targets(view_config),
            StreamBody::Call(partition) => partition.stage_targets(view_config),
            StreamBody::Milestone(partition) => partition.stage_targets(view_config),
        }
    }

    /// Derives figures of the staged targets from about `budget` more entries of state; true once all of state is in
    /// them.
    pub fn backfill(&mut self, budget: usize) -> bool {
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.backfill(budget),
            StreamBody::Call(_) | StreamBody::Milestone(_) => true,
        }
    }

    /// Shows the staged targets from now on. [`Self::backfill`] must have returned true.
    pub fn promote(&mut self) {
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.promote(),
            StreamBody::Call(partition) => partition.promote(),
            StreamBody::Milestone(partition) => partition.promote(),
        }
    }

    /// Number of keys in state.
    pub fn keys(&self) -> KeyCounts {
        let keys = match &self.body {
            StreamBody::Disbursement(partition) => partition.keys(),
            StreamBody::Call(partition) => partition.keys(),
            StreamBody::Milestone(_) => KeyCounts::default(),
        };
        KeyCounts { ids: self.ids.len() as u64, ..keys }
    }

    /// Number of label values shown as `other` since the process started.
    pub fn unlisted(&self) -> &UnlistedCounts {
        match &self.body {
            StreamBody::Disbursement(partition) => partition.unlisted(),
            StreamBody::Call(partition) => partition.unlisted(),
            StreamBody::Milestone(partition) => partition.unlisted(),
        }
    }

    /// Begins an image of the state as it is now. Its pages follow through `sink`, each before it changes, and through
    /// [`Self::copy`].
    pub fn begin_image(&mut self, sink: &PageSink) -> StateImage {
        let (body, days) = (self.encode_body(), self.days());
        let mut shapes = Vec::new();
        for (number, region) in self.regions().enumerate() {
            region.begin(u16::try_from(number).expect("there are a few hundred regions"), sink);
            shapes.push(region.shape());
        }
        StateImage { body, shapes, days }
    }

    /// Copies about `bytes` of pages that the image still lacks; `None` once all are copied.
    pub fn copy(&mut self, bytes: usize) -> Option<PageChunk> {
        let mut chunk = PageChunk { runs: Vec::new(), bytes: Vec::new() };
        let is_full = self.regions().any(|region| region.copy(bytes, &mut chunk) || chunk.bytes.len() >= bytes);
        (is_full || !chunk.runs.is_empty()).then_some(chunk)
    }

    /// Ends the image: it is complete, or was given up.
    pub fn end_image(&mut self) {
        self.regions().for_each(|region| region.end());
    }

    /// Hashes every byte of state: equal for equal logs and rules, no matter how the log was batched.
    pub fn digest(&mut self) -> [u8; 32] {
        let mut digest = blake3::Hasher::new();
        digest.update(&self.encode_body());
        for day in self.days() {
            digest.update(&day.content.encode());
        }
        for page in self.regions().flat_map(|region| region.bytes()) {
            digest.update(page);
        }
        *digest.finalize().as_bytes()
    }

    /// Encodes all of state except pages and days. [`StateLoader::new`] reads it.
    fn encode_body(&self) -> Vec<u8> {
        let body = match &self.body {
            StreamBody::Disbursement(partition) => postcard::to_allocvec(&(&self.log, &self.ids, partition.state())),
            StreamBody::Call(partition) => postcard::to_allocvec(&(&self.log, &self.ids, partition.state())),
            StreamBody::Milestone(partition) => postcard::to_allocvec(&(&self.log, &self.ids, partition.state())),
        };
        body.expect("memory is the only limit")
    }

    fn days(&self) -> Vec<ClosedDay> {
        let settled =
            self.log.watermark.map_or(Timestamp::MIN, |watermark| watermark - self.rules.horizon(self.stream));
        match &self.body {
            StreamBody::Disbursement(partition) => partition.state().panes().days(settled),
            StreamBody::Call(partition) => partition.state().0.panes().days(settled),
            StreamBody::Milestone(partition) => partition.state().panes().days(settled),
        }
    }

    fn regions(&mut self) -> Box<dyn Iterator<Item = &mut dyn PagedTable> + '_> {
        let ids = self.ids.regions();
        match &mut self.body {
            StreamBody::Disbursement(partition) => Box::new(ids.chain(partition.state_mut().regions())),
            StreamBody::Call(partition) => Box::new(ids.chain(partition.regions())),
            StreamBody::Milestone(_) => Box::new(ids),
        }
    }
}
