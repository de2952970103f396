//! The forms of an Amazon account, and what is looked up while it is set up.

use std::collections::BTreeMap;

use consign_ports::{ConfigField, ConfigOption, Connection, FieldKind, PortError, SetupStep};
use consign_values::clean;

use super::api::{Api, Request};
use super::limits::Operation;
use super::marketplaces::{Marketplace, by_id, meant};

const ACCOUNT: &str = "account";
const SETTINGS: &str = "settings";

const REGIONS: [(&str, &str); 6] = [
    ("eu", "Europe, Middle East, India"),
    ("na", "North and South America"),
    ("fe", "Far East, Australia"),
    ("sandbox-eu", "Amazon's sandbox, Europe"),
    ("sandbox-na", "Amazon's sandbox, America"),
    ("sandbox-fe", "Amazon's sandbox, Far East"),
];

const FULFILMENTS: [(&str, &str); 2] = [
    ("MERCHANT", "Orders that we ship (others are ignored)"),
    ("AMAZON", "Orders that Amazon ships (FBA), for a location of their own"),
];

/// A marketplace that the seller takes part in.
pub(super) struct Participation {
    /// The marketplace.
    pub market: &'static Marketplace,
    /// What Amazon calls it.
    pub name: String,
}

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

fn list(mut field: ConfigField, options: &[(&str, &str)]) -> ConfigField {
    field.kind = FieldKind::List;
    field.options = options
        .iter()
        .map(|(value, label)| ConfigOption { value: (*value).to_owned(), label: (*label).to_owned() })
        .collect();
    field.value = options.first().map_or("", |(value, _)| value).to_owned();
    field
}

fn fields(connection: &Connection) -> Vec<ConfigField> {
    let (account, orders) = ("Account", "Orders");
    let keep = "Leave empty to keep the present one.";
    let mut seller = field(
        "seller_id",
        "Merchant token",
        "The seller's id, in Seller Central under Account info, such as A2EXAMPLE1234.",
        FieldKind::Text,
        account,
    );
    seller.pattern = Some(("[A-Z0-9]{6,20}".to_owned(), "capital letters and digits".to_owned()));
    let mut fields = vec![
        list(field("region", "Region", "", FieldKind::List, account), &REGIONS),
        seller,
        field("client_id", "LWA client id", "Of your application, in Seller Central.", FieldKind::Text, account),
        field("client_secret", "LWA client secret", "", FieldKind::Password, account),
        field(
            "refresh_token",
            "Refresh token",
            "Made when the seller authorises the application; begins with Atzr.",
            FieldKind::Password,
            account,
        ),
        field(
            "marketplaces",
            "Marketplaces",
            "Country codes with commas between, such as GB, DE; empty for all that the seller takes part in.",
            FieldKind::Text,
            orders,
        ),
        list(field("fulfilled_by", "Which orders", "", FieldKind::List, orders), &FULFILMENTS),
        field(
            "personal_data",
            "Ask for buyer and address",
            "Needs the application's role Direct-to-Consumer Delivery.",
            FieldKind::Boolean,
            orders,
        ),
    ];
    for field in &mut fields {
        let present = connection.get(&field.id);
        match field.kind {
            FieldKind::Password if !present.is_empty() => {
                field.required = false;
                field.description = format!("{} {keep}", field.description).trim().to_owned();
            }
            FieldKind::Password => {}
            FieldKind::Boolean => field.value = if present == "False" { "False" } else { "True" }.to_owned(),
            _ if !present.is_empty() => present.clone_into(&mut field.value),
            _ => {}
        }
        if field.id == "marketplaces" {
            field.required = false;
            field.value = countries(present);
        }
        if field.kind == FieldKind::Boolean {
            field.required = false;
        }
    }
    fields
}

/// Ids of marketplaces as their countries.
fn countries(ids: &str) -> String {
    let codes: Vec<&str> = ids.split(',').filter_map(by_id).map(|market| market.country).collect();
    codes.join(", ")
}

/// The first form.
pub(super) fn account_step(connection: &Connection) -> SetupStep {
    SetupStep {
        name: ACCOUNT.to_owned(),
        title: "Connect an Amazon account".to_owned(),
        description: "Consign signs in as your own application, which you authorise in Seller Central.".to_owned(),
        fields: fields(connection),
        done: false,
    }
}

/// The form of a finished set-up.
pub(super) fn settings_step(connection: &Connection) -> SetupStep {
    SetupStep {
        name: SETTINGS.to_owned(),
        title: "Settings of the account".to_owned(),
        description: String::new(),
        fields: fields(connection),
        done: true,
    }
}

/// Puts what was typed into the connection. Secrets left empty stay.
pub(super) fn take_answers(connection: &mut Connection, answers: &BTreeMap<String, String>) -> Result<(), PortError> {
    let refused = |why: String| Err(PortError::Refused(why));
    for key in ["region", "seller_id", "client_id", "fulfilled_by"] {
        if let Some(answer) = answers.get(key) {
            connection.set(key, answer.trim());
        }
    }
    for key in ["client_secret", "refresh_token"] {
        if let Some(secret) = answers.get(key).filter(|secret| !secret.trim().is_empty()) {
            connection.set(key, secret.trim());
        }
    }
    if let Some(answer) = answers.get("personal_data") {
        connection.set("personal_data", if answer == "True" { "True" } else { "False" });
    }
    for (key, label) in [
        ("seller_id", "Merchant token"),
        ("client_id", "LWA client id"),
        ("client_secret", "LWA client secret"),
        ("refresh_token", "Refresh token"),
    ] {
        if connection.get(key).is_empty() {
            return refused(format!("{label} must not be empty"));
        }
    }
    for (key, label, options) in
        [("region", "Region", &REGIONS[..]), ("fulfilled_by", "Which orders", &FULFILMENTS[..])]
    {
        if connection.get(key).is_empty() {
            connection.set(key, options[0].0);
        }
        if !options.iter().any(|(value, _)| *value == connection.get(key)) {
            return refused(format!("{label} must be one of the list"));
        }
    }
    if let Some(answer) = answers.get("marketplaces") {
        let ids = chosen(answer, connection.get("region"))?;
        connection.set("marketplaces", ids.join(","));
    }
    Ok(())
}

