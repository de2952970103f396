//! Which orders a download round reads: those that changed since, then those that we hold as unpaid.
//!
//! Paging goes by the date of change: each page asks for changes no earlier than the last order's, so that an order that
//! changes meanwhile moves to the end and no other out of sight, and no list grows to the 25,000 rows at which Shopify stops.
//! Only within one and the same second Shopify's own cursor is used. An order may come twice, which is harmless. What is held
//! back for its risk is read by its id until it is let through, as nothing promises that an assessment is a change.

use consign_ports::{DownloadPage, DownloadRequest, Incoming, PortError, ReferencePage};
use consign_values::Timestamp;
use serde_json::{Value, json};

use super::api::{Api, rate_left};
use super::mapping::{self, Row, orders_page};
use super::{Settings, documents, fulfil, order_id};
use crate::http::Answer;

/// Orders of a page, before it is found to cost too much.
const PAGE: usize = 25;
/// Orders that are asked for by their ids at once: such a question can't be asked in smaller pages.
const UNSETTLED_PAGE: usize = 10;
const REFERENCES_PAGE: usize = 100;
const LINES_PAGE: usize = 100;
/// Pages of lines of one order: a limit against answers that never end.
const LINE_PAGES_MAX: usize = 20;

/// Where a round stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Orders changed from then on, in whole seconds since 1970, after Shopify's cursor if there is one.
    Changed { from: i64, cursor: String },
    /// Orders that we hold as unpaid, from this index.
    Unsettled(usize),
}

impl Place {
    fn parse(token: &str) -> Option<Self> {
        let (part, rest) = token.split_once(':')?;
        match part {
            "changed" => {
                let (from, cursor) = rest.split_once(':')?;
                Some(Place::Changed { from: from.parse().ok()?, cursor: cursor.to_owned() })
            }
            "unsettled" => rest.parse().ok().map(Place::Unsettled),
            _ => None,
        }
    }

    fn to_token(&self) -> String {
        match self {
            Place::Changed { from, cursor } => format!("changed:{from}:{cursor}"),
            Place::Unsettled(index) => format!("unsettled:{index}"),
        }
    }
}

/// The place after a page of changed orders, which ended at `cursor` if it was not the last.
fn after(from: i64, cursor: Option<String>, last: Option<Timestamp>) -> Place {
    let Some(cursor) = cursor else { return Place::Unsettled(0) };
    match last.map(|last| last.0.div_euclid(1_000_000)) {
        Some(last) if last > from => Place::Changed { from: last, cursor: String::new() },
        _ => Place::Changed { from, cursor },
    }
}

/// One page of a round.
pub(super) async fn page(api: &Api, settings: &Settings, request: &DownloadRequest) -> Result<DownloadPage, PortError> {
    let place = match &request.page {
        None => Place::Changed { from: request.since.0.div_euclid(1_000_000), cursor: String::new() },
        Some(token) => {
            Place::parse(token).ok_or_else(|| PortError::Refused("the page token is none of ours".into()))?
        }
    };
    let answer = ask(api, &place, request).await?;
    let Some(answer) = answer else { return Ok(DownloadPage { orders: Vec::new(), next: None, rate_left: None }) };
    let rate_left = rate_left(&answer);
    let text = answer.text();
    let mut rows = match orders_page(&text) {
        Ok(rows) => rows,
        Err(why) => {
            let incoming = Incoming { reference: String::new(), payload: answer.body.clone(), order: Err(why) };
            return Ok(DownloadPage { orders: vec![incoming], next: None, rate_left });
        }
    };
    let next = match place {
        Place::Changed { from, .. } => after(from, mapping::end_cursor(&text), rows.last().and_then(Row::updated_at)),
        Place::Unsettled(index) => Place::Unsettled(index + UNSETTLED_PAGE),
    };
    let ends = matches!(next, Place::Unsettled(index) if index >= request.unsettled.len());
    rows.retain(|row| mapping::is_wanted(&row.value, settings));
    for row in &mut rows {
        complete(api, row).await?;
        locate(api, settings, row).await?;
    }
    let orders = rows.into_iter().map(|row| row.incoming(settings)).collect();
    Ok(DownloadPage { orders, next: (!ends).then(|| next.to_token()), rate_left })
}

