//! CloudFormation's YAML: tags to their long form, parameters and conditions to values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{ACCOUNT, Error, REGION};

/// A template whose parameters and conditions are decided.
pub(super) struct Document {
    pub globals: Value,
    resources: Map<String, Value>,
}

impl Document {
    pub fn parse(yaml: &str, overrides: &BTreeMap<String, String>) -> Result<Self, Error> {
        let template = long_form(yaml)?;
        let scope = Scope::new(&template, overrides)?;
        let Value::Object(resources) = &template["Resources"] else {
            return Err(Error::template("Resources", "there are none"));
        };
        let resources = resources
            .iter()
            .filter_map(|(logical_id, resource)| {
                scope
                    .keeps(logical_id, resource)
                    .map(|kept| kept.then(|| Ok((logical_id.clone(), scope.evaluate(resource, logical_id)?))))
                    .transpose()
            })
            .map(|resource| resource.and_then(|resource| resource))
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            globals: scope.evaluate(&template["Globals"], "Globals")?,
            resources,
        })
    }

    pub fn resources_of(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.resources
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(logical_id, resource)| (logical_id.as_str(), resource))
    }

    pub fn properties_of(&self, logical_id: &str) -> Option<&Value> {
        self.resources.get(logical_id).map(|resource| &resource["Properties"])
    }
}

/// A template as JSON, with `{"Ref": "X"}` for `!Ref X` and nothing decided yet.
pub fn long_form(yaml: &str) -> Result<Value, Error> {
    untag(serde_yaml_ng::from_str(yaml).map_err(Error::Yaml)?)
}

/// `!Ref X` becomes `{"Ref": "X"}`, every other tag `{"Fn::Tag": ..}`, as JSON templates have it.
fn untag(yaml: serde_yaml_ng::Value) -> Result<Value, Error> {
    use serde_yaml_ng::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => flag.into(),
        Yaml::Number(number) => serde_json::to_value(number).unwrap_or_default(),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(untag).collect::<Result<_, _>>()?,
        Yaml::Mapping(entries) => entries
            .into_iter()
            .map(|(key, value)| {
                let key = match key {
                    Yaml::String(key) => key,
                    // `200:` in an OpenAPI body is a number to YAML and a name to everyone else.
                    Yaml::Number(key) => key.to_string(),
                    other => {
                        return Err(Error::template(format!("{other:?}"), "is no name"));
                    }
                };
                Ok((key, untag(value)?))
            })
            .collect::<Result<_, _>>()?,
        Yaml::Tagged(tagged) => {
            let value = untag(tagged.value)?;
            match tagged.tag.to_string().trim_start_matches('!') {
                "Ref" => json!({ "Ref": value }),
                "Condition" => json!({ "Condition": value }),
                "GetAtt" => match value.as_str().and_then(|path| path.split_once('.')) {
                    Some((logical_id, attribute)) => {
                        json!({ "Fn::GetAtt": [logical_id, attribute] })
                    }
                    None => json!({ "Fn::GetAtt": value }),
                },
                function => json!({ format!("Fn::{function}"): value }),
            }
        }
    })
}

/// What names without a resource stand for.
struct Scope<'a> {
    parameters: BTreeMap<String, String>,
    conditions: &'a Value,
}

