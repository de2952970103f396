//! An incoming order becomes ours: the rows of a new order, made in memory so that a page of them is stored together.

use std::collections::{BTreeMap, HashMap};

use consign_db::Tx;
use consign_ports::IncomingOrder;
use consign_values::{ChannelId, ItemId, LineId, LocationId, MarkId, OrderId, Timestamp, clean};

use super::centre;
use super::compose::{Recipes, expand};
use super::landing::Landing;
use super::money::totals;
use super::search_text::search_text;
use super::{
    CentreState, DespatchState, Detail, Hold, HoldKind, HoldReason, Line, NO_DEADLINE, Note, Order, OrderState, Payment,
};
use crate::channels::{Channel, TagMap};
use crate::decisions::Decision;
use crate::history::Entry;
use crate::locations::{self, Location};
use crate::stock::{Book, Cause, StockState, Wanted, state_of};
use crate::{Ctx, Result, decisions, history};

/// The longest delivery postcode that is taken for one (reference 2.2, automatic parking 6).
const POSTCODE_MAX: usize = 11;

/// Rows of new orders, to be stored together.
#[derive(Default)]
pub struct NewOrders {
    pub orders: Vec<Order>,
    pub details: Vec<Detail>,
    pub lines: Vec<Line>,
    pub holds: Vec<Hold>,
    pub notes: Vec<Note>,
    pub history: Vec<Entry>,
    pub decisions: Vec<Decision>,
    pub search: Vec<(i64, String)>,
    /// Locations looked up once.
    places: HashMap<LocationId, Location>,
    pub identifiers: Vec<(OrderId, String)>,
    pub marks: Vec<(OrderId, MarkId)>,
}

/// Where orders come from, and what is said of them for that.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Their source.
    pub source: String,
    /// Their sub-source.
    pub sub_source: String,
    /// The instance, if it is one that downloads.
    pub channel_id: Option<ChannelId>,
    /// Where they land.
    pub location_id: LocationId,
    /// Why there.
    pub location_because: String,
    /// Why a line of theirs has no item.
    pub unlinked_because: String,
    /// What unparks an unpaid one.
    pub unpaid_until: &'static str,
}

impl From<&Channel> for Origin {
    fn from(channel: &Channel) -> Self {
        let by_sku = if channel.link_by_sku { "and no item has that SKU" } else { "and linking by SKU is off" };
        Origin {
            source: channel.source.clone(),
            sub_source: channel.name.clone(),
            channel_id: Some(channel.id),
            location_id: channel.download_location_id,
            location_because: format!("order download location of {} \"{}\"", channel.source, channel.name),
            unlinked_because: format!("no listing of the channel links it, {by_sku}"),
            unpaid_until: "unparked when the channel reports the payment",
        }
    }
}

impl Origin {
    /// The same, with where this order lands.
    pub fn at(&self, landing: &Landing) -> Origin {
        let because = landing.because.clone().unwrap_or_else(|| self.location_because.clone());
        Origin { location_id: landing.location_id, location_because: because, ..self.clone() }
    }
}

/// What a page's orders are judged by.
pub struct Mappings {
    /// Channel SKU to item.
    pub items: HashMap<String, ItemId>,
    /// What those of the items that are composites are made of.
    pub recipes: Recipes,
    /// Shipping and payment tags.
    pub tags: Vec<TagMap>,
}

impl Mappings {
    pub fn tag(&self, kind: &str, site: &str, tag: &str) -> Option<&TagMap> {
        let of_kind = || self.tags.iter().filter(|map| map.kind == kind && map.tag == tag);
        of_kind().find(|map| map.site == site).or_else(|| of_kind().find(|map| map.site.is_empty()))
    }
}

/// The parts of an order that come from the channel each time it is read: shared by taking and updating.
pub struct Parts {
    pub subtotal: i64,
    pub tax: i64,
    pub total: i64,
    pub carrier: String,
    pub service: String,
    pub payment_method: String,
}

