//! Setting a channel app up: the manifest or usual paths, the first form, and the app's own wizard as set-up steps.
//!
//! Pure: the calls are in `mod.rs`. The wizard's items are kept as the app sent them and echoed back whole, with only
//! `SelectedValue` changed, always as text; the form shows what of them a person can fill in.

use std::collections::BTreeMap;

use consign_ports::{ConfigField, ConfigOption, Connection, FieldKind, PortError, SetupStep};
use consign_values::clean;
use serde_json::{Map, Value};

use super::api::Object;
use crate::http::parse_url;
use crate::loose::{find, scalar};

/// Name of the first form; no app calls a step so.
pub(super) const CONNECT: &str = "$connect";
/// The app's name for "finished".
pub(super) const FINISHED: &str = "UserConfig";

/// The endpoints that Consign calls, by their manifest names, with the paths that apps usually give them.
pub(super) const ENDPOINTS: [(&str, &str); 12] = [
    ("AddNewUserEndpoint", "/api/Config/AddNewUser"),
    ("UserConfigEndpoint", "/api/Config/UserConfig"),
    ("SaveConfigEndpoint", "/api/Config/SaveUserConfig"),
    ("ShippingTagsEndpoint", "/api/Config/ShippingTags"),
    ("PaymentTagsEndpoint", "/api/Config/PaymentTags"),
    ("ConfigDeletedEndpoint", "/api/Config/ConfigDeleted"),
    ("ConfigTestEndpoint", "/api/Config/ConfigTest"),
    ("OrdersEndpoint", "/api/Order/Orders"),
    ("DespatchEndpoint", "/api/Order/Despatch"),
    ("ProductsEndpoint", "/api/Product/Products"),
    ("InventoryUpdateEndpoint", "/api/Product/InventoryUpdate"),
    ("PriceUpdateEndpoint", "/api/Product/PriceUpdate"),
];
/// Optional, a later addition to the protocol.
pub(super) const CANCEL: (&str, &str) = ("CancelEndpoint", "/api/processedorders/cancel");
/// Without these an app can't be used.
const REQUIRED: [&str; 3] = ["AddNewUserEndpoint", "UserConfigEndpoint", "OrdersEndpoint"];

const TEXT_MAX: usize = 1_000;

fn field(id: &str, label: &str, description: &str, kind: FieldKind) -> ConfigField {
    ConfigField {
        id: id.to_owned(),
        label: label.to_owned(),
        description: description.to_owned(),
        group: String::new(),
        kind,
        value: String::new(),
        options: Vec::new(),
        required: false,
        read_only: false,
        pattern: None,
    }
}

/// The first form.
pub(super) fn connect_step() -> SetupStep {
    let mut fields = vec![
        field(
            "manifest",
            "Manifest",
            "The app's manifest: its web address, or the JSON itself. Leave empty if you have only a base address.",
            FieldKind::LongText,
        ),
        field(
            "base_url",
            "Base address",
            "Where the app answers, if you have no manifest: the usual paths are added.",
            FieldKind::Url,
        ),
        field(
            "channel_name",
            "Channel name",
            "Shown as the orders' source. Taken from the manifest if empty.",
            FieldKind::Text,
        ),
        field(
            "email",
            "E-mail address",
            "Told to the app, so that its maker knows whose account it is.",
            FieldKind::Text,
        ),
        field("account_name", "Account name", "Tells several accounts of the same channel apart.", FieldKind::Text),
        field("oauth_client_id", "Client id", "Only for apps that ask for client credentials.", FieldKind::Text),
        field(
            "oauth_client_secret",
            "Client secret",
            "Only for apps that ask for client credentials.",
            FieldKind::Password,
        ),
    ];
    for field in &mut fields {
        field.required = matches!(field.id.as_str(), "email" | "account_name");
        field.group = if field.id.starts_with("oauth_") { "Client credentials" } else { "" }.to_owned();
    }
    SetupStep {
        name: CONNECT.to_owned(),
        title: "Connect a channel app".to_owned(),
        description: "Consign introduces itself to the app, and the app then asks for what it needs.".to_owned(),
        fields,
        done: false,
    }
}

