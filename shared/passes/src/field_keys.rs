//! Which fields a template has: a row that names another one is refused.

use pkpass::pass_json::field_keys;
use serde_json::Value;

/// The keys of fields that one pass.json has in some style or group, and another one has in none.
pub fn taken_away(before: &Value, after: &Value) -> Vec<String> {
    let kept = field_keys(after);
    let gone = field_keys(before).into_iter().filter(|key| !kept.contains(key));
    gone.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_taken_away_once_no_group_of_any_style_has_it() {
        let before = json!({
            "generic": {
                "headerFields": [{"key": "a"}], "primaryFields": [{"key": "b"}], "secondaryFields": [{"key": "c"}],
                "auxiliaryFields": [{"key": "d"}], "backFields": [{"key": "e"}], "additionalInfoFields": [{"key": "f"}]
            },
            "posterGeneric": {"footerFields": [{"key": "g"}], "primaryFields": [{"key": "b"}]}
        });
        assert_eq!(taken_away(&before, &json!({})), ["a", "b", "c", "d", "e", "f", "g"]);
        assert!(taken_away(&json!({}), &before).is_empty());
        // One moved to another group, one to another style, one left in one of two.
        let after = json!({
            "generic": {"backFields": [{"key": "a"}, {"key": "c"}, {"key": "d"}, {"key": "e"}, {"key": "f"}]},
            "posterGeneric": {"headerFields": [{"key": "b"}, {"key": "g"}]}
        });
        assert!(taken_away(&before, &after).is_empty());
        for style in [
            "boardingPass",
            "coupon",
            "eventTicket",
            "generic",
            "storeCard",
            "posterGeneric",
        ] {
            let before = json!({style: {"primaryFields": [{"key": "a"}, {"key": "b"}]}});
            let after = json!({style: {"primaryFields": [{"key": "b"}]}});
            assert_eq!(taken_away(&before, &after), ["a"], "{style}");
        }
    }

    #[test]
    fn what_only_looks_like_a_field_is_none() {
        let before = json!({
            "userInfo": {"backFields": [{"key": "a"}]},
            "storeCard": {"backFields": [{"label": "B"}, {"key": 3}, "c"], "otherFields": [{"key": "d"}]}
        });
        assert!(taken_away(&before, &json!({})).is_empty());
    }
}
