//! The live driver: simulated time flows, and things happen in it.
//!
//! A heap holds what is to happen next. At the beginning of each hour the hour's applications, calls, milestones and shifts are drawn from the
//! week's profile; each leads to further steps, and each step to facts. A fact is sent a little after it happened, or much later if it is late;
//! records come out in the order in which they are sent.

mod calls;
mod supports;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;

use super::emitter::{FaultRates, RecordEmitter, horizon};
use super::occurrence::{
    AGREEMENT, BUSINESS, Body, HOSPITALS, HOSPITALS_OF, MARKET, MEETING, MEETING_HOUR, Occurrence, PARTICIPANT,
};
use super::style::Envelopes;
use super::week::{Profile, hour_of_week};
use super::{Emission, PartitionCounts};
use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::event::MilestoneKind;
use crate::oracle::Horizons;
use crate::record::Stream;

use calls::CallStep;
use supports::SupportStep;

/// What is to be simulated.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    pub seed: u64,
    /// 1 is a programme that reaches about 100,000 beneficiaries a week.
    pub scale: f64,
    pub partitions: PartitionCounts,
    /// Simulated time begins here; before it there was nothing.
    pub start: Millis,
    /// From here on calls are taken and agents work; earlier there are only supports, so that their backlog is there.
    pub calls_start: Millis,
    /// The most that a late record is late.
    pub disorder: Millis,
    pub faults: FaultRates,
    pub envelopes: Envelopes,
    pub horizons: Horizons,
    /// Records above this are too large.
    pub max_record_bytes: usize,
}

impl LiveOptions {
    /// The usual: the story begins at `start`; the supports of the five days before it are told shortly, so that there is something to pay.
    pub fn of(seed: u64, scale: f64, partitions: PartitionCounts, start: Millis) -> Self {
        Self {
            seed,
            scale,
            partitions,
            start: start - 5 * DAY,
            calls_start: start,
            disorder: 2 * HOUR,
            faults: FaultRates::USUAL,
            envelopes: Envelopes::Mixed,
            horizons: Horizons { disbursement: 92 * DAY, call: 7 * DAY, milestone: 92 * DAY },
            max_record_bytes: 65_536,
        }
    }
}

/// A programme in simulated time.
#[derive(Debug)]
pub struct LiveProgramme {
    happening: Scheduler,
    outbox: RecordEmitter,
}

/// What is to happen, and the means to plan more.
#[derive(Debug)]
struct Scheduler {
    rng: Rng,
    agenda: BinaryHeap<Reverse<Entry>>,
    /// Entries made so far; those of one instant come in the order in which they were made.
    entries: u64,
    serial: u64,
    options: LiveOptions,
    profiles: Profiles,
    supports: supports::Supports,
    calls: calls::Calls,
}

#[derive(Debug)]
struct Profiles {
    offices: Profile,
    applications: Profile,
    calls: Profile,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Millis,
    number: u64,
    step: Step,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// An hour begins.
    Hour,
    Support(SupportStep),
    Call(CallStep),
    Milestone(&'static str, &'static str),
    /// A fact's record is sent.
    Send(Occurrence),
}

impl LiveProgramme {
    /// # Panics
    ///
    /// If the disorder is not far below every horizon: then it would not be known what is expired.
    pub fn new(options: LiveOptions) -> Self {
        for stream in Stream::ALL {
            let room = horizon(options.horizons, stream) / 2;
            assert!((0..room).contains(&options.disorder), "the disorder reaches back as far as a horizon");
        }
        let outbox = RecordEmitter::new(
            options.seed,
            options.partitions,
            options.envelopes,
            options.faults,
            options.horizons,
            options.max_record_bytes,
        );
        let mut happening = Scheduler {
            rng: Rng::with_seed(options.seed),
            agenda: BinaryHeap::new(),
            entries: 0,
            serial: 0,
            profiles: Profiles {
                offices: Profile::offices(),
                applications: Profile::applications(),
                calls: Profile::calls(),
            },
            supports: supports::Supports::default(),
            calls: calls::Calls::new(options.scale),
            options,
        };
        happening.plan(happening.options.start, Step::Hour);
        Self { happening, outbox }
    }

