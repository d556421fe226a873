//! Restores a partition from a checkpoint: the body first, then pages, then everything that follows from them.

use super::call::{AgentsState, Calls, CallsState};
use super::disbursement::{Disbursements, DisbursementsState};
use super::ids::Ids;
use super::image::TableLayout;
use super::key_sample::KeySample;
use super::milestone::{Milestones, MilestonesState};
use super::pages::PagedTable;
use super::{Log, PartitionState, Rules, StreamBody, ViewConfig};
use crate::clock::Timestamp;
use crate::record::Stream;

/// A checkpoint that is intact, but not in the form that this program writes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the state is malformed ({0}): it was not written by this version of the program")]
pub struct MalformedState(String);

/// A state whose pages still have to be read.
pub struct StateLoader {
    log: Log,
    ids: Ids,
    state: State,
}

enum State {
    Disbursement(Box<DisbursementsState>),
    Call(Box<(CallsState, AgentsState)>),
    Milestone(Box<MilestonesState>),
}

impl StateLoader {
    /// Reads body and days of a stream's state.
    ///
    /// # Errors
    /// Returns an error if body or days are not those of such a state.
    pub fn new(stream: Stream, body: &[u8], days: &[(Timestamp, Vec<u8>)]) -> Result<Self, MalformedState> {
        let fault = |error: postcard::Error| MalformedState(error.to_string());
        let (log, ids, mut state) = match stream {
            Stream::Disbursement => {
                let (log, ids, state) = postcard::from_bytes(body).map_err(fault)?;
                (log, ids, State::Disbursement(Box::new(state)))
            }
            Stream::Call => {
                let (log, ids, state) = postcard::from_bytes(body).map_err(fault)?;
                (log, ids, State::Call(Box::new(state)))
            }
            Stream::Milestone => {
                let (log, ids, state) = postcard::from_bytes(body).map_err(fault)?;
                (log, ids, State::Milestone(Box::new(state)))
            }
        };
        for (start, encoded) in days {
            let restored = match &mut state {
                State::Disbursement(state) => state.panes_mut().restore(*start, encoded),
                State::Call(state) => state.0.panes_mut().restore(*start, encoded),
                State::Milestone(state) => state.panes_mut().restore(*start, encoded),
            };
            restored.ok_or_else(|| MalformedState(format!("the day at {start}")))?;
        }
        Ok(Self { log, ids, state })
    }

    /// Size of each region.
    pub fn shapes(&mut self) -> Vec<TableLayout> {
        self.regions().map(|region| region.shape()).collect()
    }

    /// Bytes of each region's pages, to be filled by the caller.
    pub fn pages(&mut self) -> Vec<Vec<&mut [u8]>> {
        self.regions().map(PagedTable::bytes_mut).collect()
    }

    /// Builds the partition once all pages are filled: indexes, timers and derived figures.
    pub fn finish(self, rules: Rules, view_config: &ViewConfig, now: Timestamp) -> PartitionState {
        let Self { log, ids, state } = self;
        let (stream, body) = match state {
            State::Disbursement(state) => (
                Stream::Disbursement,
                StreamBody::Disbursement(Box::new(Disbursements::restored(*state, rules, view_config, now))),
            ),
            State::Call(state) => {
                (Stream::Call, StreamBody::Call(Box::new(Calls::restored(state.0, state.1, rules, view_config))))
            }
            State::Milestone(state) => {
                (Stream::Milestone, StreamBody::Milestone(Box::new(Milestones::restored(*state, view_config))))
            }
        };
        PartitionState { stream, rules, log, ids, body, key_sample: KeySample::default() }
    }

    fn regions(&mut self) -> Box<dyn Iterator<Item = &mut dyn PagedTable> + '_> {
        let ids = self.ids.regions();
        match &mut self.state {
            State::Disbursement(state) => Box::new(ids.chain(state.regions())),
            State::Call(state) => Box::new(ids.chain(state.0.regions()).chain(state.1.regions())),
            State::Milestone(_) => Box::new(ids),
        }
    }
}