pub fn parts(incoming: &IncomingOrder, mappings: &Mappings) -> Result<Parts, String> {
    if incoming.lines.is_empty() {
        return Err("lines must not be empty".to_owned());
    }
    let sums = totals(incoming).map_err(|error| format!("total {error}"))?;
    let shipping = mappings.tag("shipping", &incoming.site, &incoming.shipping_tag);
    let payment = mappings.tag("payment", &incoming.site, &incoming.payment_tag);
    Ok(Parts {
        subtotal: sums.subtotal,
        tax: sums.tax,
        total: sums.total,
        carrier: shipping.map_or_else(String::new, |map| map.carrier.clone()),
        service: shipping.map_or_else(|| incoming.shipping_tag.clone(), |map| map.service.clone()),
        payment_method: payment.map_or_else(|| incoming.payment_tag.clone(), |map| map.service.clone()),
    })
}

pub fn line_row(
    id: LineId,
    order_id: OrderId,
    incoming: &consign_ports::IncomingLine,
    items: &HashMap<String, ItemId>,
) -> Line {
    let quantity = incoming.quantity.units();
    Line {
        id,
        order_id,
        channel_line: incoming.channel_line.clone(),
        channel_sku: incoming.channel_sku.clone(),
        title: incoming.title.clone(),
        item_id: if incoming.is_service { None } else { items.get(&incoming.channel_sku).copied() },
        is_service: incoming.is_service,
        quantity,
        shipped_before: incoming.shipped_quantity.clamp(0, quantity),
        unit_price: incoming.unit_price.amount,
        discount: incoming.discount.amount,
        tax_rate: incoming.tax_rate,
        tax_inclusive: incoming.tax_inclusive,
        options: pairs(&incoming.options),
        reference: String::new(),
        note_line: String::new(),
        added: false,
        composite: false,
        parent_line_id: None,
    }
}

/// Name-value pairs as JSON.
pub fn pairs(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() { "[]".to_owned() } else { serde_json::json!(pairs).to_string() }
}

/// Whom a line's claim is for.
pub fn wanted(order: &Order, line: &Line) -> Option<Wanted> {
    let item_id = line.item_id.filter(|_| !line.is_service && !line.composite && line.outstanding() > 0)?;
    Some(Wanted {
        line_id: line.id,
        order_id: order.id,
        location_id: order.location_id,
        item_id,
        quantity: line.outstanding(),
        despatch_by: order.despatch_by,
        priority: order.priority,
        received_at: order.received_at,
    })
}

