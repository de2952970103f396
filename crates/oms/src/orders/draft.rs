//! Direct orders: by telephone, e-mail, over the counter. Reference 7.10.
//!
//! A draft is only a form that was kept: it is in no list of orders and holds no stock. Completed, it becomes an order of source
//! `DIRECT` and is worked on as any other; unpaid, it is parked until somebody marks it as paid.

use std::collections::HashMap;

use consign_db::{Tx, row};
use consign_values::{Currency, DraftId, FieldErrors, ItemId, LocationId, Money, OrderId, Rate, Timestamp, clean};
use serde::{Deserialize, Serialize};

use super::centre;
use super::compose::recipes;
use super::edit::{added, checked};
use super::money::{Priced, add_up};
use super::reclaim::reclaim;
use super::search_text::index;
use super::take::wanted;
use super::{
    Action, CentreState, DespatchState, Detail, HoldReason, Line, NO_DEADLINE, Order, OrderEdit, OrderState, Payment,
    hold, open_for, store,
};
use crate::settings::direct_orders;
use crate::stock::{Cause, StockState};
use crate::{Ctx, Error, Refusal, Result, changes, customers, decisions, history, items, locations};

/// The source of direct orders.
pub const DIRECT: &str = "DIRECT";

/// What a direct order shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftForm {
    /// Free text that tells its origin apart: a shop, a fair, a person.
    pub sub_source: String,
    /// The customer's number of it; blank: its own id.
    pub reference: String,
    /// Where it is fulfilled.
    pub location_id: LocationId,
    /// Currency of all amounts.
    pub currency: Currency,
    /// The money is there.
    pub paid: bool,
    /// How it was or will be paid.
    pub payment_method: String,
    /// Carrier.
    pub carrier: String,
    /// Service.
    pub service: String,
    /// Tax rate of the postage.
    pub postage_tax_rate: Rate,
    /// Whether prices contain tax on lines that are added next; a setting when the draft was made.
    pub tax_inclusive: bool,
    /// Keep the customer in the address book when it is completed.
    pub keep_customer: bool,
    /// Everything else.
    pub order: OrderEdit,
}

row! {
    /// A draft as it is stored.
    #[derive(Clone, Debug)]
    pub struct Draft in "order_draft" {
        /// Its id.
        pub id: DraftId,
        /// JSON of a [`DraftForm`].
        pub form: String,
        /// Who left it so.
        pub author: String,
        /// When.
        pub updated_at: Timestamp,
        /// Counts up with each change.
        pub version: i64,
    }
}

impl Draft {
    /// The form.
    pub fn form(&self) -> Result<DraftForm> {
        serde_json::from_str(&self.form).map_err(|error| Error::invalid("draft", error.to_string()))
    }
}

/// Begins a draft for that location, with currency and tax as the settings say.
pub fn begin_draft(tx: &mut Tx<'_>, ctx: &Ctx<'_>, location: LocationId) -> Result<DraftId> {
    locations::get(tx, location)?;
    let settings = direct_orders(tx)?;
    let form = DraftForm {
        sub_source: String::new(),
        reference: String::new(),
        location_id: location,
        currency: settings.currency,
        paid: false,
        payment_method: settings.payment_method,
        carrier: String::new(),
        service: String::new(),
        postage_tax_rate: settings.postage_tax_rate,
        tax_inclusive: settings.tax_inclusive,
        keep_customer: false,
        order: OrderEdit::default(),
    };
    let id = DraftId(tx.next_id("draft")?);
    tx.insert(&Draft { id, form: json(&form), author: ctx.actor_text(), updated_at: ctx.now(), version: 1 })?;
    history::record(tx, ctx, "draft", id.0, "begun", "")?;
    Ok(id)
}

fn json(form: &DraftForm) -> String {
    serde_json::to_string(form).unwrap_or_default()
}

/// Keeps a draft as it is, right or wrong, if it is still at `version`.
pub fn save_draft(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: DraftId, version: i64, form: &DraftForm) -> Result<()> {
    draft(tx, id)?;
    let text = json(form);
    if text.len() > 1_000_000 {
        return Err(Error::invalid("lines", "are too many for one order"));
    }
    match store::update_draft(tx, id, version, &text, &ctx.actor_text(), ctx.now())? {
        0 => Err(Error::Stale),
        _ => Ok(()),
    }
}

