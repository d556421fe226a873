//! Redaction of secrets: the one rule of what is shown of settings, and of texts of libraries that may repeat them.
//!
//! A list of secret names does not know the misspelled ones. So the value of a client property is shown only if the name
//! is, to the letter, one that is known to be harmless (`public_properties.txt`), and the value has no sign of a secret.
//!
//! A secret may also stand where none belongs: in the value of another setting, in the name of a key, among arguments. So
//! every fault passes [`redacted_parts`] and [`redacted_key`], and each value that a message repeats [`redacted_text`], or
//! [`redacted_word`] where only a few words are right.

use super::printable::is_printable;
use config::{Value, ValueKind};
use std::collections::BTreeSet;
use std::ops::Range;

/// Text in place of a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Names of librdkafka properties whose values are no secrets, separated by white space. Paths of files with secrets are
/// worth seeing.
const PUBLIC_PROPERTIES: &str = include_str!("public_properties.txt");

/// Signs of a secret in a value without its blanks, whatever the name: a PEM block, `password=...` in a list of
/// options.
const SECRET_VALUES: [&str; 7] =
    ["-----begin", "password=", "password:", "passphrase=", "secret=", "secret:", "token="];

/// Properties that take one of a few words, beside which a password stands. The client accepts any text for some of them
/// and repeats it later.
const WORD_PROPERTIES: [&str; 3] = ["security.protocol", "sasl.mechanism", "sasl.mechanisms"];

/// Number of bytes in a row that a text must share with a secret to be redacted: libraries repeat parts.
const FRAGMENT: usize = 8;

/// Minimum length of a word that counts as a token if it has digits and letters of both cases.
const MIN_TOKEN: usize = 24;
/// Minimum length of a word that counts as a key if it is hexadecimal.
const MIN_HEX: usize = 32;

/// Maximum length of one name of a key in messages, in characters.
const MAX_NAME: usize = 80;
/// Maximum length in characters of a wrong word in messages, where only a few words are right.
const MAX_WORD: usize = 40;

/// Minimum length of a secret that is found within other words, in bytes.
const MIN_WITHIN_WORDS: usize = 4;

/// True if the value of a client property may be shown, judged by its name.
pub(crate) fn is_public(name: &str) -> bool {
    // librdkafka ignores the prefix before properties of topics.
    let plain = name.strip_prefix("topic.").unwrap_or(name);
    PUBLIC_PROPERTIES.split_ascii_whitespace().any(|public| public == name || public == plain)
}

/// True if a client property is a secret, by its name or its value. A user name alone is none.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    holds_secret(value) || !(is_public(name) || name.to_lowercase().ends_with("username"))
}

/// True if a setting that is no client property holds a secret.
pub(super) fn is_secret_setting(value: &Value) -> bool {
    matches!(&value.kind, ValueKind::String(text) if holds_secret(text))
}

/// Returns a text, or a note in place of one that may hold a secret.
pub(crate) fn redacted_text(text: &str) -> &str {
    if holds_secret(text) || !tokens(text).is_empty() { REDACTED } else { text }
}

/// Returns a value where one of a few words is expected, or a note in place of what is no word at all: it may be a
/// password.
pub(crate) fn redacted_word(text: &str) -> &str {
    let is_of_word = |one: char| one.is_alphanumeric() || "-_. ".contains(one) || !is_printable(one);
    let is_word = text.chars().all(is_of_word) && text.chars().nth(MAX_WORD).is_none();
    if is_word { redacted_text(text) } else { REDACTED }
}

/// Returns a text of several parts, such as a path or a message, with a note in place of each part that may be a secret.
pub(crate) fn redacted_parts(text: &str) -> String {
    let mut is_hidden = vec![false; text.len()];
    for range in credentials(&text.to_ascii_lowercase()).into_iter().chain(tokens(text)) {
        is_hidden[range].fill(true);
    }
    without(text, &is_hidden)
}

/// Returns a full key with what may be a secret in its names left out: everything behind a `=`, names with characters
/// that no name has, and the ends of long ones.
pub(crate) fn redacted_key(key: &str) -> String {
    let (names, has_value) = key.split_once('=').map_or((key, false), |(names, _)| (names, true));
    let names: Vec<String> = names.split('.').map(redacted_name).collect();
    names.join(".") + if has_value { "=[redacted]" } else { "" }
}

fn redacted_name(name: &str) -> String {
    // What is escaped may be what is wrong with the name.
    let is_foreign = |one: char| one.is_ascii_punctuation() && !"-_\\{}".contains(one);
    if name.contains(is_foreign) || redacted_text(name) != name {
        return REDACTED.to_owned();
    }
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn holds_secret(text: &str) -> bool {
    let text: String = text.to_lowercase().split_whitespace().collect();
    // user:password@host, or token@host:port.
    let has_user = text.rsplit_once('@').is_some_and(|(before, host)| before.contains(':') || host.contains(':'));
    has_user || SECRET_VALUES.iter().any(|sign| text.contains(sign))
}

/// True for a value that cannot be right, of a property that takes one of a few words: it may be a password.
pub(super) fn is_no_word(name: &str, value: &str) -> bool {
    WORD_PROPERTIES.contains(&name) && redacted_word(value) != value
}

/// The secrets of a client's configuration, to redact them in what the client says. Every text of a client that reaches
/// a person passes [`Redactor::redact`].
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Secrets in lower case: values, their lines, and the options in them.
    words: BTreeSet<String>,
    /// Every sequence of [`FRAGMENT`] bytes in them.
    fragments: BTreeSet<[u8; FRAGMENT]>,
}

