//! Parameters: described, with defaults that deploy, each in one group; and the rules for
//! combinations of them, decided as CloudFormation does before it begins.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::system::{System, intrinsic, read};
use crate::{finds, holds};

fn check(system: &System) -> Vec<String> {
    let mut faults = Vec::new();
    let template = &system.template;
    let groups = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let grouped = groups.as_array().into_iter().flatten();
    let grouped = grouped.flat_map(|group| group["Parameters"].as_array().into_iter().flatten());
    let grouped: Vec<&str> = grouped.filter_map(Value::as_str).collect();
    for (name, parameter) in template["Parameters"].as_object().expect("Parameters") {
        for wanted in ["Description", "Default"] {
            if parameter[wanted].is_null() {
                faults.push(format!("{name} has no {wanted}"));
            }
        }
        let bounds = ["AllowedPattern", "AllowedValues", "MinValue"];
        if bounds.iter().all(|bound| parameter[bound].is_null()) {
            faults.push(format!("{name} takes anything: it needs a pattern, values or bounds"));
        }
        if parameter["ConstraintDescription"].is_null() {
            faults.push(format!(
                "{name} has no ConstraintDescription: a refusal would show a bare pattern"
            ));
        }
        let times = grouped.iter().filter(|grouped| *grouped == name).count();
        if times != 1 {
            faults.push(format!("{name} stands in {times} groups of the console"));
        }
        let used = ["Rules", "Conditions", "Globals", "Resources"].iter().any(|section| {
            let text = template[section].to_string();
            text.contains(&format!("{{\"Ref\":\"{name}\"}}")) || text.contains(&format!("${{{name}}}"))
        });
        if !used {
            faults.push(format!("{name} decides nothing"));
        }
    }
    faults
}

/// The rules that these values break.
fn broken_rules<'a>(system: &'a System, given: &[(&str, &str)]) -> BTreeSet<&'a str> {
    let parameters = system.template["Parameters"].as_object().expect("Parameters");
    let defaults = parameters.iter().map(|(name, parameter)| {
        let default = &parameter["Default"];
        (
            name.as_str(),
            default.as_str().map_or_else(|| default.to_string(), str::to_owned),
        )
    });
    let mut values: BTreeMap<&str, String> = defaults.collect();
    for (name, value) in given {
        assert!(
            values.insert(name, (*value).to_owned()).is_some(),
            "no parameter {name}"
        );
    }
    let rules = system.template["Rules"].as_object().expect("Rules").iter();
    let broken = rules.filter(|(_, rule)| {
        let applies = rule["RuleCondition"].is_null() || decide(&rule["RuleCondition"], &values);
        let assertions = rule["Assertions"].as_array().expect("Assertions");
        applies && !assertions.iter().all(|assertion| decide(&assertion["Assert"], &values))
    });
    broken.map(|(name, _)| name.as_str()).collect()
}

fn decide(expression: &Value, values: &BTreeMap<&str, String>) -> bool {
    let text = |value: &Value| match intrinsic(value) {
        Some(("Ref", name)) => values[name.as_str().expect("a name")].clone(),
        _ => value.as_str().expect("a text").to_owned(),
    };
    match intrinsic(expression).expect("a condition") {
        ("Fn::Equals", sides) => text(&sides[0]) == text(&sides[1]),
        ("Fn::Not", inner) => !decide(&inner[0], values),
        ("Fn::And", all) => all.as_array().expect("a list").iter().all(|one| decide(one, values)),
        ("Fn::Or", any) => any.as_array().expect("a list").iter().any(|one| decide(one, values)),
        (other, _) => panic!("rules cannot have {other}"),
    }
}

#[test]
fn every_parameter_is_described_bounded_and_grouped() {
    holds(check(&System::read()));
}

#[test]
fn what_a_parameter_lacks_is_named() {
    let system = System::read();
    for (pointer, names) in [
        ("/Parameters/Stage/Default", ["Stage", "Default"]),
        ("/Parameters/KmsKeyArn/AllowedPattern", ["KmsKeyArn", "takes anything"]),
        (
            "/Metadata/AWS::CloudFormation::Interface/ParameterGroups/0",
            ["DomainName", "0 groups"],
        ),
    ] {
        finds(check, &system.without(pointer), &names);
    }
}

#[test]
fn combinations_that_cannot_work_are_refused() {
    let system = System::read();
    let domain = [
        ("DomainName", "passes.example.com"),
        ("CertificateArn", "arn"),
        ("HostedZoneId", "Z1"),
    ];
    let front = ("WebServiceUrl", "https://passes.example.com");
    let table = [("ExistingPassesTable", "mine"), ("ExistingPassesTableStreamArn", "arn")];
    for (given, refused) in [
        (vec![], vec![]),
        (vec![("Stage", "prod")], vec!["OwnHostOutsideDev"]),
        (vec![("Stage", "prod"), front], vec![]),
        ([vec![("Stage", "prod")], domain.to_vec()].concat(), vec![]),
        (vec![("Stage", "prod"), domain[0]], vec!["DomainIsWhole"]),
        (vec![domain[1]], vec!["DomainIsWhole"]),
        (vec![domain[0], domain[1]], vec!["DomainIsWhole"]),
        (vec![table[0]], vec!["ExistingTableWithItsStream"]),
        (vec![table[1]], vec!["ExistingTableWithItsStream"]),
        (table.to_vec(), vec![]),
    ] {
        assert_eq!(broken_rules(&system, &given), BTreeSet::from_iter(refused), "{given:?}");
    }
}

/// Also those that are written as examples.
/// What the command holds a link to where no stack says otherwise.
#[test]
fn links_hold_for_as_long_by_the_template_as_by_the_code() {
    let system = System::read();
    let default = &system.template["Parameters"]["MaxLinkDays"]["Default"];
    assert_eq!(*default, passes::link::MAX_LINK_DAYS);
}

#[test]
fn samconfig_names_parameters_that_exist() {
    let system = System::read();
    let samconfig = read("samconfig.toml");
    let overrides = samconfig.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("# ").strip_prefix('"')?;
        line.split_once('=').map(|(name, _)| name)
    });
    let overrides: BTreeSet<&str> = overrides.collect();
    assert!(
        overrides.contains("Stage") && overrides.contains("DomainName"),
        "{overrides:?}"
    );
    for name in overrides {
        assert!(
            !system.template["Parameters"][name].is_null(),
            "samconfig.toml sets {name}, which is no parameter"
        );
    }
}
