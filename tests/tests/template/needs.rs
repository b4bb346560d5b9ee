//! What a function's code calls, as the permissions that it needs: the methods of ports that it
//! reaches, and the SDK calls that those methods make in the adapters.

use std::collections::BTreeSet;

use crate::source::{Bodies, calls, files};

/// SDK calls of the adapters and the action that each needs. A transaction needs those of its
/// parts, which are listed below.
pub const ACTIONS: [(&str, &str); 15] = [
    ("get_item", "dynamodb:GetItem"),
    ("batch_get_item", "dynamodb:BatchGetItem"),
    ("query", "dynamodb:Query"),
    ("scan", "dynamodb:Scan"),
    ("put_item", "dynamodb:PutItem"),
    ("update_item", "dynamodb:UpdateItem"),
    ("delete_item", "dynamodb:DeleteItem"),
    ("transact_write_items", ""),
    ("get_object", "s3:GetObject"),
    ("head_object", "s3:GetObject"),
    ("describe_table", "dynamodb:DescribeTable"),
    ("put_object", "s3:PutObject"),
    ("get_secret_value", "secretsmanager:GetSecretValue"),
    ("send_message_batch", "sqs:SendMessage"),
    ("clone", ""),
];

const PARTS: [(&str, &str); 4] = [
    ("Put::builder(", "dynamodb:PutItem"),
    ("Update::builder(", "dynamodb:UpdateItem"),
    ("Delete::builder(", "dynamodb:DeleteItem"),
    ("ConditionCheck::builder(", "dynamodb:ConditionCheckItem"),
];

/// Ports of the command: no function has them.
pub const OF_THE_COMMAND: [&str; 2] = ["count_field_use", "release_deletions"];

const REGISTRY: &str = "${Registry.Arn}";
const DUE_INDEX: &str = "${Registry.Arn}/index/due";
pub const PASSES: [&str; 2] = [
    "${Passes.Arn}",
    "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingPassesTable}",
];

/// What a call grants: action and resource, the latter as the stack's own and as a given one.
pub type Grants = BTreeSet<(String, String)>;

/// Which of two places the parameters choose.
#[derive(Clone, Copy)]
pub enum Place {
    Own = 1,
    Given = 2,
}

impl Place {
    pub fn of(self, own_and_given: [&str; 2]) -> &str {
        own_and_given[self as usize - 1]
    }
}

/// The methods of the ports, from their definitions.
fn port_methods() -> BTreeSet<String> {
    let texts: Vec<_> = files("shared/passes/src/ports").into_values().collect();
    let text = texts.join("\n");
    let traits = text.split("\npub trait ").skip(1);
    traits
        .filter_map(|one| one.split("\n}").next())
        .flat_map(|body| body.split("    fn ").skip(1))
        .map(|method| {
            method
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

/// SDK calls in a text: what follows a client.
pub fn sdk_calls(text: &str) -> BTreeSet<String> {
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    ["client.", "s3().await.", "secrets_manager().await.", "sqs().await."]
        .iter()
        .flat_map(|client| dense.split(client).skip(1))
        .filter_map(|rest| {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rest[name.len()..].starts_with('(').then_some(name)
        })
        .collect()
}

fn dynamodb_actions(text: &str) -> BTreeSet<&'static str> {
    let made = sdk_calls(text);
    let called = ACTIONS.iter().filter(|(call, _)| made.contains(*call));
    let parts = PARTS.iter().filter(|(part, _)| {
        text.match_indices(part)
            .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric()))
    });
    let actions = called.chain(parts).map(|(_, action)| *action);
    actions.filter(|action| !action.is_empty()).collect()
}

/// The port methods that each function reaches, and what its code says besides.
pub struct Code {
    adapters: Bodies,
    domain: Bodies,
    pub methods: BTreeSet<String>,
}

impl Code {
    pub fn read() -> Self {
        Self {
            adapters: Bodies::of("shared/aws/src/dynamodb"),
            domain: Bodies::of("shared/passes/src"),
            methods: port_methods(),
        }
    }

    /// Every method of a port that a function's code, or the domain's behind it, calls.
    pub fn methods_of(&self, binary: &str) -> BTreeSet<&str> {
        let own = files(&format!("functions/{binary}/src"))
            .into_values()
            .collect::<String>();
        let mut text = own.clone();
        for name in imported(&own) {
            text.push_str(&self.domain.reach(&name));
        }
        let used = self
            .methods
            .iter()
            .filter(|method| text.match_indices(&format!(".{method}(")).next().is_some());
        used.map(String::as_str).collect()
    }

