//! Suggestion of a known word for an unknown one.

/// Longest word that gets a suggestion, in bytes: a longer one costs more and is no typing error.
const MAX_WORD: usize = 100;

/// Returns the known word that is most similar to the given one, if any is similar enough.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > MAX_WORD {
        return None;
    }
    let scored = known.into_iter().map(|known| (similarity(given, known), known));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(similarity, _)| *similarity >= 0.5).map(|(_, known)| known)
}

/// Similarity from 0 to 1. Dots and underscores count as equal (`KAFKA_GROUP_ID`), and the right last name in a wrong
/// table as nearly equal.
fn similarity(given: &str, known: &str) -> f64 {
    let plain = |key: &str| key.to_lowercase().replace(['.', '-'], "_");
    let last = |key: &str| plain(key.rsplit('.').next().unwrap_or(key));
    let whole = strsim::normalized_damerau_levenshtein(&plain(given), &plain(known));
    whole.max(0.9 * strsim::normalized_damerau_levenshtein(&last(given), &last(known)))
}
