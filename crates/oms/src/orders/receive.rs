//! Orders in, exactly once: a page of payloads into the inbox, judged, stored, stock allocated, cursor moved — one transaction.
//!
//! A payload that was taken before does nothing. One that can't be understood stays in the inbox as rejected with its bytes and
//! reason; the rest of the page goes on. A crash repeats the page, harmlessly.

use std::collections::{BTreeSet, HashMap, HashSet};

use consign_db::Tx;
use consign_ports::{ChannelPlace, DownloadPage, Incoming, IncomingOrder};
use consign_values::{ChannelId, InboxId, ItemId, LocationId, OrderId, clean};
use sha2::{Digest, Sha256};

use super::compose::recipes;
use super::landing::{self, Landing};
use super::take::{Mappings, NewOrders, Origin};
use super::{Order, OrderState, Payment, cancel, store, update};
use crate::channels::{self, Channel, Cursor, InboxEntry, InboxState, Verdict, judge};
use crate::stock::Book;
use crate::{Ctx, Error, Result, changes, items, locations, retention};

/// What became of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// New orders.
    pub taken: usize,
    /// Orders that we had, changed, paid or cancelled.
    pub updated: usize,
    /// Payloads that changed nothing.
    pub unchanged: usize,
    /// Payloads that the settings don't want.
    pub ignored: usize,
    /// Payloads that can't be understood.
    pub rejected: usize,
}

/// A page's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOutcome {
    /// What became of its payloads.
    pub received: Received,
    /// Whether the round goes on with a next page.
    pub more: bool,
}

/// Takes one page of the round under way and moves the cursor. `overlap_seconds` is how far the next round reaches back.
///
/// A round of several pages that brought something new may have missed an order which slid to an earlier page while it was
/// read; so the next round begins at the start of the round *before* this one: every moment is read by two rounds.
pub fn receive_page(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: ChannelId,
    page: &DownloadPage,
    overlap_seconds: i64,
) -> Result<PageOutcome> {
    let channel = channels::lock(tx, id)?.ok_or(Error::NotFound("channel"))?;
    let cursor = channels::cursor(tx, id)?;
    let received = receive_payloads(tx, ctx, &channel, &page.orders)?;
    let started_at = cursor.started_at.unwrap_or(ctx.now());
    let page_count = cursor.page_count + 1;
    let taken_count = cursor.taken_count + received.taken as i64;
    let next = match &page.next {
        Some(next) => {
            Cursor { page: Some(next.clone()), started_at: Some(started_at), page_count, taken_count, ..cursor }
        }
        None => {
            let read_once_only = page_count > 1 && taken_count > 0;
            let from = if read_once_only { cursor.previous_at } else { started_at };
            // What could not even be told apart into orders is asked for again: the cursor never skips it.
            let unreadable = page.orders.iter().any(|payload| payload.reference.is_empty() && payload.order.is_err());
            let reached = if unreadable { cursor.since_at } else { from.plus_seconds(-overlap_seconds) };
            let since_at = reached.max(cursor.since_at);
            Cursor {
                since_at,
                page: None,
                started_at: None,
                page_count: 0,
                taken_count: 0,
                previous_at: started_at,
                ..cursor
            }
        }
    };
    channels::finish_page(tx, &next)?;
    if page.next.is_none() {
        channels::set_downloaded(tx, id, ctx.now(), page.rate_left.map(i64::from))?;
        changes::announce(tx, ctx, "channel", [id.0])?;
    }
    Ok(PageOutcome { received, more: page.next.is_some() })
}

/// Judges a rejected payload again, as the connector reads it now.
pub fn retry_rejected(tx: &mut Tx<'_>, ctx: &Ctx<'_>, entry: InboxId, incoming: &Incoming) -> Result<Received> {
    let entry = channels::find_inbox(tx, entry)?.ok_or(Error::NotFound("payload"))?;
    let channel = channels::lock(tx, entry.channel_id)?.ok_or(Error::NotFound("channel"))?;
    let received = receive_payloads(tx, ctx, &channel, std::slice::from_ref(incoming))?;
    if received.rejected == 0 {
        channels::set_inbox_state(tx, entry.id, InboxState::Ignored, "superseded by a later reading", None)?;
    }
    Ok(received)
}

/// Takes orders that the channel told of and that were fetched one by one: the same inbox, the same judgement, the same
/// history as a page's, only that the cursor stays. `told` is forgotten, unless it was told again meanwhile.
pub fn receive_told(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: ChannelId,
    told: &[channels::Told],
    orders: &[Incoming],
) -> Result<Received> {
    let channel = channels::lock(tx, id)?.ok_or(Error::NotFound("channel"))?;
    let received = receive_payloads(tx, ctx, &channel, orders)?;
    channels::forget_told(tx, told)?;
    changes::announce(tx, ctx, "channel", [id.0])?;
    Ok(received)
}

struct Payload<'p> {
    incoming: &'p Incoming,
    digest: Vec<u8>,
    /// Its row, if the very same bytes came before and were not taken.
    before: Option<InboxId>,
}

