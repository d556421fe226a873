//! Thread that stores cuts, so that a slow disk does not hold up the task.

use std::io;

use crate::checkpoint::LastCut;
use crate::clock::Timestamp;
use crate::cuts::{Cut, CutSeal, CutStore, SettlementDecision, log_faults};

/// Request to the cut thread.
pub enum CutRequest {
    /// Compare the list of cuts with the cuts that checkpoints name.
    Compare(Vec<LastCut>),
    /// Add decisions about provisional cuts to the list.
    Settle(Vec<SettlementDecision>),
    /// Store a cut, and remove those before an instant.
    Store {
        /// Cut to store.
        cut: Cut,
        /// Instant of the oldest cut to keep.
        oldest: Timestamp,
    },
}

/// Answer to [`CutRequest::Store`].
pub struct CutOutcome {
    /// Cut that was requested.
    pub cut: Cut,
    /// Proof of the stored cut, or the error if it was not stored.
    pub result: io::Result<CutSeal>,
}

/// State of the thread. A test calls [`CutThread::handle`] itself.
pub struct CutThread {
    cuts: CutStore,
    /// Cuts that the list is yet to be compared with.
    last_cuts: Vec<LastCut>,
    /// Decisions that the list is yet to get.
    decisions: Vec<SettlementDecision>,
}

impl CutThread {
    /// Creates the thread's state.
    pub fn new(cuts: CutStore) -> Self {
        Self { cuts, last_cuts: Vec::new(), decisions: Vec::new() }
    }

    /// Handles one request, and reports the outcome of a cut.
    pub fn handle(&mut self, request: CutRequest, report: impl FnOnce(CutOutcome)) {
        match request {
            CutRequest::Compare(last_cuts) => {
                self.last_cuts = last_cuts;
                self.compare();
            }
            CutRequest::Settle(decisions) => {
                self.decisions.extend(decisions);
                self.settle();
            }
            CutRequest::Store { cut, oldest } => {
                self.compare();
                self.settle();
                let result = self.cuts.put(&cut);
                report(CutOutcome { cut, result });
                if let Err(error) = self.cuts.prune(oldest) {
                    tracing::warn!(event = "pacemeter.cut.not_pruned", error = %error, "old cut not removed");
                }
            }
        }
    }

    /// Adds the decisions that are left. If the disk refuses, the next request tries again.
    fn settle(&mut self) {
        if self.decisions.is_empty() {
            return;
        }
        match self.cuts.settle(&self.decisions) {
            Ok(settled) => {
                self.decisions.clear();
                for cut in settled {
                    tracing::info!(event = "pacemeter.cut.settled", cut, "provisional cut settled");
                }
            }
            Err(error) => {
                tracing::warn!(event = "pacemeter.cut.not_settled", error = %error, "decision on cut not stored");
            }
        }
    }

    /// Compares the list with what is left to compare. If the disk refuses, the next request tries again.
    fn compare(&mut self) {
        if self.last_cuts.is_empty() {
            return;
        }
        match self.cuts.compare(&self.last_cuts) {
            Ok(faults) => {
                self.last_cuts.clear();
                log_faults(&faults);
            }
            Err(error) => log_faults(&[error]),
        }
    }
}
