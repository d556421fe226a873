//! What dispersals come to in each window: distinct people, payments, net pesos.

use std::collections::BTreeMap;

use super::families::{BENEFICIARIES, OracleFamily};
use super::periods::Window;
use super::series_map::SeriesMap;
use super::supports::OracleDispersal;

/// Adds the figures of every window, and the people of all time, for one partition's dispersals.
///
/// "All time" includes forgotten supports, with what was left of their dispersals then.
pub(super) fn evaluate<'a>(dispersals: &[OracleDispersal<'a>], windows: &[Window], series: &mut SeriesMap<'a>) {
    start(&BENEFICIARIES, dispersals, series);
    count_people(&BENEFICIARIES, dispersals.iter(), series);
    for window in windows {
        let inside = || dispersals.iter().filter(|dispersal| window.span.contains(dispersal.time));
        if let Some(beneficiaries) = window.beneficiaries {
            start(beneficiaries, dispersals, series);
            count_people(beneficiaries, inside(), series);
        }
        start(window.dispersals, dispersals, series);
        start(window.net_pesos, dispersals, series);
        for dispersal in inside() {
            let labels = [dispersal.programme, dispersal.state];
            // "Dispersals counts them all, net_pesos what is left of them."
            series.count(window.dispersals, labels, 1);
            series.pesos(window.net_pesos, labels, dispersal.left);
        }
    }
}

/// "Gauges with `state` appear with their first value and then stay, at 0": for all of them that is the first dispersal under these labels.
fn start<'a>(family: &'static OracleFamily, dispersals: &[OracleDispersal<'a>], series: &mut SeriesMap<'a>) {
    for dispersal in dispersals {
        series.start(family, [dispersal.programme, dispersal.state]);
    }
}

/// "Distinct people of whose dispersals in it something is left. Each counts under the state of the earliest such dispersal (`time`, then log
/// order) [...]. A figure over several programmes counts a person once": `other` is one figure over all programmes that are shown so.
fn count_people<'a: 'd, 'd>(
    family: &'static OracleFamily,
    dispersals: impl Iterator<Item = &'d OracleDispersal<'a>>,
    series: &mut SeriesMap<'a>,
) {
    let mut earliest: BTreeMap<(&str, &str), &OracleDispersal<'a>> = BTreeMap::new();
    for dispersal in dispersals.filter(|dispersal| dispersal.left > 0) {
        let of_person = earliest.entry((dispersal.programme, dispersal.beneficiary)).or_insert(dispersal);
        if (dispersal.time, dispersal.order) < (of_person.time, of_person.order) {
            *of_person = dispersal;
        }
    }
    for dispersal in earliest.into_values() {
        series.count(family, [dispersal.programme, dispersal.state], 1);
    }
}
