//! Presentation of figures: allowlists of label values with their names, and title and time zone of the programme. Nothing here affects
//! state, so a longer list needs no replay. Figures are kept by position: of a programme, of a cell (programme and
//! federal state), of a queue.

mod names;

use std::collections::HashMap;

use jiff::tz::TimeZone;

pub use self::names::LabelNames;
use crate::event::FederalState;
use crate::settings::{BilingualText, Layers, SettingsReader, redacted_text};

/// Values of a label that are shown under their own name; all others are shown as `other`.
#[derive(Debug, Clone)]
pub struct Allowlist {
    names: Vec<String>,
    indexes: HashMap<String, usize>,
    other: usize,
    /// True if values are listed, other than `other`.
    names_values: bool,
}

impl Allowlist {
    /// Creates a list of `listed` and `always`, each once, with `other` at the end.
    pub fn new(listed: &[String], always: &[&str]) -> Self {
        let (mut names, mut indexes) = (Vec::new(), HashMap::new());
        let every = listed
            .iter()
            .map(String::as_str)
            .filter(|&name| name != "other")
            .chain(always.iter().copied())
            .chain(["other"]);
        for name in every {
            if !indexes.contains_key(name) {
                indexes.insert(name.to_owned(), names.len());
                names.push(name.to_owned());
            }
        }
        let other = names.len() - 1;
        Self { names, indexes, other, names_values: listed.iter().any(|name| name != "other") }
    }

    /// True if `name` is shown under its own name, or if the list names no value at all.
    pub fn admits(&self, name: &str) -> bool {
        !self.names_values || self.indexes.contains_key(name)
    }

    /// Number of values shown, including `other`.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Values in the order in which they are shown.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Position of `name`; [`Self::other`] if it is not listed.
    pub fn index(&self, name: &str) -> usize {
        self.indexes.get(name).copied().unwrap_or(self.other)
    }

    /// Position of `other`.
    pub fn other(&self) -> usize {
        self.other
    }
}

/// Maximum number of values in a list: each takes memory in every partition, as pairs of two labels do.
const MAX_LISTED: usize = 10_000;

/// Labels that have an allowlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    /// Programme of a disbursement.
    Programme,
    /// Federal state of a disbursement; it always shows `unknown`.
    State,
    /// Queue of a call.
    Queue,
    /// Site of an agent; it always shows `unknown`.
    Site,
    /// Initiative of a milestone.
    Initiative,
    /// Milestone.
    Milestone,
}

