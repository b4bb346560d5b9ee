//! What outlives the stack, and how tables and buckets are kept.

use serde_json::{Value, json};

use crate::system::System;
use crate::{finds, holds};

fn tables() -> [(&'static str, Value); 3] {
    [
        ("/BillingMode", json!("PAY_PER_REQUEST")),
        (
            "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
            json!(true),
        ),
        ("/DeletionProtectionEnabled", json!({ "Ref": "DeletionProtection" })),
    ]
}

fn buckets() -> [(&'static str, Value); 5] {
    [
        ("/PublicAccessBlockConfiguration/BlockPublicAcls", json!(true)),
        ("/PublicAccessBlockConfiguration/BlockPublicPolicy", json!(true)),
        ("/PublicAccessBlockConfiguration/IgnorePublicAcls", json!(true)),
        ("/PublicAccessBlockConfiguration/RestrictPublicBuckets", json!(true)),
        (
            "/OwnershipControls/Rules/0/ObjectOwnership",
            json!("BucketOwnerEnforced"),
        ),
    ]
}

fn check(system: &System) -> Vec<String> {
    let mut faults = Vec::new();
    for (kind, wanted) in [
        ("AWS::DynamoDB::Table", tables().to_vec()),
        ("AWS::S3::Bucket", buckets().to_vec()),
    ] {
        for (id, resource) in system.of_type(kind) {
            for (policy, value) in [
                ("DeletionPolicy", "RetainExceptOnCreate"),
                ("UpdateReplacePolicy", "Retain"),
            ] {
                if resource[policy] != value {
                    faults.push(format!("{id} would go with its stack: {policy} must be {value}"));
                }
            }
            for (pointer, value) in &wanted {
                if resource["Properties"].pointer(pointer) != Some(value) {
                    faults.push(format!("{id}: {} must be {value}", &pointer[1..]));
                }
            }
        }
    }
    for (pointer, value) in [
        (
            "/Passes/Properties/StreamSpecification/StreamViewType",
            json!("KEYS_ONLY"),
        ),
        (
            "/Registry/Properties/TimeToLiveSpecification",
            json!({ "AttributeName": "expires_at", "Enabled": true }),
        ),
        (
            "/AssetsBucket/Properties/VersioningConfiguration/Status",
            json!("Enabled"),
        ),
    ] {
        if system.template["Resources"].pointer(pointer) != Some(&value) {
            faults.push(format!("{} must be {value}", &pointer[1..]));
        }
    }
    let rules = &system.properties("AssetsBucket")["LifecycleConfiguration"];
    if rules.to_string().contains("Noncurrent") {
        faults.push("AssetsBucket lets old versions expire, and revisions pin them".into());
    }
    faults
}

#[test]
fn what_must_not_be_lost_outlives_the_stack() {
    holds(check(&System::read()));
}

#[test]
fn what_is_taken_away_is_named() {
    let system = System::read();
    for (pointer, names) in [
        ("Registry/DeletionPolicy", ["Registry would go", "DeletionPolicy"]),
        (
            "AssetsBucket/UpdateReplacePolicy",
            ["AssetsBucket would go", "UpdateReplacePolicy"],
        ),
        (
            "Passes/Properties/PointInTimeRecoverySpecification",
            ["Passes", "PointInTimeRecoveryEnabled"],
        ),
        ("Passes/Properties/StreamSpecification", ["Passes/", "KEYS_ONLY"]),
        (
            "AssetsBucket/Properties/VersioningConfiguration",
            ["AssetsBucket", "Enabled"],
        ),
        (
            "UndeliveredChanges/Properties/PublicAccessBlockConfiguration",
            ["UndeliveredChanges", "BlockPublicAcls"],
        ),
    ] {
        finds(check, &system.without(&format!("/Resources/{pointer}")), &names);
    }
}
