//! Ledger of the demo: every figure that must be shown, from the meanings of all sent records.
//!
//! The oracle keeps all records. The story of 2020 has too many calls for that, and none of them goes beyond its day. So
//! a ledger by days gives each day's calls to an oracle of their own, and adds up the figures of all days.

use std::collections::BTreeMap;

use crate::clock::{DAY, Timestamp};
use crate::event::CallKind;
use crate::oracle::{Oracle, OracleRules, SentBody, SentRecord, SeriesValues};
use crate::record::Stream;
use crate::simulate::{Emission, story};
use crate::targets::{Measure, Target, Targets};

/// Families of calls that describe an instant: those of a day that has passed are not added.
const GAUGES: [&str; 3] = ["pacemeter_calls_waiting", "pacemeter_agents", "pacemeter_watermark_timestamp_seconds"];

/// Families of a target that are derived from its count.
const DERIVED: [&str; 8] = [
    "shortfall",
    "shortfall_pesos",
    "projection",
    "pace_ratio",
    "required_per_open_hour",
    "achieved_per_open_hour",
    "previous_goal",
    "previous_actual",
];

pub(super) struct DemoLedger {
    oracle: Oracle,
    /// `None` if the oracle has the calls, too.
    calls: Option<CallLedger>,
}

impl DemoLedger {
    /// An oracle of all records.
    pub(super) fn whole(rules: OracleRules) -> Self {
        Self { oracle: Oracle::new(rules), calls: None }
    }

    /// Calls by days of the story, and an oracle of all other records.
    pub(super) fn by_days(rules: OracleRules) -> Self {
        let calls = Some(CallLedger::new(rules.clone()));
        Self { oracle: Oracle::new(rules), calls }
    }

    pub(super) fn record(&mut self, emission: Emission) {
        match &mut self.calls {
            Some(calls) if emission.stream == Stream::Call => calls.record(emission),
            _ => self.oracle.record(emission.stream, emission.partition, emission.sent),
        }
    }

    /// Number of records kept in memory.
    pub(super) fn kept(&self) -> usize {
        self.oracle.len()
    }

    /// Number of all records.
    pub(super) fn len(&self) -> usize {
        self.oracle.len() + self.calls.as_ref().map_or(0, |calls| calls.records)
    }

    /// Every business series at `now`, with those of targets, where periods were last closed at `closed`.
    pub(super) fn figures(&self, targets: &Targets, now: Timestamp, closed: Option<Timestamp>) -> SeriesValues {
        let of_targets = || self.oracle.target_figures(targets, now, closed);
        // Either takes seconds for a million records.
        let (mut figures, of_targets) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("targets".into()).spawn_scoped(scope, of_targets);
            let figures = self.oracle.figures(now);
            let of_targets = match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => of_targets(),
            };
            (figures, of_targets)
        });
        figures.0.extend(of_targets.0);
        if let Some(calls) = &self.calls {
            add(&mut figures.0, calls.figures(now).0);
            self.leave_out(&mut figures, targets);
            for target in targets_of_calls(targets).filter(|target| target.measure == Measure::CallsCompleted) {
                let series = format!("pacemeter_target_actual{{target=\"{}\"}}", target.name);
                figures.0.insert(series, i128::from(calls.completed) * 1_000);
            }
        }
        figures
    }

    /// Removes the series that this ledger does not know and returns their number: what is derived from counts of calls.
    pub(super) fn leave_out(&self, figures: &mut SeriesValues, targets: &Targets) -> usize {
        if self.calls.is_none() {
            return 0;
        }
        let derived = targets_of_calls(targets).flat_map(|target| {
            DERIVED.map(|family| format!("pacemeter_target_{family}{{target=\"{}\"}}", target.name))
        });
        derived.filter(|series| figures.0.remove(series).is_some()).count()
    }
}

fn targets_of_calls(targets: &Targets) -> impl Iterator<Item = &Target> {
    targets.targets.iter().filter(|target| target.measure.stream() == Stream::Call)
}

/// Figures of calls, day by day.
struct CallLedger {
    rules: OracleRules,
    /// End of the day in progress.
    day_end: Timestamp,
    /// Calls of that day.
    day: Oracle,
    /// Sums of the days before, without gauges.
    before: BTreeMap<String, i128>,
    records: usize,
    completed: u64,
}

impl CallLedger {
    fn new(rules: OracleRules) -> Self {
        let day = Oracle::new(rules.clone());
        Self { rules, day_end: Timestamp::MIN, day, before: BTreeMap::new(), records: 0, completed: 0 }
    }

    fn record(&mut self, emission: Emission) {
        if emission.timestamp >= self.day_end {
            let day = std::mem::replace(&mut self.day, Oracle::new(self.rules.clone()));
            if !day.is_empty() {
                let figures = day.figures(self.day_end).0.into_iter();
                add(
                    &mut self.before,
                    figures.filter(|(series, _)| !GAUGES.iter().any(|family| series.starts_with(family))),
                );
            }
            self.day_end = story::day_start(emission.timestamp) + DAY;
        }
        if let SentRecord::Event(event) = &emission.sent
            && let SentBody::Call(call) = &event.body
        {
            self.completed += u64::from(call.kind == CallKind::Completed);
        }
        self.records += 1;
        self.day.record(emission.stream, emission.partition, emission.sent);
    }

    fn figures(&self, now: Timestamp) -> SeriesValues {
        let mut figures = self.day.figures(now);
        add(&mut figures.0, self.before.clone());
        figures
    }
}

/// Adds figures to those of the same series.
fn add(sums: &mut BTreeMap<String, i128>, figures: impl IntoIterator<Item = (String, i128)>) {
    for (series, value) in figures {
        *sums.entry(series).or_default() += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::PartitionCounts;
    use crate::simulate::story::StoryProgramme;

    /// The last days have every kind of record.
    #[test]
    fn days_of_calls_add_up_to_what_one_oracle_finds() {
        let rules = OracleRules::default();
        let (mut by_days, mut whole) = (DemoLedger::by_days(rules.clone()), DemoLedger::whole(rules));
        let mut programme = StoryProgramme::from_day(3, PartitionCounts::each(8), story::END - 2 * DAY);
        for emission in programme.advance_to(story::END) {
            if emission.partition == 0 {
                by_days.record(emission.clone());
                whole.record(emission);
            }
        }
        let none = Targets::default();
        assert_eq!(by_days.len(), whole.len());
        assert!(by_days.kept() < whole.kept());
        let (expected, actual) = (whole.figures(&none, story::END, None), by_days.figures(&none, story::END, None));
        assert_eq!(expected.differences(&actual), Vec::new());
        let agents = expected.0.iter().filter(|(series, _)| series.starts_with("pacemeter_agents{"));
        assert!(agents.map(|(_, count)| count).sum::<i128>() > 100_000);
    }
}
