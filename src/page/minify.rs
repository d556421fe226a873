//! Modules of the page without comments and without white space that means nothing. `build.rs` embeds them so; names and
//! everything else stay as they are written, and a module that is sent remains readable.
//!
//! It knows as much of JavaScript as the modules use: strings, templates, regular expressions, and statements that end
//! with a semicolon or a brace.

/// White space before the next token.
#[derive(Clone, Copy, PartialEq)]
enum Gap {
    None,
    Space,
    Line,
}

/// Module under construction.
struct Minified {
    text: String,
    gap: Gap,
}

/// Returns a module without comments, blank lines, indentation and spaces between tokens that do not need them.
pub(crate) fn minified(module: &str) -> String {
    let mut out = Minified { text: String::with_capacity(module.len()), gap: Gap::None };
    // Open braces within each substitution of a template that is open.
    let mut substitutions: Vec<usize> = Vec::new();
    let mut rest = module;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        match first {
            _ if first.is_whitespace() => out.widen(if first == '\n' { Gap::Line } else { Gap::Space }),
            '/' if rest.starts_with("//") => length = rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                length = rest.find("*/").map_or(rest.len(), |end| end + 2);
                out.widen(Gap::Space);
            }
            '"' | '\'' => {
                length = literal_length(rest, first);
                out.push(&rest[..length]);
            }
            '/' if out.expects_value() => {
                length = expression_length(rest);
                out.push(&rest[..length]);
            }
            '`' => {
                let (end, opens) = template_part(&rest[1..]);
                length = 1 + end;
                out.push(&rest[..length]);
                substitutions.extend(opens.then_some(0));
            }
            '}' if substitutions.last() == Some(&0) => {
                let (end, opens) = template_part(&rest[1..]);
                length = 1 + end;
                out.gap = Gap::None;
                out.push(&rest[..length]);
                if !opens {
                    substitutions.pop();
                }
            }
            _ => {
                if let Some(braces) = substitutions.last_mut() {
                    *braces = braces.saturating_add(usize::from(first == '{')) - usize::from(first == '}');
                }
                out.push(&rest[..length]);
            }
        }
        rest = &rest[length..];
    }
    out.text.push('\n');
    out.text
}

/// Returns the labels of a language, or a style sheet, with their lines joined where a line's end means nothing.
pub(crate) fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        out.push_str(line);
        if !line.ends_with(['{', '}', ';', ',', '/']) {
            out.push('\n');
        }
    }
    out
}

impl Minified {
    fn widen(&mut self, gap: Gap) {
        if gap == Gap::Line || self.gap == Gap::None {
            self.gap = gap;
        }
    }

    /// Appends a token, and before it only the white space that it needs.
    fn push(&mut self, token: &str) {
        let (last, next) = (self.text.chars().next_back(), token.chars().next().unwrap_or(' '));
        if let Some(last) = last {
            let sticks = last == next && "+-".contains(last);
            match self.gap {
                Gap::Line if !"{([,;:=*/&|?<>".contains(last) && !")]},;.?:&|".contains(next) => self.text.push('\n'),
                Gap::Line | Gap::Space if (is_word(last) && is_word(next)) || sticks => self.text.push(' '),
                _ => {}
            }
        }
        self.gap = Gap::None;
        let is_empty = self.text.chars().rev().nth(1).is_none_or(|before| ",[(".contains(before));
        if ")]}".contains(next) && self.text.ends_with(',') && !is_empty {
            self.text.pop();
        }
        self.text.push_str(token);
    }

    /// Returns true if a slash that follows begins a regular expression, and does not divide.
    fn expects_value(&self) -> bool {
        self.text.ends_with("return")
            || self.text.chars().next_back().is_none_or(|last| "(,=:[!&|?{};>+-*%<".contains(last))
    }
}

fn is_word(one: char) -> bool {
    one.is_alphanumeric() || one == '_' || one == '$'
}

/// Returns the length of a string with its quotes.
fn literal_length(text: &str, quote: char) -> usize {
    let mut escaped = true;
    for (at, one) in text.char_indices() {
        if one == quote && !escaped {
            return at + 1;
        }
        escaped = (at == 0 || one == '\\') && !escaped && at > 0;
    }
    text.len()
}

/// Returns the length of a regular expression with its slashes.
fn expression_length(text: &str) -> usize {
    let (mut escaped, mut in_class) = (false, false);
    for (at, one) in text.char_indices().skip(1) {
        match one {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of a template's text up to its end or its next substitution, and true if it is a substitution.
fn template_part(text: &str) -> (usize, bool) {
    let mut escaped = false;
    for (at, one) in text.char_indices() {
        match one {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '`' => return (at + 1, false),
            '$' if text[at + 1..].starts_with('{') => return (at + 2, true),
            _ => {}
        }
    }
    (text.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_white_space_go() {
        for (module, expected) in [
            ("// Head.\n\nconst a = 1; // one\nconst b = a + 1;\n", "const a=1;const b=a+1;\n"),
            (
                "/** Doc\n * of f.\n */\nexport function f(x) {\n  return x / 2;\n}\n",
                "export function f(x){return x/2;}\n",
            ),
            ("f(\n  a,\n  [1, 2,],\n);\n", "f(a,[1,2]);\n"),
            ("try { a(); } catch { /* off */ }\nb();", "try{a();}catch{}\nb();\n"),
            ("a = b + +c - -d;", "a=b+ +c- -d;\n"),
            ("const f = async () => {};\nconst g = in_ in x;", "const f=async()=>{};const g=in_ in x;\n"),
        ] {
            assert_eq!(minified(module), expected);
        }
    }

    #[test]
    fn what_is_quoted_stays() {
        for (module, expected) in [
            ("a = \"x  // y\" + '\\'  /* z */';", "a=\"x  // y\"+'\\'  /* z */';\n"),
            ("a = `x  ${ b ? `${c}  d` : \"\" }  y`;", "a=`x  ${b?`${c}  d`:\"\"}  y`;\n"),
            ("a = `x ${ { b: 1 }.b } // y\n  z`;", "a=`x ${{b:1}.b} // y\n  z`;\n"),
            ("a = b.replace(/[/] \"+/g, \" \");", "a=b.replace(/[/] \"+/g,\" \");\n"),
            ("return /\\/  x/.test(a) / 2;", "return/\\/  x/.test(a)/2;\n"),
            ("a = (b + c) / d / \"  \";", "a=(b+c)/d/\"  \";\n"),
        ] {
            assert_eq!(minified(module), expected);
        }
    }

    #[test]
    fn lines_are_joined_where_their_ends_mean_nothing() {
        assert_eq!(joined("a{b:c}\n@media x{\nd e\nf{g:h;\ni:j}}\n"), "a{b:c}@media x{d e\nf{g:h;i:j}}");
        assert_eq!(joined("{\n\"a\": \"b\",\n\"c\": \"d\"\n}\n"), "{\"a\": \"b\",\"c\": \"d\"\n}");
    }
}
