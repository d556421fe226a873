//! The story of 2020: the programme as it was told in public, from its first payment to the morning on which the
//! figures were read out.
//!
//! The sums are the public ones and exact. Everything between is made up: the days, the hours, the federal states (by
//! population), and one support for each person. Seed and time decide the records, as everywhere.
//!
//! A support is applied for and approved on the two working days before it is paid. Of the contacts of earlier weeks the
//! call centre reports the completion alone; in the week of the figures it reports every step, and who is at work.

mod plan;

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND, Timestamp};
use crate::event::{CallKind, DisbursementKind, MilestoneKind, Status};

use super::occurrence::{
    self, AGREEMENT, BUSINESS, Body, HOSPITALS, HOSPITALS_OF, MARKET, MEETING, MEETING_HOUR, Occurrence, PARTICIPANT,
    SITES, SUPPORT, Seconds, Shares, Support, mix,
};
use super::style::Envelopes;
use super::write::EventWriter;
use super::{Emission, PartitionCounts};

pub use plan::PEOPLE_OF_LAST_WEEK;
use plan::{LAST_DAY, StoryPlan, is_domestic_worker};

/// Supports of 25,000 pesos that were paid.
pub const SUPPORTS: u64 = 369_280;
/// Pesos that were paid.
pub const PESOS: u64 = 9_232_000_000;
/// Supports paid to domestic workers, as credits.
pub const DOMESTIC_WORKERS: u64 = 5_759;
/// Contacts that the call centre handled.
pub const CONTACTS: u64 = 1_263_000;
/// Agents of the call centre, at home.
pub const AGENTS: u64 = 1_900;
/// Businesses in the online market.
pub const BUSINESSES: u64 = 3_660;
/// People to be supported in the week of the figures.
pub const WEEKLY_GOAL: u64 = 100_000;

/// Initiative, milestone and quantity of what followed the figures, in the order of the telling. The meeting's are
/// public; the hospitals' are those of `config/targets.toml`.
pub const FOLLOWING: [(&str, &str, u64); 6] = [
    (MEETING, MEETING_HOUR, 130),
    (MEETING, PARTICIPANT, 220),
    (MEETING, AGREEMENT, 837),
    (HOSPITALS, HOSPITALS_OF[0], 32),
    (HOSPITALS, HOSPITALS_OF[1], 20),
    (HOSPITALS, HOSPITALS_OF[2], 48),
];
/// Initiative and milestone of a business in the online market.
pub const MARKET_BUSINESS: (&str, &str) = (MARKET, BUSINESS);

/// Monday, 4 May 2020, 00:00 in Mexico City, which then was five hours behind UTC.
const FIRST_DAY: Timestamp = Timestamp::from_millis(1_588_568_400_000);
/// Beginning of the story: Wednesday, 29 April, before the first applications.
pub const START: Timestamp = FIRST_DAY.saturating_add(-5 * DAY);
/// Instant of the figures: Friday, 31 July, 06:00.
pub const FIGURES_AT: Timestamp = FIRST_DAY.saturating_add(LAST_DAY * DAY + 6 * HOUR);
/// End of the story, when they are read out. By then the cut at [`FIGURES_AT`] is certain: no record comes so late.
pub const END: Timestamp = FIRST_DAY.saturating_add(LAST_DAY * DAY + 8 * HOUR + MINUTE);

/// First day of which the call centre reports every step: Monday, 27 July.
const LIVE_CALLS_DAY: i64 = 84;

/// Records in which a quantity of [`FOLLOWING`] comes.
const RECORDS_OF_A_MILESTONE: u64 = 10;

const STORY_QUEUES: Shares<4> = Shares::new(["apoyos", "pagos", "hogar", "mercado-en-linea"], [54, 27, 9, 10]);

/// Beginning of the day that contains a time of the story, in Mexico City.
pub fn day_start(time: Timestamp) -> Timestamp {
    time - (time - FIRST_DAY).rem_euclid(DAY)
}

/// The story in simulated time.
#[derive(Debug)]
pub struct StoryProgramme {
    writer: EventWriter,
    seed: u64,
    plan: StoryPlan,
    /// Day whose occurrences are made next.
    next_day: i64,
    /// Occurrences of the day before it that are not yet sent, in order of time.
    today: std::vec::IntoIter<Occurrence>,
    serial: u64,
    /// Number of calls so far.
    calls: u64,
}

