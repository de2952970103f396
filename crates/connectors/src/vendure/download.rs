//! Which orders a download round reads.
//!
//! Measured: an order's `updatedAt` doesn't move when a payment is settled or a fulfilment is made or shipped; it does when
//! something is cancelled. So "changed since" would lose the order that was authorised a week ago and settled today. A round
//! therefore has three parts:
//!
//! 1. *open*: every order in a wanted state that is not final, whatever its date. They are what the shop still has to ship: a
//!    bounded set, read anew in each round. Whatever happens to such an order is seen, without any date being right.
//! 2. *closed*: orders in a wanted final state, changed or placed since. A cancellation moves `updatedAt`. (Shipped ones are
//!    only told to the business, which has them already or doesn't want them.)
//! 3. *unsettled*: the orders that we hold as unpaid, by number, in whatever state they now are.
//!
//! Paging goes by `createdAt`, which never changes: each page asks for what was created no earlier than the last order of the
//! page before. Rows that leave the set between two pages (an order gets shipped) thus move no other row out of sight, as
//! they would if pages were counted off; a row that enters the set behind us is found by the next round, since the open part
//! knows no cursor; and an order that passes from open to closed between the parts is in the second. Orders of one and the same
//! millisecond that fill more than a page are counted off within it. An order may come twice, which is harmless.

use consign_ports::{DownloadPage, DownloadRequest, Incoming, PortError, ReferencePage};
use consign_values::Timestamp;
use serde_json::{Value, json};

use super::api::{self, Api};
use super::mapping::orders_page;
use super::{PAGE, items, text};

/// States from which an order comes back only by a person's doing.
const FINAL: [&str; 3] = ["Shipped", "Delivered", "Cancelled"];
const MILLISECOND: i64 = 1_000;

/// Where a round stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    /// Reading the open orders.
    Open(Place),
    /// Reading final orders that changed.
    Closed(Place),
    /// Reading unsettled orders, from this index.
    Unsettled(usize),
}

/// A place in a list sorted by `createdAt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Orders created from then on, in microseconds.
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

    /// The place after a page whose last row was created then; `None` if the page wasn't full.
    fn after(self, rows: usize, last: Option<Timestamp>) -> Option<Self> {
        if rows < PAGE {
            return None;
        }
        Some(match last {
            Some(last) if last.0 > self.from => Place { from: last.0, skip: 0 },
            _ => Place { skip: self.skip + rows, ..self },
        })
    }

    fn options(self, mut filter: Value) -> Value {
        if self.from > 0 {
            // `after` excludes, and databases may keep finer times than are shown: begin a millisecond earlier.
            filter["createdAt"] = json!({ "after": Timestamp(self.from - MILLISECOND).to_rfc3339_millis() });
        }
        json!({ "o": {
            "skip": self.skip,
            "take": PAGE,
            "sort": { "createdAt": "ASC", "id": "ASC" },
            "filter": filter,
        }})
    }
}

impl Cursor {
    fn parse(token: &str) -> Option<Self> {
        let (part, rest) = token.split_once(':')?;
        match part {
            "open" => Place::parse(rest).map(Cursor::Open),
            "closed" => Place::parse(rest).map(Cursor::Closed),
            "unsettled" => rest.parse().ok().map(Cursor::Unsettled),
            _ => None,
        }
    }

    fn to_token(self) -> String {
        match self {
            Cursor::Open(place) => format!("open:{}", place.to_token()),
            Cursor::Closed(place) => format!("closed:{}", place.to_token()),
            Cursor::Unsettled(index) => format!("unsettled:{index}"),
        }
    }
}

fn states(request: &DownloadRequest, closed: bool) -> Vec<&str> {
    request.statuses.iter().map(String::as_str).filter(|state| FINAL.contains(state) == closed).collect()
}

/// The part to start or go on with: parts with nothing to ask for are passed over.
fn present(cursor: Cursor, request: &DownloadRequest) -> Option<Cursor> {
    match cursor {
        Cursor::Open(_) if states(request, false).is_empty() => present(Cursor::Closed(Place::default()), request),
        Cursor::Closed(_) if states(request, true).is_empty() => present(Cursor::Unsettled(0), request),
        Cursor::Unsettled(index) if index >= request.unsettled.len() => None,
        cursor => Some(cursor),
    }
}

/// Filter and paging of one call.
fn options(cursor: Cursor, request: &DownloadRequest) -> Value {
    match cursor {
        Cursor::Open(place) => place.options(json!({ "state": { "in": states(request, false) } })),
        Cursor::Closed(place) => {
            let since = json!({ "after": request.since.to_rfc3339_millis() });
            place.options(json!({
                "state": { "in": states(request, true) },
                "_or": [{ "updatedAt": since }, { "orderPlacedAt": since }],
            }))
        }
        Cursor::Unsettled(index) => {
            let codes: Vec<&String> = request.unsettled.iter().skip(index).take(PAGE).collect();
            json!({ "o": { "take": PAGE, "filter": { "code": { "in": codes } } } })
        }
    }
}

