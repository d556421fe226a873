//! Documents as a workbook of Office Open XML (XLSX): a sheet for each table.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::table::{AnswerDocument, AnswerTable, TableCell};
use crate::targets::Quantity;

/// Number of digits that a number of a workbook keeps.
const EXACT_DIGITS: usize = 15;

/// Maximum length of the text of a cell, in UTF-16 units.
const MAX_TEXT: usize = 32_767;

/// Returns the bytes of the file.
///
/// # Errors
/// If a table has more rows or columns than a sheet can have.
pub(super) fn bytes(document: &AnswerDocument) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_timestamp(document.created.as_millis().div_euclid(1_000))?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let bold = Format::new().set_bold();
    for table in &document.tables {
        write(workbook.add_worksheet().set_name(table.name)?, table, &bold)?;
    }
    workbook.save_to_buffer()
}

fn write(sheet: &mut Worksheet, table: &AnswerTable, bold: &Format) -> Result<(), XlsxError> {
    for (column, name) in (0..).zip(&table.columns) {
        sheet.write_string_with_format(0, column, *name, bold)?;
    }
    for (row, cells) in (1..).zip(&table.rows) {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                TableCell::Empty => {}
                // Never a formula, whatever it begins with.
                TableCell::Text(text) => {
                    sheet.write_string(row, column, bounded(text))?;
                }
                TableCell::Flag(flag) => {
                    sheet.write_boolean(row, column, *flag)?;
                }
                TableCell::Amount(amount) => write_amount(sheet, row, column, *amount)?,
                TableCell::Decimal(number) if !number.is_finite() => {}
                TableCell::Decimal(number) => {
                    sheet.write_number(row, column, *number)?;
                }
            }
        }
    }
    sheet.set_freeze_panes(1, 0)?.autofit();
    Ok(())
}

/// Writes a number, or text if a number would lose digits.
fn write_amount(sheet: &mut Worksheet, row: u32, column: u16, amount: Quantity) -> Result<(), XlsxError> {
    match text_of(amount) {
        Some(text) => sheet.write_string(row, column, text)?,
        None => sheet.write_number(row, column, amount.value())?,
    };
    Ok(())
}

/// Text of an amount with more digits than a number keeps.
fn text_of(amount: Quantity) -> Option<String> {
    let text = Some(amount.exact_text()).filter(|_| amount.ratio().is_none());
    text.filter(|text| text.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS)
}

fn bounded(text: &str) -> &str {
    let mut units = 0;
    let fits = text.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units > MAX_TEXT
    });
    fits.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SECOND, Timestamp};

    #[test]
    fn the_same_document_has_the_same_bytes_at_any_time() {
        let document = |created| {
            let mut document = AnswerDocument::new("x", created);
            document.add("figures", &["a"], vec![vec!["=1+1".into()], vec![Quantity::Centavos(-150).into()]]);
            bytes(&document).unwrap()
        };
        let created = Timestamp::from_millis(1_589_173_200_123);
        let first = document(created);
        // Times in the archive have two seconds, those of the document one.
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        assert_eq!(document(created), first);
        assert_ne!(document(created + SECOND), first);
    }

    #[test]
    fn an_amount_with_more_digits_than_a_number_is_text() {
        assert_eq!(text_of(Quantity::Centavos(999_999_999_999_999)), None);
        let texts = [
            Quantity::Centavos(1_000_000_000_000_001),
            Quantity::Centavos(-1_000_000_000_000_001),
            Quantity::Count(1_234_567_890_123_456),
        ];
        let expected =
            ["10000000000000.01", "-10000000000000.01", "1234567890123456"].map(|text| Some(text.to_owned()));
        assert_eq!(texts.map(text_of), expected);
        assert_eq!(text_of(Quantity::Fraction { numerator: 1, denominator: 3 }), None, "a ratio is a number");
    }

    #[test]
    fn text_of_any_length_fits_in_a_cell() {
        for text in ["a".repeat(40_000), "😀".repeat(20_000), format!("a{}", "😀".repeat(16_383))] {
            let mut document = AnswerDocument::new("x", Timestamp::EPOCH);
            document.add("figures", &["a"], vec![vec![text.as_str().into()]]);
            assert!(bytes(&document).is_ok());
        }
        assert_eq!(bounded(&format!("a{}", "😀".repeat(16_383))).chars().count(), 16_384);
        assert_eq!(bounded(&"😀".repeat(16_384)).chars().count(), 16_383);
    }
}
