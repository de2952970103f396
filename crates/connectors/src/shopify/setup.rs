//! The forms of a Shopify shop, and what is looked up while it is set up.

use std::collections::BTreeMap;

use consign_ports::{ConfigField, ConfigOption, Connection, FieldKind, PortError, SetupStep};
use consign_values::clean;
use serde_json::{Value, json};

use super::api::Api;
use super::documents;
use crate::http::parse_url;

const ACCOUNT: &str = "account";
const SETTINGS: &str = "settings";
const KEYS: [&str; 11] = [
    "url",
    "client_id",
    "stock_location",
    "use_locations",
    "download_pos",
    "hold_risk",
    "release_tag",
    "authorised_is_paid",
    "trusted_methods",
    "notify_buyer",
    "refund_on_cancel",
];
const SECRETS: [&str; 2] = ["access_token", "client_secret"];

/// What the app must be allowed to do; of each group one is enough.
const SCOPES: [&[&str]; 5] = [
    &["write_orders"],
    &[
        "write_merchant_managed_fulfillment_orders",
        "write_assigned_fulfillment_orders",
        "write_third_party_fulfillment_orders",
    ],
    &["write_products"],
    &["write_inventory"],
    &["read_locations", "write_locations"],
];

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
    let secret = |key: &str, otherwise: &str| {
        let known = !connection.get(key).is_empty();
        if known { "Leave empty to keep the present one.".to_owned() } else { otherwise.to_owned() }
    };
    let mut fields = vec![
        field("url", "Shop", "The shop's own name at Shopify, such as example.myshopify.com.", FieldKind::Text, true),
        field("client_id", "Client ID", "Of an app made in Shopify's developer dashboard.", FieldKind::Text, false),
        field(
            "client_secret",
            "Client secret",
            &secret("client_secret", "Shopify gives a new token for it each day."),
            FieldKind::Password,
            false,
        ),
        field(
            "access_token",
            "Or an access token",
            &secret("access_token", "Only for apps made in the shop's own admin; begins with shpat_."),
            FieldKind::Password,
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
        title: "Connect a Shopify shop".to_owned(),
        description: "Give the client ID and secret of an app that is installed in the shop, or an access token."
            .to_owned(),
        fields: account_fields(connection),
        done: false,
    }
}

/// Puts what was typed into the connection. A secret left empty stays; a new client secret puts an old token aside.
pub(super) fn take_answers(connection: &mut Connection, answers: &BTreeMap<String, String>) -> Result<(), PortError> {
    for key in KEYS {
        if let Some(answer) = answers.get(key) {
            connection.set(key, answer.trim());
        }
    }
    let typed = |key: &str| answers.get(key).map(|secret| secret.trim()).filter(|secret| !secret.is_empty());
    if typed("client_secret").is_some() && typed("access_token").is_none() {
        connection.set("access_token", "");
    }
    for key in SECRETS {
        if let Some(secret) = typed(key) {
            connection.set(key, secret);
        }
    }
    if connection.get("url").is_empty() {
        return Err(PortError::Refused("Shop must not be empty".into()));
    }
    let has_app = ["client_id", "client_secret"].iter().all(|key| !connection.get(key).is_empty());
    if connection.get("access_token").is_empty() && !has_app {
        return Err(PortError::Refused("give a client ID and a client secret, or an access token".into()));
    }
    connection.set("url", shop_address(connection.get("url"))?);
    for (key, value) in [
        ("use_locations", "False"),
        ("download_pos", "False"),
        ("hold_risk", "high"),
        ("release_tag", "consign-release"),
        ("authorised_is_paid", "False"),
        ("notify_buyer", "True"),
        ("refund_on_cancel", "False"),
    ] {
        if connection.get(key).is_empty() {
            connection.set(key, value);
        }
    }
    Ok(())
}

