//! Random targets in a random setting: time zone, times of cuts, bounds.

use std::sync::{Arc, LazyLock};

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use pacemeter::calendar::{self, Period, WorkingCalendar};
use pacemeter::clock::{DAY, Millis, Timestamp};
use pacemeter::oracle::{self, Oracle};
use pacemeter::record::Stream;
use pacemeter::settings::Document;
use pacemeter::targets::{Filter, Measure, Quantity, Target, Targets};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::{Core, NAMES, PROGRAMMES, QUEUES, oracle_rules, reader_with};

/// With and without changes of the clock in the weeks of the logs; two are no whole hours from UTC, one of these
/// changes by half an hour.
const ZONES: [&str; 4] = ["America/Mexico_City", "America/Tijuana", "Australia/Lord_Howe", "Asia/Kathmandu"];
const TIMES: [&str; 5] = ["18:00", "12:30", "00:00", "23:45", "02:15"];
const STATES: [&str; 5] = ["MX-JAL", "MX-OAX", "MX-CMX", "unknown", "other"];

/// Three sets of targets in one zone.
#[derive(Debug, Clone)]
pub struct Scene {
    zone: &'static str,
    max_label_values: usize,
    /// Days that counts are kept.
    history: u16,
    pub targets: [Arc<Targets>; 3],
}

impl Scene {
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(self.zone).expect("a zone")
    }

    pub fn core(&self, targets: &Arc<Targets>, now: Timestamp) -> Core {
        let settings = [
            format!("programme.time_zone={:?}", self.zone),
            format!("state.max_label_values={}", self.max_label_values),
            format!("state.max_milestones={}", self.max_milestones()),
        ];
        let histories = ["fine", "coarse"].map(|which| format!("state.{which}_history={}d", self.history));
        let settings: Vec<&str> = settings.iter().chain(&histories).map(String::as_str).collect();
        Core::showing(Arc::clone(targets), reader_with(&settings), now)
    }

    /// More than one label value each, and less than all their pairs.
    fn max_milestones(&self) -> usize {
        self.max_label_values + 1
    }

    pub fn history(&self) -> Millis {
        Millis::from(self.history) * DAY
    }

    pub fn oracle(&self) -> Oracle {
        let (time_zone, max_label_values) = (self.zone.to_owned(), self.max_label_values);
        let (max_milestones, history) = (self.max_milestones(), self.history());
        Oracle::new(oracle::OracleRules { time_zone, max_label_values, max_milestones, history, ..oracle_rules() })
    }
}

pub fn scene() -> impl Strategy<Value = Scene> {
    let bound = prop_oneof![3 => Just(4_096_usize), 1 => 1..4_usize];
    let history = prop_oneof![3 => Just(92_u16), 1 => 20..40_u16];
    (0..ZONES.len(), bound, history).prop_flat_map(|(zone, max_label_values, history)| {
        let sets = [targets(zone), targets(zone), targets(zone)];
        sets.prop_map(move |targets| Scene { zone: ZONES[zone], max_label_values, history, targets })
    })
}

/// One target, of people by the day.
pub fn people_by_day() -> Scene {
    let (measure, period, filter) = (Measure::Beneficiaries, Period::Day, Filter::default());
    let draft = Draft { measure, filter, period, goal: 1, profile: None };
    let targets = vec![draft.finish(0, Arc::clone(&CALENDARS[0][0]))];
    let targets = Arc::new(Targets { targets, ..Targets::default() });
    Scene {
        zone: ZONES[0],
        max_label_values: 4_096,
        history: 92,
        targets: std::array::from_fn(|_| Arc::clone(&targets)),
    }
}

/// One target, of people by the week in a zone, planned for all hours alike.
pub fn people_by_week(zone: &'static str) -> Scene {
    let (measure, period, filter) = (Measure::Beneficiaries, Period::WEEK, Filter::default());
    let draft = Draft { measure, filter, period, goal: 49, profile: None };
    let calendar = WorkingCalendar::always(TimeZone::get(zone).expect("a zone"));
    let targets = Arc::new(Targets { targets: vec![draft.finish(0, Arc::new(calendar))], ..Targets::default() });
    Scene { zone, max_label_values: 4_096, history: 92, targets: std::array::from_fn(|_| Arc::clone(&targets)) }
}

