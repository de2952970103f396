//! The door for deliveries of channels' platforms: who is let in, what they can do, and what hostile ones meet.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use consign_connectors::{Options, kinds};
use consign_db::Db;
use consign_db::testing::on_each_engine;
use consign_oms::channels::{self, HookKeys, KeyRing};
use consign_oms::users::{self, Role, UserForm};
use consign_oms::{Actor, Ctx, Error, MIGRATIONS, locations};
use consign_ports::Connection;
use consign_values::{ChannelId, Clock, FixedClock, Timestamp};
use consign_web::{App, Events, router};
use hmac::{Hmac, KeyInit as _, Mac as _};
use tower::ServiceExt as _;

struct Site {
    app: App,
    pages: axum::Router,
    clock: Arc<FixedClock>,
    channel: ChannelId,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    /// With a WooCommerce channel that is on and told at once.
    fn open(db: &Db) -> Site {
        let clock = Arc::new(FixedClock::new(Timestamp(1_800_000_000_000_000)));
        let app = App {
            db: db.clone(),
            clock: clock.clone(),
            keys: Arc::new(KeyRing::new([1; 32])),
            kinds: Arc::new(kinds(Options::default())),
            secure_cookies: false,
            trusted_proxies: Arc::default(),
            events: Events::default(),
            metrics: Arc::new(String::new),
            mail_from: None,
            may_transfer: Arc::new(|_| Ok(())),
            public_url: Some("https://orders.example.com".to_owned()),
            may_call: Arc::new(|_| Ok(())),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pages = router(app.clone());
        let mut site = Site { app, pages, clock, channel: ChannelId(0), runtime };
        site.channel = site.channel("woocommerce", "Shop");
        let (keys, channel) = (site.app.keys.clone(), site.channel);
        site.write(|tx, ctx| channels::set_hook(tx, ctx, &keys, channel, true));
        site
    }

    /// A channel of that kind, switched on.
    fn channel(&self, kind: &str, name: &str) -> ChannelId {
        let kind = self.app.kinds.iter().find(|known| known.code() == kind).unwrap().clone();
        let keys = self.app.keys.clone();
        self.write(|tx, ctx| {
            if locations::list(tx)?.is_empty() {
                let form = locations::LocationForm { name: "Default".to_owned(), ..Default::default() };
                locations::create(tx, ctx, &form)?;
            }
            let id = channels::add(tx, ctx, kind.code(), "SHOP", name, kind.default_statuses())?;
            let sealed = keys.seal(id, &Connection::default()).unwrap();
            channels::set_connection(tx, ctx, id, "SHOP", &sealed, true)?;
            channels::enable(tx, ctx, id, kind.capabilities(), true)?;
            Ok(id)
        })
    }

    fn write<T>(&self, work: impl Fn(&mut consign_db::Tx<'_>, &Ctx<'_>) -> Result<T, Error>) -> T {
        self.app.db.write(|tx| work(tx, &Ctx::new(&*self.clock, Actor::System))).unwrap()
    }

    fn keys(&self) -> HookKeys {
        let hook = self.write(|tx, _| channels::hook(tx, self.channel)).unwrap();
        channels::hook_keys(&self.app.keys, &hook).unwrap()
    }

    fn told(&self) -> Vec<String> {
        let told = self.write(|tx, _| channels::take_told(tx, self.channel));
        told.into_iter().map(|one| one.reference).collect()
    }

    fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        self.runtime.block_on(async {
            let response = self.pages.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    }

    /// As a shop would, from another origin and without a session.
    fn deliver(&self, path: &str, signature: &str, body: &[u8]) -> (StatusCode, String) {
        let request = Request::post(path)
            .header("x-wc-webhook-topic", "order.updated")
            .header("x-wc-webhook-signature", signature)
            .header("origin", "https://shop.example")
            .body(Body::from(body.to_vec()))
            .unwrap();
        self.send(request)
    }

    fn path(&self, token: &str) -> String {
        format!("/hooks/{}/{token}", self.channel)
    }

    fn cookie(&self, role: Role) -> String {
        let token = self.write(|tx, ctx| {
            let (email, password_hash) = (format!("{role}@example.com"), "none".to_owned());
            let id = users::create(tx, ctx, &UserForm { email, name: role.to_string(), role, password_hash })?;
            users::start_session(tx, ctx, id, "test", "127.0.0.1")
        });
        format!("consign_session={token}")
    }
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

const ORDER: &[u8] = br#"{"id":17,"status":"processing","total":"0.01"}"#;

#[test]
fn a_signed_delivery_is_answered_at_once_and_only_its_reference_is_kept() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let keys = site.keys();
        for _ in 0..2 {
            let (status, body) = site.deliver(&site.path(&keys.token), &sign(&keys.secret, ORDER), ORDER);
            assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
        }
        assert_eq!(site.told(), ["17"], "twice is once, and its status and total are nobody's business");
        let hook = site.write(|tx, _| channels::hook(tx, site.channel)).unwrap();
        assert_eq!((hook.delivery_count, hook.refused_count), (2, 0));
        let greeting = site.deliver(&site.path(&keys.token), "", b"webhook_id=3");
        assert_eq!(greeting.0, StatusCode::OK);
        assert_eq!(site.told(), ["17"]);
    });
}

