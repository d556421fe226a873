//! When work is done: hours and weights of weekdays, holidays, exceptions.

use crate::clock::Millis;

/// When a kind of work is done, and how much of a plan falls to it.
#[derive(Debug)]
pub struct Working {
    name: String,
}

impl Working {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `time` is working time.
    pub fn is_open(&self, _time: Millis) -> bool {
        unimplemented!()
    }
}
