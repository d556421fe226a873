//! Panels and colours that dashboards share.

use crate::telemetry::catalogue::own;

use super::panel::{ColourStep, PanelTable, Visual, panel, query};
use super::{promql, text};

/// Colours of actual over plan; 0.9 is the bound of the alert rules.
pub(super) const PACE: &[ColourStep] = &[(None, "red"), (Some(0.9), "orange"), (Some(1.0), "green")];

/// Colours of something that must not happen.
pub(super) const NONE_WANTED: &[ColourStep] = &[(None, "green"), (Some(1.0), "red")];

/// Returns the first panel of every dashboard: the instant up to which its figures can be trusted.
pub(super) fn complete_until(width: usize) -> PanelTable {
    let until = format!("min by (job) ({})", promql::figure(&own::COMPLETE_UNTIL, ""));
    panel(
        Visual::Stat,
        (width, 4),
        "dateTimeAsIso",
        text("Cifras completas hasta", "Figures complete until"),
        text(
            "Las cifras contienen todo registro que Kafka tenía a esa hora. La edad se pone naranja después de un minuto \
             y roja después de cinco: las cifras ya no son de ahora.",
            "The figures contain every record that Kafka had by then. The age turns orange after a minute and red after \
             five: the figures are no longer current.",
        ),
    )
    .no_value(text("aún sin cifras completas", "no complete figures yet"))
    .query(query(format!("{until} * 1000"), text("hasta", "until")))
    .query(query(format!("time() - {until}"), text("edad, s", "age, s")).unit("locale").decimals(0).colours(&[
        (None, "green"),
        (Some(60.0), "orange"),
        (Some(300.0), "red"),
    ]))
}
