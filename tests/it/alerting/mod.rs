//! Alerts from end to end: the built program, a real Kafka, a real Prometheus with the shipped rules, a real Alertmanager with the shipped
//! routes, a webhook that is told. Time is moved: the program's by `CLOCK`, that of rules and routes by dividing their durations.
//!
//! Each environment is a programme of its own at an instant of 2020. What a guard keeps silent is shown by taking it away by hand ([`guards`],
//! docs/alerts.md). What a rule does with figures that are hard to come by, promtool plays ([`alerts`](crate::alerts)).

mod behind;
mod environment;
mod feed;
mod guards;
mod outage;
mod quiet;
mod restart;
mod text;
