//! Sample of the keys of a partition's events, for the audit that finds keys in two partitions.
//!
//! All events of a key belong in one partition (`spec/events.md#record-keys`). Every record names such a key, so a
//! record that is repeated in another partition puts its key in two. A key is chosen by its hash alone, hence the same
//! keys in every partition. The sample is no part of state: what state remembers of it is found again after a restart.

use super::{PartitionState, StreamBody};
use crate::clock::Timestamp;
use crate::event::{Body, Event, Hash128};
use crate::record::Stream;

/// Kind of a key whose events belong in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// A beneficiary, in every event of a support.
    Person,
    /// A support.
    Support,
    /// A call.
    Call,
    /// An agent of the call centre.
    Agent,
    /// An initiative that milestones belong to.
    Initiative,
}

/// A key, and an event of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampledKey {
    /// Kind of the key.
    pub kind: KeyKind,
    /// Hash of the key.
    pub hash: Hash128,
    /// Time of the event. For a key that state remembers forever, any time.
    pub time: Timestamp,
}

/// Sampled keys of the events since the last time that they were taken. `None` until somebody takes them.
#[derive(Debug, Default)]
pub(crate) struct KeySample(Option<Vec<SampledKey>>);

impl KeyKind {
    /// Every kind, in the order of the discriminants.
    pub const ALL: [KeyKind; 5] = [Self::Person, Self::Support, Self::Call, Self::Agent, Self::Initiative];

    /// Name in log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Support => "support",
            Self::Call => "call",
            Self::Agent => "agent",
            Self::Initiative => "initiative",
        }
    }

    /// Stream whose events have keys of this kind.
    pub fn stream(self) -> Stream {
        match self {
            Self::Person | Self::Support => Stream::Disbursement,
            Self::Call | Self::Agent => Stream::Call,
            Self::Initiative => Stream::Milestone,
        }
    }

    /// Number of keys of which one is sampled. Agents are few; of the initiatives all are followed.
    fn keys_per_sampled(self) -> u16 {
        match self {
            Self::Person | Self::Support | Self::Call => 1_024,
            Self::Agent => 16,
            Self::Initiative => 1,
        }
    }

    /// True for the hashes of the sample.
    pub(crate) fn is_sampled(self, hash: &Hash128) -> bool {
        u16::from_le_bytes([hash[6], hash[7]]).is_multiple_of(self.keys_per_sampled())
    }
}

impl KeySample {
    /// Adds the keys of an applied event that are in the sample. Of a milestone the state does this, once an initiative.
    pub(crate) fn note(&mut self, event: &Event) {
        if self.0.is_none() {
            return;
        }
        match &event.body {
            Body::Disbursement(body) => {
                self.note_key(KeyKind::Person, body.beneficiary, event.time);
                self.note_key(KeyKind::Support, body.credit, event.time);
            }
            Body::Call(body) => self.note_key(KeyKind::Call, body.call, event.time),
            Body::Agent(body) => self.note_key(KeyKind::Agent, body.agent, event.time),
            Body::Milestone(_) => {}
        }
    }

    /// Adds an initiative that state has begun to remember.
    pub(crate) fn note_initiative(&mut self, initiative: &str) {
        if let Some(keys) = &mut self.0 {
            keys.push(SampledKey::of_initiative(initiative));
        }
    }

    fn note_key(&mut self, kind: KeyKind, hash: Hash128, time: Timestamp) {
        if let Some(keys) = self.0.as_mut().filter(|_| kind.is_sampled(&hash)) {
            keys.push(SampledKey { kind, hash, time });
        }
    }
}

impl PartitionState {
    /// Begins to note the sampled keys of events for [`Self::take_sampled`], and returns those that state remembers.
    pub fn follow_keys(&mut self) -> Vec<SampledKey> {
        self.key_sample = KeySample(Some(Vec::new()));
        self.body.remembered_keys().filter(|key| key.kind.is_sampled(&key.hash)).collect()
    }

