//! The core: what a partition's log says, exactly. Synchronous and clockless; a partition's state is a pure function of its log prefix and of
//! [`Rules`].
//!
//! Each record takes the contract's steps (section 2): decoded or rejected, expired, duplicate, watermark, forgetting, applied. What is
//! *state* (hashed by [`Partition::digest`], and what a checkpoint will hold) and what is *derived* from it for show are kept apart in each
//! stream's module; views ([`crate::view`]) are made from both.

mod call;
mod disbursement;
mod ids;
pub mod image;
mod labels;
mod milestone;
mod packed;
mod panes;
mod rules;
mod slab;
mod table;
mod timers;

use std::hash::{Hash, Hasher};
use std::ops::Add;
use std::sync::Arc;

use self::call::Calls;
use self::disbursement::Disbursements;
use self::ids::{Ids, Seen};
use self::milestone::Milestones;
pub use self::rules::Rules;
use crate::clock::Millis;
use crate::display::{Display, LabelKind};
use crate::event::{Body, Event, Texts};
use crate::record::{Outcome, Rejection, Stream};
use crate::view::{Figures, PartitionView, RecordCounts};

/// One partition of a stream: its state, and what is shown of it.
#[derive(Debug)]
pub struct Partition {
    stream: Stream,
    rules: Rules,
    log: Log,
    ids: Ids,
    body: StreamBody,
}

/// How far the log was read, and what became of its records.
#[derive(Debug, Hash)]
struct Log {
    first_offset: i64,
    next_offset: i64,
    watermark: Option<Millis>,
    counts: RecordCounts,
}

#[derive(Debug)]
enum StreamBody {
    Disbursement(Box<Disbursements>),
    Call(Box<Calls>),
    Milestone(Box<Milestones>),
}

/// How many keys state holds, of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys {
    pub ids: u64,
    pub supports: u64,
    pub people: u64,
    pub dispersals: u64,
    pub calls: u64,
    pub agents: u64,
}

impl Keys {
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

impl Add for Keys {
    type Output = Keys;

    fn add(self, other: Keys) -> Keys {
        Keys {
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
pub struct Unlisted([u64; LabelKind::ALL.len()]);

impl Unlisted {
    fn count(&mut self, kind: LabelKind, unlisted: bool) {
        self.0[kind as usize] += u64::from(unlisted);
    }

    pub fn counts(&self) -> &[u64; LabelKind::ALL.len()] {
        &self.0
    }
}

impl Partition {
    /// A partition of which nothing was read, to be read from `first_offset` on.
    pub fn new(stream: Stream, first_offset: i64, rules: Rules, display: Arc<Display>, now: Millis) -> Self {
        let body = match stream {
            Stream::Disbursement => StreamBody::Disbursement(Box::new(Disbursements::new(rules, display, now))),
            Stream::Call => StreamBody::Call(Box::new(Calls::new(rules, display))),
            Stream::Milestone => StreamBody::Milestone(Box::new(Milestones::new(rules, display))),
        };
        let log = Log { first_offset, next_offset: first_offset, watermark: None, counts: RecordCounts::default() };
        Self { stream, rules, log, ids: Ids::new(), body }
    }

    pub fn next_offset(&self) -> i64 {
        self.log.next_offset
    }

    pub fn watermark(&self) -> Option<Millis> {
        self.log.watermark
    }

    /// Takes the record at `offset`, and says what became of it.
    ///
    /// # Panics
    /// If the offset was taken before: a record counts once.
    pub fn step(&mut self, offset: i64, decoded: &Result<Event, Rejection>, texts: &Texts) -> Outcome {
        assert!(offset >= self.log.next_offset, "offset {offset} was taken before: {} is next", self.log.next_offset);
        self.log.next_offset = offset + 1;
        let outcome = match decoded {
            Ok(event) => self.take(event, texts),
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

    fn take(&mut self, event: &Event, texts: &Texts) -> Outcome {
        let horizon = self.rules.horizon(self.stream);
        let oldest = self.log.watermark.map_or(Millis::MIN, |watermark| watermark - horizon);
        if event.time < oldest {
            return Outcome::Expired;
        }
        match self.ids.look_up(event, oldest) {
            Seen::New => {}
            Seen::Repeated => return Outcome::Duplicate,
            Seen::Contradicted => {
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
                partition.apply(event, body, texts, watermark);
            }
            (StreamBody::Call(partition), Body::Call(body)) => {
                partition.forget(watermark);
                partition.apply_call(event, body, texts, watermark);
            }
            (StreamBody::Call(partition), Body::Agent(body)) => {
                partition.forget(watermark);
                partition.apply_agent(event, body, texts);
            }
            (StreamBody::Milestone(partition), Body::Milestone(body)) => {
                partition.forget(watermark);
                partition.apply(event, body, texts, watermark);
            }
            _ => panic!("an event of another stream is rejected at decode"),
        }
        Outcome::Applied
    }

    /// What is shown of the partition to a reader whose clock is about `now`.
    pub fn view(&mut self, now: Millis) -> PartitionView {
        let figures = match &mut self.body {
            StreamBody::Disbursement(partition) => Figures::Disbursement(Box::new(partition.view(now))),
            StreamBody::Call(partition) => Figures::Call(Box::new(partition.view(now))),
            StreamBody::Milestone(partition) => Figures::Milestone(partition.view()),
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

    pub fn keys(&self) -> Keys {
        let keys = match &self.body {
            StreamBody::Disbursement(partition) => partition.keys(),
            StreamBody::Call(partition) => partition.keys(),
            StreamBody::Milestone(_) => Keys::default(),
        };
        Keys { ids: self.ids.len() as u64, ..keys }
    }

    pub fn unlisted(&self) -> &Unlisted {
        match &self.body {
            StreamBody::Disbursement(partition) => partition.unlisted(),
            StreamBody::Call(partition) => partition.unlisted(),
            StreamBody::Milestone(partition) => partition.unlisted(),
        }
    }

    /// A digest of every byte of state: equal for equal logs and rules, however the log was batched.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Digest(blake3::Hasher::new());
        (&self.log, &self.ids).hash(&mut digest);
        match &self.body {
            StreamBody::Disbursement(partition) => partition.state().hash(&mut digest),
            StreamBody::Call(partition) => partition.hash_state(&mut digest),
            StreamBody::Milestone(partition) => partition.state().hash(&mut digest),
        }
        *digest.0.finalize().as_bytes()
    }
}

/// Feeds what `derive(Hash)` writes to a strong hash.
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        u64::from_le_bytes(self.0.finalize().as_bytes()[..8].try_into().expect("eight bytes"))
    }
}
