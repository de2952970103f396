//! Webhooks: addresses of the user's own programs that are told of orders, stock and despatches.
//!
//! What is to be told is written in the transaction of what it tells; the worker (`server`) sends it outside any, signed, until it
//! arrives or a day has passed. A delivery may arrive twice, so each has an id; they may overtake each other.

mod deliver;
mod store;
mod tell;

pub use deliver::{
    DELIVERIES_SHOWN, Delivery, DeliveryState, Outcome, any_due, deliveries, ping, redeliver, settle, sign, take,
};
pub use tell::EventKind;
pub(crate) use tell::{of_history, of_stock};

use consign_db::{Tx, row};
use consign_values::{FieldErrors, Name, Timestamp, WebhookId};

use crate::channels::KeyRing;
use crate::{Ctx, Error, Refusal, Result, history, jobs, users};

row! {
    /// An address that is told what happens.
    #[derive(Clone)]
    pub struct Webhook in "webhook" {
        /// Its id.
        pub id: WebhookId,
        /// What it is for.
        pub name: String,
        /// Where it is.
        pub url: String,
        /// What its deliveries are signed with, sealed.
        pub secret: Vec<u8>,
        /// Codes of [`EventKind`], apart by spaces.
        pub kinds: String,
        /// Off, nothing is noted for it and nothing is sent.
        pub active: bool,
        /// When it was made.
        pub created_at: Timestamp,
        /// Counts up with each edit.
        pub version: i64,
    }
}

impl Webhook {
    /// What it is told of.
    pub fn kinds(&self) -> impl Iterator<Item = EventKind> + '_ {
        self.kinds.split(' ').filter_map(EventKind::parse)
    }

    /// Opens its secret.
    pub fn secret(&self, keys: &KeyRing) -> Result<String> {
        let opened = keys.open_text(&binding(self.id), &self.secret);
        opened.map_err(|error| Refusal::ChannelCannotRun(error.to_string()).into())
    }
}

/// What a person says of a webhook. Whether the address may be called was checked before.
#[derive(Clone, Debug)]
pub struct WebhookForm {
    /// What it is for.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What it is told of.
    pub kinds: Vec<EventKind>,
    /// Whether it is told.
    pub active: bool,
}

/// Webhooks at most.
const WEBHOOKS_MAX: usize = 50;

fn binding(id: WebhookId) -> String {
    format!("webhook/secret/{id}")
}

fn job(id: WebhookId) -> String {
    format!("webhook {id}")
}

fn check(form: &WebhookForm) -> Result<(String, String)> {
    let mut errors = FieldErrors::new();
    let name = errors.check("name", Name::parse(&form.name));
    let url = form.url.trim();
    if url.is_empty() || url.len() > 2_000 || url.chars().any(|c| c.is_control() || c == ' ') {
        errors.add("url", "must be a web address");
    }
    if form.kinds.is_empty() {
        errors.add("kinds", "must name at least one kind of event");
    }
    errors.into_result()?;
    let mut kinds = form.kinds.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let kinds: Vec<&str> = kinds.into_iter().map(EventKind::as_str).collect();
    Ok((name.map_or_else(String::new, Name::into_string), kinds.join(" ")))
}

/// Makes a webhook. Gives its id and the secret that its deliveries are signed with, to be shown once.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, form: &WebhookForm) -> Result<(WebhookId, String)> {
    let (name, kinds) = check(form)?;
    if store::list(tx)?.len() >= WEBHOOKS_MAX {
        return Err(Error::invalid("name", "can't be given: there are 50 webhooks; delete one first"));
    }
    let id = WebhookId(tx.next_id("webhook")?);
    let secret = format!("whsec_{}", users::random_token()?);
    let sealed = keys
        .seal_text(&binding(id), &secret)
        .map_err(|error| Error::Db(consign_db::Error::Other(error.to_string())))?;
    let url = form.url.trim().to_owned();
    let detail = format!("\"{name}\" at {}: {kinds}", shown(&url));
    tx.insert(&Webhook {
        id,
        name,
        url,
        secret: sealed,
        kinds,
        active: form.active,
        created_at: ctx.now(),
        version: 1,
    })?;
    jobs::ensure(tx, "webhook", &job(id), &id.to_string(), ctx.now())?;
    history::record(tx, ctx, "webhook", id.0, "created", detail)?;
    Ok((id, secret))
}

/// An address without its query, which may hold a secret.
fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or("")
}

/// Changes a webhook that is still at `version`. Its secret stays.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: WebhookId, version: i64, form: &WebhookForm) -> Result<()> {
    get(tx, id)?;
    let (name, kinds) = check(form)?;
    let url = form.url.trim();
    if store::update(tx, id, version, &name, url, &kinds, form.active)? == 0 {
        return Err(Error::Stale);
    }
    let detail = format!("\"{name}\" at {}: {kinds}, active {}", shown(url), form.active);
    history::record(tx, ctx, "webhook", id.0, "edited", detail)
}

/// Deletes a webhook with all that it was and was to be told.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: WebhookId) -> Result<()> {
    let webhook = get(tx, id)?;
    jobs::remove(tx, &job(id))?;
    store::delete(tx, id)?;
    history::record(tx, ctx, "webhook", id.0, "deleted", format!("\"{}\"", webhook.name))
}

/// One webhook.
pub fn get(tx: &mut Tx<'_>, id: WebhookId) -> Result<Webhook> {
    store::find(tx, id)?.ok_or(Error::NotFound("webhook"))
}

/// All webhooks by name.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Webhook>> {
    store::list(tx)
}

/// Forgets deliveries that were settled more than a week ago.
pub fn clean_up(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<()> {
    store::delete_settled_before(tx, ctx.now().plus_seconds(-7 * 86_400))
}
