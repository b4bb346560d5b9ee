//! Percent-encoding in paths and queries.

/// An escape that is none (`%zz`), or bytes that are no UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Decodes once; a plus sign is a plus sign.
pub(super) fn decode_path(text: &str) -> Result<String, Malformed> {
    decode(text, false)
}

/// Name-value pairs of a query in their order, decoded once; a plus sign is a space.
pub(super) fn query_pairs(query: &str) -> Result<Vec<(String, String)>, Malformed> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name, true)?, decode(value, true)?))
        })
        .collect()
}

fn decode(text: &str, plus_is_space: bool) -> Result<String, Malformed> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || hex_digit(bytes.next()?);
                let (high, low) = digit().zip(digit()).ok_or(Malformed)?;
                high << 4 | low
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_| Malformed)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_space_in_queries_only() {
        assert_eq!(decode_path("a+b%2Bc%20d").unwrap(), "a+b+c d");
        let pairs = query_pairs("tag=a+b%2Bc&empty=&bare&&%C3%BC=%25").unwrap();
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(pairs, [("tag", "a b+c"), ("empty", ""), ("bare", ""), ("ü", "%")]);
    }

    #[test]
    fn broken_escapes_are_refused() {
        for text in ["%", "%2", "%g0", "%ff", "a%C3"] {
            assert_eq!(decode_path(text), Err(Malformed), "{text}");
        }
    }
}
