//! Settings, decoder and metrics, which all runs of a thread share because they take long to build.

use std::sync::Arc;

use pacemeter::aggregate::{Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::clock::DAY;
use pacemeter::decode::{self, Decoder, PseudonymKey};
use pacemeter::oracle;
use pacemeter::pipeline::{Compatibility, Settings};
use pacemeter::record::PerStream;
use pacemeter::settings::OffsetRange;
use pacemeter::telemetry::{Metrics, log};

use crate::oracle::{NAMES, PROGRAMMES, QUEUES, SITES, reader_with};

/// Number of allowlist variants; each is longer than the one before.
pub const LISTS: usize = 3;
/// Number of variants of the settings that state depends on.
pub const SEMANTICS: usize = 2;

/// Settings of a process, and of the oracle for it.
pub struct Variant {
    pub settings: Settings,
    pub compatibility: Compatibility,
    pub view_config: ViewConfig,
    pub rules: Rules,
    pub oracle: oracle::OracleRules,
}

pub struct Shared {
    /// Variants by semantic settings, then by allowlists.
    variants: Vec<Variant>,
    pub decoder: Decoder,
    pub metrics: Arc<Metrics>,
    pub topics: PerStream<String>,
    pub excluded: PerStream<Vec<OffsetRange>>,
}

impl Shared {
    pub fn new() -> Self {
        let mut reader = reader_with(&[]);
        let key = || PseudonymKey::from_hex(&"5a".repeat(32)).expect("32 bytes in hexadecimal");
        let counters = log::LogCounters::new(&log::Settings::read(&mut reader));
        let variants = (0..SEMANTICS * LISTS).map(|number| variant(number / LISTS, number % LISTS, key().key_id()));
        Self {
            variants: variants.collect(),
            decoder: Decoder::new(decode::Settings::read(&mut reader), key()),
            metrics: Arc::new(Metrics::new(&[], &[], Arc::new(counters))),
            topics: PerStream::from_fn(|stream| stream.name().to_owned()),
            excluded: Default::default(),
        }
    }

    pub fn variant(&self, semantic_settings: usize, list: usize) -> &Variant {
        &self.variants[semantic_settings * LISTS + list]
    }
}

fn variant(semantic_settings: usize, list: usize, key_id: String) -> Variant {
    let listed = |values: &[&str]| -> Vec<String> {
        values[..(2 + list).min(values.len())].iter().map(|&value| value.to_owned()).collect()
    };
    let (horizon, call_horizon) = [(35, 2), (36, 3)][semantic_settings];
    let set = |key: &str, values: &[&str]| format!("labels.{key}={:?}", listed(values));
    let overrides = [
        format!("streams.disbursement.horizon={horizon}d"),
        format!("streams.call.horizon={call_horizon}d"),
        "state.fine_history=2d".to_owned(),
        "state.coarse_history=20d".to_owned(),
        set("programmes", &PROGRAMMES),
        set("queues", &QUEUES),
        set("sites", &SITES),
        set("initiatives", &NAMES),
    ];
    let mut reader = reader_with(&overrides.each_ref().map(String::as_str));
    let rules = Rules::read(&mut reader);
    let decode = decode::Settings::read(&mut reader);
    let labels = oracle::OracleLabels {
        programmes: listed(&PROGRAMMES),
        queues: listed(&QUEUES),
        sites: listed(&SITES),
        initiatives: listed(&NAMES),
        milestones: vec![NAMES[0].to_owned()],
        states: vec!["MX-JAL".to_owned(), "MX-CMX".to_owned()],
    };
    Variant {
        settings: Settings::read(&mut reader),
        compatibility: Compatibility { rules, decode, excluded: Default::default(), key_id },
        view_config: ViewConfig { allowlists: Arc::new(Allowlists::read(&mut reader)), ..ViewConfig::default() },
        rules,
        oracle: oracle::OracleRules {
            horizons: oracle::Horizons { disbursement: horizon * DAY, call: call_horizon * DAY, milestone: 3 * DAY },
            open_horizon: 50 * DAY,
            labels,
            ..oracle::OracleRules::default()
        },
    }
}
