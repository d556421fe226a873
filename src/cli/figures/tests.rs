use super::*;

#[test]
fn a_long_name_has_a_line_of_its_own() {
    let figures = ["1".to_owned(), "2".to_owned()];
    let (short, long) = ("x".repeat(26), "x".repeat(27));
    assert_eq!(row(&short, &figures), format!("{short}{:>18}{:>18}\n", 1, 2));
    assert_eq!(row(&long, &figures), format!("{long}\n{:26}{:>18}{:>18}\n", "", 1, 2));
}

#[test]
fn amounts_of_any_size_are_apart() {
    let large = exact(Some(Quantity::Centavos(123_456_789_012_345)));
    let line = row("  net pesos", &[large.clone(), large.clone()]);
    assert_eq!(line.matches(&format!(" {large}")).count(), 2, "{line}");
}

#[test]
fn fields_of_csv_are_quoted_as_rfc_4180_says() {
    let fields = ["plain", "a,b", "say \"yes\"", "", "two\r\nlines", "señal"].map(str::to_owned);
    let line = record(fields.into_iter());
    assert_eq!(line, "plain,\"a,b\",\"say \"\"yes\"\"\",,two\\r\\nlines,señal\r\n");
}