/// The shop's address at Shopify, from its name, its domain, or the address of its admin.
fn shop_address(typed: &str) -> Result<String, PortError> {
    let typed = typed.trim();
    let in_admin = typed.split_once("admin.shopify.com/store/").and_then(|(_, rest)| rest.split('/').next());
    let typed = typed.trim_end_matches('/');
    if let Some(name) = in_admin.or(Some(typed).filter(|name| !name.contains(['.', '/', ':']))) {
        let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let refused = || PortError::Refused(format!("{:?} is not the name of a shop", clean(name, 100)));
        return if fits { Ok(format!("https://{}.myshopify.com", name.to_ascii_lowercase())) } else { Err(refused()) };
    }
    let url = parse_url(&if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") })?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or("")))
}

/// Asks who we are, checks the scopes, keeps the stock location, and gives the settings form.
pub(super) async fn verify(api: &Api, connection: &mut Connection) -> Result<SetupStep, PortError> {
    let who = api.data(documents::WHO, json!({})).await?;
    greeting(&who)?;
    let locations = locations(&who);
    let chosen = connection.get("stock_location");
    if !locations.iter().any(|location| location.value == chosen) {
        let first = locations.first().map(|location| location.value.clone());
        connection.set("stock_location", first.unwrap_or_default());
    }
    Ok(settings_step(connection, locations))
}

/// The settings form, also where Shopify can't be asked, so that changed credentials can be typed.
pub(super) async fn present_settings(api: &Api, connection: &Connection) -> SetupStep {
    let known = connection.get("stock_location").to_owned();
    let only_known = || vec![ConfigOption { label: format!("Location {known}"), value: known.clone() }];
    let locations = api.data(documents::WHO, json!({})).await.map_or_else(|_| only_known(), |who| locations(&who));
    settings_step(connection, locations)
}

pub(super) fn locations(who: &Value) -> Vec<ConfigOption> {
    let text = |value: &Value| clean(value.as_str().unwrap_or(""), 255);
    let nodes = who["locations"]["nodes"].as_array().into_iter().flatten();
    let options = nodes.map(|node| ConfigOption { value: text(&node["id"]), label: text(&node["name"]) });
    options.filter(|option| !option.value.is_empty()).collect()
}

fn settings_step(connection: &Connection, locations: Vec<ConfigOption>) -> SetupStep {
    let option = |value: &str, label: &str| ConfigOption { value: value.to_owned(), label: label.to_owned() };
    let switch = |id, label, description| field(id, label, description, FieldKind::Boolean, false);
    let mut location = field(
        "stock_location",
        "Stock location",
        "The shop's location whose available stock Consign sets. Its other locations are left alone.",
        FieldKind::List,
        true,
    );
    location.options = locations;
    let mut risk = field(
        "hold_risk",
        "Hold back for fraud",
        "Held orders count as unpaid until Shopify's advice changes or the order bears the tag below.",
        FieldKind::List,
        true,
    );
    risk.options = vec![
        option("high", "high risk, or Shopify recommends to cancel"),
        option("medium", "also medium risk, or Shopify recommends to investigate"),
        option("never", "no order"),
    ];
    let mut fields = Vec::new();
    for (group, list) in [
        (
            "Stock",
            vec![
                location,
                switch(
                    "use_locations",
                    "Use the shop's locations",
                    "Orders land where the location that Shopify assigned is mapped to, and each may be told its own stock: see Warehouses on the channel's page. One more call for each order.",
                ),
            ],
        ),
        (
            "Orders",
            vec![
                switch("download_pos", "Download orders of the till", "Orders taken with Shopify POS."),
                risk,
                field(
                    "release_tag",
                    "Tag that lets an order through",
                    "Set on the order in Shopify.",
                    FieldKind::Text,
                    true,
                ),
                switch("authorised_is_paid", "Authorised counts as paid", "For shops that capture when they ship."),
                field(
                    "trusted_methods",
                    "Methods that count as paid",
                    "Names of payment methods whose pending orders are sent, by commas, such as Cash on Delivery (COD).",
                    FieldKind::Text,
                    false,
                ),
            ],
        ),
        (
            "Despatch",
            vec![
                switch("notify_buyer", "Let Shopify tell the buyer", "Of shipments and of cancellations."),
                switch("refund_on_cancel", "Refund when cancelling", "In full, to where the money came from."),
            ],
        ),
    ] {
        for mut field in list {
            group.clone_into(&mut field.group);
            connection.get(&field.id).clone_into(&mut field.value);
            fields.push(field);
        }
    }
    fields.extend(account_fields(connection));
    SetupStep {
        name: SETTINGS.to_owned(),
        title: "Settings of the shop".to_owned(),
        description: String::new(),
        fields,
        done: true,
    }
}

/// Which shop answers; `Unauthorised` if a scope is lacking.
pub(super) fn greeting(who: &Value) -> Result<String, PortError> {
    let scopes = who["currentAppInstallation"]["accessScopes"].as_array().into_iter().flatten();
    let held: Vec<&str> = scopes.filter_map(|scope| scope["handle"].as_str()).collect();
    if let Some(group) = SCOPES.iter().find(|group| !group.iter().any(|one| held.contains(one))) {
        return Err(PortError::Unauthorised(format!("the app lacks the scope {}", group[0])));
    }
    let text = |key: &str| clean(who["shop"][key].as_str().unwrap_or(""), 100);
    Ok(format!("Connected to {} ({})", text("name"), text("myshopifyDomain")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_found_by_its_name_its_domain_or_its_admin() {
        for typed in [
            "Example",
            "example.myshopify.com",
            "https://example.myshopify.com/admin/products",
            "https://admin.shopify.com/store/example/settings",
        ] {
            assert_eq!(shop_address(typed).unwrap(), "https://example.myshopify.com", "{typed}");
        }
        assert_eq!(shop_address("http://127.0.0.1:4020/").unwrap(), "http://127.0.0.1:4020");
        for typed in ["two words", "https://admin.shopify.com/store/", "ftp://example.com"] {
            assert!(shop_address(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn an_app_without_a_needed_scope_is_told_which() {
        let who = |scopes: &[&str]| {
            let scopes: Vec<Value> = scopes.iter().map(|scope| json!({ "handle": scope })).collect();
            json!({ "shop": { "name": "Example", "myshopifyDomain": "example.myshopify.com" },
                    "currentAppInstallation": { "accessScopes": scopes } })
        };
        let all = [
            "write_orders",
            "write_merchant_managed_fulfillment_orders",
            "write_products",
            "write_inventory",
            "read_locations",
        ];
        assert_eq!(greeting(&who(&all)).unwrap(), "Connected to Example (example.myshopify.com)");
        let error = greeting(&who(&all[1..])).unwrap_err();
        assert_eq!(error, PortError::Unauthorised("the app lacks the scope write_orders".into()));
        assert!(greeting(&json!({})).is_err());
    }
}
