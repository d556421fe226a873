//! Reads working calendars from files: `[calendar.NAME]` in any number of documents. `config/calendars/payments.toml`
//! explains every key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::holidays::{Holiday, Rule, WEEKDAYS};
use super::hours::{Hours, MinuteSpan};
use super::schedule::{Schedule, Shift, YEARS};
use super::working::{ALWAYS, HolidayLists, WorkingCalendar};
use crate::settings::{Document, DocumentTable, redacted_text};

const CALENDAR_KEYS: [&str; 8] =
    ["description", "time_zone", "hours", "weights", "holiday", "presumed", "list", "exception"];

/// Maximum number of calendars of all documents together: each takes about 2 MB.
const MAX_CALENDARS: usize = 50;

/// Maximum length of a calendar's name in bytes: it is the value of a label.
const MAX_NAME: usize = 64;

/// Maximum number of rules for holidays of one calendar; each is worked out for a century.
const MAX_HOLIDAYS: usize = 1_000;

/// Maximum weight of a day; an ordinary day has 1.
const MAX_WEIGHT: f64 = 1000.0;

/// Reads the calendars of all documents, after the built-in one that is always open. Adds faults to the documents.
///
/// A calendar with faults is returned too, so that a target that names it has no fault for that; it must not be used.
pub fn read(documents: &[Document], programme_zone: &TimeZone) -> Vec<Arc<WorkingCalendar>> {
    let mut calendars = vec![Arc::new(WorkingCalendar::always(programme_zone.clone()))];
    let mut origins = BTreeMap::from([(ALWAYS, "built in".to_owned())]);
    for table in documents
        .iter()
        .flat_map(|document| document.root(&["calendar", "target"]).named_tables("calendar", &CALENDAR_KEYS))
    {
        check_name(&table);
        if let Some(origin) = origins.get(table.name()) {
            table.fault("", format!("is a calendar already ({origin}); choose another name"));
            continue;
        }
        if origins.len() > MAX_CALENDARS {
            table.fault("", format!("is one calendar too many; at most {MAX_CALENDARS} are read"));
            break;
        }
        origins.insert(table.name(), table.origin(""));
        calendars.push(Arc::new(calendar(&table, programme_zone)));
    }
    calendars
}

fn check_name(table: &DocumentTable<'_>) {
    let name = table.name();
    let is_plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "_-".contains(character);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
        table.fault(
            "",
            format!("is no name for a calendar; use at most {MAX_NAME} lower-case letters, digits, _ and -"),
        );
    }
}

fn calendar(table: &DocumentTable<'_>, programme_zone: &TimeZone) -> WorkingCalendar {
    let description = table.string("description").unwrap_or_default();
    let zone = table.parsed("time_zone", |name| {
        TimeZone::get(name)
            .map_err(|_| redacted_text(name))
            .map_err(|name| format!("{name:?} is no IANA time zone; write one such as \"America/Mexico_City\""))
    });
    let week = week(table);
    let (mut listed, lists) = lists(table);
    let mut names = BTreeMap::new();
    let presumed = presumed(table, lists.as_ref(), &listed, &mut names);
    listed.extend(presumed);
    let exceptions = exceptions(table, &week, &mut names);
    let schedule = Schedule { holidays: holidays(table, &mut names), week, listed, exceptions, names };
    if !table.has("hours") && schedule.exceptions.is_empty() {
        table.fault("", format!("is never open; give it [calendar.{}.hours]", table.name()));
    }
    WorkingCalendar::new(table.name(), &description, zone.unwrap_or_else(|| programme_zone.clone()), &schedule, lists)
}

/// Hours and weights of the weekdays from Monday.
fn week(table: &DocumentTable<'_>) -> [Shift; 7] {
    let names = WEEKDAYS.map(|(name, _)| name);
    let (hours, weights) = (table.table("hours", &names), table.table("weights", &names));
    names.map(|name| {
        let hours = hours.as_ref().and_then(|hours| hours_of(hours, name)).unwrap_or_default();
        let weight = weights.as_ref().and_then(|weights| weight_of(weights, name));
        if let (Some(weights), Some(_), true) = (&weights, weight, hours.is_closed()) {
            weights.fault(name, format!("{name} has a weight and no hours; give it hours, or leave it out here"));
        }
        Shift { hours, weight: weight.unwrap_or(1.0) }
    })
}

fn hours_of(table: &DocumentTable<'_>, key: &str) -> Option<Hours> {
    let spans = table.parsed_each(key, MinuteSpan::parse)?;
    Hours::from_spans(spans).map_err(|message| table.fault(key, message)).ok()
}

fn weight_of(table: &DocumentTable<'_>, key: &str) -> Option<f64> {
    table.number(key, 0.0..=MAX_WEIGHT)
}

fn holidays(table: &DocumentTable<'_>, names: &mut Names) -> Vec<Holiday> {
    let keys = ["name", "rule", "from", "until", "every"];
    rules(table, "holiday", &keys).iter().filter_map(|table| holiday(table, names)).collect()
}

/// Tables of rules, as many as are read.
fn rules<'d>(table: &DocumentTable<'d>, key: &str, keys: &[&str]) -> Vec<DocumentTable<'d>> {
    let mut tables = table.tables(key, keys);
    if let Some(surplus) = tables.get(MAX_HOLIDAYS) {
        surplus.fault("", format!("is one holiday too many; at most {MAX_HOLIDAYS} rules are read"));
    }
    tables.truncate(MAX_HOLIDAYS);
    tables
}

