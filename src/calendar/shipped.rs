//! Built-in calendars.

use crate::settings::Document;

/// Names and texts of the built-in calendars; the files in `config/calendars` explain them.
const SHIPPED: [(&str, &str); 2] = [
    ("payments", include_str!("../../config/calendars/payments.toml")),
    ("calls", include_str!("../../config/calendars/calls.toml")),
];

/// Returns the built-in calendars, without those that a document replaces by one of its own.
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
    fn built_in_calendars_have_no_fault_and_need_no_file() {
        let shipped = shipped(&[]);
        assert_eq!(names(&shipped), ["always", "payments", "calls"]);
        assert!(shipped.iter().all(|document| document.faults().is_empty()));
    }

    #[test]
    fn a_file_replaces_a_built_in_calendar() {
        let own = Document::parse("own.toml", "[calendar.payments.hours]\nmonday = ['09:00-10:00']\n");
        assert_eq!(names(&shipped(&[own])), ["always", "calls"]);
    }
}
