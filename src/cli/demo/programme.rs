//! Source of the demo's records.

use crate::clock::Timestamp;
use crate::simulate::story::StoryProgramme;
use crate::simulate::{Emission, LiveProgramme};

pub(super) enum DemoProgramme {
    Live(Box<LiveProgramme>),
    Story(Box<StoryProgramme>),
}

impl DemoProgramme {
    /// Returns the records sent until `now`, in the order of their timestamps.
    pub(super) fn advance_to(&mut self, now: Timestamp) -> Vec<Emission> {
        match self {
            DemoProgramme::Live(live) => live.advance_to(now),
            DemoProgramme::Story(story) => story.advance_to(now),
        }
    }
}
