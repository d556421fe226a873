//! Supports: events, pesos, returns, backlog, spans.

use std::collections::BTreeMap;

use super::families::{
    APPLICATION_TO_APPROVAL, APPROVAL_TO_DISPERSAL, APPROVED_PESOS, BACKLOG_OLDEST, BACKLOG_PESOS, BACKLOG_SUPPORTS,
    DISBURSEMENT_EVENTS, DISPERSED_PESOS, RETURNED_PESOS, UNMATCHED, UNMATCHED_PESOS, WAITING_PESOS,
};
use super::labels::{LabelValues, listed_and_other, listed_other_and_unknown, show_state};
use super::series_map::SeriesMap;
use super::steps::ReplayedLog;
use super::{Body, OracleRules};
use crate::clock::Millis;
use crate::event::{Centavos, DisbursementKind};
use crate::record::Stream;

/// One applied disbursement event, under the labels that it is shown with.
#[derive(Clone, Copy)]
struct SupportEvent<'a> {
    kind: DisbursementKind,
    time: Millis,
    /// Its place in the log.
    order: usize,
    programme: &'a str,
    state: &'a str,
    beneficiary: &'a str,
    amount: Centavos,
}

/// What is remembered of one `credit`, until it is forgotten; what comes after that is another support.
#[derive(Default)]
struct Support<'a> {
    /// In log order.
    entries: Vec<SupportEvent<'a>>,
    newest: Millis,
    has_approval: bool,
    has_dispersal_or_rejection: bool,
}

/// A dispersal, with what its support's returns have left of it.
pub(super) struct OracleDispersal<'a> {
    pub(super) time: Millis,
    /// Its place in the log.
    pub(super) order: usize,
    pub(super) programme: &'a str,
    pub(super) state: &'a str,
    pub(super) beneficiary: &'a str,
    pub(super) amount: Centavos,
    pub(super) left: Centavos,
}

/// A return that found too little to take.
struct WaitingReturn<'a> {
    programme: &'a str,
    /// What it still has to take.
    rest: Centavos,
}

pub(super) fn start_series<'a>(rules: &'a OracleRules, series: &mut SeriesMap<'a>) {
    let programmes = listed_and_other(&rules.labels.programmes);
    let states = listed_other_and_unknown(&rules.labels.states);
    let events: Vec<_> = DisbursementKind::ALL.iter().map(|kind| kind.name()).collect();
    series.start_pairs(&DISBURSEMENT_EVENTS, &programmes, &events);
    for family in [&APPROVED_PESOS, &DISPERSED_PESOS, &RETURNED_PESOS] {
        series.start_pairs(family, &programmes, &states);
    }
    for programme in programmes {
        // The oldest approval is absent when there is none.
        for family in [
            &UNMATCHED_PESOS,
            &WAITING_PESOS,
            &BACKLOG_SUPPORTS,
            &BACKLOG_PESOS,
            &APPLICATION_TO_APPROVAL,
            &APPROVAL_TO_DISPERSAL,
        ] {
            series.start(family, [programme]);
        }
    }
}

/// Adds all that supports show and returns every dispersal ever applied.
pub(super) fn evaluate<'a>(
    log: &ReplayedLog<'a>,
    rules: &'a OracleRules,
    series: &mut SeriesMap<'a>,
) -> Vec<OracleDispersal<'a>> {
    let mut dispersals = Vec::new();
    let mut remembered: BTreeMap<&str, Support> = BTreeMap::new();
    let mut programmes = LabelValues::new(&rules.labels.programmes, rules);
    for (order, applied) in log.applied.iter().enumerate() {
        let Body::Disbursement(given) = &applied.event.body else { continue };
        let entry = SupportEvent {
            kind: given.kind,
            time: applied.event.time,
            order,
            programme: programmes.show(&given.programme),
            state: show_state(given.state.as_deref(), rules),
            beneficiary: &given.beneficiary,
            amount: if given.kind.has_amount() { given.amount.unwrap_or(0) } else { 0 },
        };
        series.count(&DISBURSEMENT_EVENTS, [entry.programme, entry.kind.name()], 1);
        if entry.kind == DisbursementKind::Approved {
            series.pesos(&APPROVED_PESOS, [entry.programme, entry.state], entry.amount);
        }

        let support = remembered.entry(&given.credit).or_default();
        if support.is_forgotten(applied.watermark, rules) {
            let forgotten = std::mem::take(support);
            dispersals.extend(forgotten.add_series(true, series));
        }
        support.apply(entry);
    }
    for support in remembered.into_values() {
        let forgotten = log.watermark.is_some_and(|watermark| support.is_forgotten(watermark, rules));
        dispersals.extend(support.add_series(forgotten, series));
    }
    dispersals
}

impl<'a> Support<'a> {
    fn apply(&mut self, entry: SupportEvent<'a>) {
        self.newest = if self.entries.is_empty() { entry.time } else { self.newest.max(entry.time) };
        match entry.kind {
            DisbursementKind::Approved => self.has_approval = true,
            DisbursementKind::Dispersed | DisbursementKind::Rejected => self.has_dispersal_or_rejection = true,
            DisbursementKind::Applied | DisbursementKind::Returned => {}
        }
        self.entries.push(entry);
    }

