//! `pacemeter cut`: the figures of an instant as they were kept, and beside them what is known of the same now.

use std::fmt::Write;

use clap::Args;

use super::api_client::{self, Endpoint};
use super::words::{cut as shortened, exact, points};
use crate::api::CellFigures;
use crate::api::cuts::{CellToday, CutResponse, CutSummary, CutsResponse, PeriodToday, TargetToday};
use crate::cuts::Correction;
use crate::runtime::{Failure, print};
use crate::targets::Quantity;

/// The longest line, in characters.
const WIDTH: usize = 100;
/// Of a column of figures. Four of them and the names before them are [`WIDTH`] together.
const COLUMN: usize = 17;
const NAMES: usize = WIDTH - 4 * COLUMN;

/// One of the figures of a cell.
type Figure = fn(&CellFigures) -> Quantity;

#[derive(Args)]
pub struct CutArgs {
    /// Which, as 20200515T230000Z; without it, the newest.
    #[arg(value_name = "ID", conflicts_with = "list")]
    pub id: Option<String>,
    /// List the cuts there are, the newest first, with the periods that closed with each.
    #[arg(long)]
    pub list: bool,
    /// The answer of /api/v1/cuts as it is, in JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub(super) endpoint: Endpoint,
}

/// # Errors
/// 75 if no pacemeter answers, or it has no figures yet; 64 if there is no such cut; 65 if it is damaged.
pub fn run(arguments: &CutArgs) -> Result<(), Failure> {
    let path = match (&arguments.id, arguments.list) {
        (_, true) => "/api/v1/cuts".to_owned(),
        (Some(id), false) => format!("/api/v1/cuts/{}", api_client::part(id)),
        (None, false) => "/api/v1/cuts/newest".to_owned(),
    };
    let answer = api_client::answer(arguments.endpoint.resolve()?, &path)?;
    let text = match (arguments.json, arguments.list) {
        (true, _) => format!("{answer}\n"),
        (false, true) => list(&api_client::read(&answer)?),
        (false, false) => table(&api_client::read(&answer)?),
    };
    print(&text)
}

fn list(cuts: &CutsResponse) -> String {
    let mut text = String::new();
    for cut in &cuts.cuts {
        // Writing to a string does not fail.
        let _ =
            writeln!(text, "{}", shortened(format!("{:<16}  {}  {}", cut.id, cut.at, closed(cut)).trim_end(), WIDTH));
    }
    match () {
        () if cuts.cuts.is_empty() => text.push_str("there are no cuts yet\n"),
        () if cuts.more => text.push_str("older ones are not listed here: see /api/v1/cuts?limit=1000\n"),
        () => {}
    }
    text
}

fn closed(cut: &CutSummary) -> String {
    let periods = cut.periods.iter().map(|ended| format!("{} {}", ended.period, ended.id));
    let targets = cut.targets.iter().map(|closed| format!("{} {}", closed.target, closed.period));
    periods.chain(targets).collect::<Vec<_>>().join(", ")
}

fn table(cut: &CutResponse) -> String {
    let mut text = format!("cut {} of {}\nbeside what is known at {}\n", cut.id, cut.at, cut.now);
    for group in by_period(&cut.targets) {
        let _ = write!(text, "\n{}", of_targets(&group));
    }
    for period in &cut.periods {
        let _ = write!(text, "\n{}", of_period(period));
    }
    if !cut.corrections.is_empty() {
        let _ = write!(text, "\n{}", of_corrections(&cut.corrections));
    }
    text
}

/// In the order in which the periods come first.
fn by_period(targets: &[TargetToday]) -> Vec<Vec<&TargetToday>> {
    let mut groups: Vec<Vec<&TargetToday>> = Vec::new();
    for target in targets {
        match groups.iter_mut().find(|group| group[0].period == target.period) {
            Some(group) => group.push(target),
            None => groups.push(vec![target]),
        }
    }
    groups
}

