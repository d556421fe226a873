//! From what a checkpoint holds back to a partition.

use super::call::{AgentState, Calls, State as CallState};
use super::disbursement::{Disbursements, State as DisbursementState};
use super::ids::Ids;
use super::image::Shape;
use super::milestone::{Milestones, State as MilestoneState};
use super::pages::Region;
use super::{Log, Partition, Rules, Shown, StreamBody};
use crate::clock::Millis;
use crate::record::Stream;

/// A checkpoint that is whole and yet none of this program's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the state is malformed ({0}): it was not written by this version of the program")]
pub struct Malformed(String);

/// A state whose pages are still to be filled.
pub struct Restoring {
    log: Log,
    ids: Ids,
    state: State,
}

enum State {
    Disbursement(Box<DisbursementState>),
    Call(Box<(CallState, AgentState)>),
    Milestone(Box<MilestoneState>),
}

impl Restoring {
    /// # Errors
    /// If body or days are not those of such a stream.
    pub fn new(stream: Stream, body: &[u8], days: &[(Millis, Vec<u8>)]) -> Result<Self, Malformed> {
        let fault = |error: postcard::Error| Malformed(error.to_string());
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
            restored.ok_or_else(|| Malformed(format!("the day at {start}")))?;
        }
        Ok(Self { log, ids, state })
    }

    /// What the regions take.
    pub fn shapes(&mut self) -> Vec<Shape> {
        self.regions().map(|region| region.shape()).collect()
    }

    /// By region and page: the bytes to fill.
    pub fn pages(&mut self) -> Vec<Vec<&mut [u8]>> {
        self.regions().map(Region::bytes_mut).collect()
    }

    /// The partition, once its pages are filled.
    pub fn finish(self, rules: Rules, shown: &Shown, now: Millis) -> Partition {
        let Self { log, ids, state } = self;
        let (stream, body) = match state {
            State::Disbursement(state) => {
                (Stream::Disbursement, StreamBody::Disbursement(Box::new(Disbursements::restored(*state, rules, shown, now))))
            }
            State::Call(state) => (Stream::Call, StreamBody::Call(Box::new(Calls::restored(state.0, state.1, rules, shown)))),
            State::Milestone(state) => (Stream::Milestone, StreamBody::Milestone(Box::new(Milestones::restored(*state, shown)))),
        };
        Partition { stream, rules, log, ids, body }
    }

    fn regions(&mut self) -> Box<dyn Iterator<Item = &mut dyn Region> + '_> {
        let ids = self.ids.regions();
        match &mut self.state {
            State::Disbursement(state) => Box::new(ids.chain(state.regions())),
            State::Call(state) => Box::new(ids.chain(state.0.regions()).chain(state.1.regions())),
            State::Milestone(_) => Box::new(ids),
        }
    }
}
