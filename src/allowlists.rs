//! How figures are shown: the allowlists of label values, and the zone of calendar periods. Nothing here touches state, so that a longer list
//! needs no rebuild.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::event::FederalState;
use crate::settings::{Layers, SettingsReader};

/// The values of a label that are shown under their own name, and what the others are shown as.
#[derive(Debug, Clone)]
pub struct Allowlist {
    names: Vec<String>,
    indexes: HashMap<String, usize>,
    other: usize,
}

impl Allowlist {
    /// `always` are shown too; `other` is the last.
    pub fn new(listed: &[String], always: &[&str]) -> Self {
        let mut names: Vec<String> = Vec::new();
        let every = listed
            .iter()
            .map(String::as_str)
            .filter(|&name| name != "other")
            .chain(always.iter().copied())
            .chain(["other"]);
        for name in every {
            if !names.iter().any(|there| there == name) {
                names.push(name.to_owned());
            }
        }
        let indexes = names.iter().enumerate().map(|(index, name)| (name.clone(), index)).collect();
        let other = names.len() - 1;
        Self { names, indexes, other }
    }

    /// How many values are shown, `other` among them.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where `name` is shown; [`Self::other`] if it is not listed.
    pub fn index(&self, name: &str) -> usize {
        self.indexes.get(name).copied().unwrap_or(self.other)
    }

    pub fn other(&self) -> usize {
        self.other
    }
}

/// The kinds of label that have an allowlist, in the order of their counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    Programme,
    State,
    Queue,
    Site,
    Initiative,
    Milestone,
}

impl LabelKind {
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

/// Position of a figure in a view's list: by programme and state ([`Allowlists::cell`]), by queue, or by site and status.
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

#[derive(Debug, Clone)]
pub struct Allowlists {
    pub programmes: Allowlist,
    pub states: Allowlist,
    pub queues: Allowlist,
    pub sites: Allowlist,
    pub initiatives: Allowlist,
    pub milestones: Allowlist,
    pub zone: TimeZone,
    /// By [`FederalState::index`]: where it is shown.
    state_indexes: [usize; FederalState::CODES.len()],
}

impl Allowlists {
    pub fn read(reader: &mut SettingsReader) -> Self {
        let states = reader.strings("labels.states");
        for state in &states {
            if !FederalState::CODES.contains(&state.as_str()) {
                reader.fault("labels.states", format!("{state:?} is no code of ISO 3166-2:MX, such as \"MX-JAL\""));
            }
        }
        let name = reader.string("programme.time_zone");
        let zone = TimeZone::get(&name).unwrap_or_else(|_| {
            reader.fault(
                "programme.time_zone",
                format!("{name:?} is no IANA time zone, such as \"America/Mexico_City\""),
            );
            TimeZone::UTC
        });
        let mut listed = |key, always: &[&str]| Allowlist::new(&reader.strings(key), always);
        let states = Allowlist::new(&states, &["unknown"]);
        Self {
            programmes: listed("labels.programmes", &[]),
            queues: listed("labels.queues", &[]),
            sites: listed("labels.sites", &["unknown"]),
            initiatives: listed("labels.initiatives", &[]),
            milestones: listed("labels.milestones", &[]),
            zone,
            state_indexes: FederalState::CODES.map(|code| states.index(code)),
            states,
        }
    }

    /// All lists, by [`LabelKind`].
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

    /// The number of cells of a figure by programme and state; see [`Self::cell`].
    pub fn cells(&self) -> usize {
        self.programmes.count() * self.states.count()
    }

    /// The number of cells of a figure by initiative and milestone; see [`Self::milestone_cell`].
    pub fn milestone_cells(&self) -> usize {
        self.initiatives.count() * self.milestones.count()
    }

    /// The place of an initiative and a milestone, both as shown, in a figure by both.
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
    /// The built-in defaults.
    fn default() -> Self {
        Self::read(&mut SettingsReader::load(&Layers::default()))
    }
}
