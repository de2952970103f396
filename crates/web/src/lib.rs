//! The pages of Consign: router, sessions, permissions, problems, live updates. One file per noun.
//!
//! Faces are thin: a handler reads the form, calls one use case in one transaction, and shows what came of it. Nothing but
//! health, readiness, sign-in, the assets and the deliveries of channels (`hooks.rs`, by their signatures) answers without a
//! session; every other handler names its permission in its signature.

mod access;
mod account;
mod api;
mod audit;
mod channels;
mod customers;
mod drafts;
mod events;
mod exports;
mod fields;
mod folders;
mod help;
mod hooks;
mod imports;
mod items;
mod locations;
mod manner;
mod markdown;
mod orders;
mod problem;
mod reset;
mod schedules;
mod session;
mod settings;
mod setup;
mod stock;
mod tokens;
mod ui;
mod users;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::routing::{get, post};
use consign_db::{Db, Tx};
use consign_oms::channels::KeyRing;
use consign_oms::{Actor, Ctx, Error};
use consign_ports::{ChannelKind, Place};
use consign_values::Clock;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;

pub use events::{Events, poll_changes};

/// Says why an address may not be called.
pub type MayCall = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Says why files can't be fetched from, or left at, a place.
pub type MayTransfer = Arc<dyn Fn(&Place) -> Result<(), String> + Send + Sync>;

/// What the pages need.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seals and opens stored credentials.
    pub keys: Arc<KeyRing>,
    /// The kinds of channel.
    pub kinds: Arc<Vec<Arc<dyn ChannelKind>>>,
    /// Cookies only over https.
    pub secure_cookies: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<Vec<ipnet::IpNet>>,
    /// What changed, for the browsers.
    pub events: Events,
    /// The metrics as text.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether the network settings let an address be called; else why not.
    pub may_call: MayCall,
    /// Where people reach Consign, for links in mails; none: no mail is sent.
    pub mail_from: Option<String>,
    /// Whether files may be fetched from a place; else why not.
    pub may_transfer: MayTransfer,
    /// Where platforms reach Consign, without a slash at the end; none: no channel can tell at once.
    pub public_url: Option<String>,
}

impl App {
    /// Reads in one transaction, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let db = self.db.clone();
        blocking(move || db.read(|tx| work(tx))).await
    }

    /// Writes in one transaction as `actor`, on a thread that may block.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        actor: Actor,
        mut work: impl FnMut(&mut Tx<'_>, &Ctx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let app = self.clone();
        blocking(move || app.db.write(|tx| work(tx, &Ctx::new(&*app.clock, actor)))).await
    }

    pub(crate) fn kind(&self, code: &str) -> Result<Arc<dyn ChannelKind>, Error> {
        self.kinds.iter().find(|kind| kind.code() == code).cloned().ok_or(Error::NotFound("channel kind"))
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let manner = manner::current();
    match tokio::task::spawn_blocking(move || manner::within(manner, work)).await {
        Ok(result) => result,
        Err(error) => Err(Error::Db(consign_db::Error::Other(error.to_string()))),
    }
}

/// The largest form or payload taken.
const BODY_MAX: usize = 1 << 20;

/// Scripts, styles and pictures only from here; nobody may frame the pages.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// All routes.
pub fn router(app: App) -> Router {
    let pages = Router::new()
        .merge(orders::routes())
        .merge(drafts::routes())
        .merge(imports::routes())
        .merge(exports::routes())
        .merge(schedules::routes())
        .merge(stock::routes())
        .merge(items::routes())
        .merge(locations::routes())
        .merge(folders::routes())
        .merge(customers::routes())
        .merge(channels::routes())
        .merge(account::routes())
        .merge(audit::routes())
        .merge(users::routes())
        .merge(tokens::routes())
        .merge(webhooks::routes())
        .merge(settings::routes())
        .merge(help::routes())
        .merge(api::reader::routes())
        .route("/events", get(events::stream))
        .route("/metrics", get(metrics))
        .route("/sign-out", post(session::sign_out));
    let open = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/sign-in", get(session::sign_in_page).post(session::sign_in))
        .route("/sign-in/code", post(session::second_step))
        .route("/forgotten", get(reset::forgotten).post(reset::ask))
        .route("/reset/{token}", get(reset::reset_page).post(reset::reset))
        .route("/sign-in/{token}", get(session::link_page).post(session::redeem_link))
        .route("/set-up", get(setup::page).post(setup::set_up))
        .route("/assets/{name}", get(ui::asset));
    let set = |name, value: &'static str| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    pages
        .merge(open)
        .fallback(problem::not_found)
        .layer(middleware::from_fn(access::same_origin_only))
        .layer(middleware::from_fn(manner::around))
        .layer(RequestBodyLimitLayer::new(BODY_MAX))
        .merge(api::routes(&app))
        .merge(hooks::routes())
        .layer(CompressionLayer::new())
        .layer(set(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::REFERRER_POLICY, "same-origin"))
        .layer(set(header::X_FRAME_OPTIONS, "DENY"))
        .layer(CatchPanicLayer::new())
        .with_state(app)
}

async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    let db = app.db.clone();
    match blocking(move || Ok(db.check()?)).await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"),
    }
}

async fn metrics(State(app): State<App>, _: access::ManageSettings) -> String {
    (app.metrics)()
}
