//! `pacemeter cut`: the figures recorded at one instant, compared with the figures known today.

use std::fmt::Write;

use clap::{Args, Subcommand};

use super::SettingsArgs;
use super::api_client::{self, Endpoint};
use super::progress::{Progress, ProgressOutput};
use super::words::{exact, points, shortened};
use crate::api::CellFigures;
use crate::api::cuts::{CellToday, CutResponse, CutSummary, CutsResponse, PeriodToday, TargetToday};
use crate::app;
use crate::clock::Clock;
use crate::cuts::{Correction, SealKind};
use crate::runtime::{Failure, print};
use crate::settings::{SettingsReader, printable, printable_json};
use crate::targets::Quantity;

/// Maximum length of a line, in characters.
const WIDTH: usize = 100;
/// Width of a column of figures. The names and four such columns make up [`WIDTH`].
const COLUMN: usize = 17;
const NAMES: usize = WIDTH - 4 * COLUMN;

/// Selects one figure of a cell.
type SelectFigure = fn(&CellFigures) -> Quantity;

/// Arguments of `pacemeter cut`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CutArgs {
    #[command(subcommand)]
    pub(super) command: Option<CutCommand>,
    /// Cut to print, such as 20200515T230000Z; default: the newest.
    #[arg(value_name = "ID", conflicts_with = "list")]
    pub(super) id: Option<String>,
    /// List the stored cuts, newest first, with the periods that closed at each.
    #[arg(long)]
    pub(super) list: bool,
    /// Print the JSON response of /api/v1/cuts.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) endpoint: Endpoint,
}

/// Subcommands of `pacemeter cut`.
#[derive(Subcommand)]
pub(crate) enum CutCommand {
    /// Verify the hashes of the stored cuts; exit code 65 if one is damaged or missing. Safe beside a running process.
    ///
    /// With --recompute also reads the log up to the end of the cut and computes its figures again: 65 if one differs,
    /// 75 if the log no longer reaches back or the broker is unavailable, 78 if settings have changed since.
    Verify(VerifyArgs),
    /// Accept that cuts are lost or have no keyed hash, so that verify no longer fails for them.
    ///
    /// The decision is sealed in the list of cuts and shown by verify permanently. A restored original needs none: it
    /// is recognised at the next start. Refused (exit code 73) while a process uses the state directory.
    Accept(AcceptArgs),
}