/// Those of one period.
fn of_targets(targets: &[&TargetToday]) -> String {
    let title = titled("targets", &targets[0].period, targets[0].closes);
    let rows = targets.iter().map(|of| {
        let figures = [exact(Some(of.goal)), exact(of.actual), exact(of.today), difference(of.actual, of.today)];
        row(&of.target, &figures)
    });
    row(&title, &["goal", "at the cut", "today", "difference"].map(str::to_owned)) + &rows.collect::<String>()
}

/// Of each programme over its states.
fn of_period(period: &PeriodToday) -> String {
    let title = titled(&period.period, &period.id, period.closes);
    let head = row(&title, &["at the cut", "today", "difference"].map(str::to_owned));
    let mut cells: &[CellToday] = &period.cells;
    let mut rows = String::new();
    while let Some(first) = cells.first() {
        let (states, rest) =
            cells.split_at(cells.iter().take_while(|cell| cell.cut.programme == first.cut.programme).count());
        rows.push_str(&of_programme(&first.cut.programme, states));
        cells = rest;
    }
    if rows.is_empty() { format!("{head}nothing was dispersed\n") } else { head + &rows }
}

fn of_programme(programme: &str, states: &[CellToday]) -> String {
    let of_cut = |figure: Figure| {
        let figures = states.iter().map(|cell| CellFigures {
            beneficiaries: cell.cut.beneficiaries,
            dispersals: cell.cut.dispersals,
            net_pesos: cell.cut.net_pesos,
        });
        figures.map(|figures| figure(&figures)).reduce(plus)
    };
    let of_today = |figure: Figure| {
        let figures: Option<Vec<Quantity>> = states.iter().map(|cell| cell.today.as_ref().map(figure)).collect();
        figures?.into_iter().reduce(plus)
    };
    let kinds: [(&str, Figure); 3] = [
        ("people", |figures| Quantity::Count(figures.beneficiaries.into())),
        ("dispersals", |figures| Quantity::Count(figures.dispersals.into())),
        ("net pesos", |figures| figures.net_pesos),
    ];
    let rows = kinds.into_iter().enumerate().map(|(line, (name, figure))| {
        let (then, now) = (of_cut(figure), of_today(figure));
        let programme = if line == 0 { shortened(programme, NAMES + COLUMN - 12) } else { String::new() };
        let names = format!("{programme:<width$}{name}", width = NAMES + COLUMN - 11);
        row(&names, &[exact(then), exact(now), difference(then, now)])
    });
    rows.collect()
}

fn of_corrections(corrections: &[Correction]) -> String {
    let rows = corrections.iter().map(|correction| {
        let name = format!("{} {}", correction.target, correction.period);
        row(
            &name,
            &[exact(correction.before), exact(correction.after), difference(correction.before, correction.after)],
        )
    });
    row("corrections of closed periods", &["before", "after", "difference"].map(str::to_owned))
        + &rows.collect::<String>()
}

fn titled(what: &str, period: &str, closes: bool) -> String {
    format!("{what} {period}{}", if closes { ", closed" } else { "" })
}

fn difference(then: Option<Quantity>, now: Option<Quantity>) -> String {
    match now.zip(then).and_then(|(now, then)| now.above(then)) {
        Some(Quantity::Ratio(ratio)) => points(ratio),
        difference => exact(difference),
    }
}

fn plus(one: Quantity, other: Quantity) -> Quantity {
    match (one, other) {
        (Quantity::Count(one), Quantity::Count(other)) => Quantity::Count(one + other),
        (Quantity::Centavos(one), Quantity::Centavos(other)) => Quantity::Centavos(one + other),
        (one, _) => one,
    }
}

/// Names on the left, figures in columns on the right.
fn row(names: &str, figures: &[String]) -> String {
    let width = WIDTH - figures.len() * COLUMN;
    let figures: String = figures.iter().map(|figure| format!("{figure:>COLUMN$}")).collect();
    format!("{:<width$}{figures}\n", shortened(names, width))
}

#[cfg(test)]
mod tests;
