//! The built program against a real Kafka, end to end.

mod catalogue;
mod figures;
mod freshness;
mod kills;
mod letter;
mod scraping;
mod starting;
mod story;
mod world;
