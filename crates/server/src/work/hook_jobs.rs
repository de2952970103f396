//! Being told at once: registers the address with the platform or takes it back, and fetches the orders that it told of.
//!
//! That a platform can't be registered with is no trouble of the channel: its orders still come with each round.

use consign_oms::channels::{self, Channel, Hook};
use consign_oms::jobs::{self, Ended};
use consign_oms::{Actor, Error, orders};
use consign_ports::PortError;
use consign_values::ChannelId;

use super::Site;
use super::channel_jobs::{Task, Trouble};

/// Between two looks whether the platform still has the registration: some give up on an address that was away.
const LOOK_AGAIN_SECONDS: i64 = 6 * 3_600;
/// Between two looks at what was told.
const FETCH_AGAIN_SECONDS: i64 = 1;

/// Makes the platform call us, or no longer, as a person has it.
pub async fn register(site: &Site, id: ChannelId, attempts: i64) -> Result<Ended, Error> {
    let read = site.read(move |tx, _| Ok((channels::get(tx, id)?, channels::hook(tx, id)?))).await;
    let (channel, hook) = match read {
        Ok((channel, Some(hook))) => (channel, hook),
        Ok(_) | Err(Error::NotFound(_)) => return Ok(Ended::Done),
        Err(error) => return Err(error),
    };
    let next = |seconds: i64| Ended::RunAgainAt(site.clock.now().plus_seconds(seconds));
    if !channel.enabled || !channel.paused_because.is_empty() {
        return Ok(next(30));
    }
    match settle(site, &channel, &hook).await {
        Ok(ids) => {
            site.write(Actor::System, move |tx, ctx| channels::registered(tx, ctx, id, &ids)).await?;
            Ok(next(LOOK_AGAIN_SECONDS))
        }
        Err(error) => {
            let wait = match &error {
                PortError::Retry { after_seconds: Some(seconds), .. } => i64::from(*seconds).min(86_400),
                PortError::Retry { .. } | PortError::Protocol(_) => jobs::back_off_seconds(attempts, id.0),
                PortError::Refused(_) | PortError::Unauthorised(_) => LOOK_AGAIN_SECONDS,
            };
            let message = error.to_string();
            let text = message.clone();
            site.write(Actor::System, move |tx, ctx| channels::hook_failed(tx, ctx, id, &text)).await?;
            Ok(Ended::Failed { error: message, retry_at: site.clock.now().plus_seconds(wait) })
        }
    }
}

/// Brings the platform to what is wanted: what is registered there then.
async fn settle(site: &Site, channel: &Channel, hook: &Hook) -> Result<Vec<String>, PortError> {
    let kind = site.kind(&channel.kind);
    let Some(hooks) = kind.as_ref().and_then(|kind| kind.hooks()) else {
        return Err(PortError::Refused("this kind of channel can't tell at once".into()));
    };
    let connection =
        site.keys.open(channel.id, &channel.connection).map_err(|error| PortError::Unauthorised(error.to_string()))?;
    let mut ids = Vec::new();
    if hook.wanted {
        let public_url = site.public_url.as_deref().ok_or_else(|| {
            PortError::Refused(
                "public_url is not set in the configuration: the platform can't be told where to call".into(),
            )
        })?;
        let keys = channels::hook_keys(&site.keys, hook).map_err(|error| PortError::Unauthorised(error.to_string()))?;
        let address = channels::hook_address(public_url, channel.id, &keys);
        ids = hooks.register(&connection, &address, &keys.secret).await?;
    }
    let stale: Vec<String> = hook.ids().into_iter().filter(|id| !ids.contains(id)).collect();
    if !stale.is_empty() {
        hooks.unregister(&connection, &stale).await?;
    }
    Ok(ids)
}

impl Task<'_> {
    /// Fetches what was told, and gives the seconds until the next look. What the channel can't give is left to the next
    /// round, so that one odd order keeps no other waiting.
    pub(super) async fn fetch_told(&self) -> Result<i64, Trouble> {
        let id = self.channel.id;
        let told = self.site.read(move |tx, _| channels::take_told(tx, id)).await?;
        let (mut fetched, mut found, mut trouble) = (Vec::new(), Vec::new(), None);
        for one in told {
            match self.remote.fetch_order(one.reference.clone()).await {
                Ok(order) => found.extend(order),
                Err(error @ (PortError::Refused(_) | PortError::Protocol(_))) => {
                    let text = format!("order {} could not be fetched: {error}", one.reference);
                    self.site.write(Actor::System, move |tx, ctx| channels::hook_failed(tx, ctx, id, &text)).await?;
                }
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            }
            fetched.push(one);
        }
        if !fetched.is_empty() {
            let take = move |tx: &mut consign_db::Tx<'_>, ctx: &consign_oms::Ctx<'_>| {
                orders::receive_told(tx, ctx, id, &fetched, &found)
            };
            let received = self.site.write(Actor::Channel(id), take).await?;
            self.site.metrics.received(received);
            tracing::debug!(channel = %self.channel.name, ?received, "orders that the channel told of were fetched");
        }
        trouble.map_or(Ok(FETCH_AGAIN_SECONDS), |error| Err(error.into()))
    }
}