    /// Takes the sampled keys of the events since the last call, with repetitions.
    pub fn take_sampled(&mut self) -> Vec<SampledKey> {
        self.key_sample.0.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// True while a further event of a key would be counted with those before, whose newest is the given one.
    pub fn remembers(&self, key: &SampledKey) -> bool {
        let horizon = self.rules.horizon(self.stream);
        self.log.watermark.is_none_or(|watermark| key.time + horizon >= watermark) || self.body.remembers(key)
    }
}

impl SampledKey {
    pub(crate) fn of_initiative(initiative: &str) -> Self {
        let hash = blake3::hash(initiative.as_bytes());
        let hash = *hash.as_bytes().first_chunk().expect("32 bytes have a first half");
        Self { kind: KeyKind::Initiative, hash, time: Timestamp::MIN }
    }
}

impl StreamBody {
    /// Every key in state, with the newest time of its events, or any time for one that is never forgotten.
    fn remembered_keys(&self) -> Box<dyn Iterator<Item = SampledKey> + '_> {
        match self {
            Self::Disbursement(partition) => Box::new(partition.state().remembered_keys()),
            Self::Call(partition) => Box::new(partition.remembered_keys()),
            Self::Milestone(partition) => Box::new(partition.state().remembered_keys()),
        }
    }