fn receive_payloads(tx: &mut Tx<'_>, ctx: &Ctx<'_>, channel: &Channel, payloads: &[Incoming]) -> Result<Received> {
    if payloads.iter().any(|payload| payload.reference.chars().any(char::is_control)) {
        let named = |payload: &Incoming| Incoming { reference: clean(&payload.reference, 128), ..payload.clone() };
        let payloads: Vec<Incoming> = payloads.iter().map(named).collect();
        return receive_payloads(tx, ctx, channel, &payloads);
    }
    let mut received = Received::default();
    let references: Vec<String> = payloads.iter().map(|p| p.reference.clone()).collect();
    let known: HashMap<(String, Vec<u8>), (InboxState, InboxId)> =
        channels::inbox_digests(tx, channel.id, &references)?
            .into_iter()
            .map(|known| ((known.reference, known.digest), (known.state, known.id)))
            .collect();
    let mut seen = HashSet::new();
    let mut fresh = Vec::new();
    for incoming in payloads {
        let digest = Sha256::digest(&incoming.payload).to_vec();
        if !seen.insert((incoming.reference.clone(), digest.clone())) {
            received.unchanged += 1;
            continue;
        }
        match known.get(&(incoming.reference.clone(), digest.clone())) {
            Some((InboxState::Taken, _)) => received.unchanged += 1,
            Some((_, id)) => fresh.push(Payload { incoming, digest, before: Some(*id) }),
            None => fresh.push(Payload { incoming, digest, before: None }),
        }
    }
    // A reference may stand in a page twice with different contents: each batch has it once, in the page's sequence.
    while !fresh.is_empty() {
        let mut in_batch = HashSet::new();
        let (batch, rest) =
            fresh.into_iter().partition(|p: &Payload<'_>| in_batch.insert(p.incoming.reference.clone()));
        receive_batch(tx, ctx, channel, batch, &mut received)?;
        fresh = rest;
    }
    Ok(received)
}

fn receive_batch(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    channel: &Channel,
    batch: Vec<Payload<'_>>,
    received: &mut Received,
) -> Result<()> {
    let references: Vec<String> = batch.iter().map(|p| p.incoming.reference.clone()).collect();
    let ours: HashMap<String, Order> = store::by_references(tx, &channel.source, &channel.name, &references)?
        .into_iter()
        .map(|order| (order.reference.clone(), order))
        .collect();
    let ended: Vec<OrderId> =
        ours.values().filter(|order| order.state != OrderState::Open).map(|order| order.id).collect();
    let scrubbed: HashSet<OrderId> = retention::scrubbed(tx, &ended)?.into_iter().collect();
    let statuses = channels::statuses(tx, channel.id)?;
    let readable: Vec<&IncomingOrder> = batch.iter().filter_map(|p| p.incoming.order.as_deref().ok()).collect();
    let items = link(tx, channel, &readable)?;
    let recipes = recipes(tx, items.values().copied())?;
    let mappings = Mappings { items, recipes, tags: channels::tag_maps(tx, channel.id)? };
    let landings = landings(tx, ctx, channel, &readable)?;
    let fresh = readable.iter().filter(|order| !ours.contains_key(order.reference.as_str()));
    let places: BTreeSet<LocationId> = fresh.map(|order| landings[order.reference.as_str()].location_id).collect();
    let parts = mappings.recipes.values().flatten().map(|part| part.component_id);
    let whole = mappings.items.values().copied().filter(|item| !mappings.recipes.contains_key(item));
    let keys: BTreeSet<_> =
        whole.chain(parts).flat_map(|item| places.iter().map(move |place| (item, *place))).collect();
    let mut book = Book::open(tx, ctx, keys)?;
    let origin = Origin::from(channel);
    let mut new = NewOrders::default();
    let mut inbox = Vec::new();
    let mut later = Vec::new();
    let mut spread = Vec::new();
    for payload in &batch {
        let (state, reason, order_id) = match &payload.incoming.order {
            Err(reason) => (InboxState::Rejected, reason.clone(), None),
            Ok(incoming) => {
                let order = ours.get(incoming.reference.as_str());
                match (judge(channel, &statuses, incoming, order.is_some()), order) {
                    (Verdict::Take(payment, because), None) => {
                        let landing = &landings[incoming.reference.as_str()];
                        let elsewhere = landing.because.as_ref().map(|_| origin.at(landing));
                        let origin = elsewhere.as_ref().unwrap_or(&origin);
                        match new.take(tx, ctx, &mut book, origin, &mappings, incoming, payment, &because)? {
                            Ok(id) => {
                                spread.push((id, landing));
                                (InboxState::Taken, because, Some(id))
                            }
                            Err(reason) => (InboxState::Rejected, reason, None),
                        }
                    }
                    (verdict, Some(order)) => {
                        later.push((order.clone(), incoming, verdict.clone()));
                        (InboxState::Taken, reason_of(&verdict, order), Some(order.id))
                    }
                    (Verdict::Ignore(because), None) => (InboxState::Ignored, because, None),
                    (Verdict::Cancel(because), None) => {
                        (InboxState::Ignored, format!("{because}; we don't have it"), None)
                    }
                }
            }
        };
        count(received, state, ours.contains_key(&payload.incoming.reference));
        let keep = order_id.is_none_or(|id| !scrubbed.contains(&id));
        file(tx, ctx, channel, payload, (state, &reason, order_id), keep, &mut inbox)?;
    }
    let ids = new.store(tx)?;
    book.close(tx)?;
    channels::insert_inbox_rows(tx, &inbox)?;
    changes::announce(tx, ctx, "order", ids)?;
    for (id, landing) in spread {
        landing::spread(tx, ctx, id, landing)?;
    }
    for (order, incoming, verdict) in later {
        if !follow(tx, ctx, channel, &mappings, &order, incoming, &verdict)? {
            received.updated -= 1;
            received.unchanged += 1;
        } else if matches!(verdict, Verdict::Take(Payment::Paid, _)) && order.payment == Payment::Unpaid {
            // While it was unpaid the channel could change it, and nothing was split.
            landing::spread(tx, ctx, order.id, &landings[incoming.reference.as_str()])?;
        }
    }
    Ok(())
}

/// Where each of these orders lands, by reference. Warehouses of the channel that are new are noted on the way.
fn landings(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    channel: &Channel,
    orders: &[&IncomingOrder],
) -> Result<HashMap<String, Landing>> {
    let seen: Vec<ChannelPlace> =
        orders.iter().flat_map(|order| &order.locations).map(|at| at.location.clone()).collect();
    let (mut warehouses, mut centres) = (Vec::new(), HashSet::new());
    if !seen.is_empty() {
        channels::record_locations(tx, ctx, channel.id, &seen)?;
        warehouses = channels::channel_locations(tx, channel.id)?;
        let all = locations::list(tx)?;
        centres = all.into_iter().filter(|place| place.fulfilment_centre).map(|place| place.id).collect();
    }
    let plan = |order: &IncomingOrder| landing::plan(channel, &warehouses, |id| centres.contains(&id), order);
    Ok(orders.iter().map(|order| (order.reference.to_string(), plan(order))).collect())
}

fn count(received: &mut Received, state: InboxState, known: bool) {
    match state {
        InboxState::Rejected => received.rejected += 1,
        InboxState::Ignored => received.ignored += 1,
        InboxState::Taken if known => received.updated += 1,
        InboxState::Taken => received.taken += 1,
    }
}

fn reason_of(verdict: &Verdict, order: &Order) -> String {
    let (Verdict::Take(_, because) | Verdict::Ignore(because) | Verdict::Cancel(because)) = verdict;
    format!("{because}; order {} was {} and {}", order.id, order.state, order.payment)
}

/// Puts the payload into the inbox, or brings the row of the same bytes up to date. Of a scrubbed order only the digest is kept.
fn file(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    channel: &Channel,
    payload: &Payload<'_>,
    (state, reason, order_id): (InboxState, &str, Option<OrderId>),
    keep: bool,
    inbox: &mut Vec<InboxEntry>,
) -> Result<()> {
    let reference = &payload.incoming.reference;
    if state != InboxState::Rejected && !reference.is_empty() {
        channels::supersede_rejected(tx, channel.id, reference)?;
    }
    if let Some(id) = payload.before {
        return channels::set_inbox_state(tx, id, state, reason, order_id);
    }
    inbox.push(InboxEntry {
        id: InboxId(tx.next_id("row")?),
        channel_id: channel.id,
        reference: reference.clone(),
        digest: payload.digest.clone(),
        received_at: ctx.now(),
        state,
        reason: clean(reason, 2_000),
        order_id,
        payload: if keep { payload.incoming.payload.clone() } else { Vec::new() },
    });
    Ok(())
}

/// Which items the channel SKUs of these orders stand for: by listing, else by SKU if the instance says so.
fn link(tx: &mut Tx<'_>, channel: &Channel, orders: &[&IncomingOrder]) -> Result<HashMap<String, ItemId>> {
    let skus: BTreeSet<String> = orders
        .iter()
        .flat_map(|order| &order.lines)
        .filter(|line| !line.is_service && !line.channel_sku.is_empty())
        .map(|line| line.channel_sku.clone())
        .collect();
    let skus: Vec<String> = skus.into_iter().collect();
    let mut found: HashMap<String, ItemId> = channels::items_by_listing(tx, channel.id, &skus)?.into_iter().collect();
    if channel.link_by_sku {
        let rest: Vec<String> = skus.into_iter().filter(|sku| !found.contains_key(sku)).collect();
        found.extend(items::ids_by_sku(tx, &rest)?);
    }
    Ok(found)
}

/// What the channel says now of an order that we have. `false` if that changes nothing: a paid order is never overwritten.
fn follow(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    channel: &Channel,
    mappings: &Mappings,
    order: &Order,
    incoming: &IncomingOrder,
    verdict: &Verdict,
) -> Result<bool> {
    match (verdict, order.state, order.payment) {
        (Verdict::Cancel(because), ..) => cancel::cancel_by_channel(tx, ctx, order, because),
        (Verdict::Take(payment, because), OrderState::Open, Payment::Unpaid) => {
            update::update_unpaid(tx, ctx, channel, mappings, order.id, incoming, *payment, because)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}
