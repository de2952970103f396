//! Folders, identifiers, properties, notes and the address book, as programs see them.

use super::*;

const ORDERS: &str = "/api/v1/orders";

fn order(site: &Site, token: &str) -> String {
    let line = json!({"sku": "A1", "title": "Tea", "quantity": 1, "unit_price": "3.00"});
    let new = json!({"currency": "GBP", "paid": true, "delivery": {"full_name": "Ann Lee", "country_code": "GB"}, "lines": [line]});
    let made = site.call(token, "POST", ORDERS, &new);
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    format!("{ORDERS}/{}", made.body["id"])
}

#[test]
fn a_program_files_and_badges_orders_and_finds_them_by_that() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, &[Permission::View, Permission::WorkOrders, Permission::ManageSettings]);
        let call = |method: &str, path: &str, body: Value| site.call(&token, method, path, &body);
        let folder = call("POST", "/api/v1/folders", json!({"name": "Backorder"})).body["id"].clone();
        let again = call("POST", "/api/v1/folders", json!({"name": "BACKORDER"}));
        assert_eq!(
            (again.status, &again.body["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("name"))
        );
        let badge = call("POST", "/api/v1/identifiers", json!({"name": "Gift wrap", "colour": "red"})).body;
        assert_eq!((&badge["tag"], &badge["letter"]), (&json!("GIFT_WRAP"), &json!("G")));
        let one = order(&site, &token);
        order(&site, &token);
        assert_eq!(call("PUT", &format!("{one}/folders/{folder}"), Value::Null).status, StatusCode::OK);
        let wrong = call("PUT", &format!("{one}/folders/{}", badge["id"]), Value::Null);
        assert_eq!(wrong.status, StatusCode::NOT_FOUND, "an identifier is no folder");
        let todo = json!({"ids": [one.rsplit('/').next().unwrap().parse::<i64>().unwrap()],
            "todo": {"action": "identifier", "identifier_id": badge["id"]}});
        assert_eq!(call("POST", "/api/v1/orders/bulk", todo).body["done"], json!(1));
        let detail = call("GET", &one, Value::Null).body;
        assert_eq!(
            (&detail["folders"][0]["name"], &detail["identifiers"][0]["name"]),
            (&json!("Backorder"), &json!("Gift wrap"))
        );
        for query in [format!("folder_id={folder}"), format!("identifier_id={}", badge["id"])] {
            let found = call("GET", &format!("{ORDERS}?{query}"), Value::Null).body;
            assert_eq!(found["data"].as_array().unwrap().len(), 1, "{query}");
        }
        let system = call("DELETE", "/api/v1/identifiers/1", Value::Null);
        assert_eq!((system.status, &system.body["code"]), (StatusCode::CONFLICT, &json!("in_use")));
        assert_eq!(call("DELETE", &format!("/api/v1/folders/{folder}"), Value::Null).status, StatusCode::NO_CONTENT);
        assert_eq!(call("GET", &one, Value::Null).body["folders"], json!([]), "it came off its orders");
    });
}

#[test]
fn a_program_sets_properties_and_edits_notes_and_the_address_book() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, &[Permission::View, Permission::WorkOrders]);
        let call = |method: &str, path: &str, body: Value| site.call(&token, method, path, &body);
        let one = order(&site, &token);
        let set = call("PUT", &format!("{one}/properties"), json!({"properties": [{"name": "IOSS", "value": "IM1"}]}));
        assert_eq!(set.status, StatusCode::OK);
        let nameless = call("PUT", &format!("{one}/properties"), json!({"properties": [{"name": " ", "value": "x"}]}));
        assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
        call("POST", &format!("{one}/notes"), json!({"body": "ring twice"}));
        let detail = call("GET", &one, Value::Null).body;
        assert_eq!(detail["properties"], json!([{"name": "IOSS", "value": "IM1"}]));
        let note = format!("{one}/notes/{}", detail["notes"][0]["id"]);
        let edit = json!({"body": "ring once", "internal": false, "processing": true});
        assert_eq!(call("PUT", &note, edit).status, StatusCode::OK);
        let edited = &call("GET", &one, Value::Null).body["notes"][0];
        assert_eq!((&edited["body"], &edited["processing"]), (&json!("ring once"), &json!(true)));
        assert_eq!(call("DELETE", &note, Value::Null).status, StatusCode::OK);
        assert_eq!(call("DELETE", &note, Value::Null).status, StatusCode::NOT_FOUND);
        let kept =
            call("POST", "/api/v1/customers", json!({"address": {"full_name": "Bob Ray", "email": "bob@example.com"}}));
        assert_eq!(kept.status, StatusCode::CREATED);
        let path = format!("/api/v1/customers/{}", kept.body["id"]);
        let to = |version: &Value| json!({"address": {"full_name": "Bob Grey", "email": "bob@example.com"}, "version": version});
        site.clock.advance(5);
        assert_eq!(call("PUT", &path, to(&kept.body["version"])).status, StatusCode::OK);
        assert_eq!(call("PUT", &path, to(&kept.body["version"])).status, StatusCode::CONFLICT, "it has changed since");
        assert_eq!(call("GET", "/api/v1/customers?q=grey", Value::Null).body["data"].as_array().unwrap().len(), 1);
        assert_eq!(call("DELETE", &path, Value::Null).status, StatusCode::NO_CONTENT);
        assert_eq!(call("GET", &path, Value::Null).status, StatusCode::NOT_FOUND);
    });
}
