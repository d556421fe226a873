//! Pacemeter reads the events of a social programme from Kafka, keeps exact aggregates in memory and exposes them as
//! Prometheus metrics.
//!
//! The modules stand in reading order. Each imports only from those above it, which `tests/it/tidy.rs` checks:
//!
//! ```text
//! clock  record  event            plain values
//! file                            bounded reading of files that are not ours
//! settings                        layered configuration, read once
//! telemetry                       catalogue of metrics, the process's own metrics, logs
//! runtime                         exit codes, signals, panics, service manager
//! calendar  allowlists            periods of a zone, working time; names under which labels are shown
//! targets                         goals of a period, plan and pace
//! source                          Kafka: topics, assignment, batches, end offsets, commits
//! decode                          bytes to events
//! view                            read model: views, totals over partitions, the published snapshot
//! aggregate                       state of a partition: events to figures
//! disk                            files of the state directory, written atomically
//! checkpoint                      state and offset as one durable value
//! cuts                            figures of an instant, kept permanently
//! pipeline                        the threads and the task that join these
//! http  export  api  page         the server, /metrics, JSON answers, the page for people
//! dashboards                      Grafana dashboards, generated from the catalogue and tables of panels
//! oracle                          naive second implementation of every figure
//! simulate                        a programme that lives: events for demo, load and tests
//! app  cli                        assembly
//! ```
//!
//! # Data path
//!
//! ```text
//! Kafka --> source --> decode --> aggregate --> view --> export --> /metrics, /api, /
//!           (poll      (bytes to   (partition    (merge)
//!            thread)    events)     states)
//! ```
//!
//! # Invariants
//!
//! `ARCHITECTURE.md` lists them, each with its test.

// The exceptions are `source::native`, `decode::scan::marks` and `decode::blake3_lanes`.
#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(missing_docs, unreachable_pub))]

// Plain values.
pub mod clock;

pub mod record;

pub mod event;

// The process.
pub mod file;

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

pub mod page;

pub mod dashboards;

// Verification: the oracle and the simulator.
pub mod oracle;

pub mod simulate;

// Assembly.
pub mod app;

pub mod cli;