impl StoryProgramme {
    /// The story at its beginning.
    pub fn new(seed: u64, partitions: PartitionCounts) -> Self {
        Self::from_day(seed, partitions, START)
    }

    /// A part of the story: all from the beginning of the day that contains `start`.
    pub fn from_day(seed: u64, partitions: PartitionCounts, start: Timestamp) -> Self {
        Self {
            writer: EventWriter::new(seed, partitions, Envelopes::Mixed),
            seed,
            plan: StoryPlan::new(),
            next_day: (day_start(start) - FIRST_DAY) / DAY,
            today: Vec::new().into_iter(),
            serial: 0,
            calls: 0,
        }
    }

    /// Records sent until `now`, in the order of their timestamps. `now` must not go back.
    pub fn advance_to(&mut self, now: Timestamp) -> Vec<Emission> {
        let mut emissions = Vec::new();
        loop {
            while self.today.as_slice().first().is_some_and(|next| next.time <= now) {
                let Some(next) = self.today.next() else { break };
                emissions.push(self.writer.emission(&next, next.time));
            }
            let begins = FIRST_DAY + self.next_day * DAY;
            if !self.today.as_slice().is_empty() || begins > now || self.next_day > LAST_DAY {
                return emissions;
            }
            self.today = self.day(self.next_day).into_iter();
            self.next_day += 1;
        }
    }

    /// Occurrences of a day, in order of time.
    fn day(&mut self, number: i64) -> Vec<Occurrence> {
        let mut day = StoryDay { midnight: FIRST_DAY + number * DAY, seed: self.seed, occurrences: Vec::new() };
        if number < LAST_DAY {
            for (kind, later, hours) in SUPPORT_STEPS {
                let supports = self.plan.paid_after(number, later);
                let (first, count) = (supports.start, supports.end - supports.start);
                for support in supports {
                    day.disbursement(kind, support, day.spread(support - first, count, hours));
                }
            }
            let contacts = self.plan.contacts(number);
            for index in 0..contacts {
                self.calls += 1;
                let at = day.spread(index, contacts, CALL_HOURS);
                if number < LIVE_CALLS_DAY { day.completion(self.calls, at) } else { day.contact(self.calls, at) }
            }
            let businesses = self.plan.businesses(number);
            for index in 0..businesses {
                day.milestone(day.spread(index, businesses, (8, 20)), MARKET, BUSINESS, 1);
            }
        } else {
            day.following();
        }
        if number >= LIVE_CALLS_DAY {
            // Callers who give up, one in 25.
            let abandoned = self.plan.contacts(number) / 25;
            for index in 0..abandoned {
                self.calls += 1;
                day.abandonment(self.calls, day.spread(index, abandoned, CALL_HOURS));
            }
            day.shifts(number == LAST_DAY);
        }
        day.occurrences.sort_by_key(|occurrence| occurrence.time);
        for occurrence in &mut day.occurrences {
            self.serial += 1;
            occurrence.serial = self.serial;
        }
        day.occurrences
    }
}

/// Steps of a support, each with the number of working days until its payment and the hours of the day.
const SUPPORT_STEPS: [(DisbursementKind, usize, (i64, i64)); 3] = [
    (DisbursementKind::Applied, 2, (7, 22)),
    (DisbursementKind::Approved, 1, (9, 17)),
    (DisbursementKind::Dispersed, 0, (9, 18)),
];

/// Hours in which calls come; those of the last minutes end before midnight.
const CALL_HOURS: (i64, i64) = (8, 21);

/// Occurrences of a day, in any order and without serials.
struct StoryDay {
    midnight: Timestamp,
    seed: u64,
    occurrences: Vec<Occurrence>,
}

impl StoryDay {
    fn add(&mut self, time: Timestamp, body: Body) {
        self.occurrences.push(Occurrence { serial: 0, time, body });
    }

    /// Instant of one of `count` things that are spread evenly between two hours, with some chance.
    fn spread(&self, index: u64, count: u64, (from, until): (i64, i64)) -> Timestamp {
        let share = (until - from) * HOUR / count.max(1) as Millis;
        let chance = mix(self.seed ^ index.rotate_left(24) ^ self.midnight.as_millis() as u64) % share.max(1) as u64;
        self.midnight + from * HOUR + share * index as Millis + chance as Millis
    }

