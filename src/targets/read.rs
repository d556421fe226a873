//! Reads targets from files: `[target.NAME]` in any number of documents, beside the calendars that they name.
//! `docs/targets.md` explains every key, `config/targets.toml` shows them.
//!
//! All faults are reported together, each with file and line. This module opens no files, and does not check that the
//! labels of a filter exist: state stores labels as given, listed or not.

mod filter;
mod goal;
mod period;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Measure, Target, Targets};
use crate::calendar::{self, WorkingCalendar};
use crate::clock::Millis;
use crate::settings::{Document, DocumentTable, SettingsFaults, as_title};

/// Maximum number of targets of all documents together.
pub const MAX_TARGETS: usize = 1_000;

/// Maximum length of a target's name in bytes: it is the value of a label.
const MAX_NAME: usize = 64;

/// Default distance below the goal at which a ratio is still on pace.
const DEFAULT_TOLERANCE: f64 = 0.02;

const KEYS: [&str; 19] = [
    "description",
    "title",
    "group",
    "measure",
    "programmes",
    "states",
    "queues",
    "initiatives",
    "milestones",
    "period",
    "first_day",
    "from",
    "to",
    "goal",
    "calendar",
    "profile",
    "prorate",
    "tolerance",
    "pesos_each",
];

/// Limits of the length of a period: how long state keeps what a target counts.
#[derive(Debug, Clone, Copy)]
pub struct PeriodBounds {
    /// `streams.disbursement.horizon`: retention of people and their dispersals. Milliseconds.
    pub disbursement_horizon: Millis,
    /// Retention of counts at the resolution of periods and cuts (milliseconds), and the setting that determines it.
    pub counts: (Millis, &'static str),
}

/// Reads the targets and calendars of all documents. Leaves [`Targets::cuts`] empty: it comes from the settings.
///
/// # Errors
///
/// The faults of the documents, in the order of documents and lines.
pub fn read(documents: &[Document], zone: &TimeZone, bounds: &PeriodBounds) -> Result<Targets, SettingsFaults> {
    let calendars = calendar::read(documents, zone);
    let mut origins = BTreeMap::new();
    let mut targets = Vec::new();
    for table in
        documents.iter().flat_map(|document| document.root(&["calendar", "target"]).named_tables("target", &KEYS))
    {
        check_name(&table, &mut origins);
        targets.extend(target(&table, &calendars, zone, bounds));
        if origins.len() == MAX_TARGETS + 1 {
            table.fault("", format!("is one target too many; at most {MAX_TARGETS} are read"));
            break;
        }
    }
    let mut faults = SettingsFaults::default();
    documents.iter().for_each(|document| faults.append(document.faults()));
    faults.err_if_any().map(|()| Targets { targets, calendars, ..Targets::default() })
}

fn check_name(table: &DocumentTable<'_>, origins: &mut BTreeMap<String, String>) {
    let name = table.name();
    let is_plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    let begins_well = name.starts_with(|character: char| character.is_ascii_lowercase());
    if !begins_well || name.len() > MAX_NAME || !name.chars().all(is_plain) {
        table.fault(
            "",
            format!("is no name for a target; use a lower-case letter and at most {} more, digits or _", MAX_NAME - 1),
        );
    }
    match origins.get(name) {
        Some(origin) => table.fault("", format!("{origin} already has a target of this name; choose another")),
        None => drop(origins.insert(name.to_owned(), table.origin(""))),
    }
}

/// Returns `None`, with a fault, if a required key is missing or wrong.
fn target(
    table: &DocumentTable<'_>,
    calendars: &[Arc<WorkingCalendar>],
    zone: &TimeZone,
    bounds: &PeriodBounds,
) -> Option<Target> {
    table.requires(&["measure", "period", "goal"]);
    let measure = table.choice("measure", &Measure::ALL.map(|(measure, name)| (name, measure)));
    let period = period::read(table, zone);
    if let (Some(measure), Some(period)) = (measure, period) {
        period::check_length(table, measure, period, bounds);
    }
    if let Some(measure) = measure {
        check_fit(table, measure);
    }
    let filter = filter::read(table, measure);
    let goals = measure.and_then(|measure| goal::read(table, measure, period));
    let calendar = calendar(table, calendars);
    let (title, group) = (table.bilingual("title"), table.parsed("group", as_title));
    let (description, profile) = (table.string("description").unwrap_or_default(), profile(table));
    let prorate = table.boolean("prorate").unwrap_or(false);
    let tolerance = table.number("tolerance", 0.0..=1.0).unwrap_or(DEFAULT_TOLERANCE);
    let pesos_each = goal::pesos(table, "pesos_each", goal::MAX_PESOS_EACH);
    // Only after all keys have been read, so that every fault is reported.
    let name = table.name().to_owned();
    let (measure, period, goals, calendar) = (measure?, period?, goals?, calendar?);
    Some(Target {
        name,
        description,
        title,
        group,
        measure,
        filter,
        period,
        goals,
        calendar,
        profile,
        prorate,
        tolerance,
        pesos_each,
    })
}

/// Adds faults for keys that do not fit the measure.
fn check_fit(table: &DocumentTable<'_>, measure: Measure) {
    let refuse = |keys: &[&str], why: &str| {
        keys.iter().filter(|key| table.has(key)).for_each(|key| table.fault(key, format!("{why}; leave it out")));
    };
    match measure {
        Measure::ServiceLevel => {
            refuse(&["prorate", "profile", "pesos_each"], "does not fit a ratio, whose plan is always its goal")
        }
        Measure::NetPesos => refuse(&["tolerance", "pesos_each"], "does not fit a measure of pesos"),
        _ => refuse(&["tolerance"], "fits a ratio only, since the tolerance of counts is their scatter"),
    }
}

/// Calendar of the target; without the key, the one that is always open.
fn calendar(table: &DocumentTable<'_>, calendars: &[Arc<WorkingCalendar>]) -> Option<Arc<WorkingCalendar>> {
    let names: Vec<(&str, usize)> =
        calendars.iter().enumerate().map(|(index, calendar)| (calendar.name(), index)).collect();
    let index = if table.has("calendar") { table.choice("calendar", &names)? } else { 0 };
    Some(Arc::clone(&calendars[index]))
}

fn profile(table: &DocumentTable<'_>) -> Option<[f64; 24]> {
    let hours = table.numbers("profile", 0.0..=1_000.0)?;
    let count = hours.len();
    let profile: Option<[f64; 24]> = hours.try_into().ok();
    match profile {
        None => table.fault(
            "profile",
            format!("has {count} numbers; write 24, the share of a day's plan of each hour from midnight"),
        ),
        Some(hours) if hours.iter().all(|&hour| hour == 0.0) => {
            table.fault("profile", "has nothing above 0; leave it out for equal hours")
        }
        Some(_) => {}
    }
    profile
}

#[cfg(test)]
mod tests;
