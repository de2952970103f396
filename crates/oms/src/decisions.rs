//! Why each thing on an order was decided: append-only, kept for ever, in sentences.

use consign_db::{Tx, row};
use consign_values::{OrderId, Timestamp};

use crate::{Ctx, Result, store};

row! {
    /// One decision on one order.
    #[derive(Clone, Debug)]
    pub struct Decision in "decision" {
        /// Its id.
        pub id: i64,
        /// The order.
        pub order_id: OrderId,
        /// When.
        pub at: Timestamp,
        /// What was decided: `status`, `location`, `link`, `service`, `park`, `stock`, `despatch`.
        pub subject: String,
        /// The outcome.
        pub outcome: String,
        /// The values seen and the setting that decided.
        pub because: String,
    }
}

/// Records a decision.
pub fn record(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    order_id: OrderId,
    subject: &str,
    outcome: impl Into<String>,
    because: impl Into<String>,
) -> Result<()> {
    let decision = decision(tx, ctx, order_id, subject, outcome.into(), because.into())?;
    tx.insert(&decision)?;
    Ok(())
}

/// Makes a decision's record without adding it, for use cases that add many at once.
pub(crate) fn decision(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    order_id: OrderId,
    subject: &str,
    outcome: String,
    because: String,
) -> Result<Decision> {
    let id = tx.next_id("row")?;
    Ok(Decision { id, order_id, at: ctx.now(), subject: subject.to_owned(), outcome, because })
}

/// All decisions on an order, oldest first (at most 500).
pub fn list(tx: &mut Tx<'_>, order_id: OrderId) -> Result<Vec<Decision>> {
    store::list_decisions(tx, order_id)
}
