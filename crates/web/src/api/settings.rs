//! Settings of the company, section by section, and the caller's own. A section carries its version: send the one you read.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::settings::{self, Kept, Opens, Section, preferences};
use consign_oms::{Error, retention};
use consign_values::{ClockStyle, Currency, DateStyle, LocationId, NumberStyle, Rate, UserId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input};
use super::document::one_of;
use crate::App;
use crate::access::{ManageSettings, View};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(company, set_company))
        .routes(routes!(formats, set_formats))
        .routes(routes!(checks, set_checks))
        .routes(routes!(direct, set_direct))
        .routes(routes!(order_pages, set_order_pages))
        .routes(routes!(handling, set_handling))
        .routes(routes!(tax_rates, set_tax_rates))
        .routes(routes!(currencies, set_currencies))
        .routes(routes!(kept_days, set_kept_days))
        .routes(routes!(own, set_own))
}

fn date_styles() -> Object {
    one_of(DateStyle::ALL.iter().map(|(_, code, _)| *code))
}

fn clock_styles() -> Object {
    one_of(ClockStyle::ALL.iter().map(|(_, code, _)| *code))
}

fn number_styles() -> Object {
    one_of(NumberStyle::ALL.iter().map(|(_, code, _)| *code))
}

fn read_style<T: Copy>(field: &str, code: &str, all: &[(T, &str, &str)]) -> Result<T, Error> {
    let found = all.iter().find(|(_, known, _)| *known == code).map(|(style, ..)| *style);
    found.ok_or_else(|| Error::invalid(field, "must be one of the choices"))
}

fn style_code<T: PartialEq>(style: T, all: &[(T, &'static str, &'static str)]) -> String {
    all.iter().find(|(known, ..)| *known == style).map_or("", |(_, code, _)| *code).to_owned()
}

fn percent(field: &str, text: &str) -> Result<Rate, Error> {
    let wrong = || Error::invalid(field, "must be a percentage between \"0\" and \"1000\"");
    let value: Decimal = text.trim().parse().map_err(|_| wrong())?;
    Rate::from_percent(value).ok_or_else(wrong)
}

fn currency(field: &str, code: &str) -> Result<Currency, Error> {
    Currency::parse(code).ok_or_else(|| Error::invalid(field, "must be an ISO 4217 code such as GBP"))
}

/// A section of the pages, in JSON.
trait Shape: Serialize + Sized + Send + 'static {
    type Of: Section;
    fn show(kept: Kept<Self::Of>) -> Self;
}

async fn read<S: Shape>(app: &App) -> Answer<Json<S>> {
    Ok(Json(app.read(|tx| Ok(S::show(settings::load(tx)?))).await?))
}

async fn write<S: Shape>(call: Call, new: S::Of, version: i64) -> Answer<Response>
where
    S::Of: Send + 'static,
{
    call.write(StatusCode::OK, move |tx, ctx| {
        settings::set(tx, ctx, &new, version)?;
        Ok(S::show(settings::load(tx)?))
    })
    .await
}

/// Who the company is.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Company {
    name: String,
    line1: String,
    line2: String,
    town: String,
    region: String,
    postcode: String,
    /// ISO 3166 code or name; blank where none is set.
    country_code: String,
    phone: String,
    email: String,
    tax_number: String,
    /// 0 where nobody has set it yet.
    version: i64,
}

impl Shape for Company {
    type Of = settings::Company;
    fn show(kept: Kept<settings::Company>) -> Self {
        let c = kept.value;
        Company {
            name: c.name,
            line1: c.line1,
            line2: c.line2,
            town: c.town,
            region: c.region,
            postcode: c.postcode,
            country_code: c.country_code,
            phone: c.phone,
            email: c.email,
            tax_number: c.tax_number,
            version: kept.version,
        }
    }
}

/// Who the company is.
#[utoipa::path(get, path = "/settings/company", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The company.", body = Company)))]
async fn company(State(app): State<App>, _: ManageSettings) -> Answer<Json<Company>> {
    read(&app).await
}

/// Set who the company is.
#[utoipa::path(put, path = "/settings/company", tag = "settings", security(("token" = ["manage_settings"])), request_body = Company,
    responses((status = 200, description = "The company.", body = Company)))]
