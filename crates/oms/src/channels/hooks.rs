//! Being told at once: whether an instance's platform calls us, and which orders it told of.
//!
//! A delivery is never an order: it names references, which wait in `told_order` until the job *fetch told* has fetched them
//! by the port and handed them to the same intake as a download (`orders/receive.rs`). What is lost here comes with the
//! next round: polling goes on whatever this does.

use consign_db::{Tx, row};
use consign_values::{ChannelId, Timestamp, clean};

use super::settings::HOOK_JOBS;
use super::{KeyRing, store};
use crate::{Ctx, Error, Refusal, Result, changes, history, jobs, users};

row! {
    /// How an instance's platform tells us at once.
    #[derive(Clone)]
    pub struct Hook in "channel_hook" {
        /// The instance.
        pub channel_id: ChannelId,
        /// See [`hook_keys`].
        pub sealed: Vec<u8>,
        /// Switched on by a person.
        pub wanted: bool,
        /// The platform's ids of what is registered, apart by spaces.
        pub registered: String,
        /// When it was last registered, or seen to be.
        pub registered_at: Option<Timestamp>,
        /// Why something about it failed last; blank if it did not.
        pub last_error: String,
        /// When.
        pub last_error_at: Option<Timestamp>,
        /// The last delivery that was signed.
        pub delivered_at: Option<Timestamp>,
        /// How many there were.
        pub delivery_count: i64,
        /// The last one to the right address that was not.
        pub refused_at: Option<Timestamp>,
        /// How many there were.
        pub refused_count: i64,
    }
}

impl Hook {
    /// The platform's ids of what is registered there.
    pub fn ids(&self) -> Vec<String> {
        self.registered.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }
}

row! {
    /// An order that a channel told of.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Told in "told_order" {
        /// The instance.
        pub channel_id: ChannelId,
        /// The channel's order number.
        pub reference: String,
        /// When it was told first.
        pub told_at: Timestamp,
        /// How often since.
        pub times: i64,
    }
}

/// What only the platform and we know.
pub struct HookKeys {
    /// The random part of the address.
    pub token: String,
    /// What deliveries are signed with, where the platform lets us choose.
    pub secret: String,
}

/// Orders that are fetched in one run.
pub const FETCH_AT_ONCE: i64 = 50;
/// Orders that wait at most; what is told beyond that comes with the next round.
const WAITING_MAX: i64 = 1_000;
/// References that one delivery may name.
const NAMED_MAX: usize = 100;

fn binding(id: ChannelId) -> String {
    format!("channel/hook/{id}")
}

/// How an instance is told at once; none where that was never switched on.
pub fn hook(tx: &mut Tx<'_>, id: ChannelId) -> Result<Option<Hook>> {
    store::find_hook(tx, id)
}

/// Opens what only the platform and we know.
pub fn hook_keys(keys: &KeyRing, hook: &Hook) -> Result<HookKeys> {
    let opened = keys.open_text(&binding(hook.channel_id), &hook.sealed);
    let opened = opened.map_err(|error| Error::from(Refusal::ChannelCannotRun(error.to_string())))?;
    let (token, secret) = opened.split_once(' ').unwrap_or_default();
    Ok(HookKeys { token: token.to_owned(), secret: secret.to_owned() })
}

/// Where the platform calls, below the server's public address.
pub fn hook_address(public_url: &str, id: ChannelId, keys: &HookKeys) -> String {
    format!("{public_url}/hooks/{id}/{}", keys.token)
}

/// Switches being told at once on or off; the job *hook* then registers it with the platform, or takes that back.
/// Switched on anew it has a new address and a new secret.
pub fn set_hook(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, id: ChannelId, on: bool) -> Result<()> {
    super::get(tx, id)?;
    let known = store::find_hook(tx, id)?;
    if known.as_ref().is_some_and(|hook| hook.wanted) == on {
        return Ok(());
    }
    if on {
        let text = format!("{} {}", users::random_token()?, users::random_token()?);
        let sealed = keys.seal_text(&binding(id), &text);
        let sealed = sealed.map_err(|error| Error::from(Refusal::ChannelCannotRun(error.to_string())))?;
        if known.is_some() {
            store::want_hook(tx, id, true, &sealed)?;
        } else {
            tx.insert(&Hook {
                channel_id: id,
                sealed,
                wanted: true,
                registered: String::new(),
                registered_at: None,
                last_error: String::new(),
                last_error_at: None,
                delivered_at: None,
                delivery_count: 0,
                refused_at: None,
                refused_count: 0,
            })?;
        }
        for kind in HOOK_JOBS {
            jobs::ensure(tx, kind, &format!("{kind} {id}"), &id.to_string(), ctx.now())?;
        }
    } else if let Some(hook) = &known {
        store::want_hook(tx, id, false, &hook.sealed)?;
    }
    jobs::wake(tx, ctx, &format!("hook {id}"))?;
    history::record(tx, ctx, "channel", id.0, if on { "told at once" } else { "no longer told at once" }, "")?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// Stores what is registered with the platform now; nothing, after it was taken back.
pub fn registered(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, ids: &[String]) -> Result<()> {
    let at = (!ids.is_empty()).then(|| ctx.now());
    store::set_registered(tx, id, &ids.join(" "), at)?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// It could not be registered or taken back, or an order that was told of not be fetched.
pub fn hook_failed(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, error: &str) -> Result<()> {
    store::set_hook_failed(tx, id, &clean(error, 500), ctx.now())?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// A signed delivery told that these orders changed: they will be fetched. Repeating it changes nothing but the count.
pub fn delivered(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, references: &[String]) -> Result<()> {
    store::count_delivery(tx, id, ctx.now())?;
    let mut free = WAITING_MAX - store::told_count(tx, id)?;
    for reference in references.iter().take(NAMED_MAX) {
        let reference = clean(reference, 128);
        if reference.is_empty() {
            continue;
        }
        if store::tell_again(tx, id, &reference)? == 0 && free > 0 {
            store::tell(tx, &Told { channel_id: id, reference, told_at: ctx.now(), times: 1 })?;
            free -= 1;
        }
    }
    jobs::ensure(tx, "fetch_told", &format!("fetch_told {id}"), &id.to_string(), ctx.now())
}

/// A delivery came to the right address with a wrong signature.
pub fn hook_refused(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId) -> Result<()> {
    store::count_refused(tx, id, ctx.now())
}

/// Whether an instance that runs was told of orders. Reads only.
pub fn any_told(tx: &mut Tx<'_>, id: ChannelId) -> Result<bool> {
    store::any_told(tx, id)
}

/// The orders that an instance was told of first (at most [`FETCH_AT_ONCE`]).
pub fn take_told(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<Told>> {
    store::told(tx, id, FETCH_AT_ONCE)
}

/// Forgets what was fetched, unless it was told again meanwhile.
pub(crate) fn forget_told(tx: &mut Tx<'_>, told: &[Told]) -> Result<()> {
    store::forget_told(tx, told)
}
