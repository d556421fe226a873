//! The stored cuts in `pacemeter state inspect`.

use std::fmt::Write;

use super::last_cuts;
use crate::app::opening::cuts_failure;
use crate::app::state_files::StateFiles;
use crate::runtime::{Exit, Failure};

/// Returns the number of cuts, the first and the last, and a line for each that is damaged or missing.
///
/// # Errors
/// The disk refuses. A missing key is reported in the text: without it nothing can be said of the cuts.
pub(super) fn text(files: &StateFiles) -> Result<String, Failure> {
    let opened = match files.cuts() {
        Err(failure) if failure.exit == Exit::Configuration => return Ok(format!("\n{}\n", failure.message)),
        opened => opened?,
    };
    let Some((_, cuts)) = opened else { return Ok("\ncuts: none\n".to_owned()) };
    // First the checkpoints: a running process may store a cut, and then a checkpoint that names it.
    let last_cuts = last_cuts(files)?;
    let verdicts = cuts.verify(None, &last_cuts).map_err(|error| cuts_failure(files.shown_directory(), &error))?;
    let (mut intact, mut faults, mut lost) = (Vec::new(), Vec::new(), 0);
    for verdict in &verdicts {
        match &verdict.result {
            // The list itself is no cut.
            Ok(_) if verdict.id == "chain" => {}
            Ok(Some(_)) => intact.push(verdict.id.as_str()),
            Ok(None) => lost += 1,
            Err(fault) => faults.push(format!("  {}: {fault}\n", verdict.id)),
        }
    }
    if intact.is_empty() && faults.is_empty() && lost == 0 {
        return Ok("\ncuts: none\n".to_owned());
    }
    let mut text = match (intact.iter().min(), intact.iter().max()) {
        (Some(first), Some(last)) => format!("\ncuts: {} intact, {first} to {last}", intact.len()),
        _ => "\ncuts: none intact".to_owned(),
    };
    // Writing to a string does not fail.
    if lost > 0 {
        let _ = write!(text, "; {lost} lost, which was accepted");
    }
    if !faults.is_empty() {
        let _ = write!(text, "; {} damaged or missing", faults.len());
    }
    Ok(format!("{text}\n{}", faults.concat()))
}
