//! An order is edited by a person: addresses, dates, sums, lines. Reference 8.1.
//!
//! The form says everything that the order shall be; what it leaves out of the lines goes. A line that came from the channel keeps
//! the channel's id when its item or quantity changes, so that the despatch note still names it; a line that was taken out gets no
//! note, and one that was put in is not told of.

use std::collections::HashMap;

use consign_db::Tx;
use consign_values::{Address, FieldErrors, ItemId, LineId, Money, OrderId, Rate, Timestamp, clean};
use serde::{Deserialize, Serialize};

use super::compose::{Recipes, expand, recipes, scale};
use super::money::{Priced, add_up, postage_tax};
use super::reclaim::reclaim;
use super::search_text::index;
use super::take::wanted;
use super::{Action, Detail, Line, NO_DEADLINE, Order, open_for, store};
use crate::stock::{Cause, claims_of};
use crate::{Ctx, Error, Result, changes, history, items};

/// Lines of an order that a person can make.
const LINES_MAX: usize = 1_000;

/// What an edited order shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEdit {
    /// Where it goes.
    pub delivery: Address,
    /// Who pays.
    pub billing: Address,
    /// The buyer's name on the channel.
    pub buyer: String,
    /// The customer-visible number.
    pub secondary_reference: String,
    /// A further number.
    pub external_reference: String,
    /// When it must leave; none for no deadline.
    pub despatch_by: Option<Timestamp>,
    /// Rank when stock is short, −100 to 100; higher first.
    pub priority: i64,
    /// Postage, tax included, in ten-thousandths of the order's currency.
    pub postage: i64,
    /// Order discount, likewise, as a positive amount.
    pub discount: i64,
    /// Its lines, without parts of composites.
    pub lines: Vec<LineEdit>,
}

/// What an edited line shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineEdit {
    /// The line it was; none for one that is put in.
    pub id: Option<LineId>,
    /// Its item.
    pub item_id: Option<ItemId>,
    /// What it is called on the order.
    pub title: String,
    /// Neither stock nor item.
    pub is_service: bool,
    /// Units.
    pub quantity: i64,
    /// Price of one, in ten-thousandths.
    pub unit_price: i64,
    /// Discount on the line, in ten-thousandths, as a positive amount.
    pub discount: i64,
    /// Tax rate.
    pub tax_rate: Rate,
    /// Whether the price contains tax.
    pub tax_inclusive: bool,
}

impl From<&Line> for LineEdit {
    fn from(line: &Line) -> Self {
        LineEdit {
            id: Some(line.id),
            item_id: line.item_id,
            title: line.title.clone(),
            is_service: line.is_service,
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount: line.discount,
            tax_rate: line.tax_rate,
            tax_inclusive: line.tax_inclusive,
        }
    }
}

impl OrderEdit {
    /// What the order is now.
    pub fn of(order: &Order, detail: &Detail, lines: &[Line]) -> Self {
        OrderEdit {
            delivery: detail.delivery(),
            billing: detail.billing(),
            buyer: order.buyer.clone(),
            secondary_reference: order.secondary_reference.clone(),
            external_reference: order.external_reference.clone(),
            despatch_by: order.deadline(),
            priority: order.priority,
            postage: detail.postage,
            discount: detail.discount,
            lines: lines.iter().filter(|line| line.parent_line_id.is_none()).map(LineEdit::from).collect(),
        }
    }
}

/// What an open order is now, as a form and with its version.
pub fn editable(tx: &mut Tx<'_>, id: OrderId) -> Result<(Order, OrderEdit)> {
    let order = super::get(tx, id)?;
    if let Some(refusal) = super::refusal(&order, Action::Edit) {
        return Err(refusal.into());
    }
    let detail = store::detail(tx, id)?.ok_or(Error::NotFound("order"))?;
    let edit = OrderEdit::of(&order, &detail, &store::lines(tx, id)?);
    Ok((order, edit))
}