    fn remembers(&self, key: &SampledKey) -> bool {
        match self {
            Self::Disbursement(partition) => partition.state().remembers(key),
            Self::Call(partition) => partition.remembers(key),
            // Labels are never forgotten.
            Self::Milestone(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Rules, ViewConfig};
    use crate::clock::{DAY, Millis};
    use crate::event::{self, CallKind, DisbursementKind, FederalState, LabelArena, MilestoneKind, Status};
    use crate::record::Outcome;

    const START: Timestamp = Timestamp::from_millis(1_598_918_400_000);

    /// Hash that is in the sample, or not.
    fn hash(number: u8, is_sampled: bool) -> Hash128 {
        let mut hash = [number; 16];
        hash[6..8].copy_from_slice(&u16::to_le_bytes(if is_sampled { 2_048 } else { 2_049 }));
        hash
    }

    /// A partition with its next event, of which the time is `START` and so many milliseconds.
    struct Feed {
        partition: PartitionState,
        arena: LabelArena,
        events: u8,
    }

    impl Feed {
        fn new(stream: Stream) -> Self {
            let partition = PartitionState::new(stream, 0, Rules::default(), &ViewConfig::default(), START);
            Self { partition, arena: LabelArena::default(), events: 0 }
        }

        fn apply(&mut self, after: Millis, body: Body) {
            self.events += 1;
            let event = Event { id: [self.events; 16], fingerprint: 0, time: START + after, body };
            let outcome = self.partition.step(i64::from(self.events), &Ok(event), &self.arena);
            assert_eq!(outcome, Outcome::Applied);
        }

        fn disbursement(&mut self, after: Millis, kind: DisbursementKind, person: Hash128, support: Hash128) {
            let (programme, state) = (self.arena.push("p"), FederalState::OTHER);
            let body =
                event::Disbursement { kind, programme, state, beneficiary: person, credit: support, amount: 100 };
            self.apply(after, Body::Disbursement(body));
        }

        fn call(&mut self, after: Millis, call: Hash128) {
            let body = event::Call { kind: CallKind::Answered, call, queue: self.arena.push("q"), handle: None };
            self.apply(after, Body::Call(body));
        }

        fn agent(&mut self, after: Millis, agent: Hash128) {
            let body = event::Agent { agent, site: self.arena.push("s"), status: Status::Available };
            self.apply(after, Body::Agent(body));
        }

        fn milestone(&mut self, initiative: &str) {
            let (initiative, milestone) = (self.arena.push(initiative), self.arena.push("m"));
            let body = event::Milestone { kind: MilestoneKind::Reached, initiative, milestone, quantity: 1 };
            self.apply(0, Body::Milestone(body));
        }
    }

    fn keys(keys: &[SampledKey]) -> Vec<(KeyKind, u8)> {
        keys.iter().map(|key| (key.kind, key.hash[0])).collect()
    }

    #[test]
    fn people_and_supports_are_sampled_in_every_event() {
        let mut feed = Feed::new(Stream::Disbursement);
        assert_eq!(feed.partition.follow_keys(), []);
        for kind in DisbursementKind::ALL {
            feed.disbursement(0, *kind, hash(1, true), hash(2, true));
            assert_eq!(keys(&feed.partition.take_sampled()), [(KeyKind::Person, 1), (KeyKind::Support, 2)], "{kind:?}");
        }
        feed.disbursement(0, DisbursementKind::Dispersed, hash(3, false), hash(4, false));
        assert_eq!(feed.partition.take_sampled(), []);
        assert_eq!(keys(&feed.partition.follow_keys()), [(KeyKind::Support, 2)], "everything was returned");
        feed.disbursement(0, DisbursementKind::Dispersed, hash(1, true), hash(4, false));
        assert_eq!(keys(&feed.partition.follow_keys()), [(KeyKind::Person, 1), (KeyKind::Support, 2)]);
    }

    #[test]
    fn an_unpaid_person_is_remembered_for_the_horizon() {
        let mut feed = Feed::new(Stream::Disbursement);
        feed.partition.follow_keys();
        feed.disbursement(0, DisbursementKind::Applied, hash(1, true), hash(2, true));
        feed.disbursement(0, DisbursementKind::Dispersed, hash(3, true), hash(4, true));
        let keys = feed.partition.take_sampled();
        let remembered = |feed: &Feed| keys.iter().map(|key| feed.partition.remembers(key)).collect::<Vec<_>>();
        feed.disbursement(92 * DAY, DisbursementKind::Applied, hash(9, false), hash(9, false));
        assert_eq!(remembered(&feed), [true; 4]);
        // More events than supports, so that the forgotten ones are swept as well.
        for number in 10..250 {
            feed.disbursement(93 * DAY, DisbursementKind::Applied, hash(9, false), hash(number, false));
        }
        assert_eq!(remembered(&feed)[..3], [false, false, true], "the paid person is kept for all time");
    }

    #[test]
    fn calls_and_agents_are_sampled_and_forgotten() {
        let mut feed = Feed::new(Stream::Call);
        feed.partition.follow_keys();
        feed.call(0, hash(1, true));
        feed.agent(0, hash(2, true));
        feed.call(0, hash(3, false));
        let sampled = feed.partition.take_sampled();
        assert_eq!(keys(&sampled), [(KeyKind::Call, 1), (KeyKind::Agent, 2)]);
        assert_eq!(feed.partition.follow_keys(), sampled);
        feed.call(8 * DAY, hash(4, true));
        assert_eq!(sampled.iter().map(|key| feed.partition.remembers(key)).collect::<Vec<_>>(), [false, false]);
    }

    #[test]
    fn one_agent_in_sixteen_is_sampled() {
        let counted = |kind: KeyKind| {
            let hashes = (0..=u16::MAX).map(|number| {
                let mut hash = [1; 16];
                hash[6..8].copy_from_slice(&number.to_le_bytes());
                hash
            });
            hashes.filter(|hash| kind.is_sampled(hash)).count()
        };
        assert_eq!(KeyKind::ALL.map(counted), [64, 64, 64, 4_096, 65_536]);
    }

    #[test]
    fn each_initiative_is_noted_once_and_remembered() {
        let mut feed = Feed::new(Stream::Milestone);
        feed.partition.follow_keys();
        ["a", "b", "a"].into_iter().for_each(|initiative| feed.milestone(initiative));
        let sampled = feed.partition.take_sampled();
        assert_eq!(sampled, ["a", "b"].map(SampledKey::of_initiative));
        assert_eq!(feed.partition.follow_keys(), sampled);
        assert!(sampled.iter().all(|key| feed.partition.remembers(key)));
    }

    #[test]
    fn nothing_is_noted_until_keys_are_followed() {
        let mut feed = Feed::new(Stream::Call);
        feed.call(0, hash(1, true));
        assert_eq!(feed.partition.take_sampled(), []);
        assert_eq!(keys(&feed.partition.follow_keys()), [(KeyKind::Call, 1)]);
    }
}
