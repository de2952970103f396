//! What a line of an Amazon order costs, from its proceeds. Pure.
//!
//! Amazon breaks each item's proceeds down by type (ITEM, SHIPPING, GIFT_WRAP, COD_FEE, OTHER, TAX, DISCOUNT) and tax and
//! discount again by what they are on. Whether tax comes on top of the prices (USA) or is in them (Europe) is told by which of
//! the two gives the item's total, or else by the marketplace. Either way our lines are gross: tax on top is added to
//! what it is on, so that the sums are the buyer's to the penny. What then still differs from the order's grand total
//! becomes the order's discount or, upwards, a service line.

use consign_ports::IncomingLine;
use consign_values::{Currency, Money, Rate};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::mapping::{LINES_MAX, NOT_A_LINE, charge};
use crate::loose::Fields;

/// Amounts on goods, postage and charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    item: Decimal,
    shipping: Decimal,
    wrap: Decimal,
    cod: Decimal,
    other: Decimal,
}

impl Parts {
    /// The part of that type; what is not known apart belongs to the goods.
    fn of(&mut self, kind: &str) -> &mut Decimal {
        match kind {
            "SHIPPING" => &mut self.shipping,
            "GIFT_WRAP" => &mut self.wrap,
            "COD_FEE" => &mut self.cod,
            "OTHER" => &mut self.other,
            _ => &mut self.item,
        }
    }

    fn sum(&self) -> Decimal {
        self.item + self.shipping + self.wrap + self.cod + self.other
    }

    fn plus(&self, other: &Parts) -> Parts {
        Parts {
            item: self.item + other.item,
            shipping: self.shipping + other.shipping,
            wrap: self.wrap + other.wrap,
            cod: self.cod + other.cod,
            other: self.other + other.other,
        }
    }
}

/// One item's sums.
pub(super) struct ItemSums {
    currency: Currency,
    /// With tax.
    gross: Parts,
    tax: Parts,
    /// What is taken off, as positive amounts: off the goods, off the postage.
    discount: (Decimal, Decimal),
}

impl ItemSums {
    /// Reads an item's proceeds; where there are none, its unit price counts.
    pub fn read(
        item: &Fields<'_>,
        product: &Fields<'_>,
        currency: Currency,
        units: i64,
        tax_on_top: bool,
    ) -> Result<Self, String> {
        let (mut prices, mut tax, mut discount) = (Parts::default(), Parts::default(), (Decimal::ZERO, Decimal::ZERO));
        let (mut has_item, mut total) = (false, None);
        if let Some(proceeds) = item.object("proceeds")? {
            total = amount(&proceeds, "proceedsTotal", currency)?;
            for breakdown in proceeds.objects("breakdowns", LINES_MAX)? {
                let kind = breakdown.raw_text("type")?;
                let whole = amount(&breakdown, "subtotal", currency)?.unwrap_or_default();
                has_item |= kind == "ITEM";
                match kind.as_str() {
                    "TAX" => {
                        let on = details(&breakdown, currency)?;
                        tax = tax.plus(&on);
                        // What isn't told apart, as the tax on discounts, is the goods'.
                        tax.item += whole - on.sum();
                    }
                    "DISCOUNT" => {
                        let off_postage = details(&breakdown, currency)?.shipping.abs();
                        discount.0 += whole.abs() - off_postage;
                        discount.1 += off_postage;
                    }
                    kind => *prices.of(kind) += whole,
                }
            }
        }
        if !has_item {
            prices.item += unit_price(product, currency)?.unwrap_or_default() * Decimal::from(units);
        }
        let off = discount.0 + discount.1;
        let on_top = match total {
            Some(total) => {
                let without = prices.sum() - off;
                (without + tax.sum() - total).abs() < (without - total).abs()
            }
            None => tax_on_top,
        };
        let gross = if on_top { prices.plus(&tax) } else { prices };
        if gross.item.is_sign_negative() && !gross.item.is_zero() {
            return Err(item.wrong("proceeds", "must not be negative"));
        }
        Ok(ItemSums { currency, gross, tax, discount })
    }

