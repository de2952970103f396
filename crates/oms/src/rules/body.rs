//! A rule as it is stored, exchanged and edited: JSON of a tree.
//!
//! Reading it tells only whether it is a tree at all; whether it makes sense is for [`super::compile`] to say.

use consign_values::{LocationId, MarkId};
use serde::{Deserialize, Serialize};

use super::{Field, Operator};

macro_rules! by_code {
    ($($name:ident: $what:literal),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let code = std::borrow::Cow::<'de, str>::deserialize(from)?;
                let unknown = || serde::de::Error::custom(format_args!("there is no {} {code}", $what));
                $name::parse(&code).ok_or_else(unknown)
            }
        }
    )*};
}
by_code!(Field: "field", Operator: "operator");

/// A node's number: unique within its rule, and kept when the node is moved or edited, so that what was decided by it stays named.
pub type NodeId = u32;

/// A rule's tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Tried one after the other; the first that matches is entered.
    pub nodes: Vec<Node>,
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// What people call it; unique among its siblings.
    pub name: String,
    /// A disabled one is passed over with all that is under it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether all tests must hold, or one.
    #[serde(default)]
    pub matching: Match,
    /// Its tests. None at all: it always matches.
    #[serde(default)]
    pub tests: Vec<Test>,
    /// What follows.
    pub then: Then,
}

fn yes() -> bool {
    true
}

/// How the tests of a node are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Every one must hold.
    #[default]
    All,
    /// One must hold.
    Any,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What is looked at.
    pub field: Field,
    /// Which one, for fields with a key: the property's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub values: Vec<String>,
}

/// What follows a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// More branches. If none of them matches, the rule ends without an action (reference 5.3).
    Nodes(Vec<Node>),
    /// These are done, one after the other, and the rule ends.
    Actions(Vec<Action>),
}

/// What a rule does to an order (reference 5.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Move it.
    Location {
        /// Where to.
        location: LocationId,
    },
    /// Set how it is sent.
    Service {
        /// Carrier; blank leaves it.
        #[serde(default)]
        carrier: String,
        /// Postal service.
        service: String,
    },
    /// Tag it.
    Tag {
        /// 0 (none) to 6.
        tag: i64,
    },
    /// Put it aside; it keeps its stock.
    Park {
        /// Why.
        #[serde(default)]
        note: String,
    },
    /// Put it aside; its stock is free for others.
    Lock {
        /// Why.
        #[serde(default)]
        note: String,
    },
    /// Put it into a folder.
    Folder {
        /// Which.
        folder: MarkId,
    },
    /// Give it an identifier.
    Identifier {
        /// Which.
        identifier: MarkId,
    },
    /// Set an extended property; another value of the same name goes.
    Property {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Keep it from being merged by itself.
    BlockMerging {},
    /// Add a note.
    Note {
        /// What it says.
        text: String,
        /// Never for the buyer.
        #[serde(default = "yes")]
        internal: bool,
        /// To be read before the order is processed.
        #[serde(default)]
        processing: bool,
    },
}

impl Test {
    /// In words, for people: `Country is IE`.
    pub fn words(&self) -> String {
        let key = if self.key.is_empty() { String::new() } else { format!(" {}", self.key) };
        let shown: Vec<&str> = self.values.iter().take(5).map(String::as_str).collect();
        let more = if self.values.len() > 5 { format!(" and {} more", self.values.len() - 5) } else { String::new() };
        format!("{}{key} {} {}{more}", self.field.label(), self.operator.words(), shown.join(", "))
    }
}

impl Body {
    /// Every node, each before those under it.
    pub fn walk(&self) -> impl Iterator<Item = &Node> {
        let mut ahead: Vec<&Node> = self.nodes.iter().rev().collect();
        std::iter::from_fn(move || {
            let node = ahead.pop()?;
            if let Then::Nodes(under) = &node.then {
                ahead.extend(under.iter().rev());
            }
            Some(node)
        })
    }
}
