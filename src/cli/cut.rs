//! `pacemeter cut`: the figures recorded at one instant, compared with the figures known now.

use std::fmt::Write;

use clap::{Args, Subcommand};

use super::SettingsArgs;
use super::api_client::{self, Endpoint};
use super::figures::{
    DIFFERENCE, FigureArgs, FigureLine, FigureTable, KNOWN_NOW, PEOPLE_ADVICE, Scope, csv_head, difference, row,
};
use super::progress::{Progress, ProgressOutput};
use super::terminal;
use super::words::exact;
use crate::api::PeriodTotals;
use crate::api::cuts::{CellToday, CutResponse, CutSummary, CutsResponse, PeriodToday, TargetToday};
use crate::app;
use crate::app::state::CutDecision;
use crate::clock::Clock;
use crate::cuts::{Correction, SealKind};
use crate::runtime::{Exit, Failure, print, print_error, print_styled};
use crate::settings::{SettingsReader, printable, printable_json};
use crate::targets::Quantity;

const NO_CUTS: &str = "there are no cuts yet; one is taken at each midnight, and at the times in cuts.at";
/// Head of the column of figures in the cut.
const AT_CUT: &str = "at the cut";
/// Columns of CSV before the figures.
const CSV_LEADING: [&str; 3] = ["cut", "period", "id"];
/// End of the names of the columns of CSV with figures of the cut.
const CSV_PAST: &str = "at_cut";

/// Arguments of `pacemeter cut`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CutArgs {
    #[command(subcommand)]
    pub(super) command: Option<CutCommand>,
    /// Cut to print: an id such as 20200515T230000Z, a time of the programme's zone such as 2020-05-15T18:00, or the day,
    /// week or month that ended with it: yesterday, 2020-05-14, 2020-W20, 2020-05. Without a cut at that time, the nearest
    /// one. Default: the newest.
    #[arg(value_name = "CUT", conflicts_with = "list")]
    pub(super) id: Option<String>,
    /// List all stored cuts, newest first, with the periods that closed at each.
    #[arg(long, conflicts_with_all = ["by", "csv"])]
    pub(super) list: bool,
    #[command(flatten)]
    pub(super) figures: FigureArgs,
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
    /// Accept that cuts are lost, so that verify no longer fails for them.
    ///
    /// With --unsealed adopts cuts that an older version stored without a keyed hash, and accepts nothing else.
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
    /// Adopt cuts without a keyed hash, as an older version stored them. Anybody can make such a file: compare them with a
    /// copy first.
    #[arg(long)]
    pub(super) unsealed: bool,
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

/// Accepts what is lost of the cuts, or adopts those without a keyed hash.
///
/// # Errors
/// See [`app::state::accept_cuts`].
pub(super) fn accept(arguments: &AcceptArgs, clock: &Clock) -> Result<(), Failure> {
    let reader = SettingsReader::load(&arguments.settings.layers());
    let AcceptArgs { id, unsealed, reason, .. } = arguments;
    let decision = CutDecision { id: id.clone(), adopts_unsealed: *unsealed, reason: reason.clone() };
    print(&app::state::accept_cuts(reader, decision, clock)?)
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
    let server = arguments.endpoint.server()?;
    if arguments.list {
        let cuts = all(|path| api_client::read(&server.body(path)?))?;
        return if arguments.json { print(&json(&cuts)?) } else { print(&list(&cuts, terminal::columns())) };
    }
    let id = arguments.id.as_deref().unwrap_or("newest");
    let response = server.get(&format!("/api/v1/cuts/{}", api_client::path_segment(id)))?;
    if response.absence().is_some() && all(|path| api_client::read(&server.body(path)?))?.cuts.is_empty() {
        return without_cuts(arguments);
    }
    let answer = response.body()?;
    if arguments.json {
        return print(&format!("{}\n", printable_json(&answer)));
    }
    let cut: CutResponse = api_client::read(&answer)?;
    if !arguments.figures.csv {
        return print(&table(&cut, &arguments.figures));
    }
    if let Some(nearest) = nearest(&cut) {
        print_error(&format!("pacemeter: cut {} is {nearest}", cut.id));
    }
    print_styled(&csv(&cut, &arguments.figures))
}