impl<'a> Scope<'a> {
    fn new(template: &'a Value, overrides: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut parameters: BTreeMap<String, String> = [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::StackName", "livepass"),
            ("AWS::URLSuffix", "amazonaws.com"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (name, parameter) in template["Parameters"].as_object().into_iter().flatten() {
            if let Some(default) = scalar_text(&parameter["Default"]) {
                parameters.insert(name.clone(), default);
            } else if !overrides.contains_key(name) {
                return Err(Error::template(
                    format!("Parameters.{name}"),
                    "has no default, and no value was given",
                ));
            }
        }
        for (name, value) in overrides {
            let known = name.starts_with("AWS::") || template["Parameters"].get(name).is_some();
            if !known {
                return Err(Error::template(
                    format!("Parameters.{name}"),
                    "a value was given, but the template has no such parameter",
                ));
            }
            parameters.insert(name.clone(), value.clone());
        }
        Ok(Self {
            parameters,
            conditions: &template["Conditions"],
        })
    }

    /// Whether the condition of a resource lets it exist.
    fn keeps(&self, logical_id: &str, resource: &Value) -> Result<bool, Error> {
        match resource["Condition"].as_str() {
            Some(name) => self.condition(name, logical_id),
            None => Ok(true),
        }
    }

    fn condition(&self, name: &str, place: &str) -> Result<bool, Error> {
        match self.conditions.get(name) {
            Some(expression) => self.decide(expression, &format!("Conditions.{name}")),
            None => Err(Error::template(place, format!("no condition `{name}`"))),
        }
    }

    fn decide(&self, expression: &Value, place: &str) -> Result<bool, Error> {
        let unreadable = || Error::template(place, format!("cannot decide `{expression}`"));
        let (function, argument) = single_entry(expression).ok_or_else(unreadable)?;
        let arguments = argument.as_array();
        match (function, arguments.map(Vec::as_slice)) {
            ("Condition", None) => self.condition(argument.as_str().ok_or_else(unreadable)?, place),
            ("Fn::Equals", Some([left, right])) => {
                let (left, right) = (self.evaluate(left, place)?, self.evaluate(right, place)?);
                Ok(scalar_text(&left) == scalar_text(&right))
            }
            ("Fn::Not", Some([inner])) => Ok(!self.decide(inner, place)?),
            ("Fn::And", Some(all)) => all
                .iter()
                .try_fold(true, |holds, one| Ok(holds & self.decide(one, place)?)),
            ("Fn::Or", Some(any)) => any
                .iter()
                .try_fold(false, |holds, one| Ok(holds | self.decide(one, place)?)),
            _ => Err(unreadable()),
        }
    }

    /// Replaces what parameters and conditions decide; references to resources stay.
    fn evaluate(&self, value: &Value, place: &str) -> Result<Value, Error> {
        match single_entry(value) {
            Some(("Ref", Value::String(name))) => Ok(match self.parameters.get(name) {
                Some(text) => text.as_str().into(),
                None => value.clone(),
            }),
            Some(("Fn::Sub", Value::String(text))) => Ok(self.substitute(text)),
            Some(("Fn::Split", Value::Array(parts))) => self.split(value, parts, place),
            Some(("Fn::Select", Value::Array(parts))) => self.select(value, parts, place),
            Some(("Fn::If", Value::Array(parts))) => match parts.as_slice() {
                [Value::String(condition), then, otherwise] => {
                    let chosen = if self.condition(condition, place)? {
                        then
                    } else {
                        otherwise
                    };
                    self.evaluate(chosen, place)
                }
                _ => Err(Error::template(place, "Fn::If takes a condition and two values")),
            },
            _ => match value {
                Value::Array(items) => items
                    .iter()
                    .map(|item| self.evaluate(item, place))
                    .filter(|item| !matches!(item, Ok(item) if is_no_value(item)))
                    .collect(),
                Value::Object(entries) => entries
                    .iter()
                    .map(|(key, entry)| Ok((key.clone(), self.evaluate(entry, place)?)))
                    .filter(|entry| !matches!(entry, Ok((_, value)) if is_no_value(value)))
                    .collect(),
                scalar => Ok(scalar.clone()),
            },
        }
    }

    /// The parts of a text that parameters decide; one that names a resource stays as it is.
    fn split(&self, value: &Value, parts: &[Value], place: &str) -> Result<Value, Error> {
        let [Value::String(separator), text] = parts else {
            return Err(Error::template(place, "Fn::Split takes a separator and a text"));
        };
        Ok(match self.evaluate(text, place)? {
            Value::String(text) => text.split(separator.as_str()).collect(),
            _ => value.clone(),
        })
    }

    fn select(&self, value: &Value, parts: &[Value], place: &str) -> Result<Value, Error> {
        let [index, list] = parts else {
            return Err(Error::template(place, "Fn::Select takes an index and a list"));
        };
        let index: Option<usize> = scalar_text(index).and_then(|index| index.parse().ok());
        let (Some(index), Value::Array(items)) = (index, self.evaluate(list, place)?) else {
            return Ok(value.clone());
        };
        items
            .get(index)
            .cloned()
            .ok_or_else(|| Error::template(place, format!("`{value}` has no part {index}")))
    }

    /// Puts parameters in place of `${Name}`; a text that names a resource stays a `Fn::Sub`.
    fn substitute(&self, text: &str) -> Value {
        let mut done = String::new();
        let mut rest = text;
        let mut names_a_resource = false;
        while let Some((before, (name, after))) = rest
            .split_once("${")
            .and_then(|(before, tail)| Some((before, tail.split_once('}')?)))
        {
            done.push_str(before);
            match self.parameters.get(name) {
                Some(value) => done.push_str(value),
                None => {
                    names_a_resource = true;
                    done.push_str(&format!("${{{name}}}"));
                }
            }
            rest = after;
        }
        done.push_str(rest);
        if names_a_resource {
            json!({ "Fn::Sub": done })
        } else {
            done.into()
        }
    }
}

fn is_no_value(value: &Value) -> bool {
    matches!(single_entry(value), Some(("Ref", Value::String(name))) if name == "AWS::NoValue")
}

fn single_entry(value: &Value) -> Option<(&str, &Value)> {
    let entries = value.as_object().filter(|entries| entries.len() == 1)?;
    entries.iter().next().map(|(key, value)| (key.as_str(), value))
}

/// A scalar as CloudFormation passes it on: always a text.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The resource, and its attribute, whose value an expression is: `Ref`, `Fn::GetAtt`, or a
/// `Fn::Sub` that is one `${..}` and nothing else.
pub(super) fn reference(value: &Value) -> Option<(String, Option<String>)> {
    match single_entry(value)? {
        ("Ref", Value::String(name)) => Some((name.clone(), None)),
        ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
            [Value::String(logical_id), Value::String(attribute)] => {
                Some((logical_id.clone(), Some(attribute.clone())))
            }
            _ => None,
        },
        ("Fn::Sub", Value::String(text)) => {
            let name = text.strip_prefix("${")?.strip_suffix('}')?;
            (!name.contains('}')).then(|| split_attribute(name))
        }
        _ => None,
    }
}

