//! Who acts, and when: the first argument of every use case after the transaction.

use std::fmt;

use consign_values::{ChannelId, Clock, ImportId, RuleId, Timestamp, TokenId, UserId};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Consign itself: allocation, clean-up.
    System,
    /// The command line on the machine.
    CommandLine,
    /// A channel instance's feed.
    Channel(ChannelId),
    /// A file that is taken in.
    Import(ImportId),
    /// A person.
    User(UserId),
    /// A program with a token.
    Token(TokenId),
    /// A version of a rule.
    Rule(RuleId, i64),
}

/// As it is written into history, ledger and provenance: `user 3`. Pages turn it into a name.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::System => f.write_str("system"),
            Actor::CommandLine => f.write_str("command line"),
            Actor::Channel(id) => write!(f, "channel {id}"),
            Actor::Import(id) => write!(f, "import {id}"),
            Actor::User(id) => write!(f, "user {id}"),
            Actor::Token(id) => write!(f, "token {id}"),
            Actor::Rule(id, version) => write!(f, "rule {id} version {version}"),
        }
    }
}

/// The surroundings of a use case.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// Tells the time. Nothing in this crate asks the machine for it.
    pub clock: &'a dyn Clock,
    /// Who acts.
    pub actor: Actor,
}

impl<'a> Ctx<'a> {
    /// Acting as `actor`, by `clock`.
    pub fn new(clock: &'a dyn Clock, actor: Actor) -> Self {
        Ctx { clock, actor }
    }

    /// The same surroundings with somebody else acting.
    pub fn acting_as(self, actor: Actor) -> Self {
        Ctx { actor, ..self }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The actor as it is stored.
    pub fn actor_text(&self) -> String {
        self.actor.to_string()
    }
}
