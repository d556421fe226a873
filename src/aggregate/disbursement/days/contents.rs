//! Contents of the slots of dispersals and of their hours, by the figures that dispersals count for.

use std::ops::AddAssign;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::aggregate::selection::{Groups, Selection, counts_of};
use crate::aggregate::slots::{PastHour, SlotContent};
use crate::allowlists::{Allowlists, CellIndex, ProgrammeIndex};
use crate::calendar::{Interval, Period};
use crate::clock::Timestamp;
use crate::targets::{Measure, StreamTargetIndex, Tally};
use crate::view::add_each;
use crate::view::slots::{Slot, SlotFigures, SlotHour};

/// Figures that dispersals of some programmes and states count for.
#[derive(Debug, PartialEq)]
pub(super) struct Group {
    pub(super) programme: ProgrammeIndex,
    /// Position of the federal state as shown.
    pub(super) state: usize,
    cell: CellIndex,
    /// In rising order.
    pub(super) targets: Box<[StreamTargetIndex]>,
    /// Figures of distinct people. They follow from the above.
    pub(super) people: Vec<HeadcountFigures>,
}

/// Figures of distinct people that count the same dispersals, each with the index of its period in
/// [`SlotLayout::periods`](crate::aggregate::slots::SlotLayout::periods).
#[derive(Debug, PartialEq)]
pub(super) struct HeadcountFigures {
    pub(super) headcount: Headcount,
    pub(super) figures: Vec<(Figure, usize)>,
}

#[derive(Debug, Default)]
pub(super) struct DispersalCounts {
    /// Counts of each group.
    pub(super) counts: Vec<GroupCounts>,
    /// Number of live dispersals that repeat another, for each target.
    repeats: Vec<i64>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct GroupCounts {
    pub(super) dispersals: u64,
    pub(super) net: u128,
    pub(super) live: u64,
    /// Number of live dispersals that repeat another, for each of the [`OWN_FIGURES`].
    repeats: [i64; OWN_FIGURES],
    pub(super) applications: u64,
    pub(super) approvals: u64,
}

/// Number of figures of people that every group has: those of its programme for each of [`Period::STANDARD`], then those of
/// its federal state over all programmes for the [`STATE_PERIODS`].
const OWN_FIGURES: usize = Period::STANDARD.len() + STATE_PERIODS.len();
/// Day and week, as indexes of [`Period::STANDARD`].
const STATE_PERIODS: [usize; 2] = [0, 1];
/// Figure of the federal state by the day.
const STATE_DAY: usize = Period::STANDARD.len();
/// Figure of the federal state by the week.
const STATE_WEEK: usize = STATE_DAY + 1;

/// Figure for which two dispersals of a person may both count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Figure {
    /// People of a programme or federal state as shown: one of the [`OWN_FIGURES`].
    Own(usize),
    Target(StreamTargetIndex),
}

/// Subject of a count of distinct people, in whatever period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Headcount {
    /// A programme as shown.
    Programme(ProgrammeIndex),
    /// A federal state as shown, over all programmes.
    State(usize),
    /// The targets of one filter, by the first of them.
    Filter(StreamTargetIndex),
}

impl Group {
    pub(super) fn new(
        programme: ProgrammeIndex,
        state: usize,
        allowlists: &Allowlists,
        targets: Box<[StreamTargetIndex]>,
        selection: &Selection,
    ) -> Self {
        let own = (0..Period::STANDARD.len()).map(|period| (Figure::Own(period), period)).collect();
        let of_state =
            STATE_PERIODS.iter().enumerate().map(|(figure, &period)| (Figure::Own(STATE_DAY + figure), period));
        let mut people = vec![
            HeadcountFigures { headcount: Headcount::Programme(programme), figures: own },
            HeadcountFigures { headcount: Headcount::State(state), figures: of_state.collect() },
        ];
        for &index in &targets {
            let target = selection.of(index);
            if target.measure != Measure::Beneficiaries {
                continue;
            }
            let (headcount, figure) = (Headcount::Filter(target.like), (Figure::Target(index), target.period));
            match people.iter_mut().find(|known| known.headcount == headcount) {
                Some(known) => known.figures.push(figure),
                None => people.push(HeadcountFigures { headcount, figures: vec![figure] }),
            }
        }
        Self { programme, state, cell: allowlists.cell(programme, state), targets, people }
    }

    /// True if dispersals of the group count for a headcount.
    pub(super) fn counts_for(&self, headcount: Headcount) -> bool {
        match headcount {
            Headcount::Programme(programme) => self.programme == programme,
            Headcount::State(state) => self.state == state,
            Headcount::Filter(target) => self.targets.binary_search(&target).is_ok(),
        }
    }
}

impl SlotContent for DispersalCounts {
    fn add(&mut self, more: &Self) {
        for (group, more) in more.counts.iter().enumerate() {
            *counts_of(&mut self.counts, group as u32) += more;
        }
        for (target, more) in more.repeats.iter().enumerate() {
            *counts_of(&mut self.repeats, target as u32) += more;
        }
    }
}

