//! The forms of a Vendure shop, and what is looked up while it is set up.

use std::collections::BTreeMap;

use consign_ports::{ConfigField, ConfigOption, Connection, FieldKind, PortError, SetupStep};
use consign_values::clean;
use serde_json::{Value, json};

use super::api::{self, Api};
use super::{items, text};
use crate::http::parse_url;

const ACCOUNT: &str = "account";
const SETTINGS: &str = "settings";

/// What the account must be allowed to do; of each group one is enough.
const PERMISSIONS: [&[&str]; 4] =
    [&["ReadOrder"], &["UpdateOrder"], &["ReadCatalog", "ReadProduct"], &["UpdateCatalog", "UpdateProduct"]];

fn field(id: &str, label: &str, description: &str, kind: FieldKind, required: bool) -> ConfigField {
    ConfigField {
        id: id.to_owned(),
        label: label.to_owned(),
        description: description.to_owned(),
        group: String::new(),
        kind,
        value: String::new(),
        options: Vec::new(),
        required,
        read_only: false,
        pattern: None,
    }
}

fn account_fields(connection: &Connection) -> Vec<ConfigField> {
    let known = !connection.get("password").is_empty();
    let mut fields = vec![
        field(
            "url",
            "Shop address",
            "The Admin API's address, such as https://shop.example.com/admin-api.",
            FieldKind::Url,
            true,
        ),
        field(
            "username",
            "User name",
            "An administrator of the shop, best one made for Consign alone.",
            FieldKind::Text,
            true,
        ),
        field(
            "password",
            "Password",
            if known { "Leave empty to keep the present one." } else { "" },
            FieldKind::Password,
            !known,
        ),
        field(
            "channel_token",
            "Channel token",
            "Only for shops with several channels: the token of the one to connect.",
            FieldKind::Text,
            false,
        ),
    ];
    for field in &mut fields {
        "Account".clone_into(&mut field.group);
        if field.kind != FieldKind::Password {
            field.value = connection.get(&field.id).to_owned();
        }
    }
    fields
}

/// The first form.
pub(super) fn account_step(connection: &Connection) -> SetupStep {
    SetupStep {
        name: ACCOUNT.to_owned(),
        title: "Connect a Vendure shop".to_owned(),
        description: "Consign signs in to the shop's Admin API.".to_owned(),
        fields: account_fields(connection),
        done: false,
    }
}

/// Puts what was typed into the connection. A password left empty stays.
pub(super) fn take_answers(connection: &mut Connection, answers: &BTreeMap<String, String>) -> Result<(), PortError> {
    for key in ["url", "username", "channel_token", "stock_location"] {
        if let Some(answer) = answers.get(key) {
            connection.set(key, answer.trim());
        }
    }
    if let Some(password) = answers.get("password").filter(|password| !password.is_empty()) {
        connection.set("password", password.clone());
    }
    for (key, label) in [("url", "Shop address"), ("username", "User name"), ("password", "Password")] {
        if connection.get(key).is_empty() {
            return Err(PortError::Refused(format!("{label} must not be empty")));
        }
    }
    connection.set("url", api_address(connection.get("url"))?);
    Ok(())
}

