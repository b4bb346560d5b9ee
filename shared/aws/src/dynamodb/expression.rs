//! Attribute values and placeholders, written shortly.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Placeholders for attribute names: `#tag` for `tag` and so on, found in the expressions that
/// use them. `#k` is the serial, whose name is data.
pub(super) fn names(expressions: &[&str], serial: Option<&str>) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for expression in expressions {
        for part in expression.split('#').skip(1) {
            let end = part
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(part.len());
            let name = &part[..end];
            let attribute = match (name, serial) {
                ("k", Some(serial)) => serial,
                _ => name,
            };
            names.insert(format!("#{name}"), attribute.to_owned());
        }
    }
    names
}

/// Values by their placeholder without the colon.
pub(super) fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> HashMap<String, AttributeValue> {
    values
        .into_iter()
        .map(|(name, value)| (format!(":{name}"), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_placeholder_stands_for_its_attribute_and_k_for_the_serial() {
        let names = names(
            &["SET #tag = :t, #serials.#k = :m", "#serials.#k.#r < :rev"],
            Some("A.1"),
        );
        let expected = [("#tag", "tag"), ("#serials", "serials"), ("#k", "A.1"), ("#r", "r")];
        assert_eq!(names, expected.map(|(k, v)| (k.into(), v.into())).into());
    }
}
