//! Settings: versions, history from what to what, each user's own over the company's.

use consign_db::testing::on_each_engine;
use consign_oms::settings::{
    self, Currencies, CurrencyRate, Formats, Opens, Preferences, ProcessingChecks, TaxRate, TaxRates, preferences,
};
use consign_oms::users::{self, Role, UserForm};
use consign_oms::{Actor, Ctx, Error, MIGRATIONS, history};
use consign_values::{Currency, DateStyle, LocationId, Money, NumberStyle, Rate, Timestamp};

use crate::shop::Shop;

#[test]
fn a_section_is_set_at_its_version_and_history_says_from_what_to_what() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let checks = ProcessingChecks { paid: true, ..ProcessingChecks::default() };
        shop.does(|tx, ctx| settings::set(tx, ctx, &checks, 0)).unwrap();
        let stale = shop.does(|tx, ctx| settings::set(tx, ctx, &ProcessingChecks::default(), 0));
        assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
        let kept = shop.does(|tx, _| settings::load::<ProcessingChecks>(tx)).unwrap();
        assert_eq!((kept.value, kept.version), (checks, 1));
        shop.does(|tx, ctx| settings::set(tx, ctx, &checks, 1)).unwrap();
        let entries = shop.does(|tx, _| history::list(tx, "setting", 0)).unwrap();
        let said: Vec<&str> = entries.iter().map(|entry| entry.detail.as_str()).collect();
        assert_eq!(said, ["processing_checks: paid: false → true"], "what is the same is no change");
    });
}

#[test]
fn a_users_choice_goes_before_the_companys() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let form = UserForm {
            email: "ann@example.com".into(),
            name: "Ann".into(),
            role: Role::Desk,
            password_hash: "none".into(),
        };
        let user = shop.does(|tx, ctx| users::create(tx, ctx, &form)).unwrap();
        let company = Formats { dates: DateStyle::DayMonth, zone: "europe/london".into(), ..Formats::default() };
        shop.does(|tx, ctx| settings::set(tx, ctx, &company, 0)).unwrap();
        let own = Preferences { numbers: Some(NumberStyle::PointComma), ..Preferences::default() };
        shop.does(|tx, ctx| preferences::set(tx, ctx, user, &own, 0)).unwrap();
        let manner = shop.does(|tx, _| preferences::manner(tx, user)).unwrap();
        assert_eq!(manner.moment(Timestamp::parse("2026-07-01T16:05:00Z").unwrap()), "01/07/2026 17:05");
        assert_eq!(manner.numbers, NumberStyle::PointComma);
        let zone = db.write(|tx| preferences::zone(tx, &Ctx::new(&shop.clock, Actor::User(user))));
        assert_eq!(zone.unwrap(), "Europe/London", "what is read without a zone is read on these clocks");
        let own = Preferences { zone: Some("Asia/Tokyo".into()), opens: Opens::All, ..Preferences::default() };
        shop.does(|tx, ctx| preferences::set(tx, ctx, user, &own, 1)).unwrap();
        let entries = shop.does(|tx, _| history::list(tx, "user", user.0)).unwrap();
        assert_eq!(entries[0].detail, "opens: last → all; zone: – → Asia/Tokyo; numbers: point_comma → as the company");
        let nowhere = Preferences { opens: Opens::At(LocationId(77)), ..Preferences::default() };
        assert!(matches!(shop.does(|tx, ctx| preferences::set(tx, ctx, user, &nowhere, 2)), Err(Error::Invalid(_))));
    });
}

#[test]
fn tax_and_currencies_are_checked_entry_by_entry() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let rate = |country: &str, name: &str, rate| TaxRate {
            country_code: country.into(),
            name: name.into(),
            rate: Rate(rate),
        };
        let rates = TaxRates { rates: vec![rate("Ireland", "standard", 230_000), rate("uk", "reduced", 50_000)] };
        shop.does(|tx, ctx| settings::set(tx, ctx, &rates, 0)).unwrap();
        let kept = shop.does(|tx, _| settings::get::<TaxRates>(tx)).unwrap();
        assert_eq!(kept.rates, [rate("GB", "reduced", 50_000), rate("IE", "standard", 230_000)]);
        let twice = TaxRates { rates: vec![rate("GB", "a", 1), rate("GB", "a", 2)] };
        let refused = shop.does(|tx, ctx| settings::set(tx, ctx, &twice, 1)).unwrap_err();
        assert!(refused.to_string().contains("rates[1].name"), "{refused}");

        let eur = Currency::parse("EUR").unwrap();
        let one = CurrencyRate { currency: eur, rate: "0.85".parse().unwrap(), day: "2026-11-23".into() };
        let currencies = Currencies { rates: vec![one], ..Currencies::default() };
        shop.does(|tx, ctx| settings::set(tx, ctx, &currencies, 0)).unwrap();
        let kept = shop.does(|tx, _| settings::get::<Currencies>(tx)).unwrap();
        let (total, by) = kept.in_base(Money { amount: 100_000, currency: eur }).unwrap();
        assert_eq!((total.to_string().as_str(), by.day.as_str()), ("8.50 GBP", "2026-11-23"));
        assert!(kept.in_base(total).is_none(), "the base currency is worth itself");
    });
}