/// Random calendars of each zone. A calendar is laid out over a hundred years, so they are made once.
static CALENDARS: LazyLock<Vec<Vec<Arc<WorkingCalendar>>>> = LazyLock::new(|| {
    let mut runner = TestRunner::deterministic();
    let mut text = |number: usize| {
        let drawn = calendar_text().new_tree(&mut runner).expect("a calendar").current();
        drawn.replace("NAME", &format!("random-{number}"))
    };
    let mut of_zone = |zone: &&str| {
        let text: String = (0..6).map(&mut text).collect();
        let document = Document::parse("calendars.toml", &text);
        let calendars = calendar::read(std::slice::from_ref(&document), &TimeZone::get(zone).expect("a zone"));
        assert!(document.faults().is_empty(), "{text}");
        calendars
    };
    ZONES.iter().map(&mut of_zone).collect()
});

/// Some hours and weights, and some holidays in the months of the logs.
fn calendar_text() -> impl Strategy<Value = String> {
    const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let hours = select(&["00:00-24:00", "09:00-18:00", "10:15-12:45", "21:30-24:00"][..]);
    let days = prop::collection::vec((prop::bool::weighted(0.7), hours, 0..4_u8), 7);
    let holidays = prop::collection::btree_set((3..8_u8, 1..29_u8), 0..40);
    (days, holidays).prop_map(|(days, holidays)| {
        let open = || WEEKDAYS.iter().zip(&days).filter(|(_, (is_open, ..))| *is_open);
        let hours: String = open().map(|(weekday, (_, hours, _))| format!("{weekday} = [{hours:?}]\n")).collect();
        let weights: String = open().map(|(weekday, (.., weight))| format!("{weekday} = {weight}\n")).collect();
        let dates: String = holidays.iter().map(|(month, day)| format!("2022-{month:02}-{day:02},")).collect();
        format!("[calendar.NAME.hours]\n{hours}[calendar.NAME.weights]\n{weights}[[calendar.NAME.list]]\nyear = 2022\ndates = [{dates}]\n")
    })
}

fn targets(zone: usize) -> impl Strategy<Value = Arc<Targets>> {
    let calendar = || select(&CALENDARS[zone][..]);
    let cuts = (subsequence(&TIMES[..], 0..=2), prop::option::of(calendar()));
    (prop::collection::vec((target(), calendar()), 0..10), cuts).prop_map(move |(drafts, (times, days))| {
        let finish = |(number, (draft, calendar)): (usize, (Draft, _))| draft.finish(number, calendar);
        let targets = drafts.into_iter().enumerate().map(finish).collect();
        let times: Vec<Time> = times.into_iter().map(|time| time.parse().expect("a time of day")).collect();
        Arc::new(Targets { targets, calendars: CALENDARS[zone].clone(), cuts: (times, days) })
    })
}

/// A target without its calendar.
#[derive(Debug, Clone)]
struct Draft {
    measure: Measure,
    filter: Filter,
    period: Period,
    goal: u32,
    profile: Option<[u8; 24]>,
}

fn target() -> impl Strategy<Value = Draft> {
    // Measures of distinct people are the hardest.
    let measure =
        prop_oneof![1 => Just(Measure::Beneficiaries), 2 => select(&Measure::ALL[..]).prop_map(|(measure, _)| measure)];
    (measure, period(), 0..50_u32, prop::option::of(any::<[u8; 24]>())).prop_flat_map(
        |(measure, period, goal, profile)| {
            filter(measure).prop_map(move |filter| Draft { measure, filter, period, goal, profile })
        },
    )
}

impl Draft {
    fn finish(self, number: usize, calendar: Arc<WorkingCalendar>) -> Target {
        let Draft { measure, filter, period, goal, profile } = self;
        let quantity = match measure {
            Measure::NetPesos => Quantity::Centavos(i128::from(goal) * 1_000_001),
            Measure::ServiceLevel => Quantity::Ratio(f64::from(goal) / 50.0),
            _ => Quantity::Count(goal.into()),
        };
        Target {
            name: format!("target-{number}"),
            description: String::new(),
            title: None,
            group: None,
            measure,
            filter,
            period,
            goals: vec![(Date::MIN, quantity), ("2022-04-01".parse().expect("a date"), quantity.times(2.0))],
            calendar,
            profile: profile.map(|shares| shares.map(f64::from)),
            prorate: goal.is_multiple_of(3),
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
