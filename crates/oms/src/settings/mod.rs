//! Settings: of the company, one section each with its own file, and of each user ([`preferences`]).
//!
//! A section is a small value that is stored as JSON under its name, with a version, so that two people never overwrite each other
//! silently. What a section does not hold yet is as its default says. Each change is in the history, from what to what.

mod company;
mod currencies;
mod formats;
mod orders;
pub mod preferences;
mod retention;
pub(crate) mod store;
mod tax;

use consign_db::Tx;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use company::Company;
pub use currencies::{Currencies, CurrencyRate};
pub use formats::Formats;
pub use orders::{
    DirectOrders, Handling, OrderPages, ProcessingChecks, direct_orders, processing_checks, set_direct_orders,
    set_processing_checks,
};
pub use preferences::{Opens, Preferences};
pub use retention::Retention;
pub use tax::{TaxRate, TaxRates};

use crate::{Ctx, Error, Result, history};

/// What is set together: one form, one version.
pub trait Section: Serialize + DeserializeOwned + Default + Clone {
    /// Its name in the table and in the history.
    const NAME: &'static str;

    /// The section as it is stored, or which fields are wrong.
    fn checked(self) -> Result<Self>;
}

/// A section with the version that a form has to send back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<S> {
    /// What is set.
    pub value: S,
    /// 0 where nobody has set it yet.
    pub version: i64,
}

/// A section as it is set, or its default.
pub fn get<S: Section>(tx: &mut Tx<'_>) -> Result<S> {
    Ok(load(tx)?.value)
}

/// A section and its version.
pub fn load<S: Section>(tx: &mut Tx<'_>) -> Result<Kept<S>> {
    let Some((text, version)) = store::find(tx, S::NAME)? else {
        return Ok(Kept { value: S::default(), version: 0 });
    };
    Ok(Kept { value: serde_json::from_str(&text).unwrap_or_default(), version })
}

/// Sets a section that was read at `version`; one that somebody has changed since is left alone ([`Error::Stale`]).
/// What is set already changes nothing.
pub fn set<S: Section>(tx: &mut Tx<'_>, ctx: &Ctx<'_>, new: &S, version: i64) -> Result<()> {
    let was = load::<S>(tx)?;
    if was.version != version {
        return Err(Error::Stale);
    }
    let (before, after) = (value(&was.value), value(&new.clone().checked()?));
    let changes = changes(&before, &after);
    if changes.is_empty() {
        return Ok(());
    }
    if store::put(tx, S::NAME, &after.to_string(), version)? != 1 {
        return Err(Error::Stale);
    }
    history::record(tx, ctx, "setting", 0, "changed", format!("{}: {}", S::NAME, changes.join("; ")))
}

fn value(section: &impl Serialize) -> Value {
    serde_json::to_value(section).unwrap_or_default()
}

/// What differs, field by field: `paid: false → true`. Of lists it says which entries went and which came.
pub(crate) fn changes(before: &Value, after: &Value) -> Vec<String> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return Vec::new() };
    let mut changes = Vec::new();
    for (field, now) in new {
        let was = old.get(field).unwrap_or(&Value::Null);
        match (was, now) {
            _ if was == now => {}
            (Value::Array(was), Value::Array(now)) => {
                let only = |these: &[Value], those: &[Value]| -> Vec<String> {
                    these.iter().filter(|one| !those.contains(one)).map(shown).collect()
                };
                let (gone, come) = (only(was, now), only(now, was));
                changes.push(format!("{field}: {} → {}", listed(&gone), listed(&come)));
            }
            _ => changes.push(format!("{field}: {} → {}", shown(was), shown(now))),
        }
    }
    for (field, was) in old.iter().filter(|(field, _)| !new.contains_key(*field)) {
        changes.push(format!("{field}: {} → as the company", shown(was)));
    }
    changes
}

fn listed(entries: &[String]) -> String {
    if entries.is_empty() { "–".to_owned() } else { entries.join(", ") }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            fields.values().filter(|field| !field.is_null()).map(shown).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
