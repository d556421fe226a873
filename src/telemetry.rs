//! Telemetry of the process: logs, its own metrics, and the catalogue of all metric families.

pub mod catalogue;
pub mod events;
pub mod histogram;
mod libraries;
pub mod log;
pub mod process;

pub use libraries::LinkedLibraries;
pub use process::Metrics;
