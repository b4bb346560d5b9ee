//! template.yaml as JSON, its functions with the folders of their code, and openapi.yaml.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

pub struct System {
    /// In the long form, with no parameter or condition decided.
    pub template: Value,
    pub openapi: Value,
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl System {
    pub fn read() -> Self {
        let yaml = |path| cloud::template::long_form(&read(path)).expect("YAML");
        Self {
            template: yaml("template.yaml"),
            openapi: yaml("openapi.yaml"),
        }
    }

    /// The folders under functions/.
    pub fn folders() -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join("functions")).expect("functions/");
        entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect()
    }

    pub fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.template["Resources"].as_object().expect("Resources");
        resources.iter().map(|(id, resource)| (id.as_str(), resource))
    }

    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.resources().filter(move |(_, resource)| resource["Type"] == kind)
    }

    /// Logical ids of the functions by their binaries.
    pub fn functions(&self) -> BTreeMap<&str, &str> {
        self.of_type("AWS::Serverless::Function")
            .map(|(id, function)| {
                let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str();
                (binary.unwrap_or_else(|| panic!("{id} names no binary")), id)
            })
            .collect()
    }

    pub fn binary_of(&self, logical_id: &str) -> Option<&str> {
        let found = self.functions().into_iter().find(|(_, id)| *id == logical_id);
        found.map(|(binary, _)| binary)
    }

    pub fn properties(&self, logical_id: &str) -> &Value {
        &self.template["Resources"][logical_id]["Properties"]
    }

    /// The same with one value replaced, or taken away by `Value::Null`. The pointer must lead to
    /// something, so that no test breaks nothing.
    pub fn with(&self, pointer: &str, value: Value) -> Self {
        let mut template = self.template.clone();
        let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
        let parent = template.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        match parent {
            Value::Object(entries) => {
                assert!(entries.contains_key(last), "no {pointer}");
                match value {
                    Value::Null => drop(entries.remove(last)),
                    value => drop(entries.insert(last.to_owned(), value)),
                }
            }
            Value::Array(items) => {
                let index: usize = last.parse().expect("an index");
                match value {
                    Value::Null => drop(items.remove(index)),
                    value => items[index] = value,
                }
            }
            _ => panic!("{pointer} leads into a scalar"),
        }
        Self {
            template,
            openapi: self.openapi.clone(),
        }
    }

    pub fn without(&self, pointer: &str) -> Self {
        self.with(pointer, Value::Null)
    }
}

/// The long form's name and argument of an expression.
pub fn intrinsic(value: &Value) -> Option<(&str, &Value)> {
    let entries = value.as_object().filter(|entries| entries.len() == 1)?;
    let (name, argument) = entries.iter().next()?;
    (name == "Ref" || name == "Condition" || name.starts_with("Fn::")).then_some((name.as_str(), argument))
}

/// The resource behind `!Ref X` or `!GetAtt X.Y`.
pub fn target(value: &Value) -> Option<&str> {
    match intrinsic(value)? {
        ("Ref", name) => name.as_str(),
        ("Fn::GetAtt", path) => path[0].as_str(),
        _ => None,
    }
}

/// What stands in a list, whichever way its conditions are decided.
pub fn items(list: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for item in list.as_array().into_iter().flatten() {
        match intrinsic(item) {
            Some(("Fn::If", branches)) => found.extend(
                branches
                    .as_array()
                    .into_iter()
                    .flatten()
                    .skip(1)
                    .filter(|branch| target(branch) != Some("AWS::NoValue")),
            ),
            _ => found.push(item),
        }
    }
    found
}

/// Every name that is mentioned is a resource, a parameter, or AWS's own; every condition exists.
pub fn references(system: &System) -> Vec<String> {
    let template = &system.template;
    let known: BTreeSet<&str> = ["Resources", "Parameters"]
        .iter()
        .filter_map(|section| template[section].as_object())
        .flat_map(|section| section.keys().map(String::as_str))
        .collect();
    let mut mentions = Vec::new();
    collect(template, &mut mentions);
    let mut faults: Vec<String> = mentions
        .into_iter()
        .filter(|name| !known.contains(name.as_str()) && !name.starts_with("AWS::"))
        .map(|name| format!("`{name}` is mentioned and is neither a resource nor a parameter"))
        .collect();
    faults.sort();
    faults.dedup();
    faults
}

fn collect(value: &Value, mentions: &mut Vec<String>) {
    match intrinsic(value) {
        Some(("Ref", Value::String(name))) => mentions.push(name.clone()),
        Some(("Fn::GetAtt", path)) => mentions.extend(path[0].as_str().map(str::to_owned)),
        Some(("Fn::Sub", Value::String(text))) => mentions.extend(placeholders(text)),
        Some(("Fn::Sub", Value::Array(parts))) => {
            let own: BTreeSet<&String> = parts[1].as_object().into_iter().flat_map(|map| map.keys()).collect();
            let text = parts[0].as_str().unwrap_or_default();
            mentions.extend(placeholders(text).filter(|name| !own.contains(name)));
            collect(&parts[1], mentions);
        }
        _ => match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, mentions)),
            Value::Object(entries) => entries.values().for_each(|entry| collect(entry, mentions)),
            _ => {}
        },
    }
}

fn placeholders(text: &str) -> impl Iterator<Item = String> {
    text.split("${").skip(1).filter_map(|tail| {
        let name = tail.split_once('}')?.0;
        Some(name.split('.').next().unwrap_or(name).to_owned())
    })
}
