//! Routes of the template = functions = paths and methods of openapi.yaml = what handlers accept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::system::{System, read, target};
use crate::{finds, holds};

/// Path -> method -> binary.
type Routes<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>;

fn of_template<'a>(system: &'a System, faults: &mut Vec<String>) -> Routes<'a> {
    let mut routes = Routes::new();
    for (id, route) in system.of_type("AWS::ApiGatewayV2::Route") {
        let properties = &route["Properties"];
        let key = properties["RouteKey"].as_str().unwrap_or_default();
        let Some((method, path)) = key.split_once(' ') else {
            faults.push(format!("{id}: `{key}` is no route key"));
            continue;
        };
        let integration = properties["Target"]["Fn::Sub"]
            .as_str()
            .and_then(|text| text.strip_prefix("integrations/${")?.strip_suffix('}'))
            .unwrap_or_default();
        let function = target(&system.properties(integration)["IntegrationUri"]).unwrap_or_default();
        let Some(binary) = system.binary_of(function) else {
            faults.push(format!("{id}: `{key}` leads to no function"));
            continue;
        };
        let allowed = system.of_type("AWS::Lambda::Permission").any(|(_, permission)| {
            let properties = &permission["Properties"];
            target(&properties["FunctionName"]) == Some(function)
                && properties["Principal"] == "apigateway.amazonaws.com"
        });
        if !allowed {
            faults.push(format!("`{key}`: API Gateway may not invoke {function}"));
        }
        routes.entry(path).or_default().insert(method, binary);
    }
    routes
}

fn of_openapi(openapi: &Value) -> BTreeMap<&str, BTreeSet<String>> {
    let paths = openapi["paths"].as_object().expect("paths");
    paths
        .iter()
        .map(|(path, item)| {
            let methods = item.as_object().into_iter().flat_map(|item| item.keys());
            let methods = methods.filter(|key| *key != "parameters").map(|key| key.to_uppercase());
            (path.as_str(), methods.collect())
        })
        .collect()
}

/// What a handler answers with 405, e.g. `GET, HEAD`.
fn allowed_by(binary: &str) -> Option<BTreeSet<String>> {
    let source = read(&format!("functions/{binary}/src/lib.rs"));
    let (_, rest) = source.split_once("method_not_allowed(\"")?;
    let (list, _) = rest.split_once('"')?;
    Some(list.split(", ").map(str::to_owned).collect())
}

fn check(system: &System) -> Vec<String> {
    let mut faults = Vec::new();
    let routes = of_template(system, &mut faults);
    let documented = of_openapi(&system.openapi);
    let functions = system.functions();
    for folder in System::folders() {
        if !functions.contains_key(folder.as_str()) {
            faults.push(format!("functions/{folder} is deployed by no function"));
        }
    }
    for (binary, id) in &functions {
        if !System::folders().contains(*binary) {
            faults.push(format!("{id} runs `{binary}`, which is no folder of functions/"));
        }
        let answers_http = read(&format!("functions/{binary}/src/main.rs")).contains("http::serve");
        let routed = routes.values().any(|methods| methods.values().any(|to| to == binary));
        if answers_http != routed {
            faults.push(format!(
                "{id} answers HTTP: {answers_http}; a route leads to it: {routed}"
            ));
        }
    }
    let paths: BTreeSet<&str> = routes.keys().chain(documented.keys()).copied().collect();
    for path in paths {
        let empty = BTreeMap::new();
        let methods = routes.get(path).unwrap_or(&empty);
        let own: BTreeSet<String> = methods
            .keys()
            .filter(|method| **method != "ANY")
            .map(|method| (*method).to_owned())
            .collect();
        let written = documented.get(path).cloned().unwrap_or_default();
        for method in own.difference(&written) {
            faults.push(format!("`{method} {path}` is a route, and not in openapi.yaml"));
        }
        for method in written.difference(&own) {
            faults.push(format!("`{method} {path}` is in openapi.yaml, and no route"));
        }
        if !methods.contains_key("ANY") {
            faults.push(format!(
                "`ANY {path}` is no route: other methods would be answered 404 and not 405 with Allow"
            ));
        }
        for (method, binary) in methods {
            match allowed_by(binary) {
                Some(allowed) if allowed == own => {}
                allowed => faults.push(format!(
                    "`{method} {path}` leads to {binary}, which names {allowed:?} in Allow; the path's routes are {own:?}"
                )),
            }
        }
    }
    // The routes that ask for no token are limited one by one.
    for (path, item) in system.openapi["paths"].as_object().expect("paths") {
        for (method, call) in item.as_object().expect("a path") {
            let key = format!("{} {path}", method.to_uppercase());
            if method == "parameters" || call["security"] != json!([]) {
                continue;
            }
            let limits = &system.properties("ApiStage")["RouteSettings"][&key];
            for limit in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
                if limits[limit].is_null() {
                    faults.push(format!("`{key}` is open to anybody and has no {limit}"));
                }
            }
        }
    }
    faults
}

#[test]
fn routes_functions_handlers_and_openapi_agree() {
    holds(check(&System::read()));
}

#[test]
fn a_route_that_is_missing_is_named() {
    let system = System::read();
    for (route, names) in [
        (
            "ListUpdatedPassesRoute",
            ["GET /v1/devices/{device}/registrations/{passType}`", "no route"],
        ),
        ("SendPassHeadRoute", ["HEAD /v1/passes/{passType}/{serial}", "no route"]),
        ("AddPassAnyRoute", ["ANY /add/{passType}/{serial}", "405"]),
        (
            "SendPassPermission",
            ["/v1/passes/{passType}/{serial}", "may not invoke SendPass"],
        ),
        ("PushDevices", ["functions/push-devices", "deployed by no function"]),
    ] {
        finds(check, &system.without(&format!("/Resources/{route}")), &names);
    }
}

#[test]
fn a_route_to_the_wrong_function_is_named() {
    let wrong = json!({ "Fn::Sub": "integrations/${SendPassIntegration}" });
    let system = System::read().with("/Resources/UnregisterDeviceRoute/Properties/Target", wrong);
    finds(check, &system, &["DELETE /v1/devices", "send-pass", "Allow"]);
}

#[test]
fn an_open_route_without_a_limit_is_named() {
    let limit = "/Resources/ApiStage/Properties/RouteSettings/POST ~1v1~1log/ThrottlingBurstLimit";
    finds(
        check,
        &System::read().without(limit),
        &["POST /v1/log", "ThrottlingBurstLimit"],
    );
}
