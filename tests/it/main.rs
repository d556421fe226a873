//! Tests that need more than the library: the built program, a real Kafka, files of the repository. They are one
//! binary, so that they share one Kafka.

mod access;
mod alerting;
mod alerts;
mod browsers;
mod calendars;
mod certificates;
mod cli;
mod completions;
mod container;
mod demo;
mod docs;
mod documents;
mod end_to_end;
mod exposition;
mod faults;
mod fuzz;
mod grafana;
mod kafka;
mod kubernetes;
mod log_recipes;
mod manual;
mod node;
mod openapi;
mod oracle;
mod program;
mod release;
mod restarts;
mod sandbox;
mod simulator;
mod soak;
mod systemd;
mod targets;
mod terminal;
mod tidy;
mod topics;
mod trial;
mod watch;

use std::sync::OnceLock;

use kafka::Kafka;

/// Kafka shared by all tests that do not stop it.
fn shared_kafka() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| {
        let kafka = Kafka::reserve();
        kafka.start();
        kafka
    })
}