/// Says that no cut was taken at the time that was asked for; `None` if one was.
fn nearest(cut: &CutResponse) -> Option<String> {
    cut.nearest_to.as_ref().map(|wanted| format!("nearest to {wanted}, when no cut was taken"))
}

/// Before the first cut people are told so, and programs get no figures.
fn without_cuts(arguments: &CutArgs) -> Result<(), Failure> {
    match () {
        () if arguments.json => Err(Failure::new(Exit::TryAgain, NO_CUTS)),
        () if arguments.figures.csv => {
            print_error(&format!("pacemeter: {NO_CUTS}"));
            print_styled(&csv_head(&CSV_LEADING, CSV_PAST))
        }
        () => print(&format!("{NO_CUTS}\n")),
    }
}

/// Asks for all pages of the list of cuts.
fn all(mut ask: impl FnMut(&str) -> Result<CutsResponse, Failure>) -> Result<CutsResponse, Failure> {
    let mut cuts = ask("/api/v1/cuts?limit=1000")?;
    while cuts.more
        && let Some(last) = cuts.cuts.last()
    {
        let page = ask(&format!("/api/v1/cuts?limit=1000&before_ms={}", last.at_ms.as_millis()))?;
        // A server that repeats itself must not be asked for ever.
        cuts.more = page.more && page.cuts.last().is_some_and(|oldest| oldest.at_ms < last.at_ms);
        cuts.cuts.extend(page.cuts);
    }
    Ok(cuts)
}

fn json(cuts: &CutsResponse) -> Result<String, Failure> {
    let text = serde_json::to_string(cuts).map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    Ok(format!("{}\n", printable_json(&text)))
}

/// Lists cuts, a line each; on a terminal with this many columns the remarks are wrapped.
fn list(cuts: &CutsResponse, columns: Option<usize>) -> String {
    let mut text = String::new();
    for cut in &cuts.cuts {
        let [id, at] = [&cut.id, &cut.at].map(|text| printable(text));
        let mut line = format!("{id:<16}  {at}");
        let indent = line.chars().count() + 2;
        for (position, remark) in remarks(cut).into_iter().enumerate() {
            let is_wrapped = columns.is_some_and(|columns| line.chars().count() + 2 + remark.chars().count() > columns);
            if position > 0 && is_wrapped {
                let _ = writeln!(text, "{line},");
                line = format!("{:indent$}{remark}", "");
            } else {
                let separator = if position > 0 { ", " } else { "  " };
                line = format!("{line}{separator}{remark}");
            }
        }
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line}");
    }
    if cuts.cuts.is_empty() { format!("{NO_CUTS}\n") } else { text }
}

/// Origin of a cut that is not simply sealed, whether it is final, then the periods that closed with it.
fn remarks(cut: &CutSummary) -> Vec<String> {
    let seal = match cut.seal {
        SealKind::Sealed => None,
        SealKind::Retaken => Some("retaken".to_owned()),
        SealKind::Unsealed => Some("unsealed".to_owned()),
    };
    let periods = cut.periods.iter().map(|ended| format!("{} {}", ended.period, ended.id));
    let targets = cut.targets.iter().map(|closed| format!("{} {}", closed.target, closed.period));
    let provisional = cut.provisional.then(|| "provisional".to_owned());
    let late = cut.late.then(|| "late record".to_owned());
    seal.into_iter()
        .chain(provisional)
        .chain(late)
        .chain(periods)
        .chain(targets)
        .map(|remark| printable(&remark))
        .collect()
}

fn table(cut: &CutResponse, arguments: &FigureArgs) -> String {
    let [id, at, hash, now] = [&cut.id, &cut.at, &cut.hash, &cut.now].map(|text| printable(text));
    let mut text = format!("cut {id} of {at}\n");
    if let Some(nearest) = nearest(cut) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", printable(&nearest));
    }
    if let Some(huella) = cut.huella {
        let _ = writeln!(text, "huella {huella}");
    }
    let _ = write!(text, "hash {hash}\ncompared with what is known at {now}\n");
    if cut.provisional {
        text.push_str("provisional: records with earlier timestamps may still come\n");
    }
    if cut.late {
        let _ = writeln!(
            text,
            "late: a record that belongs to the cut came after it; see pacemeter cut verify {id} --recompute"
        );
    }
    match cut.seal {
        SealKind::Sealed => {}
        SealKind::Retaken => text.push_str("taken again after an earlier one was damaged or removed\n"),
        SealKind::Unsealed => text.push_str("unsealed: stored without a keyed hash, and adopted later\n"),
    }
    for group in by_period(&cut.targets) {
        let _ = write!(text, "\n{}", targets_table(&group));
    }
    let tables: Vec<FigureTable> = cut.periods.iter().map(|period| period_table(period).selected(arguments)).collect();
    for table in &tables {
        let _ = write!(text, "\n{}", table.text());
    }
    if tables.iter().any(FigureTable::lacks_people) {
        text.push_str(PEOPLE_ADVICE);
    }
    if !cut.corrections.is_empty() {
        let _ = write!(text, "\n{}", corrections_table(&cut.corrections));
    }
    text
}

