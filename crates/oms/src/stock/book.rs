//! The working copy through which every figure changes: locked levels, claims made and released, ledger entries.
//!
//! A use case opens a book on the levels it will touch, notes what happens, writes its own rows, and closes the book, which
//! hands out what was freed and writes the rest. Levels are locked in one order (location, item), so that two use cases wait
//! for each other instead of dead-locking. Between two commits no unit lies free while an order waits for it.

use std::collections::{BTreeMap, BTreeSet};

use consign_db::Tx;
use consign_values::{ItemId, LedgerId, LineId, LocationId, OrderId, Timestamp};

use super::{Cause, Claim, LedgerEntry, Level, refresh, store};
use crate::{Ctx, Result, changes, webhooks};

type Key = (LocationId, ItemId);

/// What a line wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The line.
    pub line_id: LineId,
    /// Its order.
    pub order_id: OrderId,
    /// The order's location.
    pub location_id: LocationId,
    /// The item.
    pub item_id: ItemId,
    /// Units.
    pub quantity: i64,
    /// When the order must leave.
    pub despatch_by: Timestamp,
    /// The order's priority.
    pub priority: i64,
    /// When the order came.
    pub received_at: Timestamp,
}

struct Work {
    level: Level,
    before: Level,
    /// Claims on it may have to change: units were freed, arrived or vanished.
    unsettled: bool,
}

/// See the module.
pub struct Book<'a> {
    ctx: Ctx<'a>,
    levels: BTreeMap<Key, Work>,
    made: Vec<Claim>,
    released: Vec<LineId>,
    ledger: Vec<LedgerEntry>,
}

impl<'a> Book<'a> {
    /// Locks these levels for the rest of the transaction; levels that don't exist yet are made, empty and tracked.
    pub fn open(tx: &mut Tx<'_>, ctx: &Ctx<'a>, keys: impl IntoIterator<Item = (ItemId, LocationId)>) -> Result<Self> {
        let mut by_location: BTreeMap<LocationId, BTreeSet<ItemId>> = BTreeMap::new();
        for (item, location) in keys {
            by_location.entry(location).or_default().insert(item);
        }
        let mut levels = BTreeMap::new();
        for (location, items) in by_location {
            let items: Vec<ItemId> = items.into_iter().collect();
            let mut found = store::lock_levels(tx, location, &items)?;
            if found.len() < items.len() {
                let there: BTreeSet<ItemId> = found.iter().map(|level| level.item_id).collect();
                for item in items.iter().filter(|item| !there.contains(item)) {
                    store::insert_level_if_missing(tx, &Level::none(*item, location))?;
                }
                found = store::lock_levels(tx, location, &items)?;
            }
            for level in found {
                let before = level.clone();
                levels.insert((location, level.item_id), Work { level, before, unsettled: false });
            }
        }
        Ok(Book { ctx: *ctx, levels, made: Vec::new(), released: Vec::new(), ledger: Vec::new() })
    }

    /// The level as it stands in this book. It must have been opened.
    pub fn level(&self, item: ItemId, location: LocationId) -> &Level {
        &self.work(item, location).level
    }

    fn work(&self, item: ItemId, location: LocationId) -> &Work {
        self.levels.get(&(location, item)).expect("a book is opened on all levels that it touches")
    }

    fn work_mut(&mut self, item: ItemId, location: LocationId) -> &mut Work {
        self.levels.get_mut(&(location, item)).expect("a book is opened on all levels that it touches")
    }

    /// A line joins the order book: its demand is noted and it gets what is free. Gives the units it got, or `None` where no
    /// figures are kept.
    pub fn claim(&mut self, cause: Cause, wanted: &Wanted) -> Option<i64> {
        let work = self.work_mut(wanted.item_id, wanted.location_id);
        if !work.level.tracked {
            return None;
        }
        let allocated = work.level.free().min(wanted.quantity);
        work.level.demand += wanted.quantity;
        work.level.allocated += allocated;
        self.made.push(Claim {
            line_id: wanted.line_id,
            order_id: wanted.order_id,
            item_id: wanted.item_id,
            location_id: wanted.location_id,
            quantity: wanted.quantity,
            allocated,
            despatch_by: wanted.despatch_by,
            priority: wanted.priority,
            received_at: wanted.received_at,
        });
        self.note(
            cause,
            wanted.item_id,
            wanted.location_id,
            (0, allocated, wanted.quantity),
            Some(wanted.order_id),
            "",
        );
        Some(allocated)
    }

    /// A line leaves the order book; what it held is free.
    pub fn release(&mut self, cause: Cause, claim: &Claim) {
        let work = self.work_mut(claim.item_id, claim.location_id);
        work.level.demand -= claim.quantity;
        work.level.allocated -= claim.allocated;
        work.unsettled = true;
        self.released.push(claim.line_id);
        let change = (0, -claim.allocated, -claim.quantity);
        self.note(cause, claim.item_id, claim.location_id, change, Some(claim.order_id), "");
    }

