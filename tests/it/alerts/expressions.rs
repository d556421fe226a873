//! The selectors of a PromQL expression and the aggregations around them. Expressions must be valid, which promtool
//! checks; subqueries are not supported.

/// A selector of series within an expression.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    /// Labels with the values that they may have: one, or several of an alternative.
    pub matchers: Vec<(String, Vec<String>)>,
    /// Aggregations and functions around it, the innermost first: `max without (instance)`, `increase`.
    pub around: Vec<String>,
}

/// A parsed expression.
#[derive(Debug, Default)]
pub struct Expression {
    pub selectors: Vec<Selector>,
    /// Labels in `by`, `without`, `on` and `group_left`.
    pub labels: Vec<String>,
}

const AGGREGATIONS: [&str; 5] = ["sum", "max", "min", "avg", "count"];
const WORDS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];
const MATCHINGS: [&str; 4] = ["on", "ignoring", "group_left", "group_right"];

impl Expression {
    pub fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let mut expression = Self::default();
        let mut around: Vec<String> = Vec::new();
        let mut opens = String::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.as_str() {
                "(" => around.insert(0, std::mem::take(&mut opens)),
                ")" => drop(around.remove(0)),
                word if AGGREGATIONS.contains(&word) => {
                    opens = word.to_owned();
                    if let Some(how) = tokens.get(at).filter(|how| ["by", "without"].contains(&how.as_str())) {
                        let labels = list(&tokens, &mut at);
                        opens = format!("{word} {how} ({})", labels.join(", "));
                        expression.labels.extend(labels);
                    }
                }
                word if MATCHINGS.contains(&word) => {
                    at -= 1;
                    expression.labels.extend(list(&tokens, &mut at));
                }
                word if WORDS.contains(&word) || !is_name(word) => {}
                word if tokens.get(at).is_some_and(|next| next == "(") => opens = word.to_owned(),
                word => {
                    let matchers =
                        tokens.get(at).and_then(|next| next.strip_prefix('{')).map(matchers).unwrap_or_default();
                    let around = around.iter().filter(|name| !name.is_empty()).cloned().collect();
                    expression.selectors.push(Selector { metric: word.to_owned(), matchers, around });
                }
            }
        }
        assert!(around.is_empty(), "parentheses do not match: {text}");
        expression
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// Labels in parentheses after the word at `at`; moves `at` past them.
fn list(tokens: &[String], at: &mut usize) -> Vec<String> {
    assert_eq!(tokens[*at + 1], "(", "a list of labels follows {}", tokens[*at]);
    let end = (*at..tokens.len()).find(|index| tokens[*index] == ")").expect("a list ends");
    let labels = tokens[*at + 2..end].iter().filter(|token| is_name(token)).cloned().collect();
    *at = end + 1;
    labels
}

/// Matchers within braces.
fn matchers(inside: &str) -> Vec<(String, Vec<String>)> {
    let mut matchers = Vec::new();
    let mut rest = inside.trim_end_matches('}');
    while let Some((label, after)) = rest.split_once('=') {
        let (values, after) =
            after.trim_start_matches('~').trim_start_matches('"').split_once('"').expect("a value ends with a quote");
        matchers.push((label.trim_matches([',', ' ', '!']).to_owned(), values.split('|').map(str::to_owned).collect()));
        rest = after;
    }
    matchers
}

/// Tokens: names with their colons, numbers, durations, braces with their content, ranges, and single other characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '{' => rest.find('}').expect("a brace is closed") + 1,
            '[' => rest.find(']').expect("a range is closed") + 1,
            '"' => panic!("a text outside of braces: {rest}"),
            _ if is_of_word(first) => rest.find(|next| !is_of_word(next)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        tokens.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    tokens
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || ['_', ':', '.'].contains(&character)
}

#[test]
fn selectors_are_found_with_their_functions() {
    let read = Expression::read(
        r#"sum by (job, a) (max without (instance) (increase(x_total{job="j",event=~"p|q"}[5m]))) / on (job) group_left () (y offset 1h) > 1e9 or time()"#,
    );
    let found: Vec<(&str, Vec<&str>)> = read
        .selectors
        .iter()
        .map(|selector| (selector.metric.as_str(), selector.around.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(found, [("x_total", vec!["increase", "max without (instance)", "sum by (job, a)"]), ("y", vec![])]);
    let expected = [("job", vec!["j"]), ("event", vec!["p", "q"])]
        .map(|(label, values)| (label.to_owned(), values.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    assert_eq!(read.selectors[0].matchers, expected);
    assert_eq!(read.labels, ["job", "a", "instance", "job"]);
}
