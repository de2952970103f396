//! The JSON interface in process: who gets in, what each scope opens, what is answered once, what hostile input meets.

#[path = "api/users.rs"]
mod accounts;
#[path = "api/channels.rs"]
mod channels;
#[path = "api/files.rs"]
mod files;
#[path = "api/marks.rs"]
mod marks;
#[path = "api/pages.rs"]
mod pages;
#[path = "api/rules.rs"]
mod rules;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use consign_db::Db;
use consign_db::testing::on_each_engine;
use consign_oms::channels::KeyRing;
use consign_oms::tokens::{self, TokenForm};
use consign_oms::users::{self, Permission, Role, UserForm};
use consign_oms::{Actor, Ctx, MIGRATIONS, items, locations, stock};
use consign_values::{Clock, FixedClock, Timestamp};
use consign_web::{App, Events, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Site {
    app: App,
    router: Router,
    clock: Arc<FixedClock>,
}

struct Said {
    status: StatusCode,
    kind: String,
    again: bool,
    body: Value,
}

impl Site {
    fn open(db: &Db) -> Site {
        let clock = Arc::new(FixedClock::new(Timestamp(1_800_000_000_000_000)));
        let app = App {
            db: db.clone(),
            clock: clock.clone() as Arc<dyn Clock>,
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
        let site = Site { router: router(app.clone()), app, clock };
        site.write(|tx, ctx| {
            let form =
                locations::LocationForm { name: "Default".to_owned(), allow_negative: false, ..Default::default() };
            let place = locations::create(tx, ctx, &form)?;
            let form =
                items::ItemForm { sku: "A1".into(), title: "Tea".into(), currency: "GBP".into(), ..Default::default() };
            let item = items::create(tx, ctx, &form)?;
            stock::set_level(tx, ctx, item, place, 5, "opening")
        });
        site
    }

    fn write<T>(&self, work: impl Fn(&mut consign_db::Tx<'_>, &Ctx<'_>) -> Result<T, consign_oms::Error>) -> T {
        self.app.db.write(|tx| work(tx, &Ctx::new(&*self.clock, Actor::System))).unwrap()
    }

    fn user(&self, role: Role) -> consign_values::UserId {
        self.write(|tx, ctx| {
            let email = format!("{role}@example.com");
            if let Some(user) = users::find_by_email(tx, &email)? {
                return Ok(user.id);
            }
            let form = UserForm { email, name: role.to_string(), role, password_hash: "none".to_owned() };
            users::create(tx, ctx, &form)
        })
    }

    fn token(&self, role: Role, scopes: &[Permission]) -> String {
        let form = TokenForm {
            user: self.user(role),
            name: "test".to_owned(),
            scopes: scopes.to_vec(),
            expires_at: None,
            calls_per_minute: 100_000,
        };
        self.write(|tx, ctx| tokens::make(tx, ctx, &form)).1
    }

    fn send(&self, request: Request<Body>) -> Said {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let text = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
            let (kind, again) = (text("content-type"), text("idempotency-replayed") == "true");
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            Said { status, kind, again, body }
        })
    }

    fn call(&self, token: &str, method: &str, path: &str, body: &Value) -> Said {
        self.keyed(token, method, path, body, None)
    }

    fn keyed(&self, token: &str, method: &str, path: &str, body: &Value, key: Option<&str>) -> Said {
        let mut request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap())
    }

    fn get(&self, token: &str, path: &str) -> Said {
        self.call(token, "GET", path, &Value::Null)
    }
}

/// Method, path, and the scope that each route of the document names.
fn routes(site: &Site) -> Vec<(String, String, Permission)> {
    let token = site.token(Role::Owner, &[Permission::View]);
    let document = site.get(&token, "/api/v1/openapi.json").body;
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let scope = operation["security"][0]["token"][0].as_str().expect("each route names a scope");
            routes.push((method.to_uppercase(), path.clone(), Permission::parse(scope).expect("a scope")));
        }
    }
    assert!(routes.len() >= 15, "the document holds the routes");
    routes
}

