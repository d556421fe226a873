//! Periods of targets, checked against the retention of state.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::PeriodBounds;
use crate::calendar::WEEKDAYS;
use crate::clock::{DAY, Millis, Timestamp};
use crate::settings::{DocumentTable, format_duration};
use crate::targets::{Measure, Period};

/// Retention required beyond the longest period, so that late events and the closing cut still find it.
const MARGIN: Millis = 3 * DAY;

/// First date that calendars cover.
const FIRST: Date = date(2000, 1, 1);
/// Last date that calendars cover.
const LAST: Date = date(2100, 12, 31);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Day,
    Week,
    Month,
    Campaign,
}

/// Returns `None` if the period is missing or has a fault.
pub(super) fn read(table: &DocumentTable<'_>, zone: &TimeZone) -> Option<Period> {
    let kind = table.choice(
        "period",
        &[("day", Kind::Day), ("week", Kind::Week), ("month", Kind::Month), ("campaign", Kind::Campaign)],
    )?;
    if kind != Kind::Week && table.has("first_day") {
        table.fault("first_day", "fits the period week only; leave it out");
    }
    if kind != Kind::Campaign {
        for key in ["from", "to"].into_iter().filter(|key| table.has(key)) {
            table.fault(
                key,
                "fits the period campaign only; to change a goal from a date on, write [[target.NAME.goal]]",
            );
        }
    }
    match kind {
        Kind::Day => Some(Period::Day),
        Kind::Month => Some(Period::Month),
        Kind::Week if table.has("first_day") => table.choice("first_day", &WEEKDAYS).map(Period::Week),
        Kind::Week => Some(Period::WEEK),
        Kind::Campaign => campaign(table, zone),
    }
}

fn campaign(table: &DocumentTable<'_>, zone: &TimeZone) -> Option<Period> {
    table.requires(&["from", "to"]);
    let (from, to) = (day(table, "from"), day(table, "to"));
    let (from, to) = (from?, to?);
    if to < from {
        table.fault("to", format!("{to} is before from = {from}"));
        return None;
    }
    let campaign = Period::Campaign(from, to);
    if campaign.ended(Timestamp::MAX, zone).is_none() {
        let name = zone.iana_name().unwrap_or_default();
        table.fault("from", format!("{from} is a date that the time zone {name} skipped, so the campaign has no day"));
        return None;
    }
    Some(campaign)
}

fn day(table: &DocumentTable<'_>, key: &str) -> Option<Date> {
    let day = table.date(key)?;
    if !(FIRST..=LAST).contains(&day) {
        table.fault(key, format!("{day} is outside the years 2000 to 2100 that calendars cover"));
        return None;
    }
    Some(day)
}

/// Checks that state keeps counts for the longest period and [`MARGIN`].
pub(super) fn check_length(table: &DocumentTable<'_>, measure: Measure, period: Period, bounds: &PeriodBounds) {
    let (kept, setting) = match measure {
        Measure::Beneficiaries | Measure::Dispersals | Measure::NetPesos => {
            (bounds.disbursement_horizon, "streams.disbursement.horizon")
        }
        _ => bounds.counts,
    };
    let needed = longest(period) * DAY + MARGIN;
    if kept < needed {
        let written = |millis: Millis| format_duration(Duration::from_millis(millis.unsigned_abs()));
        let (length, needed, kept) = (written(longest(period) * DAY), written(needed), written(kept));
        table.fault(
            "period",
            format!("is up to {length} long and needs {setting} of at least {needed}, which is {kept}; raise it, or choose a shorter period"),
        );
    }
}

/// Maximum length of a period in days.
fn longest(period: Period) -> i64 {
    match period {
        Period::Day => 1,
        Period::Week(_) => 7,
        Period::Month => 31,
        Period::Campaign(from, to) => {
            i64::from(from.until(to.saturating_add(1.day())).map_or(i32::MAX, |span| span.get_days()))
        }
    }
}