impl DispersalCounts {
    /// Groups with their counts.
    fn by_group<'a>(&'a self, groups: &'a Groups<Group>) -> impl Iterator<Item = (&'a Group, &'a GroupCounts)> {
        self.counts.iter().enumerate().map(|(group, counts)| (groups.get(group as u32), counts))
    }

    pub(super) fn repeats(&mut self, figure: Figure, group: u32) -> &mut i64 {
        match figure {
            Figure::Own(period) => &mut counts_of(&mut self.counts, group).repeats[period],
            Figure::Target(target) => counts_of(&mut self.repeats, target.index() as u32),
        }
    }
}

pub(super) fn show(
    span: Interval,
    contents: &[&DispersalCounts],
    hours: Vec<Arc<SlotHour>>,
    selection: &Selection,
    groups: &Groups<Group>,
) -> Slot {
    let mut cells: HashMap<CellIndex, SlotFigures> = HashMap::new();
    let mut states: Vec<[i64; 2]> = Vec::new();
    for (group, counts) in contents.iter().flat_map(|content| content.by_group(groups)) {
        let live = counts.live as i64;
        if counts.dispersals > 0 {
            let figures = SlotFigures {
                dispersals: counts.dispersals,
                returned: counts.dispersals - counts.live,
                net: counts.net,
                people: std::array::from_fn(|period| live - counts.repeats[period]),
            };
            *cells.entry(group.cell).or_default() += &figures;
        }
        let people = [live - counts.repeats[STATE_DAY], live - counts.repeats[STATE_WEEK]];
        let sums: &mut [i64; 2] = counts_of(&mut states, group.state as u32);
        add_each(sums, &people);
    }
    let tallies = tallies(contents, selection, groups);
    Slot { span, cells: cells.into_iter().collect(), tallies, states, hours }
}

/// Tallies of an hour with this content.
pub(super) fn hour_of(
    start: Timestamp,
    content: &DispersalCounts,
    selection: &Selection,
    groups: &Groups<Group>,
) -> SlotHour {
    let mut hour = SlotHour { tallies: tallies(&[content], selection, groups), ..SlotHour::new(start) };
    for (group, counts) in content.by_group(groups) {
        *hour.state_mut(group.state) += counts.live as i64 - counts.repeats[STATE_WEEK];
    }
    hour
}

/// Tally of each target over some contents.
fn tallies(contents: &[&DispersalCounts], selection: &Selection, groups: &Groups<Group>) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); selection.targets.len()];
    for content in contents {
        for (group, counts) in content.by_group(groups) {
            for &target in &group.targets {
                tallies[target.index()] += &counts.tally(selection.of(target).measure);
            }
        }
        for (tally, repeats) in tallies.iter_mut().zip(&content.repeats) {
            tally.amount -= i128::from(*repeats);
        }
    }
    tallies
}

/// Changes the tallies of a past hour as the counts of a group in its slot changed.
#[cold]
pub(super) fn change_hour(
    mut hour: PastHour<'_>,
    group: &Group,
    selection: &Selection,
    before: &GroupCounts,
    after: &GroupCounts,
) {
    hour.change(|hour| {
        *hour.state_mut(group.state) += after.live as i64 - before.live as i64;
        for &target in &group.targets {
            let measure = selection.of(target).measure;
            let (before, after) = (before.tally(measure), after.tally(measure));
            *hour.tally_mut(target) += &Tally { amount: after.amount - before.amount, base: after.base - before.base };
        }
    });
}

/// Takes repeating dispersals off the people of a past hour.
#[cold]
pub(super) fn repeat_in_hour(mut hour: PastHour<'_>, figure: Figure, state: usize, repeats: i64) {
    match figure {
        Figure::Target(target) => hour.change(|hour| hour.tally_mut(target).amount -= i128::from(repeats)),
        Figure::Own(STATE_WEEK) => hour.change(|hour| *hour.state_mut(state) -= repeats),
        Figure::Own(_) => {}
    }
}

impl AddAssign<&GroupCounts> for GroupCounts {
    fn add_assign(&mut self, more: &GroupCounts) {
        self.dispersals += more.dispersals;
        self.net += more.net;
        self.live += more.live;
        add_each(&mut self.repeats, &more.repeats);
        self.applications += more.applications;
        self.approvals += more.approvals;
    }
}

impl GroupCounts {
    /// Contribution to a target, before repeating dispersals are taken off.
    fn tally(&self, measure: Measure) -> Tally {
        let of = |amount: u64| Tally { amount: amount.into(), base: 0 };
        match measure {
            Measure::Beneficiaries => Tally { amount: self.live.into(), base: self.net as i128 },
            Measure::Dispersals => Tally { amount: self.dispersals.into(), base: self.net as i128 },
            Measure::NetPesos => Tally { amount: self.net as i128, base: self.live.into() },
            Measure::Applications => of(self.applications),
            Measure::Approvals => of(self.approvals),
            _ => unreachable!("targets of other streams are not selected"),
        }
    }
}
