//! The call centre: calls come in, agents at home take them, and agents sign in and out.

use super::{Scheduler, Step};
use crate::clock::{HOUR, MINUTE, Millis, SECOND, Timestamp};
use crate::event::{CallKind, Status};
use crate::simulate::occurrence::{Body, QUEUES, SITES, Seconds, mix};

pub(super) const CALLS_A_WEEK: f64 = 60_000.0;
const AGENTS: f64 = 1_900.0;
/// Hours at which a shift of half of the agents begins; a shift has eight hours.
const SHIFTS: [usize; 2] = [7, 13];

#[derive(Debug, Clone, Copy)]
pub(super) enum CallStep {
    Offer,
    Answer {
        call: u64,
        queue: &'static str,
    },
    Abandon {
        call: u64,
        queue: &'static str,
    },
    Complete {
        call: u64,
        queue: &'static str,
        talk: u32,
        agent: u32,
    },
    /// The agent is done with a call.
    Free {
        agent: u32,
    },
    /// The agent signs in, pauses, comes back or signs out.
    Turn {
        agent: u32,
        status: Status,
    },
}

#[derive(Debug)]
pub(super) struct Calls {
    calls: u64,
    /// Status of each agent.
    agents: Vec<Status>,
    /// Agents who can take a call.
    available: Vec<u32>,
}

impl Calls {
    pub(super) fn new(scale: f64) -> Self {
        let agents = (AGENTS * scale).round().max(2.0) as usize;
        Self { calls: 0, agents: vec![Status::SignedOut; agents], available: Vec::new() }
    }
}

impl Scheduler {
    pub(super) fn call(&mut self, at: Timestamp, step: CallStep) {
        match step {
            CallStep::Offer => self.offer(at),
            CallStep::Answer { call, queue } => self.answer(at, call, queue),
            CallStep::Abandon { call, queue } => {
                self.call_event(at, CallKind::Abandoned, call, queue, Seconds::default())
            }
            CallStep::Complete { call, queue, talk, agent } => self.complete(at, call, queue, talk, agent),
            CallStep::Free { agent } => self.free(at, agent),
            CallStep::Turn { agent, status } => self.turn(at, agent, status),
        }
    }

    fn offer(&mut self, at: Timestamp) {
        let call = self.calls.calls;
        self.calls.calls += 1;
        let queue = QUEUES.pick(mix(self.options.seed ^ call));
        // One offer in a thousand is lost.
        if self.rng.u32(..1_000) != 0 {
            self.call_event(at, CallKind::Offered, call, queue, Seconds::default());
        }
        // Short waits mostly, with a long tail.
        let wait = (-(1.0 - self.rng.f64()).ln() * 14_000.0) as Millis;
        let patience = (-(1.0 - self.rng.f64()).ln() * 180_000.0) as Millis;
        let step = if patience < wait { CallStep::Abandon { call, queue } } else { CallStep::Answer { call, queue } };
        self.plan(at + wait.min(patience), Step::Call(step));
    }

    fn answer(&mut self, at: Timestamp, call: u64, queue: &'static str) {
        let Some(agent) = self.take_agent() else {
            // Nobody is available: half of the callers give up, the others keep waiting.
            let step =
                if self.rng.bool() { CallStep::Abandon { call, queue } } else { CallStep::Answer { call, queue } };
            let wait = self.rng.i64(20 * SECOND..5 * MINUTE);
            self.plan(at + wait, Step::Call(step));
            return;
        };
        self.call_event(at, CallKind::Answered, call, queue, Seconds::default());
        self.status(at, agent, Status::Handling);
        let talk = 15_000 + (-(1.0 - self.rng.f64()).ln() * 260_000.0) as u32;
        self.plan(
            at + Millis::from(talk),
            Step::Call(CallStep::Complete { call, queue, talk: talk.min(7_200_000), agent }),
        );
    }