/// Edits an order that is still at `version`; history says what was and what is.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, version: i64, new: &OrderEdit) -> Result<()> {
    let before = open_for(tx, id, Action::Edit)?;
    if before.version != version {
        return Err(Error::Stale);
    }
    let new = checked(new)?;
    let detail = store::detail(tx, id)?.ok_or(Error::NotFound("order"))?;
    let lines_before = store::lines(tx, id)?;
    let was = OrderEdit::of(&before, &detail, &lines_before);
    if was == new {
        return Ok(());
    }
    let lines = new_lines(tx, &before, &lines_before, &new)?;
    let sums = {
        let tax = new_postage_tax(&before, &detail, &lines_before, &new)?;
        add_up(before.currency, lines.iter().map(Priced::from), new.postage, tax, new.discount)
            .map_err(|error| Error::invalid("total", error.to_string()))?
    };
    let order = edited(&before, &new, &lines, sums.total);
    let detail = Detail {
        delivery: serde_json::to_string(&new.delivery).unwrap_or_default(),
        billing: serde_json::to_string(&new.billing).unwrap_or_default(),
        subtotal: sums.subtotal,
        postage: new.postage,
        discount: new.discount,
        tax: sums.tax,
        ..detail
    };
    let claims = claims_of(tx, id)?;
    let wants =
        if order.is_live() { lines.iter().filter_map(|line| wanted(&order, line)).collect() } else { Vec::new() };
    reclaim(tx, ctx, Cause::Edit, claims, wants, &[id], |tx| {
        store::write_lines(tx, &lines_before, &lines)?;
        store::update_edited(tx, &order)?;
        store::update_sums(tx, &detail)
    })?;
    index(tx, &order)?;
    let skus = sku_names(tx, &was, &new)?;
    let said = differences(&order, &was, &new, &skus);
    for field in &said {
        store::set_provenance(tx, id, field.0, &ctx.actor_text())?;
    }
    let said: Vec<String> = said.into_iter().map(|(field, text)| format!("{field}: {text}")).collect();
    history::record(tx, ctx, "order", id.0, "edited", said.join("; "))?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// The form with its texts trimmed, or what is wrong with it, field by field.
pub(super) fn checked(edit: &OrderEdit) -> Result<OrderEdit> {
    let mut errors = FieldErrors::new();
    let amount = |errors: &mut FieldErrors, field: &str, amount: i64| {
        if !(0..=Money::MAX).contains(&amount) {
            errors.add(field, "must be between 0 and 1,000,000,000");
        }
    };
    amount(&mut errors, "postage", edit.postage);
    amount(&mut errors, "discount", edit.discount);
    if !(-100..=100).contains(&edit.priority) {
        errors.add("priority", "must be between -100 and 100");
    }
    if edit.lines.is_empty() || edit.lines.len() > LINES_MAX {
        errors.add("lines", "must be between 1 and 1,000");
    }
    let mut lines = Vec::with_capacity(edit.lines.len());
    for (i, line) in edit.lines.iter().enumerate() {
        let field = |name: &str| format!("lines.{}.{name}", i + 1);
        if !(1..=1_000_000).contains(&line.quantity) {
            errors.add(field("quantity"), "must be between 1 and 1,000,000");
        }
        amount(&mut errors, &field("unit_price"), line.unit_price);
        amount(&mut errors, &field("discount"), line.discount);
        if !(0..=10_000_000).contains(&line.tax_rate.0) {
            errors.add(field("tax_rate"), "must be between 0 and 1,000 %");
        }
        let title = clean(&line.title, 255);
        if title.is_empty() {
            errors.add(field("title"), "must not be empty");
        }
        if line.is_service && line.item_id.is_some() {
            errors.add(field("item"), "a service has no item");
        }
        lines.push(LineEdit { title, ..line.clone() });
    }
    errors.into_result()?;
    Ok(OrderEdit {
        delivery: edit.delivery.clone().cleaned(),
        billing: edit.billing.clone().cleaned(),
        buyer: clean(&edit.buyer, 255),
        secondary_reference: clean(&edit.secondary_reference, 128),
        external_reference: clean(&edit.external_reference, 128),
        lines,
        ..edit.clone()
    })
}