/// A `Fn::Sub` with the resources' values in place; `None` for any other expression. Fails with
/// the name that has no value.
pub(super) fn compute(expression: &Value, resources: &BTreeMap<String, String>) -> Option<Result<String, String>> {
    let Some(("Fn::Sub", Value::String(text))) = single_entry(expression) else {
        return None;
    };
    let mut parts = text.split("${");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once('}').unwrap_or((part, ""));
        match resources.get(name) {
            Some(value) => done.push_str(value),
            None => return Some(Err(name.to_owned())),
        }
        done.push_str(after);
    }
    Some(Ok(done))
}

/// The only resource that an expression mentions, whatever stands around it: API Gateway's
/// `integrations/${Integration}`.
fn mentioned(value: &Value) -> Option<String> {
    if let Some(("Fn::Sub", Value::String(text))) = single_entry(value) {
        let mut names = text
            .split("${")
            .skip(1)
            .filter_map(|tail| Some(tail.split_once('}')?.0));
        return match (names.next(), names.next()) {
            (Some(name), None) => Some(split_attribute(name).0),
            _ => None,
        };
    }
    reference(value).map(|(logical_id, _)| logical_id)
}

fn split_attribute(name: &str) -> (String, Option<String>) {
    match name.split_once('.') {
        Some((logical_id, attribute)) => (logical_id.to_owned(), Some(attribute.to_owned())),
        None => (name.to_owned(), None),
    }
}

/// Where in the template something stands, for messages.
pub(super) struct Place(String);

impl Place {
    pub fn new(logical_id: &str) -> Self {
        Self(logical_id.to_owned())
    }

    pub fn child(&self, property: &str) -> Self {
        Self(format!("{}.{property}", self.0))
    }

    pub fn fault(&self, problem: impl Into<String>) -> Error {
        Error::template(&self.0, problem)
    }

    pub fn text(&self, value: &Value) -> Result<String, Error> {
        scalar_text(value).ok_or_else(|| self.fault("a text is needed"))
    }

    pub fn number(&self, value: &Value) -> Result<u64, Error> {
        scalar_text(value)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.fault(format!("a whole number is needed, not {value}")))
    }

    /// A number for which -1 means that there is no limit.
    pub fn limit(&self, value: &Value) -> Result<Option<u64>, Error> {
        match value {
            Value::Null => Ok(None),
            value if scalar_text(value).as_deref() == Some("-1") => Ok(None),
            value => self.number(value).map(Some),
        }
    }

    pub fn flag(&self, value: &Value) -> Result<bool, Error> {
        match scalar_text(value).as_deref() {
            None => Ok(false),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(self.fault(format!("true or false is needed, not `{other}`"))),
        }
    }

    /// The resource that must be mentioned here.
    pub fn resource(&self, value: &Value) -> Result<String, Error> {
        mentioned(value).ok_or_else(|| self.fault(format!("a reference to a resource is needed, not `{value}`")))
    }
}
