//! Which orders a download round reads: those in a wanted status that changed since, by their date of change.
//!
//! Measured on 11.0.1 (`channels.md` 2.5): that date moves with status, payment, refunds, meta and fulfilments, only not with
//! notes; `modified_after` excludes the second that it names. Paging therefore asks for changes from the last order's second
//! on, beginning a second earlier: an order that changes meanwhile moves to the end and moves no other out of sight, as it
//! would if pages were counted off. Only within one and the same second pages are counted. An order may come twice, which is
//! harmless.

use std::collections::HashMap;

use consign_ports::{DownloadPage, DownloadRequest, Incoming, PortError, ReferencePage};
use consign_values::Timestamp;

use super::api::{Api, PAGE, encode, gmt};
use super::mapping::{self, Reading, Row, orders_page};
use crate::loose::scalar;

/// Where a round stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Orders changed from then on, in whole seconds since 1970.
    from: i64,
    /// The page of them, from 1.
    page: usize,
}

impl Place {
    fn parse(token: &str) -> Option<Self> {
        let (from, page) = token.split_once(':')?;
        Some(Place { from: from.parse().ok()?, page: page.parse().ok().filter(|page| *page > 0)? })
    }

    fn to_token(self) -> String {
        format!("{}:{}", self.from, self.page)
    }

    /// The place after a page whose last row changed then; `None` if the page wasn't full.
    fn after(self, rows: usize, last: Option<Timestamp>) -> Option<Self> {
        if rows < PAGE {
            return None;
        }
        let last = last.map(|last| last.0.div_euclid(1_000_000)).filter(|last| *last > self.from);
        Some(last.map_or(Place { page: self.page + 1, ..self }, |from| Place { from, page: 1 }))
    }
}

fn params(request: &DownloadRequest, place: Place) -> Vec<(&'static str, String)> {
    vec![
        ("status", request.statuses.join(",")),
        ("modified_after", gmt(Timestamp(place.from.saturating_sub(1).saturating_mul(1_000_000)))),
        ("dates_are_gmt", "true".to_owned()),
        ("orderby", "modified".to_owned()),
        ("order", "asc".to_owned()),
        ("per_page", PAGE.to_string()),
        ("page", place.page.to_string()),
    ]
}

/// One page of a round.
pub(super) async fn page(api: &Api, reading: &Reading, request: &DownloadRequest) -> Result<DownloadPage, PortError> {
    if request.statuses.is_empty() {
        return Ok(DownloadPage { orders: Vec::new(), next: None, rate_left: None });
    }
    let place = match &request.page {
        None => Place { from: request.since.0.div_euclid(1_000_000), page: 1 },
        Some(token) => {
            Place::parse(token).ok_or_else(|| PortError::Refused("the page token is none of ours".into()))?
        }
    };
    let answer = api.get("orders", &params(request, place)).await?;
    let rate_left = answer.rate_left();
    let mut rows = match orders_page(&answer.text(), reading) {
        Ok(rows) => rows,
        Err(why) => {
            let incoming = Incoming { reference: String::new(), payload: answer.body.clone(), order: Err(why) };
            return Ok(DownloadPage { orders: vec![incoming], next: None, rate_left });
        }
    };
    for row in &mut rows {
        count_fulfilments(api, row).await?;
    }
    let next = place.after(rows.len(), rows.last().and_then(|row| row.modified_at)).map(Place::to_token);
    Ok(DownloadPage { orders: rows.into_iter().map(|row| row.incoming).collect(), next, rate_left })
}

/// Asks how many units of a partly fulfilled order are shipped, as orders tell only that some are.
async fn count_fulfilments(api: &Api, row: &mut Row) -> Result<(), PortError> {
    let (true, Ok(order)) = (row.partly_fulfilled, &mut row.incoming.order) else { return Ok(()) };
    let path = format!("orders/{}/fulfillments", encode(&row.incoming.reference));
    let units: HashMap<String, i64> = match api.list(&path, &[]).await {
        Ok(fulfilments) => mapping::fulfilled_units(&fulfilments),
        // The feature has been switched off since.
        Err(PortError::Refused(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    mapping::raise_shipped(order, &units);
    Ok(())
}

/// One order by its id, or `None`.
pub(super) async fn one(api: &Api, reading: &Reading, reference: &str) -> Result<Option<Incoming>, PortError> {
    let answer = api.get("orders", &[("include", reference.to_owned()), ("per_page", "1".to_owned())]).await?;
    let rows = orders_page(&answer.text(), reading).map_err(PortError::Protocol)?;
    let Some(mut row) = rows.into_iter().find(|row| row.incoming.reference == reference) else { return Ok(None) };
    count_fulfilments(api, &mut row).await?;
    Ok(Some(row.incoming))
}

/// A page of order ids in these statuses, placed since then.
pub(super) async fn references(
    api: &Api,
    statuses: &[String],
    since: Timestamp,
    page: Option<&str>,
) -> Result<ReferencePage, PortError> {
    if statuses.is_empty() {
        return Ok(ReferencePage::default());
    }
    let number: usize =
        page.map_or(Ok(1), str::parse).map_err(|_| PortError::Refused("the page token is none of ours".into()))?;
    let params = [
        ("status", statuses.join(",")),
        ("after", gmt(since.plus_seconds(-1))),
        ("dates_are_gmt", "true".to_owned()),
        ("orderby", "id".to_owned()),
        ("order", "asc".to_owned()),
        ("per_page", PAGE.to_string()),
        ("page", number.to_string()),
        ("_fields", "id".to_owned()),
    ];
    let rows = api.list("orders", &params).await?;
    let references: Vec<String> = rows.iter().filter_map(|row| scalar(&row["id"])).collect();
    Ok(ReferencePage { references, next: (rows.len() == PAGE).then(|| (number + 1).to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_leads_on_from_its_last_second_and_counts_pages_only_within_one() {
        let start = Place { from: 100, page: 1 };
        let at = |seconds: i64| Some(Timestamp(seconds * 1_000_000));
        assert_eq!(start.after(PAGE - 1, at(200)), None);
        assert_eq!(start.after(PAGE, at(200)), Some(Place { from: 200, page: 1 }));
        assert_eq!(start.after(PAGE, at(100)), Some(Place { from: 100, page: 2 }));
        assert_eq!(start.after(PAGE, None), Some(Place { from: 100, page: 2 }));
    }

    #[test]
    fn a_page_token_survives_its_way_through_the_database() {
        let place = Place { from: 1_795_411_993, page: 3 };
        assert_eq!(Place::parse(&place.to_token()), Some(place));
        for token in ["", "1", "a:1", "1:0", "1:-1"] {
            assert_eq!(Place::parse(token), None, "{token}");
        }
    }
}
