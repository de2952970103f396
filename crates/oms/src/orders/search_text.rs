//! The text that an order is found by. It says, too, whether the order is open or ended, so that a search among the open
//! orders never walks the ended ones that hold the same word.

use consign_db::Tx;

use super::{Line, Order, OrderState, store};
use crate::Result;

/// Stands in the text of open orders: three characters, one entry of the index.
pub const OPEN: &str = "⟦o⟧";
/// Stands in the text of processed and cancelled ones.
pub const ENDED: &str = "⟦e⟧";

/// References, names, e-mail, town, postcode, tracking number and SKUs.
pub fn search_text(order: &Order, lines: &[Line], email: &str, town: &str) -> String {
    let scope = if order.state == OrderState::Open { OPEN } else { ENDED };
    let mut words: Vec<&str> = vec![scope, &order.reference, &order.secondary_reference, &order.external_reference];
    words.extend([order.full_name.as_str(), &order.company, &order.buyer, email, town, &order.postcode]);
    words.push(&order.tracking_number);
    words.extend(lines.iter().take(50).map(|line| line.channel_sku.as_str()));
    words.retain(|word| !word.is_empty());
    words.dedup();
    words.join(" ").to_lowercase()
}

/// Brings the search table up to what `order` says now; a deleted order is not found any more.
pub fn index(tx: &mut Tx<'_>, order: &Order) -> Result<()> {
    if order.state == OrderState::Deleted {
        return Ok(tx.search_delete("order_search", order.id.0)?);
    }
    let lines = store::lines(tx, order.id)?;
    let delivery = store::detail(tx, order.id)?.map(|detail| detail.delivery()).unwrap_or_default();
    let text = search_text(order, &lines, &delivery.email, &delivery.town);
    Ok(tx.search_put("order_search", order.id.0, &text)?)
}