fn concrete(path: &str) -> String {
    let mut out = String::new();
    for part in path.split('/').skip(1) {
        out.push('/');
        out.push_str(if part.starts_with('{') { "999999" } else { part });
    }
    out
}

#[test]
fn nothing_answers_without_a_token_and_no_cookie_is_looked_at() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let owner = site.user(Role::Owner);
        let session = site.write(|tx, ctx| users::start_session(tx, ctx, owner, "test", "127.0.0.1"));
        for (method, path, _) in routes(&site) {
            for (name, value) in [
                ("x-nothing", ""),
                ("cookie", &*format!("consign_session={session}")),
                ("authorization", "Bearer consign_made-up"),
                ("authorization", "Basic abc"),
            ] {
                let request = Request::builder().method(&*method).uri(concrete(&path)).header(name, value);
                let said = site.send(request.body(Body::empty()).unwrap());
                assert_eq!(said.status, StatusCode::UNAUTHORIZED, "{method} {path} {name}: {value}");
                assert_eq!(said.kind, "application/problem+json", "{method} {path}");
            }
        }
        let request = Request::get("/api/v1/openapi.json");
        assert_eq!(site.send(request.body(Body::empty()).unwrap()).status, StatusCode::UNAUTHORIZED);
        let request = Request::get("/api/v1/openapi.json").header("cookie", format!("consign_session={session}"));
        assert_eq!(site.send(request.body(Body::empty()).unwrap()).status, StatusCode::OK);
    });
}

#[test]
fn each_route_is_open_to_the_scope_it_names_and_to_no_other() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        for scope in Permission::ALL {
            let only = site.token(Role::Owner, &[*scope]);
            for (method, path, wanted) in routes(&site) {
                let body = if method == "GET" || method == "DELETE" { Value::Null } else { json!({}) };
                let said = site.call(&only, &method, &concrete(&path), &body);
                let open = said.status != StatusCode::FORBIDDEN;
                assert_eq!(open, *scope == wanted, "{method} {path} with {scope} answers {}", said.status);
                assert!(said.status.as_u16() < 500 && said.status != StatusCode::UNAUTHORIZED, "{method} {path}");
            }
        }
    });
}

#[test]
fn a_token_may_no_more_than_its_user_and_ends_when_it_is_revoked_or_expires_or_the_user_goes() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let all = site.token(Role::Viewer, Permission::ALL);
        assert_eq!(site.get(&all, "/api/v1/orders").status, StatusCode::OK);
        assert_eq!(site.call(&all, "POST", "/api/v1/orders/1/process", &Value::Null).status, StatusCode::FORBIDDEN);
        let form = TokenForm {
            user: site.user(Role::Owner),
            name: "short".to_owned(),
            scopes: vec![Permission::View],
            expires_at: Some(site.clock.now().plus_seconds(60)),
            calls_per_minute: 2,
        };
        let (id, short) = site.write(|tx, ctx| tokens::make(tx, ctx, &form));
        assert_eq!(site.get(&short, "/api/v1/orders").status, StatusCode::OK);
        assert_eq!(site.get(&short, "/api/v1/orders").status, StatusCode::OK);
        assert_eq!(site.get(&short, "/api/v1/orders").status, StatusCode::TOO_MANY_REQUESTS);
        let used = site.write(|tx, _| tokens::list(tx)).into_iter().find(|token| token.id == id).unwrap().used_at;
        assert_eq!(used, Some(site.clock.now()));
        site.clock.advance(60);
        assert_eq!(site.get(&short, "/api/v1/orders").status, StatusCode::UNAUTHORIZED);
        let (id, revoked) =
            site.write(|tx, ctx| tokens::make(tx, ctx, &TokenForm { expires_at: None, ..form.clone() }));
        site.write(|tx, ctx| tokens::revoke(tx, ctx, id));
        assert_eq!(site.get(&revoked, "/api/v1/orders").status, StatusCode::UNAUTHORIZED);
        let viewer = site.user(Role::Viewer);
        site.write(|tx, ctx| {
            let edit = users::UserEdit { name: "gone".into(), role: Role::Viewer, active: false, password_hash: None };
            users::edit(tx, ctx, viewer, &edit)
        });
        assert_eq!(site.get(&all, "/api/v1/orders").status, StatusCode::UNAUTHORIZED);
        let bytes = format!(
            "{:?}",
            site.write(|tx, _| tokens::list(tx)).iter().map(|t| t.beginning.clone()).collect::<Vec<_>>()
        );
        assert!(!bytes.contains(&revoked), "no secret is kept");
    });
}