/// One draft.
pub fn draft(tx: &mut Tx<'_>, id: DraftId) -> Result<Draft> {
    store::find_draft(tx, id)?.ok_or(Error::NotFound("draft"))
}

/// The drafts, the last touched first, at most 200.
pub fn drafts(tx: &mut Tx<'_>) -> Result<Vec<Draft>> {
    store::drafts(tx)
}

/// Throws a draft away.
pub fn discard_draft(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: DraftId) -> Result<()> {
    draft(tx, id)?;
    store::delete_draft(tx, id)?;
    history::record(tx, ctx, "draft", id.0, "discarded", "")
}

/// Makes the order of a draft that is still at `version`, and takes its stock; gives the order's id. Unpaid, it is parked.
pub fn complete_draft(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: DraftId, version: i64) -> Result<OrderId> {
    let draft = store::lock_draft(tx, id)?.ok_or(Error::NotFound("draft"))?;
    if draft.version != version {
        return Err(Error::Stale);
    }
    let form = draft.form()?;
    let order = complete(tx, ctx, &form)?;
    store::delete_draft(tx, id)?;
    history::record(tx, ctx, "draft", id.0, "completed", format!("as order {order}"))?;
    Ok(order)
}

fn complete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, form: &DraftForm) -> Result<OrderId> {
    let edit = checked(&form.order)?;
    let mut errors = FieldErrors::new();
    if edit.delivery.is_empty() {
        errors.add("delivery", "must say where to send it");
    }
    if form.currency == Currency::UNKNOWN {
        errors.add("currency", "must be an ISO 4217 code such as GBP");
    }
    errors.into_result()?;
    let place = locations::get(tx, form.location_id)?;
    let id = OrderId(tx.next_id("orders")?);
    let lines = lines(tx, id, &edit)?;
    let (mut order, detail) = rows(ctx, id, form, &edit, &lines)?;
    order.locked = !place.counts_orders();
    let live = order.is_live();
    let wants = lines.iter().filter(|_| live).filter_map(|line| wanted(&order, line)).collect();
    reclaim(tx, ctx, Cause::Receive, Vec::new(), wants, &[id], |tx| {
        tx.insert(&order).map_err(|error| {
            if error.is_unique("orders_intake") || error.is_unique("orders.reference") {
                Error::invalid("reference", "is the reference of another direct order with that sub-source")
            } else {
                error.into()
            }
        })?;
        tx.insert(&detail)?;
        Ok(tx.insert_many(&lines)?)
    })?;
    index(tx, &order)?;
    if form.keep_customer {
        customers::keep(tx, ctx, &edit.delivery)?;
    }
    history::record(tx, ctx, "order", id.0, "completed", format!("direct order, {} lines", order.line_count))?;
    let location = format!("location {}", order.location_id);
    decisions::record(tx, ctx, id, "location", location, format!("chosen by {}", ctx.actor))?;
    decisions::record(tx, ctx, id, "status", format!("taken as {}", order.payment), format!("said by {}", ctx.actor))?;
    if place.fulfilment_centre {
        centre::hand_over(tx, ctx, id, &place)?;
        decisions::record(tx, ctx, id, "park", "parked", "its location is a fulfilment centre, which answers for it")?;
    }
    if order.payment == Payment::Unpaid {
        hold::park_for(tx, ctx, id, HoldReason::Unpaid, "unparked when it is marked as paid")?;
        decisions::record(tx, ctx, id, "park", "parked", "it is unpaid")?;
    }
    changes::announce(tx, ctx, "order", [id.0])?;
    Ok(id)
}

