//! What is removed from one order, one draft, one entry of the address book; and what stands in its place.

use consign_db::Tx;
use consign_values::{Address, CustomerId, DraftId, OrderId};

use super::store;
use crate::history::Entry;
use crate::orders::{self, Detail, Note, Order};
use crate::{Ctx, Result, changes, decisions, history, rules};

/// Stands where something was removed.
pub(super) const GONE: &str = "(removed)";

/// Kinds of history whose sentences Consign makes itself, out of figures and settings. All others may quote people.
const OWN_WORDS: &[&str] = &[
    "received",
    "processed",
    "moved",
    "tagged",
    "unparked",
    "unlocked",
    "split",
    "split off",
    "merged",
    "linked",
    "queued",
    "confirmed by channel",
    "sent again",
    "not sent",
    "completed",
    "paid",
    "updated by channel",
    "scrubbed",
    "exported",
];

/// Which of these orders have been scrubbed: what their channel sends of them is not kept again.
pub(crate) fn scrubbed(tx: &mut Tx<'_>, ids: &[OrderId]) -> Result<Vec<OrderId>> {
    store::scrubbed_of(tx, ids)
}

/// Removes the personal data of an order that has ended, wherever it lies. One that was scrubbed before is left alone.
pub(super) fn order(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, because: &str) -> Result<()> {
    let Some(order) = store::lock_unscrubbed(tx, id)? else { return Ok(()) };
    let detail = store::detail(tx, id)?;
    let words = words(&order, detail.as_ref());
    store::scrub_order(tx, id, ctx.now())?;
    if let Some(detail) = detail {
        let (delivery, billing) = (country_only(&detail.delivery()), country_only(&detail.billing()));
        store::scrub_detail(tx, id, &delivery, &billing)?;
    }
    store::scrub_lines(tx, id)?;
    store::scrub_outbox(tx, id)?;
    for note in store::notes(tx, id)? {
        store::update_note(tx, note.id, author(&note), GONE)?;
    }
    for entry in store::history_of(tx, "order", id.0)? {
        let said = said(&entry, &words);
        if said != entry.detail {
            store::update_history(tx, entry.id, &said)?;
        }
    }
    for decision in store::decisions_of(tx, id)? {
        let (outcome, why) = (redact(&decision.outcome, &words), redact(&decision.because, &words));
        if (&outcome, &why) != (&decision.outcome, &decision.because) {
            store::update_decision(tx, decision.id, &outcome, &why)?;
        }
    }
    for payload in store::payloads_of(tx, &order)? {
        store::scrub_payload(tx, payload.0, &redact(&payload.1, &words), ctx.now())?;
    }
    rules::forget(tx, id, GONE)?;
    for (delivery, body) in store::deliveries_of(tx, id)? {
        store::update_delivery(tx, delivery, &told(&body, &words))?;
    }
    let order = orders::get(tx, id)?;
    orders::index(tx, &order)?;
    history::record(tx, ctx, "order", id.0, "scrubbed", format!("personal data removed: {because}"))?;
    decisions::record(tx, ctx, id, "retention", "personal data removed", because)?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Throws a draft away.
pub(super) fn draft(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: DraftId, because: &str) -> Result<()> {
    store::delete_draft(tx, id)?;
    history::record(tx, ctx, "draft", id.0, "scrubbed", because)
}

/// Takes an entry out of the address book.
pub(crate) fn customer(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: CustomerId, because: &str) -> Result<()> {
    store::delete_customer(tx, id)?;
    tx.search_delete("customer_search", id.0)?;
    for entry in store::history_of(tx, "customer", id.0)? {
        store::update_history(tx, entry.id, GONE)?;
    }
    history::record(tx, ctx, "customer", id.0, "scrubbed", because)
}

fn country_only(address: &Address) -> String {
    let kept = Address { country: address.country.clone(), country_code: address.country_code, ..Address::default() };
    serde_json::to_string(&kept).unwrap_or_default()
}

/// What tells the person apart, as it may be quoted in sentences.
fn words(order: &Order, detail: Option<&Detail>) -> Vec<String> {
    let mut words = vec![order.buyer.clone(), order.full_name.clone(), order.company.clone(), order.postcode.clone()];
    words.push(order.tracking_number.clone());
    if let Some(detail) = detail {
        for address in [detail.delivery(), detail.billing()] {
            words.extend([address.full_name, address.company, address.line1, address.line2, address.line3]);
            words.extend([address.postcode, address.phone, address.email]);
        }
    }
    sorted(words)
}

/// The longest first, so that a part of one does not spoil it.
pub(super) fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.retain(|word| word.trim().chars().count() >= 3);
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

/// The text with the words replaced, whatever the case of their ASCII letters.
pub(super) fn redact(text: &str, words: &[String]) -> String {
    words.iter().fold(text.to_owned(), |text, word| {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let hit = rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
            if hit {
                out.push_str(GONE);
                rest = &rest[word.len()..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    })
}

fn said(entry: &Entry, words: &[String]) -> String {
    if OWN_WORDS.contains(&entry.kind.as_str()) {
        return redact(&entry.detail, words);
    }
    if entry.detail.is_empty() { String::new() } else { GONE.to_owned() }
}

/// Who wrote a note, unless it is the name of somebody outside.
fn author(note: &Note) -> &str {
    let own = ["user ", "token ", "channel ", "import ", "system", "command line"];
    if own.iter().any(|begin| note.author.starts_with(begin)) { &note.author } else { "buyer" }
}

/// What a webhook was told, without the sentence for people.
fn told(body: &str, words: &[String]) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(body) else { return "{}".to_owned() };
    if let Some(detail) = value.get_mut("data").and_then(|data| data.get_mut("detail")) {
        *detail = serde_json::Value::from(GONE);
    }
    redact(&value.to_string(), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_replaced_in_any_case_the_longest_first() {
        let words = sorted(vec!["Ann".into(), "Ann Lée".into(), "x".into(), String::new()]);
        assert_eq!(redact("To ANN Lée (ann), Anna — x", &words), "To (removed) ((removed)), (removed)a — x");
    }

    #[test]
    fn a_delivery_keeps_its_shape() {
        let body = r#"{"id":1,"data":{"detail":"to Ann Lee","order_id":7}}"#;
        assert_eq!(told(body, &["Ann Lee".to_owned()]), r#"{"data":{"detail":"(removed)","order_id":7},"id":1}"#);
        assert_eq!(told("no json of Ann Lee", &[]), "{}");
    }
}