const LEVEL: &str = "/api/v1/stock/1/1";

fn adjust(by: i64) -> Value {
    json!({"change": by, "reason": "arrived"})
}

#[test]
fn a_request_with_a_key_has_its_effect_once_and_its_key_fits_no_other_request() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, Permission::ALL);
        let path = format!("{LEVEL}/adjust");
        let first = site.keyed(&token, "POST", &path, &adjust(3), Some("k-1"));
        assert_eq!((first.status, first.again, &first.body["on_hand"]), (StatusCode::OK, false, &json!(8)));
        let again = site.keyed(&token, "POST", &path, &adjust(3), Some("k-1"));
        assert_eq!((again.status, again.again), (StatusCode::OK, true));
        assert_eq!(again.body, first.body);
        let other = site.keyed(&token, "POST", &path, &adjust(4), Some("k-1"));
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(other.body["code"], "idempotency_key_reused");
        let theirs = site.token(Role::Owner, Permission::ALL);
        assert_eq!(site.keyed(&theirs, "POST", &path, &adjust(3), Some("k-1")).body["on_hand"], json!(11));
        // What was refused left nothing behind: not even its key.
        let refused = site.keyed(&token, "POST", &path, &adjust(-100), Some("k-2"));
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(site.keyed(&token, "POST", &path, &adjust(1), Some("k-2")).body["on_hand"], json!(12));
        // After a day the key is free again, and the clean-up has forgotten the answer.
        site.clock.advance(tokens::KEPT_SECONDS);
        site.write(tokens::clean_up);
        assert!(!site.keyed(&token, "POST", &path, &adjust(3), Some("k-1")).again);
        for bad in ["", " ", "a b", "é", &"x".repeat(201)] {
            let said = site.keyed(&token, "POST", &path, &adjust(3), Some(bad));
            assert_eq!(said.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad:?}");
        }
    });
}

#[test]
fn a_bulk_request_says_what_came_of_each_and_repeated_does_what_is_left() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, Permission::ALL);
        let body = json!({"levels": [
            {"sku": "A1", "location_id": 1, "change": 5, "reason": "arrived"},
            {"sku": "B2", "location_id": 1, "change": 5, "reason": "arrived"},
            {"item_id": 1, "location_id": 1, "on_hand": 3, "change": 5, "reason": "both"},
        ]});
        let said = site.keyed(&token, "POST", "/api/v1/stock/bulk", &body, Some("bulk"));
        assert_eq!((&said.body["done"], &said.body["failed"]), (&json!(1), &json!(2)), "{}", said.body);
        assert_eq!(said.body["results"][1]["problem"]["errors"][0]["field"], "sku");
        let item = json!({"sku": "B2", "title": "Cups", "currency": "GBP", "price": "12.5", "tax_rate": "20"});
        let made = site.call(&token, "POST", "/api/v1/items", &item);
        assert_eq!((made.status, &made.body["price"]), (StatusCode::CREATED, &json!("12.50")));
        let again = site.keyed(&token, "POST", "/api/v1/stock/bulk", &body, Some("bulk"));
        assert_eq!(again.body["done"], json!(2), "{}", again.body);
        assert_eq!(site.get(&token, "/api/v1/stock/1").body["data"][0]["on_hand"], json!(10), "nothing twice");
    });
}

