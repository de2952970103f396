//! The sums of an order, from its lines, postage and discount. Reference 1.5.

use consign_ports::{IncomingLine, IncomingOrder};
use consign_values::{Money, MoneyError};

/// An order's sums, in its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Lines, tax included.
    pub subtotal: i64,
    /// Tax contained in lines and postage.
    pub tax: i64,
    /// What the buyer pays.
    pub total: i64,
}

/// Adds up. The error is for amounts beyond counting.
pub fn totals(order: &IncomingOrder) -> Result<Totals, MoneyError> {
    let mut subtotal = Money::zero(order.currency);
    let mut tax = order.postage_tax_rate.tax_in(order.postage);
    for line in &order.lines {
        let (gross, line_tax) = line_sums(line)?;
        subtotal = subtotal.plus(gross)?;
        tax = tax.plus(line_tax)?;
    }
    let discount = Money { amount: -order.discount.amount, ..order.discount };
    let total = subtotal.plus(order.postage)?.plus(discount)?;
    Ok(Totals { subtotal: subtotal.amount, tax: tax.amount, total: total.amount })
}

fn line_sums(line: &IncomingLine) -> Result<(Money, Money), MoneyError> {
    let discount = Money { amount: -line.discount.amount, ..line.discount };
    let price = line.unit_price.times(line.quantity.units())?.plus(discount)?;
    if line.tax_inclusive {
        Ok((price, line.tax_rate.tax_in(price)))
    } else {
        let tax = line.tax_rate.tax_on(price);
        Ok((price.plus(tax)?, tax))
    }
}