async fn set_company(_: ManageSettings, call: Call, Input(c): Input<Company>) -> Answer<Response> {
    let new = settings::Company {
        name: c.name,
        line1: c.line1,
        line2: c.line2,
        town: c.town,
        region: c.region,
        postcode: c.postcode,
        country_code: c.country_code,
        phone: c.phone,
        email: c.email,
        tax_number: c.tax_number,
    };
    write::<Company>(call, new, c.version).await
}

/// How dates and numbers are written on pages for users who chose nothing else. The interface always uses ISO, UTC and the point.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Formats {
    #[schema(schema_with = date_styles)]
    dates: String,
    #[schema(schema_with = clock_styles)]
    clock: String,
    #[schema(schema_with = number_styles)]
    numbers: String,
    /// IANA name: `Europe/London`.
    zone: String,
    version: i64,
}

impl Shape for Formats {
    type Of = settings::Formats;
    fn show(kept: Kept<settings::Formats>) -> Self {
        let f = kept.value;
        Formats {
            dates: style_code(f.dates, DateStyle::ALL),
            clock: style_code(f.clock, ClockStyle::ALL),
            numbers: style_code(f.numbers, NumberStyle::ALL),
            zone: f.zone,
            version: kept.version,
        }
    }
}

/// How dates and numbers are written.
#[utoipa::path(get, path = "/settings/formats", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The formats.", body = Formats)))]
async fn formats(State(app): State<App>, _: ManageSettings) -> Answer<Json<Formats>> {
    read(&app).await
}

/// Set how dates and numbers are written.
#[utoipa::path(put, path = "/settings/formats", tag = "settings", security(("token" = ["manage_settings"])), request_body = Formats,
    responses((status = 200, description = "The formats.", body = Formats)))]
async fn set_formats(_: ManageSettings, call: Call, Input(f): Input<Formats>) -> Answer<Response> {
    let new = settings::Formats {
        dates: read_style("dates", &f.dates, DateStyle::ALL)?,
        clock: read_style("clock", &f.clock, ClockStyle::ALL)?,
        numbers: read_style("numbers", &f.numbers, NumberStyle::ALL)?,
        zone: f.zone,
    };
    write::<Formats>(call, new, f.version).await
}

/// What must hold before an order may be processed.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Checks {
    /// Only paid orders.
    paid: bool,
    /// All lines in stock, also where the location allows a negative level.
    in_stock: bool,
    /// All lines linked to items.
    linked: bool,
    version: i64,
}

impl Shape for Checks {
    type Of = settings::ProcessingChecks;
    fn show(kept: Kept<settings::ProcessingChecks>) -> Self {
        let c = kept.value;
        Checks { paid: c.paid, in_stock: c.in_stock, linked: c.linked, version: kept.version }
    }
}

/// What must hold before an order may be processed.
#[utoipa::path(get, path = "/settings/processing-checks", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The checks.", body = Checks)))]
async fn checks(State(app): State<App>, _: ManageSettings) -> Answer<Json<Checks>> {
    read(&app).await
}

/// Set what must hold before an order may be processed.
#[utoipa::path(put, path = "/settings/processing-checks", tag = "settings", security(("token" = ["manage_settings"])), request_body = Checks,
    responses((status = 200, description = "The checks.", body = Checks)))]
async fn set_checks(_: ManageSettings, call: Call, Input(c): Input<Checks>) -> Answer<Response> {
    let new = settings::ProcessingChecks { paid: c.paid, in_stock: c.in_stock, linked: c.linked };
    write::<Checks>(call, new, c.version).await
}

/// What direct orders start as.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Direct {
    /// Prices contain tax.
    tax_inclusive: bool,
    /// ISO 4217.
    currency: String,
    payment_method: String,
    /// In percent: `"20"`.
    postage_tax_rate: String,
    version: i64,
}

impl Shape for Direct {
    type Of = settings::DirectOrders;
    fn show(kept: Kept<settings::DirectOrders>) -> Self {
        let d = kept.value;
        Direct {
            tax_inclusive: d.tax_inclusive,
            currency: d.currency.to_string(),
            payment_method: d.payment_method,
            postage_tax_rate: d.postage_tax_rate.to_percent().to_string(),
            version: kept.version,
        }
    }
}

