//! What the process says about itself: logs, its own metrics, and the catalogue of every family exposed.

pub mod log;
