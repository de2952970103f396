//! Lists of orders: by keyset, so that a page costs the same at a million orders; and by text.

use consign_db::{Query, Tx};
use consign_values::{LocationId, MarkId, OrderId, Timestamp};

use super::search_text::{ENDED, OPEN};
use super::{Order, OrderState, store};
use crate::Result;

/// Orders on a page.
const PAGE: usize = 50;

/// Which orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// At work.
    #[default]
    Open,
    /// Processed or cancelled.
    Ended,
}

/// In which sequence. Ended orders are always listed by when they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Latest received first.
    #[default]
    Newest,
    /// Earliest despatch-by first.
    DespatchBy,
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Open or ended.
    pub scope: Scope,
    /// Only at that location.
    pub location: Option<LocationId>,
    /// Only containing that text: reference, name, e-mail, town, postcode, SKU, tracking number; or the order's id.
    /// Results of a text search come newest first.
    pub text: String,
    /// The sequence.
    pub sort: Sort,
    /// Only those whose despatch the channel refused or never confirmed.
    pub trouble: bool,
    /// Only those in that folder. Found by folder or identifier, orders come newest first, as those of a text search do.
    pub folder: Option<MarkId>,
    /// Only those with that identifier.
    pub identifier: Option<MarkId>,
    /// After that place: what [`Page::next`] gave.
    pub after: Option<(i64, i64)>,
}

/// A page of orders.
#[derive(Clone, Debug)]
pub struct Page {
    /// At most 50.
    pub orders: Vec<Order>,
    /// Where the next page starts, if there is one.
    pub next: Option<(i64, i64)>,
}

/// A page of what `filter` finds.
pub fn search(tx: &mut Tx<'_>, filter: &Filter) -> Result<Page> {
    let mut query = Query::new("SELECT {o.*} FROM ");
    conditions(&mut query, filter);
    let key = ordered(&mut query, filter);
    query.limit(PAGE as u32 + 1);
    let mut orders: Vec<Order> = tx.query(&query)?;
    let more = orders.len() > PAGE;
    orders.truncate(PAGE);
    let next = orders.last().filter(|_| more).map(key);
    if let Some(named) = named_by_id(tx, filter)? {
        orders.retain(|order| order.id != named.id);
        orders.insert(0, named);
    }
    Ok(Page { orders, next })
}

/// The order whose id was typed as the text: on top of the first page.
fn named_by_id(tx: &mut Tx<'_>, filter: &Filter) -> Result<Option<Order>> {
    match filter.text.trim().parse() {
        Ok(id) if filter.after.is_none() => {
            let plain = !filter.trouble && !filter.has_mark();
            Ok(store::find(tx, OrderId(id))?.filter(|order| filter.admits(order) && plain))
        }
        _ => Ok(None),
    }
}

/// Says in which sequence, after which place; gives how an order's own place is made.
fn ordered(query: &mut Query, filter: &Filter) -> fn(&Order) -> (i64, i64) {
    if filter.has_text() {
        // By id, newest first: the text index is walked that way, and ids rise with age.
        if let Some((_, id)) = filter.after {
            query.push(" AND ").push_row_id("order_search").push(" < ").bind(id);
        }
        query.push(" ORDER BY ").push_row_id("order_search").push(" DESC");
        |order| (0, order.id.0)
    } else if filter.has_mark() {
        if let Some((_, id)) = filter.after {
            query.push(" AND x.order_id < ").bind(OrderId(id));
        }
        query.push(" ORDER BY x.order_id DESC");
        |order| (0, order.id.0)
    } else if filter.scope == Scope::Ended {
        after(query, filter, " AND (o.ended_at, o.id) < (");
        query.push(" ORDER BY o.ended_at DESC, o.id DESC");
        |order| (order.ended_at.unwrap_or_default().0, order.id.0)
    } else if filter.sort == Sort::DespatchBy {
        after(query, filter, " AND (o.despatch_by, o.id) > (");
        query.push(" ORDER BY o.despatch_by, o.id");
        |order| (order.despatch_by.0, order.id.0)
    } else {
        after(query, filter, " AND (o.received_at, o.id) < (");
        query.push(" ORDER BY o.received_at DESC, o.id DESC");
        |order| (order.received_at.0, order.id.0)
    }
}

