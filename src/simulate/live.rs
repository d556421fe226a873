//! The live driver: a programme in simulated time.
//!
//! A heap holds the planned steps. At the beginning of each hour its applications, calls, milestones and shifts are
//! drawn from the week's profile. Each leads to further steps, and each step to occurrences. An occurrence is sent a
//! little after it happened, or much later if it is late. Records come out in the order in which they are sent.

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
use super::{Emission, LABELS, PartitionCounts};
use crate::calendar::Interval;
use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND, Timestamp};
use crate::event::MilestoneKind;
use crate::oracle::Horizons;
use crate::record::Stream;

use calls::CallStep;
use supports::SupportStep;

/// Options of a simulated programme.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Seed of all random choices.
    pub seed: u64,
    /// Volume; 1 is a programme that reaches about 100,000 beneficiaries a week.
    pub scale: f64,
    /// Number of partitions of each topic.
    pub partitions: PartitionCounts,
    /// Beginning of simulated time; nothing happened before.
    pub start: Timestamp,
    /// Beginning of calls and agents. From `start` until then there are only supports and milestones, so that the
    /// backlog of supports is as usual.
    pub calls_start: Timestamp,
    /// Time without payments; `None` if all are made.
    pub stall: Option<PaymentStall>,
    /// Maximum delay of a late record.
    pub disorder: Millis,
    /// Rates of faults.
    pub faults: FaultRates,
    /// Envelopes of the records.
    pub envelopes: Envelopes,
    /// Horizons of the program that reads the records, so that expired ones can be made.
    pub horizons: Horizons,
    /// Size above which the program rejects a value (bytes).
    pub max_record_bytes: usize,
}

impl LiveOptions {
    /// Usual options: everything runs from `start` on, and supports from five days earlier, so that there is a backlog.
    pub fn of(seed: u64, scale: f64, partitions: PartitionCounts, start: Timestamp) -> Self {
        Self {
            seed,
            scale,
            partitions,
            start: start - 5 * DAY,
            calls_start: start,
            stall: None,
            disorder: 2 * HOUR,
            faults: FaultRates::USUAL,
            envelopes: Envelopes::Mixed,
            horizons: Horizons { disbursement: 92 * DAY, call: 7 * DAY, milestone: 92 * DAY },
            max_record_bytes: 65_536,
        }
    }
}

/// Time in which a programme's payments are not made, as if the bank did not answer: applications and approvals go on, and
/// the backlog grows. The payments that were due are made in the office hours of the day after.
#[derive(Debug, Clone, Copy)]
pub struct PaymentStall {
    /// Programme whose payments are not made.
    pub programme: &'static str,
    /// Beginning and end.
    pub span: Interval,
}

impl PaymentStall {
    /// Stall of the largest programme from Tuesday noon to Thursday noon, in the week that begins at `monday`.
    pub fn of_week(monday: Timestamp) -> Self {
        let span = Interval { start: monday + DAY + 12 * HOUR, end: monday + 3 * DAY + 12 * HOUR };
        Self { programme: LABELS.programmes[0], span }
    }

    /// True if a payment of a programme at this time is not made.
    fn stops(&self, programme: &str, at: Timestamp) -> bool {
        programme == self.programme && self.span.start <= at && at < self.span.end
    }
}

/// A programme in simulated time.
#[derive(Debug)]
pub struct LiveProgramme {
    scheduler: Scheduler,
    emitter: RecordEmitter,
}