    /// Takes a random available agent.
    fn take_agent(&mut self) -> Option<u32> {
        if self.calls.available.is_empty() {
            return None;
        }
        let index = self.rng.usize(..self.calls.available.len());
        Some(self.calls.available.swap_remove(index))
    }

    fn complete(&mut self, at: Timestamp, call: u64, queue: &'static str, talk: u32, agent: u32) {
        let wrap_up = self.rng.u32(..90_000);
        let seconds = match self.rng.u32(..20) {
            // Not measured by the telephone system: handle time is from answer to completion.
            0..=1 => Seconds::default(),
            2..=9 => {
                Seconds { talk: Some(talk), hold: Some(self.rng.u32(..60) * SECOND as u32), wrap_up: Some(wrap_up) }
            }
            _ => Seconds { talk: Some(talk), hold: None, wrap_up: Some(wrap_up) },
        };
        self.call_event(at, CallKind::Completed, call, queue, seconds);
        if self.rng.bool() {
            self.status(at, agent, Status::WrapUp);
            self.plan(at + Millis::from(wrap_up), Step::Call(CallStep::Free { agent }));
        } else {
            self.free(at, agent);
        }
    }

    /// Plans the shift that begins in this hour, if there is one.
    pub(super) fn plan_shift(&mut self, at: Timestamp, hour: usize) {
        let Some(shift) = SHIFTS.iter().position(|&begin| begin == hour % 24) else { return };
        let weekday = hour / 24 < 5;
        for agent in 0..self.calls.agents.len() as u32 {
            // A tenth of them work at the weekend.
            if agent as usize % SHIFTS.len() != shift || !(weekday || agent.is_multiple_of(10)) {
                continue;
            }
            let begin = at + self.rng.i64(0..HOUR);
            let pause = begin + self.rng.i64(2 * HOUR..6 * HOUR);
            let back = pause + self.rng.i64(10 * MINUTE..45 * MINUTE);
            let end = begin + 8 * HOUR + self.rng.i64(0..10 * MINUTE);
            self.plan(begin, Step::Call(CallStep::Turn { agent, status: Status::Available }));
            self.plan(pause, Step::Call(CallStep::Turn { agent, status: Status::Paused }));
            self.plan(back, Step::Call(CallStep::Turn { agent, status: Status::Available }));
            // One in fifty never signs out and has to time out.
            let last = if self.rng.u32(..50) == 0 { Status::Paused } else { Status::SignedOut };
            self.plan(end, Step::Call(CallStep::Turn { agent, status: last }));
        }
    }

    /// Changes an agent's status where that makes sense; a call is finished first.
    fn turn(&mut self, at: Timestamp, agent: u32, status: Status) {
        use Status::{Available, Handling, Paused, SignedOut, WrapUp};
        match (self.calls.agents[agent as usize], status) {
            (Handling | WrapUp, Paused | SignedOut) => {
                self.plan(at + 2 * MINUTE, Step::Call(CallStep::Turn { agent, status }));
            }
            (Available, Paused | SignedOut) => {
                self.calls.available.retain(|&other| other != agent);
                self.status(at, agent, status);
            }
            (Paused, SignedOut) => self.status(at, agent, status),
            (Paused | SignedOut, Available) => self.free(at, agent),
            _ => {}
        }
    }

    fn free(&mut self, at: Timestamp, agent: u32) {
        self.status(at, agent, Status::Available);
        self.calls.available.push(agent);
    }

    fn status(&mut self, at: Timestamp, agent: u32, status: Status) {
        self.calls.agents[agent as usize] = status;
        let agent = u64::from(agent);
        // One agent in fifty has no known site.
        let site = (!agent.is_multiple_of(50)).then(|| SITES.pick(mix(agent)));
        self.happen(at, Body::Agent { agent, site, status });
    }

    fn call_event(&mut self, at: Timestamp, kind: CallKind, call: u64, queue: &'static str, seconds: Seconds) {
        self.happen(at, Body::Call { kind, call, queue, seconds });
    }
}
