//! Money: an integer count of ten-thousandths of a currency's main unit. No floats, no silent mixing of currencies.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Ten-thousandths in one main unit.
const SCALE: i64 = 10_000;

/// An ISO 4217 code, or `UNK` where a channel sent none (reference 1.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Where the channel named no currency.
    pub const UNKNOWN: Currency = Currency(*b"UNK");

    /// Reads a code in any case. Blank becomes [`Currency::UNKNOWN`]; `None` for what is no ISO 4217 code.
    pub fn parse(code: &str) -> Option<Self> {
        let code = code.trim().to_ascii_uppercase();
        if code.is_empty() || code == "UNK" {
            return Some(Self::UNKNOWN);
        }
        iso_currency::Currency::from_code(&code)?;
        Some(Currency(code.as_bytes().try_into().ok()?))
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("UNK")
    }

    /// How many decimals its amounts are written with: 2 for GBP, 0 for JPY, 3 for KWD.
    pub fn decimals(&self) -> u32 {
        iso_currency::Currency::from_code(self.code()).and_then(|c| c.exponent()).map_or(2, u32::from)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Currency::parse(&code).ok_or_else(|| serde::de::Error::custom("not an ISO 4217 currency code"))
    }
}

/// Why a sum could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies in one sum.
    #[error("{0} and {1} can't be added")]
    Mixed(Currency, Currency),
    /// Beyond what can be counted.
    #[error("is too large an amount")]
    TooLarge,
}

/// An amount in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Money {
    /// Ten-thousandths of the main unit: 12.34 GBP is 123,400.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// The largest amount taken from outside: a thousand million main units.
    pub const MAX: i64 = 1_000_000_000 * SCALE;

    /// Nothing.
    pub fn zero(currency: Currency) -> Self {
        Money { amount: 0, currency }
    }

    /// From a decimal number of main units, rounded half away from zero to the currency's decimals.
    /// Channels send amounts such as `3.5999999999999996`.
    pub fn from_decimal(value: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let rounded = value
            .round_dp_with_strategy(currency.decimals().min(4), rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        let amount = rounded.checked_mul(Decimal::from(SCALE)).and_then(|v| v.to_i64()).ok_or(MoneyError::TooLarge)?;
        Self::checked(amount, currency)
    }

    /// From a count of the currency's minor units (pence, cents), as many web shops send them.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        let per_minor = 10_i64.pow(4 - currency.decimals().min(4));
        Self::checked(minor.checked_mul(per_minor).ok_or(MoneyError::TooLarge)?, currency)
    }

    fn checked(amount: i64, currency: Currency) -> Result<Self, MoneyError> {
        if amount.abs() > Self::MAX { Err(MoneyError::TooLarge) } else { Ok(Money { amount, currency }) }
    }

    /// The sum, unless the currencies differ or it can't be counted.
    pub fn plus(self, other: Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::TooLarge)?;
        Ok(Money { amount, currency: self.currency })
    }

    /// `units` times this amount.
    pub fn times(self, units: i64) -> Result<Money, MoneyError> {
        let amount = self.amount.checked_mul(units).ok_or(MoneyError::TooLarge)?;
        Ok(Money { amount, currency: self.currency })
    }

    /// As a count of units with that many decimals, for shops that count all currencies alike; rounded half away from zero.
    pub fn to_units_of(self, decimals: u32) -> i64 {
        match decimals {
            0..=4 => div_round(i128::from(self.amount), 10_i128.pow(4 - decimals)),
            more => self.amount.saturating_mul(10_i64.saturating_pow(more - 4)),
        }
    }

    /// The main units as a decimal number.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.amount, 4).round_dp(self.currency.decimals().max(2))
    }
}

/// `12.34 GBP`, rounded half away from zero to the currency's decimals.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals().min(4);
        let rounded = Decimal::new(self.to_units_of(decimals), decimals);
        write!(f, "{rounded} {}", self.currency)
    }
}

/// A rate in millionths: 20 % is 200,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Rate(pub i64);

impl Rate {
    /// From percent: 0 to 1,000. `None` outside.
    pub fn from_percent(percent: Decimal) -> Option<Self> {
        if percent.is_sign_negative() && !percent.is_zero() || percent > Decimal::from(1_000) {
            return None;
        }
        percent.checked_mul(Decimal::from(10_000))?.round().to_i64().map(Rate)
    }

