//! Collector of the log's counters.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::system::{describe, family_of, sample};
use crate::telemetry::catalogue::{Family, own};
use crate::telemetry::log::{LogCounters, level_name};

const FAMILIES: [&Family; 3] = [&own::LOG_MESSAGES, &own::LOG_SUPPRESSED, &own::LOG_DROPPED];

/// Reads the log's counters at each scrape.
#[derive(Clone)]
pub(super) struct LogCollector {
    counters: Arc<LogCounters>,
    descs: Arc<Vec<Desc>>,
}

impl LogCollector {
    pub(super) fn new(counters: Arc<LogCounters>) -> Self {
        Self { counters, descs: Arc::new(describe(&FAMILIES)) }
    }
}

impl Collector for LogCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let messages = self
            .counters
            .messages()
            .map(|(level, lines)| sample(&own::LOG_MESSAGES, &[level_name(level)], lines as f64));
        let suppressed = self.counters.suppressed();
        let suppressed = suppressed.iter().map(|(event, lines)| sample(&own::LOG_SUPPRESSED, &[event], *lines as f64));
        let dropped = sample(&own::LOG_DROPPED, &[], self.counters.dropped() as f64);
        vec![
            family_of(&own::LOG_MESSAGES, messages.into()),
            family_of(&own::LOG_SUPPRESSED, suppressed.collect()),
            family_of(&own::LOG_DROPPED, vec![dropped]),
        ]
    }
}
