//! Rules by program: drafted, published, tried, run, explained.

use super::*;

fn leaf(tag: i64) -> Value {
    json!({"nodes": [{"id": 1, "name": "Leeds", "tests": [{"field": "name", "operator": "equals", "values": ["ann lee"]}],
        "then": {"actions": [{"do": "tag", "tag": tag}]}}]})
}

#[test]
fn a_program_drafts_publishes_tries_and_runs_a_rule_and_reads_what_it_saw() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, &[Permission::View, Permission::WorkOrders, Permission::ManageRules]);
        let call = |method: &str, path: &str, body: Value| site.call(&token, method, path, &body);
        let line = json!({"sku": "A1", "title": "Tea", "quantity": 1, "unit_price": "3.00"});
        let new = json!({"currency": "GBP", "paid": true, "delivery": {"full_name": "Ann Lee"}, "lines": [line]});
        let order = call("POST", "/api/v1/orders", new).body["id"].as_i64().unwrap();
        let wrong = call("POST", "/api/v1/rules", json!({"name": "R", "body": {"nodes": [{"id": "x"}]}}));
        assert_eq!(
            (wrong.status, &wrong.body["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("body.nodes[0].id"))
        );
        let made = call("POST", "/api/v1/rules", json!({"name": "Leeds", "body": leaf(3)}));
        assert_eq!(
            (made.status, &made.body["enabled"], &made.body["live_version"]),
            (StatusCode::CREATED, &json!(false), &json!(0))
        );
        let path = format!("/api/v1/rules/{}", made.body["id"]);
        let tried = call("POST", &format!("{path}/test"), json!({"order_id": order}));
        assert_eq!(tried.body["rules"][0]["actions"][0]["what"], json!("tag 3"), "{}", tried.body);
        assert_eq!(site.get(&token, &format!("/api/v1/orders/{order}")).body["tag"], json!(0), "a try changes nothing");
        assert_eq!(call("POST", &format!("{path}/publish"), json!({"version": 1})).body["live_version"], json!(1));
        assert_eq!(
            call("POST", &format!("{path}/publish"), json!({"version": 1})).status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        call("PUT", &format!("{path}/enabled"), json!({"enabled": true}));
        let ran = call("POST", &format!("/api/v1/orders/{order}/rules"), json!({}));
        assert_eq!(ran.body["rules"][0]["steps"][0]["tests"][0]["seen"], json!("Ann Lee"), "{}", ran.body);
        assert_eq!(site.get(&token, &format!("/api/v1/orders/{order}")).body["tag"], json!(3));
        let runs = site.get(&token, &format!("/api/v1/orders/{order}/rules")).body;
        assert!(runs["data"][0]["cause"].as_str().unwrap().starts_with("asked by token"), "{runs}");
        let broken = json!({"version": 3, "name": "Leeds", "body": {"nodes": [{"id": 1, "name": "x", "tests": [
            {"field": "total", "operator": "contains", "values": ["1"]}], "then": {"actions": []}}]}});
        let version = site.get(&token, &path).body["version"].clone();
        let edited = call("PUT", &path, json!({"version": version, "name": "Leeds", "body": broken["body"]}));
        assert_eq!((edited.status, &edited.body["has_draft"]), (StatusCode::OK, &json!(true)), "a draft may be faulty");
        let refused = call("POST", &format!("{path}/publish"), json!({"version": edited.body["version"]}));
        assert_eq!(refused.body["errors"][0]["field"], json!("nodes.1.tests[0]"), "{}", refused.body);
        assert_eq!(call("DELETE", &path, Value::Null).status, StatusCode::NO_CONTENT);
        assert_eq!(site.get(&token, &format!("{path}/versions")).body["data"][0]["number"], json!(1), "versions stay");
    });
}
