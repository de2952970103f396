//! What one customer may ask for: what is kept of them, as a file; and that it goes, now.
//!
//! A look-up by name or e-mail finds candidates; a person says which of them are the one who asked, because names are shared.

use consign_db::Tx;
use consign_values::{Address, CustomerId, DraftId, InboxId, OrderId, Timestamp};
use serde_json::{Value, json};

use super::scrub::{self, redact, sorted};
use super::store;
use crate::customers::Customer;
use crate::orders::{self, Draft, Filter, Order, OrderState};
use crate::{Ctx, Error, Result, customers, history};

/// Where somebody was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Orders with the address they go to, the latest first, at most 500.
    pub orders: Vec<(Order, Address)>,
    /// Entries of the address book.
    pub customers: Vec<Customer>,
    /// Drafts.
    pub drafts: Vec<Draft>,
}

/// Which of what was found is the one who asked.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// Orders.
    pub orders: Vec<OrderId>,
    /// Entries of the address book.
    pub customers: Vec<CustomerId>,
    /// Drafts.
    pub drafts: Vec<DraftId>,
}

/// What an erasure did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Orders scrubbed.
    pub orders: i64,
    /// Orders left alone: still open, or their channel has not answered yet.
    pub left: Vec<OrderId>,
    /// Entries taken out of the address book.
    pub customers: i64,
    /// Drafts thrown away.
    pub drafts: i64,
    /// Rejected rows of imports, payloads and kept answers that named the person.
    pub others: i64,
}

const CHOSEN_MAX: usize = 500;

/// Finds a name or an e-mail address of three characters at least, in orders of every state, the address book and drafts.
pub fn find(tx: &mut Tx<'_>, text: &str) -> Result<Found> {
    let pattern = pattern(text)?;
    let mut ids = store::orders_naming(tx, &pattern)?;
    // The search text is in lower case beyond ASCII, which SQLite's `lower` does not reach.
    for scope in [Filter::ended(), Filter::open()] {
        let found = orders::search(tx, &Filter { text: text.trim().to_owned(), ..scope })?.orders;
        ids.extend(found.into_iter().map(|order| order.id));
    }
    ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    ids.dedup();
    let mut found = Found::default();
    for id in ids {
        found.orders.push((orders::get(tx, id)?, orders::delivery(tx, id)?));
    }
    found.customers = store::customers_naming(tx, &pattern)?;
    found.drafts = store::drafts_naming(tx, &pattern)?;
    Ok(found)
}

fn pattern(text: &str) -> Result<String> {
    let text = text.trim().to_lowercase();
    if !(3..=255).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(Error::invalid("q", "must have between 3 and 255 characters"));
    }
    Ok(format!("%{}%", text.replace(['\\', '%'], "")))
}

fn check(chosen: &Chosen) -> Result<()> {
    let count = chosen.orders.len() + chosen.customers.len() + chosen.drafts.len();
    if count == 0 || count > CHOSEN_MAX {
        return Err(Error::invalid("orders", "must name between 1 and 500 things to export or erase"));
    }
    Ok(())
}

/// All that is kept of what was chosen, for the one who asked. The hand-over is in the history.
pub fn export(tx: &mut Tx<'_>, ctx: &Ctx<'_>, chosen: &Chosen) -> Result<Value> {
    check(chosen)?;
    let mut found = Vec::new();
    for id in &chosen.orders {
        found.push(order_json(tx, *id)?);
        history::record(tx, ctx, "order", id.0, "exported", "all that is kept of the customer")?;
    }
    let mut book = Vec::new();
    for id in &chosen.customers {
        let customer = customers::get(tx, *id)?;
        book.push(json!({"address": customer.address(), "kept_at": customer.updated_at.to_rfc3339()}));
        history::record(tx, ctx, "customer", id.0, "exported", "")?;
    }
    let mut drafts = Vec::new();
    for id in &chosen.drafts {
        let draft = orders::draft(tx, *id)?;
        drafts.push(json!({
            "draft": id.0, "updated_at": draft.updated_at.to_rfc3339(),
            "form": serde_json::from_str::<Value>(&draft.form).unwrap_or_default()
        }));
        history::record(tx, ctx, "draft", id.0, "exported", "")?;
    }
    Ok(json!({
        "exported_at": ctx.now().to_rfc3339(), "orders": found, "address_book": book, "drafts": drafts
    }))
}

