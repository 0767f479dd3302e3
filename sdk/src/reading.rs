//! Reads configurations and params into the author's types; every mistake with its place.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::{
    StepError,
    error::Problem,
    schema::{self, escaped},
};

/// Reads documents of one type. It has the type's schema, which takes a while to make.
pub(crate) struct Reader<T> {
    schema: Option<Value>,
    code: &'static str,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + JsonSchema> Reader<T> {
    /// Of errors with this code.
    pub(crate) fn new(code: &'static str) -> Self {
        Self { schema: schema::of::<T>(), code, kind: PhantomData }
    }

    pub(crate) fn read_bytes(&self, bytes: &[u8]) -> Result<T, StepError> {
        let document = serde_json::from_slice(bytes).map_err(|error| {
            self.invalid(vec![Problem {
                pointer: String::new(),
                message: format!("this is no JSON: {error}"),
            }])
        })?;
        self.read(document)
    }

    pub(crate) fn read(&self, document: Value) -> Result<T, StepError> {
        let Some(schema) = &self.schema else { return self.read_nothing(&document) };
        // Left out, it is a table in which everything is left out.
        let document = if document.is_null() { Value::Object(serde_json::Map::new()) } else { document };
        let mut problems = schema::unknown_keys(schema, &document);
        match serde_path_to_error::deserialize(document) {
            Ok(read) if problems.is_empty() => return Ok(read),
            Ok(_) => {}
            Err(error) => {
                let pointer = pointer(error.path());
                let message = error.inner().to_string();
                // What serde says of an unknown key is said already.
                let is_said = message.starts_with("unknown field") && !problems.is_empty();
                if !is_said {
                    problems.push(Problem { pointer, message });
                }
            }
        }
        Err(self.invalid(problems))
    }

    fn read_nothing(&self, document: &Value) -> Result<T, StepError> {
        let problems = match document {
            Value::Null => Vec::new(),
            Value::Object(members) => {
                let problem = |key: &String| Problem {
                    pointer: format!("/{}", escaped(key)),
                    message: format!("there is no key “{key}”: there is none here"),
                };
                members.keys().map(problem).collect()
            }
            _ => vec![Problem { pointer: String::new(), message: "nothing is expected here".to_owned() }],
        };
        if !problems.is_empty() {
            return Err(self.invalid(problems));
        }
        T::deserialize(Value::Null).map_err(|error| {
            self.invalid(vec![Problem { pointer: String::new(), message: error.to_string() }])
        })
    }

    fn invalid(&self, problems: Vec<Problem>) -> StepError {
        StepError::invalid(self.code, problems)
    }
}

fn pointer(path: &Path) -> String {
    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { variant } => format!("/{}", escaped(variant)),
        Segment::Unknown => String::new(),
    });
    segments.collect()
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
