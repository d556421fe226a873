//! Samples of the business families ([`crate::telemetry::catalogue::business`]; rules in `docs/spec/figures.md`).

use std::time::Instant;

use super::text::{Exposition, LabelSets, SampleValue};
use crate::allowlists::{Allowlists, CellIndex};
use crate::event::{CallKind, DisbursementKind, Status};
use crate::record::{Outcome, Reason, Stream};
use crate::telemetry::catalogue::{Family, business, own};
use crate::view::ProgrammeTotals;
use crate::view::snapshot::Snapshot;
use crate::view::totals::{AGENT_STATUSES, SPANS, Totals};

/// Writes the families that are exposed before the figures are complete, too.
pub(super) fn always(out: &mut Exposition, snapshot: &Snapshot, now: Instant) {
    out.family(&own::READY);
    out.sample(&[], u64::from(snapshot.is_ready(now)));
    out.family(&own::COMPLETE_UNTIL);
    for stream in Stream::ALL {
        if let Some(complete_until) = snapshot.complete_until[stream] {
            out.sample(&[stream.name()], SampleValue::instant(complete_until));
        }
    }
}

/// Writes every figure, beginning with the state that qualifies the others.
pub(super) fn figures(
    out: &mut Exposition,
    totals: &Totals,
    allowlists: &Allowlists,
    labels: &PreparedLabels,
    snapshot: &Snapshot,
) {
    state(out, totals, snapshot);
    records(out, totals);
    unmatched(out, totals);
    programmes(out, totals, allowlists);
    money(out, totals, &labels.cells);
    spans(out, totals, &labels.cells);
    backlog(out, totals, allowlists);
    calls(out, totals, allowlists);
    agents(out, totals, allowlists);
    milestones(out, totals, &labels.milestones);
}

fn records(out: &mut Exposition, totals: &Totals) {
    let streams = || totals.records.iter();
    out.family(&business::RECORDS);
    for (stream, counts) in streams() {
        for outcome in Outcome::ALL {
            out.sample(&[stream.name(), outcome.name()], counts.outcomes[outcome as usize]);
        }
    }
    out.family(&business::REJECTED_RECORDS);
    for (stream, counts) in streams() {
        for reason in Reason::ALL {
            out.sample(&[stream.name(), reason.name()], counts.rejected[reason as usize]);
        }
    }
    out.family(&business::CONFLICTS);
    for (stream, counts) in streams() {
        out.sample(&[stream.name()], counts.conflicts);
    }
}

fn unmatched(out: &mut Exposition, totals: &Totals) {
    out.family(&business::UNMATCHED_EVENTS);
    let disbursement = Stream::Disbursement.name();
    out.sample(&[disbursement, DisbursementKind::Returned.name()], totals.unmatched_disbursements.returned);
    out.sample(&[disbursement, DisbursementKind::Approved.name()], totals.unmatched_disbursements.approved);
    for kind in [CallKind::Answered, CallKind::Abandoned, CallKind::Completed] {
        out.sample(&[Stream::Call.name(), kind.name()], totals.unmatched_calls[kind as usize]);
    }
}

fn programmes(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    let mut each = |family: &'static Family, value: &dyn Fn(&ProgrammeTotals) -> SampleValue| {
        out.family(family);
        for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
            out.sample(&[programme], value(totals));
        }
    };
    each(&business::UNMATCHED_RETURNED_PESOS, &|totals| SampleValue::Centavos(totals.unmatched_returned));
    each(&business::WAITING_RETURNED_PESOS, &|totals| SampleValue::Centavos(totals.waiting_returned));
    out.family(&business::DISBURSEMENT_EVENTS);
    for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
        for kind in DisbursementKind::ALL {
            out.sample(&[programme, kind.name()], totals.events[*kind as usize]);
        }
    }
    out.family(&business::APPLICATION_TO_APPROVAL);
    for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
        out.histogram(&[programme], &totals.application_to_approval);
    }
    out.family(&business::APPROVAL_TO_DISPERSAL);
    for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
        out.histogram(&[programme], &totals.approval_to_dispersal);
    }
}

