//! Targets: what is to be reached in a period, and how far that is on its plan.
//!
//! A [`Target`] is a measure of the selected events in a [`Period`], a goal and a working calendar. What was reached is counted elsewhere
//! ([`Tally`]); here is what follows from it at an instant ([`pace`]): pure functions, without a clock.

mod index;
pub mod overdispersion;
pub mod pace;
pub mod plan;
pub mod probability;
mod quantity;
pub mod read;

pub use self::index::{StreamTargetIndex, TargetIndex};
pub use self::quantity::Quantity;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::calendar::{CutTimes, Interval, Period, WorkingCalendar};
use crate::clock::Millis;
use crate::event::Centavos;
use crate::record::Stream;

/// All targets and calendars, of one reading of their files.
#[derive(Debug, Default)]
pub struct Targets {
    pub targets: Vec<Target>,
    pub calendars: Vec<Arc<WorkingCalendar>>,
    /// At which times of the day cuts are taken, beside each midnight; and on the working days of which calendar, if not on all days.
    pub cuts: (Vec<Time>, Option<Arc<WorkingCalendar>>),
}

impl Targets {
    /// When cuts are taken.
    pub fn cut_times(&self, zone: &TimeZone) -> CutTimes {
        let (times, calendar) = &self.cuts;
        CutTimes::new(zone.clone(), times.clone(), calendar.clone())
    }

    /// Targets that count events of a stream, with their positions among these.
    pub fn of_stream(&self, stream: Stream) -> impl Iterator<Item = (StreamTargetIndex, &Target)> {
        let of_stream = self.targets.iter().filter(move |target| target.measure.stream() == stream);
        of_stream.enumerate().map(|(index, target)| (StreamTargetIndex::new(index), target))
    }
}

impl std::ops::Index<TargetIndex> for Targets {
    type Output = Target;

    fn index(&self, target: TargetIndex) -> &Target {
        &self.targets[target.index()]
    }
}

/// What is to be reached.
#[derive(Debug)]
pub struct Target {
    /// Unique; the value of the label `target`.
    pub name: String,
    pub description: String,
    pub measure: Measure,
    pub filter: Filter,
    pub period: Period,
    /// Each for the periods whose first day is its date or a later one; in the order of the dates, and never empty.
    pub goals: Vec<(Date, Quantity)>,
    pub calendar: Arc<WorkingCalendar>,
    /// By hour of the day: what share of a day's plan falls to it. All equal if there is none.
    pub profile: Option<[f64; 24]>,
    /// A period with holidays has as much less of a goal.
    pub prorate: bool,
    /// Of a ratio: how far below the goal is still on pace.
    pub tolerance: f64,
    /// What one of the counted is worth, for telling a shortfall in pesos.
    pub pesos_each: Option<Centavos>,
}

impl Target {
    /// Tells what is counted in which periods: where it is the same, figures may be compared.
    pub fn selection(&self) -> u64 {
        let Filter { programmes, states, queues, initiatives, milestones } = &self.filter;
        let lists = [programmes, states, queues, initiatives, milestones].map(|list| {
            let mut sorted = list.clone();
            sorted.sort_unstable();
            sorted
        });
        xxhash_rust::xxh3::xxh3_64(format!("{} {:?} {lists:?}", self.measure.name(), self.period).as_bytes())
    }

    /// The goal that holds on the first day of a period; before the first date it is the first, since a target reads as if it had always been there.
    ///
    /// # Panics
    ///
    /// If the target has no goal.
    pub fn goal(&self, period: Interval, zone: &TimeZone) -> Quantity {
        let first_day =
            Timestamp::from_millisecond(period.start).unwrap_or(Timestamp::MAX).to_zoned(zone.clone()).date();
        let in_force = self.goals.iter().rev().find(|(from, _)| *from <= first_day);
        in_force.or(self.goals.first()).expect("a target has a goal").1
    }
}

/// What is counted, summed, or a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Distinct people of whose selected dispersals something is left.
    Beneficiaries,
    Dispersals,
    /// What is left of dispersals.
    NetPesos,
    Approvals,
    Applications,
    CallsOffered,
    CallsAnswered,
    CallsCompleted,
    /// Answered within target / (answered + abandoned - short abandons).
    ServiceLevel,
    /// Quantities reached less withdrawn.
    Milestones,
}

impl Measure {
    /// By the name that files and metrics use.
    pub const ALL: [(Measure, &'static str); 10] = [
        (Measure::Beneficiaries, "beneficiaries"),
        (Measure::Dispersals, "dispersals"),
        (Measure::NetPesos, "net_pesos"),
        (Measure::Approvals, "approvals"),
        (Measure::Applications, "applications"),
        (Measure::CallsOffered, "calls_offered"),
        (Measure::CallsAnswered, "calls_answered"),
        (Measure::CallsCompleted, "calls_completed"),
        (Measure::ServiceLevel, "service_level"),
        (Measure::Milestones, "milestones"),
    ];

    pub fn stream(self) -> Stream {
        match self {
            Measure::Beneficiaries
            | Measure::Dispersals
            | Measure::NetPesos
            | Measure::Approvals
            | Measure::Applications => Stream::Disbursement,
            Measure::CallsOffered | Measure::CallsAnswered | Measure::CallsCompleted | Measure::ServiceLevel => {
                Stream::Call
            }
            Measure::Milestones => Stream::Milestone,
        }
    }

    /// From when on all of it is known where what depends on single dispersals is from `people_from` on, and what is only counted from
    /// `counts_from` on.
    pub fn known_from(self, people_from: Millis, counts_from: Millis) -> Millis {
        match self {
            Measure::Beneficiaries | Measure::Dispersals | Measure::NetPesos => people_from,
            _ => counts_from,
        }
    }

    /// As files and metrics name it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(measure, _)| *measure == self).map_or("", |(_, name)| name)
    }

    /// What a tally amounts to; none for a ratio of nothing.
    pub fn quantity(self, tally: Tally) -> Option<Quantity> {
        match self {
            Measure::NetPesos => Some(Quantity::Centavos(tally.amount)),
            Measure::ServiceLevel => (tally.base > 0).then(|| Quantity::Ratio(tally.amount as f64 / tally.base as f64)),
            _ => Some(Quantity::Count(tally.amount)),
        }
    }
}

/// Which events count: those whose labels, as given in the event, are in each list that is not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub programmes: Vec<String>,
    /// Codes of ISO 3166-2:MX, `unknown` or `other`.
    pub states: Vec<String>,
    pub queues: Vec<String>,
    pub initiatives: Vec<String>,
    pub milestones: Vec<String>,
}

/// What is known of a target in a span of time. Adds up over partitions and times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// People, dispersals, centavos, calls, quantities; of a service level the calls answered within target.
    pub amount: i128,
    /// Of net pesos the dispersals of which something is left; of a service level answered + abandoned - short abandons; else 0.
    pub base: i128,
}

impl std::ops::AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, more: &Tally) {
        self.amount += more.amount;
        self.base += more.base;
    }
}
