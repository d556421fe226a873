//! Dispersals in each window: distinct people, payments, net pesos (`spec/figures.md#beneficiaries`).

use std::collections::BTreeMap;

use super::Oracle;
use super::families::{BENEFICIARIES, OracleFamily};
use super::periods::Window;
use super::series_map::SeriesMap;
use super::steps;
use super::supports::{self, OracleDispersal};
use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::record::Stream;

/// Adds the series of every window and of all time for one partition's dispersals.
///
/// People of all time include those of forgotten supports (`spec/figures.md#all-time-people`).
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
            series.count(window.dispersals, labels, 1);
            series.pesos(window.net_pesos, labels, dispersal.left);
        }
    }
}

impl Oracle {
    /// Time of the earliest dispersal of an interval of which something is left, for each federal state as shown and each
    /// person paid there, under whatever programme (`spec/figures.md#states`). Somebody paid in two partitions counts in
    /// each.
    pub fn firsts_by_state(&self, interval: Interval) -> Vec<(String, Timestamp)> {
        let mut firsts = Vec::new();
        // Not used: only the dispersals are.
        let mut series = SeriesMap::default();
        for (_, records) in self.partitions.iter().filter(|((stream, _), _)| *stream == Stream::Disbursement) {
            let log = steps::replay(Stream::Disbursement, records, &self.rules, &mut series);
            let mut earliest = BTreeMap::<(&str, &str), Timestamp>::new();
            for dispersal in supports::evaluate(&log, &self.rules, &mut series) {
                if dispersal.left > 0 && interval.contains(dispersal.time) {
                    let first = earliest.entry((dispersal.state, dispersal.beneficiary)).or_insert(dispersal.time);
                    *first = dispersal.time.min(*first);
                }
            }
            firsts.extend(earliest.into_iter().map(|((state, _), first)| (state.to_owned(), first)));
        }
        firsts
    }
}

impl Oracle {
    /// Number of dispersals of an interval, and of those that were returned in full, for each programme as shown.
    pub fn returned_dispersals(&self, interval: Interval) -> BTreeMap<String, [u64; 2]> {
        let mut counts = BTreeMap::<String, [u64; 2]>::new();
        // Not used: only the dispersals are.
        let mut series = SeriesMap::default();
        for (_, records) in self.partitions.iter().filter(|((stream, _), _)| *stream == Stream::Disbursement) {
            let log = steps::replay(Stream::Disbursement, records, &self.rules, &mut series);
            let dispersals = supports::evaluate(&log, &self.rules, &mut series);
            for dispersal in dispersals.iter().filter(|dispersal| interval.contains(dispersal.time)) {
                let [all, returned] = counts.entry(dispersal.programme.to_owned()).or_default();
                *all += 1;
                *returned += u64::from(dispersal.left == 0);
            }
        }
        counts
    }
}

/// Starts the series of every programme and state that ever had a dispersal (`spec/figures.md#series`).
fn start<'a>(family: &'static OracleFamily, dispersals: &[OracleDispersal<'a>], series: &mut SeriesMap<'a>) {
    for dispersal in dispersals {
        series.start(family, [dispersal.programme, dispersal.state]);
    }
}

/// Counts each person once for each programme shown, in the state of the earliest dispersal of which something is left.
///
/// Programmes shown as `other` are one figure, so a person counts once over all of them.
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
