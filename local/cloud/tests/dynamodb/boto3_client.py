"""What a backend does with boto3, against the endpoint that is given. Fails at the first difference."""

import sys
from decimal import Decimal

import boto3
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
client = boto3.client("dynamodb", endpoint_url=endpoint)
streams = boto3.client("dynamodbstreams", endpoint_url=endpoint)
dynamodb = boto3.resource("dynamodb", endpoint_url=endpoint)

assert client.list_tables()["TableNames"] == ["Passes", "Registry"]

# By its name, and by each ARN that a backend may have: the engine's own and that of a table in AWS.
described = client.describe_table(TableName="Passes")["Table"]
names = ["Passes", described["TableArn"], "arn:aws:dynamodb:eu-central-1:123456789012:table/Passes"]
for number, name in enumerate(names):
    key = {"serialNumber": f"S-{number}", "passTypeIdentifier": "pass.com.example.loyalty"}
    table = dynamodb.Table(name)
    table.put_item(Item={**key, "template": "loyalty", "fields": {"balance": 1}})
    table.update_item(
        Key=key,
        UpdateExpression="SET #fields.balance = :balance",
        ExpressionAttributeNames={"#fields": "fields"},
        ExpressionAttributeValues={":balance": Decimal("42.5")},
    )
    assert table.get_item(Key=key)["Item"]["fields"] == {"balance": Decimal("42.5")}
    batch = dynamodb.batch_get_item(RequestItems={name: {"Keys": [key]}})
    assert [row["serialNumber"] for row in batch["Responses"][name]] == [f"S-{number}"]
    client.transact_write_items(
        TransactItems=[
            {
                "Update": {
                    "TableName": name,
                    "Key": {attribute: {"S": value} for attribute, value in key.items()},
                    "UpdateExpression": "SET template = :template",
                    "ExpressionAttributeValues": {":template": {"S": "member"}},
                }
            }
        ]
    )
    assert table.get_item(Key=key)["Item"]["template"] == "member"

# The stream, as far as it goes, and on from there.
stream = streams.list_streams(TableName="Passes")["Streams"][0]["StreamArn"]
assert stream == described["LatestStreamArn"]
shards = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
assert len(shards) == 1
shard = shards[0]["ShardId"]
# A shard with a last number is one that is written to no more.
assert "EndingSequenceNumber" not in shards[0]["SequenceNumberRange"]


def read(**start):
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, **start)["ShardIterator"]
    answer = streams.get_records(ShardIterator=iterator)
    assert answer["NextShardIterator"]
    return answer["Records"]


records = read(ShardIteratorType="TRIM_HORIZON")
assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "MODIFY"] * len(names)
assert records[0]["dynamodb"]["Keys"]["serialNumber"] == {"S": "S-0"}
assert read(ShardIteratorType="LATEST") == []
first = records[0]["dynamodb"]["SequenceNumber"]
assert read(ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=first) == records[1:]
# One who has read this shard, and asks for others, goes on with it.
streams.describe_stream(StreamArn=stream, ExclusiveStartShardId=shard)

# What is in AWS alone says so.
missing = {
    "backups": lambda: client.list_backups(),
    "point-in-time recovery": lambda: client.describe_continuous_backups(TableName="Passes"),
    "resource policies": lambda: client.get_resource_policy(ResourceArn=described["TableArn"]),
}
for subject, call in missing.items():
    try:
        call()
        raise AssertionError(f"{subject}: was answered")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "UnknownOperationException", error
        message = error.response["Error"]["Message"]
        assert f"the local DynamoDB has no {subject}. " in message, message