/// Arguments of `pacemeter cut accept`.
#[derive(Args)]
pub(crate) struct AcceptArgs {
    /// Cut to accept, such as 20200515T230000Z, or `chain` for the list; default: everything that verify reports.
    #[arg(value_name = "ID")]
    pub(super) id: Option<String>,
    /// Reason for people who read it later, at most 200 characters.
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

fn parse_reason(text: &str) -> Result<String, String> {
    let is_sound = !text.trim().is_empty() && text.chars().count() <= 200;
    if is_sound { Ok(text.trim().to_owned()) } else { Err("must have 1 to 200 characters".to_owned()) }
}

/// Accepts what is lost of the cuts.
///
/// # Errors
/// See [`app::state::accept_cuts`].
pub(super) fn accept(arguments: &AcceptArgs, clock: &Clock) -> Result<(), Failure> {
    let reader = SettingsReader::load(&arguments.settings.layers());
    print(&app::state::accept_cuts(reader, arguments.id.as_deref(), &arguments.reason, clock)?)
}

/// Arguments of `pacemeter cut verify`.
#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// Cut to verify, such as 20200515T230000Z; default: all.
    #[arg(value_name = "ID")]
    pub(super) id: Option<String>,
    /// Recompute the cut from the log and compare every figure; takes as long as a rebuild up to the cut.
    #[arg(long, requires = "id")]
    pub(super) recompute: bool,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// Verifies the hashes of cuts, and recomputes one if wanted.
///
/// # Errors
/// See [`app::state::verify_cuts`] and [`app::recompute_cut`].
pub(super) fn verify(arguments: &VerifyArgs) -> Result<(), Failure> {
    let reader = SettingsReader::load(&arguments.settings.layers());
    let Some(id) = arguments.id.as_deref().filter(|_| arguments.recompute) else {
        return print(&app::state::verify_cuts(reader, arguments.id.as_deref())?);
    };
    let mut progress = None;
    let report = app::recompute_cut(reader, id, &mut |read, total| {
        // Standard error cannot be closed in a way that matters.
        let _ = progress.get_or_insert_with(|| Progress::new(total, ProgressOutput::Stderr)).update(read);
    });
    if let Some(progress) = progress {
        progress.clear();
    }
    print(&report?)
}

/// Prints one cut or the list of cuts.
///
/// # Errors
/// Exit code 75 without a response or if figures are not ready; 64 if the cut does not exist; 65 if it is damaged.
pub(super) fn run(arguments: &CutArgs) -> Result<(), Failure> {
    let path = match (&arguments.id, arguments.list) {
        (_, true) => "/api/v1/cuts".to_owned(),
        (Some(id), false) => format!("/api/v1/cuts/{}", api_client::path_segment(id)),
        (None, false) => "/api/v1/cuts/newest".to_owned(),
    };
    let answer = api_client::answer(arguments.endpoint.resolve()?, &path)?;
    let text = match (arguments.json, arguments.list) {
        (true, _) => format!("{}\n", printable_json(&answer)),
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
        () if cuts.more => text.push_str("older cuts are not listed; see /api/v1/cuts?limit=1000\n"),
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
    let [id, at, hash, now] = [&cut.id, &cut.at, &cut.hash, &cut.now].map(|text| printable(text));
    let mut text = format!("cut {id} of {at}\nhash {hash}\ncompared with figures of {now}\n");
    if cut.provisional {
        text.push_str("provisional: records with earlier timestamps may still come\n");
    }
    match cut.seal {
        SealKind::Sealed => {}
        SealKind::Retaken => text.push_str("taken again after an earlier one was damaged or removed\n"),
        SealKind::Unsealed => text.push_str("stored by an older version, which sealed no cuts\n"),
    }
    for group in by_period(&cut.targets) {
        let _ = write!(text, "\n{}", targets_table(&group));
    }
    for period in &cut.periods {
        let _ = write!(text, "\n{}", period_table(period));
    }
    if !cut.corrections.is_empty() {
        let _ = write!(text, "\n{}", corrections_table(&cut.corrections));
    }
    text
}

/// Groups targets by period, in order of first appearance.
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

/// Table of the targets of one period.
fn targets_table(targets: &[&TargetToday]) -> String {
    let title = period_title("targets", &targets[0].period, targets[0].closes);
    let rows = targets.iter().map(|target| {
        let figures = [
            exact(Some(target.goal)),
            exact(target.actual),
            exact(target.today),
            difference(target.actual, target.today),
        ];
        row(&target.target, &figures)
    });
    row(&title, &["goal", "at the cut", "today", "difference"].map(str::to_owned)) + &rows.collect::<String>()
}

/// Table of one period: each programme, summed over its states.
fn period_table(period: &PeriodToday) -> String {
    let title = period_title(&period.period, &period.id, period.closes);
    let head = row(&title, &["at the cut", "today", "difference"].map(str::to_owned));
    let mut cells: &[CellToday] = &period.cells;
    let mut rows = String::new();
    while let Some(first) = cells.first() {
        let (states, rest) =
            cells.split_at(cells.iter().take_while(|cell| cell.cut.programme == first.cut.programme).count());
        rows.push_str(&programme_rows(&first.cut.programme, states));
        cells = rest;
    }
    if rows.is_empty() { format!("{head}no dispersals\n") } else { head + &rows }
}

fn programme_rows(programme: &str, states: &[CellToday]) -> String {
    let at_cut = |figure: SelectFigure| {
        let figures = states.iter().map(|cell| CellFigures {
            beneficiaries: cell.cut.beneficiaries,
            dispersals: cell.cut.dispersals,
            net_pesos: cell.cut.net_pesos,
        });
        figures.map(|figures| figure(&figures)).reduce(sum)
    };
    let today = |figure: SelectFigure| {
        let figures: Option<Vec<Quantity>> = states.iter().map(|cell| cell.today.as_ref().map(figure)).collect();
        figures?.into_iter().reduce(sum)
    };
    let kinds: [(&str, SelectFigure); 3] = [
        ("people", |figures| Quantity::Count(figures.beneficiaries.into())),
        ("dispersals", |figures| Quantity::Count(figures.dispersals.into())),
        ("net pesos", |figures| figures.net_pesos),
    ];
    let rows = kinds.into_iter().enumerate().map(|(line, (name, figure))| {
        let (then, now) = (at_cut(figure), today(figure));
        let programme = if line == 0 { shortened(programme, NAMES + COLUMN - 12) } else { String::new() };
        let names = format!("{programme:<width$}{name}", width = NAMES + COLUMN - 11);
        row(&names, &[exact(then), exact(now), difference(then, now)])
    });
    rows.collect()
}

fn corrections_table(corrections: &[Correction]) -> String {
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

fn period_title(kind: &str, period: &str, closes: bool) -> String {
    format!("{kind} {period}{}", if closes { ", closed" } else { "" })
}

fn difference(then: Option<Quantity>, now: Option<Quantity>) -> String {
    match now.zip(then).and_then(|(now, then)| now.above(then)) {
        Some(Quantity::Ratio(ratio)) => points(ratio),
        difference => exact(difference),
    }
}

fn sum(one: Quantity, other: Quantity) -> Quantity {
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
