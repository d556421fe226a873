//! Files of a day, a week or a month.

use super::table::{AnswerDocument, FIGURES, TableCell, figures, instant};
use crate::api::context::RequestContext;
use crate::api::periods::{PeriodResponse, ProgrammeFigures};

/// Makes the tables of a period. In `figures` the row of all programmes has no programme.
pub(super) fn document(context: &RequestContext<'_>, answer: &PeriodResponse) -> AnswerDocument {
    let period = &answer.period;
    let created = if answer.cut.is_some() { period.end_ms } else { answer.now_ms };
    let mut document = AnswerDocument::new(&format!("pacemeter-{}-{}", period.period, period.id), created);
    let sums = |programme: &ProgrammeFigures| {
        let figures = figures(programme.closed.as_ref().map(Into::into), programme.today.as_ref().map(Into::into));
        std::iter::once((&programme.programme).into()).chain(figures).collect()
    };
    let all = std::iter::once(TableCell::Empty).chain(figures(answer.closed, answer.today)).collect();
    let columns = [["programme"].as_slice(), &FIGURES].concat();
    document.add("figures", &columns, std::iter::once(all).chain(answer.programmes.iter().map(sums)).collect());
    let states = answer.programmes.iter().flat_map(|programme| {
        programme.states.iter().map(|state| {
            let figures = figures(state.closed.as_ref().map(Into::into), state.today.as_ref().map(Into::into));
            [(&programme.programme).into(), (&state.state).into()].into_iter().chain(figures).collect()
        })
    });
    let columns = [["programme", "state"].as_slice(), &FIGURES].concat();
    document.add("states", &columns, states.collect());
    let at = |time| instant(context, time);
    let standing = answer.cut.as_ref().map(|cut| context.cuts.unusual().get(cut).copied().unwrap_or_default());
    let about = vec![
        ("period", (&period.period).into()),
        ("id", (&period.id).into()),
        ("start", at(period.start_ms)),
        ("end", at(period.end_ms)),
        ("now", at(answer.now_ms)),
        ("complete_until", answer.complete_until_ms.map(at).into()),
        ("state_built", at(answer.state_built_ms)),
        ("cut", answer.cut.as_ref().into()),
        ("huella", answer.huella.map(|huella| TableCell::Text(huella.to_string())).into()),
        ("provisional", standing.is_none_or(|standing| standing.is_provisional).into()),
    ];
    document.add_about(context, format!("/api/v1/periods/{}/{}", period.period, period.id), about);
    document
}
