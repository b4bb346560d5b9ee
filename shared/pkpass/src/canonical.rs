use serde_json::Value;

/// The canonical bytes of a JSON value: object keys sorted by their UTF-8 bytes at all depths,
/// no white space, UTF-8. Numbers keep the digits that they were parsed from (with serde_json's
/// `arbitrary_precision`; an exponent is written as `e+2` or `e-2`).
///
/// Two values that differ only in the order of their keys give the same bytes, so a manifest over
/// canonical bytes changes exactly when the content does.
///
/// ```
/// let value = serde_json::json!({"b": [1, 2.5], "a": {"d": null, "c": "é"}});
/// assert_eq!(
///     pkpass::canonical_json(&value),
///     r#"{"a":{"c":"é","d":null},"b":[1,2.5]}"#.as_bytes(),
/// );
/// ```
pub fn canonical_json(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    write(value, &mut bytes);
    bytes
}

// Sorted here and not left to the map: another crate in the build may switch serde_json's
// `preserve_order` on, and then a map keeps the order of insertion.
fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            bytes.push(b'{');
            for (position, (key, value)) in entries.into_iter().enumerate() {
                if position > 0 {
                    bytes.push(b',');
                }
                write_text(key, bytes);
                bytes.push(b':');
                write(value, bytes);
            }
            bytes.push(b'}');
        }
        Value::Array(items) => {
            bytes.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    bytes.push(b',');
                }
                write(item, bytes);
            }
            bytes.push(b']');
        }
        Value::String(text) => write_text(text, bytes),
        Value::Number(number) => bytes.extend_from_slice(number.to_string().as_bytes()),
        Value::Bool(true) => bytes.extend_from_slice(b"true"),
        Value::Bool(false) => bytes.extend_from_slice(b"false"),
        Value::Null => bytes.extend_from_slice(b"null"),
    }
}

/// Appends `text` as a JSON string.
pub(crate) fn write_text(text: &str, bytes: &mut Vec<u8>) {
    serde_json::to_writer(bytes, text).expect("a string in memory is always written to memory");
}
