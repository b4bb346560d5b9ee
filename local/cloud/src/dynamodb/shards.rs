//! The shard of a stream. The engine names it `shardId-00000001-{table}`; the API's model has 28 to
//! 65 characters, and SDKs refuse a shorter one before they send it.

use serde_json::Value;

/// Shortest shard id of the API's model.
const SHORTEST: usize = 28;

const OF_ENGINE: &str = "shardId-00000001-";

/// The same number with 20 digits, as DynamoDB writes it.
const WIDE: &str = "shardId-00000000000000000001-";

/// Puts right what DescribeStream answers.
pub(super) fn widen(answer: &mut Value) {
    let shards = answer.pointer_mut("/StreamDescription/Shards");
    for shard in shards.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::String(id)) = shard.get_mut("ShardId")
            && id.len() < SHORTEST
            && let Some(table) = id.strip_prefix(OF_ENGINE)
        {
            *id = format!("{WIDE}{table}");
        }
        // A last number says that a shard is closed, and readers leave it then. This one never is.
        if let Some(range) = shard.get_mut("SequenceNumberRange").and_then(Value::as_object_mut) {
            range.remove("EndingSequenceNumber");
        }
    }
}

/// Puts the engine's shard id where a request has the wide one.
pub(super) fn narrow(request: &mut Value) {
    for member in ["ShardId", "ExclusiveStartShardId"] {
        if let Some(Value::String(id)) = request.get_mut(member)
            && let Some(table) = id.strip_prefix(WIDE)
        {
            *id = format!("{OF_ENGINE}{table}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn widened(id: &str) -> String {
        let mut answer = json!({"StreamDescription": {"Shards": [{"ShardId": id}]}});
        widen(&mut answer);
        answer["StreamDescription"]["Shards"][0]["ShardId"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_shard_id_has_at_least_28_characters_and_leads_back_to_the_engines() {
        for table in [
            "abc",
            "Passes",
            "Registry",
            "TenLetters",
            "ElevenChars",
            "livepass-dev-Passes",
        ] {
            let id = format!("shardId-00000001-{table}");
            let wide = widened(&id);
            assert!((28..=65).contains(&wide.len()), "{wide}");
            let mut request = json!({"ShardId": wide});
            narrow(&mut request);
            assert_eq!(request, json!({"ShardId": id}));
        }
    }

    #[test]
    fn a_shard_id_that_is_long_enough_stays() {
        assert_eq!(widened("shardId-00000001-ElevenChars"), "shardId-00000001-ElevenChars");
    }

    #[test]
    fn the_shard_that_is_written_to_has_no_last_sequence_number() {
        let range = json!({"StartingSequenceNumber": "1", "EndingSequenceNumber": "2"});
        let mut answer = json!({"StreamDescription": {"Shards": [{"SequenceNumberRange": range}]}});
        widen(&mut answer);
        let shard = &answer["StreamDescription"]["Shards"][0];
        assert_eq!(shard["SequenceNumberRange"], json!({"StartingSequenceNumber": "1"}));
    }
}
