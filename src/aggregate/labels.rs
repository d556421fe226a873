//! Label values of a partition, as given, numbered in order of appearance.
//!
//! State and digests hold these 16-bit numbers and the names. Number 0 is `other`, for every value beyond
//! `state.max_label_values`. Allowlists map names to positions of what is shown; views, cells and derived figures use
//! those. A longer allowlist therefore needs new derived figures and no replay.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Number of a label value in its partition.
pub(crate) type LabelId = u16;

/// Number of every value that appeared after the bound was reached.
pub(crate) const OTHER: LabelId = 0;

/// Largest number of values that fits.
pub(crate) const MAX_VALUES: u64 = u16::MAX as u64;

/// Numbers and names of the label values of one kind.
#[derive(Debug, Serialize, Deserialize)]
#[serde(from = "StoredLabels")]
pub(crate) struct LabelTable {
    names: Vec<String>,
    max_values: usize,
    #[serde(skip)]
    ids: HashMap<String, LabelId>,
    /// Numbers of the values that were asked for last, by the length of the value: a comparison is cheaper than a hash.
    #[serde(skip)]
    recent: [LabelId; RECENT],
}

const RECENT: usize = 32;

/// Stored form of a [`LabelTable`].
#[derive(Deserialize)]
struct StoredLabels {
    names: Vec<String>,
    max_values: usize,
}

impl LabelTable {
    pub(crate) fn new(max_values: usize) -> Self {
        assert!(max_values as u64 <= MAX_VALUES, "label numbers have 16 bits");
        Self { names: vec!["other".to_owned()], ids: HashMap::new(), max_values, recent: [OTHER; RECENT] }
    }

    /// Number of values, including [`OTHER`].
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, id: LabelId) -> &str {
        &self.names[usize::from(id)]
    }

    /// Values with a number of their own.
    pub(crate) fn own_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().skip(1).map(String::as_str)
    }

    /// Number of a value; a new value gets the next number, or [`OTHER`] beyond the bound.
    pub(crate) fn intern(&mut self, name: &str) -> LabelId {
        let recent = self.recent[name.len() % RECENT];
        if recent != OTHER && self.name(recent) == name {
            return recent;
        }
        let id = self.look_up(name);
        self.recent[name.len() % RECENT] = id;
        id
    }

    fn look_up(&mut self, name: &str) -> LabelId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        if self.ids.len() >= self.max_values {
            return OTHER;
        }
        let id = self.names.len() as LabelId;
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }
}

impl From<StoredLabels> for LabelTable {
    fn from(StoredLabels { names, max_values }: StoredLabels) -> Self {
        let named = names.iter().enumerate().skip(1);
        let ids = named.map(|(id, name)| (name.clone(), id as LabelId)).collect();
        Self { names, max_values, ids, recent: [OTHER; RECENT] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_length_keep_their_numbers() {
        let mut labels = LabelTable::new(3);
        let mut numbers = |names: [&str; 4]| names.map(|name| labels.intern(name));
        assert_eq!(numbers(["aa", "bb", "aa", "bb"]), [1, 2, 1, 2]);
        assert_eq!(numbers(["other", "cc", "aa", "cc"]), [3, OTHER, 1, OTHER]);
    }
}
