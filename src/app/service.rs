//! The HTTP service: answers requests from the latest snapshot of the pipeline.

use std::sync::Arc;

use serde_json::Value;

use super::uptime;
use crate::api::Api;
use crate::api::status::StatusResponse;
use crate::clock::{Clock, Timestamp};
use crate::export::Exporter;
use crate::http::{ApiRequest, ApiResponse, EncodedBody, PageAsset, PageRequest, PageResponse, Readiness, Service};
use crate::page::Page;
use crate::view::snapshot::SnapshotPublisher;

pub(super) struct PipelineService {
    pub(super) exporter: Exporter,
    pub(super) api: Api,
    pub(super) page: Page,
    pub(super) publisher: Arc<SnapshotPublisher>,
    pub(super) clock: Clock,
    /// Start of the process.
    pub(super) started: Timestamp,
}

impl Service for PipelineService {
    fn metrics(&self) -> Arc<EncodedBody> {
        self.exporter.metrics.cuts.set_lost(self.api.cuts.lost());
        self.exporter.render()
    }

    fn readiness(&self) -> Readiness {
        let snapshot = self.publisher.newest();
        let mut reasons = snapshot.not_ready(self.clock.instant());
        let is_ready = reasons.is_empty();
        reasons.extend(snapshot.outage.as_ref().map(ToString::to_string));
        Readiness { is_ready, reasons }
    }

    fn status(&self) -> Value {
        let uptime = uptime(self.started, self.clock.now());
        let now = self.clock.instant();
        let status = StatusResponse::new(&self.publisher.newest(), now, env!("CARGO_PKG_VERSION"), uptime);
        serde_json::to_value(status).expect("a status has keys that are strings")
    }

    fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse {
        self.api.answer(request, query)
    }

    fn page(&self, request: &PageRequest) -> PageResponse {
        self.page.document(&self.api, request)
    }

    fn asset(&self, hash: &str, name: &str) -> Option<&PageAsset> {
        self.page.asset(hash, name)
    }
}
