//! Alerts from end to end: the built program, a real Kafka, a real Prometheus with the shipped rules, a real
//! Alertmanager with the shipped routes, and a webhook. Time is accelerated: the program's by `PACEMETER_TEST_CLOCK`, that of rules
//! and routes by dividing durations.
//!
//! Each test has a programme of its own at an instant of 2020. Removing a guard by hand shows which alert it prevents
//! ([`guards`], docs/alerts.md). Rules about figures that are hard to produce are tested with promtool
//! ([`alerts`](crate::alerts)).

mod behind;
mod environment;
mod feed;
mod guards;
mod outage;
mod quiet;
mod restart;
mod text;
