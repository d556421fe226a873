//! Names label values that are shown as `other` in the log, each once.

use super::Worker;
use crate::aggregate::{UnlistedCounts, UnlistedValue};
use crate::allowlists::LabelKind;

/// Values that were logged since the start of the process.
#[derive(Debug, Default)]
pub(super) struct UnlistedLog(Vec<UnlistedValue>);

impl UnlistedLog {
    /// Adds values and returns those that are new, until [`UnlistedCounts::MAX_VALUES`] have been returned in all.
    fn add<'a>(&mut self, values: impl Iterator<Item = &'a UnlistedValue>) -> Vec<UnlistedValue> {
        let mut new = Vec::new();
        for value in values {
            if self.0.len() == UnlistedCounts::MAX_VALUES {
                break;
            }
            if !self.0.contains(value) {
                self.0.push(value.clone());
                new.push(value.clone());
            }
        }
        new
    }
}

impl Worker {
    /// Logs the values that partitions have met since the last time.
    pub(super) fn log_unlisted(&mut self) {
        let Self { unlisted_log, partitions, .. } = self;
        let values = partitions.iter().flat_map(|partition| partition.state.unlisted().values());
        for UnlistedValue { kind, value } in unlisted_log.add(values) {
            let (_, label) = LabelKind::ALL[kind as usize];
            tracing::info!(event = "pacemeter.label.unlisted", label, value, "unlisted label value shown as other");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnlistedLog;
    use crate::aggregate::UnlistedValue;
    use crate::allowlists::LabelKind;

    fn value(number: u32) -> UnlistedValue {
        UnlistedValue { kind: LabelKind::Queue, value: number.to_string() }
    }

    #[test]
    fn each_value_is_returned_once_and_twenty_at_most() {
        let mut log = UnlistedLog::default();
        let first = [value(1), value(2), value(1)];
        assert_eq!(log.add(first.iter()), [value(1), value(2)]);
        assert_eq!(log.add(first.iter()), []);
        let site = UnlistedValue { kind: LabelKind::Site, value: "1".to_owned() };
        assert_eq!(log.add([&site].into_iter()), std::slice::from_ref(&site), "another label");
        let many: Vec<UnlistedValue> = (3..100).map(value).collect();
        assert_eq!(log.add(many.iter()), (3..20).map(value).collect::<Vec<_>>());
        assert_eq!(log.add(many.iter()), []);
    }
}
