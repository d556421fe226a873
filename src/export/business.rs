//! The business families of the contract's section 3, in its order.

use super::text::{Exposition, SampleValue};
use crate::allowlists::{Allowlists, ProgrammeIndex};
use crate::event::{CallKind, DisbursementKind, Status};
use crate::record::{Outcome, Reason, Stream};
use crate::view::ProgrammeTotals;
use crate::view::panes::SpanFigures;
use crate::view::snapshot::Snapshot;
use crate::view::totals::{AGENT_STATUSES, SPANS, Totals};

/// What is exposed before the figures are there, and after.
pub fn always(out: &mut Exposition, snapshot: &Snapshot) {
    out.family("pacemeter_ready");
    out.sample(&[], u64::from(snapshot.has_figures() && snapshot.not_ready().is_empty()));
    out.family("pacemeter_complete_until_timestamp_seconds");
    for stream in Stream::ALL {
        if let Some(complete_until) = snapshot.complete_until[stream] {
            out.sample(&[stream.name()], SampleValue::instant(complete_until));
        }
    }
}

/// Every figure; what the others are read by comes first.
pub fn figures(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists, snapshot: &Snapshot) {
    state(out, totals, snapshot);
    records(out, totals);
    unmatched(out, totals);
    programmes(out, totals, allowlists);
    money(out, totals, allowlists);
    spans(out, totals, allowlists);
    backlog(out, totals, allowlists);
    calls(out, totals, allowlists);
    agents(out, totals, allowlists);
    milestones(out, totals, allowlists);
}

fn records(out: &mut Exposition, totals: &Totals) {
    let streams = || totals.records.iter();
    out.family("pacemeter_records_total");
    for (stream, counts) in streams() {
        for outcome in Outcome::ALL {
            out.sample(&[stream.name(), outcome.name()], counts.outcomes[outcome as usize]);
        }
    }
    out.family("pacemeter_rejected_records_total");
    for (stream, counts) in streams() {
        for reason in Reason::ALL {
            out.sample(&[stream.name(), reason.name()], counts.rejected[reason as usize]);
        }
    }
    out.family("pacemeter_conflicts_total");
    for (stream, counts) in streams() {
        out.sample(&[stream.name()], counts.conflicts);
    }
}

fn unmatched(out: &mut Exposition, totals: &Totals) {
    out.family("pacemeter_unmatched_events_total");
    let disbursement = Stream::Disbursement.name();
    out.sample(&[disbursement, DisbursementKind::Returned.name()], totals.unmatched_disbursements.returned);
    out.sample(&[disbursement, DisbursementKind::Approved.name()], totals.unmatched_disbursements.approved);
    for kind in [CallKind::Answered, CallKind::Abandoned, CallKind::Completed] {
        out.sample(&[Stream::Call.name(), kind.name()], totals.unmatched_calls[kind as usize]);
    }
}

fn programmes(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    let mut each = |family: &str, value: &dyn Fn(&ProgrammeTotals) -> SampleValue| {
        out.family(family);
        for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
            out.sample(&[programme], value(totals));
        }
    };
    each("pacemeter_unmatched_returned_pesos_total", &|totals| SampleValue::Centavos(totals.unmatched_returned));
    each("pacemeter_waiting_returned_pesos", &|totals| SampleValue::Centavos(totals.waiting_returned));
    out.family("pacemeter_disbursement_events_total");
    for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
        for kind in DisbursementKind::ALL {
            out.sample(&[programme, kind.name()], totals.events[*kind as usize]);
        }
    }
    out.family("pacemeter_application_to_approval_seconds");
    for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
        out.histogram(&[programme], &totals.application_to_approval);
    }
    out.family("pacemeter_approval_to_dispersal_seconds");
    for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
        out.histogram(&[programme], &totals.approval_to_dispersal);
    }
}

/// A family by programme and state: the value of each cell, or none where the cell is not shown.
fn by_cell(out: &mut Exposition, allowlists: &Allowlists, family: &str, value: impl Fn(usize) -> Option<SampleValue>) {
    out.family(family);
    for (programme, programme_name) in allowlists.programmes.names().iter().enumerate() {
        for (state, state_name) in allowlists.states.names().iter().enumerate() {
            if let Some(value) = value(allowlists.cell(ProgrammeIndex::new(programme), state).index()) {
                out.sample(&[programme_name, state_name], value);
            }
        }
    }
}

fn money(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    by_cell(out, allowlists, "pacemeter_approved_pesos_total", |cell| {
        Some(SampleValue::Centavos(totals.cells[cell].approved))
    });
    by_cell(out, allowlists, "pacemeter_dispersed_pesos_total", |cell| {
        Some(SampleValue::Centavos(totals.cells[cell].dispersed))
    });
    by_cell(out, allowlists, "pacemeter_returned_pesos_total", |cell| {
        Some(SampleValue::Centavos(totals.cells[cell].returned))
    });
    if totals.people_complete {
        by_cell(out, allowlists, "pacemeter_beneficiaries", |cell| {
            totals.in_use(cell).then(|| totals.cells[cell].beneficiaries.into())
        });
    }
}

