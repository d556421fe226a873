use super::board::Snapshot;
use super::message::Records;
use crate::aggregate::Partition;
use crate::clock::Millis;
use crate::record::Stream;
use crate::source::{ClientEvent, DeadLetterCounts, Slot};
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;
pub struct Meter;
impl Meter {
    pub fn new(_: Arc<Metrics>, _: &[String; 3], _: usize) -> Self { Meter }
    pub fn applied(&mut self, _: Stream, _: Millis) {}
    pub fn batch(&mut self, _: &Records, _: &dyn Fn(Slot) -> Stream, _: Duration, _: Millis) {}
    pub fn client(&mut self, _: &ClientEvent, _: Millis) {}
    pub fn published<'a>(&mut self, _: &Snapshot, _: impl Iterator<Item = &'a Partition>, _: DeadLetterCounts, _: usize) {}
    pub fn assigned(&mut self, _: &[super::message::Assigned], _: &[bool; 3]) {}
    pub fn refetched(&mut self) {}
}
