//! Names of label values as people read them.

use crate::allowlists::{Allowlists, LabelKind};
use crate::settings::BilingualText;
use crate::telemetry::catalogue::{business, own};
use crate::telemetry::events::STATUSES;

use super::text;

/// Label value with its name.
pub(super) type ValueName = (String, BilingualText);

/// Names of the values of labels whose values the program enumerates: label, value, Spanish, English. The label `event`
/// has other values in each family.
const NAMES: &[(&str, &str, &str, &str)] = &[
    ("disbursement_event", "applied", "solicitudes", "applications"),
    ("disbursement_event", "approved", "aprobaciones", "approvals"),
    ("disbursement_event", "rejected", "rechazos", "rejections"),
    ("disbursement_event", "dispersed", "dispersiones", "dispersals"),
    ("disbursement_event", "returned", "devoluciones", "returns"),
    ("call_event", "offered", "recibidas", "offered"),
    ("call_event", "answered", "contestadas", "answered"),
    ("call_event", "abandoned", "abandonadas", "abandoned"),
    ("call_event", "completed", "terminadas", "completed"),
    ("outcome", "applied", "aplicados", "applied"),
    ("outcome", "duplicate", "duplicados", "duplicates"),
    ("outcome", "rejected", "rechazados", "rejected"),
    ("outcome", "expired", "vencidos", "expired"),
    ("reason", "empty", "vacío", "empty"),
    ("reason", "too_large", "demasiado grande", "too large"),
    ("reason", "unsupported_format", "formato no admitido", "unsupported format"),
    ("reason", "not_json", "no es JSON", "not JSON"),
    ("reason", "missing_field", "falta un campo", "missing field"),
    ("reason", "invalid_field", "campo inválido", "invalid field"),
    ("reason", "unknown_type", "tipo desconocido", "unknown type"),
    ("reason", "wrong_stream", "tema equivocado", "wrong topic"),
    ("reason", "future", "fechado en el futuro", "dated in the future"),
    ("reason", "excluded", "excluido", "excluded"),
    ("stream", "disbursement", "apoyos", "disbursements"),
    ("stream", "call", "llamadas", "calls"),
    ("stream", "milestone", "logros", "milestones"),
    ("status", "available", "libre", "free"),
    ("status", "handling", "en llamada", "on a call"),
    ("status", "wrap_up", "cerrando llamada", "wrapping up"),
    ("status", "paused", "en pausa", "paused"),
    ("measure", "beneficiaries", "personas", "people"),
    ("measure", "dispersals", "dispersiones", "dispersals"),
    ("measure", "net_pesos", "mdp, netos", "mdp, net"),
    ("measure", "approvals", "aprobaciones", "approvals"),
    ("measure", "applications", "solicitudes", "applications"),
    ("measure", "calls_offered", "llamadas recibidas", "calls offered"),
    ("measure", "calls_answered", "llamadas contestadas", "calls answered"),
    ("measure", "calls_completed", "llamadas terminadas", "calls completed"),
    ("measure", "service_level", "a tiempo, de 0 a 1", "in time, 0 to 1"),
    ("measure", "milestones", "logros", "milestones"),
    ("period", "day", "día", "day"),
    ("period", "week", "semana", "week"),
    ("period", "month", "mes", "month"),
    ("period", "campaign", "campaña", "campaign"),
    ("level", "error", "errores", "errors"),
    ("level", "warn", "avisos", "warnings"),
    ("level", "info", "informes", "information"),
    ("level", "debug", "depuración", "debugging"),
    ("result", "acknowledged", "confirmadas", "acknowledged"),
    ("result", "failed", "sin escribir", "failed"),
    ("kind", "denied", "sin permiso", "denied"),
    ("kind", "connection", "conexión", "connection"),
    ("kind", "partition", "partición", "partition"),
    ("kind", "out_of_range", "fuera de rango", "out of range"),
    ("kind", "repeated", "repetido", "repeated"),
    ("kind", "fatal", "fatal", "fatal"),
    ("aggregate", "ids", "identificadores", "ids"),
    ("aggregate", "supports", "apoyos", "supports"),
    ("aggregate", "people", "personas", "people"),
    ("aggregate", "dispersals", "dispersiones", "dispersals"),
    ("aggregate", "calls", "llamadas", "calls"),
    ("aggregate", "agents", "agentes", "agents"),
    ("internal_queue", "records", "registros", "records"),
];

/// Names of `unknown` and `other`, which labels with an allowlist can show.
const OWN_VALUES: [(&str, &str, &str); 2] = [("unknown", "sin dato", "unknown"), ("other", "otros", "other")];

/// Key of the names of a target's status.
pub(super) const TARGET_STATUS: &str = "target_status";

/// Returns the key of a label's names, where families have other values under one label.
pub(super) fn kind(label: &str, expression: &str) -> Option<&'static str> {
    match label {
        "event" if expression.contains(business::CALL_EVENTS.name) => Some("call_event"),
        "event" => Some("disbursement_event"),
        "status" if expression.contains(own::TARGET_STATUS.name) => Some(TARGET_STATUS),
        "queue" if expression.contains(own::QUEUE_LENGTH.name) => Some("internal_queue"),
        _ => None,
    }
}

/// Returns the colour of a label's value; `None` where it says nothing.
pub(super) fn colour(label: &str, value: &str) -> Option<&'static str> {
    (label == TARGET_STATUS).then_some(match value {
        "at_risk" => "red",
        "behind" | "slightly_behind" => "orange",
        "ahead" | "on_pace" | "reached" => "green",
        _ => "#808080",
    })
}

/// Returns the named values of a label; none for labels whose values are an operator's own.
pub(super) fn of(label: &str) -> Vec<ValueName> {
    if label == "state" {
        let lists = Allowlists::default();
        let states = lists.states.names().iter().enumerate();
        return states.map(|(index, code)| (code.clone(), lists.names.of(LabelKind::State, index).clone())).collect();
    }
    if ["programme", "queue", "site", "initiative", "milestone"].contains(&label) {
        return OWN_VALUES.iter().map(|(value, es, en)| ((*value).to_owned(), text(es, en))).collect();
    }
    if label == TARGET_STATUS {
        return STATUSES.iter().map(|[value, es, en]| ((*value).to_owned(), text(es, en))).collect();
    }
    let named = NAMES.iter().filter(|(of, ..)| *of == label);
    named.map(|(_, value, es, en)| ((*value).to_owned(), text(es, en))).collect()
}
