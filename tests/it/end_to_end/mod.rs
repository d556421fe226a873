//! The built program against a real Kafka, end to end.

pub mod catalogue;
pub mod figures;
mod freshness;
mod letter;
mod scraping;
mod starting;
mod story;
pub mod world;
