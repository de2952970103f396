//! The tax rates that people choose from in drafts and edits: one country may have several, each with a name.

use consign_values::{CountryCode, Rate, clean};
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{Error, Result};

/// A rate of a country: `GB`, `standard`, 20 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// ISO 3166 two-letter code.
    pub country_code: String,
    /// What people call it.
    pub name: String,
    /// The rate.
    pub rate: Rate,
}

/// All rates, by country and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaxRates {
    /// At most 500.
    pub rates: Vec<TaxRate>,
}

/// The most rates that are kept.
const RATES_MAX: usize = 500;

impl Section for TaxRates {
    const NAME: &'static str = "tax_rates";

    fn checked(self) -> Result<Self> {
        if self.rates.len() > RATES_MAX {
            return Err(Error::invalid("rates", "must be at most 500"));
        }
        let mut rates = Vec::new();
        for (n, rate) in self.rates.into_iter().enumerate() {
            let country = CountryCode::resolve(&rate.country_code, &rate.country_code).ok_or_else(|| {
                Error::invalid(format!("rates[{n}].country_code"), "must be a country such as GB or Ireland")
            })?;
            let name = clean(&rate.name, 64);
            if !(0..=10_000_000).contains(&rate.rate.0) {
                return Err(Error::invalid(format!("rates[{n}].rate"), "must be between 0 and 1,000 %"));
            }
            let same = |known: &TaxRate| known.country_code == country.as_str() && known.name == name;
            if rates.iter().any(same) {
                return Err(Error::invalid(format!("rates[{n}].name"), "stands there twice for this country"));
            }
            rates.push(TaxRate { country_code: country.to_string(), name, rate: rate.rate });
        }
        rates.sort_by(|a, b| (&a.country_code, &a.name).cmp(&(&b.country_code, &b.name)));
        Ok(TaxRates { rates })
    }
}
