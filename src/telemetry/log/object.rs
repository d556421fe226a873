//! Fields that are JSON objects.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value};

/// JSON object as the value of a field: written as an object, not as text.
///
/// An object is an error, since `tracing` hands on the type of errors alone.
#[derive(Debug, Clone)]
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

impl JsonObject {
    /// Returns the object in the form that the macros of `tracing` take.
    pub(crate) fn as_field(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl Error for JsonObject {}

impl fmt::Display for JsonObject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        serde_json::to_string(&self.0).map_err(|_| fmt::Error).and_then(|text| out.write_str(&text))
    }
}
