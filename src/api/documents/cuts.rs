//! Files of the list of cuts.

use super::table::{AnswerDocument, TableCell, instant};
use crate::api::context::RequestContext;
use crate::api::cuts::{ClosedTarget, CutSummary, CutsResponse};
use crate::calendar::Period;

/// Makes the tables of the list of cuts.
pub(super) fn document(context: &RequestContext<'_>, answer: &CutsResponse) -> AnswerDocument {
    let created = answer.cuts.first().map_or(answer.now_ms, |newest| newest.at_ms);
    let mut document = AnswerDocument::new("pacemeter-cuts", created);
    let cut = |summary: &CutSummary| -> Vec<TableCell> {
        let CutSummary { id, at_ms, seal, provisional, late, huella, periods, .. } = summary;
        let ended = |period: Period| periods.iter().find(|ended| ended.period == period.name()).map(|ended| &ended.id);
        let standing = [seal.name().into(), (*provisional).into(), (*late).into()];
        let huella: TableCell = huella.map(|huella| TableCell::Text(huella.to_string())).into();
        let ended = Period::STANDARD.map(|period| TableCell::from(ended(period).map(TableCell::from)));
        [id.into(), instant(context, *at_ms)].into_iter().chain(standing).chain([huella]).chain(ended).collect()
    };
    let columns = [&["cut", "at", "seal", "provisional", "late", "huella"][..], &Period::STANDARD.map(Period::name)];
    document.add("cuts", &columns.concat(), answer.cuts.iter().map(cut).collect());
    let targets = answer.cuts.iter().flat_map(|summary| {
        let row = |ClosedTarget { target, period }: &ClosedTarget| -> Vec<TableCell> {
            vec![(&summary.id).into(), target.into(), period.into()]
        };
        summary.targets.iter().map(row)
    });
    document.add("targets", &["cut", "target", "period_id"], targets.collect());
    let about = vec![("now", instant(context, answer.now_ms)), ("more", answer.more.into())];
    document.add_about(context, "/api/v1/cuts".to_owned(), about);
    document
}
