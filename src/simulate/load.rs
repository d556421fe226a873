//! The load driver: a given number of events as fast as they can be written.
//!
//! No support is remembered between its events: its person, its amount and its returns follow from its number. So the
//! generator takes the same small memory for a thousand supports and for a billion. In each *round* one support is
//! applied for, an earlier one approved, a still earlier one dispersed, and one in fifty of those before returned.

use std::collections::VecDeque;

use fastrand::Rng;

use super::emitter::{FaultRates, RecordEmitter, horizon};
use super::occurrence::{
    self, AGREEMENT, BUSINESS, Body, MARKET, MEETING, MEETING_HOUR, Occurrence, PARTICIPANT, SUPPORT, Seconds, Support,
    mix,
};
use super::style::Envelopes;
use super::{Emission, PartitionCounts};
use crate::clock::{DAY, HOUR, Millis, SECOND, Timestamp};
use crate::event::{CallKind, DisbursementKind, MilestoneKind, Status};
use crate::oracle::Horizons;
use crate::record::Stream;

/// Options of a load.
#[derive(Debug, Clone)]
pub struct Load {
    /// Number of supports; each is applied for, approved and dispersed.
    pub supports: u64,
    /// Maximum number of supports that are applied for and not yet dispersed; `None` for an eighth of all. A few let the
    /// first dispersal come soon.
    pub max_open: Option<u64>,
    /// Number of distinct people who get the supports, in turn.
    pub people: u64,
    /// Share of call-centre events among all events but faults, 0 to 0.9.
    pub calls: f64,
    /// Share of milestones among all events but faults, 0 to 0.1.
    pub milestones: f64,
    /// Seed of all random choices.
    pub seed: u64,
    /// Number of partitions of each topic.
    pub partitions: PartitionCounts,
    /// Maximum by which event times are set back at random.
    pub disorder: Millis,
    /// First event time; event times are spread evenly up to `end`.
    pub start: Timestamp,
    /// Last event time, and the Kafka timestamp of every record.
    pub end: Timestamp,
    /// Rates of faults.
    pub faults: FaultRates,
    /// Envelopes of the records.
    pub envelopes: Envelopes,
    /// Horizons of the program that reads the records, so that expired ones can be made.
    pub horizons: Horizons,
    /// Size above which the program rejects a value (bytes).
    pub max_record_bytes: usize,
}

/// Average number of events of a support: three, and its returns.
const EVENTS_OF_SUPPORT: f64 = 3.02;

impl Load {
    /// Load of the benchmarks with about `events` records over the five days before `end`: 400 people for each thousand
    /// supports, 2 % of these returned, 1 % duplicates, no calls.
    pub fn of(events: u64, seed: u64, partitions: PartitionCounts, end: Timestamp) -> Self {
        let supports = Self::supports_for(events, 0.0, 0.0, FaultRates::DUPLICATES);
        Self {
            supports,
            max_open: None,
            people: (supports * 2 / 5).max(1),
            calls: 0.0,
            milestones: 0.0,
            seed,
            partitions,
            disorder: HOUR,
            start: end - 5 * DAY,
            end,
            faults: FaultRates::DUPLICATES,
            envelopes: Envelopes::Mixed,
            horizons: Horizons { disbursement: 92 * DAY, call: 7 * DAY, milestone: 92 * DAY },
            max_record_bytes: 65_536,
        }
    }

    /// Number of supports that make about `events` records, with these shares of calls and milestones and these faults.
    pub fn supports_for(events: u64, calls: f64, milestones: f64, faults: FaultRates) -> u64 {
        let good = events as f64 / (1.0 + faults.total());
        ((good * (1.0 - calls - milestones) / EVENTS_OF_SUPPORT) as u64).max(1)
    }

    /// Approximate number of records.
    pub fn expected_records(&self) -> u64 {
        let good = self.supports as f64 * EVENTS_OF_SUPPORT / (1.0 - self.calls - self.milestones);
        (good * (1.0 + self.faults.total())) as u64
    }

