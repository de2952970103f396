//! Making an order's sums come out as the channel has them.
//!
//! Channels round per line, per unit or per order; ours is a unit price times a quantity less a discount. Whatever then still
//! differs from the channel's total becomes the order's discount or, upwards, a service line. Pure.

use consign_ports::IncomingLine;
use consign_values::{Currency, Money, Quantity, Rate};
use rust_decimal::{Decimal, RoundingStrategy};

/// A unit price and a line discount for a line that cost `before` and, after discounts, `after`. The price is rounded
/// up to the currency's decimals, and the discount takes off what that adds, so `units` times the one less the other is
/// `after`.
pub(crate) fn split_line(
    before: Decimal,
    after: Decimal,
    units: i64,
    currency: Currency,
) -> Result<(Money, Money), String> {
    let told = |error: consign_values::MoneyError| error.to_string();
    let charged = Money::from_decimal(after, currency).map_err(told)?;
    let each = before.max(after).checked_div(Decimal::from(units)).unwrap_or_default();
    let each = each.round_dp_with_strategy(currency.decimals().min(4), RoundingStrategy::ToPositiveInfinity);
    let unit_price = Money::from_decimal(each, currency).map_err(told)?;
    let whole = unit_price.times(units).map_err(told)?;
    Ok((unit_price, Money { amount: whole.amount.saturating_sub(charged.amount).max(0), currency }))
}

/// A line for something that is no goods, such as a fee.
pub(crate) fn service_line(channel_line: String, title: String, amount: Money) -> IncomingLine {
    IncomingLine {
        channel_line,
        channel_sku: String::new(),
        title,
        quantity: Quantity::new(1).expect("one is a quantity"),
        shipped_quantity: 0,
        unit_price: amount,
        discount: Money::zero(amount.currency),
        tax_rate: Rate::default(),
        tax_inclusive: true,
        is_service: true,
        options: Vec::new(),
    }
}

/// Makes lines and postage come to `total`: gives the order's discount, or adds a line called `difference_line` for what is
/// missing.
pub(crate) fn settle_difference(
    lines: &mut Vec<IncomingLine>,
    postage: Money,
    total: Money,
    difference_line: &str,
) -> Result<Money, String> {
    let mut sum = postage;
    for line in lines.iter() {
        let whole = line.unit_price.times(line.quantity.units()).map_err(|error| error.to_string())?;
        let charged = Money { amount: whole.amount.saturating_sub(line.discount.amount), ..whole };
        sum = sum.plus(charged).map_err(|error| error.to_string())?;
    }
    let missing = total.amount.saturating_sub(sum.amount);
    if missing > 0 {
        let amount = Money { amount: missing, currency: total.currency };
        lines.push(service_line(difference_line.to_owned(), "Price adjustment".to_owned(), amount));
    }
    Ok(Money { amount: missing.saturating_neg().max(0), currency: total.currency })
}

/// The tax rate of an amount: the sum of the rates that the channel names, if it fits net amount and tax within a penny or
/// two of rounding, or else the quotient of the two.
pub(crate) fn rate_of(net: Decimal, tax: Decimal, named_percent: Decimal) -> Rate {
    if net <= Decimal::ZERO || tax <= Decimal::ZERO {
        return Rate::default();
    }
    let expected = named_percent.checked_mul(net).and_then(|product| product.checked_div(Decimal::ONE_HUNDRED));
    let fits =
        expected.and_then(|expected| expected.checked_sub(tax)).is_some_and(|gap| gap.abs() <= Decimal::new(2, 2));
    let quotient = || tax.checked_div(net)?.checked_mul(Decimal::ONE_HUNDRED).map(|percent| percent.round_dp(2));
    let percent = if fits { Some(named_percent) } else { quotient() };
    percent.and_then(Rate::from_percent).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_price_that_does_not_divide_is_rounded_up_and_the_discount_mends_it() {
        let gbp = Currency::parse("GBP").unwrap();
        let (price, discount) = split_line(decimal("10.00"), decimal("10.00"), 3, gbp).unwrap();
        assert_eq!((price.amount, discount.amount), (33_400, 200));
        let (price, discount) = split_line(decimal("20.00"), decimal("15.00"), 2, gbp).unwrap();
        assert_eq!((price.amount, discount.amount), (100_000, 50_000));
        let yen = Currency::parse("JPY").unwrap();
        let (price, discount) = split_line(decimal("100"), decimal("100"), 3, yen).unwrap();
        assert_eq!((price.amount, discount.amount), (340_000, 20_000));
        assert!(split_line(Decimal::MAX, Decimal::MAX, 1, gbp).is_err());
    }

    #[test]
    fn a_named_rate_is_believed_where_it_fits_and_else_the_amounts_are() {
        assert_eq!(rate_of(decimal("16.65"), decimal("3.33"), decimal("20")).to_percent(), decimal("20"));
        assert_eq!(rate_of(decimal("100"), decimal("5"), decimal("20")).to_percent(), decimal("5"));
        assert_eq!(rate_of(decimal("0"), decimal("5"), decimal("20")), Rate::default());
        assert_eq!(rate_of(Decimal::MAX, decimal("1"), Decimal::MAX), Rate::default());
    }
}
