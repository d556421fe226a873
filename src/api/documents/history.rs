//! Files of the closed periods of a target.

use super::table::{AnswerDocument, TableCell, instant};
use crate::api::context::RequestContext;
use crate::api::history::{ClosedPeriodEntry, CorrectionEntry, HistoryResponse};
use crate::view::huella::Huella;

/// Makes the tables of a target's closed periods.
pub(super) fn document(context: &RequestContext<'_>, answer: &HistoryResponse) -> AnswerDocument {
    let created = answer.periods.first().map_or(answer.now_ms, |newest| newest.period.end_ms);
    let mut document = AnswerDocument::new(&format!("pacemeter-history-{}", answer.target), created);
    let at = |time| instant(context, time);
    let digits = |huella: Option<Huella>| TableCell::from(huella.map(|huella| TableCell::Text(huella.to_string())));
    let period = |entry: &ClosedPeriodEntry| {
        let ClosedPeriodEntry { period, goal, actual, cut, huella, today, difference, .. } = entry;
        let leading = [(&period.period).into(), (&period.id).into(), at(period.start_ms), at(period.end_ms)];
        let amounts = [(*goal).into(), (*actual).into(), (*today).into(), (*difference).into()];
        leading.into_iter().chain(amounts).chain([cut.into(), digits(*huella)]).collect()
    };
    let columns =
        ["period", "period_id", "start", "end", "goal", "actual", "actual_today", "difference", "cut", "huella"];
    document.add("targets", &columns, answer.periods.iter().map(period).collect());
    let corrections = answer.periods.iter().flat_map(|entry| {
        entry.corrections.iter().map(|CorrectionEntry { cut, actual }| {
            vec![(&entry.period.id).into(), at(entry.period.start_ms), cut.into(), (*actual).into()]
        })
    });
    document.add("corrections", &["period_id", "start", "cut", "actual"], corrections.collect());
    let unusual = context.cuts.unusual();
    let is_provisional =
        |entry: &ClosedPeriodEntry| unusual.get(&entry.cut).is_some_and(|standing| standing.is_provisional);
    let about = vec![
        ("target", (&answer.target).into()),
        ("measure", (&answer.measure).into()),
        ("unit", (&answer.unit).into()),
        ("now", at(answer.now_ms)),
        ("state_built", at(answer.state_built_ms)),
        ("more", answer.more.into()),
        ("huella", digits(answer.huella)),
        ("provisional", answer.periods.iter().any(is_provisional).into()),
    ];
    document.add_about(context, format!("/api/v1/targets/{}/history", answer.target), about);
    document
}
