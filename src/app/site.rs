//! What the HTTP server shows: the pipeline's board.

use std::sync::Arc;

use serde_json::Value;

use super::uptime;
use crate::api::Api;
use crate::clock::{Clock, Millis};
use crate::export::Exporter;
use crate::http::{Answer, Question, Rendering, Site};
use crate::pipeline::{Board, status};

pub struct SiteOfPipeline {
    pub exporter: Exporter,
    pub api: Api,
    pub board: Arc<Board>,
    pub clock: Clock,
    pub started: Millis,
}

impl Site for SiteOfPipeline {
    fn metrics(&self) -> Arc<Rendering> {
        self.exporter.render()
    }

    fn readiness(&self) -> Result<(), Vec<String>> {
        let reasons = self.board.newest().not_ready();
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }

    fn status(&self) -> Value {
        status(&self.board.newest(), env!("CARGO_PKG_VERSION"), uptime(self.started, self.clock.now()))
    }

    fn answer(&self, question: &Question, query: &str) -> Answer {
        self.api.answer(question, query)
    }
}
