//! What the environment's URLs choose.

use std::collections::BTreeMap;

use edge::{Environment, Platform};

fn environment(urls: [&str; 3]) -> Environment {
    let names = ["TEMPLATES_URL", "ASSETS_URL", "SECRETS_URL"];
    let variables = names.into_iter().zip(urls);
    Environment::from(BTreeMap::from_iter(
        variables.map(|(name, url)| (name.to_owned(), url.to_owned())),
    ))
}

#[tokio::test]
async fn buckets_and_folders_are_chosen_by_url() {
    let platform = Platform::connect().await;
    for urls in [
        ["file:///opt/t", "file:///opt/a", "file:///opt/s"],
        ["s3://bucket/templates", "s3://assets", "secretsmanager://livepass"],
        ["s3://bucket", "file:///opt/a", "file:///opt/s"],
    ] {
        let mut environment = environment(urls);
        platform.material(&mut environment);
        assert_eq!(environment.finish(), Ok(()), "{urls:?}");
    }
}

#[tokio::test]
async fn wrong_urls_are_reported_together_with_the_forms_allowed() {
    let mut environment = environment(["bucket", "s3://UPPER", "vault://x"]);
    Platform::connect().await.material(&mut environment);
    assert_eq!(
        environment.finish().unwrap_err().to_string(),
        "the function is not configured:\n  \
         TEMPLATES_URL: \"bucket\" names no place for files; write s3://bucket, s3://bucket/prefix or \
         file:///absolute/path\n  \
         ASSETS_URL: \"s3://UPPER\" names no place for files; write s3://bucket, s3://bucket/prefix or \
         file:///absolute/path\n  \
         SECRETS_URL: \"vault://x\" names no place for secrets; write secretsmanager://prefix or \
         file:///absolute/path"
    );
}

/// The faults of these variables once a function has read all of its own.
async fn faults(variables: &[(&str, &str)]) -> Option<String> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut environment = Environment::from(BTreeMap::from_iter(variables));
    let platform = Platform::connect().await;
    platform.publish_queue(&mut environment);
    platform.push_queue(&mut environment);
    platform.pace(&mut environment);
    platform.holds_pushes(&mut environment);
    environment.finish().err().map(|faults| faults.to_string())
}

#[tokio::test]
async fn queues_are_sqs_or_folders_and_pushes_have_a_pace() {
    let sqs = "https://sqs.eu-central-1.amazonaws.com/123456789012/queue";
    for (keys, pages) in [(sqs, sqs), ("file:///dir/keys", "file:///dir/pages")] {
        let queues = [("PUBLISH_QUEUE_URL", keys), ("PUSH_QUEUE_URL", pages)];
        assert_eq!(faults(&queues).await, None, "pace and hold have defaults");
        let all = [&queues[..], &[("PUSHES_PER_SECOND", "5"), ("HOLD_PUSHES", "true")]].concat();
        assert_eq!(faults(&all).await, None);
    }
}

#[tokio::test]
async fn a_queue_that_is_none_a_pace_without_a_share_and_half_a_hold_are_named() {
    let variables = [
        ("PUBLISH_QUEUE_URL", "PublishQueue"),
        ("PUSHES_PER_SECOND", "2"),
        ("HOLD_PUSHES", "yes"),
    ];
    assert_eq!(
        faults(&variables).await.unwrap(),
        "the function is not configured:\n  \
         PUBLISH_QUEUE_URL: \"PublishQueue\" names no queue; write \
         https://sqs.{region}.amazonaws.com/{account}/{name} or file:///absolute/path\n  \
         PUSH_QUEUE_URL: is missing\n  \
         PUSHES_PER_SECOND: must be a whole number of pushes a second, 5 or more\n  \
         HOLD_PUSHES: must be true or false"
    );
}