    /// Price of one with tax, and the line's discount with what rounding the price up gave too much.
    pub fn line(&self, units: i64) -> Result<(Money, Money), String> {
        let places = self.currency.decimals().min(4);
        let each = (self.gross.item / Decimal::from(units.max(1)))
            .round_dp_with_strategy(places, RoundingStrategy::AwayFromZero);
        let unit = self.money(each)?;
        let whole = unit.times(units).map_err(|error| error.to_string())?;
        let charged = self.money(self.gross.item - self.discount.0)?;
        let off = whole.amount.saturating_sub(charged.amount).max(0);
        Ok((unit, Money { amount: off, currency: self.currency }))
    }

    /// The goods' tax rate.
    pub fn tax_rate(&self) -> Rate {
        rate(self.gross.item - self.tax.item - self.discount.0, self.tax.item, self.currency)
    }

    /// Service lines for gift wrapping and fees.
    pub fn charges(&self, id: &str) -> Vec<IncomingLine> {
        let all = [
            ("wrap", "Gift wrapping", self.gross.wrap, self.tax.wrap),
            ("cod", "Cash on delivery", self.gross.cod, self.tax.cod),
            ("other", "Other charge", self.gross.other, self.tax.other),
        ];
        let line = |(kind, title, gross, tax): (&str, &str, Decimal, Decimal)| {
            let amount = self.money(gross).ok().filter(|amount| amount.amount != 0)?;
            let line = charge(format!("{kind}{NOT_A_LINE}{id}"), title, amount);
            Some(IncomingLine { tax_rate: rate(gross - tax, tax, self.currency), ..line })
        };
        all.into_iter().filter_map(line).collect()
    }

    fn money(&self, amount: Decimal) -> Result<Money, String> {
        Money::from_decimal(amount, self.currency).map_err(|error| error.to_string())
    }
}

/// The postage of all items together.
pub(super) struct Postage {
    currency: Currency,
    gross: Decimal,
    tax: Decimal,
    discount: Decimal,
}

impl Postage {
    /// None yet.
    pub fn new(currency: Currency) -> Self {
        Postage { currency, gross: Decimal::ZERO, tax: Decimal::ZERO, discount: Decimal::ZERO }
    }

    /// Adds one item's part.
    pub fn add(&mut self, sums: &ItemSums) {
        self.gross += sums.gross.shipping;
        self.tax += sums.tax.shipping;
        self.discount += sums.discount.1;
    }

    /// The postage after its discounts, its tax rate, and what was taken off beyond it.
    pub fn settle(&self) -> (Money, Rate, Money) {
        let left = self.gross - self.discount;
        let money = |amount: Decimal| {
            Money::from_decimal(amount.max(Decimal::ZERO), self.currency).unwrap_or(Money::zero(self.currency))
        };
        (money(left), rate(left - self.tax, self.tax, self.currency), money(-left))
    }
}

/// Makes lines and postage come to the grand total: gives the order's discount, or adds a line for what is missing.
pub(super) fn settle(
    order: &Fields<'_>,
    lines: &mut Vec<IncomingLine>,
    postage: Money,
    discount: Money,
) -> Result<Money, String> {
    let Some(proceeds) = order.object("proceeds")? else { return Ok(discount) };
    let Some(total) = amount(&proceeds, "grandTotal", postage.currency)? else { return Ok(discount) };
    let wrong = |error: &dyn std::fmt::Display| proceeds.wrong("grandTotal", error);
    let total = Money::from_decimal(total, postage.currency).map_err(|error| wrong(&error))?;
    let mut sum = postage;
    for line in lines.iter() {
        let whole = line.unit_price.times(line.quantity.units()).map_err(|error| wrong(&error))?;
        let charged = Money { amount: whole.amount.saturating_sub(line.discount.amount), ..whole };
        sum = sum.plus(charged).map_err(|error| wrong(&error))?;
    }
    let missing = total.amount.saturating_sub(sum.amount);
    if missing > 0 {
        let amount = Money { amount: missing, currency: total.currency };
        lines.push(charge(format!("difference{NOT_A_LINE}"), "Price adjustment", amount));
    }
    Ok(Money { amount: missing.saturating_neg().max(0), currency: total.currency })
}

