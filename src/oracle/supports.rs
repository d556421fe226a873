//! Supports: events, pesos, returns, backlog, spans (`spec/figures.md#supports`).

use std::collections::BTreeMap;

use super::families::{
    APPLICATION_TO_APPROVAL, APPROVAL_TO_DISPERSAL, APPROVED_PESOS, BACKLOG_OLDEST, BACKLOG_PESOS, BACKLOG_SUPPORTS,
    DISBURSEMENT_EVENTS, DISPERSED_PESOS, RETURNED_PESOS, UNMATCHED, UNMATCHED_PESOS, WAITING_PESOS,
};
use super::labels::{LabelValues, listed_and_other, listed_other_and_unknown, show_state};
use super::series_map::SeriesMap;
use super::steps::ReplayedLog;
use super::{OracleRules, SentBody};
use crate::clock::Timestamp;
use crate::event::{Centavos, DisbursementKind};
use crate::record::Stream;

/// One applied disbursement event, with the labels that it is shown under.
#[derive(Clone, Copy)]
struct SupportEvent<'a> {
    kind: DisbursementKind,
    time: Timestamp,
    /// Index among the applied events of the partition.
    order: usize,
    programme: &'a str,
    state: &'a str,
    beneficiary: &'a str,
    amount: Centavos,
}

/// Remembered events of one `credit`. After it is forgotten, the same identifier names another support.
#[derive(Default)]
struct Support<'a> {
    /// Events in log order.
    events: Vec<SupportEvent<'a>>,
    newest: Timestamp,
    has_approval: bool,
    has_dispersal_or_rejection: bool,
}

/// A dispersal, and what is left of it after returns.
pub(super) struct OracleDispersal<'a> {
    pub(super) time: Timestamp,
    /// Index among the applied events of the partition.
    pub(super) order: usize,
    pub(super) programme: &'a str,
    pub(super) state: &'a str,
    pub(super) beneficiary: &'a str,
    pub(super) amount: Centavos,
    pub(super) left: Centavos,
}

/// A return that found too little to take back (`spec/figures.md#waiting-returns`).
struct WaitingReturn<'a> {
    programme: &'a str,
    /// Amount that it has yet to take back.
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

/// Adds all series of supports and returns every dispersal ever applied.
pub(super) fn evaluate<'a>(
    log: &ReplayedLog<'a>,
    rules: &'a OracleRules,
    series: &mut SeriesMap<'a>,
) -> Vec<OracleDispersal<'a>> {
    let mut dispersals = Vec::new();
    let mut remembered: BTreeMap<&str, Support> = BTreeMap::new();
    let mut programmes = LabelValues::new(&rules.labels.programmes, rules);
    for (order, applied) in log.applied.iter().enumerate() {
        let SentBody::Disbursement(given) = &applied.event.body else { continue };
        let entry = SupportEvent {
            kind: given.kind,
            time: applied.event.time,
            order,
            programme: programmes.show(&given.programme),
            state: show_state(given.state.as_deref(), rules),
            beneficiary: &given.beneficiary,
            amount: given.amount.filter(|_| given.kind.has_amount()).map_or(0, |amount| amount.centavos),
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
        self.newest = if self.events.is_empty() { entry.time } else { self.newest.max(entry.time) };
        match entry.kind {
            DisbursementKind::Approved => self.has_approval = true,
            DisbursementKind::Dispersed | DisbursementKind::Rejected => self.has_dispersal_or_rejection = true,
            DisbursementKind::Applied | DisbursementKind::Returned => {}
        }
        self.events.push(entry);
    }

    /// True if the support is in the backlog (`spec/figures.md#backlog`).
    fn is_open(&self) -> bool {
        self.has_approval && !self.has_dispersal_or_rejection
    }

    /// True once the watermark is later than the newest event by more than the horizon, or the open horizon while the
    /// support is open (`spec/figures.md#forgetting`).
    fn is_forgotten(&self, watermark: Timestamp, rules: &OracleRules) -> bool {
        let horizon = if self.is_open() { rules.open_horizon } else { rules.horizons.disbursement };
        !self.events.is_empty() && self.newest < watermark - horizon
    }

    /// First event of a kind in log order.
    fn first(&self, kind: DisbursementKind) -> Option<&SupportEvent<'a>> {
        self.events.iter().find(|entry| entry.kind == kind)
    }

    /// Adds the support's series, as at the end of the log or when it was forgotten, and returns its dispersals.
    fn add_series(&self, forgotten: bool, series: &mut SeriesMap<'a>) -> Vec<OracleDispersal<'a>> {
        self.add_spans(series);
        let (dispersals, waiting) = self.match_returns();
        for dispersal in &dispersals {
            let labels = [dispersal.programme, dispersal.state];
            series.pesos(&DISPERSED_PESOS, labels, dispersal.amount);
            series.pesos(&RETURNED_PESOS, labels, dispersal.amount - dispersal.left);
        }
        // A return that still waits when the support is forgotten is unmatched.
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

    /// Adds an open support to the backlog, by its first approval in log order; once forgotten it is unmatched.
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

    /// Observes the two spans (`spec/figures.md#spans`). The labels are those of the approval, or of the dispersal,
    /// even if it came before the other event.
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

    /// Lets every return take back what it can (`spec/figures.md#returns`).
    fn match_returns(&self) -> (Vec<OracleDispersal<'a>>, Vec<WaitingReturn<'a>>) {
        let mut dispersals: Vec<OracleDispersal> = Vec::new();
        let mut waiting: Vec<WaitingReturn> = Vec::new();
        for entry in &self.events {
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
                    // The oldest waiting return takes first.
                    for waiting in &mut waiting {
                        take(&mut waiting.rest, &mut dispersal.left);
                    }
                    waiting.retain(|waiting| waiting.rest > 0);
                    dispersals.push(dispersal);
                }
                DisbursementKind::Returned => {
                    // The newest dispersal in log order first.
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

/// Takes as much of a return as possible from what is left of a dispersal.
fn take(rest: &mut Centavos, left: &mut Centavos) {
    let taken = (*rest).min(*left);
    *rest -= taken;
    *left -= taken;
}
