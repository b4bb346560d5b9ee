//! The deployed template itself, as the local stack reads it.

use std::{collections::BTreeMap, time::Duration};

use cloud::{
    Error, Template,
    template::{ScheduleSettings, StreamSettings, Variable},
};
use dynoxide::{
    Database,
    actions::{describe_table::DescribeTableRequest, describe_time_to_live::DescribeTimeToLiveRequest},
};
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("../../../template.yaml");

fn template() -> Template {
    Template::parse(TEMPLATE).unwrap()
}

#[test]
fn every_function_is_there_with_its_time() {
    let template = template();
    let functions: BTreeMap<&str, (&str, u64)> = template
        .functions()
        .iter()
        .map(|function| {
            let seconds = function.timeout.as_secs();
            (function.binary.as_str(), (function.logical_id.as_str(), seconds))
        })
        .collect();
    assert_eq!(
        functions,
        BTreeMap::from([
            ("add-pass", ("AddPass", 10)),
            ("list-updated-passes", ("ListUpdatedPasses", 10)),
            ("log-messages", ("LogMessages", 10)),
            ("publish-changes", ("PublishChanges", 60)),
            ("publish-template", ("PublishTemplate", 60)),
            ("push-devices", ("PushDevices", 55)),
            ("register-device", ("RegisterDevice", 29)),
            ("send-pass", ("SendPass", 10)),
            ("unregister-device", ("UnregisterDevice", 10)),
        ])
    );
}

#[test]
fn every_call_of_wallet_has_its_route() {
    let template = template();
    let routes = template.routes();
    let mut routes: Vec<(&str, &str)> = routes
        .iter()
        .map(|route| (route.key.as_str(), route.function.as_str()))
        .collect();
    routes.sort_unstable();
    let registration = "/v1/devices/{device}/registrations/{passType}/{serial}";
    let list = "/v1/devices/{device}/registrations/{passType}";
    let pass = "/v1/passes/{passType}/{serial}";
    let mut expected = [
        (format!("POST {registration}"), "register-device"),
        (format!("DELETE {registration}"), "unregister-device"),
        (format!("ANY {registration}"), "register-device"),
        (format!("GET {list}"), "list-updated-passes"),
        (format!("ANY {list}"), "list-updated-passes"),
        (format!("GET {pass}"), "send-pass"),
        (format!("HEAD {pass}"), "send-pass"),
        (format!("ANY {pass}"), "send-pass"),
        ("POST /v1/log".to_owned(), "log-messages"),
        ("ANY /v1/log".to_owned(), "log-messages"),
        (format!("POST {pass}/passLifecycleUpdate"), "log-messages"),
        (format!("ANY {pass}/passLifecycleUpdate"), "log-messages"),
        ("GET /add/{passType}/{serial}".to_owned(), "add-pass"),
        ("HEAD /add/{passType}/{serial}".to_owned(), "add-pass"),
        ("ANY /add/{passType}/{serial}".to_owned(), "add-pass"),
    ];
    expected.sort_unstable();
    let expected: Vec<(&str, &str)> = expected
        .iter()
        .map(|(key, function)| (key.as_str(), *function))
        .collect();
    assert_eq!(routes, expected);
}

#[test]
fn every_function_gets_exactly_its_variables() {
    let template = template();
    let with = |variable: &str| -> Vec<&str> {
        let mut functions: Vec<&str> = template
            .functions()
            .iter()
            .filter(|function| function.environment.contains_key(variable))
            .map(|function| function.binary.as_str())
            .collect();
        functions.sort_unstable();
        functions
    };
    let publishers = ["add-pass", "publish-changes"];
    let renderers = ["add-pass", "publish-changes", "send-pass"];
    assert_eq!(with("PASSES_TABLE"), publishers);
    assert_eq!(with("WEB_SERVICE_URL"), publishers);
    assert_eq!(with("ASSETS_URL"), renderers);
    assert_eq!(
        with("TEMPLATES_URL"),
        ["add-pass", "publish-changes", "publish-template", "send-pass"]
    );
    assert_eq!(with("INCOMING_URL"), ["publish-template"]);
    assert_eq!(with("SWEEP_QUEUE_URL"), ["publish-changes", "publish-template"]);
    assert_eq!(
        with("SECRETS_URL"),
        ["add-pass", "publish-changes", "push-devices", "send-pass"]
    );
    for variable in ["APNS_URL", "APNS_ROOT_CERTIFICATE"] {
        assert_eq!(with(variable), ["publish-changes", "push-devices"], "{variable}");
    }
    for variable in ["PUBLISH_QUEUE_URL", "PUSH_QUEUE_URL", "HOLD_PUSHES"] {
        assert_eq!(with(variable), ["publish-changes", "push-devices"], "{variable}");
    }
    assert_eq!(with("PUSHES_PER_SECOND"), ["publish-changes", "push-devices"]);
    assert_eq!(with("UNREGISTER_STATUS"), ["unregister-device"]);
    assert_eq!(with("DELETIONS_PER_HOUR"), publishers);
    assert_eq!(with("MAX_LINK_DAYS"), ["add-pass"]);
    for variable in ["MAX_SERIALS_PER_DEVICE", "MAX_DEVICES_PER_PASS"] {
        assert_eq!(with(variable), ["register-device"], "{variable}");
    }
    assert_eq!(with("METRICS_NAMESPACE").len(), 9);
    assert_eq!(with("REGISTRY_TABLE").len(), 8);
    assert!(!with("REGISTRY_TABLE").contains(&"log-messages"));

    let names: std::collections::BTreeSet<&str> = template
        .functions()
        .iter()
        .flat_map(|function| function.environment.keys())
        .map(String::as_str)
        .collect();
    assert_eq!(names.len(), 20, "an unknown variable: {names:?}");
}