    fn disbursement(&mut self, kind: DisbursementKind, number: u64, at: Timestamp) {
        let random = mix(self.seed ^ mix(number));
        let programme = match random >> 32 {
            _ if is_domestic_worker(number) => "trabajadoras-del-hogar",
            other if other.is_multiple_of(25) => "personas-independientes",
            _ => "credito-a-la-palabra",
        };
        let state = Some(occurrence::home_state(random));
        let support = Support { number, person: number, programme, state };
        self.add(at, Body::Disbursement { kind, support, amount: SUPPORT });
    }

    fn call(&mut self, kind: CallKind, call: u64, at: Timestamp, seconds: Seconds) {
        self.add(at, Body::Call { kind, call, queue: STORY_QUEUES.pick(mix(self.seed ^ call)), seconds });
    }

    /// A contact of which only the completion is reported.
    fn completion(&mut self, call: u64, at: Timestamp) {
        let talk = talk(mix(!call ^ self.seed));
        self.call(CallKind::Completed, call, at, Seconds { talk: Some(talk), hold: None, wrap_up: None });
    }

    /// A contact of which every step is reported.
    fn contact(&mut self, call: u64, at: Timestamp) {
        let random = mix(!call ^ self.seed);
        let (wait, talk) = (wait(random), talk(random));
        let wrap_up = Some((random >> 40) as u32 % 60_000);
        self.call(CallKind::Offered, call, at, Seconds::default());
        self.call(CallKind::Answered, call, at + wait, Seconds::default());
        let seconds = Seconds { talk: Some(talk), hold: None, wrap_up };
        self.call(CallKind::Completed, call, at + wait + Millis::from(talk), seconds);
    }

    fn abandonment(&mut self, call: u64, at: Timestamp) {
        let patience = (mix(call ^ self.seed) % 90_000) as Millis;
        self.call(CallKind::Offered, call, at, Seconds::default());
        self.call(CallKind::Abandoned, call, at + patience, Seconds::default());
    }

    /// Agents sign in for one of two shifts, and out after it; on the last morning all of them sign in before eight.
    fn shifts(&mut self, is_last: bool) {
        for agent in 0..AGENTS {
            let (first, site) = (agent.is_multiple_of(2), Some(SITES.pick(mix(agent))));
            let chance = |salt: u64| (mix(agent ^ salt) % (50 * MINUTE) as u64) as Millis;
            let begin = if first || is_last { 7 * HOUR } else { 13 * HOUR };
            let status = |status| Body::Agent { agent, site, status };
            self.add(self.midnight + begin + chance(self.seed), status(Status::Available));
            if !is_last {
                let end = begin + 8 * HOUR + chance(!self.seed);
                self.add(self.midnight + end, status(Status::SignedOut));
            }
        }
    }

    /// Milestones that followed the figures: the meeting's, then the hospitals'.
    fn following(&mut self) {
        for (order, (initiative, milestone, quantity)) in FOLLOWING.into_iter().enumerate() {
            for record in 0..RECORDS_OF_A_MILESTONE {
                let part =
                    quantity * (record + 1) / RECORDS_OF_A_MILESTONE - quantity * record / RECORDS_OF_A_MILESTONE;
                let at = self.midnight + 6 * HOUR + (5 + 15 * order as Millis + record as Millis) * MINUTE;
                self.milestone(at, initiative, milestone, part as u32);
            }
        }
    }

    fn milestone(&mut self, at: Timestamp, initiative: &'static str, milestone: &'static str, quantity: u32) {
        let quantity = Some(quantity);
        self.add(at, Body::Milestone { kind: MilestoneKind::Reached, initiative, milestone, quantity });
    }
}

/// Wait of a call: short mostly, at most 32 s.
fn wait(random: u64) -> Millis {
    let random = (random % 100) as Millis;
    random * random * 32 * SECOND / 9_801
}

/// Talk of a call in milliseconds: half a minute to eight.
fn talk(random: u64) -> u32 {
    30_000 + (random >> 16) as u32 % 450_000
}