/// Planned steps, and the state needed to plan more.
#[derive(Debug)]
struct Scheduler {
    rng: Rng,
    agenda: BinaryHeap<Reverse<PlannedStep>>,
    /// Number of steps planned so far; those of one instant come in the order in which they were planned.
    planned: u64,
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
struct PlannedStep {
    at: Timestamp,
    number: u64,
    step: Step,
}

impl PartialEq for PlannedStep {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for PlannedStep {}

impl PartialOrd for PlannedStep {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PlannedStep {
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
    /// The record of an occurrence is sent.
    Send(Occurrence),
}

impl LiveProgramme {
    /// A programme at its beginning.
    ///
    /// # Panics
    ///
    /// Panics if the disorder is not far below every horizon: it would not be known which records expire.
    pub fn new(options: LiveOptions) -> Self {
        for stream in Stream::ALL {
            let room = horizon(options.horizons, stream) / 2;
            assert!((0..room).contains(&options.disorder), "the disorder reaches back as far as a horizon");
        }
        let emitter = RecordEmitter::new(
            options.seed,
            options.partitions,
            options.envelopes,
            options.faults,
            options.horizons,
            options.max_record_bytes,
        );
        let mut scheduler = Scheduler {
            rng: Rng::with_seed(options.seed),
            agenda: BinaryHeap::new(),
            planned: 0,
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
        scheduler.plan(scheduler.options.start, Step::Hour);
        Self { scheduler, emitter }
    }

    /// Records sent until `now`, in the order of their timestamps. `now` must not go back.
    pub fn advance_to(&mut self, now: Timestamp) -> Vec<Emission> {
        let mut emissions = Vec::new();
        while let Some(entry) = self.scheduler.next(now) {
            match entry.step {
                Step::Send(occurrence) => self.emitter.send(&occurrence, entry.at, |emission| emissions.push(emission)),
                step => self.scheduler.take(entry.at, step),
            }
        }
        emissions
    }
}

impl Scheduler {
    fn next(&mut self, now: Timestamp) -> Option<PlannedStep> {
        let due = self.agenda.peek().is_some_and(|Reverse(entry)| entry.at <= now);
        due.then(|| self.agenda.pop().expect("it was just seen").0)
    }

    fn plan(&mut self, at: Timestamp, step: Step) {
        self.planned += 1;
        self.agenda.push(Reverse(PlannedStep { at, number: self.planned, step }));
    }

    fn take(&mut self, at: Timestamp, step: Step) {
        match step {
            Step::Hour => self.hour(at),
            Step::Support(step) => self.support(at, step),
            Step::Call(step) => self.call(at, step),
            Step::Milestone(initiative, milestone) => self.milestone(at, initiative, milestone),
            Step::Send(_) => unreachable!("occurrences are sent by the emitter"),
        }
    }

    /// Plans the hour that begins at `at`.
    fn hour(&mut self, at: Timestamp) {
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

    fn plan_many(&mut self, hour: Timestamp, count: u64, step: Step) {
        for _ in 0..count {
            let at = hour + self.rng.i64(0..HOUR);
            self.plan(at, step);
        }
    }

    fn milestone(&mut self, at: Timestamp, initiative: &'static str, milestone: &'static str) {
        let quantity = self.rng.bool().then_some(1);
        self.happen(at, Body::Milestone { kind: MilestoneKind::Reached, initiative, milestone, quantity });
        if self.rng.u32(..100) == 0 {
            // Entered by mistake, and withdrawn an hour later.
            self.happen(at + HOUR, Body::Milestone { kind: MilestoneKind::Withdrawn, initiative, milestone, quantity });
        }
    }

    /// Plans the sending of an occurrence at `time`.
    fn happen(&mut self, time: Timestamp, body: Body) {
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

    /// Plans to send an occurrence of `time` at `sent`.
    fn send_at(&mut self, time: Timestamp, sent: Timestamp, body: Body) {
        self.serial += 1;
        self.plan(sent, Step::Send(Occurrence { serial: self.serial, time, body }));
    }
}

/// Milestones reached in a week of scale 1.
const MILESTONES_A_WEEK: [(&str, &str, f64); 7] = [
    (MEETING, AGREEMENT, 837.0),
    (MEETING, PARTICIPANT, 220.0),
    (MEETING, MEETING_HOUR, 130.0),
    (MARKET, BUSINESS, 3_660.0),
    (HOSPITALS, HOSPITALS_OF[0], 8.0),
    (HOSPITALS, HOSPITALS_OF[1], 5.0),
    (HOSPITALS, HOSPITALS_OF[2], 12.0),
];
