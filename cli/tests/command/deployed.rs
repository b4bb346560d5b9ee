//! Commands on a deployed stack, which they find by its name. moto stands for the account.

use std::path::Path;
use std::process::Output;

use aws_sdk_cloudformation as cloudformation;
use moto::Moto;
use seed::{ApnsTestKey, TestAuthority, Validity};
use serde_json::json;

use crate::process::livepass;

const TYPE: &str = "pass.com.example.loyalty";
const TEAM: &str = "A1B2C3D4E5";

async fn config(moto: &Moto) -> aws::SdkConfig {
    aws::from_environment()
        .endpoint_url(moto.url())
        .region("us-east-1")
        .credentials_provider(cloudformation::config::Credentials::new(
            "local", "local", None, None, "test",
        ))
        .load()
        .await
}

/// The part of template.yaml that commands look at, under this stack's name.
async fn deploy(moto: &Moto, stack: &str) {
    let template = json!({
        "Parameters": {"MaxLinkDays": {"Type": "Number", "Default": "30"}},
        "Resources": {
            "Templates": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": format!("{stack}-templates")}},
            "Registry": {"Type": "AWS::DynamoDB::Table", "Properties": {
                "TableName": format!("{stack}-registry"),
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "PK", "AttributeType": "S"},
                    {"AttributeName": "SK", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "PK", "KeyType": "HASH"},
                    {"AttributeName": "SK", "KeyType": "RANGE"},
                ],
            }},
            "Passes": {"Type": "AWS::DynamoDB::Table", "Properties": {
                "TableName": format!("{stack}-passes"),
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "serialNumber", "AttributeType": "S"},
                    {"AttributeName": "passTypeIdentifier", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "serialNumber", "KeyType": "HASH"},
                    {"AttributeName": "passTypeIdentifier", "KeyType": "RANGE"},
                ],
            }},
            "PublishQueue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": format!("{stack}-publish")}},
            "SweepQueue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": format!("{stack}-sweep")}},
        },
        "Outputs": {
            "WebServiceUrl": {"Value": "https://passes.example.com"},
            "RegistryTable": {"Value": {"Ref": "Registry"}},
            "PassesTable": {"Value": {"Ref": "Passes"}},
            "PublishQueueUrl": {"Value": {"Ref": "PublishQueue"}},
            "SweepQueueUrl": {"Value": {"Ref": "SweepQueue"}},
            "TemplatesUrl": {"Value": format!("s3://{stack}-templates/templates")},
            "SecretsUrl": {"Value": format!("secretsmanager://{stack}")},
        },
    });
    cloudformation::Client::new(&config(moto).await)
        .create_stack()
        .stack_name(stack)
        .template_body(template.to_string())
        .send()
        .await
        .expect("the stack is there");
}

fn run(moto: &Moto, dir: &Path, line: &str) -> Output {
    livepass()
        .args(line.split_whitespace())
        .current_dir(dir)
        .env("AWS_ENDPOINT_URL", moto.url())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("livepass runs")
}

fn accepted(moto: &Moto, dir: &Path, line: &str) -> String {
    let output = run(moto, dir, line);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn secrets_templates_and_links_of_a_stack_are_found_by_its_name() {
    let Some(moto) = Moto::shared() else { return };
    deploy(&moto, "livepass-test").await;
    let files = tempfile::tempdir().unwrap();
    let identity = TestAuthority::create()
        .and_then(|apple| {
            apple.issue_pass_certificate(&TYPE.parse().unwrap(), &TEAM.parse().unwrap(), Validity::long())
        })
        .expect("an identity");
    std::fs::write(files.path().join("certificate.pem"), identity.certificate_chain_pem).unwrap();
    std::fs::write(files.path().join("key.pem"), identity.private_key_pem).unwrap();
    for (path, content) in seed::templates::loyalty() {
        let path = files.path().join("card").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let accepted = |line: &str| accepted(&moto, files.path(), line);

    for _ in 0..2 {
        accepted(&format!(
            "secret put pass-type --type {TYPE} --certificate certificate.pem --key key.pem --stack livepass-test"
        ));
    }
    let made = accepted("secret put keys --stack livepass-test");
    assert!(!made.contains("kept"), "{made}");
    let kept = accepted("secret put keys --stack livepass-test");
    assert!(kept.contains(", 1 in all; kept"), "{kept}");
    let first = accepted("template put card --id loyalty --stack livepass-test");
    assert!(
        first.contains("is published in stack livepass-test") && first.contains("(change 1)"),
        "{first}"
    );
    let again = accepted("template put card --id loyalty --stack livepass-test");
    assert!(again.contains("with these very files already"), "{again}");
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let written = aws_sdk_dynamodb::types::AttributeValue::M([("terms".to_owned(), text("1"))].into());
    aws_sdk_dynamodb::Client::new(&config(&moto).await)
        .put_item()
        .table_name("livepass-test-passes")
        .item("serialNumber", text("CARD-7"))
        .item("passTypeIdentifier", text(TYPE))
        .item("template", text("loyalty"))
        .item("fields", written)
        .send()
        .await
        .expect("written");
    let path = files.path().join("card/pass.json");
    let mut pass: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    pass["storeCard"]["backFields"] = json!([]);
    std::fs::write(path, pass.to_string()).unwrap();
    let refused = run(
        &moto,
        files.path(),
        "template put card --id loyalty --stack livepass-test",
    );
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success()
            && said.starts_with("error: 1 row writes `fields.terms`, which this template no longer has"),
        "{said}"
    );
    let second = accepted("template put card --id loyalty --yes --stack livepass-test");
    assert!(second.contains("(change 2)"), "{second}");
    let link = accepted(&format!("link --type {TYPE} --serial CARD-7 --stack livepass-test"));
    assert!(
        link.starts_with(&format!("https://passes.example.com/add/{TYPE}/CARD-7?e=")),
        "{link}"
    );
}

#[tokio::test]
async fn a_link_holds_for_as_long_as_the_stack_allows() {
    let Some(moto) = Moto::shared() else { return };
    deploy(&moto, "livepass-links").await;
    let files = tempfile::tempdir().unwrap();
    accepted(&moto, files.path(), "secret put keys --stack livepass-links");
    let link = |expires: &str| format!("link --type {TYPE} --serial CARD-7 --expires {expires} --stack livepass-links");
    accepted(&moto, files.path(), &link("30days"));
    let refused = run(&moto, files.path(), &link("31days"));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: --expires: a link holds for at least one second and, by the parameter MaxLinkDays of stack \
         livepass-links, at most 30 days\n"
    );
}

