//! Which orders a download round reads.
//!
//! Measured: an order's `updated_at` moves when something is fulfilled, shipped, refunded, completed or cancelled, but not when
//! its payment is captured; the payment's own does. A round therefore has three parts:
//!
//! 1. *changed*: every order that changed since. Medusa can't filter by what the money or the parcels have come to, so the
//!    statuses that nobody wants are left out here.
//! 2. *paid*: the orders of payments that changed since. So an order that was authorised a month ago and captured today comes,
//!    whether we have it or not.
//! 3. *unsettled*: the orders that we hold as unpaid, by id, in whatever status they now are.
//!
//! Paging goes by `updated_at`, upwards: each page asks for what changed no earlier than the last row of the page before. A row
//! that changes meanwhile moves to the end and thus moves no other row out of sight. Rows of one and the same millisecond that
//! fill more than a page are counted off within it. An order may come twice, which is harmless.

use consign_ports::{DownloadPage, DownloadRequest, Incoming, PortError, ReferencePage};
use consign_values::Timestamp;
use serde_json::Value;

use super::api::{self, Api};
use super::mapping::{Row, orders_page, status_of};
use super::{rows, text};

/// Orders of a page. One has some ten kilobytes, and costs the shop some time.
const PAGE: usize = 50;
const MILLISECOND: i64 = 1_000;

/// Where a round stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    /// Reading orders that changed.
    Changed(Place),
    /// Reading orders whose payment changed.
    Paid(Place),
    /// Reading unsettled orders, from this index.
    Unsettled(usize),
}

/// A place in a list sorted by a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Rows from then on, in microseconds.
    from: i64,
    /// Of them, as many are done.
    skip: usize,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (from, skip) = text.split_once(':')?;
        Some(Place { from: from.parse().ok().filter(|from| *from >= 0)?, skip: skip.parse().ok()? })
    }

    fn to_token(self) -> String {
        format!("{}:{}", self.from, self.skip)
    }

    /// The place after a page whose last row is of then; `None` if the page wasn't full.
    fn after(self, rows: usize, last: Option<Timestamp>) -> Option<Self> {
        if rows < PAGE {
            return None;
        }
        Some(match last {
            Some(last) if last.0 > self.from => Place { from: last.0, skip: 0 },
            _ => Place { skip: self.skip + rows, ..self },
        })
    }

    /// Databases may keep finer times than are shown, so a page begins a millisecond earlier.
    fn query(self, time: &'static str, fields: &str) -> Vec<(&'static str, String)> {
        let since = Timestamp((self.from - MILLISECOND).max(0)).to_rfc3339_millis();
        let (key, order) = match time {
            "created_at" => ("created_at[$gte]", "created_at"),
            _ => ("updated_at[$gte]", "updated_at"),
        };
        vec![
            (key, since),
            ("order", order.to_owned()),
            ("limit", PAGE.to_string()),
            ("offset", self.skip.to_string()),
            ("fields", fields.to_owned()),
        ]
    }
}

impl Cursor {
    fn parse(token: &str) -> Option<Self> {
        let (part, rest) = token.split_once(':')?;
        match part {
            "changed" => Place::parse(rest).map(Cursor::Changed),
            "paid" => Place::parse(rest).map(Cursor::Paid),
            "unsettled" => rest.parse().ok().map(Cursor::Unsettled),
            _ => None,
        }
    }

    fn to_token(self) -> String {
        match self {
            Cursor::Changed(place) => format!("changed:{}", place.to_token()),
            Cursor::Paid(place) => format!("paid:{}", place.to_token()),
            Cursor::Unsettled(index) => format!("unsettled:{index}"),
        }
    }
}

/// One page of a round.
pub(super) async fn page(api: &Api, request: &DownloadRequest) -> Result<DownloadPage, PortError> {
    let begin = Place { from: request.since.0.max(0), skip: 0 };
    let cursor = match &request.page {
        None => Cursor::Changed(begin),
        Some(token) => {
            Cursor::parse(token).ok_or_else(|| PortError::Refused("the page token is none of ours".into()))?
        }
    };
    let (mut found, next) = match cursor {
        Cursor::Changed(place) => {
            let found = orders(api, &place.query("updated_at", api::ORDER)).await?;
            let last = found.last().and_then(|row| row.updated_at);
            let next = place.after(found.len(), last).map_or(Cursor::Paid(begin), Cursor::Changed);
            (found, Some(next))
        }
        Cursor::Paid(place) => {
            let (ids, next) = paid(api, place).await?;
            (by_id(api, &ids).await?, Some(next.map_or(Cursor::Unsettled(0), Cursor::Paid)))
        }
        Cursor::Unsettled(index) => {
            let ids: Vec<String> = request.unsettled.iter().skip(index).take(PAGE).cloned().collect();
            (by_id(api, &ids).await?, Some(Cursor::Unsettled(index.saturating_add(PAGE))))
        }
    };
    if !matches!(cursor, Cursor::Unsettled(_)) {
        found.retain(|row| match &row.incoming.order {
            Ok(order) => request.statuses.contains(&order.status),
            Err(_) => true,
        });
    }
    let is_end = |next: &Cursor| matches!(next, Cursor::Unsettled(index) if *index >= request.unsettled.len());
    let next = next.filter(|next| !is_end(next)).map(Cursor::to_token);
    Ok(DownloadPage { orders: found.into_iter().map(|row| row.incoming).collect(), next, rate_left: None })
}

