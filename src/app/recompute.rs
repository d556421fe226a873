//! `pacemeter cut verify ID --recompute`: computes a stored cut again from the log.

use std::fmt::Write;
use std::sync::Arc;

use super::opening::cuts_failure;
use super::state_files::StateFiles;
use super::{Settings, state};
use crate::aggregate::ViewConfig;
use crate::cuts::{Cut, CutComparison};
use crate::decode::{Decoder, PseudonymKey};
use crate::pipeline::{Compatibility, Recomputation, RecomputedCut};
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;
use crate::view::closed_periods::ClosedPeriods;

/// Number of lines of each kind that are listed; the rest is counted.
const MAX_LINES: usize = 20;

/// Verifies the hash of a cut, then recomputes it from the log and compares every figure. `progress` receives the
/// number of offsets read and of all offsets. May run beside a running process.
///
/// # Errors
/// 65 with the figures that differ, or if the hash does; 78 if settings have changed since the cut, with the settings;
/// otherwise as [`Recomputation::run`] and [`state::verify_cuts`].
pub(crate) fn recompute_cut(
    mut reader: SettingsReader,
    id: &str,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<String, Failure> {
    let settings = Settings::of(&mut reader);
    let targets = settings.files.read(&settings.files.texts()).targets_or_faults(&mut reader);
    reader.finish()?;
    let own_id = id.to_owned();
    let VerifiedCut { mut report, has_proof, key, stored, closed_periods } =
        StateFiles::new(&settings).work(move |files| VerifiedCut::read(files, &own_id))?;
    let excluded = settings.pipeline.excluded.clone();
    let compatibility =
        Compatibility { rules: settings.rules, decode: settings.decode, excluded, key_id: key.key_id() };
    let view_config = ViewConfig { allowlists: Arc::clone(&settings.allowlists), targets: Arc::clone(&targets) };
    let recomputation = Recomputation {
        source: &settings.source,
        compatibility: &compatibility,
        decoder: &Decoder::new(settings.decode, key),
        view_config: &view_config,
        closed_periods: &closed_periods,
    };
    let recomputed = recomputation.run(&stored, progress)?;
    let comparison = stored.compare(&recomputed.cut, &targets, &closed_periods);
    let verdict = verdict(id, &comparison, &recomputed, &mut report);
    match verdict {
        Exit::Ok if has_proof => Ok(report),
        Exit::Ok => Err(Failure::new(Exit::StateUnusable, report.trim_end())),
        exit => Err(Failure::new(exit, report.trim_end())),
    }
}

/// A stored cut, with the verdict on its hash.
struct VerifiedCut {
    report: String,
    /// True if the hash proves the cut.
    has_proof: bool,
    key: PseudonymKey,
    stored: Cut,
    /// Closed periods of all cuts before it.
    closed_periods: ClosedPeriods,
}

impl VerifiedCut {
    fn read(files: &StateFiles, id: &str) -> Result<Self, Failure> {
        let mut report = String::new();
        let has_proof = state::report_cuts(files, Some(id), &mut report)?;
        let Some((key, cuts)) = files.cuts()? else {
            return Err(state::no_cut(id));
        };
        let found = cuts.find(id).map_err(|error| cuts_failure("cuts in the state directory", &error))?;
        let Some((stored, closed_periods)) = found else {
            let message = format!("{report}cut {id} is not recomputed, as its file is damaged or missing");
            return Err(Failure::new(Exit::StateUnusable, message));
        };
        Ok(Self { report, has_proof, key, stored, closed_periods })
    }
}

/// Adds the result of a comparison to the report, and returns the exit code.
fn verdict(id: &str, comparison: &CutComparison, recomputed: &RecomputedCut, report: &mut String) -> Exit {
    let CutComparison { compared, differences, changed_settings } = comparison;
    let faults: Vec<String> =
        recomputed.faults.iter().cloned().chain(differences.iter().map(ToString::to_string)).collect();
    // Writing to a string does not fail.
    let exit = if !faults.is_empty() {
        let _ =
            writeln!(report, "cut {id} does not hold: {} of {compared} figures differ from the log", differences.len());
        Exit::StateUnusable
    } else if !changed_settings.is_empty() {
        let _ = writeln!(report, "cut {id}: {compared} figures hold; others depend on settings that have changed");
        Exit::Configuration
    } else {
        let _ = writeln!(report, "cut {id} holds: {compared} figures equal those of the log");
        Exit::Ok
    };
    list(report, "", &faults);
    list(report, "not compared: ", changed_settings);
    exit
}

fn list(report: &mut String, prefix: &str, lines: &[String]) {
    for line in lines.iter().take(MAX_LINES) {
        let _ = writeln!(report, "  {prefix}{line}");
    }
    if lines.len() > MAX_LINES {
        let _ = writeln!(report, "  {prefix}and {} more", lines.len() - MAX_LINES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuts::FigureDifference;

    fn report(comparison: &CutComparison, faults: &[&str]) -> (Exit, String) {
        let faults = faults.iter().map(|&fault| fault.to_owned()).collect();
        let cut = serde_json::from_str(include_str!("recompute/cut.json")).unwrap();
        let mut report = String::new();
        let recomputed = RecomputedCut { cut, faults };
        (verdict("A", comparison, &recomputed, &mut report), report)
    }

    #[test]
    fn differences_are_listed_up_to_twenty_and_counted() {
        let difference = |number: usize| FigureDifference {
            figure: format!("figure {number}"),
            stored: Some("99999".to_owned()),
            recomputed: None,
        };
        let differences = (0..25).map(difference).collect();
        let comparison = CutComparison { compared: 30, differences, ..CutComparison::default() };
        let (exit, text) = report(&comparison, &[]);
        assert_eq!(exit, Exit::StateUnusable);
        assert!(
            text.contains("25 of 30 figures differ") && text.contains("figure 0: 99999 in the cut, absent by the log")
        );
        assert!(text.contains("figure 19") && !text.contains("figure 20") && text.contains("and 5 more"), "{text}");
    }

    #[test]
    fn changed_settings_are_no_forgery_but_a_fault_is() {
        let changed_settings = vec!["target a was removed".to_owned()];
        let comparison = CutComparison { compared: 3, changed_settings, ..CutComparison::default() };
        assert_eq!(report(&comparison, &[]).0, Exit::Configuration);
        assert_eq!(report(&comparison, &["records are left out"]).0, Exit::StateUnusable);
        assert_eq!(report(&CutComparison::default(), &[]).0, Exit::Ok);
    }
}
