//! The core: what a partition's log says, exactly. Synchronous and clockless; a partition's state is a pure function of its log prefix and of
//! [`Rules`].
//!
//! Each record takes the contract's steps (section 2): decoded or rejected, expired, duplicate, watermark, forgetting, applied. What is
//! *state* (hashed by [`PartitionState::digest`], and what a checkpoint holds) and what is *derived* from it for show are kept apart in each
//! stream's module; views ([`crate::view`]) are made from both.

mod call;
mod counts;
mod disbursement;
mod double_buffer;
mod ids;
pub mod image;
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
mod timers;

use std::ops::Add;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::call::Calls;
use self::disbursement::Disbursements;
use self::ids::{IdLookup, Ids};
use self::image::{ClosedDay, PageChunk, PageSink, StateImage};
use self::milestone::Milestones;
use self::pages::PagedTable;
pub use self::restore::{MalformedState, StateLoader};
pub use self::rules::{Rules, unnamed_setting};
use self::selection::Selection;
use crate::allowlists::{Allowlists, LabelKind};
use crate::clock::Millis;
use crate::event::{Body, Event, Hash128, LabelArena};
use crate::record::{Outcome, Rejection, Stream};
use crate::targets::Targets;
use crate::view::slots::Slots;
use crate::view::{PartitionView, RecordCounts, StreamFigures};

/// One partition of a stream: its state, and what is shown of it.
#[derive(Debug)]
pub struct PartitionState {
    stream: Stream,
    rules: Rules,
    log: Log,
    ids: Ids,
    body: StreamBody,
}

/// How far the log was read, and what became of its records.
#[derive(Debug, Serialize, Deserialize)]
struct Log {
    first_offset: i64,
    next_offset: i64,
    watermark: Option<Millis>,
    counts: RecordCounts,
}

/// How state is shown. A change of it changes no state.
#[derive(Debug, Clone, Default)]
pub struct ViewConfig {
    pub allowlists: Arc<Allowlists>,
    pub targets: Arc<Targets>,
}

impl ViewConfig {
    fn selection(&self, stream: Stream, horizon: Millis, history: Millis) -> Selection {
        Selection::new(&self.targets, stream, self.targets.cut_times(&self.allowlists.zone), horizon, history)
    }
}

#[derive(Debug)]
enum StreamBody {
    Disbursement(Box<Disbursements>),
    Call(Box<Calls>),
    Milestone(Box<Milestones>),
}

/// How many keys state holds, of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyCounts {
    pub ids: u64,
    pub supports: u64,
    pub people: u64,
    pub dispersals: u64,
    pub calls: u64,
    pub agents: u64,
}

impl KeyCounts {
    /// Under the names that the process' metrics give them.
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

/// How often a value was met that is shown as `other`, by [`LabelKind`]. About the process, not the programme: in no state.
#[derive(Debug, Clone, Default)]
pub struct UnlistedCounts([u64; LabelKind::ALL.len()]);

impl UnlistedCounts {
    fn count(&mut self, kind: LabelKind, unlisted: bool) {
        self.0[kind as usize] += u64::from(unlisted);
    }

    pub fn counts(&self) -> &[u64; LabelKind::ALL.len()] {
        &self.0
    }
}

impl PartitionState {
    /// A partition of which nothing was read, to be read from `first_offset` on.
    pub fn new(stream: Stream, first_offset: i64, rules: Rules, view_config: &ViewConfig, now: Millis) -> Self {
        let body = match stream {
            Stream::Disbursement => StreamBody::Disbursement(Box::new(Disbursements::new(rules, view_config, now))),
            Stream::Call => StreamBody::Call(Box::new(Calls::new(rules, view_config))),
            Stream::Milestone => StreamBody::Milestone(Box::new(Milestones::new(rules, view_config))),
        };
        let log = Log { first_offset, next_offset: first_offset, watermark: None, counts: RecordCounts::default() };
        Self { stream, rules, log, ids: Ids::new(), body }
    }

    pub fn next_offset(&self) -> i64 {
        self.log.next_offset
    }

    /// State knows nothing before it.
    pub fn first_offset(&self) -> i64 {
        self.log.first_offset
    }

    /// Records taken.
    pub fn records(&self) -> u64 {
        self.log.counts.outcomes.iter().sum()
    }

    pub fn watermark(&self) -> Option<Millis> {
        self.log.watermark
    }

    /// Takes the record at `offset`, and says what became of it.
    ///
    /// # Panics
    /// If the offset was taken before: a record counts once.
    pub fn step(&mut self, offset: i64, decoded: &Result<Event, Rejection>, arena: &LabelArena) -> Outcome {
        assert!(offset >= self.log.next_offset, "offset {offset} was taken before: {} is next", self.log.next_offset);
        self.log.next_offset = offset + 1;
        let outcome = match decoded {
            Ok(event) => self.take(event, arena),
            Err(rejection) => {
                self.log.counts.rejected[rejection.reason as usize] += 1;
                Outcome::Rejected
            }
        };
        self.log.counts.outcomes[outcome as usize] += 1;
        outcome
    }

    /// Fetches what an event will need into the cache, and returns something of it. Called for some events together shortly before each is
    /// taken, the waits for memory overlap; it changes nothing.
    pub fn touch(&self, event: &Event) -> u8 {
        let body = match (&self.body, &event.body) {
            (StreamBody::Disbursement(partition), Body::Disbursement(body)) => partition.touch(body),
            _ => 0,
        };
        self.ids.touch(event) ^ body
    }

