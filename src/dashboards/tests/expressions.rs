//! Parsed expressions: selectors with what stands around them, and the labels that an expression keeps.

use std::collections::BTreeSet;

use promql_parser::label::Matchers;
use promql_parser::parser::{self, Expr, LabelModifier};

use crate::telemetry::catalogue::{self, MetricKind};

/// Family as the checks see it; a planted fault changes it.
#[derive(Debug, Clone)]
pub(super) struct KnownFamily {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
    pub(super) is_counter: bool,
    pub(super) is_histogram: bool,
}

/// Returns the catalogue.
pub(super) fn known_families() -> Vec<KnownFamily> {
    let known = catalogue::all().map(|family| KnownFamily {
        name: family.name.to_owned(),
        labels: family.labels.iter().map(|&label| label.to_owned()).collect(),
        is_counter: family.kind != MetricKind::Gauge,
        is_histogram: family.kind == MetricKind::Histogram,
    });
    known.collect()
}

/// Returns the family of a series, and the series' suffix if it is a histogram's.
pub(super) fn family_of<'a>(known: &'a [KnownFamily], series: &str) -> Option<(&'a KnownFamily, &'static str)> {
    let suffixes = ["_bucket", "_sum", "_count"];
    known.iter().find_map(|family| {
        if !family.is_histogram {
            return (family.name == series).then_some((family, ""));
        }
        let rest = series.strip_prefix(family.name.as_str())?;
        Some((family, *suffixes.iter().find(|suffix| **suffix == rest)?))
    })
}

/// Parses an expression of a dashboard, with its variables replaced.
pub(super) fn parse(expression: &str) -> Result<Expr, String> {
    let replaced = expression.replace("$__rate_interval", "1m").replace("$__interval", "1m").replace("$__range", "6h");
    parser::parse(&replaced).map_err(|fault| format!("{fault}: {expression}"))
}

/// Series of an expression, with the expressions around it, outermost first.
pub(super) struct Selection<'a> {
    pub(super) series: &'a str,
    pub(super) matchers: &'a Matchers,
    pub(super) around: Vec<&'a Expr>,
}

/// Returns every series that an expression selects.
pub(super) fn selections(expression: &Expr) -> Vec<Selection<'_>> {
    fn walk<'a>(expression: &'a Expr, around: &mut Vec<&'a Expr>, found: &mut Vec<Selection<'a>>) {
        let mut select = |name: &'a Option<String>, matchers| {
            let series = name.as_deref().unwrap_or_default();
            found.push(Selection { series, matchers, around: around.clone() });
        };
        match expression {
            Expr::VectorSelector(vector) => return select(&vector.name, &vector.matchers),
            Expr::MatrixSelector(matrix) => return select(&matrix.vs.name, &matrix.vs.matchers),
            _ => {}
        }
        around.push(expression);
        for inner in parts(expression) {
            walk(inner, around, found);
        }
        around.pop();
    }
    let mut found = Vec::new();
    walk(expression, &mut Vec::new(), &mut found);
    found
}

/// Returns the expressions directly within another.
pub(super) fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::Aggregate(aggregate) => aggregate.param.iter().chain([&aggregate.expr]).map(AsRef::as_ref).collect(),
        Expr::Unary(unary) => vec![&unary.expr],
        Expr::Binary(binary) => vec![&binary.lhs, &binary.rhs],
        Expr::Paren(paren) => vec![&paren.expr],
        Expr::Subquery(subquery) => vec![&subquery.expr],
        Expr::Call(call) => call.args.args.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    }
}

/// Labels of a result. `None` for a plain number.
pub(super) type ResultLabels = Option<BTreeSet<String>>;