/// What direct orders start as.
#[utoipa::path(get, path = "/settings/direct-orders", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The start.", body = Direct)))]
async fn direct(State(app): State<App>, _: ManageSettings) -> Answer<Json<Direct>> {
    read(&app).await
}

/// Set what direct orders start as. Drafts that were begun before keep what they have.
#[utoipa::path(put, path = "/settings/direct-orders", tag = "settings", security(("token" = ["manage_settings"])), request_body = Direct,
    responses((status = 200, description = "The start.", body = Direct)))]
async fn set_direct(_: ManageSettings, call: Call, Input(d): Input<Direct>) -> Answer<Response> {
    let new = settings::DirectOrders {
        tax_inclusive: d.tax_inclusive,
        currency: currency("currency", &d.currency)?,
        payment_method: d.payment_method,
        postage_tax_rate: percent("postage_tax_rate", &d.postage_tax_rate)?,
    };
    write::<Direct>(call, new, d.version).await
}

/// What the pages of orders offer.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Offers {
    /// *Complete and process* on drafts.
    complete_and_process: bool,
    version: i64,
}

impl Shape for Offers {
    type Of = settings::OrderPages;
    fn show(kept: Kept<settings::OrderPages>) -> Self {
        Offers { complete_and_process: kept.value.complete_and_process, version: kept.version }
    }
}

/// What the pages of orders offer.
#[utoipa::path(get, path = "/settings/order-pages", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The offers.", body = Offers)))]
async fn order_pages(State(app): State<App>, _: ManageSettings) -> Answer<Json<Offers>> {
    read(&app).await
}

/// Set what the pages of orders offer.
#[utoipa::path(put, path = "/settings/order-pages", tag = "settings", security(("token" = ["manage_settings"])), request_body = Offers,
    responses((status = 200, description = "The offers.", body = Offers)))]
async fn set_order_pages(_: ManageSettings, call: Call, Input(o): Input<Offers>) -> Answer<Response> {
    write::<Offers>(call, settings::OrderPages { complete_and_process: o.complete_and_process }, o.version).await
}

/// How orders are merged, split and put into folders.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Handling {
    /// Orders that are alike become one by themselves, every 15 minutes.
    merge_alike: bool,
    /// People and programs split only orders that were received in the current month.
    split_this_month_only: bool,
    /// An order is in one folder at most.
    one_folder: bool,
    /// As it was read; a section that has changed since is left alone.
    version: i64,
}

impl Shape for Handling {
    type Of = settings::Handling;
    fn show(kept: Kept<settings::Handling>) -> Self {
        let settings::Handling { merge_alike, split_this_month_only, one_folder } = kept.value;
        Handling { merge_alike, split_this_month_only, one_folder, version: kept.version }
    }
}

/// How orders are merged, split and put into folders.
#[utoipa::path(get, path = "/settings/handling", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The handling.", body = Handling)))]
async fn handling(State(app): State<App>, _: ManageSettings) -> Answer<Json<Handling>> {
    read(&app).await
}

/// Set how orders are merged, split and put into folders.
#[utoipa::path(put, path = "/settings/handling", tag = "settings", security(("token" = ["manage_settings"])), request_body = Handling,
    responses((status = 200, description = "The handling.", body = Handling)))]
async fn set_handling(_: ManageSettings, call: Call, Input(h): Input<Handling>) -> Answer<Response> {
    let Handling { merge_alike, split_this_month_only, one_folder, version } = h;
    write::<Handling>(call, settings::Handling { merge_alike, split_this_month_only, one_folder }, version).await
}

/// A tax rate to choose from.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TaxRate {
    /// ISO 3166 code or name.
    country_code: String,
    /// Unique for its country.
    name: String,
    /// In percent: `"20"`.
    rate: String,
}

/// All tax rates to choose from.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TaxRates {
    #[schema(max_items = 500)]
    rates: Vec<TaxRate>,
    version: i64,
}

impl Shape for TaxRates {
    type Of = settings::TaxRates;
    fn show(kept: Kept<settings::TaxRates>) -> Self {
        let show = |rate: settings::TaxRate| TaxRate {
            country_code: rate.country_code,
            name: rate.name,
            rate: rate.rate.to_percent().to_string(),
        };
        TaxRates { rates: kept.value.rates.into_iter().map(show).collect(), version: kept.version }
    }
}

