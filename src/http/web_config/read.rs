//! Reader of the file: everything but TLS.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};

use super::tls::{self, TlsFiles};
use super::{LoadedWebConfig, RateLimit, WebConfig};
use crate::clock::Timestamp;
use crate::settings::{Document, DocumentTable, FileText, SecretExposure, parse_duration, redacted_text};

const KNOWN: [&str; 5] =
    ["tls_server_config", "basic_auth_users", "auth_excluded_paths", "http_server_config", "rate_limit"];

/// Maximum number of users. Many users are a case for client certificates.
const MAX_USERS: usize = 100;
/// Maximum length of a user's name.
const MAX_USER_BYTES: usize = 200;
/// Largest cost of a bcrypt hash: more than a second for each password.
const MAX_COST: u32 = 14;
/// Paths that may be excluded. All others show figures or lead to them.
const EXCLUDABLE: [&str; 2] = ["/livez", "/readyz"];
/// Headers that may be set, with their permitted values if there are few.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

/// Reads the file and those that it names.
pub(super) fn read(path: &Path, now: Timestamp) -> LoadedWebConfig {
    let (text, mode) = FileText::read_regular(path);
    let mut loaded = parse(&text, path.parent().unwrap_or(Path::new("")), now);
    loaded.texts.insert(0, text);
    if loaded.result.as_ref().is_ok_and(|config| !config.users.is_empty()) {
        loaded.exposures.extend(mode.and_then(|mode| SecretExposure::of_file(path, mode, "hashes of passwords")));
    }
    loaded
}

fn parse(text: &FileText, directory: &Path, now: Timestamp) -> LoadedWebConfig {
    let document = Document::of_yaml(text);
    let root = document.root(&KNOWN);
    let mut config = WebConfig {
        users: users(&root),
        excluded_paths: root.parsed_each("auth_excluded_paths", excluded_path).unwrap_or_default(),
        headers: http_server_config(&root),
        rate_limit: rate_limit(&root),
        ..WebConfig::default()
    };
    let mut files = TlsFiles::new(directory, now);
    if root.has("tls_server_config") {
        tls::read(&root, &mut files, &mut config);
    }
    let result = document.faults().err_if_any().map(|()| config);
    LoadedWebConfig { texts: files.texts, result, outdated: files.outdated, exposures: files.exposures }
}

fn users(root: &DocumentTable<'_>) -> BTreeMap<String, String> {
    let Some(table) = root.open_table("basic_auth_users") else { return BTreeMap::new() };
    let names: Vec<&str> = table.keys().collect();
    if names.len() > MAX_USERS {
        root.fault("basic_auth_users", format!("has more than {MAX_USERS} users; use client certificates"));
    }
    if names.is_empty() {
        root.fault("basic_auth_users", "names no user; add one, or remove the key");
    }
    let hash = |name: &&str| {
        if name.is_empty() || name.len() > MAX_USER_BYTES || name.contains(':') || name.chars().any(char::is_control) {
            let message = format!("is no name of a user; use 1 to {MAX_USER_BYTES} bytes without colons");
            table.fault(name, message);
        }
        Some(((*name).to_owned(), table.parsed(name, bcrypt_hash)?))
    };
    names.iter().take(MAX_USERS).filter_map(hash).collect()
}

/// Checks a bcrypt hash, which the message does not repeat.
fn bcrypt_hash(text: &str) -> Result<String, String> {
    let cost = text.parse::<bcrypt::HashParts>().map(|parts| parts.get_cost());
    match cost {
        Ok(4..=MAX_COST) => Ok(text.to_owned()),
        Ok(cost) => {
            Err(format!("has bcrypt cost {cost}, expected 4 to {MAX_COST}; make it with htpasswd -nBC 10 USER"))
        }
        Err(_) => Err("is not a bcrypt hash, such as $2y$10$...; make it with htpasswd -nBC 10 USER".to_owned()),
    }
}

fn excluded_path(text: &str) -> Result<String, String> {
    if EXCLUDABLE.contains(&text) {
        return Ok(text.to_owned());
    }
    let (text, paths) = (redacted_text(text), EXCLUDABLE.join(" and "));
    Err(format!("{text:?} cannot be excluded, as it shows figures or leads to them; only {paths} can"))
}

fn http_server_config(root: &DocumentTable<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let Some(table) = root.table("http_server_config", &["http2", "headers"]) else { return Vec::new() };
    if table.boolean("http2") == Some(true) {
        table.fault("http2", "is not supported; the server speaks HTTP/1.1: remove the key, or set it to false");
    }
    let names = HEADERS.map(|(name, _)| name);
    let Some(headers) = table.table("headers", &names) else { return Vec::new() };
    let header = |(name, values): &(&str, &[&str])| {
        let value = headers.parsed(name, |text| match HeaderValue::from_str(text) {
            Ok(_) if !text.is_empty() && !values.is_empty() && !values.contains(&text) => {
                Err(format!("must be {}", values.join(" or ")))
            }
            Ok(value) => Ok(value),
            Err(_) => Err("has characters that no header may have".to_owned()),
        })?;
        // Unset if blank, as upstream.
        (!value.is_empty()).then(|| Some((name.to_ascii_lowercase().parse().ok()?, value)))?
    };
    HEADERS.iter().filter_map(header).collect()
}

fn rate_limit(root: &DocumentTable<'_>) -> Option<RateLimit> {
    let table = root.table("rate_limit", &["interval", "burst"])?;
    table.requires(&["interval", "burst"]);
    let is_zero = table.is_number("interval") && table.integer("interval", 0..=0).is_some();
    let parse = |text: &str| match text {
        "0" => Ok(Duration::ZERO),
        text => parse_duration(text).map_err(|error| format!("{:?} is {error}", redacted_text(text))),
    };
    let interval = if is_zero { None } else { table.parsed("interval", parse) };
    let burst = table.integer("burst", 1..=1_000_000)?;
    let interval = interval.filter(|interval| !interval.is_zero())?;
    Some(RateLimit { interval, burst: u32::try_from(burst).ok()? })
}