/// What the manifest or the base address say of an app.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    parameters: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest; the module may lie in any wrapping.
    pub fn parse(text: &str) -> Result<Self, PortError> {
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| PortError::Refused(format!("the manifest is not JSON (line {})", error.line())))?;
        let list = parameters(&value, 0)
            .ok_or_else(|| PortError::Refused("the manifest has no \"parameters\" with an OrdersEndpoint".into()))?;
        let manifest = Manifest { parameters: list };
        for name in REQUIRED {
            if manifest.get(name).is_empty() {
                return Err(PortError::Refused(format!("the manifest has no {name}")));
            }
        }
        Ok(manifest)
    }

    /// The usual paths below an address.
    pub fn of_base(base: &str) -> Result<Self, PortError> {
        let base = parse_url(base)?;
        let base = format!("{}{}", base.origin().ascii_serialization(), base.path().trim_end_matches('/'));
        let parameters = ENDPOINTS
            .iter()
            .chain([&CANCEL])
            .map(|(name, path)| ((*name).to_owned(), format!("{base}{path}")))
            .collect();
        Ok(Manifest { parameters })
    }

    fn get(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// Puts what later calls need into the connection. Every endpoint must be a web address.
    pub fn store(&self, connection: &mut Connection) -> Result<(), PortError> {
        for (name, _) in ENDPOINTS.iter().chain([&CANCEL]) {
            let url = self.get(name);
            if !url.is_empty() {
                parse_url(url)?;
            }
            connection.set(&format!("endpoint.{name}"), url);
        }
        let oauth = self.get("OAuthAuthorizationEndpoint");
        if !oauth.is_empty() {
            parse_url(oauth)?;
        }
        connection.set("oauth_endpoint", oauth);
        connection.set("oauth_scopes", self.get("OAuthScopesRequested"));
        connection.set("friendly_name", clean(self.get("ChannelFriendlyName"), 255));
        connection.set("despatch_batch", self.get("DespatchUpdateBatchSize"));
        connection.set("stock_batch", self.get("InventoryUpdateBatchSize"));
        connection.set("price_batch", self.get("PriceUpdateBatchSize"));
        if connection.get("channel_name").is_empty() {
            connection.set("channel_name", source_name(self.get("ChannelName")));
        }
        Ok(())
    }
}

/// The name-value list of the first object that has one naming an OrdersEndpoint.
fn parameters(value: &Value, depth: usize) -> Option<BTreeMap<String, String>> {
    if depth > 8 {
        return None;
    }
    match value {
        Value::Array(list) => list.iter().find_map(|entry| parameters(entry, depth + 1)),
        Value::Object(map) => {
            let pair = |entry: &Value| {
                let entry = entry.as_object()?;
                Some((
                    scalar(find(entry, "name")?)?,
                    find(entry, "value").and_then(scalar).unwrap_or_default().trim().to_owned(),
                ))
            };
            find(map, "parameters")
                .and_then(Value::as_array)
                .map(|list| list.iter().filter_map(pair).collect::<BTreeMap<_, _>>())
                .filter(|pairs| pairs.keys().any(|key| key.eq_ignore_ascii_case("OrdersEndpoint")))
                .or_else(|| map.values().find_map(|entry| parameters(entry, depth + 1)))
        }
        _ => None,
    }
}

/// Upper case without blanks, as the orders' source must be (reference 1.1).
pub(super) fn source_name(text: &str) -> String {
    clean(text, 64).to_uppercase().split_whitespace().collect::<Vec<_>>().join("_")
}

/// A step of the app's wizard as the app answered it, kept in the connection until the answers come.
#[derive(Debug)]
pub(super) struct WizardStep {
    /// The app's name of the step.
    pub name: String,
    title: String,
    description: String,
    items: Vec<Object>,
}

impl WizardStep {
    /// From an answer of UserConfig or SaveConfig. An app without a wizard answers an empty object: it is finished.
    pub fn of_answer(answer: &Object) -> Self {
        let text = |key: &str| find(answer, key).and_then(scalar).unwrap_or_default();
        let items = find(answer, "ConfigItems").and_then(Value::as_array).map_or(Vec::new(), |items| {
            items.iter().filter_map(|item| item.as_object().filter(|item| !item_id(item).is_empty()).cloned()).collect()
        });
        let name = text("StepName");
        WizardStep {
            name: if name.trim().is_empty() { FINISHED.to_owned() } else { name },
            title: clean(&text("WizardStepTitle"), TEXT_MAX),
            description: clean(&text("WizardStepDescription"), TEXT_MAX),
            items,
        }
    }

    /// As kept by [`WizardStep::store`].
    pub fn stored(connection: &Connection) -> Self {
        WizardStep {
            name: connection.get("step").to_owned(),
            title: String::new(),
            description: String::new(),
            items: serde_json::from_str(connection.get("items")).unwrap_or_default(),
        }
    }

    /// Keeps what the next SaveConfig has to echo.
    pub fn store(&self, connection: &mut Connection) {
        connection.set("step", self.name.clone());
        let items = self.items.iter().cloned().map(Value::Object).collect();
        connection.set("items", Value::Array(items).to_string());
    }

    /// Whether the app has all it needs.
    pub fn is_finished(&self) -> bool {
        self.name.eq_ignore_ascii_case(FINISHED)
    }

    /// The form.
    pub fn form(&self) -> SetupStep {
        let mut fields: Vec<(i64, ConfigField)> = self
            .items
            .iter()
            .filter(|item| !flag(item, "HidesHeaderAttribute"))
            .map(|item| (text(item, "SortOrder").trim().parse().unwrap_or(0), config_field(item)))
            .collect();
        fields.sort_by_key(|(order, _)| *order);
        SetupStep {
            name: self.name.clone(),
            title: if self.title.is_empty() { "Settings of the app".to_owned() } else { self.title.clone() },
            description: self.description.clone(),
            fields: fields.into_iter().map(|(_, field)| field).collect(),
            done: self.is_finished(),
        }
    }

