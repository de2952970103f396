//! The pages in process: who gets in, what hostile input meets, what is escaped.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use consign_db::Db;
use consign_oms::channels::KeyRing;
use consign_oms::users::{self, Role, UserForm};
use consign_oms::{Actor, Ctx, MIGRATIONS, items, locations, stock};
use consign_values::{Clock, SystemClock};
use consign_web::{App, Events, router};
use tower::ServiceExt as _;

struct Site {
    app: App,
    _folder: tempfile::TempDir,
}

impl Site {
    fn open() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("web.db").display())).unwrap();
        db.migrate(MIGRATIONS).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let app = App {
            db,
            clock,
            keys: Arc::new(KeyRing::new([1; 32])),
            kinds: Arc::new(Vec::new()),
            secure_cookies: false,
            trusted_proxies: Arc::default(),
            events: Events::default(),
            metrics: Arc::new(String::new),
            mail_from: None,
            may_transfer: Arc::new(|_| Ok(())),
            public_url: Some("https://orders.example.com".to_owned()),
            may_call: Arc::new(
                |url| if url.contains("127.0.0.1") { Err("lies in a barred network".into()) } else { Ok(()) },
            ),
        };
        let site = Site { app, _folder: folder };
        site.write(|tx, ctx| {
            let form = locations::LocationForm {
                name: "<script>alert(1)</script>".to_owned(),
                allow_negative: false,
                ..Default::default()
            };
            let place = locations::create(tx, ctx, &form)?;
            let form = items::ItemForm {
                sku: "X&Y".to_owned(),
                title: "<b>bold</b>".to_owned(),
                currency: "GBP".to_owned(),
                ..items::ItemForm::default()
            };
            let item = items::create(tx, ctx, &form)?;
            stock::set_level(tx, ctx, item, place, 5, "opening")
        });
        site
    }

    fn write<T>(&self, work: impl Fn(&mut consign_db::Tx<'_>, &Ctx<'_>) -> Result<T, consign_oms::Error>) -> T {
        self.app.db.write(|tx| work(tx, &Ctx::new(&SystemClock, Actor::System))).unwrap()
    }

    /// A cookie of somebody with that role.
    fn cookie(&self, role: Role) -> String {
        let token = self.write(|tx, ctx| {
            let form = UserForm {
                email: format!("{role}@example.com"),
                name: role.to_string(),
                role,
                password_hash: "none".to_owned(),
            };
            let id = match users::find_by_email(tx, &form.email)? {
                Some(user) => user.id,
                None => users::create(tx, ctx, &form)?,
            };
            users::start_session(tx, ctx, id, "test", "127.0.0.1")
        });
        format!("consign_session={token}")
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        router(self.app.clone()).oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, cookie: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        text(self.send(request).await).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> (StatusCode, String) {
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(form.to_owned()))
            .unwrap();
        text(self.send(request).await).await
    }
}

