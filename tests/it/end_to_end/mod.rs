//! The built program against a real Kafka, end to end.

pub mod catalogue;
mod cuts;
mod envelope;
pub mod figures;
mod freshness;
pub mod handwritten;
pub mod kills;
mod scraping;
mod starting;
pub mod test_log;