/// The tax rates that drafts and edits offer.
#[utoipa::path(get, path = "/settings/tax-rates", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The rates.", body = TaxRates)))]
async fn tax_rates(State(app): State<App>, _: ManageSettings) -> Answer<Json<TaxRates>> {
    read(&app).await
}

/// Replace the tax rates. Orders keep the rate they have.
#[utoipa::path(put, path = "/settings/tax-rates", tag = "settings", security(("token" = ["manage_settings"])), request_body = TaxRates,
    responses((status = 200, description = "The rates.", body = TaxRates)))]
async fn set_tax_rates(_: ManageSettings, call: Call, Input(new): Input<TaxRates>) -> Answer<Response> {
    let mut rates = Vec::new();
    for (n, rate) in new.rates.into_iter().enumerate() {
        rates.push(settings::TaxRate {
            country_code: rate.country_code,
            name: rate.name,
            rate: percent(&format!("rates[{n}].rate"), &rate.rate)?,
        });
    }
    write::<TaxRates>(call, settings::TaxRates { rates }, new.version).await
}

/// What a currency is worth.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CurrencyRate {
    /// ISO 4217.
    currency: String,
    /// Units of the base currency for one: `"0.85"`, at most eight decimals.
    rate: String,
    /// The day the rate is of.
    #[schema(format = Date)]
    day: String,
}

/// The base currency, and what others are worth in it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Currencies {
    /// ISO 4217.
    base: String,
    #[schema(max_items = 200)]
    rates: Vec<CurrencyRate>,
    version: i64,
}

impl Shape for Currencies {
    type Of = settings::Currencies;
    fn show(kept: Kept<settings::Currencies>) -> Self {
        let show = |rate: settings::CurrencyRate| CurrencyRate {
            currency: rate.currency.to_string(),
            rate: rate.rate.to_string(),
            day: rate.day,
        };
        let base = kept.value.base.to_string();
        Currencies { base, rates: kept.value.rates.into_iter().map(show).collect(), version: kept.version }
    }
}

/// What currencies are worth, for totals that pages show.
#[utoipa::path(get, path = "/settings/currencies", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The currencies.", body = Currencies)))]
async fn currencies(State(app): State<App>, _: ManageSettings) -> Answer<Json<Currencies>> {
    read(&app).await
}

/// Replace what currencies are worth. No order changes.
#[utoipa::path(put, path = "/settings/currencies", tag = "settings", security(("token" = ["manage_settings"])), request_body = Currencies,
    responses((status = 200, description = "The currencies.", body = Currencies)))]
async fn set_currencies(_: ManageSettings, call: Call, Input(new): Input<Currencies>) -> Answer<Response> {
    let mut rates = Vec::new();
    for (n, rate) in new.rates.into_iter().enumerate() {
        let wrong = |_| Error::invalid(format!("rates[{n}].rate"), "must be a number such as \"0.85\"");
        rates.push(settings::CurrencyRate {
            currency: currency(&format!("rates[{n}].currency"), &rate.currency)?,
            rate: rate.rate.trim().parse().map_err(|error: rust_decimal::Error| wrong(error.to_string()))?,
            day: rate.day,
        });
    }
    let base = currency("base", &new.base)?;
    write::<Currencies>(call, settings::Currencies { base, rates }, new.version).await
}

/// How long personal data is kept.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeptDays {
    /// Whether anything is removed.
    on: bool,
    /// Days after an order ended.
    #[schema(minimum = 30, maximum = 36500)]
    days: i64,
    version: i64,
}

impl Shape for KeptDays {
    type Of = settings::Retention;
    fn show(kept: Kept<settings::Retention>) -> Self {
        KeptDays { on: kept.value.on, days: kept.value.days, version: kept.version }
    }
}

/// How long personal data is kept.
#[utoipa::path(get, path = "/settings/retention", tag = "settings", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The setting.", body = KeptDays)))]
async fn kept_days(State(app): State<App>, _: ManageSettings) -> Answer<Json<KeptDays>> {
    read(&app).await
}

