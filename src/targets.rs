//! Targets: goals for a measure in a period, and their pace.
//!
//! A [`Target`] is a measure of the selected events in a [`Period`], a goal and a working calendar. `aggregate` counts
//! what was reached ([`Tally`]); [`pace`] computes the figures of an instant from it, without a clock. The formulas and
//! their sources are in docs/targets.md, the rules in spec/figures.md#targets. Nothing of targets is in state: changing
//! them needs no rebuild.

pub mod headline;
pub mod held_status;
mod index;
pub mod overdispersion;
pub mod pace;
pub mod plan;
pub mod probability;
mod quantity;
pub mod read;
pub mod sentence;
pub mod status;

pub use self::index::{StreamTargetIndex, TargetIndex};
pub use self::quantity::Quantity;
use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::calendar::{CutTimes, Interval, Period, WorkingCalendar};
use crate::clock::Timestamp;
use crate::event::Centavos;
use crate::record::Stream;
use crate::settings::BilingualText;

/// Name of the calendar by which weeks of payments are compared.
const PAYMENTS: &str = "payments";

/// All targets and calendars of one reading of their files.
#[derive(Debug, Default)]
pub struct Targets {
    /// Targets in the order of their files; [`TargetIndex`] points into it.
    pub targets: Vec<Target>,
    /// Calendars, the built-in one that is always open first.
    pub calendars: Vec<Arc<WorkingCalendar>>,
    /// Times of day of cuts besides midnight, and the calendar on whose working days they apply; `None` for every day.
    pub cuts: (Vec<Time>, Option<Arc<WorkingCalendar>>),
}

impl Targets {
    /// Instants of cuts in a zone.
    pub fn cut_times(&self, zone: &TimeZone) -> CutTimes {
        let (times, calendar) = &self.cuts;
        CutTimes::new(zone.clone(), times.clone(), calendar.clone())
    }

    /// Calendar of payments: the one named `payments`, or the one that is always open.
    pub fn payments_calendar(&self) -> Option<&Arc<WorkingCalendar>> {
        let is_payments = |calendar: &&Arc<WorkingCalendar>| calendar.name() == PAYMENTS;
        self.calendars.iter().find(is_payments).or(self.calendars.first())
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

/// A goal for a measure in a period.
#[derive(Debug)]
pub struct Target {
    /// Unique name, the value of the label `target`.
    pub name: String,
    /// Description in its file; empty without one.
    pub description: String,
    /// Title as people read it; `None` if the name is to be shown.
    pub title: Option<BilingualText>,
    /// Group under which pages list the target.
    pub group: Option<String>,
    /// Measure that the goal is set for.
    pub measure: Measure,
    /// Selection of the events that count.
    pub filter: Filter,
    /// Kind of period; each has a goal of its own.
    pub period: Period,
    /// Goals by date, ascending and never empty; each applies to periods whose first day is its date or later.
    pub goals: Vec<(Date, Quantity)>,
    /// Calendar that spreads the plan over the period.
    pub calendar: Arc<WorkingCalendar>,
    /// Share of a day's plan by hour of the day; `None` for equal shares.
    pub profile: Option<[f64; 24]>,
    /// True if holidays reduce the goal of their period in proportion.
    pub prorate: bool,
    /// Distance below the goal at which a ratio is still on pace.
    pub tolerance: f64,
    /// Worth of one counted event, to express a shortfall in pesos. Centavos.
    pub pesos_each: Option<Centavos>,
}

impl Target {
    /// Title as people read it, or the name.
    pub fn shown_title(&self) -> BilingualText {
        self.title.clone().unwrap_or_else(|| BilingualText::same(&self.name))
    }

    /// Hash of measure, filter and period. Figures with equal hashes are comparable.
    pub fn selection(&self) -> u64 {
        selection(self.measure, self.period, &self.filter)
    }

    /// Goal in force on the first day of a period. Before the first date the first goal applies.
    ///
    /// # Panics
    ///
    /// Panics if the target has no goal.
    pub fn goal(&self, period: Interval, zone: &TimeZone) -> Quantity {
        let first_day = period.start.to_jiff().to_zoned(zone.clone()).date();
        let in_force = self.goals.iter().rev().find(|(from, _)| *from <= first_day);
        in_force.or(self.goals.first()).expect("a target has a goal").1
    }
}

/// Hash of a measure, a period and a filter, by which targets are compared; see [`Target::selection`].
pub fn selection(measure: Measure, period: Period, filter: &Filter) -> u64 {
    let Filter { programmes, states, queues, initiatives, milestones } = filter;
    let lists = [programmes, states, queues, initiatives, milestones].map(|list| {
        let mut sorted = list.clone();
        sorted.sort_unstable();
        sorted
    });
    xxhash_rust::xxh3::xxh3_64(format!("{} {:?} {lists:?}", measure.name(), period).as_bytes())
}

/// Count, sum or ratio that a target is set for (docs/targets.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Distinct people with at least one selected dispersal that is not fully returned.
    Beneficiaries,
    /// Number of dispersals, returned ones included.
    Dispersals,
    /// Amount of dispersals less returns, in centavos.
    NetPesos,
    /// Number of approvals of supports.
    Approvals,
    /// Number of applications for supports.
    Applications,
    /// Number of calls offered.
    CallsOffered,
    /// Number of calls answered.
    CallsAnswered,
    /// Number of calls completed.
    CallsCompleted,
    /// Answered within target / (answered + abandoned - short abandons).
    ServiceLevel,
    /// Quantities reported as reached, less withdrawn ones.
    Milestones,
}

impl Measure {
    /// Every measure with its name in files and metrics.
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

    /// Stream whose events are counted.
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

    /// Instant from which the measure is completely known: `people_from` if it depends on single dispersals, else
    /// `counts_from`.
    pub fn known_from(self, people_from: Timestamp, counts_from: Timestamp) -> Timestamp {
        match self {
            Measure::Beneficiaries | Measure::Dispersals | Measure::NetPesos => people_from,
            _ => counts_from,
        }
    }

    /// Name in files and metrics.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(measure, _)| *measure == self).map_or("", |(_, name)| name)
    }

    /// Amount of a tally in its unit; `None` for a ratio without a denominator.
    pub fn quantity(self, tally: Tally) -> Option<Quantity> {
        match self {
            Measure::NetPesos => Some(Quantity::Centavos(tally.amount)),
            Measure::ServiceLevel => {
                (tally.base > 0).then_some(Quantity::Fraction { numerator: tally.amount, denominator: tally.base })
            }
            _ => Some(Quantity::Count(tally.amount)),
        }
    }
}

/// Selects events whose labels, as given in the event, are in each list that is not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Programmes of disbursements.
    pub programmes: Vec<String>,
    /// Federal states of disbursements: codes of ISO 3166-2:MX, `unknown` or `other`.
    pub states: Vec<String>,
    /// Queues of calls.
    pub queues: Vec<String>,
    /// Initiatives of milestones.
    pub initiatives: Vec<String>,
    /// Names of milestones.
    pub milestones: Vec<String>,
}

/// Counts of a target in a span of time. Adds up over partitions and spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// People, dispersals, centavos, calls, quantities; of a service level the calls answered within target.
    pub amount: i128,
    /// Denominator of a service level: answered + abandoned - short abandons. For net pesos the dispersals not fully
    /// returned; for people and dispersals the centavos that are left of these. Else 0.
    pub base: i128,
}

impl std::ops::AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, more: &Tally) {
        self.amount += more.amount;
        self.base += more.base;
    }
}
