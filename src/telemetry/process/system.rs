//! Collector of the kernel's figures about this process.
//!
//! It is written by hand because the prometheus crate's collector counts CPU time in whole seconds, too coarse for a
//! process that uses a few per cent.

use std::sync::Arc;

use procfs::process::{LimitValue, Process};
use prometheus::core::{Collector, Desc};
use prometheus::proto;

use crate::telemetry::catalogue::{Family, MetricKind, own};

const FAMILIES: [&Family; 7] = [
    &own::PROCESS_CPU_SECONDS,
    &own::PROCESS_OPEN_FDS,
    &own::PROCESS_MAX_FDS,
    &own::PROCESS_VIRTUAL_MEMORY,
    &own::PROCESS_RESIDENT_MEMORY,
    &own::PROCESS_START_TIME,
    &own::PROCESS_THREADS,
];

/// Reads the kernel's figures at each scrape.
#[derive(Clone)]
pub(super) struct SystemCollector(Arc<Vec<Desc>>);

impl SystemCollector {
    pub(super) fn new() -> Self {
        Self(Arc::new(describe(&FAMILIES)))
    }
}

impl Collector for SystemCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.0.iter().collect()
    }

    /// Omits figures that the kernel does not report.
    fn collect(&self) -> Vec<proto::MetricFamily> {
        let values = Process::myself().map(|process| read(&process)).unwrap_or_default();
        let present = FAMILIES.iter().zip(values).filter_map(|(family, value)| Some((family, value?)));
        present.map(|(family, value)| family_of(family, vec![sample(family, &[], value)])).collect()
    }
}

/// Returns the values in the order of [`FAMILIES`].
fn read(process: &Process) -> [Option<f64>; 7] {
    let ticks = procfs::ticks_per_second() as f64;
    let stat = process.stat().ok();
    let stat = stat.as_ref();
    let limit = process.limits().ok().and_then(|limits| match limits.max_open_files.soft_limit {
        LimitValue::Value(limit) => Some(limit as f64),
        LimitValue::Unlimited => None,
    });
    [
        stat.map(|stat| (stat.utime + stat.stime) as f64 / ticks),
        process.fd_count().ok().map(|count| count as f64),
        limit,
        stat.map(|stat| stat.vsize as f64),
        stat.map(|stat| (stat.rss * procfs::page_size()) as f64),
        stat.and_then(|stat| Some(procfs::boot_time_secs().ok()? as f64 + stat.starttime as f64 / ticks)),
        stat.map(|stat| stat.num_threads as f64),
    ]
}

pub(super) fn describe(families: &[&Family]) -> Vec<Desc> {
    let desc = |family: &&Family| {
        let labels = family.labels.iter().map(|label| (*label).to_owned()).collect();
        Desc::new(family.name.to_owned(), family.help.to_owned(), labels, Default::default())
            .expect("the catalogue is valid")
    };
    families.iter().map(desc).collect()
}

pub(super) fn family_of(family: &Family, samples: Vec<proto::Metric>) -> proto::MetricFamily {
    let mut collected = proto::MetricFamily::default();
    collected.set_name(family.name.to_owned());
    collected.set_help(family.help.to_owned());
    collected.set_field_type(if family.kind == MetricKind::Counter {
        proto::MetricType::COUNTER
    } else {
        proto::MetricType::GAUGE
    });
    collected.set_metric(samples);
    collected
}

/// Returns a sample of a counter or gauge.
pub(super) fn sample(family: &Family, labels: &[&str], value: f64) -> proto::Metric {
    let pair = |(name, value): (&&str, &&str)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut metric = proto::Metric::from_label(family.labels.iter().zip(labels).map(pair).collect());
    if family.kind == MetricKind::Counter {
        let mut counter = proto::Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}
