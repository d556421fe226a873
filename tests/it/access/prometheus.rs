//! Debian's Prometheus, scraping over TLS with a password, through a change of certificate and password.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::{TLS, curl, start, users};
use crate::alerts::servers::Prometheus;
use crate::certificates::{Certificates, shown};
use crate::program::Pacemeter;

const LIMIT: Duration = Duration::from_secs(60);

/// Configuration of Prometheus that trusts both certificates and reads the password from a file.
fn configuration(certificates: &Certificates, pacemeter: &Pacemeter) -> String {
    let (authorities, password) = (shown(&certificates.path("both.crt")), shown(&certificates.path("password")));
    format!(
        "global:\n  scrape_interval: 300ms\n  scrape_timeout: 300ms\nscrape_configs:\n  - job_name: pacemeter\n    \
         scheme: https\n    tls_config:\n      ca_file: {authorities}\n    basic_auth:\n      username: ann\n      \
         password_file: {password}\n    static_configs:\n      - targets: ['{}']\n",
        pacemeter.address()
    )
}

/// Waits until the newest scrape has succeeded, or has failed, three times in a row.
fn until_up(prometheus: &Prometheus, up: &str) {
    let began = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < 3 {
        let values = prometheus.query("up");
        let is_so = values.iter().any(|series| series["value"][1] == up);
        in_a_row = if is_so { in_a_row + 1 } else { 0 };
        assert!(began.elapsed() < LIMIT, "up is not {up}: {values:?}");
        thread::sleep(Duration::from_millis(400));
    }
}

#[test]
fn prometheus_scrapes_over_tls_through_changes() {
    let certificates = Certificates::make();
    certificates.server("next");
    let both =
        ["server.crt", "next.crt"].map(|name| fs::read_to_string(certificates.path(name)).expect("a certificate"));
    fs::write(certificates.path("both.crt"), both.concat()).expect("a file");
    fs::write(certificates.path("password"), "first").expect("a file");
    let text = format!("{TLS}{}", users("first", 10));
    let (mut pacemeter, _state) = start(&certificates, &text, &["targets.check_interval=100ms"]);
    let prometheus = Prometheus::start_with(&configuration(&certificates, &pacemeter));
    until_up(&prometheus, "1");
    assert_eq!(prometheus.query("pacemeter_http_web_config_last_reload_successful").len(), 1);
    // A broken file changes nothing.
    certificates.configure("tls_server_config: {}\n");
    pacemeter.until("it is refused", |it| it.events("pacemeter.web_config.refused").pop());
    until_up(&prometheus, "1");
    // Certificate and password change; Prometheus still has the old password.
    certificates.configure(&format!("{}{}", TLS.replace("server.", "next."), users("second", 10)));
    pacemeter.until("it is in force", |it| it.events("pacemeter.web_config.reloaded").pop());
    until_up(&prometheus, "0");
    fs::write(certificates.path("password"), "second").expect("a file");
    until_up(&prometheus, "1");
    let ask = |certificate: &str, user: &str| {
        curl(&certificates, &pacemeter, "/livez", &["--cacert", certificate, "--user", user]).0
    };
    assert_eq!(ask("next.crt", "ann:second"), 200);
    assert_eq!((ask("next.crt", "ann:first"), ask("server.crt", "ann:second")), (401, 0), "the old ones are gone");
}