#[test]
fn lists_are_walked_by_cursors_that_nobody_can_make_up() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, Permission::ALL);
        let items: Vec<Value> =
            (0..120).map(|n| json!({"sku": format!("SKU-{n:03}"), "title": "t", "currency": "GBP"})).collect();
        let made = site.call(&token, "POST", "/api/v1/items/bulk", &json!({"items": items}));
        assert_eq!(made.body["done"], json!(120), "{}", made.body);
        for list in ["items", "stock"] {
            let (mut seen, mut path) = (Vec::new(), format!("/api/v1/{list}"));
            loop {
                let page = site.get(&token, &path).body;
                seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["sku"].as_str().unwrap().to_owned()));
                match page["next_cursor"].as_str() {
                    Some(cursor) => path = format!("/api/v1/{list}?cursor={cursor}"),
                    None => break,
                }
            }
            seen.dedup();
            assert_eq!(seen.len(), 121, "{list}");
        }
        for cursor in ["x", "%00", "AAAA", "ICAg"] {
            let said = site.get(&token, &format!("/api/v1/orders?cursor={cursor}"));
            assert_eq!(said.status, StatusCode::UNPROCESSABLE_ENTITY, "{cursor}");
            assert_eq!(said.body["errors"][0]["field"], "cursor");
        }
    });
}

#[test]
fn bad_input_meets_a_problem_that_names_the_field() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, Permission::ALL);
        let put = |path: &str, body: Value| site.call(&token, "PUT", path, &body);
        for (said, field) in [
            (put(LEVEL, json!({"on_hand": "4", "reason": "x"})), "on_hand"),
            (put(LEVEL, json!({"on_hand": -1, "reason": "x"})), "on_hand"),
            (put(LEVEL, json!({"on_hand": 1.5, "reason": "x"})), "on_hand"),
            (put(LEVEL, json!({"on_hand": 4})), "reason"),
            (put(LEVEL, json!({"on_hand": 4, "reason": "\u{0}"})), "reason"),
            (put(LEVEL, json!({"on_hand": 4, "reason": "x", "resaon": "x"})), "resaon"),
            (put(LEVEL, json!([])), "body"),
            (
                site.call(&token, "POST", "/api/v1/items", &json!({"sku": "X", "title": "x", "currency": ""})),
                "currency",
            ),
            (site.get(&token, "/api/v1/orders?location_id=x"), "location_id"),
            (site.get(&token, "/api/v1/orders?state=new"), "state"),
            (site.get(&token, "/api/v1/orders?limit=5"), "limit"),
        ] {
            assert_eq!(said.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", said.body);
            assert_eq!(said.kind, "application/problem+json");
            assert_eq!(said.body["errors"][0]["field"], field, "{}", said.body);
        }
        let raw = |kind: &str, body: &'static [u8]| {
            let request = Request::put(LEVEL)
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, kind)
                .body(Body::from(body));
            site.send(request.unwrap()).status
        };
        assert_eq!(raw("application/json", b"{"), StatusCode::BAD_REQUEST);
        assert_eq!(raw("application/json", b"{\"on_hand\":1,\"reason\":\"x\"} {}"), StatusCode::BAD_REQUEST);
        assert_eq!(raw("application/json", b"\xff\xfe"), StatusCode::BAD_REQUEST);
        assert_eq!(raw("text/plain", b"{}"), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let huge = json!({"on_hand": 1, "reason": "x".repeat(2 << 20)});
        assert_eq!(put(LEVEL, huge).status, StatusCode::PAYLOAD_TOO_LARGE);
        for path in ["/api/v1/orders/x", "/api/v1/orders/99999999999999999999", "/api/v1/nothing", "/api/v1"] {
            let said = site.get(&token, path);
            assert_eq!((said.status, &*said.kind), (StatusCode::NOT_FOUND, "application/problem+json"), "{path}");
        }
        let said = site.call(&token, "DELETE", "/api/v1/orders", &Value::Null);
        assert_eq!((said.status, &*said.kind), (StatusCode::METHOD_NOT_ALLOWED, "application/problem+json"));
        assert_eq!(site.get(&token, "/api/v1/orders/9").body["code"], "not_found");
    });
}

