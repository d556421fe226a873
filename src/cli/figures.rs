//! Tables and CSV of the figures of programmes: those at a cut or at a close, beside those known now.
//!
//! A table has three lines of figures for each name, so that no line is longer than [`WIDTH`] and no name is shortened.

use clap::{Args, ValueEnum};

use super::words::{exact, plain, points};
use crate::api::PeriodTotals;
use crate::settings::printable;
use crate::targets::Quantity;

/// Maximum length of a line, in characters.
pub(super) const WIDTH: usize = 80;
/// Width of a column: a space, and amounts up to 99,999,999,999.99.
const COLUMN: usize = 18;
/// Head of the column of present figures.
pub(super) const KNOWN_NOW: &str = "known now";
/// Head of the column of what changed since.
pub(super) const DIFFERENCE: &str = "difference";

/// Selection and format of figures.
#[derive(Args)]
pub(crate) struct FigureArgs {
    /// Also print the figures of each state.
    #[arg(long, value_name = "WHAT", conflicts_with = "json")]
    pub(super) by: Option<Breakdown>,
    /// Print CSV (RFC 4180), with the names of the columns in its first line. Unknown values are empty.
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
}

/// Parts into which the figures of a programme are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Breakdown {
    /// States of each programme.
    State,
}

/// Subject of figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Programme(String),
    State { programme: String, state: String },
}

/// Figures of a subject at a past instant and now; `None` where they are unknown.
#[derive(Debug, Clone)]
pub(super) struct FigureLine {
    pub(super) scope: Scope,
    pub(super) then: Option<PeriodTotals>,
    pub(super) now: Option<PeriodTotals>,
}

/// Figures of a period.
#[derive(Debug)]
pub(super) struct FigureTable {
    pub(super) title: String,
    /// Head of the column of past figures; without such figures there is no column for them.
    pub(super) then: Option<&'static str>,
    /// Programmes, each followed by its states, and the sum over all.
    pub(super) lines: Vec<FigureLine>,
}

/// Selects one figure of a subject.
type SelectFigure = fn(&PeriodTotals) -> Option<Quantity>;

const FIGURES: [(&str, SelectFigure); 3] = [
    ("people", |totals| totals.beneficiaries.map(|people| Quantity::Count(people.into()))),
    ("dispersals", |totals| Some(Quantity::Count(totals.dispersals.into()))),
    ("net pesos", |totals| Some(totals.net_pesos)),
];

impl FigureTable {
    /// Keeps the lines that were asked for, in a table for people: a sum over one programme says nothing new.
    pub(super) fn selected(mut self, arguments: &FigureArgs) -> Self {
        let programmes = self.lines.iter().filter(|line| matches!(line.scope, Scope::Programme(_))).count();
        self.lines.retain(|line| match line.scope {
            Scope::All => arguments.csv || programmes > 1,
            Scope::Programme(_) => true,
            Scope::State { .. } => arguments.by == Some(Breakdown::State),
        });
        self
    }

    /// Returns the table as text.
    pub(super) fn text(&self) -> String {
        let heads: Vec<&str> = match self.then {
            Some(then) => vec![then, KNOWN_NOW, DIFFERENCE],
            None => vec![KNOWN_NOW],
        };
        let mut text = row(&self.title, &heads.into_iter().map(str::to_owned).collect::<Vec<_>>());
        if self.lines.is_empty() {
            text.push_str("no dispersals\n");
        }
        for line in &self.lines {
            text.push_str(&format!("{}\n", line.scope.title()));
            for (name, figure) in FIGURES {
                let (then, now) = (line.then.as_ref().and_then(figure), line.now.as_ref().and_then(figure));
                let figures = match self.then {
                    Some(_) => vec![exact(then), exact(now), difference(then, now)],
                    None => vec![exact(now)],
                };
                text.push_str(&row(&format!("  {name}"), &figures));
            }
        }
        text
    }

    /// True if a sum has no number of people.
    pub(super) fn lacks_people(&self) -> bool {
        let sums = self.lines.iter().filter(|line| line.scope == Scope::All);
        sums.flat_map(|line| [line.then, line.now]).flatten().any(|totals| totals.beneficiaries.is_none())
    }

    /// Returns the lines as CSV, each with these values before the figures.
    pub(super) fn csv(&self, leading: &[&str]) -> String {
        let csv_line = |line: &FigureLine| {
            let totals = [line.then, line.now];
            let figures =
                totals.iter().flat_map(|totals| FIGURES.map(|(_, figure)| plain(totals.as_ref().and_then(figure))));
            let leading = leading.iter().map(|&value| value.to_owned());
            record(leading.chain(line.scope.fields()).chain(figures))
        };
        self.lines.iter().map(csv_line).collect()
    }
}

/// Names of the columns of CSV; `past` ends the names of the past figures.
pub(super) fn csv_head(leading: &[&str], past: &str) -> String {
    let figures =
        [past, "now"].into_iter().flat_map(|time| FIGURES.map(|(name, _)| format!("{name}_{time}").replace(' ', "_")));
    let names = leading.iter().chain(&["scope", "programme", "state"]).map(|&name| name.to_owned());
    record(names.chain(figures))
}

impl Scope {
    fn title(&self) -> String {
        match self {
            Scope::All => "all programmes".to_owned(),
            Scope::Programme(programme) => printable(programme),
            Scope::State { programme, state } => printable(&format!("{programme}, {state}")),
        }
    }

    fn fields(&self) -> [String; 3] {
        match self {
            Scope::All => ["all".to_owned(), String::new(), String::new()],
            Scope::Programme(programme) => ["programme".to_owned(), programme.clone(), String::new()],
            Scope::State { programme, state } => ["state".to_owned(), programme.clone(), state.clone()],
        }
    }
}

/// One record of RFC 4180. What is not printable is escaped.
fn record(fields: impl Iterator<Item = String>) -> String {
    let quoted = fields.map(|field| {
        let field = printable(&field);
        if field.contains(['"', ',']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

/// Advice below tables whose sums lack people.
pub(super) const PEOPLE_ADVICE: &str = "
The people of all programmes are unknown: one who is paid by two counts once. A
target of beneficiaries without a filter counts them.
";

/// Formats the difference between an amount then and now.
pub(super) fn difference(then: Option<Quantity>, now: Option<Quantity>) -> String {
    match now.zip(then).and_then(|(now, then)| now.above(then)) {
        Some(Quantity::Ratio(ratio)) => points(ratio),
        difference => exact(difference),
    }
}

/// Names on the left, figures in columns on the right. A name that is too long has a line of its own.
pub(super) fn row(name: &str, figures: &[String]) -> String {
    let (name, width) = (printable(name), WIDTH - 3 * COLUMN);
    let columns: String = figures.iter().map(|figure| format!(" {figure:>width$}", width = COLUMN - 1)).collect();
    if name.chars().count() <= width {
        return format!("{name:<width$}{columns}\n");
    }
    format!("{name}\n{:width$}{columns}\n", "")
}

#[cfg(test)]
mod tests;
