//! What a list asks of the values that a task has: a function that its queries call for each task.
//!
//! What holds and what is found says the model; here its text of values is read, and no more of it than is asked for.

use std::{collections::HashMap, fmt, sync::Arc};

use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
};
use serde::{
    Deserializer as _,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use super::{super::StoreError, rows};
use crate::model::{FieldId, FieldValue, TaskList};

/// What it is called, and asked of: `is_asked_for(field_values, assigned_to)`.
pub(super) const CONDITION: &str = "is_asked_for(field_values, assigned_to)";
const FUNCTION: &str = "is_asked_for";

/// Whether a list asks for more than filters say.
pub(super) fn is_needed(list: &TaskList) -> bool {
    !list.tests.is_empty() || list.search.is_some()
}

/// Gives a connection the function of a list, in the place of another list's. What a query asks is part of it, so it is
/// not to be taken from the query's text.
pub(super) fn add(connection: &Connection, list: &Arc<TaskList>) -> Result<(), rusqlite::Error> {
    if !is_needed(list) {
        return Ok(());
    }
    let list = Arc::clone(list);
    let mut wanted: Vec<_> = list.tests.iter().map(|test| test.field.clone()).collect();
    wanted.extend(list.search.iter().flat_map(|search| search.fields().cloned()));
    wanted.sort();
    wanted.dedup();
    connection.create_scalar_function(FUNCTION, 2, FunctionFlags::SQLITE_UTF8, move |context| {
        passes(&list, &wanted, context).map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
    })
}

fn passes(list: &TaskList, wanted: &[FieldId], context: &Context<'_>) -> Result<bool, StoreError> {
    let json = context.get_raw(0).as_str().map_err(rows::corrupt)?;
    let assigned_to = context.get_raw(1).as_str_or_null().map_err(rows::corrupt)?;
    let is_found = match (&list.search, assigned_to) {
        (Some(search), Some(id)) if search.finds_person(id) => true,
        (Some(search), _) if !search.may_be_in(json) => return Ok(false),
        (search, _) => search.is_none(),
    };
    if is_found && list.tests.is_empty() {
        return Ok(true);
    }
    let values = values(json, wanted)?;
    let value = |id: &FieldId| values.get(id);
    let is_found = is_found || list.search.as_ref().is_some_and(|search| search.finds(value));
    Ok(is_found && list.tests.iter().all(|test| test.holds(value(&test.field).unwrap_or(&FieldValue::Empty))))
}

/// Some of the values that a text of them has.
fn values(json: &str, wanted: &[FieldId]) -> Result<HashMap<FieldId, FieldValue>, StoreError> {
    serde_json::Deserializer::from_str(json).deserialize_map(Wanted(wanted)).map_err(rows::corrupt)
}

struct Wanted<'a>(&'a [FieldId]);

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = HashMap<FieldId, FieldValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the values of a task")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = HashMap::with_capacity(self.0.len());
        while let Some(found) = map.next_key_seed(Id(self.0))? {
            match found {
                Some(id) => {
                    let value = rows::value_from_json(map.next_value::<Value>()?);
                    values.insert(id.clone(), value.map_err(serde::de::Error::custom)?);
                }
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(values)
    }
}

/// A key: which of the wanted ids it is.
struct Id<'a>(&'a [FieldId]);

impl<'a, 'de> DeserializeSeed<'de> for Id<'a> {
    type Value = Option<&'a FieldId>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Id<'a> {
    type Value = Option<&'a FieldId>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's id")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.binary_search_by(|id| id.as_str().cmp(key)).ok().map(|at| &self.0[at]))
    }
}
