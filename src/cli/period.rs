//! `pacemeter period`: the figures of a day, a week or a month, as it closed and as known now.

use std::fmt::Write;

use clap::Args;

use super::api_client::{self, Endpoint};
use super::figures::{FigureArgs, FigureLine, FigureTable, PEOPLE_ADVICE, Scope, csv_head};
use super::words::lapse;
use crate::api::periods::PeriodResponse;
use crate::runtime::{Exit, Failure, print, print_error, print_styled};
use crate::settings::{printable, printable_json};

/// Names of periods relative to now: kind and id in the API.
const RELATIVE: [(&str, &str, &str); 6] = [
    ("today", "day", "current"),
    ("yesterday", "day", "previous"),
    ("this-week", "week", "current"),
    ("last-week", "week", "previous"),
    ("this-month", "month", "current"),
    ("last-month", "month", "previous"),
];

/// Columns of CSV before the figures.
const CSV_LEADING: [&str; 2] = ["period", "id"];

/// Arguments of `pacemeter period`.
#[derive(Args)]
pub(crate) struct PeriodArgs {
    /// Period to print: today, yesterday, this-week, last-week, this-month, last-month, a day such as 2020-05-15, a week
    /// such as 2020-W20, or a month such as 2020-05.
    #[arg(value_name = "PERIOD", default_value = "today", value_parser = parse_period)]
    pub(super) period: PeriodName,
    #[command(flatten)]
    pub(super) figures: FigureArgs,
    /// Print the JSON response of /api/v1/periods.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) endpoint: Endpoint,
}

/// Kind and id of a period in the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeriodName {
    kind: &'static str,
    id: String,
}

fn parse_period(text: &str) -> Result<PeriodName, String> {
    if let Some(&(_, kind, id)) = RELATIVE.iter().find(|(name, ..)| *name == text) {
        return Ok(PeriodName { kind, id: id.to_owned() });
    }
    // The id is checked where the calendar of the programme is.
    let shape: String = text.chars().map(|one| if one.is_ascii_digit() { '0' } else { one }).collect();
    let kind = match shape.as_str() {
        "0000-00-00" => "day",
        "0000-W00" => "week",
        "0000-00" => "month",
        _ => {
            let names: Vec<&str> = RELATIVE.iter().map(|(name, ..)| *name).collect();
            return Err(format!("is none of {}, 2020-05-15, 2020-W20, 2020-05", names.join(", ")));
        }
    };
    Ok(PeriodName { kind, id: text.to_owned() })
}

/// Prints the figures of a period.
///
/// # Errors
/// Exit code 75 without a response or if figures are not ready; 64 if there can be no such period; 65 if its cut is damaged.
pub(super) fn run(arguments: &PeriodArgs) -> Result<(), Failure> {
    let PeriodName { kind, id } = &arguments.period;
    let path = format!("/api/v1/periods/{kind}/{}", api_client::path_segment(id));
    let response = arguments.endpoint.server()?.get(&path)?;
    if let Some(reason) = response.absence() {
        return without_figures(arguments, &reason);
    }
    let answer = response.body()?;
    if arguments.json {
        return print(&format!("{}\n", printable_json(&answer)));
    }
    let period: PeriodResponse = api_client::read(&answer)?;
    let figures = figures(&period).selected(&arguments.figures);
    if arguments.figures.csv { print_styled(&csv(&period, &figures)) } else { print(&table(&period, &figures)) }
}

/// Before a period begins, and once it is forgotten, people are told so, and programs get no figures.
fn without_figures(arguments: &PeriodArgs, reason: &str) -> Result<(), Failure> {
    match () {
        () if arguments.json => Err(Failure::new(Exit::TryAgain, reason)),
        () if arguments.figures.csv => {
            print_error(&format!("pacemeter: {reason}"));
            print_styled(&csv_head(&CSV_LEADING, CSV_PAST))
        }
        () => print(&format!("{reason}\n")),
    }
}

/// End of the names of the columns of CSV with figures of the close.
const CSV_PAST: &str = "at_close";

fn figures(period: &PeriodResponse) -> FigureTable {
    let mut lines = Vec::new();
    for programme in &period.programmes {
        let name = &programme.programme;
        lines.push(FigureLine {
            scope: Scope::Programme(name.clone()),
            then: programme.closed.as_ref().map(Into::into),
            now: programme.today.as_ref().map(Into::into),
        });
        lines.extend(programme.states.iter().map(|state| FigureLine {
            scope: Scope::State { programme: name.clone(), state: state.state.clone() },
            then: state.closed.as_ref().map(Into::into),
            now: state.today.as_ref().map(Into::into),
        }));
    }
    if !lines.is_empty() {
        lines.push(FigureLine { scope: Scope::All, then: period.closed, now: period.today });
    }
    let title = format!("{} {}", period.period.period, period.period.id);
    FigureTable { title, then: period.closed.map(|_| "at the close"), lines }
}

fn table(period: &PeriodResponse, figures: &FigureTable) -> String {
    let [start, end, now] = [&period.period.start, &period.period.end, &period.now].map(|text| printable(text));
    let mut text = format!("from {start} to {end}\n");
    let closed = match &period.cut {
        Some(cut) => {
            let huella = period.huella.map(|huella| format!(", huella {huella}")).unwrap_or_default();
            format!("closed with cut {}{huella}", printable(cut))
        }
        None if period.now_ms < period.period.end_ms => "not closed yet".to_owned(),
        None => "without a cut at its end".to_owned(),
    };
    let known = match (period.today, period.complete_until_ms) {
        (None, _) => format!("partly forgotten at {now}"),
        (Some(_), None) => format!("known at {now}, completeness unknown"),
        (Some(_), Some(until)) => {
            format!("known at {now}, complete until {} earlier", lapse((period.now_ms - until) as f64 / 1_000.0))
        }
    };
    // Writing to a string does not fail.
    let _ = write!(text, "{closed}\n{known}\n\n{}", figures.text());
    if figures.lacks_people() {
        text.push_str(PEOPLE_ADVICE);
    }
    text
}

fn csv(period: &PeriodResponse, figures: &FigureTable) -> String {
    let leading = [period.period.period.as_str(), period.period.id.as_str()];
    csv_head(&CSV_LEADING, CSV_PAST) + &figures.csv(&leading)
}

#[cfg(test)]
mod tests;
