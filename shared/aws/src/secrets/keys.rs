//! Named link and token keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passes::ports::{ReadLinkKeys, ReadTokenKeys, StoreError, StoreResult};
use passes::tokens::{KeyRing, NamedKey};
use serde::Deserialize;

use super::{ReadSecret, Secrets};

#[derive(Deserialize)]
struct KeysFile {
    current: String,
    keys: BTreeMap<String, String>,
}

/// Reads `{"current": name, "keys": {name: base64url of 32 bytes}}`. Errors never repeat a key.
pub fn parse_key_ring(json: &[u8]) -> Result<KeyRing, String> {
    let file: KeysFile = serde_json::from_slice(json)
        .map_err(|_| "must be {\"current\": name, \"keys\": {name: base64url of 32 bytes}}".to_owned())?;
    let mut current = None;
    let mut earlier = Vec::new();
    for (name, encoded) in file.keys {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!(
                "key name {name:?}: letters, digits, '.', '_' and '-' are allowed"
            ));
        }
        let bytes: [u8; NamedKey::BYTES] = URL_SAFE_NO_PAD
            .decode(encoded.trim_end_matches('='))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| format!("key `{name}` must be {} bytes in base64url", NamedKey::BYTES))?;
        let key = NamedKey::new(&name, &bytes);
        if name == file.current {
            current = Some(key);
        } else {
            earlier.push(key);
        }
    }
    let current = current.ok_or_else(|| format!("names `{}` as current, which is not among the keys", file.current))?;
    Ok(KeyRing::new(current, earlier))
}

impl<R: ReadSecret> Secrets<R> {
    async fn key_ring(&self, name: &str) -> StoreResult<Arc<KeyRing>> {
        const CALL: &str = "read-keys";
        let unreadable = |reason: String| StoreError::Unreadable {
            call: CALL,
            reason: format!("secret `{name}` {reason}"),
        };
        let read = async {
            let json = self.reader.secret(name).await?;
            let json = json.ok_or_else(|| unreadable("is missing".to_owned()))?;
            parse_key_ring(&json).map_err(unreadable)
        };
        self.key_rings.get_or_read(name, (self.clock)(), read).await
    }
}

impl<R: ReadSecret> ReadTokenKeys for Secrets<R> {
    async fn token_keys(&self) -> StoreResult<Arc<KeyRing>> {
        self.key_ring("token-keys.json").await
    }
}

impl<R: ReadSecret> ReadLinkKeys for Secrets<R> {
    async fn link_keys(&self) -> StoreResult<Arc<KeyRing>> {
        self.key_ring("link-keys.json").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_a_current_key_and_earlier_ones() {
        let a = URL_SAFE_NO_PAD.encode([1; 32]);
        let b = URL_SAFE_NO_PAD.encode([2; 32]);
        let ring = parse_key_ring(format!(r#"{{"current":"b","keys":{{"a":"{a}","b":"{b}"}}}}"#).as_bytes()).unwrap();
        assert_eq!(ring.current().name(), "b");
        assert!(ring.named("a").is_some() && ring.named("c").is_none());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        for (json, sentence) in [
            (
                "{}",
                "must be {\"current\": name, \"keys\": {name: base64url of 32 bytes}}",
            ),
            (
                r#"{"current":"a","keys":{"a":"c2hvcnQ"}}"#,
                "key `a` must be 32 bytes in base64url",
            ),
            (
                r#"{"current":"a","keys":{}}"#,
                "names `a` as current, which is not among the keys",
            ),
        ] {
            assert_eq!(parse_key_ring(json.as_bytes()).unwrap_err(), sentence);
        }
    }
}