/// One page of a round.
pub(super) async fn page(api: &Api, precision: u32, request: &DownloadRequest) -> Result<DownloadPage, PortError> {
    let start = match &request.page {
        None => Cursor::Open(Place::default()),
        Some(token) => {
            Cursor::parse(token).ok_or_else(|| PortError::Refused("the page token is none of ours".into()))?
        }
    };
    let Some(cursor) = present(start, request) else {
        return Ok(DownloadPage { orders: Vec::new(), next: None, rate_left: None });
    };
    let answer = api.answer(&format!("{}{}", api::ORDERS, api::ORDER), options(cursor, request)).await?;
    let rate_left = answer.rate_left();
    let rows = match orders_page(&answer.text(), precision) {
        Ok(rows) => rows,
        Err(reason) => {
            let garbage = Incoming { reference: String::new(), payload: answer.body, order: Err(reason) };
            return Ok(DownloadPage { orders: vec![garbage], next: None, rate_left });
        }
    };
    let last = rows.last().and_then(|row| row.created_at);
    let next = match cursor {
        Cursor::Open(place) => place.after(rows.len(), last).map_or(Cursor::Closed(Place::default()), Cursor::Open),
        Cursor::Closed(place) => place.after(rows.len(), last).map_or(Cursor::Unsettled(0), Cursor::Closed),
        Cursor::Unsettled(index) => Cursor::Unsettled(index + PAGE),
    };
    let next = present(next, request).map(Cursor::to_token);
    Ok(DownloadPage { orders: rows.into_iter().map(|row| row.incoming).collect(), next, rate_left })
}

/// One order by its number.
pub(super) async fn one(api: &Api, precision: u32, reference: &str) -> Result<Option<Incoming>, PortError> {
    let options = json!({ "o": { "take": 1, "filter": { "code": { "eq": reference } } } });
    let answer = api.answer(&format!("{}{}", api::ORDERS, api::ORDER), options).await?;
    let rows = orders_page(&answer.text(), precision).map_err(PortError::Protocol)?;
    Ok(rows.into_iter().map(|row| row.incoming).find(|order| order.reference == reference))
}

/// Order numbers in these states, placed since then, each once: they are counted.
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
    let place = Place::parse(place).unwrap_or_default();
    let filter = json!({ "state": { "in": statuses }, "orderPlacedAt": { "after": since.to_rfc3339_millis() } });
    let data = api.data(api::REFERENCES, place.options(filter)).await?;
    let rows: Vec<(String, Option<Timestamp>)> = items(&data["orders"])
        .map(|row| (text(&row["code"]), row["createdAt"].as_str().and_then(Timestamp::parse)))
        .collect();
    let last = rows.last().and_then(|(_, at)| *at);
    let next = place.after(rows.len(), last).map(|next| {
        // Those that the next page will begin with once more.
        let again = |at: &Option<Timestamp>| at.is_some_and(|at| next.skip == 0 && at.0 >= next.from - MILLISECOND);
        let again: Vec<&str> = rows.iter().filter(|(_, at)| again(at)).map(|(code, _)| code.as_str()).collect();
        format!("{}|{}", next.to_token(), again.join(","))
    });
    let is_new = |code: &String| !code.is_empty() && !given.split(',').any(|known| known == code);
    Ok(ReferencePage { references: rows.into_iter().map(|(code, _)| code).filter(is_new).collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(statuses: &[&str], unsettled: usize) -> DownloadRequest {
        DownloadRequest {
            page: None,
            since: Timestamp::parse("2026-01-02T03:04:05Z").unwrap(),
            statuses: statuses.iter().map(|state| (*state).to_owned()).collect(),
            unsettled: (0..unsettled).map(|number| format!("U{number}")).collect(),
        }
    }

    #[test]
    fn open_orders_are_asked_for_whatever_their_date_and_closed_ones_by_date() {
        let request = request(&["PaymentSettled", "PaymentAuthorized", "Cancelled"], 1);
        let open = options(Cursor::Open(Place::default()), &request);
        assert_eq!(open["o"]["filter"], json!({ "state": { "in": ["PaymentSettled", "PaymentAuthorized"] } }));
        let closed = options(Cursor::Closed(Place::default()), &request);
        insta::assert_json_snapshot!(closed);
    }

    #[test]
    fn parts_with_nothing_to_ask_for_are_passed_over() {
        let start = Cursor::Open(Place::default());
        assert_eq!(present(start, &request(&["Cancelled"], 0)), Some(Cursor::Closed(Place::default())));
        assert_eq!(present(start, &request(&[], 1)), Some(Cursor::Unsettled(0)));
        assert_eq!(present(start, &request(&[], 0)), None);
        assert_eq!(present(Cursor::Unsettled(100), &request(&[], 100)), None);
    }

    #[test]
    fn a_full_page_leads_on_from_its_last_order_and_counts_off_within_one_millisecond() {
        let place = Place::default();
        let last = Timestamp::parse("2026-01-02T03:04:05.123Z");
        assert_eq!(place.after(PAGE - 1, last), None);
        let second = place.after(PAGE, last).unwrap();
        assert_eq!(second, Place { from: 1_767_323_045_123_000, skip: 0 });
        assert_eq!(second.options(json!({}))["o"]["filter"]["createdAt"]["after"], "2026-01-02T03:04:05.122Z");
        let third = second.after(PAGE, last).unwrap();
        assert_eq!(third, Place { from: second.from, skip: PAGE });
        assert_eq!(third.after(PAGE, None).unwrap().skip, 2 * PAGE);
    }

    #[test]
    fn a_page_token_survives_its_way_through_the_database() {
        for cursor in
            [Cursor::Open(Place { from: 17, skip: 3 }), Cursor::Closed(Place::default()), Cursor::Unsettled(200)]
        {
            assert_eq!(Cursor::parse(&cursor.to_token()), Some(cursor));
        }
        for token in ["", "open", "open:1", "open:-1:0", "open:a:b", "unsettled:-1", "else:1:1"] {
            assert_eq!(Cursor::parse(token), None, "{token}");
        }
    }
}
