//! Reading JSON as channels really send it: keys in any case, numbers as text and text as numbers, keys left out.
//!
//! A missing key and `null` mean empty. What has the wrong shape is an error that names the field with its path, such as
//! `OrderItems[2].Qty must be a whole number`. Nothing here panics, whatever the JSON.

use std::fmt::Display;

use consign_values::{Currency, Money, Rate, Timestamp, clean};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

/// A JSON object and how it is called in messages.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

/// `key` as written, or else in another case.
pub(crate) fn find<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key)
        .or_else(|| map.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
        .filter(|value| !value.is_null())
}

/// Text of a scalar; `None` for lists and objects.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

impl<'a> Fields<'a> {
    /// The outermost object.
    pub fn root(value: &'a Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| "the order must be an object".to_owned())?;
        Ok(Fields { map, path: String::new() })
    }

    /// What is wrong with `key`, for people.
    pub fn wrong(&self, key: &str, why: impl Display) -> String {
        format!("{}{key} {why}", self.path)
    }

    /// Whether the key is there with a value.
    pub fn has(&self, key: &str) -> bool {
        find(self.map, key).is_some()
    }

    /// Text as sent, or empty.
    pub fn raw_text(&self, key: &str) -> Result<String, String> {
        find(self.map, key)
            .map_or(Ok(String::new()), |value| scalar(value).ok_or_else(|| self.wrong(key, "must be text")))
    }

    /// Text without control characters, cut at `limit` characters.
    pub fn text(&self, key: &str, limit: usize) -> Result<String, String> {
        self.raw_text(key).map(|text| clean(&text, limit))
    }

    /// A decimal number; `None` where it is missing or empty. Floats such as `3.5999999999999996` keep their digits.
    pub fn decimal(&self, key: &str) -> Result<Option<Decimal>, String> {
        let text = self.raw_text(key)?;
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text));
        parsed.map(Some).map_err(|_| self.wrong(key, "must be a number"))
    }

    /// A whole number; `2`, `2.0` and `"2"` are the same.
    pub fn integer(&self, key: &str) -> Result<Option<i64>, String> {
        let Some(number) = self.decimal(key)? else { return Ok(None) };
        let whole = if number.fract().is_zero() { number.to_i64() } else { None };
        whole.map(Some).ok_or_else(|| self.wrong(key, "must be a whole number"))
    }

    /// Yes or no, in any spelling; missing is no.
    pub fn boolean(&self, key: &str) -> Result<bool, String> {
        let text = self.raw_text(key)?;
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "" | "false" | "0" | "no" => Ok(false),
            _ => Err(self.wrong(key, "must be true or false")),
        }
    }

    /// A moment; `None` where it is missing or not understood, as C#'s year 1 stands for "not set".
    pub fn moment(&self, key: &str) -> Option<Timestamp> {
        Timestamp::parse(&self.raw_text(key).ok()?)
    }

    /// An amount in main units; missing is nothing.
    pub fn money(&self, key: &str, currency: Currency) -> Result<Money, String> {
        let amount = self.decimal(key)?.unwrap_or_default();
        Money::from_decimal(amount, currency).map_err(|error| self.wrong(key, error))
    }

    /// A rate in percent; missing is 0.
    pub fn rate(&self, key: &str) -> Result<Rate, String> {
        let percent = self.decimal(key)?.unwrap_or_default();
        Rate::from_percent(percent).ok_or_else(|| self.wrong(key, "must be between 0 and 1000 percent"))
    }

    /// An object; `None` where it is missing.
    pub fn object(&self, key: &str) -> Result<Option<Fields<'a>>, String> {
        match find(self.map, key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields { map, path: format!("{}{key}.", self.path) })),
            Some(_) => Err(self.wrong(key, "must be an object")),
        }
    }

    /// A list of texts, cleaned and cut at 255 characters; missing is empty. Empty entries are left out.
    pub fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        let list = match find(self.map, key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(self.wrong(key, "must be a list")),
        };
        let texts = list.iter().map(|entry| scalar(entry).map(|text| clean(&text, 255)));
        let texts: Option<Vec<String>> = texts.collect();
        let texts = texts.ok_or_else(|| self.wrong(key, "must be a list of texts"))?;
        Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// A list of objects; missing is empty. `null` entries are left out.
    pub fn objects(&self, key: &str, most: usize) -> Result<Vec<Fields<'a>>, String> {
        let list = match find(self.map, key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(self.wrong(key, "must be a list")),
        };
        if list.len() > most {
            return Err(self.wrong(key, format!("must have at most {most} entries")));
        }
        list.iter()
            .enumerate()
            .filter(|(_, entry)| !entry.is_null())
            .map(|(index, entry)| match entry {
                Value::Object(map) => Ok(Fields { map, path: format!("{}{key}[{index}].", self.path) }),
                _ => Err(self.wrong(&format!("{key}[{index}]"), "must be an object")),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_flags_are_read_in_every_spelling() {
        let value =
            json!({"a": "2", "b": 2.0, "c": 2, "d": 3.5999999999999996, "e": "1e2", "f": "True", "g": 0, "h": null});
        let fields = Fields::root(&value).unwrap();
        for key in ["a", "B", "c"] {
            assert_eq!(fields.integer(key), Ok(Some(2)), "{key}");
        }
        assert_eq!(fields.money("d", Currency::parse("GBP").unwrap()).unwrap().amount, 36_000);
        assert_eq!(fields.integer("e"), Ok(Some(100)));
        assert_eq!(fields.boolean("F"), Ok(true));
        assert_eq!(fields.boolean("g"), Ok(false));
        assert_eq!(fields.decimal("h"), Ok(None));
        assert_eq!(fields.raw_text("missing"), Ok(String::new()));
    }

    #[test]
    fn a_wrong_shape_is_told_with_its_path() {
        let value = json!({"Items": [{"Qty": 1.5, "Name": {}}, "x"], "Notes": 3});
        let fields = Fields::root(&value).unwrap();
        assert_eq!(fields.objects("Items", 9).err().unwrap(), "Items[1] must be an object");
        assert_eq!(fields.objects("Notes", 9).err().unwrap(), "Notes must be a list");
        assert_eq!(fields.objects("Items", 1).err().unwrap(), "Items must have at most 1 entries");
        let value = json!({"Items": [{"Qty": 1.5, "Name": {}, "Gift": "perhaps"}]});
        let item = Fields::root(&value).unwrap().objects("Items", 9).unwrap().remove(0);
        assert_eq!(item.integer("Qty").unwrap_err(), "Items[0].Qty must be a whole number");
        assert_eq!(item.raw_text("Name").unwrap_err(), "Items[0].Name must be text");
        assert_eq!(item.boolean("Gift").unwrap_err(), "Items[0].Gift must be true or false");
    }
}
