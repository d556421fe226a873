//! The built program against a real Kafka, end to end.

pub mod catalogue;
pub mod figures;
mod freshness;
pub mod kills;
mod letter;
mod scraping;
mod starting;
pub mod story;
pub mod world;
