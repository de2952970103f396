//! The forms of a WooCommerce shop, and what is looked up while it is set up.

use std::collections::BTreeMap;

use consign_ports::{ConfigField, ConfigOption, Connection, FieldKind, PortError, SetupStep};
use consign_values::clean;
use serde_json::{Value, json};

use super::api::Api;
use crate::http::parse_url;
use crate::loose::scalar;

const ACCOUNT: &str = "account";
const SETTINGS: &str = "settings";
const KEYS: [&str; 7] =
    ["url", "consumer_key", "fulfil_by", "shipped_status", "tell_buyer", "tracking_meta", "trusted_methods"];

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
    let known = !connection.get("consumer_secret").is_empty();
    let keep = if known { "Leave empty to keep the present one." } else { "Begins with cs_." };
    let mut fields = vec![
        field(
            "url",
            "Shop address",
            "As in WordPress's settings, such as https://shop.example.com.",
            FieldKind::Url,
            true,
        ),
        field(
            "consumer_key",
            "Consumer key",
            "Begins with ck_. Its permission must be Read/Write.",
            FieldKind::Text,
            true,
        ),
        field("consumer_secret", "Consumer secret", keep, FieldKind::Password, !known),
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
        title: "Connect a WooCommerce shop".to_owned(),
        description: "Make a REST API key in the shop under WooCommerce, Settings, Advanced.".to_owned(),
        fields: account_fields(connection),
        done: false,
    }
}

/// Puts what was typed into the connection. A secret left empty stays.
pub(super) fn take_answers(connection: &mut Connection, answers: &BTreeMap<String, String>) -> Result<(), PortError> {
    for key in KEYS {
        if let Some(answer) = answers.get(key) {
            connection.set(key, answer.trim());
        }
    }
    if let Some(secret) = answers.get("consumer_secret").filter(|secret| !secret.trim().is_empty()) {
        connection.set("consumer_secret", secret.trim());
    }
    for (key, label) in
        [("url", "Shop address"), ("consumer_key", "Consumer key"), ("consumer_secret", "Consumer secret")]
    {
        if connection.get(key).is_empty() {
            return Err(PortError::Refused(format!("{label} must not be empty")));
        }
    }
    connection.set("url", site_address(connection.get("url"))?);
    for (key, value) in
        [("fulfil_by", "status"), ("shipped_status", "completed"), ("tell_buyer", "True"), ("tracking_meta", "True")]
    {
        if connection.get(key).is_empty() {
            connection.set(key, value);
        }
    }
    if !connection.0.contains_key("trusted_methods") {
        connection.set("trusted_methods", "cod");
    }
    Ok(())
}

/// The site's address: what is typed, without the API's own path.
fn site_address(typed: &str) -> Result<String, PortError> {
    let mut url = parse_url(typed)?;
    url.set_query(None);
    url.set_fragment(None);
    let text = url.as_str();
    let site = text.split("/wp-json").next().unwrap_or(text);
    Ok(site.trim_end_matches('/').to_owned())
}

/// Checks that the keys read and write, and gives the settings form.
pub(super) async fn verify(api: &Api, connection: &Connection) -> Result<SetupStep, PortError> {
    greeting(api).await?;
    Ok(settings_step(connection, statuses(api).await?))
}

/// The settings form, also where the shop can't be asked, so that changed keys can be typed.
pub(super) async fn present_settings(api: &Api, connection: &Connection) -> SetupStep {
    let known = connection.get("shipped_status").to_owned();
    let statuses = statuses(api).await.unwrap_or_else(|_| vec![(known.clone(), known)]);
    settings_step(connection, statuses)
}

/// Who answers, once orders can be read and the key is seen to write.
pub(super) async fn greeting(api: &Api) -> Result<String, PortError> {
    let params = [("per_page", "1".to_owned()), ("_fields", "id".to_owned())];
    let answer = api.get("orders", &params).await?;
    if !answer.json()?.is_array() {
        return Err(PortError::Protocol("the shop's answer on orders is no list".into()));
    }
    let count = answer.headers.get("x-wp-total").and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    // A batch of nothing changes nothing, and a key that may only read is refused before its body is looked at.
    let written = api.post("products/batch", &json!({ "update": [] })).await;
    if let Err(error @ (PortError::Unauthorised(_) | PortError::Retry { .. })) = written {
        return Err(error);
    }
    let orders = if count.is_empty() { String::new() } else { format!(", which has {} orders", clean(&count, 20)) };
    Ok(format!("Connected to {}{orders}", clean(api.site(), 100)))
}

/// The shop's order statuses, those of plug-ins among them: slug and name.
pub(super) async fn statuses(api: &Api) -> Result<Vec<(String, String)>, PortError> {
    let rows = api.list("orders/statuses", &[]).await?;
    let text = |value: &Value| clean(&scalar(value).unwrap_or_default(), 100);
    let pairs = rows.iter().map(|row| (text(&row["slug"]), text(&row["name"])));
    Ok(pairs.filter(|(slug, _)| !slug.is_empty() && slug != "checkout-draft").collect())
}

fn settings_step(connection: &Connection, statuses: Vec<(String, String)>) -> SetupStep {
    let option = |value: &str, label: &str| ConfigOption { value: value.to_owned(), label: label.to_owned() };
    let mut fulfil_by = field(
        "fulfil_by",
        "Tell of parcels by",
        "Fulfilments need a shop that has WooCommerce's fulfilments feature switched on.",
        FieldKind::List,
        true,
    );
    fulfil_by.options = vec![
        option("status", "the order's status"),
        option("fulfilments", "fulfilments, and the order's status once all is shipped"),
    ];
    let mut shipped = field(
        "shipped_status",
        "Status of shipped orders",
        "Set when the last unit has been despatched.",
        FieldKind::List,
        true,
    );
    shipped.options = statuses.iter().map(|(slug, name)| option(slug, name)).collect();
    let mut despatch = vec![
        fulfil_by,
        shipped,
        field(
            "tell_buyer",
            "Send the buyer a note",
            "An order note with carrier and tracking number, which the shop sends by e-mail.",
            FieldKind::Boolean,
            false,
        ),
        field(
            "tracking_meta",
            "Write tracking for plug-ins",
            "Carrier and number where Shipment Tracking and its kin look for them.",
            FieldKind::Boolean,
            false,
        ),
    ];
    for field in &mut despatch {
        "Despatch".clone_into(&mut field.group);
    }
    let mut trusted = field(
        "trusted_methods",
        "Methods that count as paid",
        "Codes of payment methods whose orders are sent before the money is there, by commas, such as cod.",
        FieldKind::Text,
        false,
    );
    "Payment".clone_into(&mut trusted.group);
    despatch.push(trusted);
    for field in &mut despatch {
        connection.get(&field.id).clone_into(&mut field.value);
    }
    despatch.extend(account_fields(connection));
    SetupStep {
        name: SETTINGS.to_owned(),
        title: "Settings of the shop".to_owned(),
        description: String::new(),
        fields: despatch,
        done: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_address_is_cut_before_the_path_of_its_api() {
        assert_eq!(site_address(" https://shop.example.com/ ").unwrap(), "https://shop.example.com");
        let typed = "http://127.0.0.1:3180/shop/wp-json/wc/v3/?x=1#y";
        assert_eq!(site_address(typed).unwrap(), "http://127.0.0.1:3180/shop");
        assert!(site_address("shop.example.com").is_err());
    }
}