    /// "Supports with an approval and no dispersal or rejection, in any order [...]. A return does not reopen it."
    fn is_open(&self) -> bool {
        self.has_approval && !self.has_dispersal_or_rejection
    }

    /// "Forget whatever is older than watermark - horizon: [...] supports and calls whole, by the newest `time` of their events; a support still
    /// open not before `streams.disbursement.open_horizon`."
    fn is_forgotten(&self, watermark: Millis, rules: &OracleRules) -> bool {
        let horizon = if self.is_open() { rules.open_horizon } else { rules.horizons.disbursement };
        !self.entries.is_empty() && self.newest < watermark - horizon
    }

    /// "First event of each kind in log order."
    fn first(&self, kind: DisbursementKind) -> Option<&SupportEvent<'a>> {
        self.entries.iter().find(|entry| entry.kind == kind)
    }

    /// Adds what the support shows at the end of the log, or when it was forgotten, and returns its dispersals.
    fn add_series(&self, forgotten: bool, series: &mut SeriesMap<'a>) -> Vec<OracleDispersal<'a>> {
        self.add_spans(series);
        let (dispersals, waiting) = self.match_returns();
        for dispersal in &dispersals {
            let labels = [dispersal.programme, dispersal.state];
            series.pesos(&DISPERSED_PESOS, labels, dispersal.amount);
            // "Dispersed = what is left + returned."
            series.pesos(&RETURNED_PESOS, labels, dispersal.amount - dispersal.left);
        }
        // "What came back = returned + waiting + unmatched": what waits is unmatched when the support is forgotten.
        for waiting in &waiting {
            let family = if forgotten { &UNMATCHED_PESOS } else { &WAITING_PESOS };
            series.pesos(family, [waiting.programme], waiting.rest);
        }
        if forgotten {
            series.count(&UNMATCHED, [Stream::Disbursement.name(), "returned"], waiting.len() as u64);
        }
        if self.is_open() {
            self.add_open(forgotten, series);
        }
        dispersals
    }

    /// "The first approval in log order gives programme, time and amount"; "a support still open after the open horizon (event `approved`)".
    fn add_open(&self, forgotten: bool, series: &mut SeriesMap<'a>) {
        let Some(approval) = self.first(DisbursementKind::Approved) else { return };
        if forgotten {
            series.count(&UNMATCHED, [Stream::Disbursement.name(), "approved"], 1);
        } else {
            series.count(&BACKLOG_SUPPORTS, [approval.programme], 1);
            series.pesos(&BACKLOG_PESOS, [approval.programme], approval.amount);
            series.oldest(&BACKLOG_OLDEST, [approval.programme], approval.time);
        }
    }

    /// "Application to approval, approval to dispersal: first event of each kind in log order, when both are known; labels of the later step;
    /// negative counts as 0." The later step is the approval, or the dispersal, whichever came first.
    fn add_spans(&self, series: &mut SeriesMap<'a>) {
        let steps = [
            (&APPLICATION_TO_APPROVAL, DisbursementKind::Applied, DisbursementKind::Approved),
            (&APPROVAL_TO_DISPERSAL, DisbursementKind::Approved, DisbursementKind::Dispersed),
        ];
        for (family, earlier, later) in steps {
            if let (Some(earlier), Some(later)) = (self.first(earlier), self.first(later)) {
                series.observe(family, [later.programme], (later.time - earlier.time).max(0));
            }
        }
    }

    /// Lets every return take back what it can.
    fn match_returns(&self) -> (Vec<OracleDispersal<'a>>, Vec<WaitingReturn<'a>>) {
        let mut dispersals: Vec<OracleDispersal> = Vec::new();
        let mut waiting: Vec<WaitingReturn> = Vec::new();
        for entry in &self.entries {
            match entry.kind {
                DisbursementKind::Dispersed => {
                    let mut dispersal = OracleDispersal {
                        time: entry.time,
                        order: entry.order,
                        programme: entry.programme,
                        state: entry.state,
                        beneficiary: entry.beneficiary,
                        amount: entry.amount,
                        left: entry.amount,
                    };
                    // "What finds nothing to take waits for a later dispersal of that support, oldest return first."
                    for waiting in &mut waiting {
                        take(&mut waiting.rest, &mut dispersal.left);
                    }
                    waiting.retain(|waiting| waiting.rest > 0);
                    dispersals.push(dispersal);
                }
                DisbursementKind::Returned => {
                    // "Take back from the support's dispersals, newest first in log order, never more than is left of each."
                    let mut rest = entry.amount;
                    for dispersal in dispersals.iter_mut().rev() {
                        take(&mut rest, &mut dispersal.left);
                    }
                    if rest > 0 {
                        waiting.push(WaitingReturn { programme: entry.programme, rest });
                    }
                }
                DisbursementKind::Applied | DisbursementKind::Approved | DisbursementKind::Rejected => {}
            }
        }
        (dispersals, waiting)
    }
}

/// Moves as much as both allow from what is left of a dispersal to a return.
fn take(rest: &mut Centavos, left: &mut Centavos) {
    let taken = (*rest).min(*left);
    *rest -= taken;
    *left -= taken;
}
