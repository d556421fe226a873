//! Validator of the part of JSON Schema that `/openapi.json` uses. It knows every keyword there, or fails, and it takes no
//! property that the schema does not name.

use serde_json::Value;

/// Keywords that say nothing of a value.
const SILENT: [&str; 4] = ["description", "format", "default", "title"];

/// Document to which references refer.
pub(super) struct SchemaDocument<'a>(pub(super) &'a Value);

impl<'a> SchemaDocument<'a> {
    /// Returns the object behind a chain of references.
    pub(super) fn resolved(&self, mut value: &'a Value) -> &'a Value {
        while let Some(reference) = value["$ref"].as_str() {
            value = self.0.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} is nowhere"));
        }
        value
    }

    /// Returns what is wrong with a value at a place of an answer.
    pub(super) fn faults(&self, schema: &'a Value, value: &Value, place: &str) -> Vec<String> {
        let keywords = schema.as_object().unwrap_or_else(|| panic!("{schema} is no object"));
        let check = |(keyword, rule): (&String, &'a Value)| self.keyword(keyword, rule, value, place);
        let mut faults: Vec<String> = keywords.iter().flat_map(check).collect();
        if let (Some(properties), false) =
            (schema["properties"].as_object(), keywords.contains_key("additionalProperties"))
        {
            let names = value.as_object().into_iter().flat_map(|object| object.keys());
            let unknown = names.filter(|name| !properties.contains_key(*name));
            faults.extend(unknown.map(|name| format!("{place}/{name} is not described")));
        }
        faults
    }

    fn keyword(&self, keyword: &str, rule: &'a Value, value: &Value, place: &str) -> Vec<String> {
        let fault_unless = |is_valid: bool| {
            if is_valid { Vec::new() } else { vec![format!("{place}: {value} against {keyword} {rule}")] }
        };
        let entries = || rule.as_array().unwrap();
        match keyword {
            "$ref" => {
                let referred = self.0.pointer(&rule.as_str().unwrap()[1..]);
                self.faults(referred.unwrap_or_else(|| panic!("{rule} is nowhere")), value, place)
            }
            "type" => fault_unless(match rule {
                Value::Array(types) => types.iter().any(|one| is_of(one, value)),
                one => is_of(one, value),
            }),
            "enum" => fault_unless(entries().contains(value)),
            "const" => fault_unless(rule == value),
            "minimum" => fault_unless(value.as_f64().is_none_or(|value| value >= rule.as_f64().unwrap())),
            "maximum" => fault_unless(value.as_f64().is_none_or(|value| value <= rule.as_f64().unwrap())),
            "pattern" => fault_unless(value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text))),
            "anyOf" => fault_unless(entries().iter().any(|one| self.faults(one, value, place).is_empty())),
            "oneOf" => {
                fault_unless(entries().iter().filter(|one| self.faults(one, value, place).is_empty()).count() == 1)
            }
            "required" => fault_unless(
                value
                    .as_object()
                    .is_none_or(|object| entries().iter().all(|name| object.contains_key(name.as_str().unwrap()))),
            ),
            "items" => each(value.as_array().into_iter().flatten().enumerate(), |index, value| {
                self.faults(rule, value, &format!("{place}/{index}"))
            }),
            "properties" => each(value.as_object().into_iter().flatten(), |name, value| {
                rule.get(name).map_or_else(Vec::new, |rule| self.faults(rule, value, &format!("{place}/{name}")))
            }),
            "additionalProperties" if rule == &Value::Bool(true) => Vec::new(),
            // Only maps have it, which name no property.
            "additionalProperties" => each(value.as_object().into_iter().flatten(), |name, value| {
                self.faults(rule, value, &format!("{place}/{name}"))
            }),
            _ if SILENT.contains(&keyword) => Vec::new(),
            _ => panic!("the validator does not know {keyword}"),
        }
    }
}

fn each<'v, N>(
    entries: impl Iterator<Item = (N, &'v Value)>,
    faults: impl Fn(N, &'v Value) -> Vec<String>,
) -> Vec<String> {
    entries.flat_map(|(name, value)| faults(name, value)).collect()
}

fn is_of(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match pattern {
        "^[0-9a-f]{10}$" => text.len() == 10 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        r"^-?[0-9]+\.[0-9]{2}$" => {
            let (whole, part) = text.split_once('.').unwrap_or((text, ""));
            digits(whole.strip_prefix('-').unwrap_or(whole)) && part.len() == 2 && digits(part)
        }
        other => panic!("the validator does not know the pattern {other}"),
    }
}
