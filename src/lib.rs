//! Pacemeter reads the events of a social programme from Kafka, keeps exact aggregates in memory and exposes them as
//! Prometheus metrics.
//!
//! The modules are listed in reading order. Each imports only from those above it; `tests/it/tidy.rs` checks that.
//!
//! ```text
//! clock  record  event            plain values
//! settings                        layered configuration, read once
//! telemetry                       metrics catalogue, own metrics, logs
//! runtime                         exit codes, signals
//! calendar  allowlists            periods in a time zone, working time; labels with their own series
//! targets                         goals, and actual against plan
//! source                          Kafka: topics, assignment, batches, end offsets, commits
//! decode                          bytes to events
//! view                            snapshots of partitions, merged for readers
//! aggregate                       partition state: events to figures
//! disk                            files of the state directory, written atomically
//! checkpoint                      state and offset as one durable value
//! cuts                            figures at one instant, kept permanently
//! pipeline                        threads and the task that connect these
//! http  export  api               public interfaces
//! oracle                          expected figures, computed naively from all sent records
//! simulate                        simulated programme: events for demo, load and tests
//! app  cli                        assembly, command line
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
//! `ARCHITECTURE.md` lists them, each with its test.

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

// Public interfaces.
pub mod http;

pub mod export;

pub mod api;

// Verification: the oracle and the simulator.
pub mod oracle;

pub mod simulate;

// Assembly.
pub mod app;

pub mod cli;
