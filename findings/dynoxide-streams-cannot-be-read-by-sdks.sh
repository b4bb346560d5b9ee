#!/usr/bin/env bash
# dynoxide-rs 3.2.0 (a Rust crate), the stream of a table with a short name, and botocore 1.43.127 (PyPI).
#
# Guess before: an engine that is held against AWS by a conformance suite names shards as AWS does, and
# an open shard has no last sequence number.
# Seen: the shard id ends in the table's name and has 17 characters before it, so for names of up to ten
# characters it is shorter than the 28 that the API's model demands, and SDKs refuse to ask for an
# iterator before anything is sent: the same program works for one table and not for the next. The shard
# has an EndingSequenceNumber, which says that it is closed, while records still come.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
unset CARGO_TARGET_DIR

cargo init --quiet --vcs none --name stream . 2>/dev/null
cargo add --quiet dynoxide-rs@=3.2.0 --no-default-features --features native-sqlite 2>/dev/null
cargo add --quiet serde_json@1 2>/dev/null
cat >src/main.rs <<'RUST'
use dynoxide::{Database, actions::describe_stream::DescribeStreamRequest};
use serde_json::{from_value, json};

fn main() {
    let database = Database::memory().unwrap();
    for table in ["Passes", "PassesOfAll"] {
        let created = database.create_table(from_value(json!({
            "TableName": table, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"},
        })).unwrap()).unwrap();
        let put = from_value(json!({"TableName": table, "Item": {"id": {"S": "1"}}})).unwrap();
        database.put_item(put).unwrap();
        let stream_arn = created.table_description.latest_stream_arn.unwrap();
        let request = DescribeStreamRequest { stream_arn, ..Default::default() };
        let shard = &database.describe_stream(request).unwrap().stream_description.shards[0];
        let closed = shard.sequence_number_range.ending_sequence_number.is_some();
        println!("{} closed={closed}", shard.shard_id);
    }
}
RUST
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check botocore==1.43.127
cat >probe.py <<'PYTHON'
import sys

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError, ParamValidationError
from botocore.session import Session

config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
# Nobody listens there: what comes so far was sent.
client = Session().create_client("dynamodbstreams", "us-east-1", endpoint_url="http://127.0.0.1:9", config=config)
for line in sys.stdin:
    shard, closed = line.split()
    try:
        client.get_shard_iterator(StreamArn="arn:aws:dynamodb:x:000000000000:table/t/stream/1", ShardId=shard, ShardIteratorType="LATEST")
    except (EndpointConnectionError, ParamValidationError) as error:
        print(shard, closed, "refused" if isinstance(error, ParamValidationError) else "sent")
PYTHON
seen=$(cargo run --quiet | venv/bin/python probe.py)
echo "$seen"
[[ "$seen" == "shardId-00000001-Passes closed=true refused
shardId-00000001-PassesOfAll closed=true sent" ]]