impl Redactor {
    /// Collects the secrets among client properties.
    pub(crate) fn new<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut redactor = Self::default();
        for (_, value) in
            properties.into_iter().filter(|(name, value)| is_secret(name, value) || is_no_word(name, value))
        {
            redactor.add(&value.to_ascii_lowercase());
        }
        redactor
    }

    /// Collects what may be a secret in a property that the client refuses: also a value that no word of the client's is,
    /// and the name.
    pub(crate) fn of_refused(name: &str, value: &str) -> Self {
        let mut redactor = Self::new([(name, value)]);
        if redacted_word(value) != value {
            redactor.add(&value.to_ascii_lowercase());
        }
        if redacted_key(name) != name {
            redactor.add(&name.to_ascii_lowercase());
        }
        redactor
    }

    /// Adds a secret in lower case.
    fn add(&mut self, secret: &str) {
        // The frame of a PEM block is no secret, and its words occur in errors.
        for line in secret.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-----")) {
            self.words.insert(line.to_owned());
            self.fragments.extend(line.as_bytes().array_windows().copied());
            // The value of an option, and the password before the name of a host.
            let is_end = |next: char| next.is_whitespace() || ['=', ',', ';'].contains(&next);
            let options = line.match_indices('=').filter_map(|(at, _)| line[at + 1..].split(is_end).next());
            let users = line.split(['/', ',', ' ']).filter_map(|part| Some(part.rsplit_once('@')?.0));
            let passwords = users.filter_map(|user| Some(user.rsplit_once(':')?.1));
            let parts = options.chain(passwords).map(|part| part.trim_matches(['"', '\'']));
            self.words.extend(parts.filter(|part| part.len() >= MIN_WITHIN_WORDS).map(str::to_owned));
        }
    }

    /// Returns the text with a note in place of each secret, each long enough part of one, and each credential that
    /// shows by its form.
    pub(crate) fn redact(&self, text: &str) -> String {
        let lower = text.to_ascii_lowercase();
        let mut is_hidden = vec![false; text.len()];
        let mut hide = |range: Range<usize>| is_hidden[range].fill(true);
        for (start, window) in lower.as_bytes().array_windows::<FRAGMENT>().enumerate() {
            if self.fragments.contains(window) {
                hide(start..start + FRAGMENT);
            }
        }
        for word in &self.words {
            for (start, found) in lower.match_indices(word.as_str()) {
                let range = start..start + found.len();
                if word.len() >= MIN_WITHIN_WORDS || is_whole_word(&lower, &range) {
                    hide(range);
                }
            }
        }
        credentials(&lower).into_iter().for_each(hide);
        without(text, &is_hidden)
    }
}

fn is_whole_word(text: &str, range: &Range<usize>) -> bool {
    let is_inside = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    !is_inside(text[..range.start].chars().next_back()) && !is_inside(text[range.end..].chars().next())
}

/// Places of what is a secret by its form, in a text in lower case: `password=...`, `user:password@host`, a PEM block.
fn credentials(text: &str) -> Vec<Range<usize>> {
    const END: &str = "-----end";
    let is_end = |next: char| next.is_whitespace() || [',', ';'].contains(&next);
    let mut found = Vec::new();
    for sign in SECRET_VALUES.into_iter().filter(|sign| sign.ends_with('=')) {
        for (at, _) in text.match_indices(sign) {
            let start = at + sign.len();
            found.push(start..text[start..].find(is_end).map_or(text.len(), |length| start + length));
        }
    }
    for (at, _) in text.match_indices('@') {
        let is_before = |next: char| is_end(next) || ['/', '"', '\'', '(', '='].contains(&next);
        let start = text[..at].rfind(is_before).map_or(0, |before| before + 1);
        let host = text[at + 1..].split(is_end).next().unwrap_or("");
        let has_port =
            host.split_once(':').is_some_and(|(_, port)| port.starts_with(|next: char| next.is_ascii_digit()));
        if text[start..at].contains(':') || has_port {
            found.push(start..at);
        }
    }
    for (start, _) in text.match_indices(SECRET_VALUES[0]) {
        found.push(start..text[start..].find(END).map_or(text.len(), |length| start + length + END.len()));
    }
    found
}

/// Places of words that look like a key or a token: long, and of hexadecimal digits, or of letters of both cases and
/// digits. What separates the names of paths, hosts and topics separates words.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let is_token = |word: &str| {
        let has = |is: fn(&char) -> bool| word.chars().any(|one| is(&one));
        let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
        let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit()) && has(char::is_ascii_digit);
        (word.len() >= MIN_TOKEN && is_mixed) || (word.len() >= MIN_HEX && is_hex)
    };
    let is_of_word = |one: char| one.is_ascii_alphanumeric() || "+=".contains(one);
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split(|one| !is_of_word(one)) {
        if is_token(word) {
            found.push(start..start + word.len());
        }
        start += word.len() + text[start + word.len()..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

/// Returns the text with a note in place of each run of hidden bytes.
fn without(text: &str, is_hidden: &[bool]) -> String {
    let (mut out, mut was_hidden) = (String::with_capacity(text.len()), false);
    for (at, character) in text.char_indices() {
        // A blank before a secret is none, even if the secret has one there.
        let is_blank = !was_hidden && character.is_whitespace();
        let hides = !is_blank && is_hidden[at..at + character.len_utf8()].contains(&true);
        match (was_hidden, hides) {
            (false, true) => out.push_str(REDACTED),
            (_, false) => out.push(character),
            (true, true) => {}
        }
        was_hidden = hides;
    }
    out
}

#[cfg(test)]
mod tests;