    /// Records in the order in which they are to be produced.
    ///
    /// # Panics
    ///
    /// Panics if a share is out of its bounds, there are no people, or `start` is after `end`. Panics too if the load
    /// reaches back as far as the horizon of a stream: it would not be known which records expire.
    pub fn emissions(self) -> Emissions {
        assert!((0.0..=0.9).contains(&self.calls) && (0.0..=0.1).contains(&self.milestones), "shares out of bounds");
        assert!(
            self.people > 0 && self.start <= self.end && self.disorder >= 0,
            "no people, or times that run backwards"
        );
        let reach = self.end - self.start + self.disorder;
        let used = [
            (Stream::Disbursement, true),
            (Stream::Call, self.calls > 0.0),
            (Stream::Milestone, self.milestones > 0.0),
        ];
        for (stream, used) in used {
            assert!(!used || reach < horizon(self.horizons, stream), "the load reaches back as far as a horizon");
        }
        Emissions::new(self)
    }
}

/// The records of a [`Load`].
#[derive(Debug)]
pub struct Emissions {
    emitter: RecordEmitter,
    rng: Rng,
    ready: VecDeque<Emission>,
    round: u64,
    rounds: u64,
    lags: Lags,
    serial: u64,
    /// Number of calls due, with fractions.
    calls_due: f64,
    /// Number of milestones due, with fractions.
    milestones_due: f64,
    calls: Calls,
    load: Load,
}

/// Number of rounds from an application to the later events of its support.
#[derive(Debug, Clone, Copy)]
struct Lags {
    approval: u64,
    dispersal: u64,
    returned: u64,
}

impl Emissions {
    fn new(load: Load) -> Self {
        let supports = load.max_open.map_or(load.supports, |max| load.supports.min(max.saturating_mul(8)));
        let lags =
            Lags { approval: supports.div_ceil(20), dispersal: supports.div_ceil(8), returned: supports.div_ceil(6) };
        Self {
            emitter: RecordEmitter::new(
                load.seed,
                load.partitions,
                load.envelopes,
                load.faults,
                load.horizons,
                load.max_record_bytes,
            ),
            rng: Rng::with_seed(load.seed),
            ready: VecDeque::with_capacity(64),
            round: 0,
            rounds: load.supports + lags.returned,
            lags,
            serial: 0,
            calls_due: 0.0,
            milestones_due: 0.0,
            calls: Calls::default(),
            load,
        }
    }

    /// Fraction of the load that was generated so far, 0 to 1.
    pub fn progress(&self) -> f64 {
        self.round as f64 / self.rounds as f64
    }

    fn next_round(&mut self) {
        let round = self.round;
        let number = |lag: u64| round.checked_sub(lag).filter(|&number| number < self.load.supports);
        let (approved, dispersed, returned) =
            (number(self.lags.approval), number(self.lags.dispersal), number(self.lags.returned));
        if round < self.load.supports {
            self.disbursement(DisbursementKind::Applied, round, SUPPORT);
        }
        if let Some(number) = approved {
            self.disbursement(DisbursementKind::Approved, number, SUPPORT);
        }
        if let Some(number) = dispersed {
            self.disbursement(DisbursementKind::Dispersed, number, SUPPORT);
        }
        if let Some(number) = returned {
            let random = mix(self.load.seed ^ number.rotate_left(32));
            if random.is_multiple_of(50) {
                // Half of the returns are in full.
                let amount = if random & 64 == 0 { SUPPORT } else { 1 + random % (SUPPORT - 1) };
                self.disbursement(DisbursementKind::Returned, number, amount);
            }
        }
        self.round += 1;
    }

    fn disbursement(&mut self, kind: DisbursementKind, number: u64, amount: u64) {
        let support: Support = occurrence::support(self.load.seed, number, number % self.load.people);
        let time = self.time();
        self.send(time, Body::Disbursement { kind, support, amount });
        let others = 1.0 - self.load.calls - self.load.milestones;
        self.calls_due += self.load.calls / others;
        while self.calls_due >= 1.0 {
            self.calls_due -= 1.0;
            let now = self.even();
            let (time, body) = self.calls.next(now, &mut self.rng);
            self.send(time.min(self.load.end), body);
        }
        self.milestones_due += self.load.milestones / others;
        while self.milestones_due >= 1.0 {
            self.milestones_due -= 1.0;
            let body = milestone(&mut self.rng);
            let time = self.time();
            self.send(time, body);
        }
    }