fn csv(cut: &CutResponse, arguments: &FigureArgs) -> String {
    let lines = cut.periods.iter().map(|period| {
        period_table(period).selected(arguments).csv(&[cut.id.as_str(), period.period.as_str(), period.id.as_str()])
    });
    csv_head(&CSV_LEADING, CSV_PAST) + &lines.collect::<String>()
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
        let figures = [exact(target.actual), exact(target.today), difference(target.actual, target.today)];
        format!("{}\n{}", printable(&target.target), row(&format!("  goal {}", exact(Some(target.goal))), &figures))
    });
    row(&title, &[AT_CUT, KNOWN_NOW, DIFFERENCE].map(str::to_owned)) + &rows.collect::<String>()
}

/// Table of one period, with the sums of each programme over its states.
fn period_table(period: &PeriodToday) -> FigureTable {
    let mut cells: &[CellToday] = &period.cells;
    let mut lines = Vec::new();
    while let Some(first) = cells.first() {
        let programme = &first.cut.programme;
        let (states, rest) = cells.split_at(cells.iter().take_while(|cell| cell.cut.programme == *programme).count());
        let at_cut = states.iter().map(|cell| PeriodTotals {
            beneficiaries: Some(cell.cut.beneficiaries),
            dispersals: cell.cut.dispersals,
            net_pesos: cell.cut.net_pesos,
        });
        let at_cut: Vec<PeriodTotals> = at_cut.collect();
        let now: Vec<Option<PeriodTotals>> = states.iter().map(|cell| cell.today.as_ref().map(Into::into)).collect();
        lines.push(FigureLine {
            scope: Scope::Programme(programme.clone()),
            then: at_cut.iter().copied().reduce(sum),
            now: now.iter().copied().collect::<Option<Vec<_>>>().and_then(|now| now.into_iter().reduce(sum)),
        });
        lines.extend(states.iter().zip(at_cut).zip(now).map(|((cell, at_cut), now)| FigureLine {
            scope: Scope::State { programme: programme.clone(), state: cell.cut.state.clone() },
            then: Some(at_cut),
            now,
        }));
        cells = rest;
    }
    if !lines.is_empty() {
        lines.push(FigureLine { scope: Scope::All, then: Some(period.total.cut), now: period.total.today });
    }
    FigureTable { title: period_title(&period.period, &period.id, period.closes), then: Some(AT_CUT), lines }
}

/// Adds up states of a programme, in which each person counts once.
fn sum(one: PeriodTotals, other: PeriodTotals) -> PeriodTotals {
    PeriodTotals {
        beneficiaries: one.beneficiaries.zip(other.beneficiaries).and_then(|(one, other)| one.checked_add(other)),
        dispersals: one.dispersals.saturating_add(other.dispersals),
        net_pesos: match (one.net_pesos, other.net_pesos) {
            (Quantity::Centavos(one), Quantity::Centavos(other)) => Quantity::Centavos(one.saturating_add(other)),
            (one, _) => one,
        },
    }
}

fn corrections_table(corrections: &[Correction]) -> String {
    let rows = corrections.iter().map(|correction| {
        let name = format!("{} {}", correction.target, correction.period);
        let Correction { before, after, .. } = *correction;
        row(&name, &[exact(before), exact(after), difference(before, after)])
    });
    row("corrections of closed periods", &["before", "after", DIFFERENCE].map(str::to_owned))
        + &rows.collect::<String>()
}

fn period_title(kind: &str, period: &str, closes: bool) -> String {
    format!("{kind} {period}{}", if closes { ", closed" } else { "" })
}

#[cfg(test)]
mod tests;
