//! Newest figures in the document itself: whether they can be relied on, the first target with its sentence, and a table
//! of all targets. The page's modules replace them; without JavaScript they stay.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::language::Language;
use super::markup::Markup;
use super::words::{self, COLUMNS, DATA, EXACT, LINKS, NO_PERIOD, NOT_COMPLETE, OF, TARGETS};
use crate::api::Api;
use crate::api::now::NowResponse;
use crate::api::targets::{CurrentPeriod, TargetEntry};
use crate::settings::BilingualText;
use crate::targets::{Measure, Quantity};

use crate::view::snapshot::Snapshot;

/// Characters that are encoded in a segment of a path (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Figures that the document shows.
#[derive(Debug)]
pub(super) struct Figures {
    /// Title of the programme.
    pub(super) programme: BilingualText,
    /// Instant up to which all figures are complete, in the programme's zone; `None` if it is unknown.
    pub(super) complete_until: Option<String>,
    /// Reasons why the figures cannot be relied on, and outages.
    pub(super) reasons: Vec<BilingualText>,
    /// Targets; empty while there are no figures.
    pub(super) targets: Vec<TargetEntry>,
}

impl Figures {
    /// Takes what the document shows from the answer of `/api/v1/now`.
    pub(super) fn newest(api: &Api, snapshot: &Arc<Snapshot>) -> Self {
        let NowResponse { programme, trust, targets, .. } = api.now(snapshot);
        Self {
            programme,
            complete_until: trust.complete_until_ms.map(|until| api.local(until)),
            reasons: trust.reasons.into_iter().map(|reason| reason.say).collect(),
            targets: targets.unwrap_or_default(),
        }
    }

    /// Writes the figures in a language.
    pub(super) fn write<'a>(&self, language: Language, out: &'a mut Markup) -> &'a mut Markup {
        out.markup("<section class=\"plain\"><p>").name(said(&self.programme, language)).markup("</p>");
        self.write_trust(language, out);
        if let Some((first, current)) = self.lead() {
            out.markup("<h1>").name(said(&first.title, language)).markup("</h1><p><strong>");
            out.text(&amount(current.actual)).markup("</strong> ").text(OF.text(language)).markup(" ");
            out.text(&amount(Some(current.goal)))
                .markup(" · ")
                .text(words::status(current.status).text(language))
                .markup("</p><p>");
            out.text(said(&current.say, language)).markup("</p>");
        }
        self.write_targets(language, out);
        out.markup("<nav aria-labelledby=\"plain-data\"><h2 id=\"plain-data\">");
        out.text(DATA.text(language)).markup("</h2><ul>");
        for (address, label) in LINKS {
            out.markup("<li><a href=\"").markup(address).markup("\">").markup(address).markup("</a> ");
            out.text(label.text(language)).markup("</li>");
        }
        out.markup("</ul></nav></section>")
    }

    fn write_trust(&self, language: Language, out: &mut Markup) {
        out.markup("<p role=\"status\">");
        match &self.complete_until {
            Some(until) => out.text(EXACT.text(language)).markup(" ").text(until).markup("."),
            None => out.text(NOT_COMPLETE.text(language)),
        };
        out.markup("</p>");
        if !self.reasons.is_empty() {
            out.markup("<ul>");
            for reason in &self.reasons {
                out.markup("<li>").text(said(reason, language)).markup("</li>");
            }
            out.markup("</ul>");
        }
    }

    /// Target that opens the page: the first that counts people, else the first with a current period. The page's modules
    /// choose the same.
    fn lead(&self) -> Option<(&TargetEntry, &CurrentPeriod)> {
        let running = || self.targets.iter().filter_map(|target| Some((target, target.current.as_ref()?)));
        running().find(|(target, _)| target.measure == Measure::Beneficiaries.name()).or_else(|| running().next())
    }

    fn write_targets(&self, language: Language, out: &mut Markup) {
        if self.targets.is_empty() {
            return;
        }
        out.markup("<table><caption>").text(TARGETS.text(language)).markup("</caption><thead><tr>");
        for label in COLUMNS {
            out.markup("<th scope=\"col\">").text(label.text(language)).markup("</th>");
        }
        out.markup("</tr></thead><tbody>");
        for target in &self.targets {
            let address = utf8_percent_encode(&target.name, RESERVED).to_string();
            out.markup("<tr><th scope=\"row\"><a href=\"/targets/").text(&address).markup("\">");
            out.name(said(&target.title, language)).markup("</a></th>");
            match &target.current {
                Some(current) => {
                    for text in [
                        current.period.id.as_str(),
                        &amount(current.actual),
                        &amount(Some(current.goal)),
                        words::status(current.status).text(language),
                        said(&current.say, language),
                    ] {
                        out.markup("<td>").text(text).markup("</td>");
                    }
                }
                None => {
                    out.markup("<td colspan=\"5\">").text(NO_PERIOD.text(language)).markup("</td>");
                }
            }
            out.markup("</tr>");
        }
        out.markup("</tbody></table>");
    }
}

fn said(text: &BilingualText, language: Language) -> &str {
    match language {
        Language::Spanish => &text.es,
        Language::English => &text.en,
    }
}

fn amount(quantity: Option<Quantity>) -> String {
    quantity.map_or_else(|| "–".to_owned(), |quantity| quantity.to_string())
}
