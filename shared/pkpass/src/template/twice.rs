//! Keys that stand twice in one JSON object: some readers take the first, others the last.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The first key that stands twice in one object, if there is one. What is no JSON has none.
pub(super) fn key_that_stands_twice(json: &[u8]) -> Option<String> {
    const MARK: &str = "stands twice: ";
    let message = serde_json::from_slice::<Unique>(json).err()?.to_string();
    let (_, rest) = message.split_once(MARK)?;
    // serde_json adds where it is: ` at line 3 column 9`.
    Some(rest.rsplit_once(" at line ").map_or(rest, |(key, _)| key).to_owned())
}

struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Unique>()?;
            if let Some(key) = seen.replace(key) {
                return Err(A::Error::custom(format_args!("stands twice: {key}")));
            }
        }
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unique, A::Error> {
        while list.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E: Error>(self) -> Result<Unique, E> {
        Ok(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::key_that_stands_twice;

    #[test]
    fn a_key_twice_in_one_object_is_named_wherever_it_stands() {
        for (json, key) in [
            (r#"{"a": 1, "a": 2}"#, Some("a")),
            (
                r#"{"x": [{"generic": {}, "b": 1.5e3, "generic": null}]}"#,
                Some("generic"),
            ),
            (r#"{"a": {"a": "a"}, "b": [{"a": true}, {"a": -1}]}"#, None),
            (r#"{"n": 12345678901234567890.5, "m": 1}"#, None),
            ("{", None),
        ] {
            assert_eq!(key_that_stands_twice(json.as_bytes()).as_deref(), key, "{json}");
        }
    }
}
