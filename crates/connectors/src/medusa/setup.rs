//! The forms of a Medusa shop, and what is looked up while it is set up.

use std::collections::BTreeMap;

use consign_ports::{ConfigField, ConfigOption, Connection, FieldKind, PortError, SetupStep};
use consign_values::clean;

use super::api::Api;
use super::{rows, text};
use crate::http::parse_url;

const ACCOUNT: &str = "account";
const SETTINGS: &str = "settings";

fn field(id: &str, label: &str, description: &str, kind: FieldKind, group: &str) -> ConfigField {
    ConfigField {
        id: id.to_owned(),
        label: label.to_owned(),
        description: description.to_owned(),
        group: group.to_owned(),
        kind,
        value: String::new(),
        options: Vec::new(),
        required: true,
        read_only: false,
        pattern: None,
    }
}

fn account_fields(connection: &Connection) -> Vec<ConfigField> {
    let known = !connection.get("api_key").is_empty();
    let address = "Where the shop's server answers, such as https://shop.example.com.";
    let mut url = field("url", "Shop address", address, FieldKind::Url, "Account");
    connection.get("url").clone_into(&mut url.value);
    let about = if known { "Leave empty to keep the present one." } else { "A secret key, made for Consign alone." };
    let mut key = field("api_key", "Secret API key", about, FieldKind::Password, "Account");
    key.required = !known;
    vec![url, key]
}

/// The first form.
pub(super) fn account_step(connection: &Connection) -> SetupStep {
    SetupStep {
        name: ACCOUNT.to_owned(),
        title: "Connect a Medusa shop".to_owned(),
        description: "Consign calls the shop's Admin API with a secret API key.".to_owned(),
        fields: account_fields(connection),
        done: false,
    }
}

/// Puts what was typed into the connection. A key left empty stays.
pub(super) fn take_answers(connection: &mut Connection, answers: &BTreeMap<String, String>) -> Result<(), PortError> {
    for key in ["url", "stock_location"] {
        if let Some(answer) = answers.get(key) {
            connection.set(key, answer.trim());
        }
    }
    if let Some(key) = answers.get("api_key").map(|key| key.trim()).filter(|key| !key.is_empty()) {
        connection.set("api_key", key);
    }
    for (key, label) in [("url", "Shop address"), ("api_key", "Secret API key")] {
        if connection.get(key).is_empty() {
            return Err(PortError::Refused(format!("{label} must not be empty")));
        }
    }
    connection.set("url", server_address(connection.get("url"))?);
    Ok(())
}

/// The address of the server, also where that of its Admin API or its pages was given.
fn server_address(typed: &str) -> Result<String, PortError> {
    let mut url = parse_url(typed)?;
    url.set_query(None);
    url.set_fragment(None);
    let address = url.as_str().trim_end_matches('/');
    let address = address.strip_suffix("/admin").or_else(|| address.strip_suffix("/app")).unwrap_or(address);
    Ok(address.to_owned())
}

/// Tries the key, keeps what is needed later, and gives the settings form.
pub(super) async fn verify(api: &Api, connection: &mut Connection) -> Result<SetupStep, PortError> {
    greeting(api).await?;
    let locations = locations(api).await?;
    let chosen = connection.get("stock_location");
    if !locations.iter().any(|location| location.value == chosen) {
        let first = locations.first().map(|location| location.value.clone());
        connection.set("stock_location", first.unwrap_or_default());
    }
    Ok(settings_step(connection, locations))
}

/// The settings form, also where the shop can't be asked, so that a changed key can be typed.
pub(super) async fn present_settings(api: &Api, connection: &Connection) -> SetupStep {
    let known = connection.get("stock_location").to_owned();
    let only_known = || vec![ConfigOption { label: format!("Location {known}"), value: known.clone() }];
    let locations = locations(api).await.unwrap_or_else(|_| only_known());
    settings_step(connection, locations)
}

async fn locations(api: &Api) -> Result<Vec<ConfigOption>, PortError> {
    let query = [("limit", "200".to_owned()), ("order", "name".to_owned()), ("fields", "id,name".to_owned())];
    let data = api.get(&["stock-locations"], &query).await?;
    let found = rows(&data, "stock_locations")
        .map(|one| ConfigOption { value: text(&one["id"]), label: clean(&text(&one["name"]), 255) });
    Ok(found.filter(|option| !option.value.is_empty()).collect())
}

fn settings_step(connection: &Connection, locations: Vec<ConfigOption>) -> SetupStep {
    let about = "The shop's own location whose stock Consign sets and ships from. Its other locations are left alone.";
    let mut location = field("stock_location", "Stock location", about, FieldKind::List, "Stock");
    connection.get("stock_location").clone_into(&mut location.value);
    location.options = locations;
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

/// Which shop the key opens.
pub(super) async fn greeting(api: &Api) -> Result<String, PortError> {
    let data = api.get(&["stores"], &[("fields", "id,name".to_owned())]).await?;
    let Some(store) = rows(&data, "stores").next() else {
        return Err(PortError::Protocol("the shop's answer names no store".into()));
    };
    Ok(format!("Connected to {}", clean(&text(&store["name"]), 100)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_address_is_that_of_its_server_whatever_page_was_given() {
        for typed in
            [" https://shop.example.com ", "https://shop.example.com/admin/", "https://shop.example.com/app?x=1"]
        {
            assert_eq!(server_address(typed).unwrap(), "https://shop.example.com");
        }
        assert_eq!(server_address("http://127.0.0.1:9000/medusa/").unwrap(), "http://127.0.0.1:9000/medusa");
        assert!(server_address("shop.example.com").is_err());
    }
}