/// The address of the Admin API; where only a host was given, at its usual path.
fn api_address(typed: &str) -> Result<String, PortError> {
    let mut url = parse_url(typed)?;
    if matches!(url.path(), "" | "/") {
        url.set_path("/admin-api");
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Signs in, checks the permissions, keeps what is needed later, and gives the settings form.
pub(super) async fn verify(api: &Api, connection: &mut Connection) -> Result<SetupStep, PortError> {
    let who = api.data(api::WHO, json!({})).await?;
    greeting(&who)?;
    let precision = who["globalSettings"]["serverConfig"]["moneyStrategyPrecision"].as_u64().unwrap_or(2);
    connection.set("money_precision", precision.to_string());
    let locations = locations(api).await?;
    let chosen = connection.get("stock_location");
    if !locations.iter().any(|location| location.value == chosen) {
        let first = locations.first().map(|location| location.value.clone());
        connection.set("stock_location", first.unwrap_or_default());
    }
    Ok(settings_step(connection, locations))
}

/// The settings form, also where the shop can't be asked, so that a changed password can be typed.
pub(super) async fn present_settings(api: &Api, connection: &Connection) -> SetupStep {
    let known = connection.get("stock_location").to_owned();
    let only_known = || vec![ConfigOption { label: format!("Location {known}"), value: known.clone() }];
    let locations = locations(api).await.unwrap_or_else(|_| only_known());
    settings_step(connection, locations)
}

async fn locations(api: &Api) -> Result<Vec<ConfigOption>, PortError> {
    let data = api.data(api::LOCATIONS, json!({})).await?;
    let option = |item: &Value| ConfigOption { value: text(&item["id"]), label: clean(&text(&item["name"]), 255) };
    Ok(items(&data["stockLocations"]).map(option).filter(|option| !option.value.is_empty()).collect())
}

fn settings_step(connection: &Connection, locations: Vec<ConfigOption>) -> SetupStep {
    let mut location = field(
        "stock_location",
        "Stock location",
        "The shop's own location whose stock Consign sets. Its other locations are left alone.",
        FieldKind::List,
        true,
    );
    connection.get("stock_location").clone_into(&mut location.value);
    location.options = locations;
    "Stock".clone_into(&mut location.group);
    let mut fields = vec![location];
    fields.extend(account_fields(connection));
    SetupStep {
        name: SETTINGS.to_owned(),
        title: "Settings of the shop".to_owned(),
        description: String::new(),
        fields,
        done: true,
    }
}

/// Who we are in which channel; `Unauthorised` if a permission is lacking.
pub(super) fn greeting(who: &Value) -> Result<String, PortError> {
    let account = clean(&text(&who["me"]["identifier"]), 100);
    let code = text(&who["activeChannel"]["code"]);
    let channels = who["me"]["channels"].as_array().into_iter().flatten();
    let Some(channel) = channels.into_iter().find(|channel| text(&channel["code"]) == code) else {
        return Err(PortError::Unauthorised(format!("{account} has no access to this channel of the shop")));
    };
    let held: Vec<&str> = channel["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let lacking = PERMISSIONS.iter().find(|group| !group.iter().chain(&["SuperAdmin"]).any(|one| held.contains(one)));
    if let Some(group) = lacking {
        return Err(PortError::Unauthorised(format!("{account} lacks the permission {}", group[0])));
    }
    let place = if code == "__default_channel__" { "the default channel".to_owned() } else { clean(&code, 100) };
    Ok(format!("Connected to {place} as {account}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_address_is_completed_with_the_usual_path() {
        assert_eq!(api_address(" https://shop.example.com ").unwrap(), "https://shop.example.com/admin-api");
        assert_eq!(api_address("http://127.0.0.1:3101/api/admin/?x=1#y").unwrap(), "http://127.0.0.1:3101/api/admin");
        assert!(api_address("shop.example.com").is_err());
    }

    #[test]
    fn an_account_without_a_needed_permission_is_named_with_it() {
        let who = |permissions: &[&str]| {
            json!({
                "activeChannel": { "code": "__default_channel__" },
                "me": { "identifier": "desk", "channels": [{ "code": "__default_channel__", "permissions": permissions }] }
            })
        };
        assert_eq!(greeting(&who(&["SuperAdmin"])).unwrap(), "Connected to the default channel as desk");
        assert!(greeting(&who(&["ReadOrder", "UpdateOrder", "ReadProduct", "UpdateCatalog"])).is_ok());
        let error = greeting(&who(&["ReadOrder", "ReadCatalog", "UpdateCatalog"])).unwrap_err();
        assert_eq!(error, PortError::Unauthorised("desk lacks the permission UpdateOrder".into()));
        assert!(greeting(&json!({})).is_err());
    }
}
