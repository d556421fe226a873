//! The load driver: a given number of events as fast as they can be written.
//!
//! Nothing of a support is remembered between its events: whose it is, how much it pays and whether it is returned follow from its number. So
//! the generator takes the same small memory for a thousand supports and for a billion. In each *round* one support is applied for, an
//! earlier one approved, a still earlier one dispersed, and one in fifty of those before returned.

use std::collections::VecDeque;

use fastrand::Rng;

use super::emitter::{FaultRates, RecordEmitter, horizon};
use super::occurrence::{
    self, AGREEMENT, BUSINESS, Body, MARKET, MEETING, MEETING_HOUR, Occurrence, PARTICIPANT, SUPPORT, Seconds, Support,
    mix,
};
use super::style::Envelopes;
use super::{Emission, PartitionCounts};
use crate::clock::{DAY, HOUR, Millis, SECOND};
use crate::event::{CallKind, DisbursementKind, MilestoneKind, Status};
use crate::oracle::Horizons;
use crate::record::Stream;

/// What is to be generated.
#[derive(Debug, Clone)]
pub struct Load {
    /// Supports lived through: each is applied for, approved and dispersed.
    pub supports: u64,
    /// Distinct people among whom they go, in turn.
    pub people: u64,
    /// Share of call-centre events among all but faults, 0 to 0.9.
    pub calls: f64,
    /// Share of milestones among all but faults, 0 to 0.1.
    pub milestones: f64,
    pub seed: u64,
    pub partitions: PartitionCounts,
    /// Event times are set back by up to this, at random.
    pub disorder: Millis,
    /// Event times go evenly from here...
    pub start: Millis,
    /// ...to here, which is also the timestamp of every record.
    pub end: Millis,
    pub faults: FaultRates,
    pub envelopes: Envelopes,
    pub horizons: Horizons,
    /// Records above this are too large.
    pub max_record_bytes: usize,
}

/// Events that a support makes on average: three, and the returns.
const EVENTS_OF_SUPPORT: f64 = 3.02;

impl Load {
    /// The load of the benchmarks for about `events` records: supports of 400 people a thousand, 2 % of them returned, 1 % of the records
    /// twice, no calls, over the five days before `end`.
    pub fn of(events: u64, seed: u64, partitions: PartitionCounts, end: Millis) -> Self {
        let supports = Self::supports_for(events, 0.0, 0.0, FaultRates::DUPLICATES);
        Self {
            supports,
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

    /// How many supports make about `events` records, with those shares of calls and milestones, and those faults.
    pub fn supports_for(events: u64, calls: f64, milestones: f64, faults: FaultRates) -> u64 {
        let good = events as f64 / (1.0 + faults.total());
        ((good * (1.0 - calls - milestones) / EVENTS_OF_SUPPORT) as u64).max(1)
    }

    /// About how many records there will be.
    pub fn expected_records(&self) -> u64 {
        let good = self.supports as f64 * EVENTS_OF_SUPPORT / (1.0 - self.calls - self.milestones);
        (good * (1.0 + self.faults.total())) as u64
    }

    /// The records, in the order in which they are to be produced.
    ///
    /// # Panics
    ///
    /// If a share is out of its bounds, there are no people, the times run backwards, or span and disorder reach as far as the horizon of a
    /// stream that is used: then it would not be known what is expired.
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
    outbox: RecordEmitter,
    rng: Rng,
    ready: VecDeque<Emission>,
    round: u64,
    rounds: u64,
    lags: Lags,
    serial: u64,
    /// Calls and milestones due, as fractions of an event.
    calls_due: f64,
    milestones_due: f64,
    calls: Calls,
    load: Load,
}

/// By how many rounds approval, dispersal and return come after application.
#[derive(Debug, Clone, Copy)]
struct Lags {
    approval: u64,
    dispersal: u64,
    returned: u64,
}

impl Emissions {
    fn new(load: Load) -> Self {
        let lags = Lags {
            approval: load.supports.div_ceil(20),
            dispersal: load.supports.div_ceil(8),
            returned: load.supports.div_ceil(6),
        };
        Self {
            outbox: RecordEmitter::new(
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

    /// The fraction of the load that is generated.
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
                // Half of them in full.
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

    /// The time of this round if there were no disorder.
    fn even(&self) -> Millis {
        let span = (self.load.end - self.load.start) as f64;
        self.load.start + (span * (self.round as f64 / self.rounds as f64)) as Millis
    }

    fn time(&mut self) -> Millis {
        self.even() - self.rng.i64(0..=self.load.disorder)
    }

    fn send(&mut self, time: Millis, body: Body) {
        self.serial += 1;
        let fact = Occurrence { serial: self.serial, time, body };
        self.outbox.send(&fact, self.load.end, |emission| self.ready.push_back(emission));
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

/// Calls in flight: a few at a time, each with three events, and agents between them.
#[derive(Debug, Default)]
struct Calls {
    step: u64,
    offered: [Millis; 8],
}

impl Calls {
    fn next(&mut self, now: Millis, rng: &mut Rng) -> (Millis, Body) {
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

/// From no time at all to a minute, more often short.
fn wait(number: u64) -> Millis {
    let random = mix(!number) % 60;
    (random * random / 60) as Millis * SECOND
}