fn spans(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    const NAMES: [&str; SPANS.len()] = ["day", "week", "month", "rolling_1h", "rolling_24h", "rolling_7d"];
    for ((span, name), figures) in SPANS.into_iter().zip(NAMES).zip(&totals.spans) {
        let mut each = |measure: &str, value: &dyn Fn(&SpanFigures) -> SampleValue| {
            by_cell(out, allowlists, &format!("pacemeter_{name}_{measure}"), |cell| {
                totals.in_use(cell).then(|| value(&figures[cell]))
            });
        };
        if span.counts_people() {
            each("beneficiaries", &|figures| figures.beneficiaries.into());
        }
        each("dispersals", &|figures| figures.dispersals.into());
        each("net_pesos", &|figures| SampleValue::Centavos(figures.net));
    }
}

fn backlog(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    let mut each = |family: &str, value: &dyn Fn(&ProgrammeTotals) -> Option<SampleValue>| {
        out.family(family);
        for (programme, totals) in allowlists.programmes.names().iter().zip(&totals.programmes) {
            if let Some(value) = value(totals) {
                out.sample(&[programme], value);
            }
        }
    };
    each("pacemeter_backlog_supports", &|totals| Some(totals.backlog.supports.into()));
    each("pacemeter_backlog_pesos", &|totals| Some(SampleValue::Centavos(totals.backlog.centavos)));
    each("pacemeter_backlog_oldest_approval_timestamp_seconds", &|totals| {
        totals.backlog.oldest_approval.map(SampleValue::instant)
    });
}

fn calls(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    let queues = || allowlists.queues.names().iter().zip(&totals.queues);
    out.family("pacemeter_call_events_total");
    for (queue, totals) in queues() {
        for kind in CallKind::ALL {
            out.sample(&[queue, kind.name()], totals.events[*kind as usize]);
        }
    }
    out.family("pacemeter_calls_answered_within_target_total");
    queues().for_each(|(queue, totals)| out.sample(&[queue], totals.answered_within_target));
    out.family("pacemeter_calls_abandoned_short_total");
    queues().for_each(|(queue, totals)| out.sample(&[queue], totals.abandoned_short));
    out.family("pacemeter_call_wait_seconds");
    for (queue, totals) in queues() {
        out.histogram(&[queue, CallKind::Answered.name()], &totals.answered_wait);
        out.histogram(&[queue, CallKind::Abandoned.name()], &totals.abandoned_wait);
    }
    out.family("pacemeter_call_handle_seconds");
    queues().for_each(|(queue, totals)| out.histogram(&[queue], &totals.handle));
    out.family("pacemeter_calls_waiting");
    for (queue, &waiting) in allowlists.queues.names().iter().zip(&totals.calls_waiting) {
        out.sample(&[queue], waiting);
    }
}

fn agents(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    out.family("pacemeter_agents");
    for (site, counts) in allowlists.sites.names().iter().zip(totals.agents.chunks(AGENT_STATUSES.len())) {
        for (status, &count) in AGENT_STATUSES.map(Status::name).into_iter().zip(counts) {
            out.sample(&[site, status], count);
        }
    }
}

fn milestones(out: &mut Exposition, totals: &Totals, allowlists: &Allowlists) {
    let mut each = |family: &str, value: &dyn Fn(usize) -> u128| {
        out.family(family);
        for (initiative, initiative_name) in allowlists.initiatives.names().iter().enumerate() {
            for (milestone, milestone_name) in allowlists.milestones.names().iter().enumerate() {
                out.sample(&[initiative_name, milestone_name], value(allowlists.milestone_cell(initiative, milestone)));
            }
        }
    };
    each("pacemeter_milestones_total", &|cell| totals.milestones[cell].reached);
    each("pacemeter_milestones_withdrawn_total", &|cell| totals.milestones[cell].withdrawn);
}

fn state(out: &mut Exposition, totals: &Totals, snapshot: &Snapshot) {
    out.family("pacemeter_watermark_timestamp_seconds");
    for (stream, &watermark) in totals.watermarks.iter() {
        if let Some(watermark) = watermark {
            out.sample(&[stream.name()], SampleValue::instant(watermark));
        }
    }
    out.family("pacemeter_history_start_offset");
    for status in &snapshot.partitions {
        let first_offset = u64::try_from(status.view.first_offset).unwrap_or(0);
        out.sample(&[&status.partition.topic, &status.partition.partition.to_string()], first_offset);
    }
    out.family("pacemeter_state_built_timestamp_seconds");
    out.sample(&[], SampleValue::instant(snapshot.built));
}
