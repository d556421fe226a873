//! Labels of the document. Sentences and titles come with the figures.

use super::language::Language;
use crate::targets::status::PaceStatus;

/// Label in Spanish and English.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label(&'static str, &'static str);

impl Label {
    /// Returns the label in a language.
    pub(super) fn text(self, language: Language) -> &'static str {
        match language {
            Language::Spanish => self.0,
            Language::English => self.1,
        }
    }
}

pub(super) const EXACT: Label = Label("Cifras exactas al", "Figures exact as of");
pub(super) const NOT_COMPLETE: Label = Label("Las cifras aún no están completas.", "The figures are not complete yet.");
pub(super) const OF: Label = Label("de", "of");
pub(super) const TARGETS: Label = Label("Metas", "Targets");
pub(super) const NO_PERIOD: Label = Label("Sin periodo en curso", "No current period");
pub(super) const DATA: Label = Label("Datos", "Data");

/// Heads of the table of targets.
pub(super) const COLUMNS: [Label; 6] = [
    Label("Meta", "Target"),
    Label("Periodo", "Period"),
    Label("Va", "So far"),
    Label("Meta del periodo", "Goal"),
    Label("Situación", "Status"),
    Label("Qué se puede decir", "What can be said"),
];

/// Addresses that the document links to.
pub(super) const LINKS: [(&str, Label); 10] = [
    ("/api/v1/now", Label("todo lo que muestra esta página, en JSON", "everything that this page shows, as JSON")),
    ("/api/v1/targets", Label("avance de las metas", "progress of the targets")),
    ("/api/v1/cuts", Label("cortes: copias permanentes de las cifras", "cuts: permanent copies of the figures")),
    ("/api/v1/periods/day/current", Label("cifras del día", "figures of the day")),
    ("/api/v1/events", Label("últimos sucesos", "last events of note")),
    ("/api/v1/status", Label("particiones, retraso, desenlaces", "partitions, lag, outcomes")),
    ("/openapi.json", Label("descripción de todas las respuestas (OpenAPI)", "description of all answers (OpenAPI)")),
    ("/metrics", Label("cifras para Prometheus", "figures for Prometheus")),
    (
        "/readyz",
        Label("si se puede confiar en las cifras, o por qué no", "readiness of the figures, or the reasons against it"),
    ),
    ("/livez", Label("si el proceso vive", "liveness of the process")),
];

/// Returns the word of a status, which the labels of the page's modules have too; a test compares them.
pub(super) fn status(status: PaceStatus) -> Label {
    match status {
        PaceStatus::Unknown => Label("Sin dato", "Not known"),
        PaceStatus::Reached => Label("Alcanzada", "Reached"),
        PaceStatus::Closed => Label("Cerrado", "Closed"),
        PaceStatus::Starting => Label("Apenas empieza", "Just begun"),
        PaceStatus::AtRisk => Label("En riesgo", "At risk"),
        PaceStatus::Behind => Label("Atrás", "Behind"),
        PaceStatus::SlightlyBehind => Label("Un poco atrás", "A little behind"),
        PaceStatus::WithinChance => Label("Atrás, puede ser azar", "Behind, may be chance"),
        PaceStatus::Ahead => Label("Adelante", "Ahead"),
        PaceStatus::OnPace => Label("En ritmo", "On pace"),
    }
}