/// The ids of all orders that `filter` finds, in its sequence, at most 10,000: for doing something with each of them.
pub fn ids(tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<OrderId>> {
    let mut query = Query::new("SELECT o.id FROM ");
    conditions(&mut query, filter);
    ordered(&mut query, filter);
    query.limit(COUNT_MAX);
    Ok(tx.query(&query)?)
}

/// How many orders there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many were counted.
    pub counted: u32,
    /// There are more, but nobody waits for counting them.
    pub more: bool,
}

/// `4,210` or `10,000+`.
impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (thousands, rest) = (self.counted / 1_000, self.counted % 1_000);
        if thousands > 0 {
            write!(f, "{thousands},{rest:03}")?
        } else {
            write!(f, "{rest}")?
        }
        f.write_str(if self.more { "+" } else { "" })
    }
}

/// Orders are counted so far.
const COUNT_MAX: u32 = 10_000;
/// Hits of a text search are counted so far: each costs a look at its order.
const TEXT_COUNT_MAX: u32 = 1_000;

/// How many orders `filter` finds. A list says "10,000+" instead of counting a million.
pub fn count(tx: &mut Tx<'_>, filter: &Filter) -> Result<Count> {
    let max = if filter.has_text() { TEXT_COUNT_MAX } else { COUNT_MAX };
    let mut query = Query::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
    conditions(&mut query, filter);
    query.limit(max + 1).push(") counted");
    let found = tx.query::<i64>(&query)?.pop().and_then(|found| u32::try_from(found).ok()).unwrap_or(0);
    Ok(Count { counted: found.min(max), more: found > max })
}

/// The sources and the conditions.
fn conditions(query: &mut Query, filter: &Filter) {
    if filter.has_text() {
        let scope = if filter.scope == Scope::Open { OPEN } else { ENDED };
        query.push_text_rows("order_search", "orders o ON o.id", &[filter.text.trim(), scope]).push(" AND ");
        marked(query, filter, false);
    } else if filter.has_mark() {
        marked(query, filter, true);
    } else {
        query.push("orders o WHERE ");
    }
    // Literals, not parameters: the planner matches them with the partial indexes.
    query.push(match filter.scope {
        Scope::Open => "o.state = 'open'",
        Scope::Ended => "o.state IN ('processed', 'cancelled')",
    });
    if filter.trouble {
        query.push(" AND o.despatch_state IN ('rejected', 'failed')");
    }
    if let Some(location) = filter.location {
        query.push(" AND o.location_id = ").bind(location);
    }
}

/// What the order must carry. The first of it is what the list walks, newest order first, unless a text is walked already;
/// `CROSS JOIN` holds SQLite to that.
fn marked(query: &mut Query, filter: &Filter, mut walk: bool) {
    let open = if filter.scope == Scope::Open { " AND x.open" } else { "" };
    for mark in [filter.folder, filter.identifier].into_iter().flatten() {
        query.push(if walk {
            "order_mark x CROSS JOIN orders o WHERE o.id = x.order_id AND x.mark_id = "
        } else {
            "EXISTS (SELECT 1 FROM order_mark y WHERE y.order_id = o.id AND y.mark_id = "
        });
        query.bind(mark).push(if walk { open } else { ")" }).push(" AND ");
        walk = false;
    }
}

fn after(query: &mut Query, filter: &Filter, text: &'static str) {
    if let Some((at, id)) = filter.after {
        query.push(text).bind(Timestamp(at)).push(", ").bind(OrderId(id)).push(")");
    }
}

impl Filter {
    /// Open orders, everywhere, newest first.
    pub fn open() -> Self {
        Filter::default()
    }

    /// Processed and cancelled orders, latest first.
    pub fn ended() -> Self {
        Filter { scope: Scope::Ended, ..Filter::default() }
    }

    fn has_text(&self) -> bool {
        !self.text.trim().is_empty()
    }

    fn has_mark(&self) -> bool {
        self.folder.is_some() || self.identifier.is_some()
    }

    /// Whether it would find `order` (text and what the order carries apart): for rows that change while they are on screen.
    pub fn admits(&self, order: &Order) -> bool {
        let scope = match self.scope {
            Scope::Open => order.state == OrderState::Open,
            Scope::Ended => matches!(order.state, OrderState::Processed | OrderState::Cancelled),
        };
        scope && self.location.is_none_or(|location| location == order.location_id)
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn a_count_is_written_for_people() {
        let text = |counted, more| Count { counted, more }.to_string();
        assert_eq!([text(7, false), text(4_021, false), text(10_000, true)], ["7", "4,021", "10,000+"]);
    }
}
