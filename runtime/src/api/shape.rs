//! What a body's JSON must be before values are read from it: one object, in which no object has a key twice. Serde itself
//! would take a list for a struct, and the last of two values for a map.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// A key with which serde_json lets its own types through, and which no client of ours sends.
const RAW_VALUE_KEY: &str = "$serde_json::private::RawValue";

/// An object.
pub(super) struct Shape;

/// Any value.
struct Value;

struct ObjectVisitor;

struct ValueVisitor;

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)?;
        Ok(Self)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)?;
        Ok(Self)
    }
}

fn check_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    let mut keys = HashSet::new();
    while let Some(key) = object.next_key::<String>()? {
        if key == RAW_VALUE_KEY {
            return Err(A::Error::custom("a key that nobody knows"));
        }
        if !keys.insert(key) {
            return Err(A::Error::custom("the key is here a second time"));
        }
        object.next_value::<Value>()?;
    }
    Ok(())
}

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object: {\"key\": \"value\", …}")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        check_object(object)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<Value>()?.is_some() {}
        Ok(())
    }

    /// An object; or a number, which serde_json brings as one so that none of its digits is lost.
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        check_object(object)
    }
}
