//! Postal addresses as a channel or a person gave them, and country codes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::clean;

/// An ISO 3166 two-letter code, or blank where the country is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// From a code (`GB`, the common mistake `UK`, `GBR`) or else a name in English. `None` if neither is known.
    pub fn resolve(code: &str, name: &str) -> Option<Self> {
        let code = code.trim().to_ascii_uppercase();
        let code = if code == "UK" { "GB".to_owned() } else { code };
        let found = match code.len() {
            2 => celes::Country::from_alpha2(&code).ok(),
            3 => celes::Country::from_alpha3(&code).ok(),
            _ => None,
        };
        let country = found.or_else(|| celes::Country::from_name(name.trim()).ok())?;
        Some(CountryCode(country.alpha2.as_bytes().try_into().ok()?))
    }

    /// Two letters, or an empty text.
    pub fn as_str(&self) -> &str {
        if self.0 == [0, 0] { "" } else { std::str::from_utf8(&self.0).unwrap_or("") }
    }

    /// The country's name in English, or an empty text.
    pub fn name(&self) -> &'static str {
        celes::Country::from_alpha2(self.as_str()).map_or("", |country| country.long_name)
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CountryCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CountryCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Ok(CountryCode::resolve(&code, "").unwrap_or_default())
    }
}

/// A postal address with the person behind it, kept as it was given (reference 1.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// The person.
    pub full_name: String,
    /// The firm.
    pub company: String,
    /// House and street.
    pub line1: String,
    /// More of it.
    pub line2: String,
    /// More of it.
    pub line3: String,
    /// Town or city.
    pub town: String,
    /// County, state or province.
    pub region: String,
    /// Postal code, as given.
    pub postcode: String,
    /// The country as the channel wrote it.
    pub country: String,
    /// The country, where it could be told.
    pub country_code: CountryCode,
    /// Telephone number, as given.
    pub phone: String,
    /// E-mail address, as given; may be a channel's relay.
    pub email: String,
}

impl Address {
    /// The most characters a field keeps.
    pub const FIELD_MAX: usize = 255;

    /// All of it on one line, for history and comparison.
    pub fn one_line(&self) -> String {
        let parts = [
            &self.full_name,
            &self.company,
            &self.line1,
            &self.line2,
            &self.line3,
            &self.town,
            &self.region,
            &self.postcode,
            &self.country,
            &self.email,
            &self.phone,
        ];
        parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Whether nothing that says where to send a parcel is there.
    pub fn is_empty(&self) -> bool {
        [&self.full_name, &self.company, &self.line1, &self.line2, &self.line3, &self.town, &self.postcode]
            .iter()
            .all(|field| field.is_empty())
    }

    /// The same address with each field trimmed, freed of control characters and cut at [`Address::FIELD_MAX`];
    /// the country code found from the code or the name.
    pub fn cleaned(mut self) -> Self {
        for field in [
            &mut self.full_name,
            &mut self.company,
            &mut self.line1,
            &mut self.line2,
            &mut self.line3,
            &mut self.town,
            &mut self.region,
            &mut self.postcode,
            &mut self.country,
            &mut self.phone,
            &mut self.email,
        ] {
            *field = clean(field, Self::FIELD_MAX);
        }
        if self.country_code == CountryCode::default() {
            self.country_code = CountryCode::resolve("", &self.country).unwrap_or_default();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_code_by_common_mistake_and_by_name() {
        let code = |code: &str, name: &str| CountryCode::resolve(code, name).map(|c| c.as_str().to_owned());
        assert_eq!(code("gb", ""), Some("GB".into()));
        assert_eq!(code("UK", ""), Some("GB".into()));
        assert_eq!(code("IRL", ""), Some("IE".into()));
        assert_eq!(code("", "Ireland"), Some("IE".into()));
        assert_eq!(code("XX", "Atlantis"), None);
    }
}
