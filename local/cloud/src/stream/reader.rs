//! Reads the stream of one table from the engine, as Lambda's records.

use dynoxide::{
    Database, DynoxideError,
    actions::{
        describe_stream::DescribeStreamRequest,
        get_records::{GetRecordsRequest, Record as EngineRecord},
        get_shard_iterator::GetShardIteratorRequest,
        list_streams::ListStreamsRequest,
    },
    streams,
};
use serde_json::Value;

use crate::Error;

/// One record of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// 21 digits; later records have larger ones.
    pub sequence_number: String,
    /// Unix seconds.
    pub created_at: u64,
    /// As it stands in `Records[]` of an event.
    pub json: Value,
}

/// The most records that one `GetRecords` call returns.
const LARGEST_READ: usize = 1_000;

/// The stream of one table. It has one shard, which never closes.
#[derive(Clone)]
pub(super) struct StreamReader {
    database: Database,
    arn: String,
    shard: String,
}

impl StreamReader {
    pub fn open(database: Database, table: &str) -> Result<Self, Error> {
        let listed = database.list_streams(ListStreamsRequest {
            table_name: Some(table.to_owned()),
            ..Default::default()
        })?;
        let stream = listed.streams.into_iter().next().ok_or(Error::NoStream {
            table: table.to_owned(),
        })?;
        Ok(Self {
            database,
            arn: stream.stream_arn,
            shard: streams::shard_id(table),
        })
    }

    /// Names this stream for ever: a table that is created anew gets a new one.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// The oldest records after a position, at most `limit`.
    pub async fn after(&self, position: Option<String>, limit: usize) -> Result<Vec<Record>, DynoxideError> {
        self.off_the_runtime(move |reader| {
            let mut iterator = reader.iterator(position)?;
            let mut records = Vec::new();
            while records.len() < limit {
                let read = reader.database.get_records(GetRecordsRequest {
                    shard_iterator: iterator,
                    limit: Some(LARGEST_READ.min(limit - records.len())),
                })?;
                let found_none = read.records.is_empty();
                records.extend(read.records.into_iter().map(|record| reader.record(record)));
                match read.next_shard_iterator {
                    Some(next) if !found_none => iterator = next,
                    _ => break,
                }
            }
            Ok(records)
        })
        .await
    }

    /// The sequence number of the newest record.
    pub async fn last(&self) -> Result<Option<String>, DynoxideError> {
        self.off_the_runtime(|reader| {
            let described = reader.database.describe_stream(DescribeStreamRequest {
                stream_arn: reader.arn.clone(),
                ..Default::default()
            })?;
            let shards = described.stream_description.shards;
            Ok(shards
                .into_iter()
                .next()
                .and_then(|shard| shard.sequence_number_range.ending_sequence_number))
        })
        .await
    }

    /// A fresh iterator for every read, so that none can expire. A position that the engine does
    /// not take (AWS trims records after 24 h) is left for the oldest record that is there: what
    /// lay between is gone, and nothing that is there may be skipped.
    fn iterator(&self, position: Option<String>) -> Result<String, DynoxideError> {
        let request = |kind: &str, sequence_number| GetShardIteratorRequest {
            stream_arn: self.arn.clone(),
            shard_id: self.shard.clone(),
            shard_iterator_type: kind.to_owned(),
            sequence_number,
        };
        let oldest = || self.database.get_shard_iterator(request("TRIM_HORIZON", None));
        let answer = match position {
            None => oldest(),
            Some(position) => {
                match self
                    .database
                    .get_shard_iterator(request("AFTER_SEQUENCE_NUMBER", Some(position)))
                {
                    Err(DynoxideError::ValidationException(reason)) => {
                        tracing::warn!(reason, "position lost; reading from the oldest record");
                        oldest()
                    }
                    answer => answer,
                }
            }
        };
        answer.map(|answer| answer.shard_iterator.unwrap_or_default())
    }

    fn record(&self, record: EngineRecord) -> Record {
        let sequence_number = record.dynamodb.sequence_number.clone();
        // The engine counts whole seconds, as DynamoDB does.
        let created_at = record.dynamodb.approximate_creation_date_time as u64;
        let mut json = serde_json::to_value(record).unwrap_or_default();
        json["dynamodb"]["ApproximateCreationDateTime"] = created_at.into();
        json["eventSourceARN"] = self.arn.as_str().into();
        Record {
            sequence_number,
            created_at,
            json,
        }
    }

    /// The engine's calls block on SQLite.
    async fn off_the_runtime<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, DynoxideError> + Send + 'static,
    ) -> Result<T, DynoxideError> {
        let reader = self.clone();
        tokio::task::spawn_blocking(move || read(&reader))
            .await
            .unwrap_or_else(|failure| Err(DynoxideError::InternalServerError(failure.to_string())))
    }
}
