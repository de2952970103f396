//! How orders are worked on: the checks before processing (reference 3.2), all off to begin with; what direct orders start as; what
//! the pages offer.

use consign_db::Tx;
use consign_values::{Currency, Rate, clean};
use serde::{Deserialize, Serialize};

use super::{Section, get, load, set};
use crate::{Ctx, Error, Result};

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

impl Section for ProcessingChecks {
    const NAME: &'static str = "processing_checks";

    fn checked(self) -> Result<Self> {
        Ok(self)
    }
}

/// The checks in force.
pub fn processing_checks(tx: &mut Tx<'_>) -> Result<ProcessingChecks> {
    get(tx)
}

/// Sets the checks, whatever they were.
pub fn set_processing_checks(tx: &mut Tx<'_>, ctx: &Ctx<'_>, checks: ProcessingChecks) -> Result<()> {
    let version = load::<ProcessingChecks>(tx)?.version;
    set(tx, ctx, &checks, version)
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

impl Section for DirectOrders {
    const NAME: &'static str = "direct_orders";

    fn checked(self) -> Result<Self> {
        if self.currency == Currency::UNKNOWN {
            return Err(Error::invalid("currency", "must be an ISO 4217 code such as GBP"));
        }
        Ok(DirectOrders { payment_method: clean(&self.payment_method, 128), ..self })
    }
}

/// What direct orders start as.
pub fn direct_orders(tx: &mut Tx<'_>) -> Result<DirectOrders> {
    get(tx)
}

/// Sets what direct orders start as, whatever it was.
pub fn set_direct_orders(tx: &mut Tx<'_>, ctx: &Ctx<'_>, new: &DirectOrders) -> Result<()> {
    let version = load::<DirectOrders>(tx)?.version;
    set(tx, ctx, new, version)
}

/// How orders are merged, split and put into folders (reference 14.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handling {
    /// Orders that are alike become one by themselves.
    pub merge_alike: bool,
    /// People split only orders that were received in the current month.
    pub split_this_month_only: bool,
    /// An order is in one folder at most.
    pub one_folder: bool,
}

impl Section for Handling {
    const NAME: &'static str = "handling";

    fn checked(self) -> Result<Self> {
        Ok(self)
    }
}

/// What the pages of orders offer (reference 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderPages {
    /// *Complete and process* beside *Complete* on drafts.
    pub complete_and_process: bool,
}

impl Default for OrderPages {
    fn default() -> Self {
        OrderPages { complete_and_process: true }
    }
}

impl Section for OrderPages {
    const NAME: &'static str = "order_pages";

    fn checked(self) -> Result<Self> {
        Ok(self)
    }
}
