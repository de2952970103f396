//! Channels set up by programs: their mappings, and hostile input to them; schedules.

use consign_oms::channels::{add, set_connection};

use super::*;

#[test]
fn a_program_maps_statuses_and_tags_and_hears_of_what_stands_twice() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, &[Permission::View, Permission::ManageChannels]);
        let id = site.write(|tx, ctx| {
            let id = add(tx, ctx, "app", "SHOP", "Main", &[])?;
            set_connection(tx, ctx, id, "SHOP", b"", true).map(|()| id)
        });
        let path = |what: &str| format!("/api/v1/channels/{id}/{what}");
        let put = |what: &str, body: Value| site.call(&token, "PUT", &path(what), &body);
        let set = put(
            "statuses",
            json!({"statuses": [{"code": "PaymentSettled", "means": "paid"}, {"code": "Cancelled", "means": "cancelled"}]}),
        );
        assert_eq!(
            (set.status, &set.body["data"][1]["label"]),
            (StatusCode::OK, &json!("PaymentSettled")),
            "{}",
            set.body
        );
        let field = |said: &Said| said.body["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
        let twice =
            put("statuses", json!({"statuses": [{"code": "A", "means": "paid"}, {"code": "A", "means": "paid"}]}));
        assert_eq!((twice.status, field(&twice)), (StatusCode::UNPROCESSABLE_ENTITY, "statuses[1].code".to_owned()));
        let strange = put("statuses", json!({"statuses": [{"code": "A", "means": "eaten"}]}));
        assert_eq!(field(&strange), "statuses[0].means");
        assert_eq!(site.get(&token, &path("statuses")).body["data"].as_array().unwrap().len(), 2, "nothing half done");
        let tag = json!({"kind": "shipping", "tag": "std", "carrier": "Royal Mail", "service": "Tracked 48"});
        assert_eq!(put("tags", json!({"tags": [tag]})).body["data"][0]["service"], json!("Tracked 48"));
        let twice = put("tags", json!({"tags": [tag, tag]}));
        assert_eq!((twice.status, field(&twice)), (StatusCode::UNPROCESSABLE_ENTITY, "tags[1].tag".to_owned()));
        let long = "x".repeat(200);
        let alike = |end: &str| json!({"kind": "payment", "tag": format!("{long}{end}"), "service": ""});
        assert_eq!(put("tags", json!({"tags": [alike("1"), alike("2")]})).status, StatusCode::UNPROCESSABLE_ENTITY);
        let place = |code: &str| consign_ports::ChannelPlace { code: code.into(), name: "Leeds".into() };
        site.write(|tx, ctx| consign_oms::channels::record_locations(tx, ctx, id, &[place("gid/4")]));
        let one = json!({"code": "gid/4", "download_location_id": 1, "push_stock": true, "stock_location_ids": [1]});
        let mapped = put("locations", json!({"several": "most", "locations": [one]}));
        assert_eq!(mapped.body["locations"][0]["stock_location_ids"], json!([1]), "{}", mapped.body);
        assert_eq!(site.get(&token, &path("locations")).body["several"], json!("most"));
        let nowhere = put("locations", json!({"several": "most", "locations": [{"code": "x", "push_stock": false}]}));
        assert_eq!(
            (nowhere.status, field(&nowhere)),
            (StatusCode::UNPROCESSABLE_ENTITY, "locations[0].code".to_owned())
        );
        let none = site.call(&token, "POST", &path("rejected/77/retry"), &Value::Null);
        assert_eq!(none.status, StatusCode::NOT_FOUND);
        let told = put("hook", json!({"wanted": true}));
        assert_eq!(told.status, StatusCode::NOT_FOUND, "its kind is unknown here");
        assert_eq!(site.get(&token, &path("hook")).body["delivery_count"], json!(0));
        let off = site.call(&token, "POST", &path("compare"), &Value::Null);
        assert_eq!((off.status, &off.body["code"]), (StatusCode::CONFLICT, &json!("channel_cannot_run")));
        assert_eq!(
            site.call(&token, "DELETE", &format!("/api/v1/channels/{id}"), &Value::Null).status,
            StatusCode::NO_CONTENT
        );
        let unknown = json!({"kind": "nothing", "name": "X", "answers": {}});
        assert_eq!(field(&site.call(&token, "POST", "/api/v1/channels", &unknown)), "kind");
    });
}

#[test]
fn a_program_keeps_schedules_whose_secrets_are_never_shown() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, &[Permission::ManageSettings]);
        let call = |method: &str, path: &str, body: Value| site.call(&token, method, path, &body);
        let schedule = |name: &str, what: &str| {
            json!({
                "name": name, "direction": "export", "what": what, "enabled": true, "secret": "s3cret",
                "place": {"kind": "sftp", "address": "files.example.com", "path": "out/orders.csv", "fingerprint": "SHA256:abc"},
                "timetable": {"every_minutes": 30, "from": 360, "until": 1_200, "zone": "Europe/London"},
                "layout": {"columns": "reference\nsku"},
            })
        };
        let made = call("POST", "/api/v1/schedules", schedule("Night", "centre-orders"));
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        assert!(made.body["has_secret"] == json!(true) && !made.body.to_string().contains("s3cret"));
        let twice = call("POST", "/api/v1/schedules", schedule("Night", "orders"));
        assert_eq!(
            (twice.status, &twice.body["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("name"))
        );
        let wrong = call("POST", "/api/v1/schedules", schedule("Other", "everything"));
        assert_eq!(wrong.body["errors"][0]["field"], json!("what"));
        let path = format!("/api/v1/schedules/{}", made.body["id"]);
        let edited = json!({"version": made.body["version"], "schedule": schedule("Morning", "stock")});
        let stock = call("PUT", &path, edited.clone());
        assert_eq!(stock.body["errors"][0]["field"], json!("columns"), "stock has no column of that name");
        let edited = json!({"version": made.body["version"], "schedule": schedule("Morning", "orders")});
        assert_eq!(call("PUT", &path, edited.clone()).body["name"], json!("Morning"));
        assert_eq!(call("PUT", &path, edited).status, StatusCode::CONFLICT, "somebody else has changed it");
        assert_eq!(call("POST", &format!("{path}/run"), Value::Null).status, StatusCode::OK);
        assert_eq!(call("GET", &format!("{path}/runs"), Value::Null).body["data"], json!([]));
        assert_eq!(call("DELETE", &path, Value::Null).status, StatusCode::NO_CONTENT);
    });
}