    /// The items to send back: as they came, with the answers as their `SelectedValue`.
    pub fn answered(&self, answers: &BTreeMap<String, String>) -> Result<Vec<Value>, PortError> {
        self.items.iter().map(|item| answered_item(item, answers).map(Value::Object)).collect()
    }
}

fn answered_item(item: &Object, answers: &BTreeMap<String, String>) -> Result<Object, PortError> {
    let field = config_field(item);
    let mut item = item.clone();
    if field.read_only || field.kind == FieldKind::Link || flag(&item, "HidesHeaderAttribute") {
        return Ok(item);
    }
    let refused = |why: &str| Err(PortError::Refused(format!("{}: {why}", field.label)));
    let kept = text(&item, "SelectedValue");
    let value = match answers.get(&field.id).map(|answer| answer.trim()) {
        Some("") if field.kind == FieldKind::Password => kept,
        Some(answer) => match field.kind {
            FieldKind::Boolean => truth(answer).to_owned(),
            FieldKind::Integer if !answer.is_empty() && answer.parse::<i64>().is_err() => {
                return refused("must be a whole number");
            }
            FieldKind::Decimal if !answer.is_empty() && answer.parse::<rust_decimal::Decimal>().is_err() => {
                return refused("must be a number");
            }
            FieldKind::List if !answer.is_empty() && !field.options.iter().any(|option| option.value == answer) => {
                return refused("must be one of the choices");
            }
            _ => answer.to_owned(),
        },
        // A box that isn't ticked isn't sent by a browser.
        None if field.kind == FieldKind::Boolean && !answers.is_empty() => "False".to_owned(),
        None => kept,
    };
    if field.required && value.is_empty() {
        return refused("must have a value");
    }
    let key = item.keys().find(|key| key.eq_ignore_ascii_case("SelectedValue")).cloned();
    item.insert(key.unwrap_or_else(|| "SelectedValue".to_owned()), Value::String(value));
    Ok(item)
}

fn truth(answer: &str) -> &'static str {
    if matches!(answer.to_ascii_lowercase().as_str(), "true" | "1" | "on" | "yes") { "True" } else { "False" }
}

fn text(item: &Map<String, Value>, key: &str) -> String {
    find(item, key).and_then(scalar).unwrap_or_default()
}

fn flag(item: &Object, key: &str) -> bool {
    truth(text(item, key).trim()) == "True"
}

fn item_id(item: &Object) -> String {
    text(item, "ConfigItemId")
}

/// `ValueType` by name or ordinal.
fn field_kind(item: &Object) -> FieldKind {
    match text(item, "ValueType").trim().to_ascii_uppercase().as_str() {
        "1" | "INT" => FieldKind::Integer,
        "2" | "DOUBLE" => FieldKind::Decimal,
        "3" | "BOOLEAN" => FieldKind::Boolean,
        "4" | "PASSWORD" => FieldKind::Password,
        "5" | "LIST" => FieldKind::List,
        "6" | "URL" | "7" | "BUTTON" => FieldKind::Link,
        _ => FieldKind::Text,
    }
}

fn config_field(item: &Object) -> ConfigField {
    let (name, description) = (clean(&text(item, "Name"), TEXT_MAX), clean(&text(item, "Description"), TEXT_MAX));
    let value = text(item, "SelectedValue");
    let mut made = field(&item_id(item), &name, &description, field_kind(item));
    made.group = clean(&text(item, "GroupName"), TEXT_MAX);
    made.required = flag(item, "MustBeSpecified");
    made.read_only = flag(item, "ReadOnly");
    match made.kind {
        FieldKind::Link => {
            // URL: `Name` is the link and `Description` its text. BUTTON: `Name` is the text, the link the value.
            let is_url = matches!(text(item, "ValueType").trim().to_ascii_uppercase().as_str(), "6" | "URL");
            let link = if is_url { name } else { value };
            if is_url {
                made.label = if description.is_empty() { link.clone() } else { description };
                made.description = String::new();
            }
            if parse_url(&link).is_ok() {
                made.value = link;
            } else {
                (made.kind, made.read_only, made.value) = (FieldKind::Text, true, clean(&link, TEXT_MAX));
            }
            made.required = false;
            return made;
        }
        FieldKind::Password => made.required = made.required && value.is_empty(),
        FieldKind::Boolean => made.value = truth(value.trim()).to_owned(),
        _ => made.value = value,
    }
    if made.label.is_empty() {
        made.label.clone_from(&made.id);
    }
    let pattern = text(item, "RegExValidation");
    if !pattern.is_empty() {
        let error = clean(&text(item, "RegExError"), TEXT_MAX);
        made.pattern = Some((pattern, if error.is_empty() { "is not as the app wants it".to_owned() } else { error }));
    }
    if let Some(choices) = find(item, "ListValues").and_then(Value::as_array) {
        made.options = choices
            .iter()
            .filter_map(Value::as_object)
            .map(|choice| {
                let (value, label) = (text(choice, "Value"), text(choice, "Display"));
                ConfigOption { label: clean(if label.is_empty() { &value } else { &label }, TEXT_MAX), value }
            })
            .collect();
    }
    made
}
