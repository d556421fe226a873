//! Language of a document.

/// Language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Spanish, also for readers of neither.
    Spanish,
    /// English.
    English,
}

impl Language {
    /// Both, in the order of their numbers.
    pub(super) const ALL: [Self; 2] = [Self::Spanish, Self::English];

    /// Returns the language that `lang` in the query names, or else the one that the browser prefers.
    pub(super) fn of(query: &str, accept_language: &str) -> Self {
        let named = query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Self::of_tag);
        named.or_else(|| Self::preferred(accept_language)).unwrap_or(Self::Spanish)
    }

    /// Tag of the language (RFC 5646).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::English => "en",
        }
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// Returns the language of the largest weight in a value of `Accept-Language`, the first of several.
    fn preferred(accept_language: &str) -> Option<Self> {
        let mut best = None;
        for range in accept_language.split(',') {
            let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
            let weight = weight.trim().parse::<f32>().unwrap_or(0.0);
            if let Some(language) = Self::of_tag(tag)
                && best.map_or(0.0, |(_, best)| best) < weight
            {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_wins_over_the_browser() {
        for (query, accept, expected) in [
            ("", "", Language::Spanish),
            ("", "ja-JP,ja", Language::Spanish),
            ("", "en-US,en;q=0.9,es;q=0.8", Language::English),
            ("", "en;q=0.3, es-MX;q=0.7", Language::Spanish),
            ("", "de, EN;q=0.1", Language::English),
            ("", "en;q=0, *", Language::Spanish),
            ("", "en;q=x", Language::Spanish),
            ("lang=es", "en", Language::Spanish),
            ("theme=dark&lang=en", "es", Language::English),
            ("lang=fr", "en", Language::English),
            ("slang=en&lang", "es", Language::Spanish),
        ] {
            assert_eq!(Language::of(query, accept), expected, "{query} {accept}");
        }
    }
}