/// The lines as they shall be, children of composites among them, in their sequence.
fn new_lines(tx: &mut Tx<'_>, order: &Order, before: &[Line], edit: &OrderEdit) -> Result<Vec<Line>> {
    let known: HashMap<LineId, &Line> = before.iter().map(|line| (line.id, line)).collect();
    let named: Vec<ItemId> = edit.lines.iter().filter_map(|line| line.item_id).collect();
    let skus: HashMap<ItemId, String> = items::list_of(tx, &named)?.into_iter().map(|i| (i.id, i.sku)).collect();
    let recipes = recipes(tx, named)?;
    let mut lines = Vec::new();
    let mut seen = Vec::new();
    for (i, line) in edit.lines.iter().enumerate() {
        let wrong = |field: &str, why: &str| Error::invalid(format!("lines.{}.{field}", i + 1), why);
        if line.item_id.is_some_and(|item| !skus.contains_key(&item)) {
            return Err(wrong("item", "is no item"));
        }
        match line.id {
            None => lines.extend(added(tx, order.id, line, &skus, &recipes)?),
            Some(id) => {
                let old = known.get(&id).filter(|old| old.parent_line_id.is_none() && !seen.contains(&id));
                let old = old.ok_or_else(|| wrong("id", "is no line of this order"))?;
                seen.push(id);
                if line.quantity < old.shipped_before {
                    return Err(wrong("quantity", "is less than what has been shipped already"));
                }
                let children: Vec<&Line> = before.iter().filter(|child| child.parent_line_id == Some(id)).collect();
                lines.extend(kept(tx, old, &children, line, &recipes)?);
            }
        }
    }
    Ok(lines)
}

/// A line that a person puts in, with its parts.
pub(super) fn added(
    tx: &mut Tx<'_>,
    order: OrderId,
    edit: &LineEdit,
    skus: &HashMap<ItemId, String>,
    recipes: &Recipes,
) -> Result<Vec<Line>> {
    let id = LineId(tx.next_id("line")?);
    let mut line = Line {
        id,
        order_id: order,
        channel_line: format!("added-{id}"),
        channel_sku: edit.item_id.and_then(|item| skus.get(&item).cloned()).unwrap_or_default(),
        title: edit.title.clone(),
        item_id: edit.item_id,
        is_service: edit.is_service,
        quantity: edit.quantity,
        shipped_before: 0,
        unit_price: edit.unit_price,
        discount: edit.discount,
        tax_rate: edit.tax_rate,
        tax_inclusive: edit.tax_inclusive,
        options: "[]".to_owned(),
        reference: String::new(),
        note_line: String::new(),
        added: true,
        composite: false,
        parent_line_id: None,
    };
    let children = expand(tx, &mut line, recipes)?;
    Ok(std::iter::once(line).chain(children).collect())
}

fn kept(tx: &mut Tx<'_>, old: &Line, children: &[&Line], edit: &LineEdit, recipes: &Recipes) -> Result<Vec<Line>> {
    let mut line = Line {
        title: edit.title.clone(),
        item_id: edit.item_id,
        is_service: edit.is_service,
        quantity: edit.quantity,
        unit_price: edit.unit_price,
        discount: edit.discount,
        tax_rate: edit.tax_rate,
        tax_inclusive: edit.tax_inclusive,
        ..old.clone()
    };
    let children = if line.item_id == old.item_id {
        let scaled = |child: &&Line| Line { quantity: scale(child, old.quantity, line.quantity), ..(*child).clone() };
        children.iter().map(scaled).collect()
    } else {
        expand(tx, &mut line, recipes)?
    };
    Ok(std::iter::once(line).chain(children).collect())
}

