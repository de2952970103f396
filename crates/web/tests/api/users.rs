//! Users by program: sessions ended, second factors switched off and demanded of roles, invitations.

use consign_oms::users::two_factor;

use super::*;

#[test]
fn an_owners_program_ends_sessions_and_demands_second_factors() {
    on_each_engine(MIGRATIONS, |db| {
        let site = Site::open(db);
        let token = site.token(Role::Owner, &[Permission::ManageUsers]);
        let desk = site.user(Role::Desk);
        let (secret, path) = (
            site.write(|tx, ctx| users::start_session(tx, ctx, desk, "Till", "127.0.0.1")),
            format!("/api/v1/users/{desk}"),
        );
        let listed = site.get(&token, &format!("{path}/sessions")).body;
        assert_eq!((&listed["data"][0]["agent"], listed.to_string().contains(&secret)), (&json!("Till"), false));
        let key = listed["data"][0]["key"].as_str().unwrap();
        let end = |key: &str| site.call(&token, "DELETE", &format!("{path}/sessions/{key}"), &Value::Null).status;
        assert_eq!(end("made-up"), StatusCode::NOT_FOUND);
        assert_eq!(end(key), StatusCode::NO_CONTENT);
        assert_eq!(end(key), StatusCode::NOT_FOUND);
        assert_eq!(site.get(&token, &format!("{path}/sessions")).body["data"], json!([]));

        let roles = site.get(&token, "/api/v1/roles").body;
        let role = |roles: &Value, name: &str| {
            roles["data"].as_array().unwrap().iter().find(|role| role["role"] == name).unwrap().clone()
        };
        assert_eq!(role(&roles, "viewer")["scopes"], json!(["view"]), "{roles}");
        let set = site.keyed(&token, "PUT", "/api/v1/roles/desk", &json!({"two_factor": true}), Some("r"));
        assert_eq!((set.status, &set.body["two_factor"]), (StatusCode::OK, &json!(true)), "{}", set.body);
        site.call(&token, "PUT", "/api/v1/roles/owner", &json!({"two_factor": true}));
        let off = site.call(&token, "PUT", "/api/v1/roles/owner", &json!({"two_factor": false}));
        assert_eq!(off.body["two_factor"], json!(false));
        let roles = site.get(&token, "/api/v1/roles").body;
        assert_eq!(role(&roles, "desk")["two_factor"], json!(true), "one role leaves the others as they are: {roles}");
        assert_eq!(
            site.call(&token, "PUT", "/api/v1/roles/king", &json!({"two_factor": true})).status,
            StatusCode::NOT_FOUND
        );
        let said = site.call(&token, "PUT", "/api/v1/roles/desk", &json!({"two_factor": "yes"}));
        assert_eq!(said.body["errors"][0]["field"], "two_factor");

        site.write(|tx, ctx| two_factor::begin(tx, ctx, &site.app.keys, desk));
        assert_eq!(
            site.call(&token, "DELETE", &format!("{path}/two-factor"), &Value::Null).status,
            StatusCode::NO_CONTENT
        );
        assert!(!site.write(|tx, _| two_factor::is_on(tx, desk)));
        assert_eq!(
            site.call(&token, "DELETE", "/api/v1/users/999/two-factor", &Value::Null).status,
            StatusCode::NOT_FOUND
        );
        let invited = site.call(&token, "POST", &format!("{path}/invite"), &Value::Null);
        assert_eq!(invited.status, StatusCode::NOT_FOUND, "there is no mail server here");
    });
}

#[test]
fn an_invitation_is_mailed_once_however_often_the_call_is_sent() {
    on_each_engine(MIGRATIONS, |db| {
        let mut site = Site::open(db);
        site.app.mail_from = Some("https://consign.example.com".to_owned());
        site.router = router(site.app.clone());
        let token = site.token(Role::Owner, &[Permission::ManageUsers]);
        let desk = site.user(Role::Desk);
        let path = format!("/api/v1/users/{desk}/invite");
        for again in [false, true] {
            let said = site.keyed(&token, "POST", &path, &Value::Null, Some("i"));
            assert_eq!((said.status, said.again), (StatusCode::ACCEPTED, again), "{}", said.body);
        }
        let invitations = site.write(|tx, _| consign_oms::history::list(tx, "user", desk.0));
        assert_eq!(invitations.iter().filter(|entry| entry.kind == "invited").count(), 1, "{invitations:?}");
    });
}
