//! Targets: what is to be reached in a period, and how far that is on its plan.
//!
//! A [`Target`] is a measure of the selected events in a [`Period`], a goal and a working calendar. What was reached is counted elsewhere
//! ([`Tally`]); here is what follows from it at an instant ([`pace`]): pure functions, without a clock.

pub mod dispersion;
pub mod pace;
pub mod plan;
pub mod probability;
pub mod read;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::calendar::{Interval, Period, Working};
use crate::event::Centavos;
use crate::record::Stream;

/// All targets and calendars, of one reading of their files.
#[derive(Debug, Default)]
pub struct Targets {
    pub targets: Vec<Target>,
    pub calendars: Vec<Arc<Working>>,
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
    pub calendar: Arc<Working>,
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
    /// The goal that holds on the first day of a period; before the first date it is the first, since a target reads as if it had always been there.
    ///
    /// # Panics
    ///
    /// If the target has no goal.
    pub fn goal(&self, period: Interval, zone: &TimeZone) -> Quantity {
        let first_day = Timestamp::from_millisecond(period.start).unwrap_or(Timestamp::MAX).to_zoned(zone.clone()).date();
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

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(measure, _)| *measure == self).expect("all are listed").1
    }

    pub fn stream(self) -> Stream {
        match self {
            Measure::Beneficiaries | Measure::Dispersals | Measure::NetPesos | Measure::Approvals | Measure::Applications => {
                Stream::Disbursement
            }
            Measure::CallsOffered | Measure::CallsAnswered | Measure::CallsCompleted | Measure::ServiceLevel => Stream::Call,
            Measure::Milestones => Stream::Milestone,
        }
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

/// An amount of a measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    Count(i128),
    Centavos(i128),
    Ratio(f64),
}

impl Quantity {
    /// A part of it, to the nearest whole person or centavo; a ratio stays as it is.
    pub fn times(self, part: f64) -> Self {
        let scaled = |amount: i128| (amount as f64 * part).round() as i128;
        match self {
            Quantity::Count(count) => Quantity::Count(scaled(count)),
            Quantity::Centavos(centavos) => Quantity::Centavos(scaled(centavos)),
            Quantity::Ratio(ratio) => Quantity::Ratio(ratio),
        }
    }

    /// In the unit that is shown: people, pesos, calls, a ratio.
    pub fn value(self) -> f64 {
        match self {
            Quantity::Count(count) => count as f64,
            Quantity::Centavos(centavos) => centavos as f64 / 100.0,
            Quantity::Ratio(ratio) => ratio,
        }
    }
}
