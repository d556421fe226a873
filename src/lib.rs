//! Pacemeter reads the events of a social programme from Kafka, keeps exact aggregates in memory and exposes them as
//! Prometheus metrics.
//!
//! The modules stand in reading order, and each imports only from those above it (`tests/it/tidy.rs` holds them to it):
//!
//! ```text
//! clock  record  event            plain values
//! settings                        layered configuration, read once
//! telemetry                       metrics catalogue, own metrics, logs
//! runtime                         exit codes, signals
//! calendar  allowlists            periods of a zone, working time; how figures are shown
//! targets                         what is to be reached, and how far that is on its plan
//! source                          Kafka: topics, assignment, batches, end offsets, commits
//! decode                          bytes to events
//! view                            what a partition shows; merging
//! aggregate                       partition state: events to figures
//! disk                            files of the state directory; one atomic write
//! checkpoint                      state and offset as one durable value
//! cuts                            the figures of an instant, kept for good
//! pipeline                        the threads and the task that join these
//! http  export  api               what the world sees
//! oracle                          the naive oracle: expected figures from all that was sent
//! simulate                        a programme that lives: events for demo, load and tests
//! app  cli                        assembly
//! ```
//!
//! # Data path
//!
//! ```text
//! Kafka --> source --> decode --> aggregate --> view --> export --> /metrics, /api
//!           (poll      (bytes to   (partition    (merge)
//!            thread)    events)     states)
//! ```
//!
//! # Invariants
//!
//! They are listed, with the test of each, in `ARCHITECTURE.md`.

// The one exception is `source::native`.
#![deny(unsafe_code)]

// Plain values.
pub mod clock;

pub mod record;

pub mod event;

// The process.
pub mod settings;

pub mod telemetry;

pub mod runtime;

// The data path.
pub mod calendar;

pub mod allowlists;

pub mod targets;

pub mod source;

pub mod decode;

pub mod view;

pub mod aggregate;

pub mod disk;

pub mod checkpoint;

pub mod cuts;

pub mod pipeline;

// What the world sees.
pub mod http;

pub mod export;

pub mod api;

// What must be: the oracle, and a programme that lives to try it on.
pub mod oracle;

pub mod simulate;

// Assembly.
pub mod app;

pub mod cli;
