//! Forms as they come: names and values, read one by one, each fault with the field's name.

use axum::extract::{FromRequest, RawForm, Request};
use axum::http::StatusCode;
use consign_oms::Error;
use rust_decimal::Decimal;

use crate::manner;

/// The fields of a submitted form, or of a query.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = (StatusCode, String);

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let RawForm(bytes) =
            RawForm::from_request(request, state).await.map_err(|error| (error.status(), error.body_text()))?;
        Ok(Fields(decode(&bytes)))
    }
}

/// Reads `application/x-www-form-urlencoded`.
fn decode(bytes: &[u8]) -> Vec<(String, String)> {
    let part = |part: &[u8]| {
        let mut out = Vec::with_capacity(part.len());
        let mut rest = part.iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => out.push(b' '),
                b'%' => {
                    let mut digit = || rest.next().and_then(|d| (*d as char).to_digit(16));
                    if let (Some(high), Some(low)) = (digit(), digit()) {
                        out.push((high * 16 + low) as u8);
                    }
                }
                other => out.push(*other),
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    bytes
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (part(&pair[..at]), part(pair.get(at + 1..).unwrap_or_default()))
        })
        .collect()
}

impl Fields {
    /// The value of a field, or an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// All values of a field.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// All fields whose name begins with `prefix`: the rest of the name, and the value.
    pub fn with_prefix<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(field, value)| Some((field.strip_prefix(prefix)?, value.as_str())))
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> Result<i64, Error> {
        self.get(name).trim().parse().map_err(|_| Error::invalid(name, "must be a whole number"))
    }

    /// A whole number, or none where the field is empty.
    pub fn maybe_int(&self, name: &str) -> Result<Option<i64>, Error> {
        if self.get(name).trim().is_empty() { Ok(None) } else { self.int(name).map(Some) }
    }

    /// A decimal number as the one who sends it writes numbers; 0 where the field is empty.
    pub fn decimal(&self, name: &str) -> Result<Decimal, Error> {
        let text = self.get(name).trim();
        if text.is_empty() {
            return Ok(Decimal::ZERO);
        }
        manner::current().read_number(text).map_err(|why| Error::invalid(name, why))
    }

    /// Numbers from a list such as `1,2,3` or from several fields; at most 500.
    pub fn ids(&self, name: &str) -> Result<Vec<i64>, Error> {
        let mut ids = Vec::new();
        for text in self.all(name).flat_map(|value| value.split(',')).filter(|text| !text.trim().is_empty()) {
            ids.push(text.trim().parse().map_err(|_| Error::invalid(name, "must be numbers"))?);
        }
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() || ids.len() > 500 {
            return Err(Error::invalid(name, "must name between 1 and 500 orders"));
        }
        Ok(ids)
    }

    /// The fields as a map, for answers to a set-up form.
    pub fn answers(&self, prefix: &str) -> std::collections::BTreeMap<String, String> {
        self.with_prefix(prefix).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_whatever_they_hold() {
        let fields = Fields(decode(b"a=1&b=x+y%C3%A9&c=%zz&ids=3&ids=1,2&=&&d"));
        assert_eq!(fields.get("b"), "x yé");
        assert_eq!(fields.int("a").unwrap(), 1);
        assert_eq!(fields.ids("ids").unwrap(), vec![1, 2, 3]);
        assert!(fields.int("b").is_err() && fields.ids("none").is_err());
        assert!(!fields.ticked("d"));
    }
}
