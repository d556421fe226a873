//! Label values of a partition, kept as given and numbered in the order in which they came.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// The number of a label value in its partition.
pub(crate) type LabelId = u16;

/// Every value that came after the bound was reached, for good.
pub(crate) const OTHER: LabelId = 0;

/// The most values that fit the numbers.
pub(crate) const MAX_VALUES: u64 = u16::MAX as u64;

#[derive(Debug, Serialize, Deserialize)]
#[serde(from = "StoredLabels")]
pub(crate) struct LabelTable {
    names: Vec<String>,
    max_values: usize,
    #[serde(skip)]
    ids: HashMap<String, LabelId>,
}

/// As a checkpoint has it.
#[derive(Deserialize)]
struct StoredLabels {
    names: Vec<String>,
    max_values: usize,
}

impl LabelTable {
    pub(crate) fn new(max_values: usize) -> Self {
        assert!(max_values as u64 <= MAX_VALUES, "label numbers have 16 bits");
        Self { names: vec!["other".to_owned()], ids: HashMap::new(), max_values }
    }

    /// Values there are, [`OTHER`] among them.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, id: LabelId) -> &str {
        &self.names[usize::from(id)]
    }

    pub(crate) fn intern(&mut self, name: &str) -> LabelId {
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
        Self { names, max_values, ids }
    }
}
