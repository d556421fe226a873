//! Title of a curve: what happened to the plan of a period, in Spanish and English (docs/targets.md#headline).

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::status::PaceStatus;
use crate::calendar::{Interval, Period};
use crate::clock::Timestamp;
use crate::settings::BilingualText;

/// Share of the shortfall that one day must have to be named.
const SHARE_OF_A_DAY: f64 = 2.0 / 3.0;
/// Share of the shortfall that a few hours must have to be marked.
const SHARE_OF_HOURS: f64 = 0.5;
/// Maximum number of marked hours.
const MOST_HOURS: usize = 4;

/// Plan and result of a span of time that has passed, or has begun.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanProgress {
    /// Bounds of the span.
    pub span: Interval,
    /// Amount planned in it until now.
    pub plan: f64,
    /// Amount reached in it.
    pub count: f64,
    /// True if the calendar is open at some time of it.
    pub is_open: bool,
}

impl SpanProgress {
    fn shortfall(&self) -> f64 {
        self.plan - self.count
    }
}

/// Marked hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorstHours {
    /// Bounds of the hours.
    pub span: Interval,
    /// Amount that they lack.
    pub shortfall: f64,
}

/// Input of a headline.
#[derive(Debug, Clone, Copy)]
pub struct HeadlineInput<'a> {
    /// Kind of period.
    pub period: Period,
    /// Bounds of the period.
    pub bounds: Interval,
    /// True once the period has ended.
    pub is_over: bool,
    /// True for a ratio, whose parts do not add up.
    pub is_ratio: bool,
    /// Status at the end of what is known.
    pub status: PaceStatus,
    /// Planned less actual.
    pub shortfall: Option<f64>,
    /// Days that have begun.
    pub days: &'a [SpanProgress],
    /// Hours that have begun; empty if they are not known.
    pub hours: &'a [SpanProgress],
    /// Zone of the programme.
    pub zone: &'a TimeZone,
}

/// Days of a period up to which a weekday names one of them.
const DAYS_OF_A_WEEK: i64 = 7;

impl HeadlineInput<'_> {
    /// Returns the title, and the hours that it is about.
    pub fn headline(&self) -> (BilingualText, Option<WorstHours>) {
        let is_behind = matches!(self.status, PaceStatus::AtRisk | PaceStatus::Behind | PaceStatus::SlightlyBehind);
        let shortfall = self.shortfall.filter(|shortfall| is_behind && !self.is_ratio && *shortfall > 0.0);
        let Some(shortfall) = shortfall else { return (self.without_gap(), None) };
        let worst_day = self.days.iter().max_by(|day, other| day.shortfall().total_cmp(&other.shortfall()));
        let day = worst_day.filter(|day| day.shortfall() >= SHARE_OF_A_DAY * shortfall);
        let is_candidate = |hour: &SpanProgress| day.is_none_or(|day| day.span.contains(hour.span.start));
        let candidates: Vec<SpanProgress> = self.hours.iter().copied().filter(is_candidate).collect();
        let worst = worst_hours(&candidates, SHARE_OF_HOURS * shortfall, self.zone);
        let start = worst.map(|worst| worst.span.start).or(day.map(|day| day.span.start));
        let is_day_alone = self.period == Period::Day && worst.is_none();
        let title = match start.filter(|_| !is_day_alone) {
            Some(start) => self.gap(start, worst),
            None if self.is_each_day_below() => self.each_day_below(),
            None => self.plain(),
        };
        (title, worst)
    }

    fn is_each_day_below(&self) -> bool {
        let planned = || self.days.iter().filter(|day| day.plan > 0.0);
        planned().count() > 1 && planned().all(|day| day.shortfall() > 0.0)
    }

    fn each_day_below(&self) -> BilingualText {
        match self.is_over {
            false => text("Cada día ha quedado abajo del plan", "Every day has been below the plan"),
            true => text("Cada día quedó abajo del plan", "Every day was below the plan"),
        }
    }

    fn without_gap(&self) -> BilingualText {
        let on_plan = matches!(self.status, PaceStatus::Reached | PaceStatus::Ahead | PaceStatus::OnPace);
        let (es, en) = match self.period {
            Period::Day => ("El día", "The day"),
            Period::Week(_) => ("La semana", "The week"),
            Period::Month => ("El mes", "The month"),
            Period::Campaign(..) => ("La campaña", "The campaign"),
        };
        match (on_plan, self.is_over) {
            (true, false) => text(&format!("{es} va con el plan"), &format!("{en} is on plan")),
            (true, true) => text(&format!("{es} cerró con el plan"), &format!("{en} ended on plan")),
            (false, _) => self.plain(),
        }
    }

    fn plain(&self) -> BilingualText {
        let (es, en) = match self.period {
            Period::Day => ("del día", "of the day"),
            Period::Week(_) => ("de la semana", "of the week"),
            Period::Month => ("del mes", "of the month"),
            Period::Campaign(..) => ("de la campaña", "of the campaign"),
        };
        let (plan_es, plan_en) = if self.is_ratio { ("Meta", "Goal") } else { ("Plan", "Plan") };
        text(&format!("{plan_es} y real {es}"), &format!("{plan_en} and actual {en}"))
    }

    /// Title of a gap that opened on the day of `start`, in some hours of it or not.
    fn gap(&self, start: Timestamp, worst: Option<WorstHours>) -> BilingualText {
        let local = local(start, self.zone);
        let part = worst.map(|worst| part_of_day(&middle(worst.span, self.zone)));
        let es_part = part.map_or(String::new(), |(es, _)| format!(" {es}"));
        if self.period == Period::Day {
            let en_part = part.map_or(String::new(), |(_, en)| format!(" in the {en}"));
            return text(&format!("El hueco se abrió{es_part}"), &format!("The gap opened{en_part}"));
        }
        let (es, en) = weekday_words(&local);
        if self.period.longest_days() <= DAYS_OF_A_WEEK {
            let en_part = part.map_or(String::new(), |(_, en)| format!(" {en}"));
            return text(&format!("El hueco se abrió el {es}{es_part}"), &format!("The gap opened on {en}{en_part}"));
        }
        let (month_es, month_en) = MONTHS[usize::from(local.month().unsigned_abs()) - 1];
        let day = local.day();
        let en_part = part.map_or("on ".to_owned(), |(_, part)| format!("on the {part} of "));
        text(
            &format!("El hueco se abrió el {es} {day} de {month_es}{es_part}"),
            &format!("The gap opened {en_part}{en} {day} {month_en}"),
        )
    }
}

