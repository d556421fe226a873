//! Goals with their dates, and exact amounts of money.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::event::{Centavos, MAX_AMOUNT};
use crate::settings::DocumentTable;
use crate::targets::{Measure, Period, Quantity};

/// Maximum goal of a count, and of money in pesos.
const MAX_GOAL: u64 = 1_000_000_000_000;

/// Maximum worth of one event in pesos: the maximum amount of an event.
pub(super) const MAX_PESOS_EACH: f64 = MAX_AMOUNT as f64 / 100.0;

/// Reads the goals, ascending by date: a single one for all time, or a list. `None` after a fault.
pub(super) fn read(
    table: &DocumentTable<'_>,
    measure: Measure,
    period: Option<Period>,
) -> Option<Vec<(Date, Quantity)>> {
    if !table.is_list("goal") {
        return quantity(table, "goal", measure).map(|goal| vec![(Date::MIN, goal)]);
    }
    let mut dates = BTreeSet::new();
    let mut goals: Vec<(Date, Quantity)> = Vec::new();
    for goal in table.tables("goal", &["from", "value"]) {
        goal.requires(&["from", "value"]);
        let (from, value) = (goal.date("from"), quantity(&goal, "value", measure));
        let (Some(from), Some(value)) = (from, value) else { continue };
        if !dates.insert(from) {
            goal.fault("from", format!("there is a goal from {from} already; join the two"));
        }
        if let Some(Period::Campaign(first_day, _)) = period
            && from > first_day
        {
            goal.fault(
                "from",
                format!("a campaign has the goal of its first day, {first_day}, so this one would never apply"),
            );
        }
        goals.push((from, value));
    }
    if dates.is_empty() {
        table.fault("goal", "has no goal; write goal = NUMBER, or [[target.NAME.goal]] with from and value");
    }
    goals.sort_by_key(|(from, _)| *from);
    (!goals.is_empty()).then_some(goals)
}

fn quantity(table: &DocumentTable<'_>, key: &str, measure: Measure) -> Option<Quantity> {
    match measure {
        Measure::NetPesos => pesos(table, key, MAX_GOAL as f64).map(|centavos| Quantity::Centavos(centavos.into())),
        Measure::ServiceLevel => table.number(key, 0.0..=1.0).map(Quantity::Ratio),
        _ => table.integer(key, 1..=MAX_GOAL).map(|count| Quantity::Count(count.into())),
    }
}

/// Reads pesos above 0 and at most `most`, with at most two decimals, and returns centavos.
///
/// A number has at most two decimals if it is the float nearest to a whole number of centavos. Up to 10^12 pesos no two
/// numbers of centavos share a float.
pub(super) fn pesos(table: &DocumentTable<'_>, key: &str, most: f64) -> Option<Centavos> {
    let pesos = table.number(key, 0.01..=most)?;
    let centavos = (pesos * 100.0).round();
    if centavos / 100.0 != pesos {
        table.fault(key, format!("{pesos} has more than the two decimals of pesos"));
        return None;
    }
    // At most 10^14, so the cast is exact.
    Some(centavos as Centavos)
}