fn order_json(tx: &mut Tx<'_>, id: OrderId) -> Result<Value> {
    let view = orders::view(tx, id)?;
    let o = &view.order;
    let amount = |amount| consign_values::Money { amount, currency: o.currency }.to_decimal().to_string();
    let lines: Vec<Value> = view
        .lines
        .iter()
        .map(|line| {
            json!({
                "sku": line.channel_sku, "title": line.title, "quantity": line.quantity,
                "unit_price": amount(line.unit_price), "discount": amount(line.discount)
            })
        })
        .collect();
    let notes: Vec<Value> =
        view.notes.iter().map(|note| json!({"at": note.at.to_rfc3339(), "body": note.body})).collect();
    let history: Vec<Value> = view
        .history
        .iter()
        .map(|entry| json!({"at": entry.at.to_rfc3339(), "what": entry.kind, "detail": entry.detail}))
        .collect();
    Ok(json!({
        "order": o.id, "source": o.source, "sub_source": o.sub_source, "reference": o.reference,
        "state": o.state.as_str(), "received_at": o.received_at.to_rfc3339(),
        "ended_at": o.ended_at.map(Timestamp::to_rfc3339), "buyer": o.buyer, "delivery": view.delivery,
        "billing": view.billing, "currency": o.currency, "total": amount(o.total), "tax": amount(view.detail.tax),
        "payment_method": view.detail.payment_method, "carrier": o.carrier, "service": o.service,
        "tracking_number": o.tracking_number,
        "properties": serde_json::from_str::<Value>(&view.detail.properties).unwrap_or_default(),
        "lines": lines, "notes": notes, "history": history
    }))
}

/// Erases what was chosen, and what names the person elsewhere. Open orders, and those whose channel has not answered yet, are left
/// and told: they have to be processed or cancelled first.
pub fn erase(tx: &mut Tx<'_>, ctx: &Ctx<'_>, chosen: &Chosen) -> Result<Erased> {
    check(chosen)?;
    let mut erased = Erased::default();
    let mut names = Vec::new();
    let because = "the customer asked for it";
    for id in &chosen.orders {
        let order = orders::get(tx, *id)?;
        if order.state == OrderState::Open || store::is_waiting(tx, *id)? {
            erased.left.push(*id);
            continue;
        }
        let address = orders::delivery(tx, *id)?;
        names.extend([order.full_name, order.buyer, address.email, address.phone]);
        scrub::order(tx, ctx, *id, because)?;
        erased.orders += 1;
    }
    for id in &chosen.customers {
        let customer = customers::get(tx, *id)?;
        names.extend([customer.full_name, customer.email]);
        scrub::customer(tx, ctx, *id, because)?;
        erased.customers += 1;
    }
    for id in &chosen.drafts {
        let draft = orders::draft(tx, *id)?;
        if let Ok(form) = draft.form() {
            names.extend([form.order.delivery.full_name, form.order.delivery.email]);
        }
        scrub::draft(tx, ctx, *id, because)?;
        erased.drafts += 1;
    }
    let names = sorted(names);
    erased.others = elsewhere(tx, ctx, &names)?;
    let detail = format!(
        "{} orders, {} entries of the address book, {} drafts, {} other rows; {} orders left",
        erased.orders,
        erased.customers,
        erased.drafts,
        erased.others,
        erased.left.len()
    );
    history::record(tx, ctx, "retention", 0, "erased one customer", detail)?;
    Ok(erased)
}

/// What names the person without being an order, an entry or a draft.
fn elsewhere(tx: &mut Tx<'_>, ctx: &Ctx<'_>, names: &[String]) -> Result<i64> {
    let mut count = 0;
    for name in names {
        let pattern = pattern(name)?;
        count += store::delete_rejects_naming(tx, &pattern)?;
        for (token, key, body) in store::answers_naming(tx, &pattern)? {
            store::update_answer(tx, token, &key, &redact(&body, names))?;
            count += 1;
        }
    }
    let mut after = InboxId(0);
    loop {
        let page = store::orderless_payloads(tx, after)?;
        let Some((last, _)) = page.last() else { return Ok(count) };
        after = *last;
        for (id, payload) in page {
            let text = String::from_utf8_lossy(&payload).to_lowercase();
            if names.iter().any(|name| text.contains(&name.to_lowercase())) {
                store::scrub_payload(tx, id, "removed: the customer asked for it", ctx.now())?;
                count += 1;
            }
        }
    }
}
