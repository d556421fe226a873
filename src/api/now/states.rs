//! Federal states in the current periods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::allowlists::LabelKind;
use crate::api::cells::pesos;
use crate::api::context::RequestContext;
use crate::calendar::Period;
use crate::clock::Timestamp;
use crate::settings::BilingualText;
use crate::targets::Quantity;
use crate::view::slots::Slots;
use crate::view::states::state_people;
use crate::view::totals::Totals;

/// Payments in a federal state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StateNow {
    /// Code of the state as in labels.
    pub(crate) state: String,
    /// Name of the state.
    pub(crate) name: BilingualText,
    /// Payments of the current day.
    pub(crate) day: StatePayments,
    /// Payments of the current week.
    pub(crate) week: StatePayments,
    /// Week before, up to the instant with the same share of working time; null if part of it is forgotten.
    pub(crate) before: Option<StateBefore>,
}

/// Payments in a state in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StatePayments {
    /// Number of distinct people over all programmes with a dispersal in the state and period that is not fully returned.
    pub(crate) beneficiaries: u64,
    /// Pesos of the dispersals less returns, as text with two decimals.
    pub(crate) net_pesos: Quantity,
}

/// Week before the current one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StateBefore {
    /// Number of distinct people, as of the current week.
    pub(crate) beneficiaries: u64,
    /// Instant up to which they are counted, in milliseconds since the epoch.
    pub(crate) until_ms: Timestamp,
}

/// Returns the states with anyone paid this week, today, or in the week before; none while part of this week is forgotten.
pub(super) fn describe(context: &RequestContext<'_>, _totals: &Totals) -> Vec<StateNow> {
    let slots = &context.snapshot.merged.disbursements.slots;
    let (states, zone, now) = (&context.allowlists.states, context.zone(), context.now);
    let Some(calendar) = context.targets().payments_calendar().cloned() else {
        return Vec::new();
    };
    let people = state_people(slots, states.count(), now, zone, &calendar);
    let (Some(day), Some(week)) = (people.day, people.week) else { return Vec::new() };
    let [net_day, net_week] = [Period::Day, Period::WEEK].map(|period| net_by_state(slots, context, period));
    let describe = |state: usize| {
        let before = people
            .before
            .as_ref()
            .map(|before| StateBefore { beneficiaries: before.people[state], until_ms: before.until });
        let name = &states.names()[state];
        StateNow {
            state: name.clone(),
            name: context.allowlists.names.of(LabelKind::State, state).clone(),
            day: StatePayments { beneficiaries: day[state], net_pesos: pesos(net_day[state]) },
            week: StatePayments { beneficiaries: week[state], net_pesos: pesos(net_week[state]) },
            before,
        }
    };
    let is_shown = |state: &StateNow| {
        state.week.beneficiaries > 0 || state.before.as_ref().is_some_and(|before| before.beneficiaries > 0)
    };
    (0..states.count()).map(describe).filter(is_shown).collect()
}

/// Net centavos of each state in the running period.
fn net_by_state(slots: &Slots, context: &RequestContext<'_>, period: Period) -> Vec<u128> {
    let states = context.allowlists.states.count();
    let mut net = vec![0; states];
    let span = period.at(context.now, context.zone());
    for slot in span.into_iter().flat_map(|span| slots.within(span)) {
        slot.cells.iter().for_each(|(cell, figures)| net[cell.index() % states] += figures.net);
    }
    net
}