/// Delivery tips, which stand at the order alone.
pub(super) fn tips(order: &Fields<'_>, currency: Currency) -> Result<Vec<IncomingLine>, String> {
    let Some(proceeds) = order.object("proceeds")? else { return Ok(Vec::new()) };
    let mut tip = Decimal::ZERO;
    for breakdown in proceeds.objects("breakdowns", LINES_MAX)? {
        if breakdown.raw_text("type")? == "DELIVERY_TIP" {
            tip += amount(&breakdown, "subtotal", currency)?.unwrap_or_default();
        }
    }
    let tip = Money::from_decimal(tip, currency).map_err(|error| proceeds.wrong("breakdowns", error))?;
    Ok(if tip.amount > 0 { vec![charge(format!("tip{NOT_A_LINE}"), "Delivery tip", tip)] } else { Vec::new() })
}

fn details(breakdown: &Fields<'_>, currency: Currency) -> Result<Parts, String> {
    let mut parts = Parts::default();
    for detail in breakdown.objects("detailedBreakdowns", LINES_MAX)? {
        let kind = detail.raw_text("subtype")?;
        // The tax on discounts lessens the goods' tax, which is what the rest of the whole is.
        if kind != "DISCOUNT" && kind != "ITEM" {
            *parts.of(&kind) += amount(&detail, "value", currency)?.unwrap_or_default();
        }
    }
    Ok(parts)
}

fn unit_price(product: &Fields<'_>, currency: Currency) -> Result<Option<Decimal>, String> {
    product.object("price")?.map_or(Ok(None), |price| amount(&price, "unitPrice", currency))
}

/// An amount of the order's currency, small enough to be summed without a second thought.
fn amount(fields: &Fields<'_>, key: &str, currency: Currency) -> Result<Option<Decimal>, String> {
    let Some(money) = fields.object(key)? else { return Ok(None) };
    let code = money.raw_text("currencyCode")?;
    if !code.is_empty() && Currency::parse(&code) != Some(currency) {
        return Err(money.wrong("currencyCode", format!("is not {currency} as in the rest of the order")));
    }
    let Some(amount) = money.decimal("amount")? else { return Ok(None) };
    Money::from_decimal(amount, currency).map_err(|error| money.wrong("amount", error))?;
    Ok(Some(amount.round_dp(8)))
}

/// The roundest rate that turns `net` into `tax` within half a minor unit or so; 0 where none is in reason.
fn rate(net: Decimal, tax: Decimal, currency: Currency) -> Rate {
    if net <= Decimal::ZERO || tax <= Decimal::ZERO {
        return Rate::default();
    }
    let Some(percent) = tax.checked_div(net).and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED)) else {
        return Rate::default();
    };
    let minor = Decimal::new(1, currency.decimals().min(4));
    let fits = |candidate: &Decimal| {
        let taxed = candidate.checked_mul(net).and_then(|taxed| taxed.checked_div(Decimal::ONE_HUNDRED));
        taxed.is_some_and(|taxed| (taxed - tax).abs() <= minor)
    };
    let roundest = (0..4).map(|places| percent.round_dp(places)).find(fits).unwrap_or(percent.round_dp(4));
    if roundest.to_f64().is_some_and(|percent| percent <= 100.0) {
        Rate::from_percent(roundest).unwrap_or_default()
    } else {
        Rate::default()
    }
}