    /// Time of this round without disorder.
    fn even(&self) -> Timestamp {
        let span = (self.load.end - self.load.start) as f64;
        self.load.start + (span * (self.round as f64 / self.rounds as f64)) as Millis
    }

    fn time(&mut self) -> Timestamp {
        self.even() - self.rng.i64(0..=self.load.disorder)
    }

    fn send(&mut self, time: Timestamp, body: Body) {
        self.serial += 1;
        let occurrence = Occurrence { serial: self.serial, time, body };
        self.emitter.send(&occurrence, self.load.end, |emission| self.ready.push_back(emission));
    }
}

impl Iterator for Emissions {
    type Item = Emission;

    fn next(&mut self) -> Option<Emission> {
        while self.ready.is_empty() && self.round < self.rounds {
            self.next_round();
        }
        self.ready.pop_front()
    }
}

fn milestone(rng: &mut Rng) -> Body {
    let (initiative, milestone) = match rng.u32(..100) {
        0..17 => (MEETING, AGREEMENT),
        17..22 => (MEETING, PARTICIPANT),
        22..25 => (MEETING, MEETING_HOUR),
        _ => (MARKET, BUSINESS),
    };
    let kind = if rng.u32(..50) == 0 { MilestoneKind::Withdrawn } else { MilestoneKind::Reached };
    let quantity = rng.bool().then(|| rng.u32(1..=12));
    Body::Milestone { kind, initiative, milestone, quantity }
}

/// Calls in progress: a few at a time, each with up to three events, and statuses of agents between them.
#[derive(Debug, Default)]
struct Calls {
    step: u64,
    offered: [Timestamp; 8],
}

impl Calls {
    fn next(&mut self, now: Timestamp, rng: &mut Rng) -> (Timestamp, Body) {
        let step = self.step;
        self.step += 1;
        let number = step / 3;
        match step % 3 {
            0 => {
                self.offered[(number % 8) as usize] = now;
                (now, call(CallKind::Offered, number, Seconds::default()))
            }
            1 if number >= 2 => {
                let number = number - 2;
                let time = self.offered[(number % 8) as usize] + wait(number);
                let kind = if abandons(number) { CallKind::Abandoned } else { CallKind::Answered };
                (time, call(kind, number, Seconds::default()))
            }
            2 if number >= 5 && !abandons(number - 5) => {
                let number = number - 5;
                let talk = rng.u32(20_000..600_000);
                let seconds = if mix(number).is_multiple_of(5) {
                    Seconds::default()
                } else {
                    Seconds {
                        talk: Some(talk),
                        hold: rng.bool().then(|| rng.u32(..60) * 1_000),
                        wrap_up: Some(rng.u32(..90_000)),
                    }
                };
                let time = self.offered[(number % 8) as usize] + wait(number) + Millis::from(talk);
                (time, call(CallKind::Completed, number, seconds))
            }
            _ => {
                let agent = rng.u64(..1_900);
                let site = (!agent.is_multiple_of(50)).then(|| occurrence::SITES.pick(mix(agent)));
                (now, Body::Agent { agent, site, status: Status::ALL[rng.usize(..Status::ALL.len())] })
            }
        }
    }
}

fn call(kind: CallKind, number: u64, seconds: Seconds) -> Body {
    Body::Call { kind, call: number, queue: occurrence::QUEUES.pick(mix(number)), seconds }
}

fn abandons(number: u64) -> bool {
    mix(number).is_multiple_of(12)
}

/// Wait of a call: 0 to 58 s, more often short.
fn wait(number: u64) -> Millis {
    let random = mix(!number) % 60;
    (random * random / 60) as Millis * SECOND
}
