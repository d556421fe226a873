//! `pacemeter targets`: progress of each target, as a table.
//!
//! Each target has three lines: its title, then a bar with a mark at the plan to date, followed by the columns of figures,
//! then the server's sentence.
//! No line is longer than [`WIDTH`]. Output that does not go to a terminal is plain ASCII without colours.

use std::fmt::Write;

use clap::Args;

use super::api_client::{self, Endpoint};
use super::terminal::Style;
use super::watch;
use super::words::{UNKNOWN, WIDTH, chance, exact, hours, lapse, percent, points, short, shortened, wrapped};
use crate::api::targets::{CurrentPeriod, TargetEntry, TargetsResponse};
use crate::clock::Timestamp;
use crate::runtime::Failure;
use crate::settings::printable;
use crate::targets::Quantity;
use crate::targets::status::PaceStatus;

const BAR: usize = 36;

/// Arguments of `pacemeter targets`.
#[derive(Args)]
pub(crate) struct TargetsArgs {
    /// Print the JSON response of /api/v1/targets.
    #[arg(long)]
    pub(super) json: bool,
    /// Print the table once a second, until Ctrl-C.
    #[arg(long, conflicts_with = "json")]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) endpoint: Endpoint,
}

/// Path of the answer.
const PATH: &str = "/api/v1/targets";

/// Prints the targets.
///
/// # Errors
/// Exit code 75 without a response or if figures are not ready.
pub(super) fn run(arguments: &TargetsArgs) -> Result<(), Failure> {
    let server = arguments.endpoint.server()?;
    let table = |answer: &str, style| Ok(table(&api_client::read(answer)?, style));
    watch::print_answer(&server, PATH, (arguments.watch, arguments.json), table)
}

fn table(targets: &TargetsResponse, style: Style) -> String {
    let mut text = format!("{}, {}\n", printable(&targets.now), completeness(targets));
    if targets.targets.is_empty() {
        text.push_str("no targets; list the files that define them in targets.files\n");
        return text;
    }
    let head = row("", ["of goal", "pace", "behind", "needs/h", "had/h", "left", "chance"].map(str::to_owned));
    // Writing to a string does not fail.
    let _ = writeln!(text, "{}", style.paint("2", &head));
    for target in &targets.targets {
        let _ = writeln!(text, "{}", title(target, style));
        let line = target.current.as_ref().map_or_else(
            || "  no current period, or part of it is no longer known".to_owned(),
            |now| format!("{}\n{}", figures(now, style), wrapped(&now.say.en)),
        );
        let _ = writeln!(text, "{line}");
    }
    text
}

fn completeness(targets: &TargetsResponse) -> String {
    let known: Option<Vec<Timestamp>> = targets.targets.iter().map(|target| target.complete_until_ms).collect();
    match known.map(|known| known.into_iter().min()) {
        None => "completeness unknown".to_owned(),
        Some(None) => "nothing to complete".to_owned(),
        Some(Some(until)) => format!("complete until {} earlier", lapse((targets.now_ms - until) as f64 / 1_000.0)),
    }
}

/// Returns a line such as `weekly: 61,234 of 100,000 people`, with the period aligned right.
fn title(target: &TargetEntry, style: Style) -> String {
    let Some(current) = &target.current else { return style.paint("1", &shortened(&target.name, WIDTH)) };
    let unit = if target.unit == "ratio" { String::new() } else { format!(" {}", printable(&target.unit)) };
    let amounts = format!(": {} of {}{unit}", exact(current.actual), exact(Some(current.goal)));
    let period = printable(&format!("{} {}", current.period.period, current.period.id));
    let name =
        shortened(&target.name, WIDTH.saturating_sub(amounts.chars().count() + 2 + period.chars().count()).max(1));
    let gap = WIDTH.saturating_sub(name.chars().count() + amounts.chars().count());
    format!("{}{amounts}{period:>gap$}", style.paint("1", &name))
}

fn figures(current: &CurrentPeriod, style: Style) -> String {
    let is_ratio = matches!(current.goal, Quantity::Ratio(_));
    let goal = current.goal.value();
    let done = current.actual.map_or(0.0, Quantity::value);
    // A ratio is drawn on a bar up to 100 %, with the goal as its plan; other measures on a bar up to the goal.
    let (whole, planned) = if is_ratio { (1.0, goal) } else { (goal, current.plan) };
    let bar = bar(done / whole, planned / whole, style);
    let or_unknown =
        |value: Option<f64>, words: &dyn Fn(f64) -> String| value.map_or_else(|| UNKNOWN.to_owned(), words);
    // A figure that is old or not relied on says nothing of the distance to the plan.
    let judged = |value: Option<f64>| value.filter(|_| current.status != PaceStatus::Unknown);
    let shortfall = judged(current.shortfall);
    let figures = [
        or_unknown(current.actual.filter(|_| goal > 0.0).map(|actual| actual.value() / goal), &|part| {
            if part < 10.0 { percent(part) } else { ">999 %".to_owned() }
        }),
        or_unknown(judged(current.pace_ratio), &|pace| {
            if pace < 100.0 { format!("{pace:.2}") } else { ">99".to_owned() }
        }),
        if is_ratio { or_unknown(shortfall, &points) } else { short(shortfall) },
        short(judged(current.required_per_open_hour)),
        short(current.achieved_per_open_hour),
        hours(current.remaining_open_seconds),
        chance(judged(current.attainment_probability_ratio)),
    ];
    row(&style.paint(colour(current.status), &bar), figures)
}

/// Red if attainment is unlikely, yellow if further behind plan than chance explains, dim if unknown, green otherwise.
fn colour(status: PaceStatus) -> &'static str {
    match status {
        PaceStatus::Unknown => "2",
        PaceStatus::AtRisk => "31",
        PaceStatus::Behind | PaceStatus::SlightlyBehind => "33",
        PaceStatus::Reached
        | PaceStatus::Closed
        | PaceStatus::Starting
        | PaceStatus::WithinChance
        | PaceStatus::Ahead
        | PaceStatus::OnPace => "32",
    }
}

/// Draws the bar, full only at 100 %.
fn bar(done: f64, planned: f64, style: Style) -> String {
    let cells = |part: f64| if part.is_finite() { (part.clamp(0.0, 1.0) * BAR as f64) as usize } else { 0 };
    let (done, plan) = (cells(done), cells(planned).min(BAR - 1));
    let [full, empty, mark] = style.bar;
    (0..BAR)
        .map(|cell| {
            if cell == plan {
                mark
            } else if cell < done {
                full
            } else {
                empty
            }
        })
        .collect()
}

/// One row: the bar, then the columns. Widths add up to [`WIDTH`] with the indentation of two.
fn row(bar: &str, figures: [String; 7]) -> String {
    let [of_goal, pace, behind, needs, had, left, chance] = figures;
    let bar = if bar.is_empty() { " ".repeat(BAR) } else { bar.to_owned() };
    format!("  {bar}{of_goal:>9}{pace:>6}{behind:>11}{needs:>10}{had:>10}{left:>9}{chance:>7}")
}

#[cfg(test)]
mod tests;
