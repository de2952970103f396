//! Amazon's published models as a judge of requests and answers: paths, parameters, bodies. Swagger 2, as far as they use it.
//!
//! Stricter than the models in one way: a property that the model doesn't name is an error, as it is most likely misspelt.

use serde_json::{Map, Value};

const MODELS: [&str; 4] = [
    include_str!("../recorded/amazon/models/orders_2026-01-01.json"),
    include_str!("../recorded/amazon/models/ordersV0.json"),
    include_str!("../recorded/amazon/models/listingsItems_2021-08-01.json"),
    include_str!("../recorded/amazon/models/feeds_2021-06-30.json"),
];

/// The models of the operations that the connector calls.
pub struct Models(Vec<Value>);

/// A request that conforms.
pub struct Call {
    /// The model's `operationId`.
    pub operation: String,
    /// Parameters in path and query, with lists as lists.
    pub parameters: Map<String, Value>,
}

impl Models {
    /// Reads them.
    pub fn load() -> Self {
        Models(MODELS.iter().map(|model| serde_json::from_str(model).unwrap()).collect())
    }

    fn operations(&self) -> impl Iterator<Item = (&Value, &String, &String, &Value)> {
        self.0.iter().flat_map(|model| {
            let paths = model["paths"].as_object().unwrap();
            paths.iter().flat_map(move |(path, methods)| {
                methods.as_object().unwrap().iter().map(move |(method, operation)| (model, path, method, operation))
            })
        })
    }

    /// An operation's published rate and burst.
    #[allow(dead_code)]
    pub fn plan(&self, id: &str) -> Option<(f64, f64)> {
        let (.., operation) = self.operations().find(|(.., operation)| operation["operationId"] == id)?;
        let numbers = operation["description"].as_str()?.split('|').filter_map(|cell| cell.trim().parse().ok());
        match numbers.collect::<Vec<f64>>()[..] {
            [rate, burst] => Some((rate, burst)),
            _ => None,
        }
    }

    /// Which operation a request calls, if it conforms to it; else what is wrong.
    pub fn check(&self, method: &str, path: &str, query: &[(String, String)], body: &[u8]) -> Result<Call, String> {
        let method = method.to_lowercase();
        let (model, operation, found) = self
            .operations()
            .filter(|(_, _, verb, _)| **verb == method)
            .find_map(|(model, template, _, operation)| Some((model, operation, fit(template, path)?)))
            .ok_or_else(|| format!("no operation is {method} {path}"))?;
        let mut parameters: Map<String, Value> =
            found.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        let known = operation["parameters"].as_array().unwrap();
        for (name, text) in query {
            let parameter = known
                .iter()
                .find(|parameter| parameter["in"] == "query" && parameter["name"] == *name)
                .ok_or_else(|| format!("{name} is no parameter"))?;
            let value = match parameter["type"].as_str() {
                Some("array") => text.split(',').map(Value::from).collect(),
                Some("integer") => text.parse::<i64>().map(Value::from).unwrap_or_else(|_| Value::from(text.as_str())),
                Some("boolean") => Value::Bool(text == "true"),
                _ => Value::from(text.as_str()),
            };
            conform(model, parameter, &value, name)?;
            if parameters.insert(name.clone(), value).is_some() {
                return Err(format!("{name} is given twice"));
            }
        }
        for parameter in known {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "body" {
                let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body: {error}"))?;
                conform(model, &parameter["schema"], &body, "body")?;
            } else if parameter["required"] == true && !parameters.contains_key(name) {
                return Err(format!("{name} is required"));
            }
        }
        if !known.iter().any(|parameter| parameter["in"] == "body") && !body.is_empty() {
            return Err("a body where none belongs".to_owned());
        }
        Ok(Call { operation: operation["operationId"].as_str().unwrap().to_owned(), parameters })
    }

    /// Whether an answer with that status is as the model says.
    #[allow(dead_code)]
    pub fn check_answer(&self, id: &str, status: u16, body: &Value) -> Result<(), String> {
        let (model, .., operation) = self
            .operations()
            .find(|(.., operation)| operation["operationId"] == id)
            .ok_or_else(|| format!("no operation {id}"))?;
        let answer = operation["responses"]
            .get(status.to_string())
            .ok_or_else(|| format!("{id} does not answer with {status}"))?;
        match answer.get("schema") {
            Some(schema) => conform(model, schema, body, id),
            None => Ok(()),
        }
    }
}

/// The values in a path that fits a template.
fn fit(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (parts, found) = (template.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
    if parts.len() != found.len() {
        return None;
    }
    let mut values = Vec::new();
    for (part, text) in parts.iter().zip(found) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(_) if text.is_empty() => return None,
            Some(name) => values.push((name.to_owned(), text.to_owned())),
            None if *part == text => {}
            None => return None,
        }
    }
    Some(values)
}

fn conform(model: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap();
        return conform(model, &model["definitions"][name], value, at);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        conform(model, part, value, at)?;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{at} is {value}, which is none of {allowed:?}"));
    }
    match schema["type"].as_str() {
        Some("object") => conform_object(model, schema, value, at),
        Some("array") => {
            let list = value.as_array().ok_or_else(|| format!("{at} must be a list"))?;
            let count = list.len() as u64;
            if schema["maxItems"].as_u64().is_some_and(|most| count > most)
                || schema["minItems"].as_u64().is_some_and(|least| count < least)
            {
                return Err(format!("{at} has {count} entries"));
            }
            let mut entries = list.iter().enumerate();
            entries.try_for_each(|(index, entry)| conform(model, &schema["items"], entry, &format!("{at}[{index}]")))
        }
        Some("string") => {
            let text = value.as_str().ok_or_else(|| format!("{at} must be text, not {value}"))?;
            let moment = || text.parse::<jiff::Timestamp>().is_ok();
            if schema["format"] == "date-time" && !moment() {
                return Err(format!("{at} is no ISO 8601 moment: {text}"));
            }
            Ok(())
        }
        Some("integer") => {
            let number = value.as_i64().ok_or_else(|| format!("{at} must be a whole number, not {value}"))?;
            let fits = schema["maximum"].as_i64().is_none_or(|most| number <= most)
                && schema["minimum"].as_i64().is_none_or(|least| number >= least);
            if fits { Ok(()) } else { Err(format!("{at} is {number}, which is out of range")) }
        }
        Some("number") if !value.is_number() => Err(format!("{at} must be a number, not {value}")),
        Some("boolean") if !value.is_boolean() => Err(format!("{at} must be true or false, not {value}")),
        _ => Ok(()),
    }
}

fn conform_object(model: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{at} must be an object, not {value}"))?;
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            return Err(format!("{at}.{name} is missing"));
        }
    }
    let free = schema.get("additionalProperties").is_some_and(|rest| rest != false);
    for (name, value) in object {
        match schema["properties"].get(name) {
            Some(property) => conform(model, property, value, &format!("{at}.{name}"))?,
            None if free => {}
            None => return Err(format!("{at}.{name} is not in the model")),
        }
    }
    Ok(())
}