    /// In percent.
    pub fn to_percent(self) -> Decimal {
        Decimal::new(self.0, 4).normalize()
    }

    /// The tax contained in `gross`: the half unit of the fourth decimal is rounded away from zero.
    pub fn tax_in(self, gross: Money) -> Money {
        let (gross_amount, rate) = (i128::from(gross.amount), i128::from(self.0));
        Money { amount: div_round(gross_amount * rate, 1_000_000 + rate), currency: gross.currency }
    }

    /// The tax that comes on top of `net`, rounded as in [`Rate::tax_in`].
    pub fn tax_on(self, net: Money) -> Money {
        let (net_amount, rate) = (i128::from(net.amount), i128::from(self.0));
        Money { amount: div_round(net_amount * rate, 1_000_000), currency: net.currency }
    }
}

fn div_round(numerator: i128, denominator: i128) -> i64 {
    let half = denominator / 2;
    let rounded = if numerator < 0 { (numerator - half) / denominator } else { (numerator + half) / denominator };
    i64::try_from(rounded).unwrap_or(if numerator < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gbp(amount: i64) -> Money {
        Money { amount, currency: Currency::parse("gbp").unwrap() }
    }

    #[test]
    fn a_blank_currency_is_unknown_and_a_wrong_one_is_refused() {
        assert_eq!(Currency::parse("  "), Some(Currency::UNKNOWN));
        assert_eq!(Currency::parse("eur").unwrap().code(), "EUR");
        assert_eq!(Currency::parse("EURO"), None);
        assert_eq!(Currency::parse("£"), None);
    }

    #[test]
    fn amounts_are_rounded_at_the_currency() {
        let of = |text: &str, code: &str| Money::from_decimal(text.parse().unwrap(), Currency::parse(code).unwrap());
        assert_eq!(of("3.5999999999999996", "GBP").unwrap().amount, 36_000);
        assert_eq!(of("1.5", "JPY").unwrap().amount, 20_000);
        assert_eq!(of("99999999999", "GBP"), Err(MoneyError::TooLarge));
        assert_eq!(Money::from_minor(1234, Currency::parse("GBP").unwrap()).unwrap().to_string(), "12.34 GBP");
        assert_eq!(Money::from_minor(1234, Currency::parse("JPY").unwrap()).unwrap().to_string(), "1234 JPY");
    }

    #[test]
    fn an_amount_is_written_rounded_not_cut() {
        assert_eq!(gbp(41_666).to_string(), "4.17 GBP");
        assert_eq!(gbp(-41_650).to_string(), "-4.17 GBP");
        assert_eq!(gbp(41_649).to_string(), "4.16 GBP");
        assert_eq!(gbp(120_000).to_string(), "12.00 GBP");
        assert_eq!(Money { amount: 55_000, currency: Currency::parse("JPY").unwrap() }.to_string(), "6 JPY");
    }

    #[test]
    fn amounts_are_counted_in_a_shops_own_precision() {
        assert_eq!(gbp(123_450).to_units_of(2), 1_235);
        assert_eq!(gbp(123_450).to_units_of(4), 123_450);
        assert_eq!(gbp(123_450).to_units_of(6), 12_345_000);
        assert_eq!(gbp(-123_450).to_units_of(0), -12);
    }

    #[test]
    fn tax_follows_the_reference_example() {
        let twenty = Rate::from_percent(Decimal::from(20)).unwrap();
        assert_eq!(twenty.tax_in(gbp(119_900)).amount, 19_983);
        assert_eq!(twenty.tax_on(gbp(119_900)).amount, 23_980);
    }

    proptest! {
        #[test]
        fn tax_in_a_gross_amount_is_the_tax_on_its_net(net in 0_i64..10_000_000_000, percent in 0_i64..100) {
            let rate = Rate::from_percent(Decimal::from(percent)).unwrap();
            let tax = rate.tax_on(gbp(net));
            let gross = gbp(net).plus(tax).unwrap();
            prop_assert!((rate.tax_in(gross).amount - tax.amount).abs() <= 1);
        }
    }
}