#[test]
fn the_document_is_the_one_that_was_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("api.db").display())).unwrap();
    db.migrate(MIGRATIONS).unwrap();
    let site = Site::open(&db);
    let mut document = site.get(&site.token(Role::Owner, &[Permission::View]), "/api/v1/openapi.json").body;
    document["info"]["version"] = json!("(the version of the build)");
    insta::assert_json_snapshot!(document);
}

#[test]
fn settings_are_read_and_set_at_their_version_in_iso_whatever_the_pages_show() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let owner = site.token(Role::Owner, &[Permission::ManageSettings, Permission::View]);
        let formats = json!({"dates": "dotted", "clock": "hours12", "numbers": "point_comma", "zone": "Asia/Tokyo", "version": 0});
        let set = site.call(&owner, "PUT", "/api/v1/settings/formats", &formats);
        assert_eq!((set.status, &set.body["version"]), (StatusCode::OK, &json!(1)), "{}", set.body);
        let stale = site.call(&owner, "PUT", "/api/v1/settings/formats", &formats);
        assert_eq!(stale.status, StatusCode::CONFLICT);
        let users = site.get(&owner, "/api/v1/settings/me").body;
        assert_eq!((&users["dates"], &users["opens"]), (&Value::Null, &json!("last")));
        let item = site.get(&owner, "/api/v1/items/1").body;
        assert!(item["created_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{item}");
        let rates = json!({"rates": [{"country_code": "Ireland", "name": "standard", "rate": "23"}], "version": 0});
        let set = site.call(&owner, "PUT", "/api/v1/settings/tax-rates", &rates);
        assert_eq!(set.body["rates"][0], json!({"country_code": "IE", "name": "standard", "rate": "23"}));
        for (path, body, field) in [
            (
                "tax-rates",
                json!({"rates": [{"country_code": "IE", "name": "", "rate": "1,5"}], "version": 1}),
                "rates[0].rate",
            ),
            (
                "formats",
                json!({"dates": "x", "clock": "hours12", "numbers": "point", "zone": "UTC", "version": 1}),
                "dates",
            ),
            (
                "currencies",
                json!({"base": "GBP", "rates": [{"currency": "GBP", "rate": "1", "day": "2026-01-01"}], "version": 0}),
                "rates[0].currency",
            ),
            ("retention", json!({"on": true, "days": 3, "version": 0}), "days"),
            ("me", json!({"opens": "last", "version": 0}), "dates"),
            (
                "me",
                json!({"dates": null, "clock": null, "numbers": null, "zone": null, "opens": "nowhere", "version": 0}),
                "opens",
            ),
        ] {
            let said = site.call(&owner, "PUT", &format!("/api/v1/settings/{path}"), &body);
            assert_eq!(said.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", said.body);
            assert_eq!(said.body["errors"][0]["field"], field, "{path}: {}", said.body);
        }
        for path in ["company", "processing-checks", "direct-orders", "order-pages", "currencies", "retention", "me"] {
            let shown = site.get(&owner, &format!("/api/v1/settings/{path}")).body;
            let again = site.call(&owner, "PUT", &format!("/api/v1/settings/{path}"), &shown);
            assert_eq!((again.status, again.body), (StatusCode::OK, shown), "{path} takes what it shows");
        }
    });
}

