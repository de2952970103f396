//! Settings of the company: the checks before processing (reference 3.2), all off to begin with; and what direct orders start as.

use consign_db::Tx;
use consign_values::{Currency, Rate, clean};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Error, Result, history, store};

/// What must hold before an order may be processed, besides being open, unparked and unlocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessingChecks {
    /// Only paid orders.
    pub paid: bool,
    /// All lines allocated, also where the location allows negative stock.
    pub in_stock: bool,
    /// No unlinked line.
    pub linked: bool,
}

const PROCESSING_CHECKS: &str = "processing_checks";

/// The checks in force.
pub fn processing_checks(tx: &mut Tx<'_>) -> Result<ProcessingChecks> {
    let stored = store::find_setting(tx, PROCESSING_CHECKS)?;
    Ok(stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Sets the checks.
pub fn set_processing_checks(tx: &mut Tx<'_>, ctx: &Ctx<'_>, checks: ProcessingChecks) -> Result<()> {
    let text = format!(r#"{{"paid":{},"in_stock":{},"linked":{}}}"#, checks.paid, checks.in_stock, checks.linked);
    store::put_setting(tx, PROCESSING_CHECKS, &text)?;
    history::record(tx, ctx, "setting", 0, "changed", format!("{PROCESSING_CHECKS} = {text}"))
}

/// What a direct order starts as; changes touch only drafts that are begun later (reference 1.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DirectOrders {
    /// Prices contain tax.
    pub tax_inclusive: bool,
    /// Currency.
    pub currency: Currency,
    /// How they are usually paid.
    pub payment_method: String,
    /// Tax rate of the postage.
    pub postage_tax_rate: Rate,
}

impl Default for DirectOrders {
    fn default() -> Self {
        DirectOrders {
            tax_inclusive: true,
            currency: Currency::parse("GBP").unwrap_or(Currency::UNKNOWN),
            payment_method: String::new(),
            postage_tax_rate: Rate(200_000),
        }
    }
}

const DIRECT_ORDERS: &str = "direct_orders";

/// What direct orders start as.
pub fn direct_orders(tx: &mut Tx<'_>) -> Result<DirectOrders> {
    let stored = store::find_setting(tx, DIRECT_ORDERS)?;
    Ok(stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Sets what direct orders start as.
pub fn set_direct_orders(tx: &mut Tx<'_>, ctx: &Ctx<'_>, new: &DirectOrders) -> Result<()> {
    if new.currency == Currency::UNKNOWN {
        return Err(Error::invalid("currency", "must be an ISO 4217 code such as GBP"));
    }
    let new = DirectOrders { payment_method: clean(&new.payment_method, 128), ..new.clone() };
    let text = serde_json::to_string(&new).unwrap_or_default();
    store::put_setting(tx, DIRECT_ORDERS, &text)?;
    history::record(tx, ctx, "setting", 0, "changed", format!("{DIRECT_ORDERS} = {text}"))
}