/// What can't be read as a page is one garbage order, so that its bytes are kept.
async fn orders(api: &Api, query: &[(&str, String)]) -> Result<Vec<Row>, PortError> {
    let answer = api.read(&["orders"], query).await?;
    let page = orders_page(&answer.text());
    Ok(page.unwrap_or_else(|reason| {
        let incoming = Incoming { reference: String::new(), payload: answer.body, order: Err(reason) };
        vec![Row { incoming, updated_at: None }]
    }))
}

async fn by_id(api: &Api, ids: &[String]) -> Result<Vec<Row>, PortError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = vec![("limit", ids.len().to_string()), ("fields", api::ORDER.to_owned())];
    query.extend(ids.iter().map(|id| ("id[]", id.clone())));
    orders(api, &query).await
}

/// The ids of the orders whose payments changed, each once, and where to go on.
async fn paid(api: &Api, place: Place) -> Result<(Vec<String>, Option<Place>), PortError> {
    let query = place.query("updated_at", "id,updated_at,payment_collection.order.id");
    let data = api.get(&["payments"], &query).await?;
    let payments: Vec<&Value> = rows(&data, "payments").collect();
    let last = payments.last().and_then(|row| row["updated_at"].as_str()).and_then(Timestamp::parse);
    let mut ids: Vec<String> = payments
        .iter()
        .map(|row| text(&row["payment_collection"]["order"]["id"]))
        .filter(|id| !id.is_empty())
        .collect();
    ids.sort();
    ids.dedup();
    Ok((ids, place.after(payments.len(), last)))
}

/// One order by its id.
pub(super) async fn one(api: &Api, reference: &str) -> Result<Option<Incoming>, PortError> {
    let query = [("id[]", reference.to_owned()), ("fields", api::ORDER.to_owned())];
    let answer = api.read(&["orders"], &query).await?;
    let found = orders_page(&answer.text()).map_err(PortError::Protocol)?;
    Ok(found.into_iter().map(|row| row.incoming).find(|order| order.reference == reference))
}

/// Ids of orders in these statuses, placed since then, each once: they are counted.
pub(super) async fn references(
    api: &Api,
    statuses: &[String],
    since: Timestamp,
    page: Option<&str>,
) -> Result<ReferencePage, PortError> {
    if statuses.is_empty() {
        return Ok(ReferencePage::default());
    }
    let (place, given) = page.map_or(("", ""), |token| token.split_once('|').unwrap_or((token, "")));
    let place = Place::parse(place).unwrap_or(Place { from: since.0.max(0), skip: 0 });
    let data = api.get(&["orders"], &place.query("created_at", api::ORDER_STATUS)).await?;
    let found: Vec<(String, Option<Timestamp>, bool)> = rows(&data, "orders")
        .map(|row| {
            let wanted = status_of(row).is_ok_and(|status| statuses.iter().any(|wanted| wanted == status));
            (text(&row["id"]), row["created_at"].as_str().and_then(Timestamp::parse), wanted)
        })
        .collect();
    let last = found.last().and_then(|(_, at, _)| *at);
    let next = place.after(found.len(), last).map(|next| {
        // Those that the next page will begin with once more.
        let again = |at: &Option<Timestamp>| at.is_some_and(|at| next.skip == 0 && at.0 >= next.from - MILLISECOND);
        let again: Vec<&str> = found.iter().filter(|(_, at, _)| again(at)).map(|(id, ..)| id.as_str()).collect();
        format!("{}|{}", next.to_token(), again.join(","))
    });
    let is_new = |id: &String| !id.is_empty() && !given.split(',').any(|known| known == id);
    let wanted = found.into_iter().filter(|(_, at, wanted)| *wanted && at.is_none_or(|at| at >= since));
    Ok(ReferencePage { references: wanted.map(|(id, ..)| id).filter(is_new).collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_leads_on_from_its_last_row_and_counts_off_within_one_millisecond() {
        let place = Place { from: 0, skip: 0 };
        let last = Timestamp::parse("2026-01-02T03:04:05.123Z");
        assert_eq!(place.after(PAGE - 1, last), None);
        let second = place.after(PAGE, last).unwrap();
        assert_eq!(second, Place { from: 1_767_323_045_123_000, skip: 0 });
        let query = second.query("updated_at", "id");
        assert_eq!(query[0], ("updated_at[$gte]", "2026-01-02T03:04:05.122Z".to_owned()));
        let third = second.after(PAGE, last).unwrap();
        assert_eq!(third, Place { from: second.from, skip: PAGE });
        assert_eq!(third.after(PAGE, None).unwrap().skip, 2 * PAGE);
    }

    #[test]
    fn a_page_token_survives_its_way_through_the_database() {
        let place = Place { from: 17, skip: 3 };
        for cursor in [Cursor::Changed(place), Cursor::Paid(place), Cursor::Unsettled(200)] {
            assert_eq!(Cursor::parse(&cursor.to_token()), Some(cursor));
        }
        for token in ["", "paid", "paid:1", "paid:-1:0", "changed:a:b", "unsettled:-1", "else:1:1"] {
            assert_eq!(Cursor::parse(token), None, "{token}");
        }
    }
}