/// Label sets that many series have, prepared once.
pub(super) struct PreparedLabels {
    /// Programme and federal state of each cell.
    cells: LabelSets,
    /// Initiative and milestone, in the order of their cells.
    milestones: LabelSets,
}

impl PreparedLabels {
    pub(super) fn new(allowlists: &Allowlists) -> Self {
        let cells =
            (0..allowlists.cells()).map(|cell| <[&str; 2]>::from(allowlists.names_of_cell(CellIndex::new(cell))));
        let milestones = allowlists.initiatives.names().iter().flat_map(|initiative| {
            allowlists.milestones.names().iter().map(move |milestone| [initiative.as_str(), milestone.as_str()])
        });
        Self {
            cells: LabelSets::new(business::APPROVED_PESOS.labels, cells),
            milestones: LabelSets::new(business::MILESTONES.labels, milestones),
        }
    }
}

fn money(out: &mut Exposition, totals: &Totals, labels: &LabelSets) {
    out.family_of(&business::APPROVED_PESOS, labels, |cell| Some(SampleValue::Centavos(totals.cells[cell].approved)));
    out.family_of(&business::DISPERSED_PESOS, labels, |cell| Some(SampleValue::Centavos(totals.cells[cell].dispersed)));
    out.family_of(&business::RETURNED_PESOS, labels, |cell| Some(SampleValue::Centavos(totals.cells[cell].returned)));
    if totals.people_complete {
        let value = |cell: usize| totals.in_use(cell).then(|| totals.cells[cell].beneficiaries.into());
        out.family_of(&business::BENEFICIARIES, labels, value);
    }
}

/// Families of one span.
struct SpanFamilies {
    /// `None` for a span too short to count people in.
    beneficiaries: Option<&'static Family>,
    dispersals: &'static Family,
    net_pesos: &'static Family,
}

/// Families of each span, in the order of [`SPANS`].
const SPAN_FAMILIES: [SpanFamilies; SPANS.len()] = [
    SpanFamilies {
        beneficiaries: Some(&business::DAY_BENEFICIARIES),
        dispersals: &business::DAY_DISPERSALS,
        net_pesos: &business::DAY_NET_PESOS,
    },
    SpanFamilies {
        beneficiaries: Some(&business::WEEK_BENEFICIARIES),
        dispersals: &business::WEEK_DISPERSALS,
        net_pesos: &business::WEEK_NET_PESOS,
    },
    SpanFamilies {
        beneficiaries: Some(&business::MONTH_BENEFICIARIES),
        dispersals: &business::MONTH_DISPERSALS,
        net_pesos: &business::MONTH_NET_PESOS,
    },
    SpanFamilies {
        beneficiaries: None,
        dispersals: &business::ROLLING_1H_DISPERSALS,
        net_pesos: &business::ROLLING_1H_NET_PESOS,
    },
    SpanFamilies {
        beneficiaries: Some(&business::ROLLING_24H_BENEFICIARIES),
        dispersals: &business::ROLLING_24H_DISPERSALS,
        net_pesos: &business::ROLLING_24H_NET_PESOS,
    },
    SpanFamilies {
        beneficiaries: Some(&business::ROLLING_7D_BENEFICIARIES),
        dispersals: &business::ROLLING_7D_DISPERSALS,
        net_pesos: &business::ROLLING_7D_NET_PESOS,
    },
];

