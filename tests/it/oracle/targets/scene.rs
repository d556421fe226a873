//! Random targets, and what they are seen in: a zone, times of cuts, bounds.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use pacemeter::calendar::{Period, Working};
use pacemeter::clock::Millis;
use pacemeter::ledger::{self, Ledger};
use pacemeter::record::Stream;
use pacemeter::targets::{Filter, Measure, Quantity, Target, Targets};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::{Core, NAMES, PROGRAMMES, QUEUES, oracle_rules, reader_with};

/// With and without changes of the clock in the weeks of the logs; two are no whole hours from UTC, one of these changes by half an hour.
const ZONES: [&str; 4] = ["America/Mexico_City", "America/Tijuana", "Australia/Lord_Howe", "Asia/Kathmandu"];
const TIMES: [&str; 5] = ["18:00", "12:30", "00:00", "23:45", "02:15"];
const STATES: [&str; 5] = ["MX-JAL", "MX-OAX", "MX-CMX", "unknown", "other"];

/// Three sets of targets in one zone.
#[derive(Debug, Clone)]
pub struct Scene {
    zone: &'static str,
    max_label_values: usize,
    pub targets: [Arc<Targets>; 3],
}

impl Scene {
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(self.zone).expect("a zone")
    }

    pub fn core(&self, targets: &Arc<Targets>, now: Millis) -> Core {
        let settings = [format!("programme.time_zone={:?}", self.zone), format!("state.max_label_values={}", self.max_label_values)];
        Core::showing(Arc::clone(targets), reader_with(&settings.each_ref().map(String::as_str)), now)
    }

    pub fn oracle(&self) -> Ledger {
        let max_label_values = self.max_label_values;
        Ledger::new(ledger::Rules { time_zone: self.zone.to_owned(), max_label_values, ..oracle_rules() })
    }
}

pub fn scene() -> impl Strategy<Value = Scene> {
    let bound = prop_oneof![3 => Just(4_096_usize), 1 => 1..4_usize];
    (select(&ZONES[..]), bound).prop_flat_map(|(zone, max_label_values)| {
        let sets = [targets(zone), targets(zone), targets(zone)];
        sets.prop_map(move |targets| Scene { zone, max_label_values, targets })
    })
}

fn targets(zone: &'static str) -> impl Strategy<Value = Arc<Targets>> {
    let times = subsequence(&TIMES[..], 0..=2);
    (prop::collection::vec(target(), 0..10), times).prop_map(move |(drafts, times)| {
        let calendar = Arc::new(Working::always(TimeZone::get(zone).expect("a zone")));
        let with_calendar = |(number, target): (usize, Draft)| target.finish(number, Arc::clone(&calendar));
        let targets = drafts.into_iter().enumerate().map(with_calendar).collect();
        let times: Vec<Time> = times.into_iter().map(|time| time.parse().expect("a time of day")).collect();
        Arc::new(Targets { targets, calendars: Vec::new(), cuts: (times, None) })
    })
}

/// A target without its calendar.
#[derive(Debug, Clone)]
struct Draft {
    measure: Measure,
    filter: Filter,
    period: Period,
    goal: u32,
}

fn target() -> impl Strategy<Value = Draft> {
    // What is told by people is the hardest.
    let measure = prop_oneof![1 => Just(Measure::Beneficiaries), 2 => select(&Measure::ALL[..]).prop_map(|(measure, _)| measure)];
    (measure, period(), 0..50_u32)
        .prop_flat_map(|(measure, period, goal)| filter(measure).prop_map(move |filter| Draft { measure, filter, period, goal }))
}

impl Draft {
    fn finish(self, number: usize, calendar: Arc<Working>) -> Target {
        let Draft { measure, filter, period, goal } = self;
        let quantity = match measure {
            Measure::NetPesos => Quantity::Centavos(i128::from(goal) * 1_000_001),
            Measure::ServiceLevel => Quantity::Ratio(f64::from(goal) / 50.0),
            _ => Quantity::Count(goal.into()),
        };
        Target {
            name: format!("target-{number}"),
            description: String::new(),
            measure,
            filter,
            period,
            goals: vec![(Date::MIN, quantity), ("2022-04-01".parse().expect("a date"), quantity.times(2.0))],
            calendar,
            profile: None,
            prorate: false,
            tolerance: 0.02,
            pesos_each: goal.is_multiple_of(2).then_some(2_500_000),
        }
    }
}

fn period() -> impl Strategy<Value = Period> {
    let weekday = (1..=7_i8).prop_map(|day| Weekday::from_monday_one_offset(day).expect("a weekday"));
    let campaign = (-30..60_i64, 0..30_i64).prop_map(|(from, days)| {
        let from = jiff::civil::date(2022, 3, 28).checked_add(from.days()).expect("a date");
        Period::Campaign(from, from.checked_add(days.days()).expect("a date"))
    });
    prop_oneof![Just(Period::Day), weekday.prop_map(Period::Week), Just(Period::Month), campaign]
}

fn filter(measure: Measure) -> BoxedStrategy<Filter> {
    match measure.stream() {
        Stream::Disbursement => {
            let filter = |(programmes, states)| Filter { programmes, states, ..Filter::default() };
            (list(&PROGRAMMES), list(&STATES)).prop_map(filter).boxed()
        }
        Stream::Call => list(&QUEUES).prop_map(|queues| Filter { queues, ..Filter::default() }).boxed(),
        Stream::Milestone => {
            let filter = |(initiatives, milestones)| Filter { initiatives, milestones, ..Filter::default() };
            (list(&NAMES), list(&NAMES)).prop_map(filter).boxed()
        }
    }
}

/// Often none, else some of the values, and perhaps what is kept of others, or a value that never comes.
fn list(values: &[&'static str]) -> impl Strategy<Value = Vec<String>> + use<> {
    let values: Vec<&str> = values.iter().copied().chain(["other", "nowhere to be found"]).collect();
    let most = values.len();
    let some = subsequence(values, 1..=most).prop_map(|some| some.into_iter().map(str::to_owned).collect());
    prop_oneof![2 => Just(Vec::new()), 3 => some]
}
