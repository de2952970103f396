//! Drafts, files in and out, tokens: the nouns that are more than one row each.

use super::*;

fn bytes(site: &Site, token: &str, path: &str, body: &[u8], key: Option<&str>) -> Said {
    let mut request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/octet-stream");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    site.send(request.body(Body::from(body.to_vec())).unwrap())
}

#[test]
fn a_draft_is_begun_saved_completed_and_never_overwrites_what_somebody_else_saved() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, Permission::ALL);
        let begun = site.call(&token, "POST", "/api/v1/drafts", &json!({}));
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.body);
        let path = format!("/api/v1/drafts/{}", begun.body["id"]);
        let form = json!({
            "version": 1, "currency": "EUR", "paid": true, "postage": "3.5", "sub_source": "telephone", "keep_customer": true,
            "delivery": {"full_name": "Ann Lee", "postcode": "LS1 1AA", "country_code": "GB", "email": "ann@example.com"},
            "lines": [{"sku": "A1", "title": "Tea", "quantity": 2, "unit_price": "9.99", "tax_rate": "20"}],
        });
        let saved = site.call(&token, "PUT", &path, &form);
        assert_eq!((saved.status, &saved.body["version"]), (StatusCode::OK, &json!(2)), "{}", saved.body);
        assert_eq!(saved.body["lines"][0]["unit_price"], "9.99");
        let stale = site.call(&token, "PUT", &path, &form);
        assert_eq!((stale.status, &stale.body["code"]), (StatusCode::CONFLICT, &json!("stale")));
        for (change, field) in [
            (json!({"version": 2, "postage": "-1"}), "postage"),
            (json!({"version": 2, "currency": "eur"}), "currency"),
            (json!({"version": 2, "lines": [{"title": "x", "quantity": 0, "unit_price": "1"}]}), "lines[0].quantity"),
            (
                json!({"version": 2, "lines": [{"title": "x", "quantity": 1, "unit_price": "1,0"}]}),
                "lines[0].unit_price",
            ),
        ] {
            let said = site.call(&token, "PUT", &path, &change);
            assert_eq!(said.body["errors"][0]["field"], field, "{}", said.body);
        }
        assert_eq!(site.get(&token, "/api/v1/drafts").body["data"][0]["full_name"], "Ann Lee");
        let done = site.keyed(
            &token,
            "POST",
            &format!("{path}/complete"),
            &json!({"version": 2, "process": true}),
            Some("complete"),
        );
        assert_eq!(done.status, StatusCode::CREATED, "{}", done.body);
        assert_eq!((&done.body["state"], &done.body["total"]), (&json!("processed"), &json!("23.48")), "{}", done.body);
        assert_eq!(site.get(&token, &path).status, StatusCode::NOT_FOUND);
        let known = site.get(&token, "/api/v1/customers/look-up?q=ann%20lee").body;
        assert!(known["data"][0]["customer_id"].is_i64(), "{known}");
        let second = site.call(&token, "POST", "/api/v1/drafts", &json!({})).body["id"].clone();
        let gone = site.call(&token, "DELETE", &format!("/api/v1/drafts/{second}"), &Value::Null);
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        assert_eq!(site.get(&token, "/api/v1/drafts").body["data"], json!([]));
    });
}

const ORDERS: &str =
    "reference,sku,quantity,unit_price,full_name,town\nR1,A1,2,9.99,Ann Lee,Leeds\nR2,A1,x,1,Bo,York\n";