fn spans(out: &mut Exposition, totals: &Totals, labels: &LabelSets) {
    for ((span, families), figures) in SPANS.into_iter().zip(SPAN_FAMILIES).zip(&totals.spans) {
        debug_assert_eq!(span.counts_people(), families.beneficiaries.is_some(), "{}", families.dispersals.name);
        let in_use = |cell: usize| totals.in_use(cell).then(|| &figures[cell]);
        if let Some(family) = families.beneficiaries {
            out.family_of(family, labels, |cell| in_use(cell).map(|figures| figures.beneficiaries.into()));
        }
        out.family_of(families.dispersals, labels, |cell| in_use(cell).map(|figures| figures.dispersals.into()));
        out.family_of(families.net_pesos, labels, |cell| {
            in_use(cell).map(|figures| SampleValue::Centavos(figures.net))
        });
    }
}

fn backlog(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    let mut each = |family: &'static Family, value: &dyn Fn(&ProgrammeTotals) -> Option<SampleValue>| {
        out.family(family);
        for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
            if let Some(value) = value(totals) {
                out.sample(&[programme], value);
            }
        }
    };
    each(&business::BACKLOG_SUPPORTS, &|totals| Some(totals.backlog.supports.into()));
    each(&business::BACKLOG_PESOS, &|totals| Some(SampleValue::Centavos(totals.backlog.centavos)));
    each(&business::BACKLOG_OLDEST_APPROVAL, &|totals| totals.backlog.oldest_approval.map(SampleValue::instant));
}

fn calls(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    let queues = || allowlists.queues.names().iter().zip(&totals.queues);
    out.family(&business::CALL_EVENTS);
    for (queue, totals) in queues() {
        for kind in CallKind::ALL {
            out.sample(&[queue, kind.name()], totals.events[*kind as usize]);
        }
    }
    out.family(&business::CALLS_ANSWERED_WITHIN_TARGET);
    queues().for_each(|(queue, totals)| out.sample(&[queue], totals.answered_within_target));
    out.family(&business::CALLS_ABANDONED_SHORT);
    queues().for_each(|(queue, totals)| out.sample(&[queue], totals.abandoned_short));
    out.family(&business::CALL_WAIT);
    for (queue, totals) in queues() {
        out.histogram(&[queue, CallKind::Answered.name()], &totals.answered_wait);
        out.histogram(&[queue, CallKind::Abandoned.name()], &totals.abandoned_wait);
    }
    out.family(&business::CALL_HANDLE);
    queues().for_each(|(queue, totals)| out.histogram(&[queue], &totals.handle));
    out.family(&business::CALLS_WAITING);
    for (queue, &waiting) in allowlists.queues.names().iter().zip(&totals.calls_waiting) {
        out.sample(&[queue], waiting);
    }
}

fn agents(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    out.family(&business::AGENTS);
    for (site, counts) in allowlists.sites.names().iter().zip(totals.agents.chunks(AGENT_STATUSES.len())) {
        for (status, &count) in AGENT_STATUSES.map(Status::name).into_iter().zip(counts) {
            out.sample(&[site, status], count);
        }
    }
}

fn milestones(out: &mut Exposition, totals: &Totals, labels: &LabelSets) {
    out.family_of(&business::MILESTONES, labels, |cell| Some(totals.milestones[cell].reached.into()));
    out.family_of(&business::MILESTONES_WITHDRAWN, labels, |cell| Some(totals.milestones[cell].withdrawn.into()));
}

fn state(out: &mut Exposition, totals: &Totals, snapshot: &Snapshot) {
    out.family(&business::WATERMARK);
    for (stream, &watermark) in totals.watermarks.iter() {
        if let Some(watermark) = watermark {
            out.sample(&[stream.name()], SampleValue::instant(watermark));
        }
    }
    out.family(&business::HISTORY_START_OFFSET);
    for status in &snapshot.partitions {
        let first_offset = u64::try_from(status.view.first_offset).unwrap_or(0);
        out.sample(&[&status.partition.topic, &status.partition.partition.to_string()], first_offset);
    }
    out.family(&business::STATE_BUILT);
    out.sample(&[], SampleValue::instant(snapshot.built));
}
