//! Events of note from before the start, as the stored cuts tell of them.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use tracing::Level;

use crate::clock::Timestamp;
use crate::cuts::{CutStanding, CutStore, SealKind, cut_id};
use crate::targets::Quantity;
use crate::telemetry::events::{EventRing, MAX_EVENTS};
use crate::view::closed_periods::{ClosedPeriod, ClosedPeriods};

/// Adds cuts, periods that closed with them, and corrections, under the instant of the cut.
pub(super) fn recall(events: &EventRing, cuts: &CutStore, closed_periods: &ClosedPeriods, zone: &TimeZone) {
    let unusual = cuts.unusual();
    let mut instants: Vec<Timestamp> = closed_periods.cuts().rev().take(MAX_EVENTS).collect();
    instants.reverse();
    let Some(&oldest) = instants.first() else { return };
    for at in instants {
        let CutStanding { seal, is_provisional, .. } = unusual.get(&cut_id(at)).copied().unwrap_or_default();
        let fields = json!({
            "cut": cut_id(at),
            "at": at.to_jiff().to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "provisional": is_provisional,
            "retaken": seal == SealKind::Retaken,
        });
        events.recall(at, Level::INFO, "pacemeter.cut.taken", object(fields));
    }
    let is_recent = |(_, period): &(&str, &ClosedPeriod)| period.end_ms >= oldest;
    for (target, period) in closed_periods.iter().filter(is_recent) {
        let fields = json!({
            "target_name": target,
            "period": period.period,
            "goal": period.goal.value(),
            "actual": period.actual.map(Quantity::value),
            "cut": period.cut,
        });
        events.recall(period.end_ms, Level::INFO, "pacemeter.period.closed", object(fields));
        recall_corrections(events, target, period);
    }
}

fn recall_corrections(events: &EventRing, target: &str, period: &ClosedPeriod) {
    for (cut, after) in &period.corrections {
        let Some(at) = crate::cuts::instant_of(cut) else { continue };
        let (before, after) = (period.known_before(cut).map(Quantity::value), after.map(Quantity::value));
        let fields = json!({
            "target_name": target,
            "period": period.period,
            "before": before,
            "after": after,
            "difference": before.zip(after).map(|(before, after)| after - before),
            "cut": cut,
        });
        events.recall(at, Level::INFO, "pacemeter.period.corrected", object(fields));
    }
}

/// Fields that have a value, as in the log.
fn object(fields: Value) -> Map<String, Value> {
    let Value::Object(fields) = fields else { return Map::new() };
    fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
}