#[test]
fn a_file_is_sent_tried_mapped_and_started_and_needs_the_right_for_what_it_holds() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, Permission::ALL);
        let sent = bytes(&site, &token, "/api/v1/imports?file_name=a.csv", ORDERS.as_bytes(), Some("f"));
        assert_eq!((sent.status, &sent.body["state"]), (StatusCode::CREATED, &json!("prepared")), "{}", sent.body);
        let again = bytes(&site, &token, "/api/v1/imports?file_name=a.csv", ORDERS.as_bytes(), Some("f"));
        assert_eq!((again.again, &again.body["id"]), (true, &sent.body["id"]));
        let path = format!("/api/v1/imports/{}", sent.body["id"]);
        let mut columns = sent.body["mapping"]["columns"].clone();
        columns["currency"] = json!("GBP");
        let mapping = json!({"columns": columns, "sub_source": "fair", "keep_as": "Fair"});
        let mapped = site.call(&token, "PUT", &format!("{path}/mapping"), &mapping);
        assert_eq!((mapped.status, &mapped.body["mapping"]["sub_source"]), (StatusCode::OK, &json!("fair")));
        assert_eq!(site.get(&token, "/api/v1/import-profiles").body["data"][0]["name"], "Fair");
        let dry = site.get(&token, &format!("{path}/dry-run")).body;
        assert_eq!((&dry["new"], &dry["rejected"]), (&json!(1), &json!(1)), "{dry}");
        assert_eq!(dry["data"][0]["faults"][0]["field"], "quantity", "{dry}");
        let wrong = site.call(&token, "PUT", &format!("{path}/mapping"), &json!({"zone": "Nowhere/Here"}));
        assert_eq!(wrong.body["errors"][0]["field"], "zone");
        let started = site.call(&token, "POST", &format!("{path}/start"), &json!({}));
        assert_eq!((started.status, &started.body["state"]), (StatusCode::OK, &json!("running")), "{}", started.body);
        let file = site.get(&token, &format!("{path}/rejected.csv"));
        assert_eq!((file.status, &*file.kind), (StatusCode::OK, "text/csv; charset=utf-8"));
        assert_eq!(site.call(&token, "POST", &format!("{path}/cancel"), &Value::Null).body["state"], "cancelled");
        // A file of stock needs the right to change stock, too: of the token and of its user.
        let orders_only = site.token(Role::Owner, &[Permission::WorkOrders]);
        let stock = b"sku,on_hand\nA1,900\n";
        let refused = bytes(&site, &orders_only, "/api/v1/imports?kind=stock", stock, None);
        assert_eq!((refused.status, &refused.body["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));
        assert_eq!(bytes(&site, &token, "/api/v1/imports?kind=stock", stock, None).status, StatusCode::CREATED);
        assert_eq!(bytes(&site, &token, "/api/v1/imports", b"", None).status, StatusCode::UNPROCESSABLE_ENTITY);
        let long = vec![b'a'; 2 << 20];
        let said = bytes(&site, &token, "/api/v1/imports", &long, None);
        assert!(said.status != StatusCode::PAYLOAD_TOO_LARGE, "a file may be larger than other requests");
    });
}

#[test]
fn exports_are_files_with_the_columns_that_were_asked_for() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, Permission::ALL);
        for (path, kind) in [
            ("items/csv", "text/csv; charset=utf-8"),
            ("stock/csv?location_id=1&columns=sku,on_hand=Count", "text/csv; charset=utf-8"),
            ("orders/xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ] {
            let said = site.get(&token, &format!("/api/v1/exports/{path}"));
            assert_eq!((said.status, &*said.kind), (StatusCode::OK, kind), "{path}");
        }
        for (path, field) in [("stock/csv?columns=nothing", "columns"), ("orders/csv?received_from=x", "received_from")]
        {
            let said = site.get(&token, &format!("/api/v1/exports/{path}"));
            assert_eq!(said.body["errors"][0]["field"], field, "{}", said.body);
        }
        assert_eq!(site.get(&token, "/api/v1/exports/items/pdf").status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_token_hands_on_no_more_than_it_has_and_its_secret_is_shown_once() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let user = site.user(Role::Owner).0;
        let token = site.token(Role::Owner, &[Permission::ManageUsers, Permission::View]);
        let new = |scopes: Value| json!({"user_id": user, "name": "Screen", "scopes": scopes, "calls_per_minute": 60});
        let refused = site.call(&token, "POST", "/api/v1/tokens", &new(json!(["view", "edit_stock"])));
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
        let made = site.call(&token, "POST", "/api/v1/tokens", &new(json!(["view"])));
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let secret = made.body["secret"].as_str().unwrap().to_owned();
        assert_eq!(site.get(&secret, "/api/v1/items").status, StatusCode::OK);
        let listed = site.get(&token, "/api/v1/tokens").body;
        assert!(!listed.to_string().contains(&secret), "only its beginning is listed");
        let gone = site.call(&token, "DELETE", &format!("/api/v1/tokens/{}", made.body["id"]), &Value::Null);
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        assert_eq!(site.get(&secret, "/api/v1/items").status, StatusCode::UNAUTHORIZED);
    });
}