impl LabelKind {
    /// Kinds with their names, in the order of their counters.
    pub const ALL: [(LabelKind, &'static str); 6] = [
        (LabelKind::Programme, "programme"),
        (LabelKind::State, "state"),
        (LabelKind::Queue, "queue"),
        (LabelKind::Site, "site"),
        (LabelKind::Initiative, "initiative"),
        (LabelKind::Milestone, "milestone"),
    ];
}

/// Position of a programme in the list of those that are shown ([`Allowlists::programmes`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgrammeIndex(u32);

/// Position of a figure in a view's list: by programme and state ([`Allowlists::cell`]), by queue, or by site and
/// status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellIndex(u32);

macro_rules! index {
    ($name:ident) => {
        impl $name {
            /// Allowlists are read from settings, so no position comes near 32 bits.
            pub fn new(index: usize) -> Self {
                Self(index as u32)
            }

            /// The position as an index of a slice.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(ProgrammeIndex);
index!(CellIndex);

/// Allowlists of all labels, and the programme's time zone.
#[derive(Debug, Clone)]
pub struct Allowlists {
    /// Programmes.
    pub programmes: Allowlist,
    /// Federal states by code, and `unknown`.
    pub states: Allowlist,
    /// Queues of the call centre.
    pub queues: Allowlist,
    /// Sites of agents, and `unknown`.
    pub sites: Allowlist,
    /// Initiatives.
    pub initiatives: Allowlist,
    /// Milestones.
    pub milestones: Allowlist,
    /// Names of the values as people read them.
    pub names: LabelNames,
    /// Title of the programme.
    pub title: BilingualText,
    /// Time zone of calendar periods.
    pub zone: TimeZone,
    /// Settings whose list is empty. A list of `other` alone is not: somebody means it.
    pub empty: Vec<&'static str>,
    /// Position of each federal state, by [`FederalState::index`].
    state_indexes: [usize; FederalState::CODES.len()],
}

impl Allowlists {
    /// Reads the lists and the time zone; problems are reported to `reader`.
    pub fn read(reader: &mut SettingsReader) -> Self {
        let mut empty = Vec::new();
        let states = reader.strings("labels.states");
        for state in &states {
            if !FederalState::CODES.contains(&state.as_str()) {
                reader.fault(
                    "labels.states",
                    format!("{:?} is not a code of ISO 3166-2:MX, such as \"MX-JAL\"", redacted_text(state)),
                );
            }
        }
        let name = reader.string("programme.time_zone");
        let zone = TimeZone::get(&name).unwrap_or_else(|_| {
            reader.fault(
                "programme.time_zone",
                format!("{:?} is not an IANA time zone, such as \"America/Mexico_City\"", redacted_text(&name)),
            );
            TimeZone::UTC
        });
        if states.is_empty() {
            empty.push("labels.states");
        }
        let mut listed = |key, always: &[&str]| {
            let mut values = reader.strings(key);
            if values.is_empty() {
                empty.push(key);
            }
            if values.len() > MAX_LISTED {
                reader.fault(key, format!("has {} values; list at most {MAX_LISTED}", values.len()));
                values.truncate(MAX_LISTED);
            }
            Allowlist::new(&values, always)
        };
        let states = Allowlist::new(&states, &["unknown"]);
        let programmes = listed("labels.programmes", &[]);
        let queues = listed("labels.queues", &[]);
        let sites = listed("labels.sites", &["unknown"]);
        let initiatives = listed("labels.initiatives", &[]);
        let milestones = listed("labels.milestones", &[]);
        Self {
            names: LabelNames::read(reader, [&programmes, &states, &queues, &sites, &initiatives, &milestones]),
            title: reader.bilingual("programme.title"),
            programmes,
            queues,
            sites,
            initiatives,
            milestones,
            zone,
            state_indexes: FederalState::CODES.map(|code| states.index(code)),
            states,
            empty,
        }
    }

    /// All lists, in the order of [`LabelKind::ALL`].
    pub fn all(&self) -> [&Allowlist; LabelKind::ALL.len()] {
        [&self.programmes, &self.states, &self.queues, &self.sites, &self.initiatives, &self.milestones]
    }

    /// Position at which a programme is shown; that of `other` if it is not listed.
    pub fn programme(&self, name: &str) -> ProgrammeIndex {
        ProgrammeIndex::new(self.programmes.index(name))
    }

    /// Position at which a federal state is shown.
    pub fn state(&self, state: FederalState) -> usize {
        self.state_indexes[state.index()]
    }

    /// Number of cells: pairs of a programme and a federal state.
    pub fn cells(&self) -> usize {
        self.programmes.count() * self.states.count()
    }

    /// Number of pairs of an initiative and a milestone.
    pub fn milestone_cells(&self) -> usize {
        self.initiatives.count() * self.milestones.count()
    }

    /// Position of a pair of an initiative and a milestone, given by their positions.
    pub fn milestone_cell(&self, initiative: usize, milestone: usize) -> usize {
        initiative * self.milestones.count() + milestone
    }

    /// Names of the programme and the state of a cell.
    pub fn names_of_cell(&self, cell: CellIndex) -> (&str, &str) {
        let (programme, state) = (cell.index() / self.states.count(), cell.index() % self.states.count());
        (&self.programmes.names()[programme], &self.states.names()[state])
    }

    /// Cell of a programme and a state, given by their positions.
    pub fn cell(&self, programme: ProgrammeIndex, state: usize) -> CellIndex {
        CellIndex::new(programme.index() * self.states.count() + state)
    }
}

impl Default for Allowlists {
    /// Built-in defaults.
    fn default() -> Self {
        Self::read(&mut SettingsReader::load(&Layers::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_listed_once_and_other_is_last() {
        let list = Allowlist::new(&["b", "a", "other", "b", "unknown"].map(str::to_owned), &["unknown"]);
        assert_eq!(list.names(), ["b", "a", "unknown", "other"]);
        assert_eq!((list.index("a"), list.index("z"), list.other(), list.count()), (1, 3, 3, 4));
    }

    #[test]
    fn an_empty_list_is_known_and_admits_every_value() {
        let lists = |overrides: &[&str]| {
            let overrides = overrides.iter().map(|&text| text.to_owned()).collect();
            Allowlists::read(&mut SettingsReader::load(&Layers { overrides, ..Layers::default() }))
        };
        let all = ["labels.programmes", "labels.queues", "labels.sites", "labels.initiatives", "labels.milestones"];
        assert_eq!(lists(&[]).empty, all);
        let some = lists(&["labels.programmes=['a']", "labels.queues=['other']", "labels.states=[]"]);
        assert_eq!(some.empty, ["labels.states", "labels.sites", "labels.initiatives", "labels.milestones"]);
        assert!(some.programmes.admits("a") && some.programmes.admits("other") && !some.programmes.admits("b"));
        assert!(some.queues.admits("b") && some.sites.admits("b"));
    }

    #[test]
    fn a_list_of_any_length_takes_moments_and_is_bounded() {
        let names: Vec<String> = (0..100_000).map(|index| format!("p{index}")).collect();
        let started = std::time::Instant::now();
        assert_eq!(Allowlist::new(&names, &[]).count(), 100_001);
        // A comparison of each with all others takes minutes.
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
        let overrides = vec![format!("labels.programmes={names:?}")];
        let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
        assert_eq!(Allowlists::read(&mut reader).programmes.count(), MAX_LISTED + 1);
        let faults = reader.finish().unwrap_err().to_string();
        assert!(faults.contains("labels.programmes (--set): has 100000 values; list at most 10000"), "{faults}");
    }
}