/// The tax in the postage goes with the postage; where there was none, it is taxed as the dearest-taxed line.
fn new_postage_tax(order: &Order, detail: &Detail, lines: &[Line], edit: &OrderEdit) -> Result<i64> {
    let before =
        postage_tax(order.currency, detail, lines).map_err(|error| Error::invalid("total", error.to_string()))?;
    if edit.postage == detail.postage {
        return Ok(before);
    }
    if detail.postage > 0 {
        let scaled = i128::from(before) * i128::from(edit.postage) / i128::from(detail.postage);
        return Ok(i64::try_from(scaled).unwrap_or(before));
    }
    let rate = edit.lines.iter().map(|line| line.tax_rate).max().unwrap_or_default();
    Ok(rate.tax_in(Money { amount: edit.postage, currency: order.currency }).amount)
}

fn edited(before: &Order, edit: &OrderEdit, lines: &[Line], total: i64) -> Order {
    let sold = || lines.iter().filter(|line| line.parent_line_id.is_none());
    Order {
        buyer: edit.buyer.clone(),
        full_name: edit.delivery.full_name.clone(),
        company: edit.delivery.company.clone(),
        postcode: edit.delivery.postcode.clone(),
        country_code: edit.delivery.country_code.to_string(),
        secondary_reference: edit.secondary_reference.clone(),
        external_reference: edit.external_reference.clone(),
        despatch_by: edit.despatch_by.map_or(NO_DEADLINE, |at| at.min(NO_DEADLINE)),
        priority: edit.priority,
        line_count: sold().count() as i64,
        unit_count: sold().map(|line| line.quantity).sum(),
        total,
        version: before.version + 1,
        ..before.clone()
    }
}

fn sku_names(tx: &mut Tx<'_>, was: &OrderEdit, is: &OrderEdit) -> Result<HashMap<ItemId, String>> {
    let named: Vec<ItemId> = was.lines.iter().chain(&is.lines).filter_map(|line| line.item_id).collect();
    Ok(items::list_of(tx, &named)?.into_iter().map(|item| (item.id, item.sku)).collect())
}

/// What changed, field by field: what it was → what it is.
fn differences(
    order: &Order,
    was: &OrderEdit,
    is: &OrderEdit,
    skus: &HashMap<ItemId, String>,
) -> Vec<(&'static str, String)> {
    let money = |amount: i64| Money { amount, currency: order.currency }.to_string();
    let date = |at: Option<Timestamp>| at.map_or("none".to_owned(), Timestamp::to_rfc3339);
    let mut said = Vec::new();
    let mut compare = |field: &'static str, old: String, new: String| {
        if old != new {
            said.push((field, format!("{old} → {new}")));
        }
    };
    compare("delivery", was.delivery.one_line(), is.delivery.one_line());
    compare("billing", was.billing.one_line(), is.billing.one_line());
    compare("buyer", was.buyer.clone(), is.buyer.clone());
    compare("secondary_reference", was.secondary_reference.clone(), is.secondary_reference.clone());
    compare("external_reference", was.external_reference.clone(), is.external_reference.clone());
    compare("despatch_by", date(was.despatch_by), date(is.despatch_by));
    compare("priority", was.priority.to_string(), is.priority.to_string());
    compare("postage", money(was.postage), money(is.postage));
    compare("discount", money(was.discount), money(is.discount));
    let list = |edit: &OrderEdit| {
        let line = |line: &LineEdit| {
            let name = line.item_id.and_then(|item| skus.get(&item)).unwrap_or(&line.title);
            let discount = if line.discount == 0 { String::new() } else { format!(" less {}", money(line.discount)) };
            format!("{} × {name} at {}{discount}", line.quantity, money(line.unit_price))
        };
        edit.lines.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    compare("lines", list(was), list(is));
    said
}