/// The fewest open hours in a row of one day, at most [`MOST_HOURS`], that lack at least `least`; of as many, those that
/// lack the most.
fn worst_hours(hours: &[SpanProgress], least: f64, zone: &TimeZone) -> Option<WorstHours> {
    let is_row = |row: &&[SpanProgress]| {
        let is_joined = row.windows(2).all(|pair| pair[0].span.end == pair[1].span.start);
        let days = [row[0], row[row.len() - 1]].map(|hour| local(hour.span.start, zone).date());
        is_joined && row.iter().all(|hour| hour.is_open) && days[0] == days[1]
    };
    let sum = |row: &[SpanProgress]| row.iter().map(SpanProgress::shortfall).sum::<f64>();
    (1..=MOST_HOURS).find_map(|length| {
        let rows = hours.windows(length).filter(is_row).filter(|row| sum(row) >= least);
        let worst = rows.max_by(|one, other| sum(one).total_cmp(&sum(other)))?;
        let span = Interval { start: worst[0].span.start, end: worst[length - 1].span.end };
        Some(WorstHours { span, shortfall: sum(worst) })
    })
}

fn local(time: Timestamp, zone: &TimeZone) -> Zoned {
    time.to_jiff().to_zoned(zone.clone())
}

fn middle(span: Interval, zone: &TimeZone) -> Zoned {
    local(span.start + (span.end - span.start) / 2, zone)
}

/// Part of the day as Mexico divides it: the afternoon lasts until seven.
fn part_of_day(time: &Zoned) -> (&'static str, &'static str) {
    match time.hour() {
        ..6 => ("de madrugada", "early morning"),
        6..12 => ("por la mañana", "morning"),
        12..19 => ("por la tarde", "afternoon"),
        _ => ("por la noche", "evening"),
    }
}

/// Weekday of a date.
pub fn weekday_words(time: &Zoned) -> (&'static str, &'static str) {
    WEEKDAYS[usize::from(time.weekday().to_monday_zero_offset().unsigned_abs())]
}

/// Weekday and day of the month, as short as a chart needs.
pub fn short_day(time: &Zoned) -> BilingualText {
    let (es, en) = weekday_words(time);
    let short = |word: &str| word.chars().take(3).collect::<String>();
    text(&format!("{} {}", short(es), time.day()), &format!("{} {}", short(en), time.day()))
}

/// Weekdays from Monday.
const WEEKDAYS: [(&str, &str); 7] = [
    ("lunes", "Monday"),
    ("martes", "Tuesday"),
    ("miércoles", "Wednesday"),
    ("jueves", "Thursday"),
    ("viernes", "Friday"),
    ("sábado", "Saturday"),
    ("domingo", "Sunday"),
];

const MONTHS: [(&str, &str); 12] = [
    ("enero", "January"),
    ("febrero", "February"),
    ("marzo", "March"),
    ("abril", "April"),
    ("mayo", "May"),
    ("junio", "June"),
    ("julio", "July"),
    ("agosto", "August"),
    ("septiembre", "September"),
    ("octubre", "October"),
    ("noviembre", "November"),
    ("diciembre", "December"),
];

fn text(es: &str, en: &str) -> BilingualText {
    BilingualText { es: es.to_owned(), en: en.to_owned() }
}

#[cfg(test)]
mod tests;
