//! `pacemeter status`: whether the figures can be relied on, partitions, and outcomes of records, as tables.
//!
//! No line is longer than 100 characters.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;

use super::api_client::{self, Endpoint};
use super::terminal::Style;
use super::watch;
use super::words::{UNKNOWN, exact, hours, shortened, wrapped};
use crate::api::status::{PartitionEntry, StatusResponse};
use crate::clock::Timestamp;
use crate::record::Outcome;
use crate::runtime::Failure;
use crate::settings::printable;
use crate::targets::Quantity;

/// Path of the answer.
const PATH: &str = "/api/v1/status";
/// Width of the column of topics and streams.
const NAME: usize = 44;

/// Arguments of `pacemeter status`.
#[derive(Args)]
pub(crate) struct StatusArgs {
    /// Print the JSON response of /api/v1/status.
    #[arg(long)]
    pub(super) json: bool,
    /// Print the tables once a second, until Ctrl-C.
    #[arg(long, conflicts_with = "json")]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) endpoint: Endpoint,
}

/// Prints the status.
///
/// # Errors
/// Exit code 75 without a response.
pub(super) fn run(arguments: &StatusArgs) -> Result<(), Failure> {
    let server = arguments.endpoint.server()?;
    let tables = |answer: &str, style| Ok(tables(&api_client::read(answer)?, style));
    watch::print_answer(&server, PATH, (arguments.watch, arguments.json), tables)
}

fn tables(status: &StatusResponse, style: Style) -> String {
    let uptime = hours(status.uptime_seconds);
    let mut text = format!("pacemeter {}, up {uptime}\n", printable(&status.version));
    // Writing to a string does not fail.
    let _ = writeln!(text, "{}", trust(status, style));
    let _ = writeln!(text, "\n{}", style.paint("2", &row("complete until", [""; 4])));
    for (stream, until) in &status.complete_until_ms {
        let _ = writeln!(text, "{}", row(stream, [&instant(*until), "", "", ""]));
    }
    write_partitions(&mut text, &status.partitions, style);
    write_outcomes(&mut text, &status.partitions, style);
    text
}

/// Returns the lines that say whether the figures can be relied on, and of an outage.
fn trust(status: &StatusResponse, style: Style) -> String {
    let mut lines = vec![if status.ready { style.paint("32", "ready") } else { style.paint("31", "not ready") }];
    lines.extend(status.not_ready.iter().map(|reason| wrapped(reason)));
    if let Some(outage) = &status.outage {
        lines.push(style.paint("33", &format!("brokers have not answered since {}", outage.since_ms)));
        lines.push(wrapped(&outage.reason));
    }
    lines.join("\n")
}

fn write_partitions(text: &mut String, partitions: &[PartitionEntry], style: Style) {
    if partitions.is_empty() {
        text.push_str("\nno partitions yet\n");
        return;
    }
    let head = row("partition", ["position", "end", "lag", ""]);
    let _ = writeln!(text, "\n{}", style.paint("2", &head));
    for partition in partitions {
        let (position, end) = (count(partition.position), partition.high_watermark.map_or_else(unknown, count));
        let lag = partition.lag.map_or_else(unknown, count);
        let stalled = if partition.stalled { "stalled" } else { "" };
        let line = row(&format!("{} {}", partition.topic, partition.partition), [&position, &end, &lag, stalled]);
        let _ = writeln!(text, "{}", if partition.stalled { style.paint("31", &line) } else { line });
    }
    if partitions.len() > 1 {
        let lag = partitions.iter().try_fold(0_i64, |sum, partition| Some(sum.saturating_add(partition.lag?)));
        let lag = lag.map_or_else(unknown, count);
        let _ = writeln!(text, "{}", row(&format!("all {} partitions", partitions.len()), ["", "", &lag, ""]));
    }
}

/// Writes the numbers of records by stream and outcome, then the rejected ones by reason.
fn write_outcomes(text: &mut String, partitions: &[PartitionEntry], style: Style) {
    let mut outcomes: BTreeMap<&str, [u64; Outcome::ALL.len()]> = BTreeMap::new();
    let mut rejected: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for partition in partitions {
        let sums = outcomes.entry(&partition.stream).or_default();
        for (sum, outcome) in sums.iter_mut().zip(Outcome::ALL) {
            *sum = sum.saturating_add(partition.outcomes.get(outcome.name()).copied().unwrap_or(0));
        }
        for (reason, records) in partition.rejected.iter().filter(|(_, records)| **records > 0) {
            let sum = rejected.entry((&partition.stream, reason)).or_default();
            *sum = sum.saturating_add(*records);
        }
    }
    if outcomes.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", style.paint("2", &row("records", Outcome::ALL.map(Outcome::name))));
    for (stream, sums) in outcomes {
        let sums = sums.map(|sum| exact(Some(Quantity::Count(sum.into()))));
        let _ = writeln!(text, "{}", row(stream, sums.each_ref().map(String::as_str)));
    }
    for ((stream, reason), records) in rejected {
        let records = exact(Some(Quantity::Count(records.into())));
        let _ = writeln!(text, "{}", row(&format!("rejected of {stream}: {reason}"), ["", "", &records, ""]));
    }
}

/// One row: a name, then columns aligned right.
fn row(name: &str, columns: [&str; 4]) -> String {
    let [first, second, third, fourth] = columns.map(printable);
    let line = format!("{:NAME$}{first:>16}{second:>16}{third:>12}{fourth:>12}", shortened(name, NAME - 1));
    line.trim_end().to_owned()
}

fn instant(instant: Option<Timestamp>) -> String {
    instant.map_or_else(unknown, |instant| instant.to_string())
}

fn count(number: i64) -> String {
    exact(Some(Quantity::Count(number.into())))
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

#[cfg(test)]
mod tests;