#[tokio::test]
async fn a_certificate_and_an_apns_key_of_different_teams_are_not_stored_by_mistake() {
    let Some(moto) = Moto::shared() else { return };
    deploy(&moto, "livepass-teams").await;
    let files = tempfile::tempdir().unwrap();
    let identity = TestAuthority::create()
        .and_then(|apple| {
            apple.issue_pass_certificate(&TYPE.parse().unwrap(), &TEAM.parse().unwrap(), Validity::long())
        })
        .expect("an identity");
    let apns = ApnsTestKey::generate(&TEAM.parse().unwrap()).expect("a key");
    std::fs::write(files.path().join("certificate.pem"), identity.certificate_chain_pem).unwrap();
    std::fs::write(files.path().join("key.pem"), identity.private_key_pem).unwrap();
    std::fs::write(files.path().join("AuthKey_ABC123DEFG.p8"), apns.private_key_pem).unwrap();
    let accepted = |line: &str| accepted(&moto, files.path(), line);
    let refused = |line: &str| {
        let output = run(&moto, files.path(), line);
        assert!(!output.status.success(), "{line}");
        String::from_utf8(output.stderr).expect("text")
    };
    let certificate = format!(
        "secret put pass-type --type {TYPE} --certificate certificate.pem --key key.pem --stack livepass-teams"
    );
    let key = |team: &str| format!("secret put apns --key AuthKey_ABC123DEFG.p8 --team {team} --stack livepass-teams");
    let different = format!("the certificate for {TYPE} is of team {TEAM}, and the APNs key of team ZZZZZZZZZZ: ");

    accepted(&certificate);
    accepted(&key(TEAM));
    let said = refused(&key("ZZZZZZZZZZ"));
    assert!(
        said.contains(&different) && said.contains("nothing is stored") && said.contains("--other-team"),
        "{said}"
    );
    // The one of the right team is still there.
    accepted(&certificate);
    let said = accepted(&format!("{} --other-team", key("ZZZZZZZZZZ")));
    assert!(said.contains(&different), "{said}");
    assert!(refused(&certificate).contains(&different));
    accepted(&format!("{certificate} --other-team"));
}

#[tokio::test]
async fn the_passes_of_a_stack_are_sent_to_its_queue() {
    let Some(moto) = Moto::shared() else { return };
    deploy(&moto, "livepass-many").await;
    let records = aws_sdk_dynamodb::Client::new(&config(&moto).await);
    for serial in 0..25 {
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        records
            .put_item()
            .table_name("livepass-many-passes")
            .item("serialNumber", text(&format!("CARD-{serial}")))
            .item("passTypeIdentifier", text(TYPE))
            .item("template", text("loyalty"))
            .send()
            .await
            .expect("written");
    }
    let files = tempfile::tempdir().unwrap();
    let said = accepted(
        &moto,
        files.path(),
        "publish --template loyalty --rate 1000 --format json --stack livepass-many",
    );
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["sent"], 25, "{said}");

    let queue = aws_sdk_sqs::Client::new(&config(&moto).await);
    let url = queue.get_queue_url().queue_name("livepass-many-publish").send().await;
    let url = url.expect("the queue is there").queue_url.expect("a URL");
    let mut serials = std::collections::BTreeSet::new();
    while serials.len() < 25 {
        let batch = queue
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .send()
            .await
            .expect("received");
        let messages = batch.messages.unwrap_or_default();
        assert!(!messages.is_empty(), "no more after {serials:?}");
        for message in messages {
            let body = message.body.expect("a body");
            match aws::queues::Message::parse(&body).expect("a message of livepass's") {
                aws::queues::Message::Publish(key) => {
                    assert!(key.hint.explicit);
                    serials.insert(key.key.serial.to_string());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_stack_that_is_not_there_or_not_ours_is_named() {
    let Some(moto) = Moto::shared() else { return };
    let files = tempfile::tempdir().unwrap();
    let output = run(&moto, files.path(), "link --stack elsewhere");
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        sentence.contains("stack elsewhere cannot be described; check name, region and credentials"),
        "{sentence}"
    );
}