fn lines(tx: &mut Tx<'_>, order: OrderId, edit: &OrderEdit) -> Result<Vec<Line>> {
    let named: Vec<ItemId> = edit.lines.iter().filter_map(|line| line.item_id).collect();
    let skus: HashMap<ItemId, String> = items::list_of(tx, &named)?.into_iter().map(|i| (i.id, i.sku)).collect();
    let recipes = recipes(tx, named)?;
    let mut lines = Vec::new();
    for (i, line) in edit.lines.iter().enumerate() {
        if line.item_id.is_some_and(|item| !skus.contains_key(&item)) {
            return Err(Error::invalid(format!("lines.{}.item", i + 1), "is no item"));
        }
        lines.extend(added(tx, order, line, &skus, &recipes)?);
    }
    Ok(lines)
}

fn rows(ctx: &Ctx<'_>, id: OrderId, form: &DraftForm, edit: &OrderEdit, lines: &[Line]) -> Result<(Order, Detail)> {
    let postage_tax = form.postage_tax_rate.tax_in(Money { amount: edit.postage, currency: form.currency }).amount;
    let sums = add_up(form.currency, lines.iter().map(Priced::from), edit.postage, postage_tax, edit.discount)
        .map_err(|error| Error::invalid("total", error.to_string()))?;
    let sold = || lines.iter().filter(|line| line.parent_line_id.is_none());
    let billing = if edit.billing.is_empty() { &edit.delivery } else { &edit.billing };
    let reference = clean(&form.reference, 128);
    let order = Order {
        id,
        source: DIRECT.to_owned(),
        sub_source: clean(&form.sub_source, 128),
        reference: if reference.is_empty() { format!("D-{id}") } else { reference },
        part: 0,
        channel_id: None,
        secondary_reference: edit.secondary_reference.clone(),
        external_reference: edit.external_reference.clone(),
        location_id: form.location_id,
        state: OrderState::Open,
        payment: if form.paid { Payment::Paid } else { Payment::Unpaid },
        parked: false,
        locked: false,
        tag: 0,
        stock_state: StockState::None,
        despatch_state: DespatchState::None,
        note_count: 0,
        line_count: sold().count() as i64,
        unit_count: sold().map(|line| line.quantity).sum(),
        buyer: edit.buyer.clone(),
        full_name: edit.delivery.full_name.clone(),
        company: edit.delivery.company.clone(),
        postcode: edit.delivery.postcode.clone(),
        country_code: edit.delivery.country_code.to_string(),
        currency: form.currency,
        total: sums.total,
        priority: edit.priority,
        carrier: clean(&form.carrier, 128),
        service: clean(&form.service, 128),
        tracking_number: String::new(),
        received_at: ctx.now(),
        despatch_by: edit.despatch_by.map_or(NO_DEADLINE, |at| at.min(NO_DEADLINE)),
        created_at: ctx.now(),
        ended_at: None,
        version: 1,
        centre: CentreState::None,
        merged_into: None,
        no_merge: false,
    };
    let detail = Detail {
        order_id: id,
        delivery: serde_json::to_string(&edit.delivery).unwrap_or_default(),
        billing: serde_json::to_string(billing).unwrap_or_default(),
        subtotal: sums.subtotal,
        postage: edit.postage,
        discount: edit.discount,
        tax: sums.tax,
        site: String::new(),
        channel_status: String::new(),
        shipping_tag: String::new(),
        payment_tag: String::new(),
        payment_method: clean(&form.payment_method, 128),
        paid_at: form.paid.then(|| ctx.now()),
        properties: "[]".to_owned(),
        provenance: format!(r#"{{"location":"{0}","service":"{0}"}}"#, ctx.actor),
    };
    Ok((order, detail))
}

/// The money has come for an order that no channel speaks for; it is unparked if it was parked for that.
pub fn mark_paid(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId) -> Result<()> {
    let order = open_for(tx, id, Action::MarkPaid)?;
    if order.payment == Payment::Paid {
        return Err(Refusal::AlreadyPaid.into());
    }
    store::set_paid(tx, id, ctx.now())?;
    hold::lift(tx, ctx, id, HoldReason::Unpaid)?;
    history::record(tx, ctx, "order", id.0, "paid", format!("said by {}", ctx.actor))?;
    decisions::record(tx, ctx, id, "status", "now paid", format!("marked by {}", ctx.actor))?;
    changes::announce(tx, ctx, "order", [id.0])
}