/// Ids of the marketplaces that were typed; empty if none were.
fn chosen(answer: &str, region: &str) -> Result<Vec<&'static str>, PortError> {
    let region = region.trim_start_matches("sandbox-");
    let mut ids = Vec::new();
    for word in answer.split([',', ';', ' ']).filter(|word| !word.is_empty()) {
        let word = clean(word, 20);
        let Some(market) = meant(&word) else {
            return Err(PortError::Refused(format!("Marketplaces: {word:?} is no country with an Amazon marketplace")));
        };
        if market.region != region {
            return Err(PortError::Refused(format!("Marketplaces: {word} belongs to another region")));
        }
        if !ids.contains(&market.id) {
            ids.push(market.id);
        }
    }
    if ids.len() > 20 {
        return Err(PortError::Refused("Marketplaces: at most 20".into()));
    }
    Ok(ids)
}

/// The marketplaces that the seller takes part in, as far as they are known.
pub(super) async fn participations(api: &Api) -> Result<Vec<Participation>, PortError> {
    let request = Request::get(Operation::Participations, "/sellers/v1/marketplaceParticipations".to_owned());
    let answer = api.call(request).await?.into_answer()?.json()?;
    let rows = answer["payload"]
        .as_array()
        .ok_or_else(|| PortError::Protocol("the answer has no list of marketplaces".into()))?;
    let row = |row: &serde_json::Value| {
        let market = by_id(row["marketplace"]["id"].as_str()?)?;
        let takes_part = row["participation"]["isParticipating"].as_bool().unwrap_or(true);
        let name = clean(row["marketplace"]["name"].as_str().unwrap_or(market.country), 64);
        takes_part.then_some(Participation { market, name })
    };
    Ok(rows.iter().filter_map(row).collect())
}

/// Signs in and sees that the seller takes part in the marketplaces; where none were named, takes all of the region.
pub(super) async fn verify(api: &Api, connection: &mut Connection) -> Result<(), PortError> {
    let places = participations(api).await?;
    if connection.get("marketplaces").is_empty() {
        let region = connection.get("region").trim_start_matches("sandbox-");
        let here = places.iter().filter(|place| place.market.region == region);
        let ids: Vec<&str> = here.map(|place| place.market.id).collect();
        if ids.is_empty() {
            return Err(PortError::Refused("the seller takes part in no marketplace of this region".into()));
        }
        connection.set("marketplaces", ids.join(","));
    }
    let ids: Vec<String> = connection.get("marketplaces").split(',').map(str::to_owned).collect();
    greeting(&places, &ids).map(drop).map_err(|error| PortError::Refused(error.to_string()))
}

/// Which marketplaces we are connected to; `Unauthorised` if the seller doesn't take part in one of them.
pub(super) fn greeting(places: &[Participation], ids: &[String]) -> Result<String, PortError> {
    let mut names = Vec::new();
    for id in ids {
        match places.iter().find(|place| place.market.id == id) {
            Some(place) => names.push(place.name.as_str()),
            None => {
                let country = by_id(id).map_or(id.as_str(), |market| market.country);
                return Err(PortError::Unauthorised(format!(
                    "the seller doesn't take part in the marketplace {country}"
                )));
            }
        }
    }
    Ok(format!("Connected to {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marketplaces_are_typed_as_countries_or_ids_of_the_region() {
        assert_eq!(chosen("gb, DE;UK", "eu").unwrap(), ["A1F83G8C2ARO7P", "A1PA6795UKMFR9"]);
        assert_eq!(chosen("ATVPDKIKX0DER", "sandbox-na").unwrap(), ["ATVPDKIKX0DER"]);
        assert!(chosen(" ", "eu").unwrap().is_empty());
        assert!(chosen("US", "eu").unwrap_err().to_string().contains("another region"));
        assert!(chosen("Narnia", "eu").unwrap_err().to_string().contains("Narnia"));
        assert_eq!(countries("A1F83G8C2ARO7P,A1PA6795UKMFR9"), "GB, DE");
    }

    #[test]
    fn secrets_are_never_shown_again_and_stay_when_left_empty() {
        let mut connection = Connection::default();
        let answers = |secret: &str| {
            [("seller_id", "A1"), ("client_id", "c"), ("client_secret", secret), ("refresh_token", secret)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into()
        };
        assert!(take_answers(&mut connection, &answers("")).is_err());
        take_answers(&mut connection, &answers("hush")).unwrap();
        take_answers(&mut connection, &answers(" ")).unwrap();
        assert_eq!((connection.get("client_secret"), connection.get("refresh_token")), ("hush", "hush"));
        assert_eq!((connection.get("region"), connection.get("fulfilled_by")), ("eu", "MERCHANT"));
        let step = settings_step(&connection);
        assert!(step.done && step.fields.iter().all(|field| !field.value.contains("hush")));
    }
}
