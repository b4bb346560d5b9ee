//! Records that were given up, in the form in which Lambda writes them to its S3 destination.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>

use std::{io, path::PathBuf};

use serde_json::{Value, json};

use super::{
    checkpoint::write_whole,
    reader::{Record, StreamReader},
};
use crate::{ACCOUNT, REGION, calendar, identifiers};

/// Why records were given up; the name is Lambda's `condition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    RecordAgeExceeded,
    RetryAttemptsExhausted,
}

pub(super) struct FailureFolder {
    folder: PathBuf,
    function_arn: String,
    reader: StreamReader,
}

impl FailureFolder {
    pub fn new(folder: PathBuf, function_name: &str, reader: StreamReader) -> Self {
        Self {
            folder,
            function_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name}"),
            reader,
        }
    }

    /// Keeps whole records in one file, named as in S3: `2026-11-21T20.18.11-{uuid}.json`.
    ///
    /// `error` is the failure of the last invocation, if there was one.
    pub fn keep(
        &self,
        records: &[Record],
        reason: Reason,
        invocations: u32,
        error: Option<&str>,
        now_ms: u64,
    ) -> io::Result<PathBuf> {
        let document = self.document(records, reason, invocations, error, now_ms);
        let stamp = calendar::rfc3339(now_ms / 1_000)
            .trim_end_matches('Z')
            .replace(':', ".");
        let path = self.folder.join(format!("{stamp}-{}.json", identifiers::uuid()));
        write_whole(&path, &serde_json::to_vec_pretty(&document)?)?;
        Ok(path)
    }

    fn document(
        &self,
        records: &[Record],
        reason: Reason,
        invocations: u32,
        error: Option<&str>,
        now_ms: u64,
    ) -> Value {
        let arrival = |record: Option<&Record>| record.map(|record| calendar::rfc3339(record.created_at));
        let (first, last) = (records.first(), records.last());
        let mut document = json!({
            "requestContext": {
                "requestId": identifiers::uuid(),
                "functionArn": self.function_arn,
                "condition": format!("{reason:?}"),
                "approximateInvokeCount": invocations,
            },
            "version": "1.0",
            "timestamp": calendar::rfc3339_millis(now_ms),
            "DDBStreamBatchInfo": {
                "shardId": self.reader.shard(),
                "startSequenceNumber": first.map(|record| &record.sequence_number),
                "endSequenceNumber": last.map(|record| &record.sequence_number),
                "approximateArrivalOfFirstRecord": arrival(first),
                "approximateArrivalOfLastRecord": arrival(last),
                "batchSize": records.len(),
                "streamArn": self.reader.arn(),
            },
            // The whole event, as a text: only the S3 destination has it.
            "payload": event(records).to_string(),
        });
        // Absent when the function was never invoked.
        if invocations > 0 {
            document["responseContext"] = json!({
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": error.map(|_| "Unhandled"),
            });
        }
        document
    }
}

/// The event that a function gets for these records.
pub(super) fn event(records: &[Record]) -> Value {
    let records: Vec<&Value> = records.iter().map(|record| &record.json).collect();
    json!({ "Records": records })
}
