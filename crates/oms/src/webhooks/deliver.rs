//! Deliveries: taken under a short lease, sent by the worker, settled; tried again with growing pauses for a day.

use consign_db::{Tx, row};
use consign_values::{OrderId, Timestamp, WebhookId, clean};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{EventKind, store, tell};
use crate::{Ctx, Error, Result, history, jobs};

consign_db::text_enum! {
    /// How far a delivery is.
    pub enum DeliveryState {
        /// To be sent, or sent again.
        Queued = "queued",
        /// It arrived.
        Delivered = "delivered",
        /// It could not be delivered for a day.
        Failed = "failed",
    }
}

row! {
    /// Something that a webhook was or is to be told.
    #[derive(Clone, Debug)]
    pub struct Delivery in "webhook_delivery" {
        /// Its id, which stays the same however often it is sent.
        pub id: i64,
        /// To whom.
        pub webhook_id: WebhookId,
        /// What it tells of.
        pub kind: EventKind,
        /// JSON, byte by byte as it is sent.
        pub body: String,
        /// When that happened.
        pub at: Timestamp,
        /// How far it is.
        pub state: DeliveryState,
        /// Tries so far.
        pub attempts: i64,
        /// Not before.
        pub next_at: Timestamp,
        /// Why the last try failed; blank if it did not.
        pub last_error: String,
        /// When it arrived or was given up.
        pub settled_at: Option<Timestamp>,
        /// The order that it tells of.
        pub order_id: Option<OrderId>,
    }
}

/// Deliveries in a webhook's log.
pub const DELIVERIES_SHOWN: i64 = 100;
/// Seconds for which a delivery is tried.
const TRIED_SECONDS: i64 = 86_400;
/// Seconds after which one that was taken and never settled is taken again.
const TAKEN_SECONDS: i64 = 60;

/// What came of a try.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The address answered with a status of 200 to 299.
    Arrived,
    /// It did not: why, and how long it asked to wait.
    Failed {
        /// What happened.
        error: String,
        /// Seconds that the address asked for.
        after_seconds: Option<u32>,
    },
}

/// Whether an active webhook has deliveries to be sent now. Reads only.
pub fn any_due(tx: &mut Tx<'_>, ctx: &Ctx<'_>, hook: WebhookId) -> Result<bool> {
    store::any_due(tx, hook, ctx.now())
}

/// Takes up to 20 due deliveries, the oldest first. Each counts as a try, so that a crash costs a minute and not a delivery.
pub fn take(tx: &mut Tx<'_>, ctx: &Ctx<'_>, hook: WebhookId) -> Result<Vec<Delivery>> {
    let now = ctx.now();
    let due = store::due(tx, hook, now)?;
    for delivery in &due {
        store::count_try(tx, delivery.id, now.plus_seconds(TAKEN_SECONDS))?;
    }
    Ok(due.into_iter().map(|delivery| Delivery { attempts: delivery.attempts + 1, ..delivery }).collect())
}

/// Notes what came of a try.
pub fn settle(tx: &mut Tx<'_>, ctx: &Ctx<'_>, delivery: &Delivery, outcome: &Outcome) -> Result<()> {
    let now = ctx.now();
    match outcome {
        Outcome::Arrived => store::set_state(tx, delivery.id, DeliveryState::Delivered, "", now, Some(now)),
        Outcome::Failed { error, .. } if now.seconds_since(delivery.at) >= TRIED_SECONDS => {
            store::set_state(tx, delivery.id, DeliveryState::Failed, &clean(error, 500), now, Some(now))
        }
        Outcome::Failed { error, after_seconds } => {
            let wait = jobs::back_off_seconds(delivery.attempts, delivery.id).max(after_seconds.map_or(0, i64::from));
            let next = now.plus_seconds(wait);
            store::set_state(tx, delivery.id, DeliveryState::Queued, &clean(error, 500), next, None)
        }
    }
}

/// The last deliveries of a webhook, newest first.
pub fn deliveries(tx: &mut Tx<'_>, hook: WebhookId) -> Result<Vec<Delivery>> {
    super::get(tx, hook)?;
    store::deliveries(tx, hook, DELIVERIES_SHOWN)
}

/// Sends a delivery again, whatever came of it before: the same id, the same body. It is tried for a day from now on.
pub fn redeliver(tx: &mut Tx<'_>, ctx: &Ctx<'_>, hook: WebhookId, id: i64) -> Result<()> {
    super::get(tx, hook)?;
    if store::queue_again(tx, hook, id, ctx.now())? == 0 {
        return Err(Error::NotFound("delivery"));
    }
    history::record(tx, ctx, "webhook", hook.0, "delivered again", format!("delivery {id}"))
}

/// Notes a `ping` for a webhook, whether it wants any or not. Gives the delivery's id.
pub fn ping(tx: &mut Tx<'_>, ctx: &Ctx<'_>, hook: WebhookId) -> Result<i64> {
    super::get(tx, hook)?;
    let delivery = tell::delivery(tx, hook, EventKind::Ping, ctx.now(), json!({"actor": ctx.actor_text()}))?;
    tx.insert(&delivery)?;
    Ok(delivery.id)
}

/// The value of the header `Consign-Signature`: `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of `SECONDS.BODY` under the secret.
/// The receiver computes the same and refuses what is older than a few minutes.
pub fn sign(secret: &str, at: Timestamp, body: &str) -> String {
    let seconds = at.0.div_euclid(1_000_000);
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_any_other_implementation_of_hmac_computes() {
        // printf '1800000000.{"id":1}' | openssl dgst -sha256 -hmac whsec_test
        let signature = sign("whsec_test", Timestamp(1_800_000_000_123_456), "{\"id\":1}");
        assert_eq!(signature, "t=1800000000,v1=7495c40cde012282a92344d8fb4be1ab35233b78ec3445b87d96078f53374ee5");
    }
}
