//! `/openapi.json`: every path but those of the page, in OpenAPI 3.1. Schemas are derived from the types that answer, their
//! descriptions are the comments of these types, and everything else is in the tables of this file.

mod statuses;

use std::sync::{Arc, OnceLock};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::ApiError;
use super::curve::CurveResponse;
use super::cuts::{CutResponse, CutsResponse};
use super::events::EventsResponse;
use super::history::HistoryResponse;
use super::now::NowResponse;
use super::parameters::{DEFAULT_LIMIT, MAX_LIMIT};
use super::periods::PeriodResponse;
use super::status::StatusResponse;
use super::targets::{TargetResponse, TargetsResponse};
use crate::calendar::Period;
use crate::http::{ApiContent, ApiResponse, EncodedBody, FileFormat};
use crate::telemetry::events::MAX_EVENTS;

/// Path with what it answers.
pub(super) struct DescribedPath {
    pub(super) path: &'static str,
    /// Name of the operation, for generated clients.
    id: &'static str,
    summary: &'static str,
    /// Names of query parameters; [`parameters`] describes them.
    query: &'static [&'static str],
    content: DescribedContent,
    /// True if the answer has the revision of its figures in a header.
    has_revision: bool,
}

/// Body of a successful answer.
enum DescribedContent {
    /// JSON of this schema.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// JSON of this schema with a tag, which is not sent again to a client that has it.
    Tagged(fn(&mut SchemaGenerator) -> Schema),
    /// File to save.
    File(FileFormat),
    /// Text of this media type; true if it is 503, too.
    Text(&'static str, bool),
}

use DescribedContent::{File, Json, Tagged, Text};

const PLAIN: &str = "text/plain; charset=utf-8";

/// Every path but those of the page.
#[rustfmt::skip]
pub(super) const PATHS: [DescribedPath; 22] = [
    path("/api/v1/now", "now", "Everything that a page shows, of one instant and one revision", &[], Tagged(schema::<NowResponse>)).with_revision(),
    path("/api/v1/targets", "targets", "Progress of every target", &[], Json(schema::<TargetsResponse>)),
    path("/api/v1/targets/{name}", "target", "Progress of one target, and the curve of its current period", &[], Json(schema::<TargetResponse>)),
    path("/api/v1/targets/{name}/curve", "curve", "Plan and result of a period, hour by hour or day by day", &["step", "period"], Json(schema::<CurveResponse>)),
    path("/api/v1/targets/{name}/history", "history", "Closed periods of a target, the newest first", &["limit", "before_ms"], Json(schema::<HistoryResponse>)),
    path("/api/v1/targets/{name}/history.csv", "historyCsv", "Closed periods of a target as CSV", &["limit", "before_ms"], File(FileFormat::Csv)),
    path("/api/v1/targets/{name}/history.xlsx", "historyXlsx", "Closed periods of a target as a workbook", &["limit", "before_ms"], File(FileFormat::Xlsx)),
    path("/api/v1/cuts", "cuts", "List of cuts, the newest first", &["limit", "before_ms"], Json(schema::<CutsResponse>)),
    path("/api/v1/cuts.csv", "cutsCsv", "List of cuts as CSV", &["limit", "before_ms"], File(FileFormat::Csv)),
    path("/api/v1/cuts.xlsx", "cutsXlsx", "List of cuts as a workbook", &["limit", "before_ms"], File(FileFormat::Xlsx)),
    path("/api/v1/cuts/{id}", "cut", "One cut, each figure beside its value today", &[], Json(schema::<CutResponse>)),
    path("/api/v1/cuts/{id}.csv", "cutCsv", "One cut as CSV", &[], File(FileFormat::Csv)),
    path("/api/v1/cuts/{id}.xlsx", "cutXlsx", "One cut as a workbook", &[], File(FileFormat::Xlsx)),
    path("/api/v1/periods/{period}/{id}", "period", "People, dispersals and pesos of a period, as it closed and today", &[], Json(schema::<PeriodResponse>)),
    path("/api/v1/periods/{period}/{id}.csv", "periodCsv", "Figures of a period as CSV", &[], File(FileFormat::Csv)),
    path("/api/v1/periods/{period}/{id}.xlsx", "periodXlsx", "Figures of a period as a workbook", &[], File(FileFormat::Xlsx)),
    path("/api/v1/events", "events", "Last events of note, the newest first", &["limit"], Json(schema::<EventsResponse>)),
    path("/api/v1/status", "status", "Version, readiness, an outage of the brokers, and every partition", &[], Json(schema::<StatusResponse>)),
    path("/openapi.json", "openapi", "This description", &[], Tagged(any_object)),
    path("/metrics", "metrics", "Figures for Prometheus", &[], Text("text/plain; version=0.0.4; charset=utf-8", false)).with_revision(),
    path("/readyz", "readyz", "Readiness of the figures, or a line for each reason against it", &[], Text(PLAIN, true)),
    path("/livez", "livez", "Liveness of the process", &[], Text(PLAIN, false)),
];

const fn path(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
    content: DescribedContent,
) -> DescribedPath {
    DescribedPath { path, id, summary, query, content, has_revision: false }
}

impl DescribedPath {
    const fn with_revision(mut self) -> Self {
        self.has_revision = true;
        self
    }

    /// True if errors of the path are JSON.
    fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }

