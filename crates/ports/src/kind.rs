//! A kind of channel: what it can do, how it is set up, what its settings start as.

use std::collections::BTreeMap;

use crate::{BoxFuture, Channel, Hooks, PortError};

/// What a kind can do; a setting that makes no sense for it is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Orders carry a status that must be mapped before anything is downloaded (reference 12.3).
    pub status_mapping: bool,
    /// Unpaid orders can be downloaded, by a switch.
    pub unpaid: bool,
    /// Shipments can be reported.
    pub despatch: bool,
    /// A note may name part of the lines or quantities.
    pub partial_despatch: bool,
    /// Orders can be cancelled from here.
    pub cancel: bool,
    /// Stock can be pushed.
    pub stock: bool,
    /// Prices can be pushed.
    pub prices: bool,
    /// Has warehouses of its own: orders say from which, and each is told its own stock.
    pub locations: bool,
    /// Most notes in one call.
    pub despatch_batch: usize,
    /// Most stock figures in one call.
    pub stock_batch: usize,
    /// Seconds by which a download round overlaps the one before.
    pub overlap_seconds: i64,
}

/// What a channel status means here (reference 12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusTarget {
    /// Not downloaded.
    Unmapped,
    /// Downloaded as paid, if the payment bears it out; else as unpaid.
    Paid,
    /// Downloaded as unpaid and parked, if the switch is on.
    Unpaid,
    /// Not downloaded; regarded as shipped.
    Shipped,
    /// Cancels an order that we have; otherwise ignored.
    Cancelled,
}

/// The mapping that a new instance starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultStatus {
    /// The channel's status code.
    pub code: &'static str,
    /// What it means here.
    pub target: StatusTarget,
}

/// The kind of input for a configuration field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// A web address.
    Url,
    /// Shown as dots, stored encrypted, never shown again.
    Password,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// Yes or no: `True` or `False`.
    Boolean,
    /// One of [`ConfigField::options`].
    List,
    /// Several lines of text.
    LongText,
    /// Only a link to follow (`value` is where to) with its label.
    Link,
}

/// One choice of a list field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConfigOption {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// One field of a set-up form.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConfigField {
    /// Its key in the answers.
    pub id: String,
    /// Its label.
    pub label: String,
    /// A sentence below it; may be empty.
    pub description: String,
    /// Heading that it belongs under; may be empty.
    pub group: String,
    /// Input kind.
    pub kind: FieldKind,
    /// Present or default value; empty for passwords that are set.
    pub value: String,
    /// Choices of a list.
    pub options: Vec<ConfigOption>,
    /// Must have a value.
    pub required: bool,
    /// Shown only.
    pub read_only: bool,
    /// A regular expression (JavaScript's dialect, checked in the browser) and what to say when it doesn't match.
    pub pattern: Option<(String, String)>,
}

/// One step of setting up an instance.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SetupStep {
    /// The step's key, given back with the answers.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What to do, in a sentence or two.
    pub description: String,
    /// The form.
    pub fields: Vec<ConfigField>,
    /// Whether the instance is ready: `fields` are then further settings, not a condition.
    pub done: bool,
}

/// What an instance needs to be connected: names and values, among them secrets. Stored encrypted as a whole.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Connection(pub BTreeMap<String, String>);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Connection {
    /// A value, or an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

/// A kind of channel, such as `vendure`. Its folder in `connectors` bears its code.
pub trait ChannelKind: Send + Sync {
    /// Short lower-case code, stored with each instance and part of URLs.
    fn code(&self) -> &'static str;

    /// What people call it.
    fn label(&self) -> &'static str;

    /// One sentence on what it connects.
    fn summary(&self) -> &'static str;

    /// Its *Rules & guidelines*, *How to add* and *How to configure*, in Markdown.
    fn guide(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The mapping that a new instance starts with; empty for kinds without statuses.
    fn default_statuses(&self) -> &'static [DefaultStatus];

    /// The orders' *source*: upper case, no blanks (reference 1.1). Kinds that carry many brands (`app`) read it off the connection.
    fn source(&self, connection: &Connection) -> String;

    /// The first form when an instance is added, without calling anybody.
    fn first_step(&self) -> SetupStep;

    /// Takes a step's answers, puts what must be kept into `connection`, and gives the next step. `Refused` carries a
    /// sentence to show above the same form. With `step` empty it asks for the settings step of a finished set-up.
    /// Passwords left empty keep their stored value.
    fn set_up<'a>(
        &'a self,
        connection: &'a mut Connection,
        step: &'a str,
        answers: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<SetupStep, PortError>>;

    /// Connects with what set-up has stored. Makes no call yet; fails if something needed is missing.
    fn connect(&self, connection: &Connection) -> Result<Box<dyn Channel>, PortError>;

    /// Tells the channel that the instance is removed. Its failing does not stop the removal.
    fn removed<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), PortError>>;

    /// How its platform tells at once of orders that changed; `None` for kinds that can only be asked.
    fn hooks(&self) -> Option<&dyn Hooks> {
        None
    }
}
