//! Files of a cut.

use super::table::{AnswerDocument, FIGURES, TableCell, figures, instant};
use crate::api::PeriodTotals;
use crate::api::context::RequestContext;
use crate::api::cuts::{CellToday, CutResponse, PeriodToday, TargetToday};
use crate::cuts::{Correction, CutOffset};

/// Makes the tables of a cut.
pub(super) fn document(context: &RequestContext<'_>, cut: &CutResponse) -> AnswerDocument {
    let mut document = AnswerDocument::new(&format!("pacemeter-cut-{}", cut.id), cut.at_ms);
    let at = |time| instant(context, time);
    let total = |period: &PeriodToday| {
        let PeriodToday { period: kind, id, start_ms, end_ms, closes, total, .. } = period;
        let leading = [kind.into(), id.into(), at(*start_ms), at(*end_ms), (*closes).into()];
        leading.into_iter().chain(figures(Some(total.cut), total.today)).collect()
    };
    let columns = [["period", "period_id", "start", "end", "closes"].as_slice(), &FIGURES].concat();
    document.add("figures", &columns, cut.periods.iter().map(total).collect());
    let columns = [["period", "period_id", "programme", "state"].as_slice(), &FIGURES].concat();
    let cells = cut.periods.iter().flat_map(|period| period.cells.iter().map(|cell| state(period, cell)));
    document.add("states", &columns, cells.collect());
    let target = |target: &TargetToday| {
        let TargetToday { target, measure, period, start_ms, end_ms, closes, goal, plan, actual, today } = target;
        let leading: [TableCell; 6] =
            [target.into(), measure.into(), period.into(), at(*start_ms), at(*end_ms), (*closes).into()];
        let amounts = [(*goal).into(), (*plan).into(), (*actual).into(), (*today).into()];
        leading.into_iter().chain(amounts).collect()
    };
    let columns =
        ["target", "measure", "period_id", "start", "end", "closes", "goal", "plan", "actual", "actual_today"];
    document.add("targets", &columns, cut.targets.iter().map(target).collect());
    let correction = |correction: &Correction| {
        let Correction { target, period, start_ms, before, after } = correction;
        vec![target.into(), period.into(), at(*start_ms), (*before).into(), (*after).into()]
    };
    let columns = ["target", "period_id", "start", "before", "after"];
    document.add("corrections", &columns, cut.corrections.iter().map(correction).collect());
    let columns = ["stream", "topic", "partition", "first_offset", "next_offset", "provisional", "late"];
    document.add("offsets", &columns, cut.offsets.iter().map(offset).collect());
    let about = vec![
        ("id", (&cut.id).into()),
        ("at", at(cut.at_ms)),
        ("nearest_to", cut.nearest_to_ms.map(at).into()),
        ("taken", at(cut.taken_ms)),
        ("state_built", at(cut.state_built_ms)),
        ("now", at(cut.now_ms)),
        ("huella", cut.huella.map(|huella| TableCell::Text(huella.to_string())).into()),
        ("hash", (&cut.hash).into()),
        ("seal", cut.seal.name().into()),
        ("provisional", cut.provisional.into()),
        ("late", cut.late.into()),
    ];
    document.add_about(context, format!("/api/v1/cuts/{}", cut.id), about);
    document
}

fn state(period: &PeriodToday, CellToday { cut, today }: &CellToday) -> Vec<TableCell> {
    let leading = [(&period.period).into(), (&period.id).into(), (&cut.programme).into(), (&cut.state).into()];
    let at_cut =
        PeriodTotals { beneficiaries: Some(cut.beneficiaries), dispersals: cut.dispersals, net_pesos: cut.net_pesos };
    leading.into_iter().chain(figures(Some(at_cut), today.as_ref().map(Into::into))).collect()
}

fn offset(offset: &CutOffset) -> Vec<TableCell> {
    let CutOffset { stream, topic, partition, first_offset, next_offset, is_provisional, is_late } = offset;
    vec![
        stream.into(),
        topic.into(),
        i64::from(*partition).into(),
        (*first_offset).into(),
        (*next_offset).into(),
        (*is_provisional).into(),
        (*is_late).into(),
    ]
}