    fn take(&mut self, event: &Event, arena: &LabelArena) -> Outcome {
        let horizon = self.rules.horizon(self.stream);
        let oldest = self.log.watermark.map_or(Millis::MIN, |watermark| watermark - horizon);
        if event.time < oldest {
            return Outcome::Expired;
        }
        match self.ids.look_up(event, oldest) {
            IdLookup::New => {}
            IdLookup::Repeated => return Outcome::Duplicate,
            IdLookup::Contradicted => {
                self.log.counts.conflicts += 1;
                return Outcome::Duplicate;
            }
        }
        let watermark = self.log.watermark.map_or(event.time, |watermark| watermark.max(event.time));
        self.log.watermark = Some(watermark);
        self.ids.remember(event, watermark - horizon);
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
                partition.apply(event, body, arena);
            }
            _ => panic!("an event of another stream is rejected at decode"),
        }
        Outcome::Applied
    }

    /// What is shown of the partition to a reader whose clock is about `now`.
    pub fn view(&mut self, now: Millis) -> PartitionView {
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

    /// Figures by slot as they are now: what a cut is made of.
    pub fn slots(&mut self) -> Slots {
        let watermark = self.log.watermark;
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.slots(watermark),
            StreamBody::Call(partition) => partition.slots(watermark),
            StreamBody::Milestone(partition) => partition.slots(watermark),
        }
    }

    /// Begins to fill figures for other targets, beside those that are shown.
    pub fn stage_targets(&mut self, view_config: &ViewConfig) {
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.stage_targets(view_config),
            StreamBody::Call(partition) => partition.stage_targets(view_config),
            StreamBody::Milestone(partition) => partition.stage_targets(view_config),
        }
    }

    /// Goes on with that, for about as many entries of state as `budget`; true once nothing is left to do.
    pub fn backfill(&mut self, budget: usize) -> bool {
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.backfill(budget),
            StreamBody::Call(_) | StreamBody::Milestone(_) => true,
        }
    }

    /// Shows the other targets from now on, once they are filled.
    pub fn promote(&mut self) {
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.promote(),
            StreamBody::Call(partition) => partition.promote(),
            StreamBody::Milestone(partition) => partition.promote(),
        }
    }

    pub fn keys(&self) -> KeyCounts {
        let keys = match &self.body {
            StreamBody::Disbursement(partition) => partition.keys(),
            StreamBody::Call(partition) => partition.keys(),
            StreamBody::Milestone(_) => KeyCounts::default(),
        };
        KeyCounts { ids: self.ids.len() as u64, ..keys }
    }

    pub fn unlisted(&self) -> &UnlistedCounts {
        match &self.body {
            StreamBody::Disbursement(partition) => partition.unlisted(),
            StreamBody::Call(partition) => partition.unlisted(),
            StreamBody::Milestone(partition) => partition.unlisted(),
        }
    }

    /// Begins an image of the state as it is now. The pages of its regions follow: those that change before they change, the others as
    /// [`Self::copy`] asks for them.
    pub fn begin_image(&mut self, sink: &PageSink) -> StateImage {
        let (body, days) = (self.encode_body(), self.days());
        let mut shapes = Vec::new();
        for (number, region) in self.regions().enumerate() {
            region.begin(u16::try_from(number).expect("there are a few hundred regions"), sink);
            shapes.push(region.shape());
        }
        StateImage { body, shapes, days }
    }

    /// Copies pages of the image of up to about `bytes`. None if all are copied.
    pub fn copy(&mut self, bytes: usize) -> Option<PageChunk> {
        let mut chunk = PageChunk { runs: Vec::new(), bytes: Vec::new() };
        let is_full = self.regions().any(|region| region.copy(bytes, &mut chunk) || chunk.bytes.len() >= bytes);
        (is_full || !chunk.runs.is_empty()).then_some(chunk)
    }

    /// Copies no more: the image is complete, or of no use.
    pub fn end_image(&mut self) {
        self.regions().for_each(|region| region.end());
    }

    /// One in 1,024 of the people who came since the last call, told by their hash: whoever is in two partitions was keyed wrongly by the
    /// producer, and counts twice.
    pub fn take_sampled(&mut self) -> Vec<Hash128> {
        match &mut self.body {
            StreamBody::Disbursement(partition) => partition.state_mut().take_sampled(),
            StreamBody::Call(_) | StreamBody::Milestone(_) => Vec::new(),
        }
    }

    /// A digest of every byte of state: equal for equal logs and rules, however the log was batched.
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

    /// All of state but the pages and the days. [`StateLoader::new`] reads it.
    fn encode_body(&self) -> Vec<u8> {
        let body = match &self.body {
            StreamBody::Disbursement(partition) => postcard::to_allocvec(&(&self.log, &self.ids, partition.state())),
            StreamBody::Call(partition) => postcard::to_allocvec(&(&self.log, &self.ids, partition.state())),
            StreamBody::Milestone(partition) => postcard::to_allocvec(&(&self.log, &self.ids, partition.state())),
        };
        body.expect("memory is the only limit")
    }

    fn days(&self) -> Vec<ClosedDay> {
        let settled = self.log.watermark.map_or(Millis::MIN, |watermark| watermark - self.rules.horizon(self.stream));
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
