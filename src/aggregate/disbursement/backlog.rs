//! Open supports of a programme as shown: approved, neither dispersed nor rejected.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::support::Approval;
use crate::clock::{HOUR, Timestamp};
use crate::view::Backlog;

#[derive(Debug, Default)]
pub(crate) struct OpenSupports {
    supports: u64,
    centavos: u128,
    /// Approvals by the hour of their time.
    hours: BTreeMap<Timestamp, HourApprovals>,
}

/// Number of supports approved at each instant of an hour. Only the oldest hour is asked for its first instant; an hour
/// is put in order when it comes to that, once.
#[derive(Debug)]
enum HourApprovals {
    Unordered(HashMap<Timestamp, u32>),
    Ordered(BTreeMap<Timestamp, u32>),
}

impl OpenSupports {
    /// Adds a support.
    pub(crate) fn open(&mut self, approved: &Approval) {
        self.supports += 1;
        self.centavos += u128::from(approved.amount);
        let hour = self.hours.entry(approved.time.floor(HOUR));
        match hour.or_insert_with(|| HourApprovals::Unordered(HashMap::new())) {
            HourApprovals::Unordered(instants) => *instants.entry(approved.time).or_default() += 1,
            HourApprovals::Ordered(instants) => *instants.entry(approved.time).or_default() += 1,
        }
    }

    /// Removes a support.
    ///
    /// # Panics
    ///
    /// Panics if it was not added.
    pub(crate) fn close(&mut self, approved: &Approval) {
        const JOINED: &str = "a support leaves the backlog that it joined";
        let time = approved.time;
        self.supports -= 1;
        self.centavos -= u128::from(approved.amount);
        let is_empty = match self.hours.get_mut(&time.floor(HOUR)).expect(JOINED) {
            HourApprovals::Unordered(instants) => {
                let count = instants.get_mut(&time).expect(JOINED);
                *count -= 1;
                *count == 0 && instants.remove(&time).is_some() && instants.is_empty()
            }
            HourApprovals::Ordered(instants) => {
                let count = instants.get_mut(&time).expect(JOINED);
                *count -= 1;
                *count == 0 && instants.remove(&time).is_some() && instants.is_empty()
            }
        };
        if is_empty {
            self.hours.remove(&time.floor(HOUR));
        }
    }

    /// The backlog as shown.
    pub(crate) fn show(&mut self) -> Backlog {
        let oldest_approval = self.hours.first_entry().and_then(|mut hour| hour.get_mut().first());
        Backlog { supports: self.supports, centavos: self.centavos, oldest_approval }
    }
}

impl HourApprovals {
    fn first(&mut self) -> Option<Timestamp> {
        if let Self::Unordered(instants) = self {
            *self = Self::Ordered(std::mem::take(instants).into_iter().collect());
        }
        match self {
            Self::Ordered(instants) => instants.first_key_value().map(|(&instant, _)| instant),
            Self::Unordered(_) => unreachable!("the hour was put in order above"),
        }
    }
}
