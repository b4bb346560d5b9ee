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