/// Dates of the rules that stand for lists: of years after the first gap that have no date in a list.
fn presumed(
    table: &DocumentTable<'_>,
    lists: Option<&HolidayLists>,
    listed: &BTreeSet<Date>,
    names: &mut Names,
) -> Vec<Date> {
    let mut dates = Vec::new();
    for presumed in rules(table, "presumed", &["name", "rule"]) {
        presumed.requires(&["rule"]);
        let name = presumed.string("name");
        let Some(rule) = presumed.parsed("rule", Rule::parse) else { continue };
        let is_unlisted = |year: &i16| !listed.iter().any(|date| date.year() == *year);
        match lists {
            Some(lists) => {
                let years = (lists.years.end() + 1..=*YEARS.end()).filter(is_unlisted);
                let begun = dates.len();
                dates.extend(years.filter_map(|year| rule.date(year)));
                name_dates(name.as_deref(), dates[begun..].iter().copied(), names);
            }
            None => presumed.fault("", "stands for lists of later years, and there is none; write it as a holiday"),
        }
    }
    dates
}

fn holiday(table: &DocumentTable<'_>, names: &mut Names) -> Option<Holiday> {
    table.requires(&["rule"]);
    let name = table.string("name");
    let (from, until) = (year(table, "from"), year(table, "until"));
    let every = table.integer("every", 1..=100).and_then(|years| i16::try_from(years).ok());
    if every.is_some() && !table.has("from") {
        table.fault("every", "counts from a year; add from = that year");
    }
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        table.fault("until", format!("{until} is before from = {from}"));
    }
    let rule = table.parsed("rule", Rule::parse)?;
    let holiday = Holiday {
        rule,
        from: from.unwrap_or(*YEARS.start()),
        until: until.unwrap_or(*YEARS.end()),
        every: every.unwrap_or(1),
    };
    name_dates(name.as_deref(), YEARS.filter_map(|year| holiday.date(year)), names);
    Some(holiday)
}

/// Names of holidays by their date.
type Names = BTreeMap<Date, String>;

/// Names dates; the first name of a date is kept.
fn name_dates(name: Option<&str>, dates: impl Iterator<Item = Date>, names: &mut Names) {
    if let Some(name) = name {
        for date in dates {
            names.entry(date).or_insert_with(|| name.to_owned());
        }
    }
}

fn year(table: &DocumentTable<'_>, key: &str) -> Option<i16> {
    let bounds = u64::from(YEARS.start().unsigned_abs())..=u64::from(YEARS.end().unsigned_abs());
    table.integer(key, bounds).and_then(|year| i16::try_from(year).ok())
}

/// All listed dates, and the years with a list from the first one up to the first gap; `None` if there are no lists.
fn lists(table: &DocumentTable<'_>) -> (BTreeSet<Date>, Option<HolidayLists>) {
    let (mut listed, mut years) = (BTreeSet::new(), BTreeSet::new());
    for list in table.tables("list", &["year", "dates"]) {
        list.requires(&["year", "dates"]);
        let (Some(year), dates) = (year(&list, "year"), list.dates("dates").unwrap_or_default()) else { continue };
        if !years.insert(year) {
            list.fault("year", format!("{year} has a list already; join the two"));
        }
        for date in dates {
            if date.year() != year {
                list.fault("dates", format!("{date} is not in {year}; move it to the list of its year"));
            } else if !listed.insert(date) {
                list.fault("dates", format!("{date} is listed twice"));
            }
        }
    }
    let covered = years.first().map(|first| HolidayLists {
        years: *first..=(*first..).take_while(|year| years.contains(year)).last().unwrap_or(*first),
        is_presumed_beyond: table.has("presumed"),
    });
    (listed, covered)
}

fn exceptions(table: &DocumentTable<'_>, week: &[Shift; 7], names: &mut Names) -> BTreeMap<Date, Shift> {
    let mut exceptions = BTreeMap::new();
    for exception in table.tables("exception", &["name", "date", "hours", "weight"]) {
        exception.requires(&["date", "hours"]);
        let name = exception.string("name");
        let weight = weight_of(&exception, "weight");
        let (Some(date), Some(hours)) = (exception.date("date"), hours_of(&exception, "hours")) else { continue };
        name_dates(name.as_deref(), std::iter::once(date), names);
        if !YEARS.contains(&date.year()) {
            exception.fault(
                "date",
                format!("{date} is outside the years {} to {} that calendars cover", YEARS.start(), YEARS.end()),
            );
        }
        let regular = &week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
        let weight = weight.unwrap_or_else(|| {
            if regular.hours.is_closed() && !hours.is_closed() && !exception.has("weight") {
                exception.fault("", "is on a weekday without hours; give it a weight, 1 for an ordinary day");
            }
            // A day of half the hours has half the weight.
            regular.weight * f64::from(hours.minutes()) / f64::from(regular.hours.minutes().max(1))
        });
        if exceptions.insert(date, Shift { hours, weight }).is_some() {
            exception.fault("date", format!("{date} is an exception already; join the two"));
        }
    }
    exceptions
}

#[cfg(test)]
mod tests;