async fn text(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

const PAGES: &[&str] = &[
    "/orders",
    "/processed",
    "/orders/rows?ids=1",
    "/orders/1",
    "/stock",
    "/stock/1",
    "/items",
    "/items/new",
    "/items/1",
    "/locations",
    "/folders",
    "/customers",
    "/customers?q=somebody&before=7",
    "/customers/new",
    "/channels",
    "/channels/1",
    "/users",
    "/settings",
    "/settings/orders",
    "/settings/tax",
    "/settings/me",
    "/settings/data",
    "/settings/person?q=somebody",
    "/help",
    "/help/orders",
    "/help/api",
    "/help/api-reference",
    "/users/tokens",
    "/webhooks",
    "/imports",
    "/exports/orders/csv",
    "/exports/items/xlsx",
    "/exports/stock/csv",
    "/events",
    "/metrics",
];

#[tokio::test]
async fn nothing_but_health_and_sign_in_answers_without_a_session() {
    let site = Site::open();
    for page in PAGES {
        let (status, _) = site.get(page, "").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let (status, _) = site.get(page, "consign_session=made-up").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    }
    for form in ["/orders/bulk", "/orders/1/process", "/stock/1/1/set", "/items/new", "/users", "/settings"] {
        assert_eq!(site.post(form, "", "a=b").await.0, StatusCode::UNAUTHORIZED, "{form}");
    }
    assert_eq!(site.get("/healthz", "").await.0, StatusCode::OK);
    assert_eq!(site.get("/readyz", "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn each_role_does_only_what_it_may() {
    let site = Site::open();
    let (viewer, desk, manager) = (site.cookie(Role::Viewer), site.cookie(Role::Desk), site.cookie(Role::Manager));
    assert_eq!(site.get("/orders", &viewer).await.0, StatusCode::OK);
    assert_eq!(site.get("/exports/stock/csv", &viewer).await.0, StatusCode::OK);
    assert_eq!(site.get("/exports/orders/csv", &viewer).await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.get("/exports/orders/csv", &desk).await.0, StatusCode::OK);
    assert_eq!(site.post("/orders/bulk", &viewer, "action=process&ids=1").await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.post("/stock/1/1/set", &viewer, "on_hand=3&reason=x").await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.post("/stock/1/1/set", &desk, "on_hand=3&reason=x").await.0, StatusCode::SEE_OTHER);
    assert_eq!(site.get("/items/new", &desk).await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.get("/items/new", &manager).await.0, StatusCode::OK);
    assert_eq!(site.get("/users", &manager).await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.get("/settings", &manager).await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.get("/users", &site.cookie(Role::Owner)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let site = Site::open();
    let owner = site.cookie(Role::Owner);
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("x-nothing", "")] {
        let request = Request::post("/settings")
            .header(header::COOKIE, &owner)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(name, value)
            .body(Body::from("paid=1"))
            .unwrap();
        assert_eq!(site.send(request).await.status(), StatusCode::FORBIDDEN, "{name}");
    }
}

#[tokio::test]
async fn every_page_answers_and_carries_the_security_headers() {
    let site = Site::open();
    let owner = site.cookie(Role::Owner);
    for page in PAGES.iter().filter(|page| !["/orders/1", "/channels/1", "/events"].contains(page)) {
        let request = Request::get(*page).header(header::COOKIE, &owner).body(Body::empty()).unwrap();
        let response = site.send(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{page}");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

#[tokio::test]
async fn what_people_and_channels_wrote_is_escaped() {
    let site = Site::open();
    let owner = site.cookie(Role::Owner);
    for page in ["/locations", "/stock", "/stock/1", "/items", "/orders"] {
        let (_, body) = site.get(page, &owner).await;
        assert!(!body.contains("<script>alert") && !body.contains("<b>bold"), "{page}");
    }
}

#[tokio::test]
async fn bad_input_meets_a_clear_4xx_that_names_the_field() {
    let site = Site::open();
    let owner = site.cookie(Role::Owner);
    for (path, form, field) in [
        ("/orders/bulk", "action=process", "ids"),
        ("/orders/bulk", "action=explode&ids=1", "action"),
        ("/orders/bulk", "action=process&ids=1,x", "ids"),
        ("/stock/1/1/set", "on_hand=-1&reason=x", "on_hand"),
        ("/stock/1/1/set", "on_hand=99999999999999999999&reason=x", "on_hand"),
        ("/stock/1/1/set", "on_hand=4&reason=", "reason"),
        ("/stock/1/1/adjust", "change=-9223372036854775808&reason=x", "change"),
        ("/items/new", "sku=%00&title=x&currency=GBP", "sku"),
        ("/items/new", "sku=A&title=x&currency=GBP&price=1e400", "price"),
        ("/items/new", "sku=A&title=x&currency=EURO", "currency"),
        ("/settings", "name=x", "version"),
        ("/settings", "version=0&country_code=Atlantis", "country_code"),
        ("/settings/formats", "version=0&zone=Mars/Olympus", "zone"),
        ("/settings/formats", "version=0&zone=UTC&dates=roman", "dates"),
        ("/settings/direct", "version=0&currency=x", "currency"),
        ("/settings/tax", "version=0&rate.0.country=GB&rate.0.percent=1,5", "rate.0.percent"),
        ("/settings/tax", "version=0&rate.0.country=Atlantis&rate.0.percent=5", "rates[0].country_code"),
        ("/settings/currencies", "version=0&base=GBP&currency.0.code=EUR&currency.0.rate=", "currency.0.rate"),
        (
            "/settings/currencies",
            "version=0&base=GBP&currency.0.code=EUR&currency.0.rate=1&currency.0.day=2026-02-30",
            "rates[0].day",
        ),
        ("/settings/data", "version=0&on=1&days=29", "days"),
        ("/settings/person/erase", "", "orders"),
        ("/settings/person/export", "order=x", "order"),
        ("/settings/me", "version=0&opens=77", "opens"),
        ("/settings/me", "version=0&opens=last&zone=Moon", "zone"),
        ("/users", "email=x&name=x&role=god&password=1234567890", "role"),
        ("/users", "email=x&name=x&role=desk&password=short", "password"),
    ] {
        let (status, body) = site.post(path, &owner, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {form}: {body}");
        assert!(body.contains(&format!("\"field\":\"{field}\"")), "{path} {form}: {body}");
    }
    for path in
        ["/orders/99", "/orders/9223372036854775807", "/stock/77", "/items/77", "/channels/77", "/help/77", "/nowhere"]
    {
        assert_eq!(site.get(path, &owner).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/orders/x", "/orders/99999999999999999999", "/stock/-%00", "/items/1e3"] {
        assert!(site.get(path, &owner).await.0.is_client_error(), "{path}");
    }
    for query in
        ["after=x", "after=1.99999999999999999999", "location=%FF", "q=%00%27%22%5C%25_", "q=a%22%20OR%20b", "sort=%3B"]
    {
        assert_eq!(site.get(&format!("/orders?{query}"), &owner).await.0, StatusCode::OK, "{query}");
        assert_eq!(site.get(&format!("/stock?{query}"), &owner).await.0, StatusCode::OK, "{query}");
    }
    for query in ["days=0", "days=x", "days=99999999999999999999", "location=x"] {
        let (status, _) = site.get(&format!("/exports/orders/csv?{query}"), &owner).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    assert_eq!(site.get("/exports/orders/pdf", &owner).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        site.post("/items/new", &owner, "sku=X%26Y&title=t&currency=GBP").await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let huge = format!("sku={}", "x".repeat(2 << 20));
    assert_eq!(site.post("/items/new", &owner, &huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn signing_in_needs_the_password_and_slows_down_who_guesses() {
    let site = Site::open();
    let hash = users::hash_password("correct horse battery").unwrap();
    site.write(|tx, ctx| {
        let form = UserForm {
            email: "ann@example.com".to_owned(),
            name: "Ann".to_owned(),
            role: Role::Desk,
            password_hash: hash.clone(),
        };
        users::create(tx, ctx, &form)
    });
    let (status, _) = site.post("/sign-in", "", "email=ann@example.com&password=correct+horse+battery").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    for _ in 0..5 {
        let (status, _) = site.post("/sign-in", "", "email=ann@example.com&password=wrong+wrong+wrong").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let (status, _) = site.post("/sign-in", "", "email=ann@example.com&password=correct+horse+battery").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn the_set_up_code_makes_one_owner_once() {
    let site = Site::open();
    let code = site.write(|tx, ctx| users::issue_token(tx, None, ctx.now().plus_seconds(60)));
    let form = |code: &str| format!("code={code}&name=Ann&email=ann@example.com&password=long+enough+password");
    assert_eq!(site.post("/set-up", "", &form("guess")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.post("/set-up", "", &form(&code)).await.0, StatusCode::SEE_OTHER);
    assert_eq!(site.post("/set-up", "", &form(&code)).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn each_user_reads_and_writes_in_their_own_manner_and_a_double_number_is_refused() {
    let site = Site::open();
    let (owner, desk) = (site.cookie(Role::Owner), site.cookie(Role::Desk));
    let german = "version=0&dates=dotted&clock=hours24&numbers=point_comma&zone=Europe/Berlin&opens=all";
    assert_eq!(site.post("/settings/me", &owner, german).await.0, StatusCode::SEE_OTHER);
    let (status, _) = site.post("/items/new", &owner, "sku=GER1&title=t&currency=EUR&price=1.234,5&tax_rate=5,5").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, page) = site.get("/items?q=GER1", &owner).await;
    assert!(page.contains("1.234,50 EUR") && page.contains("5,5 %"), "{page}");
    let (_, page) = site.get("/items?q=GER1", &desk).await;
    assert!(page.contains("1234.50 EUR") && page.contains("5.5 %"), "{page}");
    let (status, body) = site.post("/items/new", &owner, "sku=G2&title=t&currency=EUR&price=1.234").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body.contains(r#""field":"price""#) && body.contains("1234 or 1,234"), "{body}");
    let (_, page) = site.get("/users", &owner).await;
    let year = SystemClock.now().to_rfc3339()[..4].to_owned();
    assert!(page.contains(&format!(".{year} ")), "the day comes first: {page}");
}

#[tokio::test]
async fn settings_that_somebody_else_has_saved_meanwhile_are_not_overwritten() {
    let site = Site::open();
    let owner = site.cookie(Role::Owner);
    assert_eq!(site.post("/settings", &owner, "version=0&name=First").await.0, StatusCode::SEE_OTHER);
    assert_eq!(site.post("/settings", &owner, "version=0&name=Second").await.0, StatusCode::CONFLICT);
    let (_, page) = site.get("/settings", &owner).await;
    assert!(page.contains(r#"value="First""#) && page.contains("company: name: empty → First"), "{page}");
}

#[tokio::test]
async fn a_location_says_what_it_is_for_stock_and_a_centre_is_not_counted_by_hand() {
    let site = Site::open();
    let owner = site.cookie(Role::Owner);
    assert_eq!(site.post("/locations", &owner, "name=Depot&way=acknowledged").await.0, StatusCode::SEE_OTHER);
    let (_, page) = site.get("/locations", &owner).await;
    assert!(page.contains("count until the centre acknowledges them"), "{page}");
    let (status, body) = site.post("/locations", &owner, "name=Other&way=sideways").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body.contains(r#""field":"way""#), "{body}");
    let (status, body) = site.post("/stock/1/2/set", &owner, "on_hand=4&reason=counted").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(body.contains("centre_stock"), "{body}");
    let (_, page) = site.get("/stock/1", &owner).await;
    assert!(page.contains("/stock/1/1/set") && !page.contains("/stock/1/2/set"), "{page}");
}

#[tokio::test]
async fn the_kinds_of_channel_are_listed_where_none_is_named_and_history_names_people() {
    let site = Site::open();
    let owner = site.cookie(Role::Owner);
    let (status, page) = site.get("/channels/add", &owner).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Which kind of channel is it?"), "{page}");
    assert_eq!(site.post("/stock/1/1/set", &owner, "on_hand=4&reason=counted").await.0, StatusCode::SEE_OTHER);
    for path in ["/items/1", "/stock/1"] {
        let (_, page) = site.get(path, &owner).await;
        assert!(page.contains("<td>owner") && !page.contains("<td>user 1"), "{path}: {page}");
    }
}

#[tokio::test]
async fn identifiers_are_the_companys_and_folders_everybodys_who_works_on_orders() {
    let site = Site::open();
    let (viewer, desk, owner) = (site.cookie(Role::Viewer), site.cookie(Role::Desk), site.cookie(Role::Owner));
    assert_eq!(site.get("/folders", &viewer).await.0, StatusCode::OK);
    assert_eq!(site.post("/folders", &viewer, "kind=folder&name=X").await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.post("/folders", &desk, "kind=folder&name=%3Cb%3Ebold").await.0, StatusCode::SEE_OTHER);
    assert_eq!(site.post("/folders", &desk, "kind=identifier&name=Gift").await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.post("/folders", &owner, "kind=identifier&name=Gift&colour=red").await.0, StatusCode::SEE_OTHER);
    let (_, page) = site.get("/folders", &viewer).await;
    assert!(page.contains("&lt;b&gt;bold") && page.contains("GIFT") && !page.contains("<b>bold"));
    let (_, list) = site.get("/orders?folder=77777", &desk).await;
    assert!(list.contains("⚠ deleted"), "a filter by a folder that is no more says so");
    assert_eq!(site.get("/customers", &viewer).await.0, StatusCode::FORBIDDEN, "addresses are for those who need them");
}
