//! Sends what a webhook is to be told: taken, sent outside any transaction, settled, one by one.

use consign_oms::jobs::Ended;
use consign_oms::webhooks::{self, Outcome};
use consign_oms::{Actor, Error};
use consign_ports::PortError;
use consign_values::WebhookId;

use super::Site;

/// One run: up to 20 deliveries. After the first that fails the rest waits for its turn, so that an address that is down is
/// not hammered.
pub async fn run(site: &Site, id: WebhookId) -> Result<Ended, Error> {
    let keys = site.keys.clone();
    let (hook, secret, due) = site
        .write(Actor::System, move |tx, ctx| {
            let hook = webhooks::get(tx, id)?;
            let secret = hook.secret(&keys)?;
            Ok((hook, secret, webhooks::take(tx, ctx, id)?))
        })
        .await?;
    for delivery in due {
        let signature = webhooks::sign(&secret, site.clock.now(), &delivery.body);
        let sent = site.webhooks.send(&hook.url, delivery.kind.as_str(), signature, delivery.body.clone()).await;
        let outcome = match sent {
            Ok(()) => Outcome::Arrived,
            Err(PortError::Retry { message, after_seconds }) => Outcome::Failed { error: message, after_seconds },
            Err(error) => Outcome::Failed { error: error.to_string(), after_seconds: None },
        };
        let failed = matches!(outcome, Outcome::Failed { .. });
        site.write(Actor::System, move |tx, ctx| webhooks::settle(tx, ctx, &delivery, &outcome)).await?;
        if failed {
            break;
        }
    }
    Ok(Ended::RunAgainAt(site.clock.now()))
}
