//! Page for people at `/`: its document, with the newest figures for browsers without JavaScript, and its assets.
//!
//! The files below `src/page/assets` are part of the program. Their addresses hold a hash of all of them, so that a
//! browser never mixes two versions. The document is rendered at most once a publication and language, from the values
//! of the API; what is text there cannot become markup ([`Markup`]).

mod assets;
mod fallback;
mod language;
mod markup;
#[cfg(test)]
mod minify;
mod words;

use std::ptr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use self::assets::Assets;
use self::fallback::Figures;
use self::language::Language;
use self::markup::Markup;
use crate::api::Api;
use crate::calendar::Period;
use crate::http::{EncodedBody, PageAsset, PageRequest, PageResponse, PageView};
use crate::view::snapshot::Snapshot;

/// Maximum age of a document that is sent again while nothing new is published.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// Documents and assets of the page.
pub(crate) struct Page {
    assets: Assets,
    /// Last document in each language; `None` at first.
    shared: Mutex<[Option<SharedDocument>; 2]>,
}

/// Document of a snapshot.
struct SharedDocument {
    /// Identity of the snapshot, whose views it does not keep.
    snapshot: Weak<Snapshot>,
    rendered: Instant,
    body: Arc<EncodedBody>,
}

impl Page {
    /// Reads and compresses the assets.
    pub(crate) fn new() -> Self {
        Self { assets: Assets::embedded(), shared: Mutex::default() }
    }

    /// Returns a file of this version of the page.
    pub(crate) fn asset(&self, hash: &str, name: &str) -> Option<&PageAsset> {
        self.assets.get(hash, name)
    }

    /// Returns the document of a view. It has the status 404 if the view names a target or a kind of period that does
    /// not exist; whether a cut exists is left to the API.
    pub(crate) fn document(&self, api: &Api, request: &PageRequest) -> PageResponse {
        let snapshot = api.newest();
        let exists = match &request.view {
            PageView::Target(name) => snapshot.targets.targets.iter().any(|target| target.name == *name),
            PageView::Period(kind, _) => Period::STANDARD.iter().any(|period| period.name() == kind),
            PageView::Now | PageView::Cuts | PageView::Cut(_) | PageView::Health => true,
        };
        let language = Language::of(&request.query, &request.accept_language);
        let body = self.shared_document(api, snapshot, language);
        PageResponse { status: if exists { 200 } else { 404 }, language: language.tag(), body }
    }

    /// Returns the document of the newest snapshot. One rendering at a time: requests that arrive meanwhile share it.
    fn shared_document(&self, api: &Api, snapshot: Arc<Snapshot>, language: Language) -> Arc<EncodedBody> {
        let mut documents = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, now) = (&mut documents[language as usize], api.instant());
        if let Some(last) = last
            && ptr::eq(last.snapshot.as_ptr(), Arc::as_ptr(&snapshot))
            && now.saturating_duration_since(last.rendered) < SHARED_FOR
        {
            return Arc::clone(&last.body);
        }
        let figures = Figures::newest(api, &snapshot);
        let text = self.rendered(&figures, language);
        let body = Arc::new(EncodedBody::new(text));
        *last = Some(SharedDocument { snapshot: Arc::downgrade(&snapshot), rendered: now, body: Arc::clone(&body) });
        body
    }

    fn rendered(&self, figures: &Figures, language: Language) -> String {
        let mut out = Markup::default();
        for (text, marker) in assets::document_parts() {
            out.markup(text);
            match marker {
                "language" => out.text(language.tag()),
                "assets" => out.text("/assets/").text(self.assets.hash()),
                "fallback" => figures.write(language, &mut out),
                _ => &mut out,
            };
        }
        out.into_string()
    }
}

#[cfg(test)]
mod tests;