    /// What is sent until `now`, in the order of the records' timestamps. `now` must not go back.
    pub fn advance_to(&mut self, now: Millis) -> Vec<Emission> {
        let mut emissions = Vec::new();
        while let Some(entry) = self.happening.next(now) {
            match entry.step {
                Step::Send(fact) => self.outbox.send(&fact, entry.at, |emission| emissions.push(emission)),
                step => self.happening.take(entry.at, step),
            }
        }
        emissions
    }
}

impl Scheduler {
    fn next(&mut self, now: Millis) -> Option<Entry> {
        let due = self.agenda.peek().is_some_and(|Reverse(entry)| entry.at <= now);
        due.then(|| self.agenda.pop().expect("it was just seen").0)
    }

    fn plan(&mut self, at: Millis, step: Step) {
        self.entries += 1;
        self.agenda.push(Reverse(Entry { at, number: self.entries, step }));
    }

    fn take(&mut self, at: Millis, step: Step) {
        match step {
            Step::Hour => self.hour(at),
            Step::Support(step) => self.support(at, step),
            Step::Call(step) => self.call(at, step),
            Step::Milestone(initiative, milestone) => self.milestone(at, initiative, milestone),
            Step::Send(_) => unreachable!("facts are sent by the outbox"),
        }
    }

    /// Plans what comes in the hour that begins at `at`.
    fn hour(&mut self, at: Millis) {
        let hour = hour_of_week(at);
        let scale = self.options.scale;
        let scaled = |weekly: f64| (weekly * scale).round() as u64;
        let applications = self.profiles.applications.planned(scaled(supports::APPLICATIONS_A_WEEK), hour);
        self.plan_many(at, applications, Step::Support(SupportStep::Apply));
        for (initiative, milestone, weekly) in MILESTONES_A_WEEK {
            let reached = self.profiles.offices.planned(scaled(weekly), hour);
            self.plan_many(at, reached, Step::Milestone(initiative, milestone));
        }
        if at >= self.options.calls_start {
            let calls = self.profiles.calls.planned(scaled(calls::CALLS_A_WEEK), hour);
            self.plan_many(at, calls, Step::Call(CallStep::Offer));
            self.plan_shift(at, hour);
        }
        self.plan(at + HOUR, Step::Hour);
    }

    fn plan_many(&mut self, hour: Millis, count: u64, step: Step) {
        for _ in 0..count {
            let at = hour + self.rng.i64(0..HOUR);
            self.plan(at, step);
        }
    }

    fn milestone(&mut self, at: Millis, initiative: &'static str, milestone: &'static str) {
        let quantity = self.rng.bool().then_some(1);
        self.happen(at, Body::Milestone { kind: MilestoneKind::Reached, initiative, milestone, quantity });
        if self.rng.u32(..100) == 0 {
            // It was noted by mistake: an hour later it is taken back.
            self.happen(at + HOUR, Body::Milestone { kind: MilestoneKind::Withdrawn, initiative, milestone, quantity });
        }
    }

    /// Plans the sending of what happens at `time`.
    fn happen(&mut self, time: Millis, body: Body) {
        let faults = self.options.faults;
        let dice = self.rng.f64();
        let (time, sent) = if dice < faults.late {
            (time, time + self.rng.i64(0..=self.options.disorder))
        } else if dice < faults.late + faults.ahead {
            (time + self.rng.i64(1..=2 * MINUTE), time)
        } else {
            (time, time + self.rng.i64(0..2 * SECOND))
        };
        self.send_at(time, sent, body);
    }

    /// What happened at `time` is sent at `sent`.
    fn send_at(&mut self, time: Millis, sent: Millis, body: Body) {
        self.serial += 1;
        self.plan(sent, Step::Send(Occurrence { serial: self.serial, time, body }));
    }
}

/// What is reached in a week of scale 1.
const MILESTONES_A_WEEK: [(&str, &str, f64); 7] = [
    (MEETING, AGREEMENT, 837.0),
    (MEETING, PARTICIPANT, 220.0),
    (MEETING, MEETING_HOUR, 130.0),
    (MARKET, BUSINESS, 3_660.0),
    (HOSPITALS, HOSPITALS_OF[0], 8.0),
    (HOSPITALS, HOSPITALS_OF[1], 5.0),
    (HOSPITALS, HOSPITALS_OF[2], 12.0),
];