#[test]
fn forged_deliveries_are_refused_without_a_word_and_change_nothing() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let keys = site.keys();
        let right = sign(&keys.secret, ORDER);
        let tampered = [ORDER, b" "].concat();
        for (signature, body) in
            [("", ORDER), (right.as_str(), &tampered[..]), (&sign("guess", ORDER), ORDER), ("%%%", ORDER)]
        {
            let (status, said) = site.deliver(&site.path(&keys.token), signature, body);
            assert_eq!((status, said.as_str()), (StatusCode::UNAUTHORIZED, ""), "{signature}");
        }
        for path in [
            site.path("guess"),
            site.path(&keys.token[1..]),
            format!("/hooks/99/{}", keys.token),
            format!("/hooks/x/{}", keys.token),
            format!("/hooks/-1/{}", keys.token),
        ] {
            let (status, said) = site.deliver(&path, &right, ORDER);
            assert_eq!((status, said.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
        }
        assert!(site.told().is_empty());
        let hook = site.write(|tx, _| channels::hook(tx, site.channel)).unwrap();
        assert_eq!((hook.delivery_count, hook.refused_count), (0, 4));
        let get = Request::get(site.path(&keys.token)).body(Body::empty()).unwrap();
        assert_eq!(site.send(get).0, StatusCode::METHOD_NOT_ALLOWED);
    });
}

#[test]
fn size_and_rate_are_bounded_and_a_channel_that_is_off_answers_gone() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let keys = site.keys();
        let path = site.path(&keys.token);
        let huge = vec![b' '; (4 << 20) + 1];
        assert_eq!(site.deliver(&path, &sign(&keys.secret, &huge), &huge).0, StatusCode::PAYLOAD_TOO_LARGE);
        let signature = sign(&keys.secret, ORDER);
        let answers: Vec<StatusCode> = (0..310).map(|_| site.deliver(&path, &signature, ORDER).0).collect();
        assert!(answers[..290].iter().all(|status| *status == StatusCode::OK));
        assert!(answers[300..].iter().all(|status| *status == StatusCode::TOO_MANY_REQUESTS));
        site.clock.advance(60);
        assert_eq!(site.deliver(&path, &signature, ORDER).0, StatusCode::OK);

        let capabilities = site.app.kinds.iter().find(|kind| kind.code() == "woocommerce").unwrap().capabilities();
        site.write(|tx, ctx| channels::enable(tx, ctx, site.channel, capabilities, false));
        assert_eq!(site.deliver(&path, &signature, ORDER).0, StatusCode::GONE);
        site.write(|tx, ctx| channels::enable(tx, ctx, site.channel, capabilities, true));
        assert_eq!(site.deliver(&path, &signature, ORDER).0, StatusCode::OK);
        let keys_of_site = site.app.keys.clone();
        site.write(|tx, ctx| channels::set_hook(tx, ctx, &keys_of_site, site.channel, false));
        assert_eq!(site.deliver(&path, &signature, ORDER).0, StatusCode::GONE);
        site.write(|tx, ctx| channels::set_hook(tx, ctx, &keys_of_site, site.channel, true));
        assert_eq!(
            site.deliver(&path, &signature, ORDER).0,
            StatusCode::NOT_FOUND,
            "switched on anew it has a new address"
        );
    });
}

#[test]
fn managers_of_channels_switch_it_and_the_page_tells_how_it_goes_without_its_secrets() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let owner = site.cookie(Role::Owner);
        let page = |id: ChannelId| {
            let request = Request::get(format!("/channels/{id}")).header(header::COOKIE, &owner);
            site.send(request.body(Body::empty()).unwrap()).1
        };
        let switch = |id: ChannelId, cookie: &str, form: &str| {
            let request = Request::post(format!("/channels/{id}/hook"))
                .header(header::COOKIE, cookie)
                .header(header::ACCEPT, "application/json")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin");
            site.send(request.body(Body::from(form.to_owned())).unwrap())
        };
        let keys = site.keys();
        assert!(page(site.channel).contains("being registered"));
        site.write(|tx, ctx| channels::registered(tx, ctx, site.channel, &["7".to_owned()]));
        site.deliver(&site.path(&keys.token), &sign(&keys.secret, ORDER), ORDER);
        site.deliver(&site.path(&keys.token), "", ORDER);
        site.write(|tx, ctx| channels::hook_failed(tx, ctx, site.channel, "<b>away</b>"));
        let text = page(site.channel);
        for part in ["● registered", "1 in all", "✕ 1 refused", "&lt;b&gt;away", "Be told no longer"] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains(&keys.token) && !text.contains(&keys.secret));
        assert_eq!(switch(site.channel, &site.cookie(Role::Desk), "on=0").0, StatusCode::FORBIDDEN);
        assert_eq!(switch(site.channel, &owner, "on=0").0, StatusCode::SEE_OTHER);
        assert!(page(site.channel).contains("being taken back"));
        let (status, said) = switch(site.channel, &owner, "on=perhaps");
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && said.contains("\"field\":\"on\""), "{said}");
        let asked = site.channel("vendure", "Other");
        assert!(!page(asked).contains("Be told at once"));
        let (status, said) = switch(asked, &owner, "on=1");
        assert!(status == StatusCode::CONFLICT && said.contains("can't tell at once"), "{said}");
        assert!(site.clock.now().0 > 0);
    });
}