#[test]
fn a_customer_is_found_exported_and_erased_by_a_program() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let owner = site.token(Role::Owner, &[Permission::ManageSettings]);
        let address = consign_values::Address {
            full_name: "Zebulon Quux".into(),
            email: "zeb@example.net".into(),
            ..Default::default()
        };
        let kept = site.write(|tx, ctx| consign_oms::customers::keep(tx, ctx, &address));
        let found = site.get(&owner, "/api/v1/retention/person?q=zeb%40EXAMPLE").body;
        assert_eq!(found["customers"][0]["id"], kept.0, "{found}");
        let theirs = json!({"customers": [kept.0]});
        let file = site.call(&owner, "POST", "/api/v1/retention/person/export", &theirs).body;
        assert_eq!(file["address_book"][0]["address"]["full_name"], "Zebulon Quux");
        let erased = site.call(&owner, "POST", "/api/v1/retention/person/erase", &theirs).body;
        assert_eq!((&erased["customers"], &erased["left"]), (&json!(1), &json!([])));
        assert_eq!(site.get(&owner, "/api/v1/retention/person?q=zebulon").body["customers"], json!([]));
        let none = site.call(&owner, "POST", "/api/v1/retention/person/erase", &json!({}));
        assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
        let due = site.get(&owner, "/api/v1/retention/due?days=30").body;
        assert_eq!((&due["orders"], &due["customers"]), (&json!(0), &json!(0)));
        assert_eq!(site.call(&owner, "POST", "/api/v1/retention/runs", &Value::Null).status, StatusCode::NO_CONTENT);
    });
}

#[test]
fn a_program_feeds_a_centre_and_brings_its_answers() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let all = [Permission::View, Permission::WorkOrders, Permission::EditStock, Permission::ManageLocations];
        let token = site.token(Role::Owner, &all);
        let post = |path: &str, body: Value| site.call(&token, "POST", path, &body);
        let nonsense = post("/api/v1/locations", json!({"name": "Depot", "deduct_when_processed": true}));
        assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
        let depot = post("/api/v1/locations", json!({"name": "Depot", "fulfilment_centre": true}));
        assert_eq!((depot.status, &depot.body["fulfilment_centre"]), (StatusCode::CREATED, &json!(true)));
        let depot = depot.body["id"].as_i64().unwrap();
        let levels = json!({"levels": [{"sku": "A1", "on_hand": 7}, {"sku": "none", "on_hand": 1}]});
        let fed = post(&format!("/api/v1/locations/{depot}/feed"), levels);
        assert_eq!(fed.status, StatusCode::OK, "{:?}", fed.body);
        let ok: Vec<&Value> = fed.body["results"].as_array().unwrap().iter().map(|one| &one["ok"]).collect();
        assert_eq!(ok, [&json!(true), &json!(false)]);
        let line = json!({"sku": "A1", "title": "Tea", "quantity": 2, "unit_price": "3.00"});
        let new = json!({"currency": "GBP", "paid": true, "location_id": depot,
            "delivery": {"full_name": "Ann Lee", "line1": "1 High Street", "country_code": "GB"}, "lines": [line]});
        let order = post("/api/v1/orders", new);
        assert_eq!(order.status, StatusCode::CREATED, "{:?}", order.body);
        assert_eq!((&order.body["parked"], &order.body["locked"]), (&json!(true), &json!(true)));
        let id = order.body["id"].as_i64().unwrap();
        let refused = post(&format!("/api/v1/orders/{id}/process"), Value::Null);
        assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("at_centre")));
        let answer = |body: Value| post(&format!("/api/v1/orders/{id}/centre"), body);
        assert_eq!(answer(json!({"status": "eaten"})).status, StatusCode::UNPROCESSABLE_ENTITY);
        let shipped = answer(json!({"status": "shipped", "carrier": "Royal Mail", "tracking_number": "RM1"}));
        assert_eq!((&shipped.body["state"], &shipped.body["tracking_number"]), (&json!("processed"), &json!("RM1")));
        assert_eq!(answer(json!({"status": "shipped"})).body["code"], json!("already_processed"));
    });
}
