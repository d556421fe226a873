//! Model of a file: tables of typed cells.

use crate::api::PeriodTotals;
use crate::api::context::RequestContext;
use crate::clock::Timestamp;
use crate::targets::Quantity;

/// Maximum length of the name of a file, without its extension.
const MAX_NAME: usize = 100;

/// Columns of the figures of a cut or a close, and of the same figures today.
pub(super) const FIGURES: [&str; 6] =
    ["beneficiaries", "dispersals", "net_pesos", "beneficiaries_today", "dispersals_today", "net_pesos_today"];

/// Content of a file.
#[derive(Debug)]
pub(super) struct AnswerDocument {
    /// Name of the file without its extension, of ASCII letters, digits, `-`, `_` and `.`.
    pub(super) name: String,
    /// Instant that a workbook names as that of its creation: of the figures, so that the same answer has the same bytes.
    pub(super) created: Timestamp,
    /// Tables in their order.
    pub(super) tables: Vec<AnswerTable>,
}

/// Table with a name for each column.
#[derive(Debug)]
pub(super) struct AnswerTable {
    pub(super) name: &'static str,
    pub(super) columns: Vec<&'static str>,
    /// Rows with a cell for each column.
    pub(super) rows: Vec<Vec<TableCell>>,
}

/// Value in a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TableCell {
    /// Null in the JSON.
    Empty,
    Text(String),
    Flag(bool),
    /// Amount, exact to the last digit.
    Amount(Quantity),
    /// Value derived from a plan.
    Decimal(f64),
}

impl AnswerDocument {
    /// Creates a document without tables. What cannot be in the name of a file becomes `-`.
    pub(super) fn new(name: &str, created: Timestamp) -> Self {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        let plain = |character: char| if is_plain(character) { character } else { '-' };
        Self { name: name.chars().take(MAX_NAME).map(plain).collect(), created, tables: Vec::new() }
    }

    /// Adds a table.
    pub(super) fn add(&mut self, name: &'static str, columns: &[&'static str], rows: Vec<Vec<TableCell>>) {
        debug_assert!(rows.iter().all(|row| row.len() == columns.len()), "{name} has a row of another length");
        self.tables.push(AnswerTable { name, columns: columns.to_vec(), rows });
    }

    /// Adds the table of what the document is about, ending with the versions, the zone and the path of the JSON.
    pub(super) fn add_about(
        &mut self,
        context: &RequestContext<'_>,
        source: String,
        values: Vec<(&'static str, TableCell)>,
    ) {
        let zone = context.zone().iana_name().unwrap_or("UTC");
        let ending =
            [("zone", zone.into()), ("version", env!("CARGO_PKG_VERSION").into()), ("source", source.as_str().into())];
        let rows = values.into_iter().chain(ending).map(|(key, value)| vec![key.into(), value]);
        self.add("about", &["key", "value"], rows.collect());
    }
}

impl From<&str> for TableCell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for TableCell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for TableCell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<f64> for TableCell {
    fn from(number: f64) -> Self {
        Self::Decimal(number)
    }
}

impl From<Quantity> for TableCell {
    fn from(amount: Quantity) -> Self {
        Self::Amount(amount)
    }
}

impl From<u64> for TableCell {
    fn from(count: u64) -> Self {
        Self::Amount(Quantity::Count(count.into()))
    }
}

impl From<i64> for TableCell {
    fn from(count: i64) -> Self {
        Self::Amount(Quantity::Count(count.into()))
    }
}

impl<T: Into<TableCell>> From<Option<T>> for TableCell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// Returns the instant as RFC 3339 text in the programme's zone, with milliseconds if it has any.
pub(super) fn instant(context: &RequestContext<'_>, instant: Timestamp) -> TableCell {
    let local = instant.to_jiff().to_zoned(context.zone().clone());
    TableCell::Text(local.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string())
}

/// Returns the cells of [`FIGURES`].
pub(super) fn figures(then: Option<PeriodTotals>, today: Option<PeriodTotals>) -> [TableCell; 6] {
    let cells = |figures: Option<PeriodTotals>| match figures {
        Some(PeriodTotals { beneficiaries, dispersals, net_pesos }) => {
            [beneficiaries.into(), dispersals.into(), net_pesos.into()]
        }
        None => [TableCell::Empty, TableCell::Empty, TableCell::Empty],
    };
    let ([people, dispersals, pesos], [people_today, dispersals_today, pesos_today]) = (cells(then), cells(today));
    [people, dispersals, pesos, people_today, dispersals_today, pesos_today]
}