    fn operation(&self, generator: &mut SchemaGenerator) -> Value {
        let mut responses = statuses::errors(self.path, self.is_api());
        responses.insert("200".to_owned(), self.success(generator));
        match self.content {
            Tagged(_) => drop(responses.insert("304".to_owned(), self.unchanged())),
            Text(media_type, true) => {
                let content = json!({ media_type: { "schema": { "type": "string" } } });
                let description = "The figures are not complete yet; a line for each reason.";
                responses.insert("503".to_owned(), json!({ "description": description, "content": content }));
            }
            _ => {}
        }
        json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": parameters(self),
            "responses": responses,
        })
    }

    fn success(&self, generator: &mut SchemaGenerator) -> Value {
        let (media_type, schema) = match self.content {
            Json(schema) | Tagged(schema) => ("application/json", schema(generator).to_value()),
            File(format @ FileFormat::Csv) => (format.media_type(), json!({ "type": "string" })),
            File(format @ FileFormat::Xlsx) => (format.media_type(), json!({})),
            Text(media_type, _) => (media_type, json!({ "type": "string" })),
        };
        let content = json!({ media_type: { "schema": schema } });
        json!({ "description": self.summary, "content": content, "headers": self.headers() })
    }

    fn unchanged(&self) -> Value {
        json!({ "description": "The client has the newest answer.", "headers": self.headers() })
    }

    /// Headers of an answer that has figures.
    fn headers(&self) -> Value {
        let tag = matches!(self.content, Tagged(_)).then_some("ETag");
        let revision = self.has_revision.then_some("X-Pacemeter-Revision");
        let disposition = matches!(self.content, File(_)).then_some("Content-Disposition");
        let names = [tag, revision, disposition].into_iter().flatten();
        let reference = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
        names.map(|name| (name.to_owned(), reference(name))).collect::<Map<_, _>>().into()
    }
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn any_object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

/// Describes the parameters of a path.
fn parameters(described: &DescribedPath) -> Vec<Value> {
    let path = described.path;
    let in_path = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| {
        let (description, schema) = match name {
            "name" => ("Name of the target.", json!({ "type": "string", "minLength": 1 })),
            "period" => ("Kind of period.", json!({ "enum": Period::STANDARD.map(Period::name) })),
            _ if path.starts_with("/api/v1/cuts") => (
                "Id or time of the cut, a period that ended with it, `newest` or `yesterday`.",
                json!({ "type": "string", "minLength": 1 }),
            ),
            _ => ("Id of the period, `current` or `previous`.", json!({ "type": "string", "minLength": 1 })),
        };
        json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
    });
    let in_query = described.query.iter().map(|name| {
        let default = if path == "/api/v1/events" { MAX_EVENTS } else { DEFAULT_LIMIT };
        let (description, schema) = match *name {
            "limit" => (
                "Maximum number of entries.",
                json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": default }),
            ),
            "before_ms" => (
                "Instant before which the entries are, in milliseconds since the epoch; without it the newest.",
                json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX }),
            ),
            "step" => ("Distance between two points.", json!({ "enum": ["hour", "day"], "default": "hour" })),
            _ => {
                ("Running period, or the one before.", json!({ "enum": ["current", "previous"], "default": "current" }))
            }
        };
        json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
    });
    let tag = matches!(described.content, Tagged(_)).then(|| json!({ "$ref": "#/components/parameters/IfNoneMatch" }));
    in_path.chain(in_query).chain(tag).collect()
}

/// Returns the document.
pub(super) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let entry =
        |described: &DescribedPath| (described.path.to_owned(), json!({ "get": described.operation(&mut generator) }));
    let paths: Map<String, Value> = PATHS.iter().map(entry).collect();
    let error = schema::<ApiError>(&mut generator).to_value();
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pacemeter",
            "summary": "Figures of a social programme, of targets, cuts and periods.",
            "description": "Answers to GET; HEAD has the same headers. Instants are milliseconds since the epoch, null means \
                undefined or unknown and never 0. docs/api.md explains the answers.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": statuses::components(&error),
            "parameters": {
                "IfNoneMatch": {
                    "name": "If-None-Match", "in": "header", "required": false,
                    "description": "`ETag` of an answer that the client has; if it is the newest one, the answer is 304.",
                    "schema": { "type": "string" },
                },
            },
            "headers": {
                "ETag": text("Version of the answer."),
                "X-Pacemeter-Revision": {
                    "description": "Number of the publication since the start of the process. Answers of one revision agree.",
                    "schema": { "type": "integer", "minimum": 0 },
                },
                "Content-Disposition": text("Name of the file."),
            },
        },
    });
    plain_descriptions(&mut document);
    document
}

/// Returns the answer, which is rendered and compressed once.
pub(super) fn response() -> ApiResponse {
    static RENDERED: OnceLock<(Arc<EncodedBody>, String)> = OnceLock::new();
    let (body, tag) = RENDERED.get_or_init(|| {
        let text = document().to_string();
        let tag = blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
        (Arc::new(EncodedBody::new(text)), tag)
    });
    ApiResponse { status: 200, content: ApiContent::Shared(Arc::clone(body), tag.clone()) }
}

/// Makes one line of each description, without the links of Rust's documentation.
fn plain_descriptions(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "description" => *text = plain_text(text),
                    other => plain_descriptions(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(plain_descriptions),
        _ => {}
    }
}

/// Replaces ``[`name`](path)`` and ``[`name`]`` by `` `name` ``, and line breaks by spaces.
fn plain_text(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("`]").unwrap_or((part, ""));
        let rest = rest.strip_prefix('(').and_then(|path| path.split_once(')')).map_or(rest, |(_, after)| after);
        plain += &format!("`{name}`{rest}");
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
