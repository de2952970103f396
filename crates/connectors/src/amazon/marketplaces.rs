//! Amazon's marketplaces: their ids, countries, currencies and regions.

/// One marketplace of Amazon.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marketplace {
    /// Amazon's id.
    pub id: &'static str,
    /// ISO 3166 code of its country.
    pub country: &'static str,
    /// ISO 4217 code of its prices.
    pub currency: &'static str,
    /// The region whose endpoint serves it.
    pub region: &'static str,
}

const fn place(region: &'static str, country: &'static str, currency: &'static str, id: &'static str) -> Marketplace {
    Marketplace { id, country, currency, region }
}

/// All of them.
pub(super) static MARKETPLACES: [Marketplace; 23] = [
    place("eu", "GB", "GBP", "A1F83G8C2ARO7P"),
    place("eu", "IE", "EUR", "A28R8C7NBKEWEA"),
    place("eu", "DE", "EUR", "A1PA6795UKMFR9"),
    place("eu", "FR", "EUR", "A13V1IB3VIYZZH"),
    place("eu", "IT", "EUR", "APJ6JRA9NG5V4"),
    place("eu", "ES", "EUR", "A1RKKUPIHCS9HS"),
    place("eu", "NL", "EUR", "A1805IZSGTT6HS"),
    place("eu", "BE", "EUR", "AMEN7PMS3EDWL"),
    place("eu", "SE", "SEK", "A2NODRKZP88ZB9"),
    place("eu", "PL", "PLN", "A1C3SOZRARQ6R3"),
    place("eu", "TR", "TRY", "A33AVAJ2PDY3EV"),
    place("eu", "ZA", "ZAR", "AE08WJ6YKNBMC"),
    place("eu", "EG", "EGP", "ARBP9OOSHTCHU"),
    place("eu", "SA", "SAR", "A17E79C6D8DWNP"),
    place("eu", "AE", "AED", "A2VIGQ35RCS4UG"),
    place("eu", "IN", "INR", "A21TJRUUN4KGV"),
    place("na", "US", "USD", "ATVPDKIKX0DER"),
    place("na", "CA", "CAD", "A2EUQ1WTGCTBG2"),
    place("na", "MX", "MXN", "A1AM78C64UM0Y8"),
    place("na", "BR", "BRL", "A2Q3Y263D00KWC"),
    place("fe", "JP", "JPY", "A1VC38T7YXB528"),
    place("fe", "AU", "AUD", "A39IBJ37TRP1C6"),
    place("fe", "SG", "SGD", "A19VAU5U5O7RUS"),
];

/// The marketplace of that id.
pub(super) fn by_id(id: &str) -> Option<&'static Marketplace> {
    MARKETPLACES.iter().find(|market| market.id == id)
}

/// The marketplace that a person means: a country code (`UK` too) or an id.
pub(super) fn meant(text: &str) -> Option<&'static Marketplace> {
    let text = text.trim().to_ascii_uppercase();
    let text = if text == "UK" { "GB" } else { text.as_str() };
    MARKETPLACES.iter().find(|market| market.country == text || market.id == text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use consign_values::{CountryCode, Currency};

    use super::*;

    #[test]
    fn ids_and_countries_are_unique_and_their_codes_are_codes() {
        let ids: HashSet<_> = MARKETPLACES.iter().map(|market| market.id).collect();
        let countries: HashSet<_> = MARKETPLACES.iter().map(|market| market.country).collect();
        assert_eq!((ids.len(), countries.len()), (MARKETPLACES.len(), MARKETPLACES.len()));
        for market in &MARKETPLACES {
            assert!(Currency::parse(market.currency).is_some(), "{market:?}");
            assert!(CountryCode::resolve(market.country, "").is_some(), "{market:?}");
            assert!(["eu", "na", "fe"].contains(&market.region), "{market:?}");
        }
        assert_eq!(meant(" uk "), by_id("A1F83G8C2ARO7P"));
        assert_eq!(meant("XX"), None);
    }
}
