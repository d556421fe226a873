//! Errors of all paths: the table of docs/api.md.

use serde_json::{Map, Value, json};

/// Status of errors, and when it is answered.
const ERRORS: [(u16, &str); 14] = [
    (
        400,
        "A parameter is unknown or invalid, the id of a period is invalid, or the request has no or several Host lines.",
    ),
    (401, "A user and the right password are needed."),
    (403, "A client certificate is needed."),
    (404, "Nothing has that name; `nearest` is the nearest existing name."),
    (405, "The method is not GET or HEAD."),
    (408, "The head of the request is too slow."),
    (413, "The request has a body."),
    (414, "The first line of the request is too long."),
    (421, "The host of the request is not accepted."),
    (431, "The head of the request is too large."),
    (429, "Too many passwords wait to be verified, or there are more requests than the rate limit allows."),
    (500, "The file of a cut is damaged, and `error` names it; or a table is too large for a workbook."),
    (503, "The figures are not complete yet, and `reasons` says why; or the server has too much to do."),
    (OVERLOADED, "The server has too much to do."),
];

/// Key for 503 of what has no figures of the programme.
const OVERLOADED: u16 = 0;

/// Name of the component of a status.
fn component(status: u16, is_json: bool) -> String {
    let form = if is_json { "Error" } else { "TextError" };
    format!("{form}{}", if status == OVERLOADED { "Overloaded".to_owned() } else { status.to_string() })
}

/// Returns the errors of a path by status. Names can be unknown where a path has any; errors of what has none of the API's
/// figures are text.
pub(super) fn errors(path: &str, is_api: bool) -> Map<String, Value> {
    let has_figures = is_api && !matches!(path, "/api/v1/now" | "/api/v1/events" | "/api/v1/status");
    let is_possible = |status: u16| match status {
        404 => path.contains('{'),
        500 => is_api,
        503 => has_figures,
        OVERLOADED => !has_figures,
        _ => true,
    };
    let statuses = ERRORS.iter().map(|(status, _)| *status).filter(|status| is_possible(*status));
    let reference = |status: u16| json!({ "$ref": format!("#/components/responses/{}", component(status, is_api)) });
    let name = |status: u16| if status == OVERLOADED { 503 } else { status }.to_string();
    statuses.map(|status| (name(status), reference(status))).collect()
}

/// Returns the responses to which operations refer. `error` is the schema of an error in JSON.
pub(super) fn components(error: &Value) -> Map<String, Value> {
    let text = json!({ "schema": { "type": "string" } });
    let mut components = Map::new();
    for (status, description) in ERRORS {
        let mut json = json!({ "application/json": { "schema": error } });
        if matches!(status, 503 | OVERLOADED) {
            // A connection may be refused before its request arrives.
            json["text/plain; charset=utf-8"] = text.clone();
        }
        let plain = json!({ "text/plain; charset=utf-8": text });
        let mut response = |is_json: bool, content: Value| {
            let mut response = json!({ "description": description, "content": content });
            if matches!(status, 503 | OVERLOADED) {
                let schema = json!({ "type": "integer" });
                let retry = json!({ "description": "Seconds after which a retry may succeed; not while figures are not complete.", "schema": schema });
                response["headers"] = json!({ "Retry-After": retry });
            }
            if status == 401 {
                let schema = json!({ "type": "string" });
                response["headers"] = json!({ "WWW-Authenticate": { "description": "Basic", "schema": schema } });
            }
            components.insert(component(status, is_json), response);
        };
        response(true, json);
        if !matches!(status, 404 | 500 | 503) {
            response(false, plain);
        }
    }
    components
}
