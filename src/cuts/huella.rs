//! Huella of a cut, and of a period that closed with it. `spec/figures.md#huella` defines the bytes.

use super::record::{Cut, CutCell, CutPeriod, CutTarget};
use crate::view::huella::{Huella, HuellaHasher};

/// Name of the form of a cut.
const CUT: &str = "pacemeter cut 1";
/// Name of the form of a period.
const PERIOD: &str = "pacemeter period 1";

impl Cut {
    /// Returns the hash over offsets and figures. What is learned later has no part in it: when the cut was taken, whether
    /// it is provisional, the settings, and the values of today.
    pub fn huella(&self) -> Huella {
        let mut hasher = self.hasher(CUT);
        let mut periods: Vec<&CutPeriod> = self.periods.iter().collect();
        periods.sort_by(|one, other| (&one.period, one.start_ms).cmp(&(&other.period, other.start_ms)));
        hasher.length(periods.len());
        periods.into_iter().for_each(|period| add_period(&mut hasher, period));
        add_targets(&mut hasher, self.targets.iter().collect());
        let mut corrections: Vec<_> = self.corrections.iter().collect();
        corrections.sort_by(|one, other| (&one.target, one.start_ms).cmp(&(&other.target, other.start_ms)));
        hasher.length(corrections.len());
        for correction in corrections {
            hasher.text(&correction.target).text(&correction.period).instant(correction.start_ms);
            hasher.quantity(correction.before).quantity(correction.after);
        }
        hasher.finish()
    }

    /// Returns the hash over the offsets, a period, and the targets whose period it is.
    pub fn huella_of(&self, period: &CutPeriod) -> Huella {
        let mut hasher = self.hasher(PERIOD);
        add_period(&mut hasher, period);
        let is_of_period = |target: &&CutTarget| (target.start_ms, target.end_ms) == (period.start_ms, period.end_ms);
        add_targets(&mut hasher, self.targets.iter().filter(is_of_period).collect());
        hasher.finish()
    }

    fn hasher(&self, form: &str) -> HuellaHasher {
        let mut hasher = HuellaHasher::new(form, self.at_ms);
        let mut offsets: Vec<_> = self.offsets.iter().collect();
        offsets.sort_by_key(|offset| (&offset.stream, &offset.topic, offset.partition));
        hasher.length(offsets.len());
        for offset in offsets {
            hasher.text(&offset.stream).text(&offset.topic).whole(offset.partition);
            hasher.text(&offset.first_offset.map(|first| first.to_string()).unwrap_or_default());
            hasher.whole(offset.next_offset);
        }
        hasher
    }
}

fn add_period(hasher: &mut HuellaHasher, period: &CutPeriod) {
    hasher.text(&period.period).text(&period.id).instant(period.start_ms).instant(period.end_ms).flag(period.closes);
    // The API adds empty cells for those that have figures today.
    let is_empty = |cell: &&CutCell| cell.beneficiaries == 0 && cell.dispersals == 0 && cell.net_pesos.value() == 0.0;
    let mut cells: Vec<&CutCell> = period.cells.iter().filter(|cell| !is_empty(cell)).collect();
    cells.sort_by_key(|cell| (&cell.programme, &cell.state));
    hasher.length(cells.len());
    for cell in cells {
        hasher.text(&cell.programme).text(&cell.state).whole(cell.beneficiaries).whole(cell.dispersals);
        hasher.quantity(Some(cell.net_pesos));
    }
}

fn add_targets(hasher: &mut HuellaHasher, mut targets: Vec<&CutTarget>) {
    targets.sort_by(|one, other| (&one.target, one.start_ms).cmp(&(&other.target, other.start_ms)));
    hasher.length(targets.len());
    for target in targets {
        hasher.text(&target.target).text(&target.measure).text(&target.period);
        hasher.instant(target.start_ms).instant(target.end_ms).flag(target.closes);
        hasher.quantity(Some(target.goal)).decimal(target.plan).quantity(target.actual);
    }
}

#[cfg(test)]
mod tests;