/// Returns the labels that the result of an expression has; unknown families have only the job.
pub(super) fn kept_labels(expression: &Expr, known: &[KnownFamily]) -> ResultLabels {
    let within = |inner: &Expr| kept_labels(inner, known);
    match expression {
        Expr::VectorSelector(vector) => Some(series_labels(vector.name.as_deref(), known)),
        Expr::MatrixSelector(matrix) => Some(series_labels(matrix.vs.name.as_deref(), known)),
        Expr::Aggregate(aggregate) if aggregate.modifier.is_none() => Some(BTreeSet::new()),
        Expr::Aggregate(aggregate) => Some(aggregated(within(&aggregate.expr)?, aggregate.modifier.as_ref())),
        Expr::Unary(unary) => within(&unary.expr),
        Expr::Paren(paren) => within(&paren.expr),
        Expr::Subquery(subquery) => within(&subquery.expr),
        Expr::Call(call) => {
            let labels = call.args.args.iter().find_map(|argument| within(argument))?;
            let gone = if call.func.name == "histogram_quantile" { vec!["__name__", "le"] } else { vec!["__name__"] };
            Some(labels.into_iter().filter(|label| !gone.contains(&label.as_str())).collect())
        }
        Expr::Binary(binary) => {
            let operator = binary.op.to_string();
            let (left, right) = (within(&binary.lhs), within(&binary.rhs));
            let is_filter = ["and", "unless", ">", "<", ">=", "<=", "==", "!="].contains(&operator.as_str());
            match (left, right) {
                (Some(left), Some(right)) if operator == "or" => Some(left.union(&right).cloned().collect()),
                (Some(left), _) if is_filter => Some(left),
                (Some(left), Some(_)) => {
                    let matching = binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
                    Some(aggregated(nameless(left), matching))
                }
                (Some(labels), None) | (None, Some(labels)) => Some(nameless(labels)),
                (None, None) => None,
            }
        }
        _ => None,
    }
}

fn nameless(labels: BTreeSet<String>) -> BTreeSet<String> {
    labels.into_iter().filter(|label| label != "__name__").collect()
}

/// Labels after `by`, `without`, `on` or `ignoring`. An operator between vectors without these keeps all.
fn aggregated(labels: BTreeSet<String>, modifier: Option<&LabelModifier>) -> BTreeSet<String> {
    let labels = nameless(labels);
    match modifier {
        Some(LabelModifier::Include(kept)) => labels.into_iter().filter(|label| kept.labels.contains(label)).collect(),
        Some(LabelModifier::Exclude(gone)) => labels.into_iter().filter(|label| !gone.labels.contains(label)).collect(),
        None => labels,
    }
}

fn series_labels(series: Option<&str>, known: &[KnownFamily]) -> BTreeSet<String> {
    let mut labels: BTreeSet<String> = ["__name__", "job", "instance"].map(str::to_owned).into();
    if let Some((family, suffix)) = series.and_then(|series| family_of(known, series)) {
        labels.extend(family.labels.iter().cloned());
        if suffix == "_bucket" {
            labels.insert("le".to_owned());
        }
    }
    labels
}

#[test]
fn labels_are_followed_through_an_expression() {
    let known = known_families();
    let kept = |expression: &str| {
        let labels = kept_labels(&parse(expression).unwrap(), &known);
        labels.map(|labels| labels.into_iter().collect::<Vec<_>>().join(" "))
    };
    for (expression, labels) in [
        ("pacemeter_agents", Some("__name__ instance job site status")),
        ("max without (instance) (pacemeter_agents)", Some("job site status")),
        ("sum by (job, site) (pacemeter_agents) * 2", Some("job site")),
        ("time() - pacemeter_calls_waiting", Some("instance job queue")),
        ("histogram_quantile(0.5, sum by (le, queue) (rate(pacemeter_call_wait_seconds_bucket[1m])))", Some("queue")),
        ("rate(pacemeter_call_wait_seconds_bucket[$__rate_interval])", Some("instance job le outcome queue")),
        ("pacemeter_target_goal and on (job) pacemeter_agents", Some("__name__ instance job target")),
        ("pacemeter_target_goal / on (job) pacemeter_target_plan", Some("job")),
        ("pacemeter_ready or pacemeter_target_goal", Some("__name__ instance job target")),
        ("time() - 5", None),
    ] {
        assert_eq!(kept(expression).as_deref(), labels, "{expression}");
    }
}
