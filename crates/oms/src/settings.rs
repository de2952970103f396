//! Settings of the company: the checks before processing (reference 3.2), all off to begin with.

use consign_db::Tx;
use serde::{Deserialize, Serialize};

use crate::{Ctx, Result, history, store};

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
