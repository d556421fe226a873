//! Documents as CSV (RFC 4180): UTF-8 with a byte order mark, which Excel needs, and lines that end with CR LF.
//!
//! A file has one table, so the tables of a document stand below each other: the first column names the table, and the
//! others are those of all tables. What a row's table does not have is empty.

use super::table::{AnswerDocument, TableCell};

/// Beginnings of text that a spreadsheet takes for a formula, and the sign before such text; see [`neutral`].
const ACTIVE: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// Name of the first column.
const TABLE: &str = "table";

/// Returns the bytes of the file.
pub(super) fn bytes(document: &AnswerDocument) -> Vec<u8> {
    let mut columns: Vec<&str> = Vec::new();
    for column in document.tables.iter().flat_map(|table| &table.columns) {
        if !columns.contains(column) {
            columns.push(column);
        }
    }
    let mut text = "\u{feff}".to_owned();
    add_line(&mut text, std::iter::once(TABLE).chain(columns.iter().copied()).map(str::to_owned));
    for table in &document.tables {
        let places: Vec<Option<usize>> =
            columns.iter().map(|column| table.columns.iter().position(|own| own == column)).collect();
        for row in &table.rows {
            let cells =
                places.iter().map(|place| place.and_then(|place| row.get(place)).map(field).unwrap_or_default());
            add_line(&mut text, std::iter::once(table.name.to_owned()).chain(cells));
        }
    }
    text.into_bytes()
}

fn add_line(text: &mut String, fields: impl Iterator<Item = String>) {
    for (position, field) in fields.enumerate() {
        if position > 0 {
            text.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push_str("\r\n");
}

/// Numbers stay numbers, negative ones too; text is made neutral.
fn field(cell: &TableCell) -> String {
    match cell {
        TableCell::Empty => String::new(),
        TableCell::Text(text) => neutral(text),
        TableCell::Flag(flag) => flag.to_string(),
        TableCell::Amount(amount) => amount.exact_text(),
        TableCell::Decimal(number) if !number.is_finite() => String::new(),
        TableCell::Decimal(number) => number.to_string(),
    }
}

/// Puts an apostrophe before text that a spreadsheet would take for a formula, and before an apostrophe, so that a reader
/// who removes the first apostrophe has the text again.
fn neutral(text: &str) -> String {
    if text.starts_with(ACTIVE) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::targets::Quantity;

    #[test]
    fn text_is_neutral_and_quoted_and_numbers_are_plain() {
        let mut document = AnswerDocument::new("a b/=é", Timestamp::EPOCH);
        assert_eq!(document.name, "a-b---");
        let texts = ["=cmd|' /C calc'!A0", "+1", "-1", "@a", "\tb", "\rc", "'d", "a,\"b\"\nc", "\u{202e}e", ""];
        document.add("one", &["x", "y"], texts.iter().map(|text| vec![(*text).into(), true.into()]).collect());
        let amounts = [
            Quantity::Centavos(-5),
            Quantity::Centavos(923_200_000_000_000_005),
            Quantity::Count(-7),
            Quantity::Fraction { numerator: 1, denominator: 8 },
        ];
        let rows = amounts.iter().map(|amount| vec![TableCell::Empty, (*amount).into()]);
        let last = vec![f64::NAN.into(), (-0.000_000_25).into()];
        document.add("two", &["z", "x"], rows.chain([last]).collect());
        let expected = "\u{feff}table,x,y,z\r\n\
            one,'=cmd|' /C calc'!A0,true,\r\none,'+1,true,\r\none,'-1,true,\r\none,'@a,true,\r\none,'\tb,true,\r\n\
            one,\"'\rc\",true,\r\none,''d,true,\r\none,\"a,\"\"b\"\"\nc\",true,\r\none,\u{202e}e,true,\r\none,,true,\r\n\
            two,-0.05,,\r\ntwo,9232000000000000.05,,\r\ntwo,-7,,\r\ntwo,0.125,,\r\ntwo,-0.00000025,,\r\n";
        assert_eq!(String::from_utf8(bytes(&document)).unwrap(), expected);
    }
}
