//! What DynamoDB has in AWS alone: a sentence about each operation, where the engine has none.

/// Says what is missing and what to do instead.
pub(super) fn sentence(operation: &str) -> String {
    let (subject, instead) = subject(operation);
    format!("{operation}: the local DynamoDB has no {subject}. {instead}")
}

fn subject(operation: &str) -> (&'static str, &'static str) {
    const COPY: &str = "To keep its tables, stop it and copy its folder; to go back, put the copy in its place.";
    const IN_AWS: &str = "Try it on a table in AWS.";
    match operation {
        "DescribeContinuousBackups" | "UpdateContinuousBackups" | "RestoreTableToPointInTime" => {
            ("point-in-time recovery", COPY)
        }
        _ if operation.contains("Backup") => ("backups", COPY),
        _ if operation.ends_with("ResourcePolicy") => (
            "resource policies",
            "It listens on this machine alone, and asks nobody for a permission.",
        ),
        _ if operation.contains("Export") || operation.contains("Import") => (
            "exports and imports",
            "Read the table with Scan, write it with BatchWriteItem.",
        ),
        _ if operation.contains("GlobalTable") || operation.contains("Replica") => ("replicas", IN_AWS),
        _ if operation.contains("Kinesis") => (
            "Kinesis streams",
            "Read the table's own stream (ListStreams, DescribeStream, GetRecords).",
        ),
        _ if operation.contains("ContributorInsights") => ("contributor insights", IN_AWS),
        "DescribeLimits" => ("limits of an account", IN_AWS),
        "DescribeEndpoints" => (
            "endpoint discovery",
            "Give the SDK this endpoint's URL, and switch endpoint discovery off.",
        ),
        _ => ("such operation", IN_AWS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_is_missing_is_named_with_what_to_do() {
        for (operation, says) in [
            (
                "ListBackups",
                "no backups. To keep its tables, stop it and copy its folder",
            ),
            ("RestoreTableFromBackup", "no backups."),
            ("DescribeContinuousBackups", "no point-in-time recovery."),
            ("PutResourcePolicy", "no resource policies."),
            ("ExportTableToPointInTime", "no exports and imports."),
            ("DescribeEndpoints", "no endpoint discovery."),
            ("DescribeTableReplicaAutoScaling", "no replicas."),
            ("OfNextYear", "no such operation."),
        ] {
            let sentence = sentence(operation);
            assert!(sentence.starts_with(&format!("{operation}: ")), "{sentence}");
            assert!(sentence.contains(says), "{sentence}");
        }
    }
}
