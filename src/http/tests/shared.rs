//! Answers that everybody shares: their tag, 304, and the revision of their figures.

use super::driver::{Fixed, start};
use super::*;

const TAG: &str = "W/\"boot-7\"";

fn asked(extra: &str) -> Answer {
    let server = start(&settings(), Arc::new(Fixed::new(TEXT)));
    server.exchange(&format!("GET /api/v1/now HTTP/1.1\r\nhost: x\r\n{extra}connection: close\r\n\r\n"))
}

#[test]
fn a_shared_answer_has_a_tag_and_its_revision() {
    let answer = asked("");
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    assert_eq!(answer.header("etag"), Some(TAG));
    assert_eq!(answer.header("x-pacemeter-revision"), Some("7"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn a_client_that_has_the_answer_is_told_so() {
    for known in [TAG, "\"boot-7\"", "\"boot-6\", W/\"boot-7\"", "*"] {
        let answer = asked(&format!("if-none-match: {known}\r\n"));
        assert_eq!((answer.status, answer.text(), answer.header("etag")), (304, "", Some(TAG)), "{known}");
        assert_eq!(answer.header("x-pacemeter-revision"), Some("7"));
    }
    assert_eq!(asked("if-none-match: \"boot-6\"\r\n").status, 200);
}

#[test]
fn a_scrape_has_the_revision_of_its_figures() {
    let mut fixed = Fixed::new(TEXT);
    fixed.body = Arc::new(EncodedBody::new(TEXT.to_owned()).with_revision(12));
    let server = start(&settings(), Arc::new(fixed));
    assert_eq!(server.get("/metrics").header("x-pacemeter-revision"), Some("12"));
    assert_eq!(serving(TEXT).get("/metrics").header("x-pacemeter-revision"), None);
}