async fn ask(api: &Api, place: &Place, request: &DownloadRequest) -> Result<Option<Answer>, PortError> {
    match place {
        Place::Changed { from, cursor } => {
            let since = Timestamp(from.saturating_mul(1_000_000)).to_rfc3339_millis();
            let variables = json!({
                "query": format!("updated_at:>='{since}'"),
                "after": if cursor.is_empty() { Value::Null } else { cursor.clone().into() },
            });
            api.page_answer(documents::ORDERS, variables, PAGE).await.map(Some)
        }
        Place::Unsettled(index) => {
            let ids: Vec<String> =
                request.unsettled.iter().skip(*index).take(UNSETTLED_PAGE).map(|id| order_id(id)).collect();
            if ids.is_empty() {
                return Ok(None);
            }
            api.answer(documents::ORDERS_BY_ID, json!({ "ids": ids })).await.map(Some)
        }
    }
}

/// Reads from which of the shop's locations an order is to come, where the settings want that, of what is still to be sent.
async fn locate(api: &Api, settings: &Settings, row: &mut Row) -> Result<(), PortError> {
    if settings.use_locations && mapping::is_to_send(&row.value) {
        let orders = fulfil::fulfilment_orders(api, &row.value["id"]).await?;
        row.append_fulfilment_orders(orders);
    }
    Ok(())
}

/// Reads the further lines of a long order.
async fn complete(api: &Api, row: &mut Row) -> Result<(), PortError> {
    for _ in 0..LINE_PAGES_MAX {
        let Some(cursor) = row.more_lines() else { return Ok(()) };
        let variables = json!({ "id": row.value["id"], "after": cursor });
        let mut data = api.page(documents::MORE_LINES, variables, LINES_PAGE).await?;
        row.append_lines(mapping::taken(&mut data, "/order/lineItems"));
    }
    Ok(())
}

/// One order by its reference, or `None`, also for one of the till where those are not wanted.
pub(super) async fn one(api: &Api, settings: &Settings, reference: &str) -> Result<Option<Incoming>, PortError> {
    let answer = api.answer(documents::ORDERS_BY_ID, json!({ "ids": [order_id(reference)] })).await?;
    let rows = orders_page(&answer.text()).map_err(PortError::Protocol)?;
    let is_asked =
        |row: &Row| mapping::number(&row.value["id"]) == reference && mapping::is_wanted(&row.value, settings);
    let Some(mut row) = rows.into_iter().find(is_asked) else { return Ok(None) };
    complete(api, &mut row).await?;
    locate(api, settings, &mut row).await?;
    Ok(Some(row.incoming(settings)))
}

/// A page of references of orders that would be downloaded as open, placed since then.
pub(super) async fn references(
    api: &Api,
    settings: &Settings,
    since: Timestamp,
    page: Option<String>,
) -> Result<ReferencePage, PortError> {
    let query = format!("created_at:>='{}' AND status:open", since.to_rfc3339_millis());
    let variables = json!({ "query": query, "after": page });
    let data = api.page(documents::REFERENCES, variables, REFERENCES_PAGE).await?;
    let orders = data["orders"]["nodes"].as_array().into_iter().flatten();
    let references =
        orders.filter(|order| mapping::is_open(order, settings)).map(|order| mapping::number(&order["id"]));
    let info = &data["orders"]["pageInfo"];
    let next = info["endCursor"].as_str().filter(|_| info["hasNextPage"] == true).map(str::to_owned);
    Ok(ReferencePage { references: references.collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_on_from_its_last_second_and_by_cursor_only_within_one() {
        let at = |seconds: i64| Some(Timestamp(seconds * 1_000_000));
        let changed = |from, cursor: &str| Place::Changed { from, cursor: cursor.to_owned() };
        assert_eq!(after(100, Some("c".into()), at(200)), changed(200, ""));
        assert_eq!(after(100, Some("c".into()), at(100)), changed(100, "c"));
        assert_eq!(after(100, Some("c".into()), None), changed(100, "c"));
        assert_eq!(after(100, None, at(200)), Place::Unsettled(0));
    }

    #[test]
    fn a_page_token_survives_its_way_through_the_database() {
        let cursor = "eyJsYXN0X2lkIjox:fQ==".to_owned();
        for place in [Place::Changed { from: 17, cursor }, Place::Unsettled(25)] {
            assert_eq!(Place::parse(&place.to_token()), Some(place));
        }
        for token in ["", "changed", "changed:x:", "unsettled:-1", "else:1:1"] {
            assert_eq!(Place::parse(token), None, "{token}");
        }
    }
}