impl NewOrders {
    /// Makes the rows of one order, claims its stock in `book`, and records why everything was decided as it was.
    #[allow(clippy::too_many_arguments)]
    pub fn take(
        &mut self,
        tx: &mut Tx<'_>,
        ctx: &Ctx<'_>,
        book: &mut Book<'_>,
        origin: &Origin,
        mappings: &Mappings,
        incoming: &IncomingOrder,
        payment: Payment,
        because: &str,
    ) -> Result<Result<OrderId, String>> {
        let parts = match parts(incoming, mappings) {
            Ok(parts) => parts,
            Err(reason) => return Ok(Err(reason)),
        };
        let id = OrderId(tx.next_id("orders")?);
        let line_ids = tx.next_ids("line", incoming.lines.len())?;
        let mut lines: Vec<Line> = Vec::with_capacity(incoming.lines.len());
        for (line_id, line) in line_ids.zip(&incoming.lines) {
            let mut line = line_row(LineId(line_id), id, line, &mappings.items);
            let parts = expand(tx, &mut line, &mappings.recipes)?;
            lines.push(line);
            lines.extend(parts);
        }
        let mut order = order_row(ctx, id, origin, incoming, &parts, payment);
        let (delivery, billing) = (&incoming.delivery, &incoming.billing);
        let mut holds = holds(ctx, &order, origin);
        let place = match self.places.get(&order.location_id) {
            Some(place) => place,
            None => self.places.entry(order.location_id).or_insert(locations::get(tx, order.location_id)?),
        };
        if place.fulfilment_centre {
            order.centre = CentreState::Held;
            order.locked = !place.counts_orders();
            holds.extend(centre::holds(ctx, order.id, place));
        }
        order.parked = !holds.is_empty();
        let (mut wants, mut has) = (0, 0);
        for line in &lines {
            if order.is_live()
                && let Some(wanted) = wanted(&order, line)
                && let Some(allocated) = book.claim(Cause::Receive, &wanted)
            {
                wants += wanted.quantity;
                has += allocated;
            }
        }
        let unlinked = lines.iter().filter(|line| line.is_unlinked()).count() as i64;
        order.stock_state = state_of(order.is_live(), unlinked, wants, has);
        self.note_all(tx, ctx, &mut order, incoming)?;
        self.decide(tx, ctx, origin, &order, &lines, incoming, (because, wants, has))?;
        self.search.push((id.0, search_text(&order, &lines, &delivery.email, &delivery.town)));
        self.details.push(Detail {
            order_id: id,
            delivery: serde_json::to_string(delivery).unwrap_or_default(),
            billing: serde_json::to_string(billing).unwrap_or_default(),
            subtotal: parts.subtotal,
            postage: incoming.postage.amount,
            discount: incoming.discount.amount,
            tax: parts.tax,
            site: incoming.site.clone(),
            channel_status: incoming.status.clone(),
            shipping_tag: incoming.shipping_tag.clone(),
            payment_tag: incoming.payment_tag.clone(),
            payment_method: parts.payment_method,
            paid_at: (payment == Payment::Paid).then(|| incoming.paid_at.unwrap_or(ctx.now())),
            properties: pairs(&incoming.properties),
            provenance: format!(r#"{{"location":"{0}","service":"{0}"}}"#, ctx.actor),
        });
        self.identifiers.extend(incoming.identifiers.iter().map(|tag| (id, tag.clone())));
        self.holds.extend(holds);
        self.orders.push(order);
        self.lines.extend(lines);
        Ok(Ok(id))
    }

    fn note_all(&mut self, tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &mut Order, incoming: &IncomingOrder) -> Result<()> {
        let mut seen = BTreeMap::new();
        for note in &incoming.notes {
            if seen.insert(note.text.as_str(), ()).is_some() || note.text.is_empty() {
                continue;
            }
            let author = if note.author.is_empty() { "Channel".to_owned() } else { clean(&note.author, 128) };
            let (id, at) = (tx.next_id("row")?, note.at.unwrap_or(ctx.now()));
            self.notes.push(Note {
                id,
                order_id: order.id,
                at,
                author,
                internal: note.internal,
                body: note.text.replace(|c: char| c.is_control() && c != '\n', " "),
                processing: false,
            });
            order.note_count += 1;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn decide(
        &mut self,
        tx: &mut Tx<'_>,
        ctx: &Ctx<'_>,
        origin: &Origin,
        order: &Order,
        lines: &[Line],
        incoming: &IncomingOrder,
        (because, wants, has): (&str, i64, i64),
    ) -> Result<()> {
        let mut decide = |tx: &mut Tx<'_>, subject: &str, outcome: String, because: String| -> Result<()> {
            self.decisions.push(decisions::decision(tx, ctx, order.id, subject, outcome, because)?);
            Ok(())
        };
        decide(tx, "status", format!("taken as {}", order.payment), because.to_owned())?;
        let location = format!("location {}", order.location_id);
        decide(tx, "location", location, origin.location_because.clone())?;
        let unlinked: Vec<&str> = lines.iter().filter(|line| line.is_unlinked()).map(Line::label).collect();
        if !unlinked.is_empty() {
            decide(tx, "link", format!("not linked: {}", unlinked.join(", ")), origin.unlinked_because.clone())?;
        }
        decide(
            tx,
            "stock",
            order.stock_state.to_string(),
            format!("{has} of {wants} units allocated at its location"),
        )?;
        if order.parked {
            let reason = match (order.centre, order.payment) {
                (CentreState::Held, _) => "its location is a fulfilment centre, which answers for it",
                (_, Payment::Unpaid) => "it is unpaid",
                _ => "its postcode is too long to be one",
            };
            decide(tx, "park", "parked".to_owned(), reason.to_owned())?;
        }
        let lines = match incoming.lines.len() {
            1 => "1 line".to_owned(),
            several => format!("{several} lines"),
        };
        let detail = format!("from {} \"{}\", {lines}", origin.source, origin.sub_source);
        self.history.push(history::entry(tx, ctx, "order", order.id.0, "received", detail)?);
        Ok(())
    }

    /// Stores everything; the claims are the book's to write, after this.
    pub fn store(self, tx: &mut Tx<'_>) -> Result<Vec<i64>> {
        let ids = self.orders.iter().map(|order| order.id.0).collect();
        tx.insert_many(&self.orders)?;
        tx.insert_many(&self.details)?;
        tx.insert_many(&self.lines)?;
        tx.insert_many(&self.holds)?;
        tx.insert_many(&self.notes)?;
        tx.insert_many(&self.history)?;
        history::of_entries(tx, &self.history)?;
        tx.insert_many(&self.decisions)?;
        tx.search_put_many("order_search", &self.search)?;
        crate::marks::come_with(tx, &self.marks, &self.identifiers)?;
        Ok(ids)
    }
}

fn order_row(
    ctx: &Ctx<'_>,
    id: OrderId,
    origin: &Origin,
    incoming: &IncomingOrder,
    parts: &Parts,
    payment: Payment,
) -> Order {
    let delivery = &incoming.delivery;
    Order {
        id,
        source: origin.source.clone(),
        sub_source: origin.sub_source.clone(),
        reference: incoming.reference.as_str().to_owned(),
        part: 0,
        channel_id: origin.channel_id,
        secondary_reference: incoming.secondary_reference.clone(),
        external_reference: incoming.external_reference.clone(),
        location_id: origin.location_id,
        state: OrderState::Open,
        payment,
        parked: false,
        locked: false,
        tag: 0,
        stock_state: StockState::None,
        despatch_state: DespatchState::None,
        note_count: 0,
        line_count: incoming.lines.len() as i64,
        unit_count: incoming.lines.iter().map(|line| line.quantity.units()).sum(),
        buyer: incoming.buyer.clone(),
        full_name: delivery.full_name.clone(),
        company: delivery.company.clone(),
        postcode: delivery.postcode.clone(),
        country_code: delivery.country_code.to_string(),
        currency: incoming.currency,
        total: parts.total,
        priority: 0,
        carrier: parts.carrier.clone(),
        service: parts.service.clone(),
        tracking_number: String::new(),
        received_at: incoming.received_at.unwrap_or(ctx.now()),
        despatch_by: incoming.despatch_by.map_or(NO_DEADLINE, |at: Timestamp| at.min(NO_DEADLINE)),
        created_at: ctx.now(),
        ended_at: None,
        version: 1,
        centre: CentreState::None,
        merged_into: None,
        no_merge: false,
    }
}

fn holds(ctx: &Ctx<'_>, order: &Order, origin: &Origin) -> Vec<Hold> {
    let hold = |reason, note: &str| Hold {
        order_id: order.id,
        kind: HoldKind::Parked,
        reason,
        note: note.to_owned(),
        actor: ctx.actor_text(),
        at: ctx.now(),
    };
    let mut holds = Vec::new();
    if order.payment == Payment::Unpaid {
        holds.push(hold(HoldReason::Unpaid, origin.unpaid_until));
    }
    if order.postcode.chars().count() > POSTCODE_MAX {
        holds.push(hold(HoldReason::Postcode, "the postcode has more than 11 characters; check the address"));
    }
    holds
}
