//! HTML under construction. Markup is a constant of the program; everything else is text, and is escaped.

/// HTML that has been written so far.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Appends markup, which must be a constant.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Appends text that stands between tags or in a quoted attribute. No text can end either.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for one in text.chars() {
            match one {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // HTML has no control characters.
                one if one.is_control() => self.0.push(char::REPLACEMENT_CHARACTER),
                one => self.0.push(one),
            }
        }
        self
    }

    /// Appends a name whose direction of writing does not reach beyond it.
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        self.markup("<bdi>").text(name).markup("</bdi>")
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}
