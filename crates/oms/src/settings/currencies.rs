//! What other currencies are worth in the base currency: entered by hand with their date, for totals that are shown. No order changes
//! by it.

use consign_values::{Currency, Money, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{Error, Result};

/// What one unit of a currency is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyRate {
    /// The currency.
    pub currency: Currency,
    /// Units of the base currency for one of it, up to eight decimals.
    pub rate: Decimal,
    /// The day the rate is of: `2026-11-23`.
    pub day: String,
}

/// The base currency and the others' rates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Currencies {
    /// What totals are shown in.
    pub base: Currency,
    /// At most 200, by currency.
    pub rates: Vec<CurrencyRate>,
}

impl Default for Currencies {
    fn default() -> Self {
        Currencies { base: Currency::parse("GBP").unwrap_or(Currency::UNKNOWN), rates: Vec::new() }
    }
}

impl Currencies {
    /// The amount in the base currency with the rate it was made by; none for the base currency itself and for one without a rate.
    pub fn in_base(&self, money: Money) -> Option<(Money, &CurrencyRate)> {
        let rate = self.rates.iter().find(|rate| rate.currency == money.currency)?;
        let value = money.to_decimal().checked_mul(rate.rate)?;
        Some((Money::from_decimal(value, self.base).ok()?, rate))
    }
}

/// The most rates that are kept.
const RATES_MAX: usize = 200;

impl Section for Currencies {
    const NAME: &'static str = "currencies";

    fn checked(self) -> Result<Self> {
        if self.base == Currency::UNKNOWN {
            return Err(Error::invalid("base", "must be an ISO 4217 code such as GBP"));
        }
        if self.rates.len() > RATES_MAX {
            return Err(Error::invalid("rates", "must be at most 200"));
        }
        let mut rates: Vec<CurrencyRate> = Vec::new();
        for (n, rate) in self.rates.into_iter().enumerate() {
            let wrong = |field: &str, message: &str| Err(Error::invalid(format!("rates[{n}].{field}"), message));
            if rate.currency == Currency::UNKNOWN {
                return wrong("currency", "must be an ISO 4217 code such as EUR");
            }
            if rate.currency == self.base {
                return wrong("currency", "is the base currency, which is worth one");
            }
            if rates.iter().any(|known| known.currency == rate.currency) {
                return wrong("currency", "stands there twice");
            }
            if rate.rate <= Decimal::ZERO || rate.rate > Decimal::from(1_000_000) || rate.rate.normalize().scale() > 8 {
                return wrong("rate", "must be above 0, at most 1,000,000, with at most eight decimals");
            }
            if rate.day.len() != 10 || Timestamp::parse(&rate.day).is_none() {
                return wrong("day", "must be a date such as 2026-11-23");
            }
            rates.push(CurrencyRate { rate: rate.rate.normalize(), ..rate });
        }
        rates.sort_by_key(|rate| rate.currency);
        Ok(Currencies { rates, ..self })
    }
}
