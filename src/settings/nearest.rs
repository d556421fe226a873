//! What was probably meant by a word that is not known.

/// A longer word is compared with none: the cost grows with its length, and it is nobody's slip. Bytes.
const MAX_COMPARED: usize = 100;

/// The known word most like the given one, if any is.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > MAX_COMPARED {
        return None;
    }
    let likenesses = known.into_iter().map(|known| (likeness(given, known), known));
    let most = likenesses.max_by(|left, right| left.0.total_cmp(&right.0));
    most.filter(|(likeness, _)| *likeness >= 0.5).map(|(_, known)| known)
}

/// From 0 to 1. Dots and underscores are the same slip (`KAFKA_GROUP_ID`); a right last name in a wrong table is nearly right.
fn likeness(given: &str, known: &str) -> f64 {
    let plain = |key: &str| key.to_lowercase().replace(['.', '-'], "_");
    let last = |key: &str| plain(key.rsplit('.').next().unwrap_or(key));
    let whole = strsim::normalized_damerau_levenshtein(&plain(given), &plain(known));
    whole.max(0.9 * strsim::normalized_damerau_levenshtein(&last(given), &last(known)))
}