    /// What a function must be granted.
    pub fn needs(&self, binary: &str, place: Place) -> Grants {
        let mut grants = Grants::new();
        let mut grant = |action: &str, resource: &str| {
            grants.insert((action.to_owned(), resource.to_owned()));
        };
        let templates = ["${TemplatesBucket}/templates", "${TemplatesUrl}"];
        let incoming = ["${TemplatesBucket}/incoming", "${IncomingUrl}"];
        let bucket = |own: &str, url: &str| match place {
            Place::Own => own.to_owned(),
            Place::Given => format!("${{{url}|bucket}}"),
        };
        let assets = ["${AssetsBucket}", "${AssetsUrl}"];
        let secret = |name: &str| {
            let prefix = place.of(["${AWS::StackName}", "${SecretsUrl}"]);
            format!(
                "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{prefix}/{name}-??????"
            )
        };
        let object = |place: &str| format!("arn:${{AWS::Partition}}:s3:::{place}/*");
        let list = |bucket: String| format!("arn:${{AWS::Partition}}:s3:::{bucket}");
        let mut read_secret = |names: &[&str]| {
            for name in names {
                grant("secretsmanager:GetSecretValue", &secret(name));
            }
        };
        let methods = self.methods_of(binary);
        for method in &methods {
            match *method {
                "certificate" => read_secret(&["pass-types/*/certificate.pem"]),
                "identity" => read_secret(&["pass-types/*/certificate.pem", "pass-types/*/key.pem"]),
                "token_keys" => read_secret(&["token-keys.json"]),
                "link_keys" => read_secret(&["link-keys.json"]),
                _ => {}
            }
        }
        let own = files(&format!("functions/{binary}/src"))
            .into_values()
            .collect::<String>();
        if own.contains("platform.apns(") {
            read_secret(&["apns.json"]);
        }
        for method in &methods {
            match *method {
                "template" => {
                    grant("s3:GetObject", &object(place.of(templates)));
                    grant("s3:ListBucket", &list(bucket("${TemplatesBucket}", "TemplatesUrl")));
                }
                "upload" | "upload_stamp" => {
                    grant("s3:GetObject", &object(place.of(incoming)));
                    grant("s3:ListBucket", &list(bucket("${TemplatesBucket}", "IncomingUrl")));
                }
                "store_template" => grant("s3:PutObject", &object(place.of(templates))),
                // A version is an id of S3's, or the ETag of an object that has none.
                "newest_asset" | "pinned_asset" => {
                    grant("s3:GetObject", &object(place.of(assets)));
                    grant("s3:ListBucket", &list(bucket("${AssetsBucket}", "AssetsUrl")));
                    if *method == "pinned_asset" {
                        grant("s3:GetObjectVersion", &object(place.of(assets)));
                    }
                }
                // A page goes through whichever queue the function was given; one that was given none
                // goes through all pages itself.
                "send_page" if !own.contains("platform.push_queue(") => {}
                "send_page" => grant("sqs:SendMessage", "${PushQueue.Arn}"),
                "send_keys" => grant("sqs:SendMessage", "${PublishQueue.Arn}"),
                "send_sweep" => grant("sqs:SendMessage", "${SweepQueue.Arn}"),
                method => {
                    let body = self.adapters.reach(method);
                    let resources: &[&str] = match method {
                        "record" | "raw_record_exists" | "find_records" => &[place.of(PASSES)],
                        "record_and_pointer" => &[place.of(PASSES), REGISTRY],
                        "due" => &[DUE_INDEX],
                        _ => &[REGISTRY],
                    };
                    for action in dynamodb_actions(&body) {
                        resources.iter().for_each(|resource| grant(action, resource));
                    }
                }
            }
        }
        grants
    }
}

/// Functions and types of the domain that a function's code names in its imports, as far as they
/// do something: a type stands for all of its methods.
fn imported(own: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in own.lines().filter(|line| line.trim_start().starts_with("use passes::")) {
        let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        names.extend(
            words
                .filter(|word| word.starts_with(char::is_lowercase))
                .map(str::to_owned),
        );
    }
    if own.contains("Publisher") {
        names.insert("publish".into());
    }
    if own.contains("breaker.conclude(") {
        names.insert("conclude".into());
    }
    if own.contains("Pages {") {
        names.insert("take_up".into());
    }
    if own.contains("Sweep {") {
        names.insert("sweep_page".into());
    }
    names.retain(|name| calls(own, name));
    names
}
