//! [`Timeline`]: values of minutes, hours or days, found without a search.

use crate::clock::Timestamp;

/// Values by the beginning of their span of time, in the order of time.
///
/// Events come nearly in order, and what they change lies at one of two distances from them: a payment counts in its
/// hour and leaves a window in an hour of the next week. So the value is nearly always one of the two found last, or a
/// neighbour of these.
#[derive(Debug, Clone)]
pub struct Timeline<T> {
    values: Vec<(Timestamp, T)>,
    /// Indexes of the two values found last, newest first.
    recent: [usize; 2],
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { values: Vec::new(), recent: [0; 2] }
    }
}

impl<T> Timeline<T> {
    /// All values.
    pub fn all(&self) -> &[(Timestamp, T)] {
        &self.values
    }

    /// Values that begin at `from` or later.
    pub fn from(&self, from: Timestamp) -> &[(Timestamp, T)] {
        &self.values[self.values.partition_point(|&(start, _)| start < from)..]
    }

    /// Values that begin from `first` to `last`.
    pub fn between(&self, first: Timestamp, last: Timestamp) -> impl Iterator<Item = &(Timestamp, T)> {
        self.from(first).iter().take_while(move |&&(start, _)| start <= last)
    }

    /// Value that begins at `start`, found by search.
    pub fn get(&self, start: Timestamp) -> Option<&T> {
        let index = self.values.binary_search_by_key(&start, |value| value.0).ok()?;
        Some(&self.values[index].1)
    }

    /// Removes the value that begins at `start`.
    pub fn remove(&mut self, start: Timestamp) -> Option<T> {
        let index = self.find(start).ok()?;
        Some(self.values.remove(index).1)
    }

    /// Value that begins at `start`.
    pub fn get_mut(&mut self, start: Timestamp) -> Option<&mut T> {
        let index = self.find(start).ok()?;
        Some(&mut self.values[index].1)
    }

    /// Value that begins at `start`, created if it is missing.
    pub fn at(&mut self, start: Timestamp) -> &mut T
    where
        T: Default,
    {
        let index = self.find(start).unwrap_or_else(|index| {
            self.values.insert(index, (start, T::default()));
            self.recent = [index, self.recent[0]];
            index
        });
        &mut self.values[index].1
    }

    /// Removes the values that begin before `first`.
    pub fn take_before(&mut self, first: Timestamp) -> Vec<(Timestamp, T)> {
        let old = self.values.partition_point(|&(start, _)| start < first);
        self.values.drain(..old).collect()
    }

    /// Index of the value that begins at `start`, or the index at which it would be inserted.
    fn find(&mut self, start: Timestamp) -> Result<usize, usize> {
        match self.recent[0] {
            last if self.is_at(last, start) => Ok(last),
            _ => self.search(start),
        }
    }

    #[inline(never)]
    fn search(&mut self, start: Timestamp) -> Result<usize, usize> {
        let [last, other] = self.recent;
        if let Some(index) = self.near(last, start) {
            self.recent[0] = index;
            return Ok(index);
        }
        let found =
            self.near(other, start).map_or_else(|| self.values.binary_search_by_key(&start, |value| value.0), Ok);
        if let Ok(index) = found {
            self.recent = [index, last];
        }
        found
    }

    /// The index, or that of a neighbour, if its value begins at `start`.
    fn near(&self, index: usize, start: Timestamp) -> Option<usize> {
        [index, index.wrapping_sub(1), index + 1].into_iter().find(|&index| self.is_at(index, start))
    }

    fn is_at(&self, index: usize, start: Timestamp) -> bool {
        self.values.get(index).is_some_and(|value| value.0 == start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn values_are_found_as_in_a_tree(steps in prop::collection::vec((0..40_i64, 0..8_u8), 0..200)) {
            let at = |hour: i64| Timestamp::EPOCH + hour * HOUR;
            let (mut timeline, mut tree) = (Timeline::<i64>::default(), BTreeMap::new());
            for (hour, step) in steps {
                let start = at(hour);
                match step {
                    0 => {
                        let kept = tree.split_off(&at(hour / 4));
                        prop_assert_eq!(timeline.take_before(at(hour / 4)), tree.into_iter().collect::<Vec<_>>());
                        tree = kept;
                    }
                    1 => prop_assert_eq!(timeline.get_mut(start), tree.get_mut(&start)),
                    2 => prop_assert_eq!(timeline.remove(start), tree.remove(&start)),
                    _ => {
                        *timeline.at(start) += hour;
                        *tree.entry(start).or_default() += hour;
                    }
                }
                prop_assert_eq!(timeline.get(start), tree.get(&start));
                let expected: Vec<_> = tree.range(start..).map(|(&start, &value)| (start, value)).collect();
                prop_assert_eq!(timeline.from(start), &expected);
            }
            prop_assert_eq!(timeline.all(), tree.into_iter().collect::<Vec<_>>());
        }
    }
}
