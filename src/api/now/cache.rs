//! Rendering of `/api/v1/now` that all who ask share.

use std::sync::{Arc, Mutex, PoisonError};

use super::describe;
use crate::api::context::RequestContext;
use crate::api::{Api, ApiError, json_text};
use crate::clock::Timestamp;
use crate::http::{ApiContent, ApiResponse, EncodedBody};
use crate::view::snapshot::Snapshot;

/// Bits of the process's number in a tag.
const PROCESS_BITS: u32 = 22;

/// Last rendering, and what it was made of.
#[derive(Debug)]
pub(in crate::api) struct NowCache {
    /// Start and number of the process, in hexadecimal digits.
    boot: String,
    last: Mutex<Option<(RenderingKey, Arc<EncodedBody>)>>,
}

/// Identity of a rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RenderingKey {
    /// Number of the publication.
    revision: u64,
    /// Seconds by which the next publication is overdue; 0 while it is not. Then the answer changes without one.
    late_seconds: u64,
}

impl NowCache {
    /// Creates an empty cache of a process that started at this time.
    pub(in crate::api) fn new(started: Timestamp) -> Self {
        // Clocks of tests begin anew with each process.
        let process = u64::from(std::process::id()) & ((1 << PROCESS_BITS) - 1);
        let boot = (started.as_millis().unsigned_abs() << PROCESS_BITS) | process;
        Self { boot: format!("{boot:x}"), last: Mutex::new(None) }
    }

    /// Returns the answer for the newest snapshot.
    pub(in crate::api) fn answer(&self, api: &Api) -> Result<ApiResponse, ApiError> {
        // One rendering at a time: requests that arrive meanwhile share it.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = api.publisher.newest();
        let key = RenderingKey::of(&snapshot, api);
        if let Some((_, body)) = last.as_ref().filter(|(known, _)| *known == key) {
            return Ok(self.response(key, Arc::clone(body)));
        }
        let context = RequestContext::of(api, snapshot);
        let json = json_text(&describe(&context, api.presence_limits))?;
        let body = Arc::new(EncodedBody::new(json).with_revision(key.revision));
        *last = Some((key, Arc::clone(&body)));
        Ok(self.response(key, body))
    }

    fn response(&self, key: RenderingKey, body: Arc<EncodedBody>) -> ApiResponse {
        let late = if key.late_seconds == 0 { String::new() } else { format!("-{}", key.late_seconds) };
        let tag = format!("{}-{}{late}", self.boot, key.revision);
        ApiResponse { status: 200, content: ApiContent::Shared(body, tag) }
    }
}

impl RenderingKey {
    fn of(snapshot: &Snapshot, api: &Api) -> Self {
        let now = api.clock.instant();
        let late_seconds =
            if snapshot.is_overdue(now) { now.saturating_duration_since(snapshot.due).as_secs() } else { 0 };
        Self { revision: snapshot.publication.revision, late_seconds }
    }
}
