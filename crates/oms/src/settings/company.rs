//! Who the company is: name and address, for paper and mail.

use consign_values::{Address, clean};
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{Error, Result};

/// Who the company is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Company {
    /// What it trades as.
    pub name: String,
    /// House and street.
    pub line1: String,
    /// More of it.
    pub line2: String,
    /// Town or city.
    pub town: String,
    /// County, state or province.
    pub region: String,
    /// Postal code.
    pub postcode: String,
    /// ISO 3166 two-letter code; blank where none is set.
    pub country_code: String,
    /// Telephone number.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Number for VAT or sales tax.
    pub tax_number: String,
}

impl Section for Company {
    const NAME: &'static str = "company";

    fn checked(self) -> Result<Self> {
        let country = clean(&self.country_code, 64);
        let country_code = match consign_values::CountryCode::resolve(&country, &country) {
            Some(code) => code.to_string(),
            None if country.is_empty() => country,
            None => return Err(Error::invalid("country_code", "must be a country such as GB or Ireland")),
        };
        let text = |value: &str| clean(value, Address::FIELD_MAX);
        Ok(Company {
            name: text(&self.name),
            line1: text(&self.line1),
            line2: text(&self.line2),
            town: text(&self.town),
            region: text(&self.region),
            postcode: text(&self.postcode),
            country_code,
            phone: text(&self.phone),
            email: text(&self.email),
            tax_number: text(&self.tax_number),
        })
    }
}