    /// A line's units leave the building. What it lacked is taken from what lies there, below zero if need be; the caller has
    /// checked that the location allows it.
    pub fn deduct(&mut self, claim: &Claim) {
        let work = self.work_mut(claim.item_id, claim.location_id);
        work.level.on_hand -= claim.quantity;
        work.level.demand -= claim.quantity;
        work.level.allocated -= claim.allocated;
        work.unsettled = claim.allocated < claim.quantity;
        self.released.push(claim.line_id);
        let change = (-claim.quantity, -claim.allocated, -claim.quantity);
        self.note(Cause::Process, claim.item_id, claim.location_id, change, Some(claim.order_id), "");
    }

    /// Units are there or not, because somebody counted, delivered or broke some.
    pub fn put(&mut self, cause: Cause, item: ItemId, location: LocationId, on_hand: i64, reason: &str) {
        let work = self.work_mut(item, location);
        let change = on_hand - work.level.on_hand;
        if change != 0 {
            work.level.on_hand = on_hand;
            work.unsettled = true;
            self.note(cause, item, location, (change, 0, 0), None, reason);
        }
    }

    /// Begins or ceases to keep figures. To cease, all claims must have been released.
    pub(super) fn track(&mut self, item: ItemId, location: LocationId, tracked: bool) {
        self.work_mut(item, location).level.tracked = tracked;
    }

    fn note(
        &mut self,
        cause: Cause,
        item_id: ItemId,
        location_id: LocationId,
        (on_hand_change, allocated_change, demand_change): (i64, i64, i64),
        order_id: Option<OrderId>,
        reason: &str,
    ) {
        self.ledger.push(LedgerEntry {
            id: LedgerId(0),
            item_id,
            location_id,
            at: self.ctx.now(),
            cause,
            on_hand_change,
            allocated_change,
            demand_change,
            order_id,
            actor: self.ctx.actor_text(),
            reason: reason.to_owned(),
        });
    }

    /// Takes released claims out of the way before the rest is written: for changes of what a claim refers to.
    pub fn write_releases(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        store::delete_claims(tx, &std::mem::take(&mut self.released))
    }

    /// Writes all that was noted; hands freed units to waiting claims in the fair order, or takes promised units that are not
    /// there from the least urgent ones; marks listings whose figure changed; brings other orders' stock state up to date.
    pub fn close(mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.write_releases(tx)?;
        tx.insert_many(&self.made)?;
        let mut touched = BTreeSet::new();
        let keys: Vec<Key> = self.levels.iter().filter(|(_, work)| work.unsettled).map(|(key, _)| *key).collect();
        for key in keys {
            self.settle(tx, key, &mut touched)?;
        }
        self.write_levels(tx)?;
        let first = tx.next_ids("ledger", self.ledger.len())?;
        for (id, entry) in first.zip(&mut self.ledger) {
            entry.id = LedgerId(id);
        }
        tx.insert_many(&self.ledger)?;
        let orders: Vec<OrderId> = touched.into_iter().collect();
        refresh(tx, &orders)?;
        changes::announce(tx, &self.ctx, "order", orders.iter().map(|order| order.0))
    }

    fn settle(&mut self, tx: &mut Tx<'_>, key: Key, touched: &mut BTreeSet<OrderId>) -> Result<()> {
        loop {
            let level = &self.levels[&key].level;
            let excess = level.allocated - level.on_hand.max(0);
            let (free, short) = (level.free(), level.short());
            let (cause, claims, mut left) = if excess > 0 {
                (Cause::Withdraw, store::least_urgent_holding(tx, key.1, key.0)?, excess)
            } else if free > 0 && short > 0 {
                (Cause::Allocate, store::most_urgent_short(tx, key.1, key.0)?, free)
            } else {
                return Ok(());
            };
            if claims.is_empty() {
                return Ok(());
            }
            for claim in claims {
                let change = match cause {
                    Cause::Withdraw => -claim.allocated.min(left),
                    _ => (claim.quantity - claim.allocated).min(left),
                };
                left -= change.abs();
                store::set_allocated(tx, claim.line_id, claim.allocated + change)?;
                self.work_mut(key.1, key.0).level.allocated += change;
                self.note(cause, key.1, key.0, (0, change, 0), Some(claim.order_id), "");
                touched.insert(claim.order_id);
                if left == 0 {
                    break;
                }
            }
        }
    }

    fn write_levels(&self, tx: &mut Tx<'_>) -> Result<()> {
        let changed = || self.levels.values().filter(|work| work.level != work.before);
        store::update_levels(tx, changed().map(|work| &work.level))?;
        webhooks::of_stock(tx, self.ctx.now(), changed().map(|work| &work.level))?;
        let items: BTreeSet<ItemId> = changed()
            .filter(|work| {
                work.level.available() != work.before.available() || work.level.tracked != work.before.tracked
            })
            .map(|work| work.level.item_id)
            .collect();
        let items: Vec<ItemId> = items.into_iter().collect();
        store::mark_listings_due(tx, &items)?;
        changes::announce(tx, &self.ctx, "item", items.iter().map(|item| item.0))
    }
}
