//! Periods and rolling windows (`spec/figures.md#periods`, `spec/figures.md#rolling-windows`).

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use super::families::{
    DAY_BENEFICIARIES, DAY_DISPERSALS, DAY_NET_PESOS, MONTH_BENEFICIARIES, MONTH_DISPERSALS, MONTH_NET_PESOS,
    OracleFamily, ROLLING_1H_DISPERSALS, ROLLING_1H_NET_PESOS, ROLLING_7D_BENEFICIARIES, ROLLING_7D_DISPERSALS,
    ROLLING_7D_NET_PESOS, ROLLING_24H_BENEFICIARIES, ROLLING_24H_DISPERSALS, ROLLING_24H_NET_PESOS, WEEK_BENEFICIARIES,
    WEEK_DISPERSALS, WEEK_NET_PESOS,
};
use crate::calendar::Period;
use crate::clock::{HOUR, MINUTE, Millis, Timestamp};

/// Interval of time, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OracleInterval {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// An interval that contains or ends with `now`, and the families of what was dispersed in it.
pub(super) struct Window {
    pub(super) span: OracleInterval,
    /// `None` for the rolling hour, which counts no people.
    pub(super) beneficiaries: Option<&'static OracleFamily>,
    pub(super) dispersals: &'static OracleFamily,
    pub(super) net_pesos: &'static OracleFamily,
}

impl OracleInterval {
    pub(super) fn contains(self, time: Timestamp) -> bool {
        self.from <= time && time < self.until
    }
}

/// Every window at `now`: day, ISO week, month, rolling 1 h, 24 h and 7 d.
pub(super) fn windows(now: Timestamp, zone: &TimeZone) -> [Window; 6] {
    let window = |span, beneficiaries, dispersals, net_pesos| Window { span, beneficiaries, dispersals, net_pesos };
    [
        window(day(now, zone), Some(&DAY_BENEFICIARIES), &DAY_DISPERSALS, &DAY_NET_PESOS),
        window(week(now, zone), Some(&WEEK_BENEFICIARIES), &WEEK_DISPERSALS, &WEEK_NET_PESOS),
        window(month(now, zone), Some(&MONTH_BENEFICIARIES), &MONTH_DISPERSALS, &MONTH_NET_PESOS),
        window(rolling(now, MINUTE, 60), None, &ROLLING_1H_DISPERSALS, &ROLLING_1H_NET_PESOS),
        window(
            rolling(now, HOUR, 24),
            Some(&ROLLING_24H_BENEFICIARIES),
            &ROLLING_24H_DISPERSALS,
            &ROLLING_24H_NET_PESOS,
        ),
        window(rolling(now, HOUR, 168), Some(&ROLLING_7D_BENEFICIARIES), &ROLLING_7D_DISPERSALS, &ROLLING_7D_NET_PESOS),
    ]
}

pub(super) fn day(now: Timestamp, zone: &TimeZone) -> OracleInterval {
    let today = date(now, zone);
    dates(today, today.saturating_add(1.day()), zone)
}

/// Week from Monday to Monday.
pub(super) fn week(now: Timestamp, zone: &TimeZone) -> OracleInterval {
    week_from(Weekday::Monday, now, zone)
}

/// Week that begins on this weekday.
fn week_from(weekday: Weekday, now: Timestamp, zone: &TimeZone) -> OracleInterval {
    let today = date(now, zone);
    let first = today.saturating_sub(i64::from(today.weekday().since(weekday)).days());
    dates(first, first.saturating_add(1.week()), zone)
}

pub(super) fn month(now: Timestamp, zone: &TimeZone) -> OracleInterval {
    let first = date(now, zone).first_of_month();
    dates(first, first.saturating_add(1.month()), zone)
}

/// Period of a target that contains `now`; `None` outside of a campaign.
pub(super) fn current(period: Period, now: Timestamp, zone: &TimeZone) -> Option<OracleInterval> {
    match period {
        Period::Day => Some(day(now, zone)),
        Period::Week(first) => Some(week_from(first, now, zone)),
        Period::Month => Some(month(now, zone)),
        Period::Campaign(from, to) => {
            Some(dates(from, to.saturating_add(1.day()), zone)).filter(|campaign| campaign.contains(now))
        }
    }
}

/// Last period of a target that had ended at `closed`.
pub(super) fn last_closed(period: Period, closed: Timestamp, zone: &TimeZone) -> Option<OracleInterval> {
    match (period, current(period, closed, zone)) {
        (Period::Campaign(from, to), _) => Some(dates(from, to.saturating_add(1.day()), zone))
            .filter(|campaign| campaign.from < campaign.until && campaign.until <= closed),
        (_, Some(running)) => current(period, running.from - 1, zone),
        (_, None) => None,
    }
}

/// The current `unit` and those before it, `units` in total.
pub(super) fn rolling(now: Timestamp, unit: Millis, units: Millis) -> OracleInterval {
    let until = Timestamp::from_millis((now.as_millis().div_euclid(unit) + 1) * unit);
    OracleInterval { from: until - units * unit, until }
}

/// Interval from the first instant of a date to the first instant of another, in the zone.
fn dates(from: Date, until: Date, zone: &TimeZone) -> OracleInterval {
    let begins = |date: Date| {
        let zoned = date.to_zoned(zone.clone()).and_then(|midnight| midnight.start_of_day());
        zoned.expect("now is centuries from the calendar's end").timestamp().into()
    };
    OracleInterval { from: begins(from), until: begins(until) }
}

fn date(now: Timestamp, zone: &TimeZone) -> Date {
    let now = now.to_jiff();
    Zoned::new(now, zone.clone()).date()
}
