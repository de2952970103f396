//! The sums of an order, from its lines, postage and discount. Reference 1.5.

use consign_ports::IncomingOrder;
use consign_values::{Currency, Money, MoneyError, Rate};

use super::{Detail, Line};

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

/// What a line costs.
#[derive(Clone, Copy, Debug)]
pub struct Priced {
    /// Units.
    pub quantity: i64,
    /// Price of one.
    pub unit_price: i64,
    /// Discount on the line.
    pub discount: i64,
    /// Tax rate.
    pub tax_rate: Rate,
    /// Whether the price contains tax.
    pub tax_inclusive: bool,
}

impl From<&Line> for Priced {
    fn from(line: &Line) -> Self {
        Priced {
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount: line.discount,
            tax_rate: line.tax_rate,
            tax_inclusive: line.tax_inclusive,
        }
    }
}

impl Priced {
    /// What it comes to with tax, and the tax in it.
    pub fn sums(self, currency: Currency) -> Result<(i64, i64), MoneyError> {
        let money = |amount| Money { amount, currency };
        let price = money(self.unit_price).times(self.quantity)?.plus(money(-self.discount))?;
        if self.tax_inclusive {
            return Ok((price.amount, self.tax_rate.tax_in(price).amount));
        }
        let tax = self.tax_rate.tax_on(price);
        Ok((price.plus(tax)?.amount, tax.amount))
    }
}

/// Adds up. The error is for amounts beyond counting.
pub fn add_up(
    currency: Currency,
    lines: impl Iterator<Item = Priced>,
    postage: i64,
    postage_tax: i64,
    discount: i64,
) -> Result<Totals, MoneyError> {
    let (mut subtotal, mut tax) = (0_i64, postage_tax);
    for line in lines {
        let (gross, line_tax) = line.sums(currency)?;
        subtotal = subtotal.checked_add(gross).ok_or(MoneyError::TooLarge)?;
        tax = tax.checked_add(line_tax).ok_or(MoneyError::TooLarge)?;
    }
    let total = subtotal.checked_add(postage).and_then(|sum| sum.checked_sub(discount)).ok_or(MoneyError::TooLarge)?;
    Ok(Totals { subtotal, tax, total })
}

/// The sums of an order as its channel gave it.
pub fn totals(order: &IncomingOrder) -> Result<Totals, MoneyError> {
    let lines = order.lines.iter().map(|line| Priced {
        quantity: line.quantity.units(),
        unit_price: line.unit_price.amount,
        discount: line.discount.amount,
        tax_rate: line.tax_rate,
        tax_inclusive: line.tax_inclusive,
    });
    let postage_tax = order.postage_tax_rate.tax_in(order.postage).amount;
    add_up(order.currency, lines, order.postage.amount, postage_tax, order.discount.amount)
}

/// The tax in an order's postage: what its lines leave of the order's tax.
pub fn postage_tax(currency: Currency, detail: &Detail, lines: &[Line]) -> Result<i64, MoneyError> {
    let of_lines = add_up(currency, lines.iter().map(Priced::from), 0, 0, 0)?.tax;
    Ok(detail.tax.saturating_sub(of_lines))
}

/// The part of `amount` that falls to `weight` of `whole`, rounded down: what is left over stays with the rest.
pub fn share(amount: i64, weight: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let part = i128::from(amount) * i128::from(weight.clamp(0, whole)) / i128::from(whole);
    i64::try_from(part).unwrap_or(amount)
}