#[test]
fn variables_come_from_parameters_and_from_the_running_stack() {
    let template = template();
    let publish = template.function("publish-changes").unwrap();
    assert_eq!(
        publish.environment["APNS_URL"],
        Variable::Text("https://api.push.apple.com".into())
    );
    // The parameter is empty, so the condition chooses the API's own URL.
    assert_eq!(
        publish.environment["WEB_SERVICE_URL"],
        Variable::Resource {
            logical_id: "Api".into(),
            attribute: Some("ApiEndpoint".into())
        }
    );
    let stack = [
        ("Passes", "Passes-1"),
        ("Registry", "Registry-1"),
        ("TemplatesBucket", "templates-1"),
        ("AssetsBucket", "assets-1"),
        ("PublishQueue", "file:///queues/PublishQueue"),
        ("PushQueue", "file:///queues/PushQueue"),
        ("SweepQueue", "file:///queues/SweepQueue"),
        ("Api.ApiEndpoint", "http://127.0.0.1:8080"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = publish.resolve_environment(&stack.into()).unwrap();
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        environment,
        [
            ("APNS_ROOT_CERTIFICATE", ""),
            ("APNS_URL", "https://api.push.apple.com"),
            ("ASSETS_URL", "s3://assets-1"),
            ("DELETIONS_PER_HOUR", "1000"),
            ("HOLD_PUSHES", "false"),
            ("METRICS_NAMESPACE", "livepass"),
            ("PASSES_TABLE", "Passes-1"),
            ("PUBLISH_QUEUE_URL", "file:///queues/PublishQueue"),
            ("PUSHES_PER_SECOND", "500"),
            ("PUSH_QUEUE_URL", "file:///queues/PushQueue"),
            ("REGISTRY_TABLE", "Registry-1"),
            ("SECRETS_URL", "secretsmanager://livepass"),
            ("SWEEP_QUEUE_URL", "file:///queues/SweepQueue"),
            ("TEMPLATES_URL", "s3://templates-1/templates"),
            ("WEB_SERVICE_URL", "http://127.0.0.1:8080"),
        ]
    );
    assert_eq!(
        publish.resolve_environment(&BTreeMap::new()).unwrap_err().to_string(),
        "template, PublishChanges.Environment.Variables.ASSETS_URL: \
         nobody gave a value for `AssetsBucket`"
    );
}

#[test]
fn parameters_can_be_given_as_to_a_deployment() {
    let given = [
        ("WebServiceUrl", "https://passes.example.com"),
        ("UnregisterStatus", "204"),
        ("AWS::StackName", "loyalty"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let template = Template::parse_with(TEMPLATE, &given.into()).unwrap();
    let variable = |binary: &str, name: &str| template.function(binary).unwrap().environment[name].clone();
    for (binary, name, expected) in [
        ("add-pass", "WEB_SERVICE_URL", "https://passes.example.com"),
        ("unregister-device", "UNREGISTER_STATUS", "204"),
        ("register-device", "MAX_SERIALS_PER_DEVICE", "1000"),
        ("log-messages", "METRICS_NAMESPACE", "loyalty"),
    ] {
        assert_eq!(variable(binary, name), Variable::Text(expected.into()));
    }

    let misspelt = BTreeMap::from([("WebserviceUrl".to_owned(), String::new())]);
    assert!(matches!(
        Template::parse_with(TEMPLATE, &misspelt),
        Err(Error::Template { place, .. }) if place == "Parameters.WebserviceUrl"
    ));
}

#[test]
fn the_stream_is_bounded_by_age_and_keeps_what_it_gives_up() {
    let template = template();
    let streams: Vec<(&str, &StreamSettings)> = template
        .functions()
        .iter()
        .flat_map(|function| {
            let streams = function.streams.iter();
            streams.map(|stream| (function.binary.as_str(), stream))
        })
        .collect();
    assert_eq!(
        streams,
        [(
            "publish-changes",
            &StreamSettings {
                table: "Passes".into(),
                batch_size: 100,
                batching_window: Duration::ZERO,
                report_batch_item_failures: true,
                bisect_on_error: true,
                maximum_record_age: Some(Duration::from_secs(12 * 3600)),
                maximum_retry_attempts: None,
                keeps_failures: true,
            }
        )]
    );
}

#[test]
fn devices_are_pushed_every_minute() {
    let template = template();
    let schedules: Vec<(&str, &ScheduleSettings)> = template
        .functions()
        .iter()
        .flat_map(|function| {
            let schedules = function.schedules.iter();
            schedules.map(|schedule| (function.binary.as_str(), schedule))
        })
        .collect();
    assert_eq!(
        schedules,
        [(
            "push-devices",
            &ScheduleSettings {
                name: "EveryMinute".into(),
                every: Duration::from_secs(60),
                input: None,
            }
        )]
    );
}

#[test]
fn the_tables_can_be_created() {
    let database = Database::memory().unwrap();
    let template = template();
    for table in template.tables().values() {
        table.create_in(&database).unwrap();
        // A second start finds them.
        table.create_in(&database).unwrap();
    }
    let described = |table: &str| -> Value {
        let request = DescribeTableRequest {
            table_name: table.into(),
        };
        let described = database.describe_table(request).unwrap();
        serde_json::to_value(described).unwrap()["Table"].take()
    };
    let key = |hash: &str, range: &str| {
        json!([
            { "AttributeName": hash, "KeyType": "HASH" },
            { "AttributeName": range, "KeyType": "RANGE" }
        ])
    };
    let passes = described("Passes");
    assert_eq!(passes["KeySchema"], key("serialNumber", "passTypeIdentifier"));
    assert_eq!(
        passes["StreamSpecification"],
        json!({ "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" })
    );
    let registry = described("Registry");
    assert_eq!(registry["KeySchema"], key("PK", "SK"));
    assert_eq!(registry.get("StreamSpecification"), None);
    let index = &registry["GlobalSecondaryIndexes"][0];
    assert_eq!(index["IndexName"], "due");
    assert_eq!(index["KeySchema"], key("due_shard", "due_at"));
    assert_eq!(index["Projection"], json!({ "ProjectionType": "KEYS_ONLY" }));

    let expiry = database
        .describe_time_to_live(DescribeTimeToLiveRequest {
            table_name: "Registry".into(),
        })
        .unwrap();
    let expiry = serde_json::to_value(expiry).unwrap();
    assert_eq!(
        expiry["TimeToLiveDescription"],
        json!({ "AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED" })
    );
}

#[test]
fn the_other_form_of_event_sources_is_read_too() {
    let template = Template::parse(
        r#"
        Parameters:
          Size: { Type: Number, Default: 7 }
        Conditions:
          Never: !Equals [a, b]
          Always: !Not [!Condition Never]
        Resources:
          Table:
            Type: AWS::DynamoDB::Table
            Properties:
              TableName: !Sub "${AWS::StackName}-table"
              AttributeDefinitions: [{ AttributeName: k, AttributeType: S }]
              KeySchema: [{ AttributeName: k, KeyType: HASH }]
              StreamSpecification: { StreamViewType: NEW_IMAGE }
          Gone:
            Type: AWS::DynamoDB::Table
            Condition: Never
          Worker:
            Type: AWS::Serverless::Function
            Metadata: { BuildProperties: { Binary: worker } }
            Properties:
              Environment:
                Variables:
                  CHOSEN: !If [Always, "yes", "no"]
                  ABSENT: !If [Never, "x", !Ref AWS::NoValue]
                  URL: !Sub "https://${Table}.example.com/${Size}"
                  BOTH: !Sub "${Table}/${Worker}"
                  PART: !Select [1, !Split ["-", !Sub "a-${Size}-c"]]
                  LATER: !Select [0, !Split [":", !GetAtt Table.Arn]]
              Events:
                Api:
                  Type: HttpApi
                  Properties: { Method: get, Path: "/x/{y+}" }
                Changes:
                  Type: DynamoDB
                  Properties:
                    Stream: !GetAtt Table.StreamArn
                    StartingPosition: TRIM_HORIZON
                    BatchSize: !Ref Size
                    MaximumRetryAttempts: 2
                    MaximumBatchingWindowInSeconds: 1
                Hourly:
                  Type: ScheduleV2
                  Properties: { ScheduleExpression: rate(1 hour), Input: '{"a":1}' }
        "#,
    )
    .unwrap();

    assert_eq!(template.tables().len(), 1);
    assert_eq!(template.tables()["Table"].name, "livepass-table");
    let worker = template.function("worker").unwrap();
    assert_eq!(worker.timeout, Duration::from_secs(3));
    assert_eq!(worker.routes[0].key, "GET /x/{y+}");
    assert_eq!(
        worker.streams,
        [StreamSettings {
            table: "Table".into(),
            batch_size: 7,
            batching_window: Duration::from_secs(1),
            report_batch_item_failures: false,
            bisect_on_error: false,
            maximum_record_age: None,
            maximum_retry_attempts: Some(2),
            keeps_failures: false,
        }]
    );
    assert_eq!(worker.schedules[0].input, Some(json!({ "a": 1 })));
    assert_eq!(worker.environment["CHOSEN"], Variable::Text("yes".into()));
    assert_eq!(worker.environment.get("ABSENT"), None);
    assert_eq!(worker.environment["PART"], Variable::Text("7".into()));
    for (name, expected) in [
        ("URL", json!({ "Fn::Sub": "https://${Table}.example.com/7" })),
        ("BOTH", json!({ "Fn::Sub": "${Table}/${Worker}" })),
        (
            "LATER",
            json!({ "Fn::Select": [0, { "Fn::Split": [":", { "Fn::GetAtt": ["Table", "Arn"] }] }] }),
        ),
    ] {
        assert_eq!(worker.environment[name], Variable::Expression(expected));
    }
}

#[test]
fn what_cannot_be_run_is_named_with_its_place() {
    let function = |event: &str| {
        format!(
            "Resources: {{ F: {{ Type: AWS::Serverless::Function, \
             Metadata: {{ BuildProperties: {{ Binary: f }} }}, \
             Properties: {{ Events: {{ E: {event} }} }} }} }}"
        )
    };
    for (yaml, expected) in [
        (
            "Resources: { F: { Type: AWS::Serverless::Function } }".to_owned(),
            "template, F.Metadata.BuildProperties.Binary: a text is needed",
        ),
        (
            function("{ Type: SNS }"),
            "template, F.Events.E: event sources of type SNS cannot be run here",
        ),
        (
            function("{ Type: ScheduleV2, Properties: { ScheduleExpression: cron(0 8 * * ? *) } }"),
            "template, F.Events.E.ScheduleExpression: \
             only rate(..) can be run, not `cron(0 8 * * ? *)`",
        ),
        (
            function("{ Type: HttpApi, Properties: { Method: GET, Path: x } }"),
            "template, F.Events.E: `GET x` is no route key",
        ),
        (
            "Resources: { R: { Type: AWS::ApiGatewayV2::Route, Properties: \
             { RouteKey: GET /, Target: !Sub 'integrations/${None}' } } }"
                .to_owned(),
            "template, R: there is no integration `None`",
        ),
        (
            "Resources: { R: { Type: X, Properties: { P: !Select [2, !Split [\"/\", a/b]] } } }".to_owned(),
            "template, R: `{\"Fn::Select\":[2,{\"Fn::Split\":[\"/\",\"a/b\"]}]}` has no part 2",
        ),
        ("{}".to_owned(), "template, Resources: there are none"),
        ("a: [".to_owned(), "the template is not valid YAML"),
    ] {
        let error = Template::parse(&yaml).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_table_of_ones_own_leaves_the_stack_without_one() {
    let stream = "arn:aws:dynamodb:eu-central-1:123456789012:table/mine/stream/2026-01-01";
    let given = [
        ("ExistingPassesTable", "mine"),
        ("ExistingPassesTableStreamArn", stream),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    // One machine has no stream of another account; the table itself is found by its name.
    let refused = Template::parse_with(TEMPLATE, &given.into()).unwrap_err();
    assert!(matches!(refused, Error::Template { place, .. } if place == "PassesStream.Stream"));
}
