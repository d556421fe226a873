//! All tests that need more than the library: the built program, a real Kafka, the repository's files. One binary, so that one Kafka serves all.

mod alerting;
mod alerts;
mod calendars;
mod cli;
mod end_to_end;
mod exposition;
mod faults;
mod fuzz;
mod kafka;
mod oracle;
mod program;
mod restarts;
mod simulator;
mod soak;
mod targets;
mod tidy;
mod topics;

use std::sync::OnceLock;

use kafka::Kafka;

/// The Kafka that all tests share which do not stop it.
fn shared_kafka() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| {
        let kafka = Kafka::reserve();
        kafka.start();
        kafka
    })
}