/// Set how long personal data is kept. Switched on, a run begins at once; what it removes can't be brought back.
#[utoipa::path(put, path = "/settings/retention", tag = "settings", security(("token" = ["manage_settings"])), request_body = KeptDays,
    responses((status = 200, description = "The setting.", body = KeptDays)))]
async fn set_kept_days(_: ManageSettings, call: Call, Input(new): Input<KeptDays>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        retention::switch(tx, ctx, &settings::Retention { on: new.on, days: new.days }, new.version)?;
        Ok(KeptDays::show(settings::load(tx)?))
    })
    .await
}

/// What the token's user chose for the pages; null means as the company has it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Own {
    #[schema(required, schema_with = own_dates)]
    #[serde(deserialize_with = "Option::deserialize")]
    dates: Option<String>,
    #[schema(required, schema_with = own_clock)]
    #[serde(deserialize_with = "Option::deserialize")]
    clock: Option<String>,
    #[schema(required, schema_with = own_numbers)]
    #[serde(deserialize_with = "Option::deserialize")]
    numbers: Option<String>,
    /// IANA name.
    #[schema(required)]
    #[serde(deserialize_with = "Option::deserialize")]
    zone: Option<String>,
    /// Where the list of open orders begins: `last`, `all`, or a location's id as text.
    opens: String,
    version: i64,
}

fn nullable(codes: Vec<&'static str>) -> Object {
    use utoipa::openapi::schema::SchemaType;
    use utoipa::openapi::{ObjectBuilder, Type};
    let values: Vec<serde_json::Value> =
        codes.into_iter().map(serde_json::Value::from).chain([serde_json::Value::Null]).collect();
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(values))
        .build()
}

fn own_dates() -> Object {
    nullable(DateStyle::ALL.iter().map(|(_, code, _)| *code).collect())
}

fn own_clock() -> Object {
    nullable(ClockStyle::ALL.iter().map(|(_, code, _)| *code).collect())
}

fn own_numbers() -> Object {
    nullable(NumberStyle::ALL.iter().map(|(_, code, _)| *code).collect())
}

fn own_of(tx: &mut Tx<'_>, user: UserId) -> Result<Own, Error> {
    let kept = preferences::load(tx, user)?;
    let p = kept.value;
    Ok(Own {
        dates: p.dates.map(|style| style_code(style, DateStyle::ALL)),
        clock: p.clock.map(|style| style_code(style, ClockStyle::ALL)),
        numbers: p.numbers.map(|style| style_code(style, NumberStyle::ALL)),
        zone: p.zone,
        opens: match p.opens {
            Opens::Last => "last".to_owned(),
            Opens::All => "all".to_owned(),
            Opens::At(place) => place.to_string(),
        },
        version: kept.version,
    })
}

/// What the token's user chose for the pages.
#[utoipa::path(get, path = "/settings/me", tag = "settings", security(("token" = ["view"])),
    responses((status = 200, description = "The preferences.", body = Own)))]
async fn own(State(app): State<App>, View(user): View) -> Answer<Json<Own>> {
    Ok(Json(app.read(move |tx| own_of(tx, user.id)).await?))
}

/// Set what the token's user chose for the pages.
#[utoipa::path(put, path = "/settings/me", tag = "settings", security(("token" = ["view"])), request_body = Own,
    responses((status = 200, description = "The preferences.", body = Own)))]
async fn set_own(View(user): View, call: Call, Input(new): Input<Own>) -> Answer<Response> {
    let opens = match new.opens.as_str() {
        "last" => Opens::Last,
        "all" => Opens::All,
        place => {
            let id = place.parse().map_err(|_| Error::invalid("opens", "must be last, all, or a location's id"))?;
            Opens::At(LocationId(id))
        }
    };
    let chosen = preferences::Preferences {
        dates: new.dates.map(|code| read_style("dates", &code, DateStyle::ALL)).transpose()?,
        clock: new.clock.map(|code| read_style("clock", &code, ClockStyle::ALL)).transpose()?,
        numbers: new.numbers.map(|code| read_style("numbers", &code, NumberStyle::ALL)).transpose()?,
        zone: new.zone,
        opens,
    };
    call.write(StatusCode::OK, move |tx, ctx| {
        preferences::set(tx, ctx, user.id, &chosen, new.version)?;
        own_of(tx, user.id)
    })
    .await
}
