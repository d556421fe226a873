//! The calendars that are there without a file of the user's.

use crate::settings::Document;

/// By name, the text that `config/calendars` shows and explains.
const SHIPPED: [(&str, &str); 2] = [
    ("payments", include_str!("../../config/calendars/payments.toml")),
    ("calls", include_str!("../../config/calendars/calls.toml")),
];

/// The shipped calendars but those that one of the documents defines anew.
pub fn shipped(documents: &[Document]) -> Vec<Document> {
    let is_defined = |name: &str| documents.iter().any(|document| document.origin_of("calendar", name).is_some());
    let missing = SHIPPED.into_iter().filter(|(name, _)| !is_defined(name));
    missing.map(|(name, text)| Document::parse(&format!("built-in calendars/{name}.toml"), text)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::calendar::read;

    fn names(documents: &[Document]) -> Vec<String> {
        read(documents, &TimeZone::UTC).iter().map(|calendar| calendar.name().to_owned()).collect()
    }

    #[test]
    fn they_are_without_fault_and_there_without_a_file() {
        let shipped = shipped(&[]);
        assert_eq!(names(&shipped), ["always", "payments", "calls"]);
        assert!(shipped.iter().all(|document| document.faults().is_empty()));
    }

    #[test]
    fn one_that_a_file_defines_is_the_files() {
        let own = Document::parse("own.toml", "[calendar.payments.hours]\nmonday = ['09:00-10:00']\n");
        assert_eq!(names(&shipped(&[own])), ["always", "calls"]);
    }
}
